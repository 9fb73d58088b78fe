import { expect, test } from 'vitest';
import type { Clock } from '../clock/clock.ts';
import { SeriesIndex } from '../index/series-index.ts';
import type { DatabaseLimits } from './catalog.ts';
import { Refusals } from './refusals.ts';
import { type IndexMemory, RateState, SeriesAdmission } from './series-admission.ts';
import { DEFAULT_WRITE_LIMITS, limitsOf, type Refusal, type WriteLimits } from './write-limits.ts';

const encoder = new TextEncoder();

function clockAt(): { clock: Clock; at: { ms: number } } {
  const at = { ms: 0 };
  return { at, clock: { now: () => ({ sec: 0, nano: 0 }), nowMs: () => 0, monotonicMs: () => at.ms } as Clock };
}

function doorOf(limits: Partial<WriteLimits>, elsewhere = 0) {
  const { clock, at } = clockAt();
  const index = new SeriesIndex();
  const memory: IndexMemory = { bytes: 0, namesUntilLook: 0, look: () => index.memoryBytes };
  const all = { ...DEFAULT_WRITE_LIMITS, ...limits };
  const door = new SeriesAdmission(all, index, () => elsewhere, memory, clock, new RateState());
  const add = (measurement: string, tags: Record<string, string> = {}): number | Refusal =>
    door.resolve({
      measurement: encoder.encode(measurement),
      tagKeys: Object.keys(tags).map((key) => encoder.encode(key)),
      tagValues: Object.values(tags).map((value) => encoder.encode(value)),
    });
  return { index, at, add };
}

test('series up to the limit come in, those of other policies counted; known ones always do', () => {
  const { add } = doorOf({ maxSeries: 3 }, 1);
  expect([add('a'), add('b'), add('a')]).toEqual([0, 1, 0]);
  expect(add('c')).toEqual({ limit: 'maxSeries', text: 'max-series-per-database limit exceeded: (3)' });
});

test('a bucket of one second fills all the time', () => {
  const { add, at } = doorOf({ maxNewSeriesPerSec: 2 });
  const came = (name: string) => typeof add(name) === 'number';
  expect(['a', 'b', 'c'].map(came)).toEqual([true, true, false]);
  at.ms = 500;
  expect(['c', 'd'].map(came)).toEqual([true, false]);
  at.ms = 60_000;
  expect(['d', 'e', 'f'].map(came)).toEqual([true, true, false]);
});

test('values of a tag are counted among live series', () => {
  const { add, index } = doorOf({ maxValuesPerTag: 2 });
  expect([add('m', { h: '1' }), add('m', { h: '2' }), add('n', { h: '1' })]).toEqual([0, 1, 2]);
  expect(add('m', { h: '3' })).toEqual({
    limit: 'maxValuesPerTag',
    text: 'max-values-per-tag limit exceeded (2/2): measurement="m" tag="h" value="3"',
  });
  index.remove(Int32Array.of(1));
  expect(typeof add('m', { h: '3' })).toBe('number');
});

test('names of refused series are remembered nowhere', () => {
  const { add, index } = doorOf({ maxSeries: 1 });
  add('m', { h: '1' });
  const before = [index.memoryBytes, index.series.measurements.limit, index.series.tagKeys.limit];
  for (let i = 0; i < 10_000; i++) add(`measurement-${i}`, { [`key-${i}`]: `value-${i}` });
  expect([index.memoryBytes, index.series.measurements.limit, index.series.tagKeys.limit]).toEqual(before);
});

test('memory of the index bounds what comes in, whatever it is made of', () => {
  for (const tags of [(i: number) => ({ [`key-${i}`]: 'x' }), (i: number) => ({ h: 'x'.repeat(5000) + i })]) {
    const { add, index } = doorOf({ maxIndexBytes: 8 << 20 });
    let refused = 0;
    for (let i = 0; i < 10_000; i++) if (typeof add('m', tags(i)) !== 'number') refused++;
    expect(refused).toBeGreaterThan(1000);
    // The sum is taken once in 512 names.
    expect(index.memoryBytes).toBeLessThan(24 << 20);
  }
});

test('a database’s own limits go before the server’s, as far as there are some', () => {
  const own: DatabaseLimits = { maxSeries: 5, maxNewSeriesPerSec: null, maxTagsPerSeries: 3, maxTagValueBytes: null };
  expect(limitsOf(DEFAULT_WRITE_LIMITS, own)).toEqual({ ...DEFAULT_WRITE_LIMITS, maxSeries: 5, maxTags: 3 });
  expect(limitsOf(DEFAULT_WRITE_LIMITS, undefined)).toBe(DEFAULT_WRITE_LIMITS);
});

test('refusals are all counted, and told of once a second by reason', () => {
  const { clock, at } = clockAt();
  const lines: unknown[] = [];
  const refusals = new Refusals((level, message, fields) => lines.push([level, message, fields?.refused]), clock);
  for (let i = 0; i < 5; i++) refusals.note('max-tags', 2, 'text');
  refusals.note('max-fields', 1, 'other');
  expect(lines).toEqual([
    ['warn', 'refused: text', 2],
    ['warn', 'refused: other', 1],
  ]);
  at.ms = 1000;
  refusals.note('max-tags', 1, 'text');
  expect(lines[2]).toEqual(['warn', 'refused: text', 9]);
  expect(Object.fromEntries(refusals.totals())).toMatchObject({ 'max-tags': 11, 'max-fields': 1, 'max-name-size': 0 });
});
