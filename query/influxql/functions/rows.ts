/**
 * Functions with several rows per window: top, bottom, distinct, sample. Rows come in the order of time (of the query's
 * direction); top() and bottom() with tags among their arguments are the caller's: it takes max() or min() per combination
 * of those tags first, without windows of their own, and gives the chosen points to these kernels.
 */
import { columnWriter, sortKeysOf } from './column.ts';
import type { CallOptions, FieldKind, Points, RowsKernel, RowsResult, Windows } from './kernel.ts';

/** Collects the points that a window gives. */
interface RowList {
  readonly window: number[];
  readonly source: number[];
}

function rowsOf(points: Points, list: RowList): RowsResult {
  const length = list.source.length;
  const out = columnWriter(points.values.kind as FieldKind, length, false);
  for (let i = 0; i < length; i++) out.copy(i, points.values, list.source[i]!);
  return {
    length,
    values: out.finish(length),
    window: Int32Array.from(list.window),
    source: Int32Array.from(list.source),
  };
}

function compareTimes(points: Points, a: number, b: number): number {
  const seconds = points.sec[a]! - points.sec[b]!;
  return seconds !== 0 ? seconds : points.nano[a]! - points.nano[b]!;
}

export const topKernel: RowsKernel = (points, windows, options) => extremes(points, windows, options, 1);

export const bottomKernel: RowsKernel = (points, windows, options) => extremes(points, windows, options, -1);

/**
 * The N greatest (sign 1) or least (-1), the earlier of equal ones first. A heap of N holds the worst on top; a point equal
 * in value and time to the worst does not replace it. The heap and its moves are those of Go's container/heap, because
 * points equal in value and time stay where it leaves them.
 */
function extremes(points: Points, windows: Windows, options: CallOptions, sign: 1 | -1): RowsResult {
  const keys = sortKeysOf(points.values, points.length);
  /** Below 0 when a is worse than b. */
  const worse = (a: number, b: number): boolean => {
    if (keys[a] !== keys[b]) return sign * (keys[a]! - keys[b]!) < 0;
    return compareTimes(points, a, b) > 0;
  };
  const list: RowList = { window: [], source: [] };
  for (let w = 0; w < windows.count; w++) {
    const heap: number[] = [];
    for (let i = windows.lo[w]!; i < windows.hi[w]!; i++) {
      if (heap.length < options.count) {
        heap.push(i);
        siftUp(heap, worse);
      } else if (worse(heap[0]!, i)) {
        heap[0] = i;
        siftDown(heap, worse);
      }
    }
    // Best first, as influxd sorts them before it sorts them by time; the second sort is stable.
    heap.sort((a, b) => (worse(b, a) ? -1 : worse(a, b) ? 1 : 0));
    sortByTime(points, heap, options.ascending);
    for (const source of heap) {
      list.window.push(w);
      list.source.push(source);
    }
  }
  return rowsOf(points, list);
}

function siftUp(heap: number[], less: (a: number, b: number) => boolean): void {
  let child = heap.length - 1;
  for (;;) {
    const parent = (child - 1) >> 1;
    if (child === 0 || !less(heap[child]!, heap[parent]!)) return;
    [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
    child = parent;
  }
}

function siftDown(heap: number[], less: (a: number, b: number) => boolean): void {
  let parent = 0;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) return;
    if (child + 1 < heap.length && less(heap[child + 1]!, heap[child]!)) child++;
    if (!less(heap[child]!, heap[parent]!)) return;
    [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
    parent = child;
  }
}

/** Stable. */
function sortByTime(points: Points, sources: number[], ascending: boolean): void {
  sources.sort((a, b) => (ascending ? compareTimes(points, a, b) : compareTimes(points, b, a)));
}

/** Whether every point is after the one before it in the query's direction. */
function isInOrder(points: Points, sources: readonly number[], ascending: boolean): boolean {
  for (let i = 1; i < sources.length; i++) {
    const order = compareTimes(points, sources[i - 1]!, sources[i]!);
    if (ascending ? order >= 0 : order <= 0) return false;
  }
  return true;
}

/** The first point of every value, by time and, at one time, by value. */
export const distinctKernel: RowsKernel = (points, windows, options) => {
  const keys = sortKeysOf(points.values, points.length);
  const list: RowList = { window: [], source: [] };
  for (let w = 0; w < windows.count; w++) {
    const seen = new Set<number>();
    const firsts: number[] = [];
    for (let i = windows.lo[w]!; i < windows.hi[w]!; i++) {
      // NaN equals nothing, not even itself.
      if (seen.has(keys[i]!) && !Number.isNaN(keys[i]!)) continue;
      seen.add(keys[i]!);
      firsts.push(i);
    }
    if (!isInOrder(points, firsts, options.ascending)) {
      firsts.sort((a, b) => keys[a]! - keys[b]!);
      sortByTime(points, firsts, options.ascending);
    }
    for (const source of firsts) {
      list.window.push(w);
      list.source.push(source);
    }
  }
  return rowsOf(points, list);
};

/** N points of each window by reservoir sampling; all when there are fewer. What is drawn differs from call to call. */
export const sampleKernel: RowsKernel = (points, windows, options) => {
  const list: RowList = { window: [], source: [] };
  for (let w = 0; w < windows.count; w++) {
    const drawn: number[] = [];
    for (let i = windows.lo[w]!; i < windows.hi[w]!; i++) {
      if (drawn.length < options.count) drawn.push(i);
      else {
        const place = Math.floor(Math.random() * (i - windows.lo[w]! + 1));
        if (place < options.count) drawn[place] = i;
      }
    }
    sortByTime(points, drawn, options.ascending);
    for (const source of drawn) {
      list.window.push(w);
      list.source.push(source);
    }
  }
  return rowsOf(points, list);
};
