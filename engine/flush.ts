/**
 * Turns a memtable into files: one per partition, series in the order of their refs.
 *
 * It runs on any thread: a job is plain data whose large parts are shared memory. Nothing of the engine's state is
 * touched; the engine adds the returned files to its manifest when all of them are durable.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { type IndexHandle, viewSeriesKey } from '../index/worker-view.ts';
import { SLAB_BITS, SLAB_MASK } from '../memtable/arena.ts';
import { CHUNK_OLDER, CHUNK_PARTITION, type MemtableView } from '../memtable/memtable.ts';
import { type ShapeFields, visitRows } from '../memtable/read.ts';
import { createTsm } from '../tsm/writer.ts';
import { fileName } from './file-name.ts';
import type { FileEntry } from './manifest.ts';
import { entryOf } from './merge.ts';

export interface FlushJob {
  directory: string;
  database: string;
  indexEpoch: string;
  partitionDurationSec: number;
  memtable: MemtableView;
  /** Numbers of the partitions that it has rows of. */
  partitions: readonly number[];
  /** By shape id; holes where the memtable has none. */
  shapes: (ShapeFields | undefined)[];
  keys: IndexHandle;
  /** Generation of the first file; the others follow. */
  firstGeneration: number;
  nowMs: number;
}

/** Refs by partition number, both ascending. */
function seriesByPartition({ memtable: view, partitions }: FlushJob): Map<number, number[]> {
  if (partitions.length === 1) return new Map([[partitions[0], seriesOf(view)]]);
  const found = new Map<number, number[]>();
  for (let ref = 0; ref < view.heads.length; ref++) {
    let pointer = view.heads[ref];
    while (pointer !== 0) {
      const words = view.arena.words[pointer >>> SLAB_BITS];
      const h = (pointer & SLAB_MASK) * 2;
      const partition = words[h + CHUNK_PARTITION];
      let refs = found.get(partition);
      if (refs === undefined) {
        refs = [];
        found.set(partition, refs);
      }
      if (refs.length === 0 || refs[refs.length - 1] !== ref) refs.push(ref);
      pointer = words[h + CHUNK_OLDER];
    }
  }
  return new Map([...found].sort((a, b) => a[0] - b[0]));
}

/** Refs of series with rows, ascending. */
function seriesOf({ heads }: MemtableView): number[] {
  const refs: number[] = [];
  for (let ref = 0; ref < heads.length; ref++) if (heads[ref] !== 0) refs.push(ref);
  return refs;
}

/** Writes the files, each synced under its final name, and describes them. On error no file is left behind. */
export function flushMemtable(fs: FileSystem, job: FlushJob): FileEntry[] {
  const entries: FileEntry[] = [];
  try {
    for (const [partition, refs] of seriesByPartition(job)) {
      const generation = job.firstGeneration + entries.length;
      const partitionStartSec = partition * job.partitionDurationSec;
      const name = fileName(partitionStartSec, generation);
      const writer = createTsm(fs, `${job.directory}/${name}`, {
        database: job.database,
        partitionStartSec,
        partitionDurationSec: job.partitionDurationSec,
        indexEpoch: job.indexEpoch,
        level: 0,
        cold: false,
      });
      try {
        for (const ref of refs) {
          const key = viewSeriesKey(job.keys, ref);
          visitRows(job.memtable, job.shapes, ref, partition, (slice) => writer.addSeries(ref, key, slice));
        }
        entries.push({ ...entryOf(writer.finish(false)), name, generation, createdMs: job.nowMs, lastTombstone: 0 });
      } catch (error) {
        writer.abort();
        throw error;
      }
    }
    fs.syncDirectory(job.directory);
  } catch (error) {
    for (const entry of entries) fs.remove(`${job.directory}/${entry.name}`);
    throw error;
  }
  return entries;
}
