/**
 * A whole evaluation on another thread: what it needs, as data that can be posted there, and how it is done there.
 *
 * The thread parses the text again, which is quicker than sending its tree, and finds the selectors in the same order. Series
 * go by their refs; labels are read from the index's keys and samples from files, and from copies of memtables, when
 * the evaluation asks for them. What comes out is what the main thread would have computed, bit by bit.
 */
import { type ReadPlan, readerOfPlan } from '../../engine/series-reader.ts';
import type { IndexHandle } from '../../index/worker-view.ts';
import type { TsmFile } from '../../tsm/reader.ts';
import type { SourceColumns } from '../found-series.ts';
import {
  evaluatePrepared,
  parseQuery,
  prepareQuery,
  type QueryOptions,
  type QueryResult,
  type QueryTimes,
} from '../promql/evaluate.ts';
import { type LabelSource, Labels } from '../promql/labels.ts';
import { EMPTY_SERIES_SET, type SeriesSet } from '../promql/querier.ts';
import { type FieldSource, SampleReader, type SeriesSources } from '../sample-reader.ts';
import { orderOfRefs, type SeriesList, sampleSet } from '../sample-set.ts';
import { mayBeInAnyOrder } from '../series-order.ts';
import { readStartTimes } from '../start-times.ts';
import { ComputedWindows, type WindowColumns } from './computed-windows.ts';
import { keyLabels } from './key-labels.ts';
import { orderOfKeys, orderOfLabels } from './key-order.ts';
import { STOP } from './window-job.ts';

/** From here on, sorting keys takes less than making labels of them. */
const BYTE_SORTED_SERIES = 1000;

/** One selector's series, in any order. */
export interface SharedSelection extends SourceColumns {
  readonly keys: IndexHandle;
  readonly plan: ReadPlan;
  readonly func: string | null;
  /** [series] what tells one value of a label from another, for labels that are grouped by. */
  readonly labelIds: ReadonlyMap<string, Int32Array>;
  /** Columns that threads have computed already. */
  readonly windows: WindowColumns | null;
  /** Start times: what to read them from, and [source] the ref there. */
  readonly starts: { readonly plan: ReadPlan; readonly refs: Int32Array } | null;
}

export interface EvaluationJob {
  readonly query: string;
  readonly times: QueryTimes;
  readonly options: Omit<QueryOptions, 'signal' | 'timeoutMs'>;
  /** How long it may take from now on; Infinity: no limit. */
  readonly remainingMs: number;
  /** One per selector, null where there is nothing to select from. */
  readonly selections: readonly (SharedSelection | null)[];
  /** [1 to stop] in shared memory. */
  readonly control: Int32Array;
}

/** What an evaluation on a thread read. */
export interface ReadCounts {
  samplesRead: number;
  blocksRead: number;
  readMs: number;
}

/** Evaluates on this thread. Throws what the evaluation throws, and ENOENT for a file that a merge has removed. */
export function runEvaluation(job: EvaluationJob, open: (path: string) => TsmFile, counts: ReadCounts): QueryResult {
  const startedMs = performance.now();
  const { query, times, control, remainingMs } = job;
  const signal = {
    get aborted() {
      return Atomics.load(control, STOP) === 1;
    },
  };
  const options: QueryOptions = {
    ...job.options,
    signal,
    timeoutMs: remainingMs === Infinity ? 0 : Math.max(remainingMs, Number.EPSILON),
  };
  const prepared = prepareQuery(parseQuery(query), times, options, query);
  const sets = job.selections.map((selection) =>
    selection === null ? EMPTY_SERIES_SET : setOf(selection, open, counts),
  );
  return evaluatePrepared(prepared, sets, options, startedMs);
}

/** Series as they were sent, in their order, without an object for each. */
function seriesOf(selection: SharedSelection): { series: SeriesList; placeOf: (series: number) => number } {
  const { keys, func, fields, refs, fieldOf, firstSource } = selection;
  const count = firstSource === null ? refs.length : firstSource.length - 1;
  const labelsOf = keyLabels(keys, fields.length > 1);
  const sourceOf = (place: number) => (firstSource === null ? place : firstSource[place]);
  const labelsAt: LabelSource = (place) => labelsOf(refs[sourceOf(place)], fields[fieldOf[sourceOf(place)]].name);
  const anyOrder = mayBeInAnyOrder(count, func);
  let sorted: Uint32Array | null = null;
  if (!anyOrder) {
    sorted =
      firstSource === null && fields.length === 1 && count >= BYTE_SORTED_SERIES ? orderOfKeys(keys, refs) : null;
    sorted ??= orderOfLabels(count, (place) => Labels.later(labelsAt, place));
  }
  const placeOf = sorted === null ? (series: number) => series : (series: number) => sorted[series];
  const only: FieldSource = { ref: 0, field: '' };
  const one: SeriesSources = { sources: [only] };
  const series: SeriesList = {
    count,
    anyOrder,
    labels: (i) => Labels.later(labelsAt, placeOf(i)),
    sources(i) {
      const place = placeOf(i);
      if (firstSource === null) {
        only.ref = refs[place];
        only.field = fields[fieldOf[place]].field;
        return one;
      }
      const sources: FieldSource[] = [];
      for (let s = firstSource[place]; s < firstSource[place + 1]; s++) {
        sources.push({ ref: refs[s], field: fields[fieldOf[s]].field });
      }
      return { sources };
    },
    order: () => orderOfRefs(count, (i) => refs[sourceOf(placeOf(i))]),
  };
  return { series, placeOf };
}

function setOf(selection: SharedSelection, open: (path: string) => TsmFile, counts: ReadCounts): SeriesSet {
  const { plan, refs, windows, starts } = selection;
  const { series, placeOf } = seriesOf(selection);
  const set = sampleSet({
    series,
    open() {
      const reader = new SampleReader(readerOfPlan(plan, open));
      reader.trace = counts;
      return reader;
    },
    openStarts:
      starts === null ? null : () => readStartTimes(readerOfPlan(starts.plan, open), startsRefs(refs, starts.refs)),
    trace: counts,
  });
  // They are in the order in which series were sent.
  if (series.anyOrder) set.labelIds = (name) => selection.labelIds.get(name) ?? null;
  if (windows !== null) {
    const computed = new ComputedWindows(windows);
    set.windows = (i, request, out, present) => computed.windows(placeOf(i), request, out, present);
  }
  return set;
}

function startsRefs(refs: Int32Array, startRefs: Int32Array): (ref: number) => number {
  const byRef = new Map<number, number>();
  for (let i = 0; i < refs.length; i++) byRef.set(refs[i], startRefs[i]);
  return (ref) => byRef.get(ref) ?? -1;
}
