/** A growing list of 32-bit integers. */
export class Int32List {
  items: Int32Array;
  length = 0;

  constructor(capacity = 16) {
    this.items = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.items.length) this.items = grownInt32(this.items, this.length + 1);
    this.items[this.length++] = value;
  }

  pop(): number {
    return this.items[--this.length];
  }

  clear(): void {
    this.length = 0;
    if (this.items.length > 1024) this.items = new Int32Array(16);
  }

  /** The values, without a copy: valid until the next push. */
  view(): Int32Array {
    return this.items.subarray(0, this.length);
  }
}

/** A copy with room for at least `atLeast` items, at least doubled; new items are `fill`. */
export function grownInt32(from: Int32Array, atLeast: number, fill = 0): Int32Array {
  const grown = new Int32Array(Math.max(atLeast, from.length * 2, 16));
  grown.set(from);
  if (fill !== 0) grown.fill(fill, from.length);
  return grown;
}
