import { expect, test } from 'vitest';
import { Random } from '../../bytes/random.ts';
import { decodeXorChunk, encodeXorChunk, SAMPLES_PER_CHUNK } from './xor-chunk.ts';

function encode(timesMs: number[], values: Float64Array): Uint8Array {
  return encodeXorChunk(Float64Array.from(timesMs), new Uint32Array(values.buffer), 0, timesMs.length).slice();
}

function check(timesMs: number[], values: Float64Array): void {
  const decoded = decodeXorChunk(encode(timesMs, values));
  expect([...decoded.timesMs]).toEqual(timesMs);
  expect([...new Uint32Array(decoded.values.buffer)]).toEqual([...new Uint32Array(values.buffer)]);
}

/** A column from 64-bit patterns. */
function ofBits(...patterns: bigint[]): Float64Array {
  return new Float64Array(BigUint64Array.from(patterns).buffer);
}

test('one sample is its count, its time and its bits', () => {
  // Time 1 is zigzag 2; 1.0 is 0x3ff0….
  expect(encode([1], Float64Array.of(1))).toEqual(Uint8Array.of(0, 1, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0));
});

test('the second sample has its delta in whole bytes, and an equal value is one bit', () => {
  const chunk = encode([1000, 1015, 1030], Float64Array.of(2, 2, 2));
  // 1000 → zigzag 2000 = d0 0f; then delta 15, and the bits 0 (same value), 0 (same delta), 0 (same value).
  expect(chunk).toEqual(Uint8Array.of(0, 3, 0xd0, 0x0f, 0x40, 0, 0, 0, 0, 0, 0, 0, 15, 0));
});

test('a value that differs by its sign bit alone takes one significant bit', () => {
  const chunk = encode([0, 1], Float64Array.of(1, -1));
  // 11, leading 00000, length 000001, the bit 1, padding.
  expect(chunk.subarray(-2)).toEqual(Uint8Array.of(0b1100_0000, 0b0000_1100));
});

test('deltas at the edges of every bucket', () => {
  for (const edge of [8191, 8192, 65535, 65536, 524287, 524288, 2 ** 31, 2 ** 40]) {
    for (const dod of [edge - 1, edge, edge + 1, -edge + 1, -edge, -edge - 1]) {
      const delta = 2 ** 41;
      check([-5, delta - 5, delta - 5 + delta + dod, 3 * delta + 2 * dod], Float64Array.of(1, 2, 3, 4));
    }
  }
});

test('stale markers and other NaN payloads keep every bit', () => {
  check(
    [1, 2, 3, 4, 5, 6],
    ofBits(0x7ff0000000000002n, 0x7ff8000000000001n, 0xfff8dead0000beefn, 0x7ff0000000000002n, 0n, 0x8000000000000000n),
  );
});

test('a difference in all 64 bits has length 0 on the wire', () => {
  check([1, 2, 3], ofBits(0n, 0xffffffffffffffffn, 0x0000000000000001n));
});

test('random chunks come back as they were', () => {
  const seed = Number(process.env.VARVE_SEED ?? Date.now() % 1e9);
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  for (let round = 0; round < 400; round++) {
    const count = 1 + random.below(SAMPLES_PER_CHUNK);
    const values = new Float64Array(count);
    const words = new Uint32Array(values.buffer);
    const times: number[] = [];
    const jitter = random.pick([0, 3, 20_000, 100_000, 2 ** 33]);
    const step = random.pick([1, 15_000, 60_000]);
    let time = random.pick([-1e12, 0, 1.6e12]) + random.below(1000);
    for (let i = 0; i < count; i++) {
      times.push(time);
      time += step + (jitter === 0 ? 0 : Math.floor(random.unit() * jitter));
      const kind = random.below(5);
      if (kind === 0) values[i] = random.below(100);
      else if (kind === 1) values[i] = random.unit() * 1e6;
      else if (kind === 2 && i > 0) {
        words[2 * i] = words[2 * i - 2];
        words[2 * i + 1] = words[2 * i - 1];
      } else {
        words[2 * i] = random.u32();
        words[2 * i + 1] = random.u32();
      }
    }
    check(times, values);
  }
});

test('a chunk that is cut short is an error, not zeros', () => {
  const chunk = encode([1, 2, 3], Float64Array.of(1, 2.5, 7.25));
  expect(() => decodeXorChunk(chunk.subarray(0, chunk.length - 2))).toThrow(RangeError);
});
