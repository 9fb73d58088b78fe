/** Series with their samples as the evaluation asks for them, read when it does. Used on the main thread and on others. */
import type { PrometheusSeries } from './prometheus-series.ts';
import type { Labels } from './promql/labels.ts';
import type { SeriesSet, WindowRequest } from './promql/querier.ts';
import type { SampleReader, Samples, SeriesSources } from './sample-reader.ts';
import type { StartTimes } from './start-times.ts';
import { StoredWindows } from './stored-windows.ts';

/** Series in the order in which the evaluation gets them. */
export interface SeriesList {
  readonly count: number;
  /** See SeriesSet.anyOrder. */
  readonly anyOrder: boolean;
  labels(series: number): Labels;
  /** Valid until the next call. */
  sources(series: number): SeriesSources;
  /** All of them in the order in which files hold them, so that what several short series are packed into is decoded once. */
  order(): Uint32Array;
}

export interface SampleSource {
  readonly series: SeriesList;
  /** Opens what they are read from; called once, when the first samples are asked for. */
  open(): SampleReader;
  /** Opens their start times; null when none are kept. */
  readonly openStarts: (() => StartTimes) | null;
  /** Is told how long reading took. */
  readonly trace: { readMs: number } | null;
}

/** Of so many series, reading is timed for all; of the others for one in TIMED_SHARE: asking for the time adds up. */
const TIMED_SERIES = 1024;
const TIMED_SHARE = 16;

export function sampleSet({ series, open, openStarts, trace }: SampleSource): SeriesSet {
  let opened: SampleReader | null = null;
  const reader = (): SampleReader => {
    opened ??= open();
    return opened;
  };
  const read: (Samples | undefined)[] = [];
  const samplesOf = (i: number): Samples => {
    let samples = read[i];
    if (samples === undefined) {
      samples = reader().read(series.sources(i));
      read[i] = samples;
    }
    return samples;
  };
  const set: SeriesSet = {
    count: series.count,
    anyOrder: series.anyOrder,
    order: () => series.order(),
    labels: (i) => series.labels(i),
    times: (i) => samplesOf(i).timesMs,
    values: (i) => samplesOf(i).values,
  };
  if (openStarts === null) {
    let stored: StoredWindows | null = null;
    let asked: WindowRequest | null = null;
    let borrows = 0;
    set.windows = (i, request, out, present) => {
      if (stored === null || asked !== request) {
        asked = request;
        stored = new StoredWindows(request);
      }
      return stored.windows(reader(), series.sources(i), out, present);
    };
    set.borrow = (i) => {
      const untimed = ++borrows > TIMED_SERIES && borrows % TIMED_SHARE !== 0;
      if (trace === null || untimed) return reader().borrow(series.sources(i));
      const startedMs = performance.now();
      const borrowed = reader().borrow(series.sources(i));
      trace.readMs += (performance.now() - startedMs) * (borrows > TIMED_SERIES ? TIMED_SHARE : 1);
      return borrowed;
    };
  } else {
    let startsOf: StartTimes | null = null;
    set.startTimes = (i) => {
      startsOf ??= openStarts();
      return startsOf(series.sources(i), samplesOf(i).timesMs);
    };
  }
  return set;
}

/** Series of which each is an object. */
export function listedSeries(series: readonly PrometheusSeries[], anyOrder: boolean): SeriesList {
  return {
    count: series.length,
    anyOrder,
    labels: (i) => series[i].labels,
    sources: (i) => series[i],
    order: () => orderOfRefs(series.length, (i) => series[i].sources[0].ref),
  };
}

/** See SeriesList.order. */
export function orderOfRefs(count: number, refOf: (series: number) => number): Uint32Array {
  const order = new Uint32Array(count);
  const keys = new Float64Array(count);
  let ascending = true;
  for (let i = 0; i < count; i++) {
    order[i] = i;
    keys[i] = refOf(i) * count + i;
    if (i > 0 && keys[i] < keys[i - 1]) ascending = false;
  }
  if (ascending) return order;
  keys.sort();
  for (let k = 0; k < count; k++) order[k] = keys[k] % count;
  return order;
}
