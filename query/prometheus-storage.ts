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
import { findAgain } from './found-again.ts';
import type { FoundSeries } from './found-series.ts';
import { UNSLIDING } from './promql/fetch.ts';
import type { CancelSignal } from './promql/limits.ts';
import type { LabelMatcher } from './promql/matcher.ts';
import { EMPTY_SERIES_SET, type Querier, type SelectRange, type SeriesSet } from './promql/querier.ts';
import { SampleReader } from './sample-reader.ts';
import { listedSeries, sampleSet } from './sample-set.ts';
import { mayBeInAnyOrder } from './series-order.ts';
import { startTimes } from './start-times.ts';
import type { ComputedWindows } from './workers/computed-windows.ts';
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
  /** Whether the evaluation ran on a thread of its own. */
  onThread: boolean;
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
    onThread: false,
  };
}

const SPREAD_SAMPLES = 1_000_000;

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

/** Opens the rows between two times, both inclusive, in ms; the last ms counts whole. */
export function openRange(database: Database, startMs: number, endMs: number): SeriesReader {
  const end = instantFromMs(Math.floor(endMs));
  return database.reader(instantFromMs(startMs), { sec: end.sec, nano: Math.min(end.nano + 999_999, 999_999_999) });
}

/** Series that one selector of a query has found, in any order, before anything is read of them. */
export interface Selection {
  readonly range: SelectRange;
  readonly found: FoundSeries;
  /** About how many samples will be read, or looked at where every window is looked at anew. */
  readonly samples: number;
}

/** Finds a selector's series. Throws `unprocessable` beyond the limits. To be used before the next await. */
export function findSeries(
  database: Database,
  { maxSeries = 0, maxBytes = 0, trace }: StorageOptions,
  matchers: readonly LabelMatcher[],
  range: SelectRange,
): Selection {
  const startedMs = performance.now();
  const found = findAgain(database, matchers);
  refuseTooMany(found.count, maxSeries);
  refuseTooLarge(found.count, range, maxBytes);
  const samples = estimateWork(database, found, range);
  if (trace) {
    trace.selectMs += performance.now() - startedMs;
    trace.series += found.count;
    trace.selectors++;
  }
  return { range, found, samples };
}

function selectSamples(
  database: Database,
  options: StorageOptions,
  matchers: readonly LabelMatcher[],
  range: SelectRange,
): SeriesSet | Promise<SeriesSet> {
  return openSelection(database, options, findSeries(database, options, matchers, range), () =>
    selectSamples(database, { ...options, workers: null }, matchers, range),
  );
}

/**
 * What was found as a set for the evaluation.
 * @param again finds and opens it anew, without threads, when series were removed while threads worked.
 */
export function openSelection(
  database: Database,
  options: StorageOptions,
  selection: Selection,
  again: () => SeriesSet | Promise<SeriesSet>,
): SeriesSet | Promise<SeriesSet> {
  const { found, range } = selection;
  const { trace, starts } = options;
  const sortMs = performance.now();
  const anyOrder = mayBeInAnyOrder(found.count, range.func);
  const series = anyOrder ? found.list : found.sorted;
  if (trace) trace.selectMs += performance.now() - sortMs;
  const { removals } = database.index;
  const set = sampleSet({
    series: listedSeries(series, anyOrder),
    open() {
      // Another selector's threads may have taken their time.
      if (database.index.removals !== removals) {
        throw new VarveError('overloaded', 'cannot read series: some were removed while the query ran, try again');
      }
      const reader = openSamples(database, range.startMs, range.endMs);
      reader.trace = trace ?? null;
      return reader;
    },
    openStarts: starts === undefined ? null : () => startTimes(database, starts, range.startMs, range.endMs),
    trace: trace ?? null,
  });
  const spreading = spreadSelection(database, options, selection);
  if (spreading === null) return set;
  return (async () => {
    const spread = await spreading;
    // Refs of series that are gone may be another's by now.
    if (database.index.removals !== removals) return again();
    set.windows = (i, request, out, present) => spread.windows(i, request, out, present);
    return set;
  })();
}

/** Whether threads compute a selector's windows, unless there are too many. */
export function willSpread(options: StorageOptions, { range, samples }: Selection): boolean {
  const { workers = null, starts, spreadSamples = SPREAD_SAMPLES } = options;
  const possible = workers !== null && starts === undefined && !range.extended && range.rangeMs > 0;
  return possible && canSpread(range.func) && samples >= spreadSamples;
}

/** Has the threads compute a selector's windows, in the order of its series; null when that is not the way to do it. */
export function spreadSelection(
  database: Database,
  options: StorageOptions,
  selection: Selection,
): Promise<ComputedWindows> | null {
  const { found, range } = selection;
  const { trace, workers } = options;
  if (workers == null || range.func === null || !willSpread(options, selection)) return null;
  const spread = SpreadWindows.plan(found.columns(), range, range.func, workers.count);
  if (spread === null) return null;
  return (async () => {
    const spreadMs = performance.now();
    const read = await spread.run(workers, () => openRange(database, range.startMs, range.endMs).plan(), options);
    if (trace) {
      trace.threadMs += performance.now() - spreadMs;
      trace.samplesRead += read.samples;
      trace.blocksRead += read.blocks;
      trace.spreadSelectors++;
    }
    return spread.computed;
  })();
}

/** See Selection.samples. */
function estimateWork(database: Database, found: FoundSeries, range: SelectRange): number {
  const samples = openRange(database, range.startMs, range.endMs).estimateRows(found.someRefs(16), found.count);
  const overlap = UNSLIDING.has(range.func) && range.stepMs > 0 ? range.rangeMs / range.stepMs : 1;
  return samples * Math.max(1, overlap);
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
