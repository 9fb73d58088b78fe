/**
 * Counter resets of a series: a sample below the one before it, or one whose start timestamp tells that the counter was
 * started anew in between.
 */
import type { RangeInput } from './range-kernel.ts';

/** Whether the start timestamp of `current` tells of a reset after `previous`. */
export function startTimeResets(
  startTimes: Float64Array,
  times: Float64Array,
  previous: number,
  current: number,
): boolean {
  const start = startTimes[current]!;
  // Unset, invalid, or OpenTelemetry's "unknown".
  if (start === 0 || start >= times[current]!) return false;
  const previousMs = times[previous]!;
  if (start < previousMs) return false;
  if (start > previousMs) return true;
  // Right at the previous sample: deltas do that, and so does a cumulative series whose start was unknown before.
  const previousStart = startTimes[previous]!;
  return previousStart !== 0 && previousStart < previousMs;
}

/** What the resets between two samples lost, in constant time per question. */
export class ResetIndex {
  /** counts[i]: resets at samples up to i. */
  private readonly counts: Int32Array;
  /** at[k]: the sample at which reset k shows. */
  private readonly at: Int32Array;
  private readonly values: Float64Array;
  /** Prefix sums of the losses, as unevaluated sums of two doubles. */
  private readonly high: Float64Array;
  private readonly low: Float64Array;

  constructor(counts: Int32Array, at: Int32Array, values: Float64Array) {
    this.counts = counts;
    this.at = at;
    this.values = values;
    this.high = new Float64Array(at.length + 1);
    this.low = new Float64Array(at.length + 1);
    let high = 0;
    let low = 0;
    for (let k = 0; k < at.length; k++) {
      const lost = values[at[k]! - 1]!;
      const sum = high + lost;
      const part = sum - high;
      low += high - (sum - part) + (lost - part);
      high = sum;
      this.high[k + 1] = high;
      this.low[k + 1] = low;
    }
  }

  /** The difference of a window's last and first value with what its resets lost added. */
  addLost(difference: number, first: number, last: number): number {
    const from = this.counts[first]!;
    const to = this.counts[last]!;
    if (to === from) return difference;
    if (to - from > 8) {
      const lost = this.high[to]! - this.high[from]! + (this.low[to]! - this.low[from]!);
      if (lost - lost === 0) return difference + lost;
    }
    let result = difference;
    for (let k = from; k < to; k++) result += this.values[this.at[k]! - 1]!;
    return result;
  }
}

/** The resets of a series, or null when there are none. */
export function findResets(input: RangeInput): ResetIndex | null {
  const counts = countResets(input);
  if (counts === null) return null;
  const { values } = input;
  const at = new Int32Array(counts[values.length - 1]!);
  let k = 0;
  for (let i = 1; i < values.length; i++) {
    if (counts[i] !== counts[i - 1]) at[k++] = i;
  }
  return new ResetIndex(counts, at, values);
}

/** counts[i]: resets at samples up to i; null when there are none. */
export function countResets(input: RangeInput): Int32Array | null {
  const { times, values, startTimes } = input;
  const end = values.length;
  let i = 1;
  if (startTimes === null) {
    while (i < end && !(values[i]! < values[i - 1]!)) i++;
    if (i >= end) return null;
  }
  const counts = new Int32Array(end);
  let count = 0;
  for (; i < end; i++) {
    if (values[i]! < values[i - 1]! || (startTimes !== null && startTimeResets(startTimes, times, i - 1, i))) {
      count++;
    }
    counts[i] = count;
  }
  return count === 0 ? null : counts;
}
