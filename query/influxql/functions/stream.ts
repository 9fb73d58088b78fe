/**
 * Transformations of a sequence of points: derivative, difference, elapsed, moving_average, cumulative_sum.
 *
 * derivative() and difference() take the first of several points of one time and pass over the others; the rest take all.
 * Points come in the query's direction; only derivative() turns the sign of time for descending ones.
 */
import type { NumberColumn } from '../result.ts';
import { bigintAt, columnWriter, LARGEST_EXACT, wrap } from './column.ts';
import { nsFromTo, unitsFromTo } from './elapsed-time.ts';
import type { CallOptions, Points, StreamKernel, StreamResult, ValueColumn } from './kernel.ts';

/** A result whose rows have the times of points. */
function rowsAt(points: Points, at: Int32Array, length: number, values: ValueColumn): StreamResult {
  const sec = new Float64Array(length);
  const nano = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    sec[i] = points.sec[at[i]!]!;
    nano[i] = points.nano[at[i]!]!;
  }
  return { length, values, sec, nano };
}

/** A column of doubles, cut to its length. */
export function floatColumn(values: Float64Array, length: number): NumberColumn {
  return { kind: 'float', values: values.subarray(0, length), wide: null, present: null };
}

function sameTime(points: Points, a: number, b: number): boolean {
  return points.sec[a] === points.sec[b] && points.nano[a] === points.nano[b];
}

export const derivativeKernel: StreamKernel = (points, _windows, options) => derive(points, options, false);

export const nonNegativeDerivativeKernel: StreamKernel = (points, _windows, options) => derive(points, options, true);

function derive(points: Points, options: CallOptions, nonNegative: boolean): StreamResult {
  const column = points.values as NumberColumn;
  const out = new Float64Array(points.length);
  const at = new Int32Array(points.length);
  let rows = 0;
  let previous = 0;
  for (let i = 1; i < points.length; i++) {
    if (sameTime(points, i, previous)) continue;
    const difference = column.wide === null ? narrowStep(column, previous, i) : wideStep(column, previous, i);
    const elapsedNs = nsFromTo(points, previous, i);
    previous = i;
    if (nonNegative && difference < 0) continue;
    out[rows] = difference / ((options.ascending ? elapsedNs : -elapsedNs) / options.unitNs);
    at[rows++] = i;
  }
  return rowsAt(points, at, rows, floatColumn(out, rows));
}

function narrowStep(column: NumberColumn, from: number, to: number): number {
  return column.values[to]! - column.values[from]!;
}

/** Of signed integers the difference wraps; of unsigned ones it is taken with its sign. */
function wideStep(column: NumberColumn, from: number, to: number): number {
  const difference = bigintAt(column, to) - bigintAt(column, from);
  return Number(column.kind === 'unsigned' ? difference : wrap('integer', difference));
}

export const differenceKernel: StreamKernel = (points) => differences(points, false);

export const nonNegativeDifferenceKernel: StreamKernel = (points) => differences(points, true);

function differences(points: Points, nonNegative: boolean): StreamResult {
  const column = points.values as NumberColumn;
  const out = columnWriter(column.kind, points.length, false);
  const at = new Int32Array(points.length);
  let rows = 0;
  let previous = 0;
  for (let i = 1; i < points.length; i++) {
    if (sameTime(points, i, previous)) continue;
    const from = previous;
    previous = i;
    const narrow = column.values[i]! - column.values[from]!;
    if (column.kind === 'float') {
      if (nonNegative && narrow < 0) continue;
      out.set(rows, narrow);
    } else if (
      column.wide === null &&
      Math.abs(narrow) <= LARGEST_EXACT &&
      !(column.kind === 'unsigned' && narrow < 0)
    ) {
      if (nonNegative && narrow < 0) continue;
      out.set(rows, narrow);
    } else {
      const difference = bigintAt(column, i) - bigintAt(column, from);
      const wrapped = wrap(column.kind, difference);
      if (nonNegative && (column.kind === 'unsigned' ? difference : wrapped) < 0n) continue;
      out.setBigint(rows, wrapped);
    }
    at[rows++] = i;
  }
  return rowsAt(points, at, rows, out.finish(rows));
}

export const elapsedKernel: StreamKernel = (points, _windows, options) => {
  const rows = Math.max(0, points.length - 1);
  const out = columnWriter('integer', rows, false);
  const at = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    const units = unitsFromTo(points, i, i + 1, options.unitNs);
    if (Math.abs(units) <= LARGEST_EXACT) out.set(i, units);
    else out.setBigint(i, exactUnits(points, i, i + 1, options.unitNs));
    at[i] = i + 1;
  }
  return rowsAt(points, at, rows, out.finish(rows));
};

function exactUnits(points: Points, from: number, to: number, unitNs: number): bigint {
  const seconds = BigInt(points.sec[to]! - points.sec[from]!);
  return (seconds * 1_000_000_000n + BigInt(points.nano[to]! - points.nano[from]!)) / BigInt(unitNs);
}

/** The sum of the last N points slides: the oldest is taken off before the newest is added, as influxd does it. */
export const movingAverageKernel: StreamKernel = (points, _windows, options) => {
  const column = points.values as NumberColumn;
  const window = options.count;
  const rows = Math.max(0, points.length - window + 1);
  const out = new Float64Array(rows);
  const at = new Int32Array(rows);
  for (let i = 0; i < rows; i++) at[i] = i + window - 1;
  if (rows === 0) return rowsAt(points, at, 0, floatColumn(out, 0));
  if (column.kind === 'float' || sumsAreExact(column, points.length, window)) slideDoubles(column.values, window, out);
  else slideBigints(column, window, out);
  return rowsAt(points, at, rows, floatColumn(out, rows));
};

function sumsAreExact(column: NumberColumn, length: number, window: number): boolean {
  if (column.wide !== null) return false;
  let largest = 0;
  for (let i = 0; i < length; i++) largest = Math.max(largest, Math.abs(column.values[i]!));
  return largest * (window + 1) <= LARGEST_EXACT;
}

function slideDoubles(values: Float64Array, window: number, out: Float64Array): void {
  let sum = 0;
  for (let i = 0; i < window; i++) sum += values[i]!;
  out[0] = sum / window;
  for (let i = 1; i < out.length; i++) {
    sum -= values[i - 1]!;
    sum += values[i + window - 1]!;
    out[i] = sum / window;
  }
}

function slideBigints(column: NumberColumn, window: number, out: Float64Array): void {
  let sum = 0n;
  for (let i = 0; i < window; i++) sum += bigintAt(column, i);
  out[0] = Number(wrap(column.kind, sum)) / window;
  for (let i = 1; i < out.length; i++) {
    sum += bigintAt(column, i + window - 1) - bigintAt(column, i - 1);
    out[i] = Number(wrap(column.kind, sum)) / window;
  }
}

export const cumulativeSumKernel: StreamKernel = (points) => {
  const column = points.values as NumberColumn;
  const out = columnWriter(column.kind, points.length, false);
  let sum = 0;
  let i = 0;
  for (; i < points.length; i++) {
    if (column.wide !== null) break;
    const next = sum + column.values[i]!;
    if (column.kind !== 'float' && Math.abs(next) > LARGEST_EXACT) break;
    sum = next;
    out.set(i, sum);
  }
  for (let exact = i < points.length ? BigInt(sum) : 0n; i < points.length; i++) {
    exact = wrap(column.kind, exact + bigintAt(column, i));
    out.setBigint(i, exact);
  }
  return {
    length: points.length,
    values: out.finish(points.length),
    sec: points.sec.slice(0, points.length),
    nano: points.nano.slice(0, points.length),
  };
};
