import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { BOOLEAN, type FieldType, FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { createCompression, decodeBatch, encodeBatch, type RowShape } from './batch-codec.ts';

/** A value before it is put into a batch: bits of a float, an integer, a boolean or a string. */
type Value = bigint | boolean | string;
interface Row {
  series: number;
  shape: number;
  sec: number;
  nano: number;
  values: Value[];
}

const doubles = new Float64Array(1);
const doubleBits = new BigUint64Array(doubles.buffer);

function bitsOf(v: number): bigint {
  doubles[0] = v;
  return doubleBits[0];
}

/** Puts rows into a batch as a parser does. */
function batchOf(rows: Row[], shapes: RowShape[]): Batch {
  const batch = new Batch();
  for (const row of rows) {
    const { types, width } = shapes[row.shape];
    batch.reserve(width);
    const r = batch.rows++;
    batch.series[r] = row.series;
    batch.shape[r] = row.shape;
    batch.sec[r] = row.sec;
    batch.nano[r] = row.nano;
    batch.valueStart[r] = batch.valueCount;
    for (let c = 0; c < width; c++) putValue(batch, batch.valueCount++, types[c], row.values[c]);
  }
  return batch;
}

function putValue(batch: Batch, i: number, type: number, value: Value): void {
  if (type === FLOAT) {
    batch.bits[2 * i] = Number((value as bigint) & 0xffffffffn);
    batch.bits[2 * i + 1] = Number((value as bigint) >> 32n);
  } else if (type === BOOLEAN) {
    batch.values[i] = value ? 1 : 0;
  } else if (type === STRING) {
    const bytes = Buffer.from(value as string);
    batch.setBox(i, BOX_STRING, batch.addString(bytes, 0, bytes.length));
  } else {
    const integer = value as bigint;
    if (integer >= -(2n ** 53n) && integer <= 2n ** 53n) batch.values[i] = Number(integer);
    else batch.setBox(i, BOX_WIDE, batch.addWide(integer));
  }
}

/** Reads rows back out of a batch. */
function rowsOf(batch: Batch, shapes: RowShape[]): Row[] {
  const rows: Row[] = [];
  for (let r = 0; r < batch.rows; r++) {
    const shape = batch.shape[r];
    const values = [...shapes[shape].types].map((type, c) => getValue(batch, batch.valueStart[r] + c, type));
    rows.push({ series: batch.series[r], shape, sec: batch.sec[r], nano: batch.nano[r], values });
  }
  return rows;
}

function getValue(batch: Batch, i: number, type: number): Value {
  const low = batch.bits[2 * i];
  const high = batch.bits[2 * i + 1];
  if (type === FLOAT) return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  if (type === BOOLEAN) return batch.values[i] === 1;
  if (type === STRING) {
    expect(high).toBe(BOX_STRING);
    return Buffer.from(batch.strings.subarray(batch.stringOffsets[low], batch.stringOffsets[low + 1])).toString();
  }
  if (!Number.isNaN(batch.values[i])) return BigInt(batch.values[i]);
  expect(high).toBe(BOX_WIDE);
  return type === UNSIGNED ? BigInt.asUintN(64, batch.wide[low]) : batch.wide[low];
}

/** Encodes and decodes; returns what came back and the size. */
function roundTrip(rows: Row[], shapes: RowShape[], lz4 = false): { rows: Row[]; bytes: number } {
  const out = new ByteWriter(16);
  encodeBatch(batchOf(rows, shapes), shapes, out, lz4 ? createCompression() : null);
  // A dirty batch, as the replay reuses one.
  const into = batchOf([{ series: 1, shape: 0, sec: 1, nano: 1, values: [1n] }], [shapeOf([FLOAT])]);
  decodeBatch(out.view8(), shapes, into);
  return { rows: rowsOf(into, shapes), bytes: out.length };
}

function shapeOf(types: FieldType[]): RowShape {
  return { width: types.length, types: new Uint8Array(types) };
}

const STALE_MARKER = 0x7ff0000000000002n;

const anyFloat = fc.oneof(
  fc.double().map(bitsOf),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.integer({ min: -300, max: 300 }).map(bitsOf),
  fc.maxSafeInteger().map(bitsOf),
  fc.float().map(bitsOf),
  fc.tuple(fc.integer(), fc.integer({ min: 0, max: 8 })).map(([m, e]) => bitsOf(m / 10 ** e)),
  fc.constantFrom(0n, bitsOf(-0), STALE_MARKER, bitsOf(Number.NaN), bitsOf(5e-324), bitsOf(Number.MAX_VALUE)),
  fc.constantFrom(BigInt(BOX_WIDE) << 32n, BigInt(BOX_STRING) << 32n, bitsOf(2 ** 52), bitsOf(-(2 ** 53))),
);
const anyValue: Record<FieldType, fc.Arbitrary<Value>> = {
  [FLOAT]: anyFloat,
  [INTEGER]: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer({ min: -20, max: 200 }).map(BigInt),
    fc.constantFrom(
      -(2n ** 63n),
      2n ** 63n - 1n,
      2n ** 53n,
      2n ** 53n + 1n,
      -(2n ** 53n) - 1n,
      2n ** 52n,
      -(2n ** 52n),
    ),
  ),
  [UNSIGNED]: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(2n ** 64n - 1n, 0n, 2n ** 63n)),
  [BOOLEAN]: fc.boolean(),
  [STRING]: fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ minLength: 120, maxLength: 400 })),
};

/** Seconds of an i64 in ns, with those at the ends and near each other. */
const anySecond = fc.oneof(
  fc.integer({ min: -9_223_372_036, max: 9_223_372_035 }),
  fc.integer({ min: 1_700_000_000, max: 1_700_000_100 }),
  fc.constantFrom(-9_223_372_037, 9_223_372_036, 0, -1, 4_000_000, 8_000_001),
);
const anyNano = fc.oneof(
  fc.integer({ min: 0, max: 999_999_999 }),
  fc.integer({ min: 0, max: 999 }).map((ms) => ms * 1_000_000),
  fc.constantFrom(0, 0, 0, 999_999_999, 500_000),
);

const anyBatch = fc
  .array(
    fc.array(fc.constantFrom<FieldType>(FLOAT, INTEGER, UNSIGNED, BOOLEAN, STRING), { minLength: 1, maxLength: 6 }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .chain((types) =>
    fc.record({
      shapes: fc.constant(types.map(shapeOf)),
      rows: fc.array(
        fc.integer({ min: 0, max: types.length - 1 }).chain((shape) =>
          fc.record({
            series: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
            shape: fc.constant(shape),
            sec: anySecond,
            nano: anyNano,
            values: fc.tuple(...types[shape].map((type) => anyValue[type])) as fc.Arbitrary<Value[]>,
          }),
        ),
        { maxLength: 40 },
      ),
    }),
  );

test('every batch comes back, bit by bit', () => {
  fc.assert(
    fc.property(anyBatch, fc.boolean(), ({ shapes, rows }, lz4) => {
      expect(roundTrip(rows, shapes, lz4).rows).toEqual(rows);
    }),
    { numRuns: 1500 },
  );
});

test('every float comes back, bit by bit', () => {
  fc.assert(
    fc.property(fc.array(anyFloat, { minLength: 1, maxLength: 200 }), (values) => {
      const rows = values.map((value) => ({ series: 1, shape: 0, sec: 0, nano: 0, values: [value] }));
      expect(roundTrip(rows, [shapeOf([FLOAT])]).rows).toEqual(rows);
    }),
    { numRuns: 1500 },
  );
});

test('a batch cut short, or read with other shapes, is an error and never other data', () => {
  fc.assert(
    fc.property(anyBatch, fc.double({ min: 0, max: 1, noNaN: true }), ({ shapes, rows }, part) => {
      const out = new ByteWriter(16);
      encodeBatch(batchOf(rows, shapes), shapes, out, null);
      const cut = out.view8().subarray(0, Math.floor(part * (out.length - 1)));
      expect(() => decodeBatch(cut, shapes, new Batch())).toThrow('cannot decode a batch');
      if (rows.length > 0) expect(() => decodeBatch(out.view8(), [], new Batch())).toThrow('is not defined');
    }),
    { numRuns: 300 },
  );
});

test('a batch may lie anywhere in the writer, and rows may have gaps between their values', () => {
  const shapes = [shapeOf([FLOAT, FLOAT])];
  const batch = batchOf([{ series: 3, shape: 0, sec: 7, nano: 0, values: [bitsOf(1), bitsOf(2.5)] }], shapes);
  batch.values.set([9, 9, 1, 2.5]);
  batch.valueStart[0] = 2;
  const out = new ByteWriter(16);
  out.text('in front');
  const start = out.length;
  encodeBatch(batch, shapes, out, null);
  const into = new Batch();
  decodeBatch(out.view8().subarray(start), shapes, into);
  expect([...into.values.subarray(0, 2)]).toEqual([1, 2.5]);
});

test('small integers take a byte, decimals and widened floats less than eight', () => {
  const sizeOf = (next: (i: number) => number): number => {
    const values = (r: number) => Array.from({ length: 10 }, (_, c) => bitsOf(next(10 * r + c)));
    const rows = Array.from({ length: 500 }, (_, r) => ({ series: r, shape: 0, sec: 1e9, nano: 0, values: values(r) }));
    return roundTrip(rows, [shapeOf(new Array(10).fill(FLOAT))]).bytes / 5000;
  };
  expect(sizeOf((i) => i % 101)).toBeLessThan(1.2);
  expect(sizeOf((i) => i / 100)).toBeLessThan(3.2);
  expect(sizeOf((i) => Math.fround(i * 1.1))).toBeLessThan(5.2);
  expect(sizeOf((i) => Math.sqrt(i + 1))).toBeLessThan(9.2);
});

test('LZ4 is taken when it pays, and tried less often while it does not', () => {
  const strings = Array.from({ length: 200 }, (_, r) => ({
    series: r,
    shape: 0,
    sec: r,
    nano: 0,
    values: [`the same text again and again, number ${r % 7}`],
  }));
  const shapes = [shapeOf([STRING])];
  expect(roundTrip(strings, shapes, true).bytes).toBeLessThan(roundTrip(strings, shapes).bytes / 3);
  const noise = Array.from({ length: 200 }, (_, r) => ({
    series: r,
    shape: 0,
    sec: r,
    nano: 0,
    values: [bitsOf(Math.sqrt(r + 2))],
  }));
  const state = createCompression();
  const batch = batchOf(noise, [shapeOf([FLOAT])]);
  let pauses = 0;
  for (let i = 0; i < 300; i++) {
    if (state.pause > 0) pauses++;
    encodeBatch(batch, [shapeOf([FLOAT])], new ByteWriter(), state);
  }
  expect(pauses).toBeGreaterThan(285);
});
