/**
 * Sorts ids by the byte strings they stand for: three-way radix quicksort (Bentley and Sedgewick, "Fast Algorithms for
 * Sorting and Searching Strings", 1997), which looks at each byte of a common prefix once and not per comparison.
 *
 * A string is a 16-bit little-endian length at `starts[id]`, then its bytes. A string that ends sorts before one that
 * goes on. Ids stand for distinct strings.
 */
const INSERTION_BELOW = 12;

/** Sorts `ids` in place. */
export function sortByBytes(ids: Int32Array, bytes: Uint8Array, starts: Int32Array): void {
  // An explicit stack of (from, to, depth) triples: strings may share prefixes of 64 KiB.
  const stack: number[] = [0, ids.length, 0];
  while (stack.length > 0) {
    const depth = stack.pop()!;
    const to = stack.pop()!;
    const from = stack.pop()!;
    if (to - from <= INSERTION_BELOW) {
      insertionSort(ids, from, to, depth, bytes, starts);
      continue;
    }
    const pivot = medianByte(ids, from, to, depth, bytes, starts);
    let less = from;
    let greater = to - 1;
    let i = from;
    while (i <= greater) {
      const id = ids[i];
      const byte = byteAt(id, depth, bytes, starts);
      if (byte < pivot) {
        ids[i++] = ids[less];
        ids[less++] = id;
      } else if (byte > pivot) {
        ids[i] = ids[greater];
        ids[greater--] = id;
      } else {
        i++;
      }
    }
    stack.push(from, less, depth, greater + 1, to, depth);
    if (pivot >= 0) stack.push(less, greater + 1, depth + 1);
  }
}

/** The byte of a string at `depth`, -1 past its end. */
function byteAt(id: number, depth: number, bytes: Uint8Array, starts: Int32Array): number {
  const at = starts[id];
  return depth < (bytes[at] | (bytes[at + 1] << 8)) ? bytes[at + 2 + depth] : -1;
}

function medianByte(
  ids: Int32Array,
  from: number,
  to: number,
  depth: number,
  bytes: Uint8Array,
  starts: Int32Array,
): number {
  const a = byteAt(ids[from], depth, bytes, starts);
  const b = byteAt(ids[(from + to) >> 1], depth, bytes, starts);
  const c = byteAt(ids[to - 1], depth, bytes, starts);
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function insertionSort(
  ids: Int32Array,
  from: number,
  to: number,
  depth: number,
  bytes: Uint8Array,
  starts: Int32Array,
): void {
  for (let i = from + 1; i < to; i++) {
    const id = ids[i];
    let k = i;
    while (k > from && isBefore(id, ids[k - 1], depth, bytes, starts)) {
      ids[k] = ids[k - 1];
      k--;
    }
    ids[k] = id;
  }
}

function isBefore(a: number, b: number, depth: number, bytes: Uint8Array, starts: Int32Array): boolean {
  for (let d = depth; ; d++) {
    const x = byteAt(a, d, bytes, starts);
    const y = byteAt(b, d, bytes, starts);
    if (x !== y) return x < y;
    if (x < 0) return false;
  }
}
