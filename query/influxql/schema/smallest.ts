/**
 * The smallest items of many in order, without sorting them all: what LIMIT needs. A heap holds the smallest so far with
 * the largest of them on top; most items are larger than that and cost one comparison.
 */

/**
 * The `count` smallest ids, ascending by `compare`; all of them when there are fewer. The order of `ids` may change.
 */
export function smallest(ids: Int32Array, count: number, compare: (a: number, b: number) => number): Int32Array {
  if (count * 8 >= ids.length) return ids.sort(compare).subarray(0, count);
  if (count === 0) return ids.subarray(0, 0);
  const heap = ids.slice(0, count);
  for (let i = (count >> 1) - 1; i >= 0; i--) sink(heap, i, compare);
  for (let i = count; i < ids.length; i++) {
    if (compare(ids[i], heap[0]) >= 0) continue;
    heap[0] = ids[i];
    sink(heap, 0, compare);
  }
  return heap.sort(compare);
}

function sink(heap: Int32Array, from: number, compare: (a: number, b: number) => number): void {
  const item = heap[from];
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && compare(heap[child + 1], heap[child]) > 0) child++;
    if (compare(heap[child], item) <= 0) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
}
