/** The windows of one selector once threads have computed them, in shared memory. */
import type { WindowRequest } from '../promql/querier.ts';

/** Goes to other threads as it is. */
export interface WindowColumns {
  readonly func: string;
  readonly rangeMs: number;
  /** [step] */
  readonly endsMs: Float64Array;
  /** [place × step] */
  readonly values: Float64Array;
  readonly present: Uint8Array;
  /** [place] samples in all windows. */
  readonly samples: Float64Array;
  /** [series] its place. */
  readonly placeOf: Int32Array;
}

export class ComputedWindows {
  readonly columns: WindowColumns;

  constructor(columns: WindowColumns) {
    this.columns = columns;
  }

  /** See SeriesSet.windows. */
  windows(series: number, request: WindowRequest, out: Float64Array, present: Uint8Array): number {
    const { func, rangeMs, endsMs, values, samples, placeOf } = this.columns;
    const steps = endsMs.length;
    const last = steps - 1;
    const same =
      request.func === func &&
      request.rangeMs === rangeMs &&
      request.endsMs.length === steps &&
      request.endsMs[0] === endsMs[0] &&
      request.endsMs[last] === endsMs[last];
    if (!same) return -1;
    const place = placeOf[series];
    out.set(values.subarray(place * steps, (place + 1) * steps));
    present.set(this.columns.present.subarray(place * steps, (place + 1) * steps));
    return samples[place];
  }
}
