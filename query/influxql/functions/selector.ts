/**
 * Selectors: the one point of each window that has the least, greatest, first, last or n-th value.
 *
 * Ties go as in influxd: the earlier of equal values for min() and max(), the greater of values at one time for first()
 * and last() (false for first(), true for last()), whatever the sort leaves for percentile(). So points need not be in the
 * order of time.
 */
import { columnWriter, sortKeysOf } from './column.ts';
import type { FieldKind, Points, WindowKernel, WindowResult, Windows } from './kernel.ts';
import { patternSort } from './pattern-sort.ts';

/** Whether the candidate replaces the point chosen so far. */
type Replaces = (points: Points, keys: Float64Array, candidate: number, chosen: number) => boolean;

/** Before 0, at the same time 0, later above 0. */
function compareTimes(points: Points, a: number, b: number): number {
  const seconds = points.sec[a]! - points.sec[b]!;
  return seconds !== 0 ? seconds : points.nano[a]! - points.nano[b]!;
}

const lesser: Replaces = (points, keys, a, b) =>
  keys[a]! < keys[b]! || (keys[a] === keys[b] && compareTimes(points, a, b) < 0);

const greater: Replaces = (points, keys, a, b) =>
  keys[a]! > keys[b]! || (keys[a] === keys[b] && compareTimes(points, a, b) < 0);

const earlier: Replaces = (points, keys, a, b) => {
  const time = compareTimes(points, a, b);
  if (time !== 0) return time < 0;
  return points.values.kind === 'boolean' ? keys[a]! < keys[b]! : keys[a]! > keys[b]!;
};

const later: Replaces = (points, keys, a, b) => {
  const time = compareTimes(points, a, b);
  return time > 0 || (time === 0 && keys[a]! > keys[b]!);
};

export const minKernel: WindowKernel = (points, windows) =>
  select(points, windows, sortKeysOf(points.values, points.length), lesser);

export const maxKernel: WindowKernel = (points, windows) =>
  select(points, windows, sortKeysOf(points.values, points.length), greater);

export const firstKernel: WindowKernel = (points, windows) => select(points, windows, tieKeys(points), earlier);

export const lastKernel: WindowKernel = (points, windows) => select(points, windows, tieKeys(points), later);

/** Keys for ties at one time. Ranking all texts would cost a sort; where no two points share a time nobody asks. */
function tieKeys(points: Points): Float64Array {
  const column = points.values;
  if (column.kind === 'string' || column.wide !== null) {
    for (let i = 1; i < points.length; i++) {
      if (compareTimes(points, i, i - 1) <= 0) return sortKeysOf(column, points.length);
    }
    return new Float64Array(0);
  }
  return column.values;
}

function select(points: Points, windows: Windows, keys: Float64Array, replaces: Replaces): WindowResult {
  const { lo, hi, count } = windows;
  const source = new Int32Array(count).fill(-1);
  for (let w = 0; w < count; w++) {
    const first = lo[w]!;
    if (hi[w]! <= first) continue;
    let chosen = first;
    for (let i = first + 1; i < hi[w]!; i++) {
      if (replaces(points, keys, i, chosen)) chosen = i;
    }
    source[w] = chosen;
  }
  return chosenPoints(points, windows, source);
}

function chosenPoints(points: Points, windows: Windows, source: Int32Array): WindowResult {
  const out = columnWriter(points.values.kind as FieldKind, windows.count, true);
  const counts = new Float64Array(windows.count);
  for (let w = 0; w < windows.count; w++) {
    if (source[w]! < 0) continue;
    counts[w] = windows.hi[w]! - windows.lo[w]!;
    out.copy(w, points.values, source[w]!);
  }
  return { values: out.finish(windows.count), source, counts };
}

/** Nearest rank: the value below which `percentile` per cent of the points are. No row where there is no such rank. */
export const percentileKernel: WindowKernel = (points, windows, options) => {
  const { lo, hi, count } = windows;
  const keys = sortKeysOf(points.values, points.length);
  const order = new Int32Array(points.length);
  const source = new Int32Array(count).fill(-1);
  for (let w = 0; w < count; w++) {
    const first = lo[w]!;
    const length = hi[w]! - first;
    if (length <= 0) continue;
    const rank = Math.floor((length * options.percentile) / 100 + 0.5) - 1;
    if (!(rank >= 0 && rank < length)) continue;
    for (let i = first; i < hi[w]!; i++) order[i] = i;
    patternSort(order, keys, first, hi[w]!);
    source[w] = order[first + rank]!;
  }
  return chosenPoints(points, windows, source);
};
