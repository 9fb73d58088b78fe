/** Aggregations that fold a selector's series as they are read, against the same over a vector of all of them. */
import { expect, test } from 'vitest';
import { evaluate } from './evaluate.ts';
import { Labels } from './labels.ts';
import type { Querier, SeriesSet } from './querier.ts';
import type { VectorValue } from './value.ts';

const SERIES = 300;
const STALE = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer);
const VALUES = [0, -0, 1, 1, 2.5, 1e308, -1e308, Number.NaN, Infinity, -Infinity, 0.1, 1e16];

/** Series in the order of their labels; the set says what the storage may say of them. */
function querierOf(anyOrder: boolean, knowsIds: boolean): Querier {
  const labels = Array.from(
    { length: SERIES },
    (_, i) => new Labels(['__name__', 'a', 'b', 'id'], ['m', `${i % 3}`, `${i % 7}`, String(i).padStart(4, '0')]),
  );
  const times = Float64Array.from({ length: 40 }, (_, i) => i * 30_000);
  const values = labels.map((_, i) => {
    const column = new Float64Array(times.length);
    for (let k = 0; k < column.length; k++) column[k] = VALUES[(i * 31 + k * 7) % VALUES.length];
    if (i % 5 === 0) column.set(STALE, i % column.length);
    return column;
  });
  const ids = { a: (i: number) => i % 3, b: (i: number) => (i % 7) - 1, __name__: () => 0 };
  const set: SeriesSet = {
    count: SERIES,
    anyOrder,
    order: () => Uint32Array.from({ length: SERIES }, (_, i) => (anyOrder ? i : (i * 7 + 11) % SERIES)),
    labels: (i) => labels[i],
    times: () => times,
    values: (i) => values[i],
  };
  if (knowsIds) {
    set.labelIds = (name) => {
      const idOf = ids[name as keyof typeof ids];
      return idOf === undefined ? null : Int32Array.from({ length: SERIES }, (_, i) => idOf(i));
    };
  }
  return { select: () => set };
}

function shown(value: VectorValue): unknown {
  return value.series.map(({ labels, values, present }) => [
    `${labels}`,
    [...present],
    Array.from(values, (one, i) => (present[i] === 1 ? (Object.is(one, -0) ? '-0' : String(one)) : '')),
  ]);
}

const QUERIES = [
  ...['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'].flatMap((op) => [
    [`${op} (`, ')'],
    [`${op} by (a) (`, ')'],
    [`${op} by (b, a, __name__, missing) (`, ')'],
    [`${op} without (id, b) (`, ')'],
  ]),
  ...['1', '5', '290', '1000', '0', '-1'].flatMap((k) => [
    [`topk(${k}, `, ')'],
    [`bottomk(${k}, `, ')'],
    [`limitk(${k}, `, ')'],
  ]),
  ['topk by (a) (2, ', ')'],
];

test.each([
  [true, true],
  [true, false],
  [false, false],
])('in any order: %s, with numbers for label values: %s', async (anyOrder, knowsIds) => {
  const querier = querierOf(anyOrder, knowsIds);
  for (const stepMs of [0, 60_000]) {
    const times = { startMs: 600_000, endMs: stepMs === 0 ? 600_000 : 1_190_000, stepMs };
    for (const [before, behind] of QUERIES) {
      for (const selector of ['m', 'm offset 1m', 'm @ 300']) {
        const direct = await evaluate(`${before}${selector}${behind}`, times, querier);
        const whole = await evaluate(`${before}(${selector})${behind}`, times, querier);
        expect(shown(direct.value as VectorValue), before + selector).toEqual(shown(whole.value as VectorValue));
        expect(direct.stats.totalSamples).toBe(whole.stats.totalSamples);
        expect(direct.stats.peakSamples).toBe(whole.stats.peakSamples);
      }
    }
  }
});

test.each(['topk(NaN, ', 'bottomk(1e30, ', 'limitk(1e30, '])('%s fails as over a vector', async (before) => {
  const querier = querierOf(true, true);
  const times = { startMs: 600_000, endMs: 600_000, stepMs: 0 };
  const messageOf = async (query: string) => {
    try {
      await evaluate(query, times, querier);
      return 'no error';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const direct = await messageOf(`${before}m)`);
  expect(direct).not.toBe('no error');
  expect(direct).toBe(await messageOf(`${before}(m))`));
});
