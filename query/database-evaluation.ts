/**
 * Evaluates a query over a database: a small one at once, a large one on a thread of its own, so that whoever else wants
 * something of this process does not wait for it.
 */
import type { Database } from '../engine/database.ts';
import type { MemtableCopies } from '../engine/series-reader.ts';
import { VarveError } from '../errors/errors.ts';
import type { IndexHandle } from '../index/worker-view.ts';
import { type SourceColumns, sharedInts } from './found-series.ts';
import {
  findSeries,
  openRange,
  openSelection,
  type Selection,
  type StorageOptions,
  spreadSelection,
  willSpread,
} from './prometheus-storage.ts';
import {
  evaluatePrepared,
  type PreparedQuery,
  parseQuery,
  prepareQuery,
  type QueryOptions,
  type QueryResult,
  type QueryTimes,
} from './promql/evaluate.ts';
import { METRIC_NAME } from './promql/labels.ts';
import { EMPTY_SERIES_SET, type SeriesSet } from './promql/querier.ts';
import { mayBeInAnyOrder } from './series-order.ts';
import { openStarts, startsRef } from './start-times.ts';
import type { WindowColumns } from './workers/computed-windows.ts';
import type { EvaluationJob, SharedSelection } from './workers/evaluation-job.ts';
import type { EvaluationThreads } from './workers/evaluation-threads.ts';
import { isOver } from './workers/spread-windows.ts';

export interface DatabaseQuery {
  readonly query: string;
  readonly times: QueryTimes;
  readonly options: QueryOptions;
  readonly storage: StorageOptions;
  /** Where large queries go; null: all are evaluated here. */
  readonly threads: EvaluationThreads | null;
  /** Values to be looked at or made from which on a query goes there. */
  readonly threadValues?: number;
  /** Posted to the thread with the query, see EvaluationRequest. */
  readonly format: unknown;
}

/** Ten to twenty milliseconds of work. */
const THREAD_VALUES = 500_000;
/** What a series costs besides its values, as so many values: labels, a column, and its head in the answer. */
const SERIES_VALUES = 200;
const MAX_ATTEMPTS = 5;

/**
 * The result, when it was evaluated here, or what the thread made of it.
 * @throws VarveError as the evaluation and the storage do.
 */
export async function evaluateDatabase(
  database: Database | undefined,
  { query, times, options, storage, threads, threadValues = THREAD_VALUES, format }: DatabaseQuery,
): Promise<{ result: QueryResult } | { answer: unknown }> {
  const startedMs = performance.now();
  const prepared = prepareQuery(parseQuery(query), times, options, query);
  const { plans } = prepared.fetches;
  for (let attempt = 1; ; attempt++) {
    const selections = plans.map(({ matchers, range }) =>
      database === undefined ? null : findSeries(database, storage, matchers, range),
    );
    if (threads === null || valuesOf(prepared, selections, storage) < threadValues) {
      const open = (i: number, options: StorageOptions) => {
        const again = () => findSeries(database!, storage, plans[i].matchers, plans[i].range);
        const withoutThreads = { ...options, workers: null };
        return openSelection(database!, options, selections[i]!, () =>
          openSelection(database!, withoutThreads, again(), () => EMPTY_SERIES_SET),
        );
      };
      const opened = selections.map((selection, i) => (selection === null ? EMPTY_SERIES_SET : open(i, storage)));
      const sets = opened.some((set) => set instanceof Promise) ? await Promise.all(opened) : (opened as SeriesSet[]);
      return { result: evaluatePrepared(prepared, sets, options, startedMs) };
    }
    const removals = removalsOf(database, storage);
    try {
      const job = await makeJob(database, prepared, selections, options, storage, startedMs);
      const answer = await threads.run({ job, format }, storage);
      if (removalsOf(database, storage) === removals) return { answer };
    } catch (error) {
      throwIfOver(storage);
      // A merge has replaced a file before the thread opened it, or series have gone under its hands.
      const mayHelp = (error as NodeJS.ErrnoException).code === 'ENOENT' || removalsOf(database, storage) !== removals;
      if (!mayHelp || attempt >= MAX_ATTEMPTS) throw error;
    }
    // Refs of series that are gone may be another's by now, so what came is worth nothing.
    if (attempt >= MAX_ATTEMPTS) {
      throw new VarveError('overloaded', 'cannot read series: some were removed while the query ran, try again');
    }
  }
}

/** Changes when series are removed of those whose refs go to a thread. */
function removalsOf(database: Database | undefined, { starts }: StorageOptions): number {
  return (database?.index.removals ?? 0) + (starts?.index.removals ?? 0);
}

function throwIfOver(ends: StorageOptions): void {
  if (!isOver(ends)) return;
  if (ends.signal?.aborted) throw new VarveError('canceled', 'query was canceled in expression evaluation');
  throw new VarveError('timeout', 'query timed out in expression evaluation');
}

/** About how many values this thread would look at and make, besides what threads read for it. */
function valuesOf(
  { fetches }: PreparedQuery,
  selections: readonly (Selection | null)[],
  storage: StorageOptions,
): number {
  let values = fetches.otherValues;
  selections.forEach((selection, i) => {
    if (selection === null) return;
    values += selection.found.count * (SERIES_VALUES + fetches.valuesPerSeries[i]);
    if (!willSpread(storage, selection)) values += selection.samples;
  });
  return values;
}

/** Has windows spread that pay, and puts together what the thread needs. */
async function makeJob(
  database: Database | undefined,
  { query, times }: PreparedQuery,
  selections: readonly (Selection | null)[],
  { signal: _, timeoutMs: __, ...options }: QueryOptions,
  storage: StorageOptions,
  startedMs: number,
): Promise<EvaluationJob> {
  const columns = await Promise.all(
    selections.map(async (selection) => {
      if (selection === null) return null;
      return (await spreadSelection(database!, storage, selection))?.columns ?? null;
    }),
  );
  throwIfOver(storage);
  const copies: MemtableCopies = new Map();
  const keys = database?.index.snapshotForWorker();
  const { deadlineMs = Infinity } = storage;
  return {
    query,
    times,
    options,
    remainingMs: Math.min(deadlineMs, startedMs + (options.limits?.timeoutMs ?? Infinity)) - performance.now(),
    selections: selections.map((selection, i) =>
      selection === null ? null : share(database!, keys!, selection, columns[i], copies, storage.starts),
    ),
    control: new Int32Array(new SharedArrayBuffer(4)),
  };
}

function share(
  database: Database,
  keys: IndexHandle,
  selection: Selection,
  windows: WindowColumns | null,
  copies: MemtableCopies,
  starts: Database | undefined,
): SharedSelection {
  const { found, range } = selection;
  const columns = found.columns();
  const { refs } = columns;
  return {
    keys,
    plan: openRange(database, range.startMs, range.endMs).plan(copies),
    func: range.func,
    labelIds: labelIdsOf(database, selection, columns),
    ...columns,
    windows,
    starts:
      starts === undefined
        ? null
        : {
            plan: openStarts(starts, range.startMs, range.endMs).plan(copies),
            refs: Int32Array.from(refs, (ref) => startsRef(database, starts, ref)),
          },
  };
}

/** See SharedSelection.labelIds: for many series, so that the thread need not read the labels of each. */
function labelIdsOf(
  { index }: Database,
  { found, range: { func, grouping } }: Selection,
  { refs, fieldOf, firstSource }: SourceColumns,
): Map<string, Int32Array> {
  const ids = new Map<string, Int32Array>();
  if (grouping === null || grouping.without || firstSource !== null) return ids;
  if (!mayBeInAnyOrder(found.count, func)) return ids;
  for (const name of grouping.labels) {
    ids.set(name, name === METRIC_NAME ? fieldOf : shareInts(index.tagValueIds(name, refs)));
  }
  return ids;
}

function shareInts(ints: Int32Array): Int32Array {
  const shared = sharedInts(ints.length);
  shared.set(ints);
  return shared;
}
