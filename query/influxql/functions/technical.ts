/**
 * The moving averages and indicators of technical analysis that InfluxDB 1.8 has: exponential (double, triple), relative
 * strength, TRIX, Kaufman's efficiency ratio and adaptive average, Chande's momentum oscillator.
 *
 * Each is a machine that takes a value and gives one; rows of the hold period are withheld. "Warm" means that a machine has
 * seen its period. Warmed up exponentially, an average starts with larger weights that shrink to the period's; simply, it
 * is the plain average until it is warm, and what stands on it waits till then.
 */
import type { NumberColumn } from '../result.ts';
import { doublesOf } from './column.ts';
import type { CallOptions, StreamKernel } from './kernel.ts';
import { floatColumn } from './stream.ts';

/** Names of the functions here: what checks arguments, types and ranges treats them alike. */
export const TECHNICAL_FUNCTIONS: readonly string[] = [
  'exponential_moving_average',
  'double_exponential_moving_average',
  'triple_exponential_moving_average',
  'relative_strength_index',
  'triple_exponential_derivative',
  'kaufmans_efficiency_ratio',
  'kaufmans_adaptive_moving_average',
  'chande_momentum_oscillator',
];

interface Machine {
  add(value: number): number;
  /** The hold period when the call names none. */
  readonly warmCount: number;
}

interface Average extends Machine {
  readonly last: () => number;
  readonly isWarm: () => boolean;
}

/** `weight` is that of a new value once the average is warm. */
function exponentialAverage(period: number, simple: boolean, weight = 2 / (period + 1)): Average {
  let count = 0;
  let last = 0;
  return {
    warmCount: period - 1,
    last: () => last,
    isWarm: () => count === period,
    add(value) {
      if (count === 0) last = value;
      else if (count === period) last = (value - last) * weight + last;
      else if (simple) last = (last * count + value) / (count + 1);
      else last = (value - last) * (2 / (count + 2)) + last;
      if (count < period) count++;
      return last;
    },
  };
}

function doubleAverage(period: number, simple: boolean): Machine {
  const first = exponentialAverage(period, simple);
  const second = exponentialAverage(period, simple);
  return {
    warmCount: simple ? 2 * first.warmCount : first.warmCount,
    add(value) {
      const once = first.add(value);
      const twice = first.isWarm() || !simple ? second.add(once) : once;
      return 2 * once - twice;
    },
  };
}

function tripleAverage(period: number, simple: boolean): Machine {
  const first = exponentialAverage(period, simple);
  const second = exponentialAverage(period, simple);
  const third = exponentialAverage(period, simple);
  return {
    warmCount: simple ? 3 * first.warmCount : first.warmCount,
    add(value) {
      const once = first.add(value);
      const twice = first.isWarm() || !simple ? second.add(once) : once;
      const thrice = second.isWarm() || !simple ? third.add(twice) : twice;
      return 3 * once - 3 * twice + thrice;
    },
  };
}

/** TRIX: the change of a threefold average in per cent. */
function tripleDerivative(period: number, simple: boolean): Machine {
  const first = exponentialAverage(period, simple);
  const second = exponentialAverage(period, simple);
  const third = exponentialAverage(period, simple);
  let last = 0;
  return {
    warmCount: (simple ? 3 : 1) * first.warmCount + 1,
    add(value) {
      let current = first.add(value);
      if (first.isWarm() || !simple) {
        current = second.add(current);
        if (second.isWarm() || !simple) current = third.add(current);
      }
      const rate = (current / last - 1) * 100;
      last = current;
      return rate;
    },
  };
}

/** Averages of rises and of falls, from zero on, put together by `join`. */
function risesAndFalls(period: number, simple: boolean, join: (rise: number, fall: number) => number): Machine {
  const rises = exponentialAverage(period + 1, simple, 1 / period);
  const falls = exponentialAverage(period + 1, simple, 1 / period);
  let last = 0;
  return {
    warmCount: rises.warmCount,
    add(value) {
      rises.add(value > last ? value - last : 0);
      falls.add(value < last ? last - value : 0);
      last = value;
      return join(rises.last(), falls.last());
    },
  };
}

function relativeStrength(period: number, simple: boolean): Machine {
  return risesAndFalls(period, simple, (rise, fall) => 100 - 100 / (1 + rise / fall));
}

/** Chande's oscillator over averages, as TA-Lib has it. */
function smoothedMomentum(period: number, simple: boolean): Machine {
  return risesAndFalls(period, simple, (rise, fall) => 100 * ((rise - fall) / (rise + fall)));
}

/** Chande's oscillator over plain sums of the rises and falls of a ring of `period - 1` steps. */
function plainMomentum(period: number): Machine {
  const size = Math.max(1, period - 1);
  const prices = new Float64Array(size);
  const steps = new Float64Array(size);
  let newest = 0;
  let started = false;
  let rises = 0;
  let falls = 0;
  return {
    warmCount: period - 1,
    add(value) {
      const oldest = (newest + 1) % size;
      let step = 0;
      if (started) {
        step = value - prices[newest]!;
        if (step > 0) rises += step;
        else if (step < 0) falls -= step;
      }
      started = true;
      const out = rises !== 0 || falls !== 0 ? 100 * ((rises - falls) / (rises + falls)) : 0;
      const leaving = steps[oldest]!;
      if (leaving > 0) rises -= leaving;
      else if (leaving < 0) falls += leaving;
      prices[oldest] = value;
      steps[oldest] = step;
      newest = oldest;
      return out;
    },
  };
}

interface EfficiencyRatio extends Machine {
  readonly isWarm: () => boolean;
  readonly newestPrice: () => number;
}

/** Net change over the sum of changes. */
function efficiencyRatio(period: number): EfficiencyRatio {
  const prices = new Float64Array(period);
  const steps = new Float64Array(period);
  let newest = 0;
  let noise = 0;
  let count = 0;
  return {
    warmCount: period,
    isWarm: () => count === period + 1,
    newestPrice: () => prices[newest]!,
    add(value) {
      const oldest = newest + 1 >= period ? 0 : newest + 1;
      const signal = Math.abs(value - prices[oldest]!);
      const step = Math.abs(value - prices[newest]!);
      noise -= steps[oldest]!;
      noise += step;
      newest = oldest;
      prices[newest] = value;
      steps[newest] = step;
      if (count < period + 1) count++;
      return signal === 0 || noise === 0 ? 0 : signal / noise;
    },
  };
}

/** The weight of the slowest average, 2 / (30 + 1), and how far the fastest, 2 / (2 + 1), is above it: rounded once. */
const SLOWEST = 2 / 31;
const FASTEST_ABOVE = 56 / 93;

function adaptiveAverage(period: number): Machine {
  const ratio = efficiencyRatio(period);
  let last = 0;
  return {
    warmCount: period,
    add(value) {
      if (!ratio.isWarm()) last = ratio.newestPrice();
      const smoothing = ratio.add(value) * FASTEST_ABOVE + SLOWEST;
      last = last + smoothing * smoothing * (value - last);
      return last;
    },
  };
}

function technical(make: (options: CallOptions) => Machine, dropInfinite: boolean): StreamKernel {
  return (points, _windows, options) => {
    const machine = make(options);
    const hold = options.hold === -1 ? machine.warmCount : options.hold;
    const values = doublesOf(points.values as NumberColumn, points.length);
    const out = new Float64Array(points.length);
    const sec = new Float64Array(points.length);
    const nano = new Float64Array(points.length);
    let rows = 0;
    for (let i = 0; i < points.length; i++) {
      const value = machine.add(values[i]!);
      if (i < hold || (dropInfinite && Math.abs(value) === Number.POSITIVE_INFINITY)) continue;
      out[rows] = value;
      sec[rows] = points.sec[i]!;
      nano[rows++] = points.nano[i]!;
    }
    return {
      length: rows,
      values: floatColumn(out, rows),
      sec: sec.subarray(0, rows),
      nano: nano.subarray(0, rows),
    };
  };
}

function isSimple(options: CallOptions): boolean {
  return options.warmup === 'simple';
}

export const exponentialAverageKernel = technical((o) => exponentialAverage(o.count, isSimple(o)), false);
export const doubleAverageKernel = technical((o) => doubleAverage(o.count, isSimple(o)), false);
export const tripleAverageKernel = technical((o) => tripleAverage(o.count, isSimple(o)), false);
export const relativeStrengthKernel = technical((o) => relativeStrength(o.count, isSimple(o)), false);
export const tripleDerivativeKernel = technical((o) => tripleDerivative(o.count, isSimple(o)), true);
export const efficiencyRatioKernel = technical((o) => efficiencyRatio(o.count), true);
export const adaptiveAverageKernel = technical((o) => adaptiveAverage(o.count), true);
export const momentumKernel = technical(
  (o) => (o.warmup === 'none' ? plainMomentum(o.count) : smoothedMomentum(o.count, isSimple(o))),
  false,
);
