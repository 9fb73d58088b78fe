/** Quantiles of plain numbers, interpolated between neighbours; NaN sorts before everything. */

/** Sorts ascending with the NaNs in front. */
export function sortNaNFirst(values: Float64Array): void {
  values.sort();
  let count = 0;
  for (let i = values.length - 1; i >= 0 && Number.isNaN(values[i]); i--) count++;
  if (count === 0 || count === values.length) return;
  values.copyWithin(count, 0, values.length - count);
  values.fill(Number.NaN, 0, count);
}

/** The q-quantile of sorted values; -Inf and +Inf for q outside 0 … 1. */
export function quantileOfSorted(q: number, values: Float64Array, length = values.length): number {
  if (length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const rank = q * (length - 1);
  const lower = Math.floor(rank);
  const weight = rank - lower;
  // An infinite neighbour that has no weight must not make NaN of it.
  if (weight === 0) return values[lower]!;
  const upper = Math.min(length - 1, lower + 1);
  return values[lower]! * (1 - weight) + values[upper]! * weight;
}

/** A multiset of numbers kept sorted, for windows that move by a few points. */
export class SortedWindow {
  private buffer = new Float64Array(64);
  private length = 0;

  replace(values: Float64Array): void {
    if (this.buffer.length < values.length) this.buffer = new Float64Array(values.length * 2);
    this.buffer.set(values);
    this.length = values.length;
    sortNaNFirst(this.buffer.subarray(0, this.length));
  }

  /** The first place whose value is not below the given one. */
  private find(value: number): number {
    if (Number.isNaN(value)) return 0;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // NaNs are in front and count as below everything.
      if (this.buffer[middle]! >= value) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  add(value: number): void {
    if (this.length === this.buffer.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    const at = this.find(value);
    this.buffer.copyWithin(at + 1, at, this.length++);
    this.buffer[at] = value;
  }

  remove(value: number): void {
    const at = this.find(value);
    this.buffer.copyWithin(at, at + 1, this.length--);
  }

  quantile(q: number): number {
    return quantileOfSorted(q, this.buffer, this.length);
  }
}
