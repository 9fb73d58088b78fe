/** What the partitions of a database hold in files, as the page's time line and /api/v1/status/partitions show it. */
import type { Database } from '../engine/database.ts';

export interface PartitionStatistics {
  /** s since the epoch. */
  startSec: number;
  durationSec: number;
  files: number;
  bytes: number;
  rows: number;
  values: number;
  /** Merged into its one file, as long as no late rows come. */
  isCold: boolean;
}

/** By time. */
export function partitionStatistics(database: Database | undefined): PartitionStatistics[] {
  const partitions = new Map<number, PartitionStatistics>();
  for (const file of database?.manifest.files.values() ?? []) {
    const { partitionStartSec: startSec, partitionDurationSec: durationSec } = file;
    let partition = partitions.get(startSec);
    if (partition === undefined) {
      partition = { startSec, durationSec, files: 0, bytes: 0, rows: 0, values: 0, isCold: true };
      partitions.set(startSec, partition);
    }
    partition.files++;
    partition.bytes += file.sizeBytes;
    partition.rows += file.rows;
    partition.values += file.values;
    partition.isCold &&= file.cold;
  }
  return [...partitions.values()].sort((a, b) => a.startSec - b.startSec);
}
