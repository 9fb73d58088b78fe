/** The table of functions over range vectors: one line per function. */
import { changes, resets } from './changes.ts';
import {
  avgOverTime,
  countOverTime,
  extreme,
  firstOverTime,
  lastOverTime,
  madOverTime,
  presentOverTime,
  quantileOverTime,
  sumOverTime,
  tsOfFirstOverTime,
  tsOfLastOverTime,
  variance,
} from './over-time.ts';
import type { RangeKernel } from './range-kernel.ts';
import { extrapolated, lastTwo } from './rate.ts';
import { deriv, doubleExponentialSmoothing, predictLinear } from './regression.ts';

export interface RangeFunction {
  readonly kernel: RangeKernel;
  /** The result is a sample of the series itself, so it keeps the metric's name. */
  readonly keepsName?: true;
  /** Only meant for counters: an info is given for metrics that are not named like one. */
  readonly wantsCounter?: true;
  readonly allowsAnchored?: true;
  readonly allowsSmoothed?: true;
}

export const RANGE_FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  rate: { kernel: extrapolated(true, true), wantsCounter: true, allowsAnchored: true, allowsSmoothed: true },
  increase: { kernel: extrapolated(true, false), wantsCounter: true, allowsAnchored: true, allowsSmoothed: true },
  delta: { kernel: extrapolated(false, false), allowsAnchored: true, allowsSmoothed: true },
  irate: { kernel: lastTwo(true) },
  idelta: { kernel: lastTwo(false) },
  changes: { kernel: changes, allowsAnchored: true },
  resets: { kernel: resets, allowsAnchored: true },
  deriv: { kernel: deriv },
  predict_linear: { kernel: predictLinear },
  double_exponential_smoothing: { kernel: doubleExponentialSmoothing },
  avg_over_time: { kernel: avgOverTime },
  sum_over_time: { kernel: sumOverTime },
  min_over_time: { kernel: extreme(false, false) },
  max_over_time: { kernel: extreme(true, false) },
  count_over_time: { kernel: countOverTime },
  present_over_time: { kernel: presentOverTime },
  absent_over_time: { kernel: presentOverTime },
  first_over_time: { kernel: firstOverTime, keepsName: true },
  last_over_time: { kernel: lastOverTime, keepsName: true },
  stddev_over_time: { kernel: variance(true) },
  stdvar_over_time: { kernel: variance(false) },
  quantile_over_time: { kernel: quantileOverTime },
  mad_over_time: { kernel: madOverTime },
  ts_of_first_over_time: { kernel: tsOfFirstOverTime },
  ts_of_last_over_time: { kernel: tsOfLastOverTime },
  ts_of_min_over_time: { kernel: extreme(false, true) },
  ts_of_max_over_time: { kernel: extreme(true, true) },
};
