/**
 * The storage behind PromQL: selects series and hands out their samples, series by series, as the evaluation asks.
 */
import type { Database } from '../engine/database.ts';
import { instantFromMs } from '../engine/time.ts';
import { selectSeries } from './prometheus-series.ts';
import type { LabelMatcher } from './promql/matcher.ts';
import { EMPTY_SERIES_SET, type Querier, type SelectRange, type SeriesSet } from './promql/querier.ts';
import { SampleReader, type Samples } from './sample-reader.ts';
import { type StartTimes, startTimes } from './start-times.ts';

/**
 * A querier over one database; undefined is a database that does not exist, and holds nothing.
 * @param starts the companion that holds the start times of its samples, if there is one.
 */
export function prometheusQuerier(database: Database | undefined, starts?: Database): Querier {
  return {
    select(matchers, range) {
      return database === undefined ? EMPTY_SERIES_SET : selectSamples(database, starts, matchers, range);
    },
  };
}

/** Opens the samples between two times, both inclusive, in ms; the last ms counts whole. Use it before the next await. */
export function openSamples(database: Database, startMs: number, endMs: number): SampleReader {
  const end = instantFromMs(Math.floor(endMs));
  return new SampleReader(
    database.reader(instantFromMs(startMs), { sec: end.sec, nano: Math.min(end.nano + 999_999, 999_999_999) }),
  );
}

function selectSamples(
  database: Database,
  starts: Database | undefined,
  matchers: readonly LabelMatcher[],
  range: SelectRange,
): SeriesSet {
  const series = selectSeries(database, matchers);
  let opened: SampleReader | null = null;
  const reader = (): SampleReader => {
    opened ??= openSamples(database, range.startMs, range.endMs);
    return opened;
  };
  const read: (Samples | undefined)[] = [];
  const samplesOf = (i: number): Samples => {
    let samples = read[i];
    if (samples === undefined) {
      samples = reader().read(series[i]);
      read[i] = samples;
    }
    return samples;
  };
  const set: SeriesSet = {
    count: series.length,
    labels: (i) => series[i].labels,
    times: (i) => samplesOf(i).timesMs,
    values: (i) => samplesOf(i).values,
  };
  if (starts === undefined) {
    set.borrow = (i) => reader().borrow(series[i]);
  } else {
    let startsOf: StartTimes | null = null;
    set.startTimes = (i) => {
      startsOf ??= startTimes(database, starts, range.startMs, range.endMs);
      return startsOf(series[i], samplesOf(i).timesMs);
    };
  }
  return set;
}
