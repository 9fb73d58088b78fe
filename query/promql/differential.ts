/**
 * What differential tests against Prometheus share: random series, random questions about them, and the comparison of
 * answers. The Prometheus is what Debian ships (2.42), so only what it knows is asked for, and never where it differs on
 * purpose: its ranges include their left end, so no sample and no subquery step lies on the end of a range. Where there is
 * a Prometheus 3 as well, it is asked for all.
 */
import { ExpressionGenerator, type Random } from './expression-generator.ts';
import { type Labels, labelsFromPairs } from './labels.ts';
import type { MemorySample } from './memory-querier.ts';
import type { QueryTimes } from './prepare.ts';
import { labelsFromObject } from './promqltest.ts';

const START_MS = 1_700_000_000_000;
const SCRAPE_MS = 15_000;
const SCRAPES = 400;

export interface TestSeries {
  readonly labels: Labels;
  readonly samples: MemorySample[];
}

/** Counters and gauges of all kinds; every sample lies 7 ms behind a whole second. */
export function randomSeries(random: Random): TestSeries[] {
  const series: TestSeries[] = [];
  const add = (pairs: [string, string][], next: (i: number) => number | 'stale' | null) => {
    const samples: MemorySample[] = [];
    const phaseMs = 1000 * random.below(15) + 7;
    for (let i = 0; i < SCRAPES; i++) {
      const value = next(i);
      if (value !== null) samples.push({ timeMs: START_MS + i * SCRAPE_MS + phaseMs, value });
    }
    series.push({ labels: labelsFromPairs(pairs), samples });
  };
  for (const job of ['a', 'b']) {
    for (const instance of ['x', 'y', 'z']) {
      const labels = (name: string): [string, string][] => [
        ['__name__', name],
        ['job', job],
        ['instance', instance],
      ];
      // Resets, but no gaps: 2.42 extrapolates to zero differently behind a gap.
      let count = random.below(1000);
      add(labels('resetting_total'), () => {
        count = random.chance(0.04) ? random.below(5) : count + random.below(40);
        return count;
      });
      let high = 1e7 + random.below(1000);
      add(labels('sparse_total'), () => {
        high += random.below(100) / 4;
        return random.chance(0.15) ? null : random.chance(0.03) ? 'stale' : high;
      });
      let level = 0;
      add(labels('walk'), () => {
        level += random.next() - 0.5;
        return random.chance(0.05) ? null : level;
      });
      add(labels('odd'), () =>
        random.pick([1, 2, 3, 2, 1, -5, 0.25, 1e6, Number.NaN, Infinity, -Infinity, 'stale' as const, null, 7, 7]),
      );
      if (instance !== 'z') add(labels('steps'), (i) => Math.floor(i / 7) % 5);
      for (const le of ['0.1', '1', '10', '+Inf']) {
        let bucket = 0;
        add([...labels('latency_bucket'), ['le', le]], () => {
          bucket += random.below(le === '+Inf' ? 20 : 8);
          return bucket;
        });
      }
    }
  }
  return series;
}

/** Expressions over randomSeries(). @param legacy only what Prometheus 2.42 knows. */
export function expressionGenerator(random: Random, legacy = true): ExpressionGenerator {
  return new ExpressionGenerator(random, {
    legacy,
    metrics: ['resetting_total', 'sparse_total', 'walk', 'odd', 'steps', 'latency_bucket', 'nothing'],
    counters: ['resetting_total', 'sparse_total', 'latency_bucket'],
    distinct: ['walk'],
    finite: ['resetting_total', 'sparse_total', 'walk', 'steps'],
    labels: { job: ['a', 'b'], instance: ['x', 'y', 'z'] },
    unitSeconds: 10,
    timestamps: [START_MS / 1000 + 2901, START_MS / 1000 + 4701],
  });
}

/** An instant, or a range, at odd seconds: ranges are whole, subquery steps even multiples of ten seconds. */
export function randomTimes(random: Random): QueryTimes {
  const isRange = random.chance(0.5);
  const startMs = START_MS + 1000 * (2401 + 10 * random.below(300));
  const stepMs = 10_000 * (1 + random.below(12));
  return isRange
    ? { startMs, endMs: startMs + stepMs * (1 + random.below(20)), stepMs }
    : { startMs, endMs: startMs, stepMs: 0 };
}

/** The request of a question, below /api/v1/. */
export function questionOf(
  query: string,
  { startMs, endMs, stepMs }: QueryTimes,
): { path: string; body: URLSearchParams } {
  const seconds = (ms: number) => `${ms / 1000}`;
  return stepMs > 0
    ? {
        path: 'query_range',
        body: new URLSearchParams({ query, start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) }),
      }
    : { path: 'query', body: new URLSearchParams({ query, time: seconds(startMs) }) };
}

/** Whether a failure on one side only comes from what 2.42 does otherwise; `null` stands for an answer. */
export function isKnownDifference(query: string, ours: string | null, theirs: string | null): boolean {
  // Older versions miss many-to-one matches of which a comparison drops all but one.
  if (theirs === null) return ours?.startsWith('multiple matches') ?? false;
  // Older versions refuse to negate what has the same labels at different steps.
  return theirs.includes('same labelset') && query.includes('-(');
}

export interface Answer {
  status: string;
  error?: string;
  warnings?: string[];
  infos?: string[];
  data?: { resultType: string; result: unknown };
}

/** series key → time ms → value */
export type Points = Map<string, Map<number, number>>;

function parseValue(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

export function pointsOfAnswer(data: NonNullable<Answer['data']>): Points {
  const points: Points = new Map();
  if (data.resultType === 'scalar') {
    const [time, value] = data.result as [number, string];
    return new Map([['', new Map([[Math.round(time * 1000), parseValue(value)]])]]);
  }
  for (const series of data.result as {
    metric: Record<string, string>;
    value?: [number, string];
    values?: [number, string][];
  }[]) {
    const list = series.values ?? [series.value!];
    const values = new Map(list.map(([time, value]) => [Math.round(time * 1000), parseValue(value)]));
    points.set(labelsFromObject(series.metric).key, values);
  }
  return points;
}

/** Values that come from long sums of numbers of very different size may differ in the last digits. */
function close(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)) || Math.abs(a - b) < 1e-9;
}

/** @param isSame how values are compared. */
export function difference(
  own: Points,
  theirs: Points,
  isSame: (a: number, b: number) => boolean = close,
): string | null {
  const show = (key: string) => key.replaceAll('\u0000', ' ');
  for (const [key, values] of theirs) {
    const mine = own.get(key);
    if (mine === undefined) return `missing series ${show(key)}`;
    for (const [time, value] of values) {
      const got = mine.get(time);
      if (got === undefined) return `missing ${show(key)} at ${time}`;
      if (!isSame(got, value)) return `${show(key)} at ${time}: ${got}, Prometheus says ${value}`;
    }
    if (mine.size !== values.size) return `surplus points of ${show(key)}`;
  }
  for (const key of own.keys()) if (!theirs.has(key)) return `surplus series ${show(key)}`;
  return null;
}
