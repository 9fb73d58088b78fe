/**
 * Windows of a range function out of block statistics: a row group that no window's edge cuts is taken as a whole, and only
 * the others are decoded.
 *
 * What comes out is, to the bit, what the function gives over all samples. So a block is decoded all the same where its
 * statistics cannot promise that:
 * - Sums and means: of whole numbers, as long as every partial sum is exact. Sums of fractions depend on the rounding of
 *   each step.
 * - rate and increase: of whole numbers, or where nothing was lost to resets.
 * - Values themselves (min, max, first, last, and the ends of rates): unless a block of floats may hold -0, which its
 *   statistics do not tell from 0.
 * Blocks with NaN, infinities, stale markers or gaps have no statistics.
 */
import { FLOAT } from '../batch/field-type.ts';
import type { BlockChoice } from '../tsm/number-reader.ts';
import type { Statistics } from '../tsm/statistics.ts';
import { extrapolate } from './promql/functions/rate.ts';
import { withoutStale } from './promql/instant-selector.ts';
import type { WindowRequest } from './promql/querier.ts';
import type { SamplePiece, SampleReader, SeriesSources } from './sample-reader.ts';

/** Which part of a block's statistics a function needs. */
type Need = 'rows' | 'values' | 'sum' | 'increase';

const NEEDS: ReadonlyMap<string, Need> = new Map<string, Need>([
  ['count_over_time', 'rows'],
  ['present_over_time', 'rows'],
  ['absent_over_time', 'rows'],
  ['ts_of_first_over_time', 'rows'],
  ['ts_of_last_over_time', 'rows'],
  ['min_over_time', 'values'],
  ['max_over_time', 'values'],
  ['first_over_time', 'values'],
  ['last_over_time', 'values'],
  ['delta', 'values'],
  ['sum_over_time', 'sum'],
  ['avg_over_time', 'sum'],
  ['rate', 'increase'],
  ['increase', 'increase'],
]);

/** Sums of whole numbers are exact below. */
const EXACT_LIMIT = 2 ** 53;

/** Windows of one function; made once and asked for series by series. */
export class BlockWindows {
  private readonly need: Need;
  private readonly request: WindowRequest;
  private readonly choices = new Map<number, BlockChoice>();
  private readonly choiceAt = (startSec: number): BlockChoice => {
    let choice = this.choices.get(startSec);
    if (choice === undefined) {
      choice = this.makeChoice(startSec * 1000);
      this.choices.set(startSec, choice);
    }
    return choice;
  };

  /** Null when statistics are of no use to the function. */
  static of(request: WindowRequest): BlockWindows | null {
    const need = NEEDS.get(request.func);
    return need === undefined ? null : new BlockWindows(request, need);
  }

  private constructor(request: WindowRequest, need: Need) {
    this.request = request;
    this.need = need;
  }

  /** As SeriesSet.windows. */
  windows(reader: SampleReader, series: SeriesSources, out: Float64Array, present: Uint8Array): number {
    const found = reader.pieces(series, this.choiceAt);
    if (found === null) return -1;
    const pieces: Piece[] = [];
    for (const piece of found) {
      const made = pieceOf(piece);
      if (made.rows === 0) continue;
      const before = pieces.at(-1);
      // Of two samples in one ms only the last counts.
      if (before !== undefined && before.lastMs >= made.firstMs) return -1;
      pieces.push(made);
    }
    const samples = this.compute(pieces, out, present);
    if (samples < 0) present.fill(0);
    return samples;
  }

  private makeChoice(startMs: number): BlockChoice {
    const { endsMs, rangeMs } = this.request;
    const { need } = this;
    return {
      uncut(minOffsetNs, maxOffsetNs) {
        const firstMs = startMs + Math.floor(minOffsetNs / 1e6);
        const lastMs = startMs + Math.floor(maxOffsetNs / 1e6);
        return !hasBetween(endsMs, firstMs, lastMs) && !hasBetween(endsMs, firstMs + rangeMs, lastMs + rangeMs);
      },
      suffices(statistics, type) {
        if (need === 'rows') return true;
        if (need === 'sum') return statistics.whole === true;
        if (type === FLOAT && statistics.min <= 0 && statistics.max >= 0) return false;
        return need === 'values' || statistics.whole === true || statistics.correction === 0;
      },
    };
  }

  private compute(pieces: readonly Piece[], out: Float64Array, present: Uint8Array): number {
    const { endsMs, rangeMs, func } = this.request;
    const window = newWindow();
    let samples = 0;
    let from = 0;
    for (let i = 0; i < endsMs.length; i++) {
      const endMs = endsMs[i];
      const startMs = endMs - rangeMs;
      while (from < pieces.length && pieces[from].lastMs <= startMs) from++;
      clear(window);
      for (let p = from; p < pieces.length && pieces[p].firstMs <= endMs; p++) {
        const piece = pieces[p];
        if (piece.statistics !== null) addBlock(window, piece, piece.statistics);
        else addPoints(window, piece, startMs, endMs, this.need);
      }
      if (window.count === 0) continue;
      samples += window.count;
      const value = this.valueOf(func, window, endMs, rangeMs);
      if (value === null) continue;
      if (value === undefined) return -1;
      out[i] = value;
      present[i] = 1;
    }
    return samples;
  }

  /** Null: none; undefined: it cannot be told exactly. */
  private valueOf(func: string, window: Window, endMs: number, rangeMs: number): number | null | undefined {
    const { count, first, last, firstMs, lastMs, lost, whole, magnitude } = window;
    switch (func) {
      case 'count_over_time':
        return count;
      case 'present_over_time':
      case 'absent_over_time':
        return 1;
      case 'ts_of_first_over_time':
        return firstMs / 1000;
      case 'ts_of_last_over_time':
        return lastMs / 1000;
      case 'first_over_time':
        return first;
      case 'last_over_time':
        return last;
      case 'min_over_time':
        return window.min;
      case 'max_over_time':
        return window.max;
      case 'sum_over_time':
      case 'avg_over_time': {
        if (!whole || magnitude > EXACT_LIMIT) return undefined;
        return func === 'sum_over_time' ? window.sum : window.sum / count;
      }
      default: {
        const isCounter = func !== 'delta';
        if (isCounter && lost !== 0 && (!whole || magnitude > EXACT_LIMIT)) return undefined;
        if (count < 2) return null;
        const difference = isCounter ? last - first + lost : last - first;
        const ends = { count, firstMs, lastMs, firstValue: first, difference };
        return extrapolate(ends, endMs, rangeMs, isCounter, func === 'rate');
      }
    }
  }
}

interface Piece {
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of decoded ones, without stale markers. */
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  readonly statistics: Statistics | null;
}

function pieceOf({ rows, timesMs, values, statistics, mayHoldStale }: SamplePiece): Piece {
  if (statistics !== null) return { rows, firstMs: timesMs[0], lastMs: timesMs[1], timesMs, values, statistics };
  const points = mayHoldStale ? withoutStale(timesMs, values, null) : { times: timesMs, values };
  const { times } = points;
  return {
    rows: times.length,
    firstMs: times[0],
    lastMs: times[times.length - 1],
    timesMs: times,
    values: points.values,
    statistics: null,
  };
}

/** What is known of a window so far. */
interface Window {
  count: number;
  firstMs: number;
  lastMs: number;
  first: number;
  last: number;
  min: number;
  max: number;
  sum: number;
  /** What resets lost. */
  lost: number;
  whole: boolean;
  /** Not less than the sum of all values without their signs. */
  magnitude: number;
}

function newWindow(): Window {
  return {
    count: 0,
    firstMs: 0,
    lastMs: 0,
    first: 0,
    last: 0,
    min: 0,
    max: 0,
    sum: 0,
    lost: 0,
    whole: true,
    magnitude: 0,
  };
}

function clear(window: Window): void {
  window.count = 0;
  window.sum = 0;
  window.lost = 0;
  window.whole = true;
  window.magnitude = 0;
}

function addBlock(window: Window, { rows, firstMs, lastMs }: Piece, block: Statistics): void {
  if (window.count === 0) {
    window.firstMs = firstMs;
    window.first = block.first;
    window.min = block.min;
    window.max = block.max;
  } else {
    if (block.first < window.last) window.lost += window.last;
    if (block.min < window.min || Number.isNaN(window.min)) window.min = block.min;
    if (block.max > window.max || Number.isNaN(window.max)) window.max = block.max;
  }
  window.lost += block.correction;
  window.sum += block.sum;
  if (block.whole !== true) window.whole = false;
  window.magnitude += rows * Math.max(Math.abs(block.min), Math.abs(block.max));
  window.last = block.last;
  window.lastMs = lastMs;
  window.count += rows;
}

/** Adds the points with startMs < time ≤ endMs. */
function addPoints(window: Window, { timesMs, values }: Piece, startMs: number, endMs: number, need: Need): void {
  const lo = firstAbove(timesMs, startMs);
  const hi = firstAbove(timesMs, endMs);
  if (lo >= hi) return;
  if (window.count === 0) {
    window.firstMs = timesMs[lo];
    window.first = values[lo];
    window.min = values[lo];
    window.max = values[lo];
    window.last = values[lo];
  }
  if (need !== 'rows') {
    for (let i = lo; i < hi; i++) {
      const value = values[i];
      if (value < window.last) window.lost += window.last;
      if (value < window.min || Number.isNaN(window.min)) window.min = value;
      if (value > window.max || Number.isNaN(window.max)) window.max = value;
      window.sum += value;
      window.magnitude += Math.abs(value);
      if (!Number.isInteger(value)) window.whole = false;
      window.last = value;
    }
  }
  window.lastMs = timesMs[hi - 1];
  window.count += hi - lo;
}

/** The first index whose time is above a limit. */
function firstAbove(times: Float64Array, limitMs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] > limitMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Whether one of the ascending numbers lies in [from, to). */
function hasBetween(sorted: Float64Array, from: number, to: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] >= from) high = middle;
    else low = middle + 1;
  }
  return low < sorted.length && sorted[low] < to;
}
