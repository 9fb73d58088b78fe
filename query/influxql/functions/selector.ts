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

/** Before 0, at the same time 0, later above 0. */
function compareTimes(points: Points, a: number, b: number): number {
  const seconds = points.sec[a]! - points.sec[b]!;
  return seconds !== 0 ? seconds : points.nano[a]! - points.nano[b]!;
}

/** The chosen point of the window lo … hi-1, which is not empty. Four loops of their own, because they are the hot ones. */
type Choose = (points: Points, keys: Float64Array, lo: number, hi: number) => number;

const least: Choose = (points, keys, lo, hi) => {
  let chosen = lo;
  let best = keys[lo]!;
  for (let i = lo + 1; i < hi; i++) {
    const key = keys[i]!;
    if (key < best || (key === best && compareTimes(points, i, chosen) < 0)) {
      chosen = i;
      best = key;
    }
  }
  return chosen;
};

const greatest: Choose = (points, keys, lo, hi) => {
  let chosen = lo;
  let best = keys[lo]!;
  for (let i = lo + 1; i < hi; i++) {
    const key = keys[i]!;
    if (key > best || (key === best && compareTimes(points, i, chosen) < 0)) {
      chosen = i;
      best = key;
    }
  }
  return chosen;
};

const earliest: Choose = (points, keys, lo, hi) => {
  const { sec, nano } = points;
  const isBoolean = points.values.kind === 'boolean';
  let chosen = lo;
  for (let i = lo + 1; i < hi; i++) {
    const time = sec[i]! - sec[chosen]! || nano[i]! - nano[chosen]!;
    if (time > 0) continue;
    if (time < 0 || (isBoolean ? keys[i]! < keys[chosen]! : keys[i]! > keys[chosen]!)) chosen = i;
  }
  return chosen;
};

const latest: Choose = (points, keys, lo, hi) => {
  const { sec, nano } = points;
  let chosen = lo;
  for (let i = lo + 1; i < hi; i++) {
    const time = sec[i]! - sec[chosen]! || nano[i]! - nano[chosen]!;
    if (time > 0 || (time === 0 && keys[i]! > keys[chosen]!)) chosen = i;
  }
  return chosen;
};

export const minKernel: WindowKernel = (points, windows) =>
  select(points, windows, sortKeysOf(points.values, points.length), least);

export const maxKernel: WindowKernel = (points, windows) =>
  select(points, windows, sortKeysOf(points.values, points.length), greatest);

export const firstKernel: WindowKernel = (points, windows) => select(points, windows, tieKeys(points), earliest);

export const lastKernel: WindowKernel = (points, windows) => select(points, windows, tieKeys(points), latest);

/** Keys for ties at one time. Ranking all texts would cost a sort; where no two points share a time nobody asks. */
function tieKeys(points: Points): Float64Array {
  const column = points.values;
  if (column.kind === 'string' || column.wide !== null) {
    const direction = points.length < 2 ? 0 : Math.sign(compareTimes(points, 1, 0));
    for (let i = 1; i < points.length; i++) {
      if (compareTimes(points, i, i - 1) * direction <= 0) return sortKeysOf(column, points.length);
    }
    return new Float64Array(0);
  }
  return column.values;
}

function select(points: Points, windows: Windows, keys: Float64Array, choose: Choose): WindowResult {
  const { lo, hi, count } = windows;
  const source = new Int32Array(count).fill(-1);
  for (let w = 0; w < count; w++) {
    if (hi[w]! > lo[w]!) source[w] = choose(points, keys, lo[w]!, hi[w]!);
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
