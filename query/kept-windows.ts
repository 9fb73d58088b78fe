/**
 * Windows of a range function over columns of small integers that are kept decoded: their sums and extremes are had from
 * those of runs of values, so that a window costs little more than its two ends.
 *
 * What comes out is, to the bit, what the function gives over all samples: sums of small integers are exact in any order.
 */
import type { WindowRequest } from './promql/querier.ts';
import { Windows } from './promql/windows.ts';
import type { KeptSamples, SampleReader, SeriesSources } from './sample-reader.ts';

type Fold = 'sum' | 'mean' | 'smallest' | 'largest';

const FOLDS: ReadonlyMap<string, Fold> = new Map<string, Fold>([
  ['sum_over_time', 'sum'],
  ['avg_over_time', 'mean'],
  ['min_over_time', 'smallest'],
  ['max_over_time', 'largest'],
]);

/** Values that are looked at for the ends of a window, and how many of the others one look answers for. */
const END_VALUES = 64;
const RUN_VALUES = 32;
/** Sliding over the samples looks at each about so many times, however many windows there are. */
const SLIDING_LOOKS = 4;

/** Windows of one function; made once and asked for series by series. */
export class KeptWindows {
  private readonly fold: Fold;
  private readonly request: WindowRequest;
  private readonly laid: Windows;

  /** Null when such columns are of no use to the function. */
  static of(request: WindowRequest): KeptWindows | null {
    const fold = FOLDS.get(request.func);
    return fold === undefined ? null : new KeptWindows(request, fold);
  }

  private constructor(request: WindowRequest, fold: Fold) {
    this.request = request;
    this.fold = fold;
    this.laid = new Windows(request.endsMs, request.endsMs, request.rangeMs, 0);
  }

  /** As SeriesSet.windows. */
  windows(reader: SampleReader, series: SeriesSources, out: Float64Array, present: Uint8Array): number {
    const kept = reader.kept(series);
    if (kept === null) return -1;
    const { lo, hi } = this.laid;
    const widest = this.laid.move(kept.timesMs);
    const { sampleCount } = this.laid;
    const looks = Math.min(sampleCount, lo.length * END_VALUES) + sampleCount / RUN_VALUES;
    if (looks > SLIDING_LOOKS * kept.timesMs.length) return -1;
    this.request.look?.(widest);
    for (let i = 0; i < lo.length; i++) {
      if (hi[i] <= lo[i]) continue;
      out[i] = this.valueOf(kept, lo[i], hi[i]);
      present[i] = 1;
    }
    return sampleCount;
  }

  /** Of the samples lo … hi - 1. */
  private valueOf({ spans }: KeptSamples, lo: number, hi: number): number {
    const { fold } = this;
    let sum = 0;
    let smallest = Infinity;
    let largest = -Infinity;
    let first = 0;
    for (const { span } of spans) {
      const { from, to, column } = span;
      const rows = to - from;
      const start = from + Math.max(0, lo - first);
      const end = from + Math.min(rows, hi - first);
      first += rows;
      if (start >= end) continue;
      if (fold === 'smallest') smallest = Math.min(smallest, column.smallest(start, end));
      else if (fold === 'largest') largest = Math.max(largest, column.largest(start, end));
      else sum += column.sum(start, end);
    }
    if (fold === 'smallest') return smallest;
    if (fold === 'largest') return largest;
    return fold === 'sum' ? sum : sum / (hi - lo);
  }
}
