/** Windows of a range function without a look at every sample, where the storage knows enough of many samples at once. */
import { BlockWindows } from './block-windows.ts';
import { KeptWindows } from './kept-windows.ts';
import type { WindowRequest } from './promql/querier.ts';
import type { SampleReader, SeriesSources } from './sample-reader.ts';

/** Windows of one function; made once and asked for series by series. */
export class StoredWindows {
  private readonly blocks: BlockWindows | null;
  private readonly kept: KeptWindows | null;

  constructor(request: WindowRequest) {
    this.blocks = BlockWindows.of(request);
    this.kept = KeptWindows.of(request);
  }

  /** As SeriesSet.windows. */
  windows(reader: SampleReader, series: SeriesSources, out: Float64Array, present: Uint8Array): number {
    const samples = this.blocks === null ? -1 : this.blocks.windows(reader, series, out, present);
    return samples >= 0 || this.kept === null ? samples : this.kept.windows(reader, series, out, present);
  }
}
