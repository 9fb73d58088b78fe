/**
 * The interface of InfluxQL's functions: kernels over the columns of one group's points.
 *
 * A group is what GROUP BY's tags make; the caller brings its points together, cuts them into windows and calls a kernel
 * once for all of them. There are four kinds of kernels, by what they answer:
 *
 * - WindowKernel: at most one value per window (aggregates, and selectors, which also say which point they took);
 * - RowsKernel: any number of rows per window (top, bottom, sample, distinct);
 * - StreamKernel: rows out of the whole sequence, with times of their own (derivative … Holt-Winters);
 * - MathKernel: one value per row, out of columns of one length, nulls included (abs … pow).
 *
 * Times are pairs of whole seconds and nanoseconds, as everywhere in InfluxQL; durations are nanoseconds in a double.
 * Columns are those of the answers (`result.ts`), so that what a kernel fills can be sent as it is.
 *
 * Invariants: the input is never changed; columns of points have no nulls (the caller leaves null rows out, as influxd's
 * iterators do); outputs are fresh.
 */
import type { NumberColumn, TextColumn } from '../result.ts';

export type FieldKind = 'float' | 'integer' | 'unsigned' | 'string' | 'boolean';

/** A column of values of one type. */
export type ValueColumn = NumberColumn | TextColumn;

/** Points of one group. */
export interface Points {
  readonly length: number;
  /** `length` values or more; `present` is ignored. */
  readonly values: ValueColumn;
  /**
   * Parallel to the values: whole seconds since the epoch (may be negative) and nanoseconds 0 … 999,999,999. Functions
   * whose entry has `needsTimes: false` do not read them; they may be empty then.
   */
  readonly sec: Float64Array;
  readonly nano: Float64Array;
  /**
   * How many points each of these points stands for, when they are themselves results of a kernel (`WindowResult.counts`)
   * that are merged; null: each is one point. Only mean() looks at it.
   */
  readonly weights: Float64Array | null;
}

/** Windows over points: disjoint index ranges [lo, hi), in the order of the points. Empty ones are allowed. */
export interface Windows {
  readonly count: number;
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  /**
   * The times that bound each window, start ≤ t < end whichever way the points are ordered; without GROUP BY time those of
   * the whole time range. Only integral() reads them; null elsewhere.
   */
  readonly bounds: WindowBounds | null;
}

export interface WindowBounds {
  readonly startSec: Float64Array;
  readonly startNano: Float64Array;
  readonly endSec: Float64Array;
  readonly endNano: Float64Array;
}

/** What a call says beside its field, and what of the query matters to it. Made by `callOptions` (arguments.ts). */
export interface CallOptions {
  /** False with ORDER BY time DESC: points come newest first. */
  readonly ascending: boolean;
  /** ns: the unit of derivative, elapsed and integral. */
  readonly unitNs: number;
  /** N of top, bottom, sample, moving_average, of the technical functions, and of holt_winters (how many to predict). */
  readonly count: number;
  /** percentile's second argument. */
  readonly percentile: number;
  /** Season of holt_winters. */
  readonly season: number;
  /** ns of GROUP BY time, for holt_winters; 0 when there is none. */
  readonly intervalNs: number;
  /** Hold period of the technical functions; -1 is by the function. */
  readonly hold: number;
  /** Warm-up of the technical functions. */
  readonly warmup: 'exponential' | 'simple' | 'none';
}

export interface WindowResult {
  /** One value per window; `present` says which have one (an empty window has none). */
  readonly values: ValueColumn;
  /** Of selectors: the point that was taken, -1 where there is none. Null for aggregates: their time is the window's. */
  readonly source: Int32Array | null;
  /**
   * How many points each value stands for: weights for merging, see `Points.weights`. 0 where the window has no row at all,
   * so that fill() decides. NaN (stddev() of one point) is a value like others here, though answers show it as null.
   *
   * Only percentile() leaves out windows that have points, where it finds no rank. In influxd such a window is an end to
   * whatever reads the rows, and those of later windows and groups are lost; here it is as empty as one without points.
   */
  readonly counts: Float64Array;
}

export type WindowKernel = (points: Points, windows: Windows, options: CallOptions) => WindowResult;

/** Rows in the order of the windows; within a window in the order in which influxd gives them. */
export interface RowsResult {
  readonly length: number;
  readonly values: ValueColumn;
  /** Which window each row belongs to. */
  readonly window: Int32Array;
  /** Which point each row is: for its time (when the entry says `rowTime: 'point'`) and the fields beside it. */
  readonly source: Int32Array;
}

export type RowsKernel = (points: Points, windows: Windows, options: CallOptions) => RowsResult;

/** Rows of a transformation, none of them null. */
export interface StreamResult {
  readonly length: number;
  readonly values: ValueColumn;
  readonly sec: Float64Array;
  readonly nano: Float64Array;
}

/** Windows are only read by integral(), which answers a row per window that has an area; others get the whole sequence. */
export type StreamKernel = (points: Points, windows: Windows | null, options: CallOptions) => StreamResult;

/** A StreamKernel that may take seconds: it yields every few milliseconds, and goes on when it is asked to. */
export type SteppedKernel = (points: Points, options: CallOptions) => Generator<void, StreamResult>;

/** An operand of a math function: a column or a constant, nulls by `present` (or null texts). */
export type MathKernel = (columns: readonly ValueColumn[], rows: number) => ValueColumn;
