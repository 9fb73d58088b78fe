/**
 * The interface of functions over range vectors. A kernel gets one series with the windows of all steps and fills one
 * value per step. Windows are index ranges [lo, hi) that only move forward, so that a kernel can slide over the points
 * instead of reading each window anew.
 */
import type { Annotations } from '../annotations.ts';

export interface RangeInput {
  /** Ascending, in ms. */
  readonly times: Float64Array;
  /** Parallel to `times`, without stale markers. */
  readonly values: Float64Array;
  /** Start timestamps in ms, 0: unknown; null when the series has none. */
  readonly startTimes: Float64Array | null;
  /** The window of step i is the points lo[i] … hi[i]-1; empty when they are equal. Both never decrease. */
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  readonly stepCount: number;
  /** Evaluation time per step, in ms. */
  readonly evalMs: Float64Array;
  /** End of the range per step, in ms (inclusive); it starts, exclusively, rangeMs before. */
  readonly rangeEndMs: Float64Array;
  readonly rangeMs: number;
  /** The scalar arguments, one value per step, in order. */
  readonly scalars: readonly Float64Array[];
  /** With these the windows reach beyond the range: see RangeSource. */
  readonly anchored: boolean;
  readonly smoothed: boolean;
  readonly metricName: string;
  readonly annotations: Annotations;
  /** The first argument of the call, for annotations. */
  readonly position: { readonly start: number };
}

/** Fills out[i] and sets present[i] to 1 for the steps that have a value. `present` comes zeroed. */
export type RangeKernel = (input: RangeInput, out: Float64Array, present: Uint8Array) => void;

/** Points read when every window is read anew. */
function windowWork(input: RangeInput): number {
  let work = 0;
  for (let i = 0; i < input.stepCount; i++) work += input.hi[i]! - input.lo[i]!;
  return work;
}

/** Whether windows overlap so much that sliding pays. */
export function slidingPays(input: RangeInput): boolean {
  const first = input.lo[0] ?? 0;
  const last = input.hi[input.stepCount - 1] ?? 0;
  return windowWork(input) > 6 * (last - first) + 64;
}

/** A kernel from a function of one window; for what is cheap per window or cannot slide. */
export function perWindow(compute: (input: RangeInput, lo: number, hi: number, step: number) => number): RangeKernel {
  return (input, out, present) => {
    const { lo, hi, stepCount } = input;
    for (let i = 0; i < stepCount; i++) {
      if (hi[i]! <= lo[i]!) continue;
      out[i] = compute(input, lo[i]!, hi[i]!, i);
      present[i] = 1;
    }
  };
}
