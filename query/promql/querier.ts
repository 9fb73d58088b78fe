/**
 * What the evaluation asks of the storage. All selectors of a query are fetched before the evaluation starts, each once,
 * with the time range that it can touch; the evaluation itself is synchronous over the columns.
 */
import type { Labels } from './labels.ts';
import type { LabelMatcher } from './matcher.ts';

/** What is needed of the selected series. */
export interface SelectRange {
  /** Inclusive bounds of the sample times that can matter, in ms. */
  readonly startMs: number;
  readonly endMs: number;
  /** Distance of the evaluation steps that look at these series; 0 when there is one step only. */
  readonly stepMs: number;
  /** Width of the range selector, 0 for an instant selector. */
  readonly rangeMs: number;
  /** The selector is anchored or smoothed: it looks beyond its range. */
  readonly extended?: true;
  /** The function right around the selector (`rate`, `sum`, …), or null. Only a hint. */
  readonly func: string | null;
  /** The grouping of the aggregation right around the selector. Only a hint. */
  readonly grouping: { readonly labels: readonly string[]; readonly without: boolean } | null;
}

/** Windows of a range function over one series, for storage that can answer without a look at every sample. */
export interface WindowRequest {
  readonly func: string;
  /** Step i looks at times in (endsMs[i] - rangeMs, endsMs[i]]; ascending. */
  readonly endsMs: Float64Array;
  readonly rangeMs: number;
  /** To be called before windows are looked at in memory, with the samples of the widest one. Throws beyond a limit. */
  readonly look?: (samples: number) => void;
}

/** As `times` and `values` of a SeriesSet, for a short time. */
export interface BorrowedSamples {
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  /** False when the values surely hold no stale marker. */
  readonly mayHoldStale: boolean;
}

/** Series as columns. Times ascend strictly; stale markers (NaN 0x7ff0000000000002) are among the values. */
export interface SeriesSet {
  readonly count: number;
  /**
   * The series are so many that they are not in the order of their labels but in that in which they are cheapest to have;
   * the function around the selector gives the same for all orders.
   */
  readonly anyOrder?: boolean;
  /** All series in the order in which their samples are cheapest to have; absent when any will do. */
  order?(): Uint32Array;
  labels(series: number): Labels;
  /** [series] a number ≥ -1 that is the same for series with the same value of a label, where that is known; else null. */
  labelIds?(name: string): Int32Array | null;
  /** Sample times in ms. The array stays valid and unchanged while the query runs. */
  times(series: number): Float64Array;
  /** Parallel to `times`. */
  values(series: number): Float64Array;
  /**
   * The samples of a series for a look at once: valid until the next call, of this or any other function of the set.
   * Absent when they are not cheaper to have this way, or start timestamps belong to them.
   */
  borrow?(series: number): BorrowedSamples;
  /** Start (created) timestamps in ms, parallel to `times`, 0: unknown. Absent when the storage keeps none. */
  startTimes?(series: number): Float64Array | null;
  /** False when the series surely holds no stale marker; that spares a look at each of its values. */
  mayHoldStale?(series: number): boolean;
  /** Whether the series has native histogram samples in the range; the query then fails rather than leave them out. */
  hasHistograms?(series: number): boolean;
  /**
   * Computes a range function at all steps itself: fills `out` and `present` (1: has a value) and returns how many samples
   * its windows hold, or returns -1 to have the samples read. Stale markers must not count as samples.
   */
  windows?(series: number, request: WindowRequest, out: Float64Array, present: Uint8Array): number;
  readonly warnings?: readonly string[];
}

export interface Querier {
  /** Series that match all matchers, in the order of their labels (see compareLabels). */
  select(matchers: readonly LabelMatcher[], range: SelectRange): SeriesSet | Promise<SeriesSet>;
}

/** Nothing. */
export const EMPTY_SERIES_SET: SeriesSet = {
  count: 0,
  labels() {
    throw new Error('BUG: labels of a series that is not there');
  },
  times() {
    throw new Error('BUG: times of a series that is not there');
  },
  values() {
    throw new Error('BUG: values of a series that is not there');
  },
};
