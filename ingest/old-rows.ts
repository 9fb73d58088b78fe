/** Rows that are older than what their database keeps. */
import type { Batch } from '../batch/batch.ts';

/**
 * Takes out rows from before an instant, and returns how many. Their values stay where they are, unused.
 * @param sec seconds and nanoseconds since the epoch.
 */
export function dropOldRows(batch: Batch, sec: number, nano: number): number {
  const { rows } = batch;
  let kept = 0;
  for (let r = 0; r < rows; r++) {
    if (batch.sec[r] < sec || (batch.sec[r] === sec && batch.nano[r] < nano)) continue;
    if (kept !== r) {
      batch.series[kept] = batch.series[r];
      batch.shape[kept] = batch.shape[r];
      batch.sec[kept] = batch.sec[r];
      batch.nano[kept] = batch.nano[r];
      batch.valueStart[kept] = batch.valueStart[r];
    }
    kept++;
  }
  batch.rows = kept;
  return rows - kept;
}
