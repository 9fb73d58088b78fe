import fc from 'fast-check';
import { expect, test } from 'vitest';
import { setNanoseconds, setWhole, wordsOf64 } from './int64-words.ts';

const MOST = 2n ** 63n - 1n;

test('nanoseconds over the whole range are exact', () => {
  const value = new BigInt64Array(3);
  const words = wordsOf64(value);
  fc.assert(
    fc.property(fc.bigInt({ min: -MOST - 1n, max: MOST }), (ns) => {
      const nano = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
      setNanoseconds(words, 1, Number((ns - nano) / 1_000_000_000n), Number(nano));
      expect(value[1]).toBe(ns);
    }),
    { numRuns: 2000, examples: [[0n], [-1n], [MOST], [-MOST - 1n], [1_700_000_000_123_456_789n]] },
  );
  expect([value[0], value[2]]).toEqual([0n, 0n]);
});

test('whole doubles are exact', () => {
  const value = new BigInt64Array(1);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (whole) => {
      setWhole(wordsOf64(value), 0, whole);
      expect(value[0]).toBe(BigInt(whole));
    }),
    { numRuns: 2000 },
  );
});
