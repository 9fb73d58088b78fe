/**
 * Aggregates: one value per window, whose time is the window's. The order of additions is the order of the points, so that
 * sums and means have influxd's last digits.
 *
 * Integers are added as doubles while that is exact and else again as bigints, wrapped to 64 bits as Go's are.
 */
import type { NumberColumn } from '../result.ts';
import { bigintAt, columnWriter, doublesOf, LARGEST_EXACT, sortKeysOf, wrap } from './column.ts';
import type { FieldKind, Points, ValueColumn, WindowKernel, WindowResult, Windows } from './kernel.ts';
import { patternSort } from './pattern-sort.ts';

/** The number of points in each window that has some. */
function windowCounts(windows: Windows): Float64Array {
  const counts = new Float64Array(windows.count);
  for (let w = 0; w < windows.count; w++) counts[w] = windows.hi[w]! - windows.lo[w]!;
  return counts;
}

function present(counts: Float64Array): Uint8Array | null {
  if (counts.every((count) => count > 0)) return null;
  return Uint8Array.from(counts, (count) => (count > 0 ? 1 : 0));
}

function floats(values: Float64Array, counts: Float64Array): WindowResult {
  return {
    values: { kind: 'float', values, wide: null, present: present(counts) },
    source: null,
    counts,
  };
}

export const countKernel: WindowKernel = (_points, windows) => {
  const counts = windowCounts(windows);
  const values: NumberColumn = { kind: 'integer', values: counts.slice(), wide: null, present: present(counts) };
  return { values, source: null, counts };
};

export const sumKernel: WindowKernel = (points, windows) => {
  const column = points.values as NumberColumn;
  const counts = windowCounts(windows);
  if (column.kind === 'float') return floats(floatSums(column.values, windows), counts);
  const out = columnWriter(column.kind, windows.count, true);
  for (let w = 0; w < windows.count; w++) {
    const lo = windows.lo[w]!;
    const hi = windows.hi[w]!;
    if (hi > lo) setInteger(out, w, integerSum(column, lo, hi));
  }
  return { values: out.finish(windows.count), source: null, counts };
};

function floatSums(values: Float64Array, windows: Windows): Float64Array {
  const { lo, hi, count } = windows;
  const sums = new Float64Array(count);
  for (let w = 0; w < count; w++) {
    let sum = 0;
    for (let i = lo[w]!; i < hi[w]!; i++) sum += values[i]!;
    sums[w] = sum;
  }
  return sums;
}

function setInteger(out: ReturnType<typeof columnWriter>, index: number, value: number | bigint): void {
  if (typeof value === 'number') out.set(index, value);
  else out.setBigint(index, value);
}

/** The wrapped sum of integers: a double when every partial sum is exact. */
function integerSum(column: NumberColumn, lo: number, hi: number): number | bigint {
  if (column.wide === null) {
    const values = column.values;
    let sum = 0;
    let largest = 0;
    for (let i = lo; i < hi; i++) {
      sum += values[i]!;
      const size = Math.abs(sum);
      if (size > largest) largest = size;
    }
    if (largest <= LARGEST_EXACT) return sum;
  }
  let sum = 0n;
  for (let i = lo; i < hi; i++) sum += bigintAt(column, i);
  return wrap(column.kind, sum);
}

/** Weighted when the points are means themselves (see `Points.weights`): those of more than one point count that often. */
export const meanKernel: WindowKernel = (points, windows) => {
  const column = points.values as NumberColumn;
  const { lo, hi, count } = windows;
  const means = new Float64Array(count);
  const counts = new Float64Array(count);
  for (let w = 0; w < count; w++) {
    const first = lo[w]!;
    const end = hi[w]!;
    if (end <= first) continue;
    if (points.weights !== null) weightedMean(column.values, points.weights, first, end, w, means, counts);
    else {
      const sum = column.kind === 'float' ? floatSum(column.values, first, end) : integerSum(column, first, end);
      counts[w] = end - first;
      means[w] = Number(sum) / counts[w]!;
    }
  }
  return floats(means, counts);
};

function floatSum(values: Float64Array, lo: number, hi: number): number {
  let sum = 0;
  for (let i = lo; i < hi; i++) sum += values[i]!;
  return sum;
}

function weightedMean(
  values: Float64Array,
  weights: Float64Array,
  lo: number,
  hi: number,
  window: number,
  means: Float64Array,
  counts: Float64Array,
): void {
  let sum = 0;
  let count = 0;
  for (let i = lo; i < hi; i++) {
    const weight = weights[i]!;
    if (weight >= 2) {
      sum += values[i]! * weight;
      count += weight;
    } else {
      sum += values[i]!;
      count++;
    }
  }
  means[window] = sum / count;
  counts[window] = count;
}

export const spreadKernel: WindowKernel = (points, windows) => {
  const column = points.values as NumberColumn;
  const { lo, hi, count } = windows;
  const counts = windowCounts(windows);
  const out = columnWriter(column.kind, count, true);
  for (let w = 0; w < count; w++) {
    if (counts[w] === 0) continue;
    if (column.kind === 'float') out.set(w, narrowSpread(column.values, lo[w]!, hi[w]!));
    else if (column.wide === null) out.setBigint(w, BigInt(narrowSpread(column.values, lo[w]!, hi[w]!)));
    else out.setBigint(w, wideSpread(column, lo[w]!, hi[w]!));
  }
  return { values: out.finish(count), source: null, counts };
};

function narrowSpread(values: Float64Array, lo: number, hi: number): number {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = lo; i < hi; i++) {
    least = Math.min(least, values[i]!);
    most = Math.max(most, values[i]!);
  }
  return most - least;
}

function wideSpread(column: NumberColumn, lo: number, hi: number): bigint {
  let least = bigintAt(column, lo);
  let most = least;
  for (let i = lo + 1; i < hi; i++) {
    const value = bigintAt(column, i);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return wrap(column.kind, most - least);
}

/** Of the sample, in two passes, with a running mean; NaN for a single point. NaN among the points is left out. */
export const stddevKernel: WindowKernel = (points, windows) => {
  const values = doublesOf(points.values as NumberColumn, points.length);
  const { lo, hi, count } = windows;
  const counts = windowCounts(windows);
  const deviations = new Float64Array(count);
  for (let w = 0; w < count; w++) {
    if (counts[w] === 0) continue;
    let mean = 0;
    let taken = 0;
    for (let i = lo[w]!; i < hi[w]!; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      taken++;
      mean += (value - mean) / taken;
    }
    let variance = 0;
    for (let i = lo[w]!; i < hi[w]!; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      variance += (value - mean) * (value - mean);
    }
    deviations[w] = counts[w] === 1 ? Number.NaN : Math.sqrt(variance / (taken - 1));
  }
  return floats(deviations, counts);
};

export const medianKernel: WindowKernel = (points, windows) => {
  const column = points.values as NumberColumn;
  const { lo, hi, count } = windows;
  const medians = new Float64Array(count);
  const counts = windowCounts(windows);
  for (let w = 0; w < count; w++) {
    if (counts[w] === 0) continue;
    medians[w] =
      column.wide === null
        ? narrowMedian(column.values.slice(lo[w]!, hi[w]!))
        : wideMedian(Array.from({ length: counts[w]! }, (_, i) => bigintAt(column, lo[w]! + i)));
  }
  return floats(medians, counts);
};

/** Sorts its argument. */
function narrowMedian(values: Float64Array): number {
  const middle = values.length >> 1;
  values.sort();
  if (values.length % 2 === 1) return values[middle]!;
  const low = values[middle - 1]!;
  return low + (values[middle]! - low) / 2;
}

function wideMedian(values: bigint[]): number {
  const middle = values.length >> 1;
  values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (values.length % 2 === 1) return Number(values[middle]!);
  const low = values[middle - 1]!;
  // The difference of two integers is one of 64 bits too; as unsigned bits it is the same for both kinds.
  return Number(low) + Number(BigInt.asIntN(64, values[middle]! - low)) / 2;
}

/** The most frequent value. Which of several depends on where the sort puts equal values: see patternSort. */
export const modeKernel: WindowKernel = (points, windows) => {
  const column = points.values;
  const { lo, hi, count } = windows;
  const counts = windowCounts(windows);
  const out = columnWriter(column.kind as FieldKind, count, true);
  const keys = sortKeysOf(column, points.length);
  const order = new Int32Array(points.length);
  for (let w = 0; w < count; w++) {
    if (counts[w] === 0) continue;
    if (column.kind === 'boolean' && counts[w]! > 1) out.set(w, booleanMode(column.values, lo[w]!, hi[w]!));
    else out.copy(w, column as ValueColumn, modeIndex(points, keys, order, lo[w]!, hi[w]!));
  }
  return { values: out.finish(count), source: null, counts };
};

function booleanMode(values: Float64Array, lo: number, hi: number): number {
  let truths = 0;
  for (let i = lo; i < hi; i++) truths += values[i]!;
  return 2 * truths >= hi - lo ? 1 : 0;
}

/**
 * A run of equal values wins when it is longer than the best so far, or as long and not begun later. A run is compared
 * from its second element on, which is why a run of one never replaces the first value.
 */
function modeIndex(points: Points, keys: Float64Array, order: Int32Array, lo: number, hi: number): number {
  for (let i = lo; i < hi; i++) order[i] = i;
  patternSort(order, keys, lo, hi);
  let best = order[lo]!;
  let bestLength = 0;
  let runStart = best;
  let runLength = 0;
  for (let at = lo; at < hi; at++) {
    const point = order[at]!;
    if (keys[point] !== keys[runStart]) {
      runStart = point;
      runLength = 1;
      continue;
    }
    runLength++;
    if (bestLength > runLength || (bestLength === runLength && later(points, runStart, best))) continue;
    bestLength = runLength;
    best = point;
  }
  return best;
}

/** Whether point a is later than point b. */
function later(points: Points, a: number, b: number): boolean {
  const seconds = points.sec[a]! - points.sec[b]!;
  return seconds > 0 || (seconds === 0 && points.nano[a]! > points.nano[b]!);
}
