/**
 * Aggregates of sliding windows without subtraction, which would leave rounding errors and infinities behind.
 *
 * A window [lo, hi) is split at `middle`: for the front part the aggregate of every suffix is kept, for the back part one
 * running aggregate.
 * 1. A point that comes in at hi is added to the back aggregate.
 * 2. Points that leave at lo only move the index into the suffixes.
 * 3. When lo passes `middle`, the suffixes are built anew over the whole window and the back part is empty.
 * Each point is touched twice in all. Sums are compensated (Neumaier); variances are merged (Chan et al.).
 */
import type { RangeInput } from './range-kernel.ts';

/** Reused between series; grows to the longest series seen. */
let suffixA = new Float64Array(1024);
let suffixB = new Float64Array(1024);

function reserve(length: number): void {
  if (suffixA.length >= length) return;
  suffixA = new Float64Array(length * 2);
  suffixB = new Float64Array(length * 2);
}

/** Calls back with the sum of each non-empty window: its leading part and the rest that rounding took from it. */
export function slideSums(input: RangeInput, emit: (step: number, sum: number, rest: number) => void): void {
  const { values, lo, hi, stepCount } = input;
  reserve(values.length);
  let middle = 0;
  let to = 0;
  let sum = 0;
  let rest = 0;
  for (let i = 0; i < stepCount; i++) {
    const from = lo[i]!;
    const end = hi[i]!;
    if (end <= from) continue;
    if (from >= middle) {
      let frontSum = 0;
      let frontRest = 0;
      for (let k = end - 1; k >= from; k--) {
        const value = values[k]!;
        const next = frontSum + value;
        if (next - next !== 0) frontRest = 0;
        else if (Math.abs(frontSum) >= Math.abs(value)) frontRest += frontSum - next + value;
        else frontRest += value - next + frontSum;
        frontSum = next;
        suffixA[k] = frontSum;
        suffixB[k] = frontRest;
      }
      middle = end;
      sum = 0;
      rest = 0;
    } else {
      for (let k = to; k < end; k++) {
        const value = values[k]!;
        const next = sum + value;
        if (next - next !== 0) rest = 0;
        else if (Math.abs(sum) >= Math.abs(value)) rest += sum - next + value;
        else rest += value - next + sum;
        sum = next;
      }
    }
    to = end;
    const front = suffixA[from]!;
    const total = front + sum;
    if (total - total !== 0) emit(i, total, 0);
    else {
      const error = Math.abs(front) >= Math.abs(sum) ? front - total + sum : sum - total + front;
      emit(i, total, suffixB[from]! + rest + error);
    }
  }
}

/** Calls back with the population variance of each non-empty window. */
export function slideVariances(input: RangeInput, emit: (step: number, variance: number) => void): void {
  const { values, lo, hi, stepCount } = input;
  reserve(values.length);
  let middle = 0;
  let to = 0;
  // Values enter relative to one of the window's, which keeps small variances of large values exact.
  let base = 0;
  let backCount = 0;
  let backMean = 0;
  let backSquares = 0;
  for (let i = 0; i < stepCount; i++) {
    const from = lo[i]!;
    const end = hi[i]!;
    if (end <= from) continue;
    if (from >= middle) {
      let mean = 0;
      let squares = 0;
      base = finiteOrZero(values[from]!);
      for (let k = end - 1, count = 1; k >= from; k--, count++) {
        const value = values[k]! - base;
        const delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
        suffixA[k] = mean;
        suffixB[k] = squares;
      }
      middle = end;
      backCount = backMean = backSquares = 0;
    } else {
      for (let k = to; k < end; k++) {
        const value = values[k]! - base;
        const delta = value - backMean;
        backMean += delta / ++backCount;
        backSquares += delta * (value - backMean);
      }
    }
    to = end;
    const frontCount = middle - from;
    const count = frontCount + backCount;
    let squares = suffixB[from]!;
    if (backCount > 0) {
      const delta = backMean - suffixA[from]!;
      squares += backSquares + (delta * delta * frontCount * backCount) / count;
    }
    emit(i, squares / count);
  }
}

/** A compensated sum: `sum` and what rounding took from it. Set by addWindow. */
const total = { sum: 0, rest: 0 };

/**
 * Sums a window into `total`. Two lanes, each adding without branches (Knuth's two-sum), halve the time that the
 * processor waits for one addition before the next. The rest is meaningless when the sum is not finite.
 */
function addWindow(values: Float64Array, lo: number, hi: number): void {
  let sumA = 0;
  let restA = 0;
  let sumB = 0;
  let restB = 0;
  let k = lo;
  for (const end = hi - 1; k < end; k += 2) {
    const a = values[k]!;
    const b = values[k + 1]!;
    const nextA = sumA + a;
    const nextB = sumB + b;
    const partA = nextA - sumA;
    const partB = nextB - sumB;
    restA += sumA - (nextA - partA) + (a - partA);
    restB += sumB - (nextB - partB) + (b - partB);
    sumA = nextA;
    sumB = nextB;
  }
  if (k < hi) {
    const a = values[k]!;
    const nextA = sumA + a;
    const partA = nextA - sumA;
    restA += sumA - (nextA - partA) + (a - partA);
    sumA = nextA;
  }
  const sum = sumA + sumB;
  const part = sum - sumA;
  total.sum = sum;
  total.rest = restA + restB + (sumA - (sum - part) + (sumB - part));
}

/** The compensated sum of a window. */
export function sumOfWindow(values: Float64Array, lo: number, hi: number): number {
  addWindow(values, lo, hi);
  const { sum, rest } = total;
  if (rest - rest === 0) return sum + rest;
  // Infinities and NaN, or an overflow: in the order of the points, as it decides what comes out.
  let plain = 0;
  for (let k = lo; k < hi; k++) plain += values[k]!;
  return plain;
}

/** The mean by a compensated sum, or, from where that would overflow, incrementally. */
export function meanOfWindow(values: Float64Array, lo: number, hi: number): number {
  addWindow(values, lo, hi);
  const { sum, rest } = total;
  const count = hi - lo;
  if (rest - rest === 0) return sum / count + rest / count;
  return carefulMean(values, lo, hi);
}

function carefulMean(values: Float64Array, lo: number, hi: number): number {
  let sum = values[lo]!;
  let rest = 0;
  for (let k = lo + 1; k < hi; k++) {
    const value = values[k]!;
    const next = sum + value;
    if (Math.abs(next) === Infinity) return incrementalMean(values, lo, k, hi, sum, rest);
    rest += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum / (hi - lo) + rest / (hi - lo);
}

function incrementalMean(
  values: Float64Array,
  lo: number,
  from: number,
  hi: number,
  sum: number,
  rest: number,
): number {
  let mean = sum / (from - lo);
  let compensation = rest / (from - lo);
  for (let k = from; k < hi; k++) {
    const count = k - lo + 1;
    const share = (count - 1) / count;
    const value = values[k]! / count;
    const scaled = share * mean;
    compensation *= share;
    const next = scaled + value;
    if (Math.abs(next) === Infinity) compensation = 0;
    else if (Math.abs(scaled) >= Math.abs(value)) compensation += scaled - next + value;
    else compensation += value - next + scaled;
    mean = next;
  }
  return mean + compensation;
}

/** As Prometheus computes it, to the last digit. */
export function varianceOfWindow(values: Float64Array, lo: number, hi: number): number {
  let [mean, meanRest, squares, squaresRest] = [0, 0, 0, 0];
  for (let k = lo, count = 1; k < hi; k++, count++) {
    const value = values[k]!;
    const delta = value - (mean + meanRest);
    const step = delta / count;
    meanRest = compensation(meanRest, mean, step);
    mean += step;
    const square = delta * (value - (mean + meanRest));
    squaresRest = compensation(squaresRest, squares, square);
    squares += square;
  }
  return (squares + squaresRest) / (hi - lo);
}

/** What a sum has lost, together with what is lost when a value is added to it (Neumaier). */
export function compensation(rest: number, sum: number, value: number): number {
  const next = sum + value;
  if (Math.abs(next) === Infinity) return 0;
  return rest + (Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum);
}

export function finiteOrZero(value: number): number {
  return value - value === 0 ? value : 0;
}
