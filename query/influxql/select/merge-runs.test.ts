/** Runs merged pair by pair against the heap, which gives the same order where that is decided by keys and runs alone. */
import { expect, test } from 'vitest';
import { Random } from '../../../bytes/random.ts';
import { mergeRows } from './go-heap.ts';
import { mergeRuns } from './merge-runs.ts';

const seed = Number(process.env.VARVE_SEED ?? Date.now() % 1e9);

test(`runs of any lengths and keys that repeat (seed ${seed})`, () => {
  const random = new Random(seed);
  for (let round = 0; round < 200; round++) {
    const runs = Array.from({ length: 1 + random.below(20) }, () =>
      Float64Array.from({ length: random.below(3) * random.below(30) }, () => random.below(40) - 20).sort(),
    );
    const starts = Int32Array.from([0, ...runs.map(({ length }) => length)]);
    for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
    const { input, row } = mergeRows(
      runs.map(({ length }) => length),
      (a, rowA, b, rowB) => runs[a][rowA] < runs[b][rowB] || (runs[a][rowA] === runs[b][rowB] && a < b),
    );
    const places = mergeRuns(Float64Array.from(runs.flatMap((run) => [...run])), starts);
    expect([...places]).toEqual(Array.from(input, (run, i) => starts[run] + row[i]));
  }
});
