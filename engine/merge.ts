/**
 * Merges files of one partition into one, leaving deleted rows out. Runs on any thread, like a flush.
 */
import { mergeFiles } from '../compaction/merge.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { openTsm } from '../tsm/reader.ts';
import { createTsm } from '../tsm/writer.ts';
import type { FileEntry, Tombstone } from './manifest.ts';
import { offsetNs } from './time.ts';

export interface MergeJob {
  directory: string;
  database: string;
  indexEpoch: string;
  partitionStartSec: number;
  partitionDurationSec: number;
  /** Oldest first. */
  inputs: FileEntry[];
  /** Name of the file to write. */
  name: string;
  level: number;
  cold: boolean;
  /** Those that touch one of the inputs. */
  tombstones: Tombstone[];
  /** Id of the newest tombstone there is, so of the last one whose rows the merged file lacks. */
  lastTombstone: number;
  /** Limit of the rate of writing; 0 is none. Only on a thread of its own may it be set. */
  bytesPerSec: number;
  nowMs: number;
}

/** Whether rows of a file may be deleted by a tombstone that the file has not been rid of. */
export function touches(tombstone: Tombstone, entry: FileEntry): boolean {
  return (
    entry.generation <= tombstone.generation &&
    entry.lastTombstone < tombstone.id &&
    offsetNs(tombstone.from, entry.partitionStartSec) <= entry.maxOffsetNs &&
    offsetNs(tombstone.to, entry.partitionStartSec) >= entry.minOffsetNs
  );
}

/**
 * Writes the merged file, durably, and describes it; null when no row is left. The inputs stay as they are.
 * @param between called now and then between two series, for what must not wait until the end.
 */
export function mergeJob(fs: FileSystem, job: MergeJob, between: () => void = () => {}): FileEntry | null {
  const { partitionStartSec, partitionDurationSec, database, indexEpoch, level, cold } = job;
  const header = { database, partitionStartSec, partitionDurationSec, indexEpoch, level, cold };
  const files = job.inputs.map((input) => openTsm(fs, `${job.directory}/${input.name}`));
  const writer = createTsm(fs, `${job.directory}/${job.name}`, header);
  try {
    const ranges = job.inputs.map((input) => deletedRanges(job.tombstones, input));
    const merged = mergeFiles(files, writer, {
      deleted: (input, ref) => ranges[input].get(ref) ?? null,
      pace: pacer(job.bytesPerSec, between),
    });
    if (merged.seriesCount === 0) {
      writer.abort();
      return null;
    }
    return {
      ...entryOf(writer.finish()),
      name: job.name,
      generation: Math.max(...job.inputs.map((input) => input.generation)),
      createdMs: job.nowMs,
      lastTombstone: job.lastTombstone,
    };
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    for (const file of files) file.close();
  }
}

/** What is between two calls of `between` at most, as far as one series does not take longer. */
const BETWEEN_MS = 5;
const SLEEP_MS = 20;

/** Calls `between` again and again, and sleeps whenever more was written than the rate (0: any) allows. */
function pacer(bytesPerSec: number, between: () => void): (bytesWritten: number) => void {
  const started = performance.now();
  const never = new Int32Array(new SharedArrayBuffer(4));
  let last = started;
  return (bytesWritten) => {
    for (;;) {
      const now = performance.now();
      if (now - last > BETWEEN_MS) {
        between();
        last = now;
      }
      const aheadMs = bytesPerSec > 0 ? (bytesWritten / bytesPerSec) * 1000 - (now - started) : 0;
      if (aheadMs <= 10) return;
      Atomics.wait(never, 0, 0, Math.min(aheadMs, SLEEP_MS));
    }
  };
}

interface OffsetRange {
  minOffsetNs: number;
  maxOffsetNs: number;
}

/** By ref: what is deleted of one file. */
function deletedRanges(tombstones: readonly Tombstone[], entry: FileEntry): Map<number, OffsetRange[]> {
  const ranges = new Map<number, OffsetRange[]>();
  for (const tombstone of tombstones) {
    if (!touches(tombstone, entry)) continue;
    const range = {
      minOffsetNs: offsetNs(tombstone.from, entry.partitionStartSec),
      maxOffsetNs: offsetNs(tombstone.to, entry.partitionStartSec),
    };
    for (const ref of tombstone.refs) {
      const known = ranges.get(ref);
      if (known === undefined) ranges.set(ref, [range]);
      else known.push(range);
    }
  }
  return ranges;
}

type MetaFields = Omit<FileEntry, 'name' | 'generation' | 'createdMs' | 'lastTombstone'>;

/** What a manifest keeps of a file's own description. */
export function entryOf(meta: MetaFields): MetaFields {
  const { partitionStartSec, partitionDurationSec, minOffsetNs, maxOffsetNs } = meta;
  const { rows, values, seriesCount, sizeBytes, level, cold } = meta;
  return {
    partitionStartSec,
    partitionDurationSec,
    minOffsetNs,
    maxOffsetNs,
    rows,
    values,
    seriesCount,
    sizeBytes,
    level,
    cold,
  };
}
