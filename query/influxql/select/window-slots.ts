/**
 * One slot per window for the points of a field: count, sum, extremes, first and last, as they come in ascending time,
 * series by series.
 */
import type { SmallColumn } from '../../../tsm/small-column.ts';
import type { Statistics } from '../../../tsm/statistics.ts';

/** What of the points is asked for; the count always is. */
export interface Wanted {
  readonly sums: boolean;
  readonly minima: boolean;
  readonly maxima: boolean;
  readonly edges: boolean;
}

/** Where windows lie in the times of a partition. */
interface WindowPlace {
  slotOf(offsetNs: number): number;
  endOf(slot: number): number;
}

/** Runs of rows that lie in one window each: run i is of rows from the end of the run before it up to `ends[i]`. */
export interface WindowRuns {
  readonly times: Float64Array;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly slots: Int32Array;
  readonly ends: Int32Array;
}

/** Cuts `times[from, to)` at the windows' ends. */
export function cutRuns(times: Float64Array, from: number, to: number, place: WindowPlace): WindowRuns {
  let slots = new Int32Array(64);
  let ends = new Int32Array(64);
  let count = 0;
  for (let row = from; row < to; count++) {
    if (count === slots.length) {
      slots = doubled(slots);
      ends = doubled(ends);
    }
    slots[count] = place.slotOf(times[row]);
    row = endOfRun(times, row, to, place.endOf(slots[count]));
    ends[count] = row;
  }
  return { times, from, to, count, slots, ends };
}

function doubled(list: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(list.length * 2);
  grown.set(list);
  return grown;
}

const NONE = new Float64Array(0);
/** Sums of integers up to here are exact. */
const LARGEST_EXACT = 2 ** 53;

export class FieldWindows {
  readonly count: number;
  readonly counts: Float64Array;
  /** Whether there is any point. */
  any = false;
  /** False when some value was no number. */
  private regular = true;
  private readonly wanted: Wanted;
  private readonly sums: Float64Array;
  private readonly minima: Float64Array;
  private readonly maxima: Float64Array;
  /** Values of the first and the last point, and their times since the window's start. */
  private readonly firsts: Float64Array;
  private readonly lasts: Float64Array;
  private readonly firstTimes: Float64Array;
  private readonly lastTimes: Float64Array;
  /** Of the series at hand, when parts are merged. */
  private readonly ownCounts: Float64Array;
  private readonly ownSums: Float64Array;
  /** Σ mean · count over series, as means of parts are merged. */
  private readonly weighted: Float64Array;

  constructor(count: number, wanted: Wanted) {
    this.count = count;
    this.wanted = wanted;
    const make = (needed: boolean): Float64Array => (needed ? new Float64Array(count) : NONE);
    this.counts = new Float64Array(count);
    this.sums = make(wanted.sums);
    this.minima = make(wanted.minima || wanted.maxima);
    this.maxima = make(wanted.minima || wanted.maxima);
    this.firsts = make(wanted.edges);
    this.lasts = make(wanted.edges);
    this.firstTimes = make(wanted.edges);
    this.lastTimes = make(wanted.edges);
    this.ownCounts = make(wanted.sums);
    this.ownSums = make(wanted.sums);
    this.weighted = make(wanted.sums);
    this.clear();
  }

  clear(): void {
    this.any = false;
    this.regular = true;
    this.counts.fill(0);
    this.sums.fill(0);
    this.weighted.fill(0);
    this.minima.fill(Number.POSITIVE_INFINITY);
    this.maxima.fill(Number.NEGATIVE_INFINITY);
    this.firstTimes.fill(Number.POSITIVE_INFINITY);
    this.lastTimes.fill(Number.NEGATIVE_INFINITY);
  }

  beginSeries(): void {
    if (!this.wanted.sums) return;
    this.ownCounts.fill(0);
    this.ownSums.fill(0);
  }

  /** Takes the series' sums over. False when some sum is not exact any more. */
  endSeries(hasMean: boolean): boolean {
    if (!this.regular) return false;
    if (!this.wanted.sums) return true;
    const { ownCounts, ownSums, sums, weighted } = this;
    for (let w = 0; w < this.count; w++) {
      const n = ownCounts[w];
      if (n === 0) continue;
      sums[w] += ownSums[w];
      if (hasMean) weighted[w] += n >= 2 ? (ownSums[w] / n) * n : ownSums[w];
      if (Math.abs(sums[w]) > LARGEST_EXACT) return false;
    }
    return true;
  }

  /** Adds `values[at, …)` at `times[from, to)`. */
  add(times: Float64Array, from: number, to: number, values: Float64Array, at: number, place: WindowPlace): void {
    if (from === to) return;
    this.any = true;
    const { wanted } = this;
    const shift = at - from;
    for (let row = from; row < to; ) {
      const slot = place.slotOf(times[row]);
      const end = endOfRun(times, row, to, place.endOf(slot));
      this.counts[slot] += end - row;
      if (wanted.sums) this.addSum(slot, values, row + shift, end + shift);
      if (wanted.minima || wanted.maxima) this.addExtremes(slot, values, row + shift, end + shift);
      if (wanted.edges) {
        const start = place.endOf(slot - 1);
        this.addEdges(slot, values[row + shift], times[row] - start, values[end - 1 + shift], times[end - 1] - start);
      }
      row = end;
    }
  }

  /** Adds rows of a column that is kept decoded: `column` holds the values of the runs' rows. */
  addKept(column: SmallColumn, { times, from, count, slots, ends }: WindowRuns, place: WindowPlace): void {
    const { wanted, counts, ownCounts, ownSums, minima, maxima } = this;
    this.any ||= count > 0;
    let start = from;
    for (let run = 0; run < count; run++) {
      const slot = slots[run];
      const end = ends[run];
      counts[slot] += end - start;
      if (wanted.sums) {
        ownCounts[slot] += end - start;
        ownSums[slot] += column.sum(start, end);
      }
      if (wanted.minima) minima[slot] = Math.min(minima[slot], column.smallest(start, end));
      if (wanted.maxima) maxima[slot] = Math.max(maxima[slot], column.largest(start, end));
      if (wanted.edges) {
        const windowStart = place.endOf(slot - 1);
        const last = end - 1;
        this.addEdges(slot, column.at(start), times[start] - windowStart, column.at(last), times[last] - windowStart);
      }
      start = end;
    }
  }

  /** Adds a row group that lies in one window, by what is known of it. */
  addBlock(times: Float64Array, rows: number, statistics: Statistics, place: WindowPlace): void {
    const { sum, min, max, first, last } = statistics;
    const slot = place.slotOf(times[0]);
    this.any = true;
    this.counts[slot] += rows;
    if (this.wanted.sums) {
      this.ownCounts[slot] += rows;
      this.ownSums[slot] += sum;
    }
    if (this.wanted.minima || this.wanted.maxima) {
      if (min < this.minima[slot]) this.minima[slot] = min;
      if (max > this.maxima[slot]) this.maxima[slot] = max;
    }
    if (this.wanted.edges) {
      const start = place.endOf(slot - 1);
      this.addEdges(slot, first, times[0] - start, last, times[1] - start);
    }
  }

  value(name: string, slot: number): number {
    switch (name) {
      case 'count':
        return this.counts[slot];
      case 'sum':
        return this.sums[slot];
      case 'mean':
        return this.mean(slot);
      case 'min':
        return this.minima[slot];
      case 'max':
        return this.maxima[slot];
      case 'first':
        return this.firsts[slot];
      default:
        return this.lasts[slot];
    }
  }

  /** InfluxDB merges means of series, shards and sources, each time by what they stand for. */
  private mean(slot: number): number {
    const n = this.counts[slot];
    let mean = this.weighted[slot] / n;
    if (n >= 2) for (let merge = 0; merge < 3; merge++) mean = (mean * n) / n;
    return mean;
  }

  private addSum(slot: number, values: Float64Array, from: number, to: number): void {
    let sum = this.ownSums[slot];
    for (let i = from; i < to; i++) sum += values[i];
    this.ownSums[slot] = sum;
    this.ownCounts[slot] += to - from;
  }

  private addExtremes(slot: number, values: Float64Array, from: number, to: number): void {
    let min = this.minima[slot];
    let max = this.maxima[slot];
    for (let i = from; i < to; i++) {
      const value = values[i];
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (!(min <= max)) this.regular = false;
    this.minima[slot] = min;
    this.maxima[slot] = max;
  }

  /** Of points of one time the greater value counts. */
  private addEdges(slot: number, first: number, firstTime: number, last: number, lastTime: number): void {
    const { firsts, firstTimes, lasts, lastTimes } = this;
    if (firstTime < firstTimes[slot] || (firstTime === firstTimes[slot] && first > firsts[slot])) {
      firsts[slot] = first;
      firstTimes[slot] = firstTime;
    }
    if (lastTime > lastTimes[slot] || (lastTime === lastTimes[slot] && last > lasts[slot])) {
      lasts[slot] = last;
      lastTimes[slot] = lastTime;
    }
  }
}

/** The first row from `row` on that is at `end` or later. Steps are mostly even, so a guess finds it. */
function endOfRun(times: Float64Array, row: number, to: number, end: number): number {
  if (times[to - 1] < end) return to;
  if (row + 1 < to) {
    const step = times[row + 1] - times[row];
    const guess = row + Math.ceil((end - times[row]) / step);
    if (guess > row && guess < to && times[guess] >= end && times[guess - 1] < end) return guess;
  }
  let low = row + 1;
  let high = to - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] >= end) high = middle;
    else low = middle + 1;
  }
  return low;
}
