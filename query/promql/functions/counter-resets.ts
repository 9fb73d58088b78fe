/**
 * Counter resets of a series: a sample below the one before it, or one whose start timestamp tells that the counter was
 * started anew in between.
 */
import { wordsOf } from '../value.ts';
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

/**
 * What the resets between two samples lost, in constant time per question. One index is made and filled anew for each
 * series: queries over thousands of series must not leave megabytes behind for each.
 */
class ResetIndex {
  /** counts[i]: resets at samples up to i. */
  private counts: Int32Array = new Int32Array(0);
  /** at[k]: the sample at which reset k shows. */
  private at: Int32Array = new Int32Array(0);
  private values: Float64Array = new Float64Array(0);
  /** Prefix sums of the losses, as unevaluated sums of two doubles. */
  private high = new Float64Array(1);
  private low = new Float64Array(1);

  /** Fills the index for a series; false when the series has no resets. */
  fill(input: RangeInput): boolean {
    const counts = countResets(input);
    if (counts === null) return false;
    const { values } = input;
    const resetCount = counts[values.length - 1]!;
    if (this.at.length < resetCount) {
      this.at = new Int32Array(resetCount * 2);
      this.high = new Float64Array(resetCount * 2 + 1);
      this.low = new Float64Array(resetCount * 2 + 1);
    }
    this.counts = counts;
    this.values = values;
    const { at, high: prefixHigh, low: prefixLow } = this;
    let high = 0;
    let low = 0;
    let k = 0;
    for (let i = 1; i < values.length; i++) {
      if (counts[i] === counts[i - 1]) continue;
      const lost = values[i - 1]!;
      const sum = high + lost;
      const part = sum - high;
      low += high - (sum - part) + (lost - part);
      high = sum;
      at[k++] = i;
      prefixHigh[k] = high;
      prefixLow[k] = low;
    }
    return true;
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

const sharedIndex = new ResetIndex();

/** The resets of a series, or null when there are none. Valid until the next call. */
export function findResets(input: RangeInput): ResetIndex | null {
  return sharedIndex.fill(input) ? sharedIndex : null;
}

let countsBuffer = new Int32Array(0);

/** counts[i]: resets at samples up to i; null when there are none. Valid until the next call. */
export function countResets(input: RangeInput): Int32Array | null {
  const { times, values, startTimes } = input;
  const end = values.length;
  let i = 1;
  if (startTimes === null) {
    while (i < end && !(values[i]! < values[i - 1]!)) i++;
    if (i >= end) return null;
  }
  if (countsBuffer.length < end) countsBuffer = new Int32Array(end * 2);
  const counts = countsBuffer;
  counts.fill(0, 0, i);
  let count = 0;
  for (; i < end; i++) {
    if (values[i]! < values[i - 1]! || (startTimes !== null && startTimeResets(startTimes, times, i - 1, i))) count++;
    counts[i] = count;
  }
  return count === 0 ? null : counts;
}

let lossesBuffer = new Float64Array(0);

/**
 * [i] what the resets at samples up to i lost, of whole numbers from 0 to 2^31 - 1; null when some value is none, or is
 * -0. All sums of them are exact. Valid until the next call.
 */
export function wholeLosses(values: Float64Array): Float64Array | null {
  const { length } = values;
  if (length === 0 || length > 2 ** 21) return null;
  if (lossesBuffer.length < length) lossesBuffer = new Float64Array(length * 2);
  const losses = lossesBuffer;
  const words = wordsOf(values);
  let previous = 0;
  let lost = 0;
  let signs = 0;
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    const whole = value | 0;
    if (whole !== value) return null;
    signs |= words[2 * i + 1]!;
    // All bits where the value is below the one before it: resets come as they like, which no branch can foresee.
    lost += previous & ((whole - previous) >> 31);
    losses[i] = lost;
    previous = whole;
  }
  return signs < 0 ? null : losses;
}
