import { expect, test } from 'vitest';
import { SmallColumn } from './small-column.ts';

function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Every sum and extreme against a plain loop, over ranges of all widths. */
function check(values: Float64Array, ranges: number, random: () => number): void {
  const column = SmallColumn.of(values, 0, values.length);
  if (column === null) throw new Error('the column is not small');
  for (let i = 0; i < ranges; i++) {
    const from = Math.floor(random() * values.length);
    const to = from + 1 + Math.floor(random() ** 3 * (values.length - from));
    let sum = 0;
    let smallest = Infinity;
    let largest = -Infinity;
    for (let k = from; k < to; k++) {
      sum += values[k];
      smallest = Math.min(smallest, values[k]);
      largest = Math.max(largest, values[k]);
    }
    const found = [column.sum(from, to), column.smallest(from, to), column.largest(from, to)];
    const same = Object.is(found[0], sum) && Object.is(found[1], smallest) && Object.is(found[2], largest);
    if (!same) expect(found, `[${from}, ${to}) of ${values.length}`).toEqual([sum, smallest, largest]);
  }
}

test('sums and extremes of ranges are those of their values, in one and two bytes', () => {
  const random = randomSource(5);
  for (const rows of [1, 31, 32, 33, 64, 65, 500, 8640]) {
    check(
      Float64Array.from({ length: rows }, () => Math.floor(random() * 256)),
      300,
      random,
    );
    check(
      Float64Array.from({ length: rows }, () => Math.floor(random() * 65_536) - 32_768),
      300,
      random,
    );
    check(new Float64Array(rows), 30, random);
  }
});

test('sums beyond 31 bits', () => {
  for (const rows of [65_536, 65_537, 100_000]) {
    for (const value of [32_767, -32_768]) {
      const column = SmallColumn.of(new Float64Array(rows).fill(value), 0, rows);
      expect(column?.sum(0, rows)).toBe(value * rows);
      expect(column?.sum(1, rows - 1)).toBe(value * (rows - 2));
    }
  }
});
