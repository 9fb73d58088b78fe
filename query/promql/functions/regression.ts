/**
 * Least squares over windows: deriv and predict_linear; and double exponential smoothing.
 *
 * A window on its own is fitted as Prometheus does it, to the last digit. The sums of a sliding window are kept with two
 * stacks (see two-stacks.ts); there, times and values enter relative to a point of the window, so that the sums stay small
 * and little is lost when their products are subtracted.
 */

import { VarveError } from '../../../errors/errors.ts';
import { changeCounts } from './over-time.ts';
import { perWindow, type RangeInput, type RangeKernel, slidingPays } from './range-kernel.ts';
import { compensation, finiteOrZero } from './two-stacks.ts';

interface Line {
  slope: number;
  /** The value at the given time. */
  intercept: number;
}

const line: Line = { slope: 0, intercept: 0 };

/** Fits a window directly, with compensated sums, into `line`. */
function fitWindow(input: RangeInput, lo: number, hi: number, interceptMs: number): Line {
  const { times, values } = input;
  const count = hi - lo;
  let constant = true;
  let [sumX, restX, sumY, restY, sumXY, restXY, sumXX, restXX] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = lo; k < hi; k++) {
    if (k > lo && values[k] !== values[lo]) constant = false;
    const x = (times[k]! - interceptMs) / 1000;
    const y = values[k]!;
    restX = compensation(restX, sumX, x);
    sumX += x;
    restY = compensation(restY, sumY, y);
    sumY += y;
    restXY = compensation(restXY, sumXY, x * y);
    sumXY += x * y;
    restXX = compensation(restXX, sumXX, x * x);
    sumXX += x * x;
  }
  if (constant) return constantLine(values[lo]!);
  sumX += restX;
  sumY += restY;
  const covariance = sumXY + restXY - (sumX * sumY) / count;
  const variance = sumXX + restXX - (sumX * sumX) / count;
  line.slope = covariance / variance;
  line.intercept = sumY / count - (line.slope * sumX) / count;
  return line;
}

function constantLine(value: number): Line {
  const infinite = Math.abs(value) === Infinity;
  line.slope = infinite ? Number.NaN : 0;
  line.intercept = infinite ? Number.NaN : value;
  return line;
}

function solve(
  count: number,
  sumX: number,
  sumY: number,
  sumXY: number,
  sumXX: number,
  at: number,
  base: number,
): Line {
  const covariance = sumXY - (sumX * sumY) / count;
  const variance = sumXX - (sumX * sumX) / count;
  line.slope = covariance / variance;
  line.intercept = sumY / count + line.slope * (at - sumX / count) + base;
  return line;
}

let suffixes = [new Float64Array(0), new Float64Array(0), new Float64Array(0), new Float64Array(0)];

/** Fits all windows of at least two points; `interceptMs` may be null: the first point's time. */
function fitWindows(
  input: RangeInput,
  interceptMs: Float64Array | null,
  emit: (step: number, fitted: Line) => void,
): void {
  const { times, values, lo, hi, stepCount } = input;
  const slides = slidingPays(input);
  const changes = slides ? changeCounts(input) : null;
  if (slides && suffixes[0]!.length < values.length) {
    suffixes = suffixes.map(() => new Float64Array(values.length * 2));
  }
  const [frontX, frontY, frontXY, frontXX] = suffixes as [Float64Array, Float64Array, Float64Array, Float64Array];
  let middle = 0;
  let to = 0;
  let originMs = 0;
  let base = 0;
  let sumX = 0;
  let sumY = 0;
  let sumXY = 0;
  let sumXX = 0;
  for (let i = 0; i < stepCount; i++) {
    const from = lo[i]!;
    const end = hi[i]!;
    if (end - from < 2) continue;
    const wantedMs = interceptMs === null ? times[from]! : interceptMs[i]!;
    if (changes === null) {
      emit(i, fitWindow(input, from, end, wantedMs));
      continue;
    }
    if (from >= middle) {
      originMs = times[from]!;
      base = finiteOrZero(values[from]!);
      sumX = sumY = sumXY = sumXX = 0;
      for (let k = end - 1; k >= from; k--) {
        const x = (times[k]! - originMs) / 1000;
        const y = values[k]! - base;
        frontX[k] = sumX += x;
        frontY[k] = sumY += y;
        frontXY[k] = sumXY += x * y;
        frontXX[k] = sumXX += x * x;
      }
      middle = end;
      sumX = sumY = sumXY = sumXX = 0;
    } else {
      for (let k = to; k < end; k++) {
        const x = (times[k]! - originMs) / 1000;
        const y = values[k]! - base;
        sumX += x;
        sumY += y;
        sumXY += x * y;
        sumXX += x * x;
      }
    }
    to = end;
    // NaN differs from NaN here: changeCounts does not count that, but then the sums are NaN anyhow.
    if (changes[end - 1] === changes[from] && !Number.isNaN(values[from])) emit(i, constantLine(values[from]!));
    else {
      const at = (wantedMs - originMs) / 1000;
      const x = frontX[from]! + sumX;
      const y = frontY[from]! + sumY;
      emit(i, solve(end - from, x, y, frontXY[from]! + sumXY, frontXX[from]! + sumXX, at, base));
    }
  }
}

export const deriv: RangeKernel = (input, out, present) => {
  fitWindows(input, null, (i, fitted) => {
    out[i] = fitted.slope;
    present[i] = 1;
  });
};

export const predictLinear: RangeKernel = (input, out, present) => {
  const seconds = input.scalars[0]!;
  fitWindows(input, input.evalMs, (i, fitted) => {
    out[i] = fitted.slope * seconds[i]! + fitted.intercept;
    present[i] = 1;
  });
};

const smoothWindow = perWindow((input, lo, hi, step) => {
  const { values } = input;
  const smoothing = input.scalars[0]![step]!;
  const trending = input.scalars[1]![step]!;
  let previous = 0;
  let level = values[lo]!;
  let trend = values[lo + 1]! - values[lo]!;
  for (let k = lo + 1; k < hi; k++) {
    if (k > lo + 1) trend = trending * (level - previous) + (1 - trending) * trend;
    const next = smoothing * values[k]! + (1 - smoothing) * (level + trend);
    previous = level;
    level = next;
  }
  return level;
});

/** Windows of one point have no trend and so no value. */
export const doubleExponentialSmoothing: RangeKernel = (input, out, present) => {
  const { lo, hi, stepCount } = input;
  const [smoothing, trending] = input.scalars as [Float64Array, Float64Array];
  for (let i = 0; i < stepCount; i++) {
    if (hi[i]! <= lo[i]!) continue;
    checkFactor('smoothing', 'sf', smoothing[i]!);
    checkFactor('trend', 'tf', trending[i]!);
  }
  smoothWindow(input, out, present);
  for (let i = 0; i < stepCount; i++) {
    if (hi[i]! - lo[i]! < 2) present[i] = 0;
  }
};

function checkFactor(name: string, short: string, factor: number): void {
  if (factor <= 0 || factor >= 1) {
    throw new VarveError(
      'unprocessable',
      `invalid ${name} factor. Expected: 0 < ${short} < 1, got: ${factor.toFixed(6)}`,
    );
  }
}
