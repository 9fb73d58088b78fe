/** Evaluation as a whole: what is fetched, guards, statistics, native histograms. */
import { describe, expect, it } from 'vitest';

import { evaluate, evaluatePrepared, prepareQuery } from './evaluate.ts';
import { labelsFromPairs } from './labels.ts';
import { MemoryQuerier } from './memory-querier.ts';
import { parseExpression } from './parser/parser.ts';
import type { SelectRange } from './querier.ts';
import type { VectorValue } from './value.ts';

const MINUTE = 60_000;

function storage(series = 3, points = 100): MemoryQuerier {
  const querier = new MemoryQuerier();
  for (let s = 0; s < series; s++) {
    const labels = labelsFromPairs([
      ['__name__', 'm'],
      ['i', `${s}`],
    ]);
    for (let p = 0; p < points; p++) querier.add(labels, { timeMs: p * 10_000, value: p * (s + 1) });
  }
  return querier;
}

const instant = (ms: number) => ({ startMs: ms, endMs: ms, stepMs: 0 });

describe('fetching', () => {
  const rangesOf = (query: string, times = instant(600_000)): SelectRange[] =>
    prepareQuery(parseExpression(query), times).fetches.plans.map((plan) => plan.range);

  it('asks for what can matter and no more', () => {
    expect(rangesOf('m')).toMatchObject([{ startMs: 300_001, endMs: 600_000, rangeMs: 0, func: null }]);
    expect(rangesOf('rate(m[1m] offset 10s)')).toMatchObject([
      { startMs: 530_001, endMs: 590_000, rangeMs: MINUTE, func: 'rate' },
    ]);
    expect(rangesOf('sum by (i) (m @ 100)')).toMatchObject([
      { startMs: -199_999, endMs: 100_000, func: 'sum', grouping: { labels: ['i'], without: false } },
    ]);
    expect(rangesOf('increase(m[1m] smoothed)')).toMatchObject([{ startMs: 240_001, endMs: 900_000 }]);
    // The first step of the subquery is the first multiple of a minute behind its start.
    expect(rangesOf('sum_over_time(m[5m:1m])')).toMatchObject([{ startMs: 60_001, endMs: 600_000, stepMs: MINUTE }]);
    expect(rangesOf('m', { startMs: 600_000, endMs: 659_999, stepMs: 20_000 })).toMatchObject([
      { startMs: 300_001, endMs: 640_000, stepMs: 20_000 },
    ]);
  });

  it('fetches the same selector once', () => {
    expect(rangesOf('m / on (i) m')).toHaveLength(1);
    expect(rangesOf('rate(m[1m]) / rate(m[2m])')).toHaveLength(2);
  });
});

describe('guards', () => {
  const query = (text: string, options: Parameters<typeof evaluate>[3]) =>
    evaluate(text, { startMs: 0, endMs: 900_000, stepMs: 10_000 }, storage(), options);

  it('stop at too many samples', async () => {
    const promise = query('sum(rate(m[5m]))', { limits: { maxSamples: 100 } });
    await expect(promise).rejects.toMatchObject({
      code: 'unprocessable',
      message: 'query processing would load too many samples into memory in query execution',
    });
    await expect(query('sum(rate(m[5m]))', { limits: { maxSamples: 1000 } })).resolves.toBeDefined();
  });

  it('stop at too many series', async () => {
    await expect(query('m', { limits: { maxSeries: 2 } })).rejects.toMatchObject({ code: 'unprocessable' });
    await expect(query('m', { limits: { maxSeries: 3 } })).resolves.toBeDefined();
  });

  it('stop when the time is over or the client is gone', async () => {
    await expect(query('m', { signal: { aborted: true } })).rejects.toMatchObject({
      code: 'canceled',
      message: 'query was canceled in expression evaluation',
    });
    const prepared = prepareQuery(parseExpression('m'), instant(0));
    const sets = prepared.fetches.plans.map(({ matchers, range }) => storage().select(matchers, range));
    const late = performance.now() - 1000;
    expect(() => evaluatePrepared(prepared, sets as never, { timeoutMs: 500 }, late)).toThrow(
      'query timed out in expression evaluation',
    );
  });

  it('refuse ranges over what is neither scalar nor vector', () => {
    const times = { startMs: 0, endMs: 1000, stepMs: 1000 };
    expect(() => prepareQuery(parseExpression('m[5m]'), times)).toThrow(
      'invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    );
    expect(() => prepareQuery(parseExpression('"a"'), times)).toThrow('invalid expression type "string"');
  });

  it('survive long chains of operators', async () => {
    const text = Array.from({ length: 1000 }, () => 'm').join(' + ');
    const { value } = await evaluate(text, instant(100_000), storage(1));
    expect((value as VectorValue).series[0]!.values[0]).toBe(10_000);
  });
});

describe('results', () => {
  it('count the samples that were looked at', async () => {
    const { stats } = await evaluate('sum_over_time(m[1m])', instant(900_000), storage());
    expect(stats.totalSamples).toBe(18);
  });

  it('do not lie about native histograms', async () => {
    const querier = storage();
    const labels = labelsFromPairs([['__name__', 'h']]);
    querier.addHistogram(labels, 100_000);
    await expect(evaluate('h', instant(100_000), querier)).rejects.toMatchObject({
      code: 'unprocessable',
      message: 'cannot evaluate {__name__="h"}: native histograms are not supported yet',
    });
    // Out of the time range it is in nobody's way.
    await expect(evaluate('h', instant(1_000_000), querier)).resolves.toBeDefined();
  });

  it('take windows from a storage that can compute them', async () => {
    const querier = storage(1);
    const requests: string[] = [];
    const { value } = await evaluate('avg_over_time(m[1m])', instant(900_000), {
      select: (matchers, range) => ({
        ...(querier.select(matchers, range) as object as ReturnType<typeof Object>),
        windows(_series: number, request: { func: string; rangeMs: number }, out: Float64Array, present: Uint8Array) {
          requests.push(`${request.func} ${request.rangeMs}`);
          out[0] = 42;
          present[0] = 1;
          return true;
        },
      }),
    });
    expect(requests).toEqual(['avg_over_time 60000']);
    expect((value as VectorValue).series[0]!.values[0]).toBe(42);
  });

  it('see start timestamps', async () => {
    const querier = new MemoryQuerier();
    const labels = labelsFromPairs([['__name__', 'c_total']]);
    querier.add(labels, { timeMs: 60_000, value: 5, startMs: 30_000 });
    querier.add(labels, { timeMs: 120_000, value: 7, startMs: 90_000 });
    const resultOf = async (query: string) => {
      const { value } = await evaluate(query, instant(120_000), querier);
      return (value as VectorValue).series[0]?.values[0];
    };
    expect(await resultOf('resets(c_total[5m])')).toBe(1);
    expect(await resultOf('increase(c_total[5m])')).toBe(12);
    expect(await resultOf('start_timestamp(c_total)')).toBe(90);
    expect(await resultOf('irate(c_total[5m])')).toBeCloseTo(7 / 60);
  });
});
