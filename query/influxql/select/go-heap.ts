/**
 * The order in which a heap of sorted inputs gives up their rows, with rows that compare equal in the order in which Go's
 * container/heap would: InfluxDB merges series so, and its users see it wherever rows of one time meet.
 */

/** Rows in merged order: which input each is of, and which of its rows. */
export interface MergedRows {
  readonly input: Int32Array;
  readonly row: Int32Array;
}

/** Whether row `rowA` of input `a` comes before row `rowB` of input `b`. */
export type RowLess = (a: number, rowA: number, b: number, rowB: number) => boolean;

class InputHeap {
  readonly items: number[];
  readonly next: Int32Array;
  private readonly less: RowLess;

  constructor(lengths: readonly number[], less: RowLess) {
    this.less = less;
    this.next = new Int32Array(lengths.length);
    this.items = [];
    for (let i = 0; i < lengths.length; i++) if (lengths[i] > 0) this.items.push(i);
    for (let i = (this.items.length >> 1) - 1; i >= 0; i--) this.down(i, this.items.length);
  }

  pop(): number {
    const { items } = this;
    const last = items.length - 1;
    const top = items[0];
    items[0] = items[last];
    items[last] = top;
    this.down(0, last);
    items.pop();
    return top;
  }

  push(input: number): void {
    const { items } = this;
    items.push(input);
    let j = items.length - 1;
    while (j > 0) {
      const parent = (j - 1) >> 1;
      if (!this.before(items[j], items[parent])) break;
      const item = items[j];
      items[j] = items[parent];
      items[parent] = item;
      j = parent;
    }
  }

  private before(a: number, b: number): boolean {
    return this.less(a, this.next[a], b, this.next[b]);
  }

  private down(from: number, length: number): void {
    const { items } = this;
    let i = from;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= length) return;
      const right = left + 1;
      const child = right < length && this.before(items[right], items[left]) ? right : left;
      if (!this.before(items[child], items[i])) return;
      const item = items[i];
      items[i] = items[child];
      items[child] = item;
      i = child;
    }
  }
}

/** Merges row by row. */
export function mergeRows(lengths: readonly number[], less: RowLess): MergedRows {
  let total = 0;
  for (const length of lengths) total += length;
  const merged = { input: new Int32Array(total), row: new Int32Array(total) };
  const heap = new InputHeap(lengths, less);
  for (let at = 0; at < total; at++) {
    const input = heap.pop();
    merged.input[at] = input;
    merged.row[at] = heap.next[input]++;
    if (heap.next[input] < lengths[input]) heap.push(input);
  }
  return merged;
}

/**
 * Merges window by window: an input that is at the top gives all its rows of one window.
 * @param less compares the windows (and what comes before them) of two rows.
 * @param same whether two rows of one input are in one window.
 */
export function mergeWindows(
  lengths: readonly number[],
  less: RowLess,
  same: (input: number, rowA: number, rowB: number) => boolean,
): MergedRows {
  let total = 0;
  for (const length of lengths) total += length;
  const merged = { input: new Int32Array(total), row: new Int32Array(total) };
  const heap = new InputHeap(lengths, less);
  for (let at = 0; at < total; ) {
    const input = heap.pop();
    const first = heap.next[input];
    do {
      merged.input[at] = input;
      merged.row[at++] = heap.next[input]++;
    } while (heap.next[input] < lengths[input] && same(input, first, heap.next[input]));
    if (heap.next[input] < lengths[input]) heap.push(input);
  }
  return merged;
}
