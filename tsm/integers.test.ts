import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../bytes/writer.ts';
import { packedSizeBytes, packInt32, unpackInt32 } from './bit-packing.ts';
import { cursorOf } from './cursor.ts';
import { decodeHuffman, encodeHuffman } from './huffman.ts';
import { decodeIntegers, encodeIntegers, MAX_INTEGER } from './integers.ts';
import { decodePacked, encodePacked } from './packed-blocks.ts';
import { bestRice, decodeRice, encodeRice } from './rice.ts';

function check(numbers: number[] | Float64Array): void {
  const m = Float64Array.from(numbers, (v) => v + 0);
  for (const cold of [false, true]) {
    const w = new ByteWriter();
    encodeIntegers(w, m, m.length, cold);
    const c = cursorOf(w.take());
    const out = new Float64Array(m.length);
    decodeIntegers(c, m.length, out);
    expect(c.at).toBe(c.end);
    expect(Buffer.compare(Buffer.from(out.buffer), Buffer.from(m.buffer))).toBe(0);
  }
}

describe('integer streams', () => {
  it('return any integers', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.maxSafeInteger().map((v) => v % MAX_INTEGER),
          { maxLength: 600 },
        ),
        check,
      ),
      { numRuns: 150 },
    );
  });

  it('return small integers, which favour other coders', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 2000 }), check), { numRuns: 150 });
  });

  it('return every width of values and deltas', () => {
    for (let bits = 0; bits <= 50; bits++) {
      const top = 2 ** bits;
      check([0, top, -top, top - 1, 1 - top]);
      check(Float64Array.from({ length: 300 }, (_, i) => Math.floor(top * ((i * 0.618) % 1))));
      check(Float64Array.from({ length: 300 }, (_, i) => (i % 17 === 0 ? top : i % 5)));
    }
  });

  it('return the shapes that each order and coder is for', () => {
    check(new Float64Array(1000).fill(-42));
    check([7]);
    check([]);
    check(Float64Array.from({ length: 5000 }, (_, i) => 1e10 * i));
    check(Float64Array.from({ length: 5000 }, (_, i) => Math.floor(i / 250) * 1000));
    check(Float64Array.from({ length: 3000 }, (_, i) => (i % 24) ** 3));
    check(Float64Array.from({ length: 900 }, (_, i) => i * i));
    check([0, 0, 0, 0, 0, 0, MAX_INTEGER, -MAX_INTEGER]);
  });

  it('store regular times in a few bytes', () => {
    const w = new ByteWriter();
    encodeIntegers(
      w,
      Float64Array.from({ length: 8640 }, (_, i) => i * 1e10),
      8640,
      false,
    );
    expect(w.length).toBeLessThan(8);
  });
});

describe('bit packing', () => {
  it('returns every width at every length up to two words', () => {
    for (let width = 0; width <= 32; width++) {
      for (let n = 1; n <= 65; n++) {
        const z = Int32Array.from({ length: n }, (_, i) =>
          width === 0 ? 0 : (Math.imul(i + 1, 0x9e3779b1) >>> (32 - width)) | 0,
        );
        const w = new ByteWriter();
        packInt32(w, z, 0, n, width);
        expect(w.length).toBe(packedSizeBytes(n, width));
        const c = cursorOf(w.take());
        const out = new Int32Array(n + 3);
        unpackInt32(c.view, 0, n, width, out, 3);
        expect(out.subarray(3)).toEqual(z);
      }
    }
  });

  it('patches exceptions of any size', () => {
    for (const extreme of [2 ** 20, 2 ** 33, 2 ** 52]) {
      const z = Float64Array.from({ length: 700 }, (_, i) => (i % 97 === 3 ? extreme + i : i % 4));
      const w = new ByteWriter();
      encodePacked(w, z, z.length);
      expect(w.length).toBeLessThan(400);
      const out = new Float64Array(z.length);
      decodePacked(cursorOf(w.take()), z.length, out);
      expect(out).toEqual(z);
    }
  });
});

describe('Rice codes', () => {
  it('return an escaped value that begins with ones at a byte boundary', () => {
    const z = Float64Array.of(0, 0, 0, 0, 0, 0, 0, 2 ** 53 - 1);
    const w = new ByteWriter();
    encodeRice(w, z, z.length, 0);
    const out = new Float64Array(z.length);
    decodeRice(cursorOf(w.take()), z.length, out, 0);
    expect(out).toEqual(z);
    const aligned = z.subarray(7);
    const other = new ByteWriter();
    encodeRice(other, aligned, 1, 39);
    decodeRice(cursorOf(other.take()), 1, out, 39);
    expect(out[0]).toBe(2 ** 53 - 1);
  });

  it('return any integers under their best parameter, escapes included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(20), fc.nat(), fc.maxSafeInteger().map(Math.abs)), { minLength: 1, maxLength: 200 }),
        (numbers) => {
          const z = Float64Array.from(numbers);
          const { k, bits } = bestRice(z, z.length);
          const w = new ByteWriter();
          encodeRice(w, z, z.length, k);
          expect(w.length).toBe(Math.ceil(bits / 8));
          const out = new Float64Array(z.length);
          decodeRice(cursorOf(w.take()), z.length, out, k);
          expect(out).toEqual(z);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('Huffman codes', () => {
  function roundTrip(data: Uint8Array): number {
    const counts = new Int32Array(256);
    for (const b of data) counts[b]++;
    const w = new ByteWriter();
    encodeHuffman(w, data, data.length, counts, Math.max(...data) + 1);
    const size = w.length;
    w.u8(0xa5);
    const c = cursorOf(w.take());
    const out = new Uint8Array(data.length + 8);
    decodeHuffman(c, data.length, new DataView(out.buffer));
    expect(Buffer.compare(out.subarray(0, data.length), data)).toBe(0);
    // The decoder stops exactly where the code ends, so that something may follow.
    expect(c.bytes[c.at]).toBe(0xa5);
    return size;
  }

  it('return any bytes and end where they end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (data) => void roundTrip(data)),
      {
        numRuns: 150,
      },
    );
  });

  it('keep to their longest code when counts grow like Fibonacci numbers', () => {
    const data: number[] = [];
    let a = 1;
    let b = 1;
    for (let s = 0; s < 22; s++) {
      for (let i = 0; i < a; i++) data.push(s);
      [a, b] = [b, a + b];
    }
    roundTrip(Uint8Array.from(data));
  });

  it('come near the entropy of a skewed alphabet', () => {
    const data = Uint8Array.from({ length: 20000 }, (_, i) => 31 - Math.clz32(1 + (Math.imul(i, 0x9e3779b1) >>> 20)));
    expect(roundTrip(data)).toBeLessThan(20000 * 0.27);
  });

  it('return a single symbol', () => {
    roundTrip(new Uint8Array(1000).fill(200));
  });
});
