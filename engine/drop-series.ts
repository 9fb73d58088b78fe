/**
 * Deleting rows so that series which have none left are gone from the index at once, not when their files are rewritten.
 *
 * 1. The rows are hidden by a tombstone (`Engine.deleteRows`).
 * 2. A series stays while a memtable has rows of it, or a file has some that no tombstone covers. What the ranges of files
 *    and tombstones cannot tell is read.
 * 3. The others leave the index, which says so on disk; in the same turn of the event loop, so that no write comes between.
 *
 * Their refs are not given to new series before the files have been rewritten without them (`removeDeadSeries`).
 */
import type { Database } from './database.ts';
import type { Engine } from './engine.ts';
import type { FileEntry, Tombstone } from './manifest.ts';
import { touches } from './merge.ts';
import type { SeriesReader } from './series-reader.ts';
import { type Instant, MAX_INSTANT, MIN_INSTANT, offsetNs } from './time.ts';

/** Series that are read to see whether rows are left; more are left to the rewriting of their files. */
const READ_LIMIT = 20_000;

/**
 * Deletes rows of series between two instants, both inclusive, and the series that have none left. Durable when it
 * resolves. Measurements without series begin anew.
 * @param select as `Engine.deleteRows` has it
 */
export function deleteRowsAndSeries(
  engine: Engine,
  database: Database,
  select: () => Int32Array,
  from: Instant,
  to: Instant,
): Promise<void> {
  return engine.deleteRows(database, select, from, to, (refs) => removeEmpty(engine, database, refs));
}

/** Takes series out of the index that have no rows. */
function removeEmpty(engine: Engine, database: Database, refs: Int32Array): void {
  const { index } = database;
  const gone = withoutRows(database, refs);
  if (gone.length === 0) return;
  const measurements = new Set<number>();
  for (const ref of gone) measurements.add(index.measurementOf(ref));
  index.remove(gone);
  index.renewMeasurements(measurements);
  database.pinIndex(engine.wal.checkpointLsn);
}

const UNKNOWN = 1;
const ALIVE = 2;

/** The series among these that have no rows. */
function withoutRows(database: Database, refs: Int32Array): Int32Array {
  const { index, manifest } = database;
  const state = new Uint8Array(index.refLimit);
  const isAsked = new Uint8Array(index.refLimit);
  for (const ref of refs) if (index.isLive(ref)) isAsked[ref] = 1;
  for (const memtable of [...database.frozen, database.active]) {
    const { heads } = memtable;
    for (const ref of refs) if (ref < heads.length && heads[ref] !== 0) state[ref] = ALIVE;
  }
  const tombstones = [...manifest.tombstones.values()];
  for (const entry of manifest.files.values()) {
    const touching = tombstones.filter((tombstone) => touches(tombstone, entry));
    const covers = marks(
      touching.filter((tombstone) => coversWhole(tombstone, entry)),
      state.length,
    );
    const cuts = marks(touching, state.length);
    for (const ref of database.files.look(entry.name, (file) => file.refs)) {
      if (isAsked[ref] === 0 || state[ref] === ALIVE || covers[ref] === 1) continue;
      state[ref] = cuts[ref] === 1 ? UNKNOWN : ALIVE;
    }
  }
  const gone: number[] = [];
  const reader = database.reader(MIN_INSTANT, MAX_INSTANT);
  let reads = 0;
  for (const ref of refs) {
    if (isAsked[ref] === 0 || state[ref] === ALIVE) continue;
    if (state[ref] === UNKNOWN && (reads++ >= READ_LIMIT || hasAnyRow(reader, ref))) continue;
    gone.push(ref);
  }
  return Int32Array.from(gone);
}

function hasAnyRow(reader: SeriesReader, ref: number): boolean {
  return reader.partitionStartsSec.some((_, place) => reader.readParts(place, ref, null).next().done !== true);
}

function coversWhole({ from, to }: Tombstone, entry: FileEntry): boolean {
  return (
    offsetNs(from, entry.partitionStartSec) <= entry.minOffsetNs &&
    offsetNs(to, entry.partitionStartSec) >= entry.maxOffsetNs
  );
}

/** [ref] 1 for the refs of tombstones. */
function marks(tombstones: readonly Tombstone[], length: number): Uint8Array {
  const marked = new Uint8Array(length);
  for (const { refs } of tombstones) for (const ref of refs) if (ref < length) marked[ref] = 1;
  return marked;
}
