/**
 * Partitions as InfluxDB's shards: ranges of time that hold rows or not. A time in a condition of a statement about the
 * schema goes by them, never by rows.
 */
import type { Database } from '../../../engine/database.ts';
import { hasRows } from '../../../memtable/read.ts';

/** A partition with rows, in files, in memory or both. */
export interface Partition {
  readonly startSec: number;
  readonly endSec: number;
}

/** Partitions with rows, ascending. */
export function partitionsOf(database: Database): Partition[] {
  const found = new Map<number, Partition>();
  const add = (startSec: number, durationSec: number) => {
    found.set(startSec, { startSec, endSec: startSec + durationSec });
  };
  for (const { partitionStartSec, partitionDurationSec } of database.manifest.files.values()) {
    add(partitionStartSec, partitionDurationSec);
  }
  const duration = database.partitionDurationSec;
  for (const memtable of [...database.frozen, database.active]) {
    for (const partition of memtable.partitions.keys()) add(partition * duration, duration);
  }
  return [...found.values()].sort((a, b) => a.startSec - b.startSec);
}

/** A range of time, ns since the epoch, both ends inclusive. */
export interface TimeRange {
  readonly minNs: bigint;
  readonly maxNs: bigint;
}

/** Whether a partition overlaps a range. */
export function overlaps({ startSec, endSec }: Partition, { minNs, maxNs }: TimeRange): boolean {
  return BigInt(startSec) * 1_000_000_000n <= maxNs && BigInt(endSec) * 1_000_000_000n > minNs;
}

/** Whether any of the databases has a partition in a range. */
export function anyPartition(databases: readonly Database[], range: TimeRange): boolean {
  return databases.some((database) => partitionsOf(database).some((partition) => overlaps(partition, range)));
}

/** [ref] 1 for series with rows in partitions that overlap the range. */
export function seriesWithin(database: Database, range: TimeRange): Uint8Array {
  const found = new Uint8Array(database.index.refLimit);
  for (const { name, partitionStartSec: startSec, partitionDurationSec } of database.manifest.files.values()) {
    if (!overlaps({ startSec, endSec: startSec + partitionDurationSec }, range)) continue;
    for (const ref of database.files.look(name, (file) => file.refs)) found[ref] = 1;
  }
  const duration = database.partitionDurationSec;
  for (const memtable of [...database.frozen, database.active]) {
    const view = memtable.view();
    const { heads } = view;
    for (const partition of memtable.partitions.keys()) {
      const startSec = partition * duration;
      if (!overlaps({ startSec, endSec: startSec + duration }, range)) continue;
      for (let ref = 0; ref < heads.length && ref < found.length; ref++) {
        if (heads[ref] !== 0 && found[ref] === 0 && hasRows(view, ref, partition)) found[ref] = 1;
      }
    }
  }
  return found;
}
