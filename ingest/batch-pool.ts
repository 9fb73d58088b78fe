/**
 * Batches between uses. A batch that has grown keeps its arrays, so a steady load allocates none; a few are kept, and
 * one that a single huge body has blown up is let go.
 */
import { Batch } from '../batch/batch.ts';

const KEPT = 4;
const LARGEST_KEPT_VALUES = 1 << 20;

const free: Batch[] = [];

/** An empty batch. It is the caller's until `giveBatch`. */
export function takeBatch(): Batch {
  return free.pop() ?? new Batch();
}

export function giveBatch(batch: Batch): void {
  batch.reset();
  if (free.length < KEPT && batch.values.length <= LARGEST_KEPT_VALUES) free.push(batch);
}
