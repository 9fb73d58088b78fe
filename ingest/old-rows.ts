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
    if (kept !== r) batch.moveRow(r, kept);
    kept++;
  }
  batch.rows = kept;
  return rows - kept;
}
