/**
 * A pattern-defeating quicksort, step by step the one of sort.Sort in Go 1.19 (after Orson Peters, arXiv 2106.05123).
 *
 * It is not stable, and InfluxDB's answers show it: which of several equal values percentile() names by its time, and
 * which of two equally frequent values mode() gives, depends on where the sort leaves equal elements. So the sequence of
 * comparisons and swaps here must be the same, pseudo-random ones included; a faster or simpler sort would not do.
 *
 * It sorts an array of indexes by a key each; only `<` is asked of the keys.
 */

const LONGEST_INSERTION = 12;
const SHORTEST_NINTHER = 50;
const MOST_SWAPS = 12;

const HINT = { unknown: 0, increasing: 1, decreasing: 2 } as const;

/** Sorts order[from … to) so that keys[order[i]] ascend. */
export function patternSort(order: Int32Array, keys: Float64Array, from: number, to: number): void {
  const length = to - from;
  if (length <= 1) return;
  // Positions count from the start of what is sorted: `a > 0` below is a question about that.
  const part = order.subarray(from, to);
  sortRange(part, keys, 0, length, 32 - Math.clz32(length));
}

function sortRange(order: Int32Array, keys: Float64Array, first: number, end: number, badChoices: number): void {
  let a = first;
  let b = end;
  let limit = badChoices;
  let balanced = true;
  let partitioned = true;
  for (;;) {
    const length = b - a;
    if (length <= LONGEST_INSERTION) {
      insertionSort(order, keys, a, b);
      return;
    }
    if (limit === 0) {
      heapSort(order, keys, a, b);
      return;
    }
    if (!balanced) {
      breakPatterns(order, a, b);
      limit--;
    }
    let pivot = choosePivot(order, keys, a, b);
    let hint: number = pivotHint;
    if (hint === HINT.decreasing) {
      reverse(order, a, b);
      pivot = b - 1 - (pivot - a);
      hint = HINT.increasing;
    }
    if (balanced && partitioned && hint === HINT.increasing && partialInsertionSort(order, keys, a, b)) return;
    // Many equal elements: the pivot equals the one before the range, so put all equal ones aside.
    if (a > 0 && !(keys[order[a - 1]!]! < keys[order[pivot]!]!)) {
      a = partitionEqual(order, keys, a, b, pivot);
      continue;
    }
    const middle = partition(order, keys, a, b, pivot);
    partitioned = wasPartitioned;
    const left = middle - a;
    const right = b - middle;
    const threshold = Math.floor(length / 8);
    if (left < right) {
      balanced = left >= threshold;
      sortRange(order, keys, a, middle, limit);
      a = middle + 1;
    } else {
      balanced = right >= threshold;
      sortRange(order, keys, middle + 1, b, limit);
      b = middle;
    }
  }
}

function swap(order: Int32Array, i: number, j: number): void {
  const held = order[i]!;
  order[i] = order[j]!;
  order[j] = held;
}

function insertionSort(order: Int32Array, keys: Float64Array, a: number, b: number): void {
  for (let i = a + 1; i < b; i++) {
    const moved = order[i]!;
    const key = keys[moved]!;
    let j = i;
    while (j > a && key < keys[order[j - 1]!]!) {
      order[j] = order[j - 1]!;
      j--;
    }
    order[j] = moved;
  }
}

function siftDown(order: Int32Array, keys: Float64Array, low: number, high: number, first: number): void {
  let root = low;
  for (;;) {
    let child = 2 * root + 1;
    if (child >= high) return;
    if (child + 1 < high && keys[order[first + child]!]! < keys[order[first + child + 1]!]!) child++;
    if (!(keys[order[first + root]!]! < keys[order[first + child]!]!)) return;
    swap(order, first + root, first + child);
    root = child;
  }
}

function heapSort(order: Int32Array, keys: Float64Array, a: number, b: number): void {
  const high = b - a;
  for (let i = (high - 1) >> 1; i >= 0; i--) siftDown(order, keys, i, high, a);
  for (let i = high - 1; i >= 0; i--) {
    swap(order, a, a + i);
    siftDown(order, keys, 0, i, a);
  }
}

/** Set by partition(): whether it had nothing to swap. A second result without an object per call. */
let wasPartitioned = false;

function partition(order: Int32Array, keys: Float64Array, a: number, b: number, pivot: number): number {
  swap(order, a, pivot);
  const key = keys[order[a]!]!;
  let i = a + 1;
  let j = b - 1;
  while (i <= j && keys[order[i]!]! < key) i++;
  while (i <= j && !(keys[order[j]!]! < key)) j--;
  wasPartitioned = i > j;
  if (!wasPartitioned) {
    swap(order, i++, j--);
    for (;;) {
      while (i <= j && keys[order[i]!]! < key) i++;
      while (i <= j && !(keys[order[j]!]! < key)) j--;
      if (i > j) break;
      swap(order, i++, j--);
    }
  }
  swap(order, j, a);
  return j;
}

function partitionEqual(order: Int32Array, keys: Float64Array, a: number, b: number, pivot: number): number {
  swap(order, a, pivot);
  const key = keys[order[a]!]!;
  let i = a + 1;
  let j = b - 1;
  for (;;) {
    while (i <= j && !(key < keys[order[i]!]!)) i++;
    while (i <= j && key < keys[order[j]!]!) j--;
    if (i > j) return i;
    swap(order, i++, j--);
  }
}

/** Mends a few neighbours out of order; whether the range is sorted then. */
function partialInsertionSort(order: Int32Array, keys: Float64Array, a: number, b: number): boolean {
  let i = a + 1;
  for (let step = 0; step < 5; step++) {
    while (i < b && !(keys[order[i]!]! < keys[order[i - 1]!]!)) i++;
    if (i === b) return true;
    if (b - a < 50) return false;
    swap(order, i, i - 1);
    if (i - a >= 2) {
      for (let j = i - 1; j >= 1 && keys[order[j]!]! < keys[order[j - 1]!]!; j--) swap(order, j, j - 1);
    }
    if (b - i >= 2) {
      for (let j = i + 1; j < b && keys[order[j]!]! < keys[order[j - 1]!]!; j++) swap(order, j, j - 1);
    }
  }
  return false;
}

/** Swaps three elements of the middle with pseudo-random ones; the generator's seed is the length. */
function breakPatterns(order: Int32Array, a: number, b: number): void {
  const length = b - a;
  if (length < 8) return;
  let random = BigInt(length);
  const mask = (1n << BigInt(32 - Math.clz32(length))) - 1n;
  const middle = a + Math.floor(length / 4) * 2;
  for (let i = middle - 1; i <= middle + 1; i++) {
    random ^= BigInt.asUintN(64, random << 13n);
    random ^= random >> 17n;
    random ^= BigInt.asUintN(64, random << 5n);
    let other = Number(random & mask);
    if (other >= length) other -= length;
    swap(order, i, a + other);
  }
}

/** Set by choosePivot(): whether the range looks sorted one way or the other. */
let pivotHint: number = HINT.unknown;
let pivotSwaps = 0;

function choosePivot(order: Int32Array, keys: Float64Array, a: number, b: number): number {
  const length = b - a;
  const quarter = Math.floor(length / 4);
  let i = a + quarter;
  let j = a + quarter * 2;
  let k = a + quarter * 3;
  pivotSwaps = 0;
  if (length >= 8) {
    if (length >= SHORTEST_NINTHER) {
      i = medianOf(order, keys, i - 1, i, i + 1);
      j = medianOf(order, keys, j - 1, j, j + 1);
      k = medianOf(order, keys, k - 1, k, k + 1);
    }
    j = medianOf(order, keys, i, j, k);
  }
  pivotHint = pivotSwaps === 0 ? HINT.increasing : pivotSwaps === MOST_SWAPS ? HINT.decreasing : HINT.unknown;
  return j;
}

function medianOf(order: Int32Array, keys: Float64Array, first: number, second: number, third: number): number {
  let a = first;
  let b = second;
  let c = third;
  if (keys[order[b]!]! < keys[order[a]!]!) {
    [a, b] = [b, a];
    pivotSwaps++;
  }
  if (keys[order[c]!]! < keys[order[b]!]!) {
    [b, c] = [c, b];
    pivotSwaps++;
  }
  if (keys[order[b]!]! < keys[order[a]!]!) {
    [a, b] = [b, a];
    pivotSwaps++;
  }
  return b;
}

function reverse(order: Int32Array, a: number, b: number): void {
  for (let i = a, j = b - 1; i < j; i++, j--) swap(order, i, j);
}
