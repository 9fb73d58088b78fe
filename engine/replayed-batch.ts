/** What is done to a batch from the log before it goes to memory. */
import type { Batch } from '../batch/batch.ts';
import type { SeriesIndex } from '../index/series-index.ts';

/**
 * Takes out rows of series that the index does not know, and returns how many. There are none unless the index log was
 * damaged: a series without rows in any file is then known to nobody.
 */
export function dropUnknownSeries(index: SeriesIndex, batch: Batch): number {
  const { rows } = batch;
  let kept = 0;
  for (let r = 0; r < rows; r++) {
    const ref = batch.series[r];
    if (ref >= index.refLimit || !index.isLive(ref)) continue;
    if (kept !== r) batch.moveRow(r, kept);
    kept++;
  }
  batch.rows = kept;
  return rows - kept;
}

/** Tells the index of the fields that replayed rows bring, as the parser did when they came first. */
export function noteShapes(index: SeriesIndex, batch: Batch): void {
  for (let r = 0; r < batch.rows; r++) {
    if (index.lastShape[batch.series[r]] !== batch.shape[r]) index.noteShape(batch.series[r], batch.shape[r]);
  }
}
