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
import type { PrometheusSeries } from '../prometheus-series.ts';
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
import { type FieldSource, SampleReader } from '../sample-reader.ts';
import { sampleSet } from '../sample-set.ts';
import { readStartTimes } from '../start-times.ts';
import { ComputedWindows, type WindowColumns } from './computed-windows.ts';
import { keyLabels } from './key-labels.ts';
import { STOP } from './window-job.ts';

/** One selector's series, in any order. */
export interface SharedSelection {
  readonly keys: IndexHandle;
  readonly plan: ReadPlan;
  readonly func: string | null;
  /** What a series is called, and the field behind it. */
  readonly fields: readonly { readonly name: string; readonly field: string }[];
  /** [source] its ref, and which of `fields` it is. */
  readonly refs: Int32Array;
  readonly fieldOf: Int32Array;
  /** [series + 1] where its sources begin; null when each has one. */
  readonly firstSource: Int32Array | null;
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

/** Brings series into the order that the evaluation expects. */
type Sort = (series: PrometheusSeries[], func: string | null) => void;

/** Evaluates on this thread. Throws what the evaluation throws, and ENOENT for a file that a merge has removed. */
export function runEvaluation(
  job: EvaluationJob,
  open: (path: string) => TsmFile,
  sort: Sort,
  counts: ReadCounts,
): QueryResult {
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
    selection === null ? EMPTY_SERIES_SET : setOf(selection, open, sort, counts),
  );
  return evaluatePrepared(prepared, sets, options, startedMs);
}

/** A series that knows its place among those that were sent. There may be millions, so it holds nothing else. */
class SentSeries implements PrometheusSeries {
  readonly at: number;
  private readonly selection: SharedSelection;
  private readonly labelsAt: LabelSource;
  private made: Labels | null = null;

  constructor(selection: SharedSelection, labelsAt: LabelSource, at: number) {
    this.selection = selection;
    this.labelsAt = labelsAt;
    this.at = at;
  }

  get labels(): Labels {
    this.made ??= Labels.later(this.labelsAt, this.at);
    return this.made;
  }

  get sources(): FieldSource[] {
    const { refs, fieldOf, fields, firstSource } = this.selection;
    const { at } = this;
    if (firstSource === null) return [{ ref: refs[at], field: fields[fieldOf[at]].field }];
    const sources: FieldSource[] = [];
    for (let s = firstSource[at]; s < firstSource[at + 1]; s++) {
      sources.push({ ref: refs[s], field: fields[fieldOf[s]].field });
    }
    return sources;
  }
}

function setOf(selection: SharedSelection, open: (path: string) => TsmFile, sort: Sort, counts: ReadCounts): SeriesSet {
  const { plan, fields, refs, fieldOf, firstSource, windows, starts } = selection;
  const count = firstSource === null ? refs.length : firstSource.length - 1;
  const labelsOf = keyLabels(selection.keys, fields.length > 1);
  const labelsAt = (at: number) => {
    const source = firstSource === null ? at : firstSource[at];
    return labelsOf(refs[source], fields[fieldOf[source]].name);
  };
  const series: SentSeries[] = new Array(count);
  for (let at = 0; at < count; at++) series[at] = new SentSeries(selection, labelsAt, at);
  sort(series, selection.func);
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
  if (windows !== null) {
    const computed = new ComputedWindows(windows);
    set.windows = (i, request, out, present) => computed.windows(series[i].at, request, out, present);
  }
  return set;
}

function startsRefs(refs: Int32Array, startRefs: Int32Array): (ref: number) => number {
  const byRef = new Map<number, number>();
  for (let i = 0; i < refs.length; i++) byRef.set(refs[i], startRefs[i]);
  return (ref) => byRef.get(ref) ?? -1;
}
