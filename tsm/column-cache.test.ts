import { expect, test } from 'vitest';
import { ColumnCache } from './column-cache.ts';

const column = (...values: number[]) => Float64Array.from(values);

test('what is kept comes back, also a part of it; more than it holds does not', () => {
  const cache = new ColumnCache(1 << 20);
  const key = cache.key(1, 2, 3);
  cache.keep(key, column(9, 0, 255, 7), 1, 3);
  const out = new Float64Array(5);
  expect(cache.copy(key, 1, 3, out, 2)).toBe(true);
  expect([...out]).toEqual([0, 0, 255, 7, 0]);
  expect(cache.copy(key, 0, 4, out, 0)).toBe(false);
  expect(cache.copy(cache.key(1, 2, 4), 0, 1, out, 0)).toBe(false);
});

test('two bytes hold what one does not; fractions, large ones, NaN and -0 are not kept', () => {
  const cache = new ColumnCache(1 << 20);
  const out = new Float64Array(2);
  cache.keep(1, column(-1, 32_767), 0, 2);
  expect(cache.copy(1, 0, 2, out, 0)).toBe(true);
  expect([...out]).toEqual([-1, 32_767]);
  for (const value of [0.5, 32_768, -32_769, Number.NaN, -0, Infinity]) {
    cache.keep(2, column(value), 0, 1);
    expect(cache.copy(2, 0, 1, out, 0)).toBe(false);
  }
});

test('it stays within its bounds, and the oldest leave first', () => {
  const cache = new ColumnCache(20_000);
  for (let key = 0; key < 100; key++) cache.keep(key, new Float64Array(1000).fill(key), 0, 1000);
  expect(cache.bytes).toBeLessThanOrEqual(20_000);
  const out = new Float64Array(1000);
  expect(cache.copy(0, 0, 1000, out, 0)).toBe(false);
  expect(cache.copy(99, 0, 1000, out, 0)).toBe(true);
  expect(out[999]).toBe(99);
  cache.clear();
  expect(cache.bytes).toBe(0);
});
