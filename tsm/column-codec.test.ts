import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Column } from '../batch/column.ts';
import { BOOLEAN, type FieldType, FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { decodeColumn, encodeColumn } from './column-codec.ts';
import { cursorOf } from './cursor.ts';
import { randomColumn, randomOf, SPECIAL_BITS, valueText } from './random-rows.ts';

/** Both encodings return the column bit by bit; returns the cold size. */
function check(column: Column): number {
  let size = 0;
  for (const cold of [false, true]) {
    const w = new ByteWriter();
    encodeColumn(w, column, cold);
    size = w.length;
    const c = cursorOf(w.take());
    const back = decodeColumn(c, column.rows, column.type);
    expect(c.at).toBe(c.end);
    for (let i = 0; i < column.rows; i++) {
      const isPresent = column.present === null || column.present[i] === 1;
      expect(back.present === null || back.present[i] === 1).toBe(isPresent);
      if (isPresent && valueText(back, i) !== valueText(column, i)) {
        expect.fail(`row ${i} is ${valueText(back, i)} instead of ${valueText(column, i)}, cold ${cold}`);
      }
    }
  }
  return size;
}

function floatsOf(values: Float64Array | number[]): Column {
  const array = values instanceof Float64Array ? values : Float64Array.from(values);
  return {
    type: FLOAT,
    rows: array.length,
    values: array,
    wide: null,
    stringOffsets: null,
    stringBytes: null,
    present: null,
  };
}

function fromBits(bits: bigint[]): Column {
  return floatsOf(new Float64Array(BigUint64Array.from(bits).buffer));
}

describe('float columns', () => {
  it('keep every bit pattern', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { minLength: 1, maxLength: 300 }),
        (bits) => void check(fromBits(bits)),
      ),
      {
        numRuns: 60,
      },
    );
  });

  it('keep NaN payloads, -0, infinities and denormals, alone and among decimals', () => {
    for (const bits of SPECIAL_BITS) {
      check(fromBits([bits]));
      check(fromBits(new Array(300).fill(bits)));
      const values = Float64Array.from({ length: 400 }, (_, i) => Math.round(i * 1.7) / 10);
      new BigUint64Array(values.buffer)[0] = bits;
      new BigUint64Array(values.buffer)[200] = bits;
      new BigUint64Array(values.buffer)[399] = bits;
      check(floatsOf(values));
    }
  });

  it('keep decimals of every number of digits', () => {
    const random = randomOf(3);
    for (let e = 0; e <= 17; e++) {
      check(floatsOf(Float64Array.from({ length: 300 }, () => Number((random() * 100 - 50).toFixed(e)))));
      check(floatsOf(Float64Array.from({ length: 300 }, () => Math.fround(Number((random() * 100 - 50).toFixed(e))))));
    }
  });

  it('keep numbers from one to a few units in the last place off a float32', () => {
    const random = randomOf(4);
    const values = Float64Array.from({ length: 500 }, () => Math.fround(Math.round(random() * 1e5) / 1000));
    const words = new BigInt64Array(values.buffer);
    for (let i = 0; i < 500; i++) words[i] += BigInt(Math.floor(random() * 24) - 12);
    check(floatsOf(values));
  });

  it('store two-digit decimals as small integers', () => {
    const random = randomOf(5);
    expect(check(floatsOf(Float64Array.from({ length: 4096 }, () => Math.round(random() * 100) / 100)))).toBeLessThan(
      4096,
    );
  });

  it('store widened float32 decimals as integers', () => {
    const random = randomOf(6);
    const values = Float64Array.from({ length: 4096 }, () => Math.fround(Math.round(random() * 1000) / 1000));
    expect(check(floatsOf(values))).toBeLessThan(4096 * 1.4);
  });

  it("store a device's quantum as its multiples", () => {
    const random = randomOf(7);
    const values = Float64Array.from({ length: 24 }, () => Math.round(Math.round(random() * 30) * 66.977) / 1000);
    // 24 values of 5 bits, where plain decimals take 11.
    expect(check(floatsOf(values))).toBeLessThan(26);
  });

  it('store multiples that do not go through zero, and means of two multiples', () => {
    const random = randomOf(10);
    const step = 439.46;
    const shifted = Float64Array.from({ length: 24 }, () => Math.round(18.3 + Math.round(random() * 40) * step) / 1000);
    expect(check(floatsOf(shifted))).toBeLessThan(34);
    const meanOf = (): number =>
      (Math.round(Math.round(random() * 40) * step) + Math.round(Math.round(random() * 40) * step)) / 2;
    check(floatsOf(Float64Array.from({ length: 24 }, () => meanOf() / 1000)));
    for (let seed = 1; seed < 200; seed++) {
      const dice = randomOf(seed);
      const q = 3 + dice() * 300;
      const base = (dice() - 0.5) * 1000;
      const rows = 5 + Math.floor(dice() * 60);
      const wobble = dice() < 0.5 ? 2 : 0;
      check(
        floatsOf(
          Float64Array.from(
            { length: rows },
            () => (Math.round(base + Math.round(dice() * 50) * q) + Math.floor(dice() * wobble)) / 100 + 0,
          ),
        ),
      );
    }
  });

  it('fall back to float32 patterns at half the size', () => {
    const random = randomOf(8);
    expect(check(floatsOf(Float64Array.from({ length: 2048 }, () => Math.fround(random()))))).toBeLessThan(2048 * 4.1);
  });
});

describe('integer columns', () => {
  it('keep the full range of i64 and u64', () => {
    const edges = [0n, 1n, -1n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n) - 1n];
    const wideOf = (wide: bigint[], type: FieldType): Column => ({
      type,
      rows: wide.length,
      values: new Float64Array(0),
      wide: BigInt64Array.from(wide),
      stringOffsets: null,
      stringBytes: null,
      present: null,
    });
    for (const edge of edges) check(wideOf([edge], INTEGER));
    check(wideOf(edges, UNSIGNED));
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { minLength: 1, maxLength: 300 }),
        (wide) => void check(wideOf(wide, INTEGER)),
      ),
      { numRuns: 60 },
    );
    // A nanosecond counter has small differences: far below eight bytes each.
    const counter = Array.from({ length: 1024 }, (_, i) => 1_700_000_000_000_000_000n + BigInt(i * 1000 + (i % 7)));
    expect(check(wideOf(counter, INTEGER))).toBeLessThan(1024 * 2);
  });

  it('keep doubles up to 2^53', () => {
    const values = Float64Array.of(2 ** 53, -(2 ** 53), 2 ** 53 - 1, 2 ** 50, 2 ** 50 + 1, 0);
    check({ ...floatsOf(values), type: INTEGER });
  });
});

describe('other columns', () => {
  it('keep booleans at a bit each', () => {
    const random = randomOf(9);
    const values = Float64Array.from({ length: 4096 }, () => (random() < 0.5 ? 1 : 0));
    expect(check({ ...floatsOf(values), type: BOOLEAN })).toBeLessThan(4096 / 8 + 64);
  });

  it('keep random columns of every type, sparse or not', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = randomOf(seed);
      const type = Math.floor(random() * 5) as FieldType;
      const column = randomColumn(random, type, 1 + Math.floor(random() ** 3 * 600), random() < 0.4);
      try {
        check(column);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });

  it('keep strings of any content', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 1, maxLength: 100 }),
        (texts) => {
          const bytes = texts.map((text) => Buffer.from(text));
          const stringOffsets = new Int32Array(texts.length + 1);
          bytes.forEach((b, i) => {
            stringOffsets[i + 1] = stringOffsets[i] + b.length;
          });
          check({
            ...floatsOf([]),
            type: STRING,
            rows: texts.length,
            stringOffsets,
            stringBytes: Buffer.concat(bytes),
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
