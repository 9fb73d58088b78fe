/**
 * rate, increase and delta, with Prometheus' extrapolation; irate and idelta; their anchored and smoothed forms.
 *
 * The increase over a window is last - first plus what counter resets lost. Resets are found once per series; their losses
 * are summed as prefix sums in double-double, so that a step costs the same however wide its window is.
 */
import { findResets, startTimeResets, wholeLosses } from './counter-resets.ts';
import type { RangeInput, RangeKernel } from './range-kernel.ts';

export function extrapolated(isCounter: boolean, isRate: boolean): RangeKernel {
  return (input, out, present) => {
    if (input.anchored || input.smoothed) extendedRate(input, out, present, isCounter, isRate);
    else plainRate(input, out, present, isCounter, isRate);
  };
}

function plainRate(
  input: RangeInput,
  out: Float64Array,
  present: Uint8Array,
  isCounter: boolean,
  isRate: boolean,
): void {
  const { times, values, lo, hi, stepCount, rangeEndMs, rangeMs } = input;
  const spans = spansOf(input);
  if (isCounter && input.startTimes === null) {
    const lost = wholeLosses(values);
    if (lost !== null) {
      rateOfWholes(input, spans, lost, out, present, isRate);
      return;
    }
  }
  const startTimes = isCounter ? input.startTimes : null;
  const resets = isCounter ? findResets(input) : null;
  const overlaps = startTimes === null ? null : overlapCounts(input, startTimes);
  for (let i = 0; i < stepCount; i++) {
    const first = lo[i]!;
    const last = hi[i]! - 1;
    if (last < first) continue;
    const firstValue = values[first]!;
    let result = values[last]! - firstValue;
    if (resets !== null) result = resets.addLost(result, first, last);
    if (overlaps !== null && overlaps[last]! > overlaps[first]!) {
      input.annotations.startTimeOverlap(input.metricName, input.position);
    }

    const startMs = rangeEndMs[i]! - rangeMs;
    let toStart = spans.toStart[i]!;
    const toEnd = spans.toEnd[i]!;
    let sampled = spans.sampled[i]!;
    const zeroMs = startTimes === null ? 0 : startTimes[first]!;
    if (zeroMs !== 0 && zeroMs > startMs && zeroMs < times[first]!) {
      // The counter is known to have started from zero inside the range.
      toStart = 0;
      sampled = (times[last]! - zeroMs) / 1000;
      result += firstValue;
    } else if (last === first) {
      continue;
    } else {
      if (isCounter) {
        // A counter cannot have been below zero: do not extrapolate further back than to there.
        let toZero = toStart;
        if (result > 0 && firstValue >= 0) toZero = sampled * (firstValue / result);
        if (toZero < toStart) toStart = toZero;
      }
    }
    let factor = sampled !== 0 ? (sampled + toStart + toEnd) / sampled : 1;
    if (isRate) factor /= rangeMs / 1000;
    out[i] = result * factor;
    present[i] = 1;
  }
}

/** As plainRate, of a counter's whole numbers ≥ 0, whose differences are exact however they are added. */
function rateOfWholes(
  { values, lo, hi, stepCount, rangeMs }: RangeInput,
  { sampled, toStart, toEnd }: Spans,
  lost: Float64Array,
  out: Float64Array,
  present: Uint8Array,
  isRate: boolean,
): void {
  const rangeSec = rangeMs / 1000;
  for (let i = 0; i < stepCount; i++) {
    const first = lo[i]!;
    const last = hi[i]! - 1;
    if (last <= first) continue;
    const firstValue = values[first]!;
    const result = values[last]! - firstValue + (lost[last]! - lost[first]!);
    const span = sampled[i]!;
    let before = toStart[i]!;
    if (result > 0) {
      const toZero = span * (firstValue / result);
      if (toZero < before) before = toZero;
    }
    let factor = span !== 0 ? (span + before + toEnd[i]!) / span : 1;
    if (isRate) factor /= rangeSec;
    out[i] = result * factor;
    present[i] = 1;
  }
}

/** What rate, increase or delta have to know of a window. */
export interface WindowEnds {
  /** Samples. */
  count: number;
  firstMs: number;
  lastMs: number;
  firstValue: number;
  /** The last value less the first, with what resets lost added. */
  difference: number;
}

/** One window of rate, increase or delta from its ends alone: to the bit what the kernel gives. At least two samples. */
export function extrapolate(
  ends: WindowEnds,
  endMs: number,
  rangeMs: number,
  isCounter: boolean,
  isRate: boolean,
): number {
  const { count, firstMs, lastMs, firstValue, difference } = ends;
  const sampled = (lastMs - firstMs) / 1000;
  const gap = sampled / (count - 1);
  const threshold = gap * 1.1;
  let toStart = (firstMs - (endMs - rangeMs)) / 1000;
  let toEnd = (endMs - lastMs) / 1000;
  if (toStart >= threshold) toStart = gap / 2;
  if (toEnd >= threshold) toEnd = gap / 2;
  if (isCounter) {
    let toZero = toStart;
    if (difference > 0 && firstValue >= 0) toZero = sampled * (firstValue / difference);
    if (toZero < toStart) toStart = toZero;
  }
  let factor = sampled !== 0 ? (sampled + toStart + toEnd) / sampled : 1;
  if (isRate) factor /= rangeMs / 1000;
  return difference * factor;
}

/** What extrapolation has to know of each window's times, in s. */
interface Spans {
  /** Of the series that it was computed for. */
  times: Float64Array;
  lo: Int32Array;
  rangeEndMs: Float64Array;
  rangeMs: number;
  /** From the first sample to the last. */
  sampled: Float64Array;
  /** How far before the first sample, and after the last, the range is taken to be covered. */
  toStart: Float64Array;
  toEnd: Float64Array;
}

let lastSpans: Spans | null = null;

/** Series that share their times share their windows, and so this: it is kept until one comes that does not. */
function spansOf({ times, lo, hi, stepCount, rangeEndMs, rangeMs }: RangeInput): Spans {
  const known = lastSpans;
  if (known?.times === times && known.lo === lo && known.rangeEndMs === rangeEndMs && known.rangeMs === rangeMs) {
    return known;
  }
  const sampled = new Float64Array(stepCount);
  const toStart = new Float64Array(stepCount);
  const toEnd = new Float64Array(stepCount);
  for (let i = 0; i < stepCount; i++) {
    const first = lo[i]!;
    const last = hi[i]! - 1;
    if (last < first) continue;
    sampled[i] = (times[last]! - times[first]!) / 1000;
    toStart[i] = (times[first]! - (rangeEndMs[i]! - rangeMs)) / 1000;
    toEnd[i] = (rangeEndMs[i]! - times[last]!) / 1000;
    // Further than samples lie apart, the series is taken to begin or end half a gap away.
    const gap = last > first ? sampled[i]! / (last - first) : 0;
    const threshold = gap * 1.1;
    if (toStart[i]! >= threshold) toStart[i] = gap / 2;
    if (toEnd[i]! >= threshold) toEnd[i] = gap / 2;
  }
  lastSpans = { times, lo, rangeEndMs, rangeMs, sampled, toStart, toEnd };
  return lastSpans;
}

/** counts[i]: samples up to i whose start timestamp lies before the previous sample though it is a new one. */
function overlapCounts(input: RangeInput, startTimes: Float64Array): Int32Array | null {
  const { times } = input;
  const counts = new Int32Array(times.length);
  for (let i = 1; i < times.length; i++) {
    const current = startTimes[i]!;
    const overlaps = current !== 0 && current < times[i - 1]! && current !== startTimes[i - 1]!;
    counts[i] = counts[i - 1]! + (overlaps ? 1 : 0);
  }
  return counts[times.length - 1] === 0 ? null : counts;
}

/** The first index in [from, to) whose time is beyond the limit; `to` when there is none. */
function firstAfter(times: Float64Array, from: number, to: number, limitMs: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! > limitMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The value at a time between two samples; over a counter reset the counter is taken to rise from zero. */
export function interpolate(input: RangeInput, i: number, atMs: number, isCounter: boolean): number {
  const { times, values } = input;
  const y2 = values[i + 1]!;
  const y1 = isCounter && y2 < values[i]! ? 0 : values[i]!;
  return y1 + ((y2 - y1) * (atMs - times[i]!)) / (times[i + 1]! - times[i]!);
}

/**
 * The bounds of an extended range inside a window [lo, hi): `first` is the last sample at or before the start (or the
 * first one there is), `last` the sample at or right behind the end.
 */
export function extendedBounds(
  input: RangeInput,
  lo: number,
  hi: number,
  startMs: number,
  endMs: number,
): { first: number; last: number } {
  const { times } = input;
  let last = hi - 1;
  const first = Math.max(lo, firstAfter(times, lo, last, startMs) - 1);
  if (input.smoothed) last = firstAfter(times, lo, last, endMs - 0.5);
  return { first, last };
}

function extendedRate(
  input: RangeInput,
  out: Float64Array,
  present: Uint8Array,
  isCounter: boolean,
  isRate: boolean,
): void {
  const { times, values, lo, hi, stepCount, rangeEndMs, rangeMs, smoothed } = input;
  for (let i = 0; i < stepCount; i++) {
    if (hi[i]! <= lo[i]!) continue;
    const endMs = rangeEndMs[i]!;
    const startMs = endMs - rangeMs;
    const bounds = extendedBounds(input, lo[i]!, hi[i]!, startMs, endMs);
    let { first, last } = bounds;
    if (times[last]! <= startMs) continue;
    if (smoothed && times[first]! > endMs) continue;
    const left = smoothed && times[first]! < startMs ? interpolate(input, first, startMs, isCounter) : values[first]!;
    const right =
      smoothed && last > lo[i]! && times[last]! > endMs
        ? interpolate(input, last - 1, endMs, isCounter)
        : values[last]!;
    let result = right - left;
    if (isCounter) {
      if (times[first]! <= startMs) first++;
      if (times[last]! >= endMs) last--;
      let previous = left;
      for (let k = first; k <= last; k++) {
        if (values[k]! < previous) result += previous;
        previous = values[k]!;
      }
      if (right < previous) result += previous;
    }
    if (isRate) result /= rangeMs / 1000;
    out[i] = result;
    present[i] = 1;
  }
}

/** irate and idelta: from the last two samples of the window. */
export function lastTwo(isRate: boolean): RangeKernel {
  return (input, out, present) => {
    const { times, values, startTimes, lo, hi, stepCount } = input;
    for (let i = 0; i < stepCount; i++) {
      const last = hi[i]! - 1;
      if (last - lo[i]! < 1) continue;
      const previous = last - 1;
      const elapsed = times[last]! - times[previous]!;
      if (elapsed === 0) continue;
      const isReset =
        isRate &&
        (values[last]! < values[previous]! ||
          (startTimes !== null && startTimeResets(startTimes, times, previous, last)));
      let result = isReset ? values[last]! : values[last]! - values[previous]!;
      if (isRate) result /= elapsed / 1000;
      out[i] = result;
      present[i] = 1;
    }
  };
}
