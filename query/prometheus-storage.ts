/**
 * The storage behind PromQL: selects series and hands out their samples, series by series, as the evaluation asks.
 *
 * A selector right under a range function that would read many samples is computed on threads while it is fetched: what
 * the evaluation then asks for, the function's values at all steps, is there already.
 */
import type { Database } from '../engine/database.ts';
import type { SeriesReader } from '../engine/series-reader.ts';
import { instantFromMs } from '../engine/time.ts';
import { VarveError } from '../errors/errors.ts';
import { type PrometheusSeries, selectUnsorted } from './prometheus-series.ts';
import { compareLabels } from './promql/labels.ts';
import type { CancelSignal } from './promql/limits.ts';
import type { LabelMatcher } from './promql/matcher.ts';
import { EMPTY_SERIES_SET, type Querier, type SelectRange, type SeriesSet } from './promql/querier.ts';
import { SampleReader, type Samples } from './sample-reader.ts';
import { type StartTimes, startTimes } from './start-times.ts';
import type { QueryWorkers } from './workers/pool.ts';
import { SpreadWindows } from './workers/spread-windows.ts';
import { canSpread } from './workers/window-job.ts';

export interface StorageOptions {
  /** The companion that holds the start times of samples, if there is one. */
  readonly starts?: Database | undefined;
  /** Threads for large queries; without them all is done on this one. */
  readonly workers?: QueryWorkers | null;
  /** Samples to be read from which on threads are used. */
  readonly spreadSamples?: number;
  /** Ends work on threads early; the evaluation itself says why. */
  readonly signal?: CancelSignal | null;
  /** When that work ends at the latest, on the clock of performance.now(). */
  readonly deadlineMs?: number;
  /** Series that one selector may yield; 0: no limit. */
  readonly maxSeries?: number;
  /** Memory that one selector may need, bytes, by an estimate before it is read; 0: no limit. */
  readonly maxBytes?: number;
  /** Is told what the storage did. */
  readonly trace?: StorageTrace | null;
}

/** What one query made the storage do; times in ms. */
export interface StorageTrace {
  selectMs: number;
  series: number;
  /** Samples read from files and memory. */
  samplesRead: number;
  threadMs: number;
  /** Row groups that were decoded from files. */
  blocksRead: number;
  /** Reading and decoding on the main thread. */
  readMs: number;
  selectors: number;
  spreadSelectors: number;
}

export function newStorageTrace(): StorageTrace {
  return {
    selectMs: 0,
    series: 0,
    samplesRead: 0,
    threadMs: 0,
    blocksRead: 0,
    readMs: 0,
    selectors: 0,
    spreadSelectors: 0,
  };
}

const SPREAD_SAMPLES = 1_000_000;

/**
 * Beyond this many series, a selector right under one of these aggregations has them in the order of refs: what comes out
 * is the same, sums to their last bits, and sorting would cost more than everything else.
 */
const ORDER_SERIES = 50_000;
const IN_ANY_ORDER: ReadonlySet<string | null> = new Set(['count', 'group', 'min', 'max', 'sum', 'avg', 'quantile']);

/** A querier over one database; undefined is a database that does not exist, and holds nothing. */
export function prometheusQuerier(database: Database | undefined, options: StorageOptions = {}): Querier {
  return {
    select(matchers, range) {
      return database === undefined ? EMPTY_SERIES_SET : selectSamples(database, options, matchers, range);
    },
  };
}

/** Opens the samples between two times, both inclusive, in ms; the last ms counts whole. Use it before the next await. */
export function openSamples(database: Database, startMs: number, endMs: number): SampleReader {
  return new SampleReader(openRange(database, startMs, endMs));
}

function openRange(database: Database, startMs: number, endMs: number): SeriesReader {
  const end = instantFromMs(Math.floor(endMs));
  return database.reader(instantFromMs(startMs), { sec: end.sec, nano: Math.min(end.nano + 999_999, 999_999_999) });
}

function selectSamples(
  database: Database,
  options: StorageOptions,
  matchers: readonly LabelMatcher[],
  range: SelectRange,
): SeriesSet | Promise<SeriesSet> {
  const { trace, workers = null, starts } = options;
  const startedMs = performance.now();
  const series = selectUnsorted(database, matchers);
  if (series.length < ORDER_SERIES || !IN_ANY_ORDER.has(range.func)) {
    series.sort((a, b) => compareLabels(a.labels, b.labels));
  }
  refuseTooMany(series.length, options.maxSeries ?? 0);
  refuseTooLarge(series.length, range, options.maxBytes ?? 0);
  if (trace) {
    trace.selectMs += performance.now() - startedMs;
    trace.series += series.length;
    trace.selectors++;
  }
  const set = setOf(database, starts, series, range, trace ?? null);
  if (workers === null || starts !== undefined || range.extended || !canSpread(range.func) || range.rangeMs === 0) {
    return set;
  }
  if (estimateWork(database, series, range) < (options.spreadSamples ?? SPREAD_SAMPLES)) return set;
  const spread = SpreadWindows.plan(series, range, range.func, workers.count);
  if (spread === null) return set;
  return (async () => {
    const { removals } = database.index;
    const spreadMs = performance.now();
    const read = await spread.run(workers, () => openRange(database, range.startMs, range.endMs).plan(), options);
    if (trace) {
      trace.threadMs += performance.now() - spreadMs;
      trace.samplesRead += read.samples;
      trace.blocksRead += read.blocks;
      trace.spreadSelectors++;
    }
    // Refs of series that are gone may be another's by now.
    if (database.index.removals !== removals)
      return selectSamples(database, { ...options, workers: null }, matchers, range);
    set.windows = (i, request, out, present) => spread.windows(i, request, out, present);
    return set;
  })();
}

/** Functions that look at each window anew. */
const UNSLIDING: ReadonlySet<string | null> = new Set(['mad_over_time']);

/** About how many samples will be read, or looked at where every window is looked at anew. */
function estimateWork(database: Database, series: readonly PrometheusSeries[], range: SelectRange): number {
  const { length } = series;
  const some: number[] = [];
  for (let i = 0; i < 16 && i < length; i++) some.push(series[Math.floor((i * length) / 16)].sources[0].ref);
  const samples = openRange(database, range.startMs, range.endMs).estimateRows(some, length);
  const overlap = UNSLIDING.has(range.func) && range.stepMs > 0 ? range.rangeMs / range.stepMs : 1;
  return samples * Math.max(1, overlap);
}

/** As files hold them, so that what several short series are packed into is decoded once. */
function orderOfRefs(series: readonly PrometheusSeries[]): Uint32Array {
  const { length } = series;
  const keys = new Float64Array(length);
  for (let i = 0; i < length; i++) keys[i] = series[i].sources[0].ref * length + i;
  keys.sort();
  const order = new Uint32Array(length);
  for (let k = 0; k < length; k++) order[k] = keys[k] % length;
  return order;
}

export function refuseTooMany(count: number, maxSeries: number): void {
  if (maxSeries === 0 || count <= maxSeries) return;
  throw new VarveError('unprocessable', `query selects ${count} series, which is more than the limit of ${maxSeries}`);
}

/** What a series costs besides its values: its labels and the objects that hold its column, bytes; an estimate. */
const SERIES_BYTES = 600;
/** A value of a step, and whether it is there. */
const STEP_BYTES = 9;

function refuseTooLarge(count: number, range: SelectRange, maxBytes: number): void {
  const steps = range.stepMs === 0 ? 1 : Math.floor((range.endMs - range.startMs - range.rangeMs) / range.stepMs) + 1;
  const bytes = count * (SERIES_BYTES + Math.max(1, steps) * STEP_BYTES);
  if (maxBytes === 0 || bytes <= maxBytes) return;
  const mebibytes = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`;
  throw new VarveError(
    'unprocessable',
    `query would need about ${mebibytes(bytes)} for ${count} series, more than the limit of ${mebibytes(maxBytes)}`,
  );
}

function setOf(
  database: Database,
  starts: Database | undefined,
  series: readonly PrometheusSeries[],
  range: SelectRange,
  trace: StorageTrace | null,
): SeriesSet {
  let opened: SampleReader | null = null;
  const { removals } = database.index;
  const reader = (): SampleReader => {
    if (opened === null) {
      // Another selector's threads may have taken their time.
      if (database.index.removals !== removals) {
        throw new VarveError('overloaded', 'cannot read series: some were removed while the query ran, try again');
      }
      opened = openSamples(database, range.startMs, range.endMs);
      opened.trace = trace;
    }
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
    order: () => orderOfRefs(series),
    labels: (i) => series[i].labels,
    times: (i) => samplesOf(i).timesMs,
    values: (i) => samplesOf(i).values,
  };
  if (starts === undefined) {
    set.borrow = (i) => {
      if (trace === null) return reader().borrow(series[i]);
      const startedMs = performance.now();
      const borrowed = reader().borrow(series[i]);
      trace.readMs += performance.now() - startedMs;
      return borrowed;
    };
  } else {
    let startsOf: StartTimes | null = null;
    set.startTimes = (i) => {
      startsOf ??= startTimes(database, starts, range.startMs, range.endMs);
      return startsOf(series[i], samplesOf(i).timesMs);
    };
  }
  return set;
}
