/**
 * Evaluates a query over a database: a small one at once, a large one on a thread of its own, so that whoever else wants
 * something of this process does not wait for it.
 */
import type { Database } from '../engine/database.ts';
import type { MemtableCopies } from '../engine/series-reader.ts';
import { VarveError } from '../errors/errors.ts';
import type { IndexHandle } from '../index/worker-view.ts';
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
import { EMPTY_SERIES_SET } from './promql/querier.ts';
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

/** Tens of milliseconds of work. */
const THREAD_VALUES = 1_000_000;
/** What a series costs besides its values, as so many values. */
const SERIES_VALUES = 100;
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
      const sets = await Promise.all(
        selections.map((selection, i) => (selection === null ? EMPTY_SERIES_SET : open(i, storage))),
      );
      return { result: evaluatePrepared(prepared, sets, options, startedMs) };
    }
    const removals = database?.index.removals;
    try {
      const job = await makeJob(database, prepared, selections, options, storage, startedMs);
      const answer = await threads.run({ job, format }, storage);
      if (database?.index.removals === removals) return { answer };
    } catch (error) {
      throwIfOver(storage);
      // A merge has replaced a file before the thread opened it, or series have gone under its hands.
      const mayHelp = (error as NodeJS.ErrnoException).code === 'ENOENT' || database?.index.removals !== removals;
      if (!mayHelp || attempt >= MAX_ATTEMPTS) throw error;
    }
    // Refs of series that are gone may be another's by now, so what came is worth nothing.
    if (attempt >= MAX_ATTEMPTS) {
      throw new VarveError('overloaded', 'cannot read series: some were removed while the query ran, try again');
    }
  }
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
    values += selection.series.length * (SERIES_VALUES + fetches.valuesPerSeries[i]);
    if (!willSpread(storage, selection)) values += selection.samples;
  });
  return values;
}

/** Has windows spread that pay, and puts together what the thread needs. */
async function makeJob(
  database: Database | undefined,
  { query, times, fetches }: PreparedQuery,
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
      selection === null
        ? null
        : share(database!, keys!, selection, fetches.plans[i].range.func, columns[i], copies, storage.starts),
    ),
    control: new Int32Array(new SharedArrayBuffer(4)),
  };
}

function share(
  database: Database,
  keys: IndexHandle,
  { series, range }: Selection,
  func: string | null,
  windows: WindowColumns | null,
  copies: MemtableCopies,
  starts: Database | undefined,
): SharedSelection {
  let sourceCount = 0;
  let single = true;
  for (const { sources } of series) {
    sourceCount += sources.length;
    if (sources.length > 1) single = false;
  }
  const refs = new Int32Array(new SharedArrayBuffer(sourceCount * 4));
  const fieldOf = new Int32Array(new SharedArrayBuffer(sourceCount * 4));
  const firstSource = single ? null : new Int32Array(new SharedArrayBuffer((series.length + 1) * 4));
  const fields: { name: string; field: string }[] = [];
  const idOf = new Map<string, number>();
  let at = 0;
  series.forEach((one, i) => {
    for (const { ref, field } of one.sources) {
      const name = one.metricName ?? one.labels.get(METRIC_NAME);
      const key = `${name}\u0000${field}`;
      let id = idOf.get(key);
      if (id === undefined) {
        id = fields.push({ name, field }) - 1;
        idOf.set(key, id);
      }
      refs[at] = ref;
      fieldOf[at++] = id;
    }
    if (firstSource !== null) firstSource[i + 1] = at;
  });
  return {
    keys,
    plan: openRange(database, range.startMs, range.endMs).plan(copies),
    func,
    fields,
    refs,
    fieldOf,
    firstSource,
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
