/**
 * Which partitions go when a data directory is larger than it may be: the oldest first, over all databases, until what
 * is left fits. The newest partition of a database always stays, so that a cap never empties one that is written to.
 */
import type { PartitionSpan } from './expired.ts';

/** One partition of one database with the bytes of its files. */
export interface PartitionSize extends PartitionSpan {
  database: string;
  sizeBytes: number;
}

/**
 * @param capBytes 0 means no cap.
 * @returns the partitions to drop, oldest first.
 */
export function partitionsOverCap<P extends PartitionSize>(partitions: readonly P[], capBytes: number): P[] {
  if (capBytes === 0) return [];
  const newest = new Map<string, number>();
  let total = 0;
  for (const { database, partitionStartSec, sizeBytes } of partitions) {
    newest.set(database, Math.max(newest.get(database) ?? Number.NEGATIVE_INFINITY, partitionStartSec));
    total += sizeBytes;
  }
  const endSec = (partition: P) => partition.partitionStartSec + partition.partitionDurationSec;
  const oldestFirst = [...partitions].sort((a, b) => endSec(a) - endSec(b));
  const dropped: P[] = [];
  for (const partition of oldestFirst) {
    if (total <= capBytes) break;
    if (newest.get(partition.database) === partition.partitionStartSec) continue;
    dropped.push(partition);
    total -= partition.sizeBytes;
  }
  return dropped;
}
