/** Unpacking beside the snappy library, and damage of every kind. */
import snappy from 'snappy';
import { describe, expect, test } from 'vitest';
import { newRandom } from './random.ts';
import { snappyLength, unpackSnappy } from './snappy-block.ts';

const MIB = 1 << 20;

function roundTrip(bytes: Uint8Array): void {
  const block = snappy.compressSync(Buffer.from(bytes));
  expect(Buffer.compare(unpackSnappy(block, MIB), bytes)).toBe(0);
}

describe('unpackSnappy', () => {
  test('undoes what the library packs: nothing, one byte, runs, text, noise, and mixtures of them', () => {
    const random = newRandom('snappy-block', 1);
    roundTrip(new Uint8Array(0));
    roundTrip(new Uint8Array([7]));
    for (const period of [1, 2, 3, 7, 19, 20, 21, 63, 64, 65, 300, 3000]) {
      roundTrip(Uint8Array.from({ length: 10_000 }, (_, i) => (i % period) * 7));
    }
    roundTrip(Uint8Array.from({ length: 70_000 }, () => random.below(256)));
    for (let round = 0; round < 200; round++) {
      const words = Array.from(
        { length: 1 + random.below(40) },
        () => 'x'.repeat(random.below(90)) + random.below(1000),
      );
      const text = Array.from({ length: 1 + random.below(400) }, () => words[random.below(words.length)]).join(',');
      roundTrip(Buffer.from(text));
    }
  });

  test('reads literals and copies of every width', () => {
    const long = new Uint8Array(300).fill(9);
    // A length of 300 in two bytes (tag 61), then a copy by a four-byte offset, then one by a one-byte offset.
    const block = Uint8Array.from([
      0xb4,
      0x02,
      61 << 2,
      0x2b,
      0x01,
      ...long,
      (3 << 2) | 3,
      44,
      1,
      0,
      0,
      (0 << 2) | 1,
      1,
    ]);
    expect(unpackSnappy(block, MIB)).toEqual(new Uint8Array(308).fill(9));
  });

  test('refuses damage with what it is, and never reads or writes beyond either end', () => {
    const bytes = Buffer.from('abcdefgh'.repeat(500) + Math.PI);
    const block = snappy.compressSync(bytes);
    for (let cut = 0; cut < block.length; cut++)
      expect(() => unpackSnappy(block.subarray(0, cut), MIB)).toThrow('cannot');
    for (const wrong of [
      [4, (3 << 2) | 2, 1, 0],
      [4, 0, 65, (2 << 2) | 2, 2, 0],
      [4, 0, 65, (2 << 2) | 2, 0, 0],
      [1, 0],
      [1, 0, 65, 66],
      [2, 0, 65],
      [200, 0, 65],
      [0x80, 0x80, 0x80, 0x80, 0x80, 1],
    ]) {
      expect(() => unpackSnappy(Uint8Array.from(wrong), MIB), String(wrong)).toThrow(/^cannot unpack snappy body/);
    }
    expect(() => unpackSnappy(block, 100)).toThrow('it unpacks to');
    expect(snappyLength(block)).toBe(bytes.length);
  });

  test('a flipped bit is refused or changes the bytes, and hurts nothing else', () => {
    const random = newRandom('snappy-block flips', 2);
    const block = snappy.compressSync(
      Buffer.from(Array.from({ length: 400 }, () => `host_${random.below(9)}`).join(' ')),
    );
    for (let bit = 0; bit < block.length * 8; bit += 3) {
      const flipped = Uint8Array.from(block);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      let unpacked: Uint8Array | null = null;
      try {
        unpacked = unpackSnappy(flipped, MIB);
      } catch (error) {
        expect((error as Error).message).toMatch(/^cannot (unpack|read)/);
      }
      if (unpacked !== null) expect(unpacked.length).toBe(snappyLength(flipped));
    }
  });
});
