/**
 * Reads series of one database over a time range, merged over files and memtables, partition by partition.
 */
import type { RowSlice } from '../batch/column.ts';
import { cutRows, mergeSlices } from '../batch/row-slices.ts';
import type { MemtableView } from '../memtable/memtable.ts';
import { hasRows, readRows } from '../memtable/read.ts';
import { type NumberBuffer, type NumberSpan, readNumbers } from '../tsm/number-reader.ts';
import type { TsmFile } from '../tsm/reader.ts';
import type { Database } from './database.ts';
import type { FileEntry } from './manifest.ts';
import { touches } from './merge.ts';
import { type Instant, offsetNs } from './time.ts';

/** A series' rows in one partition, ascending; `slice.times` are ns since `startSec`. */
export interface PartitionRows {
  startSec: number;
  slice: RowSlice;
}

interface MemtableSource {
  view: MemtableView;
  partition: number;
}

/** One partition within the reader's range. */
interface Source {
  startSec: number;
  minOffsetNs: number;
  maxOffsetNs: number;
  /** By generation. */
  files: { entry: FileEntry; file: TsmFile }[];
  /** Frozen ones, oldest first, then the active one. */
  memtables: MemtableSource[];
}

export class SeriesReader {
  private readonly database: Database;
  private readonly sources: Source[];

  /** Both bounds are inclusive. */
  constructor(database: Database, from: Instant, to: Instant) {
    this.database = database;
    this.sources = collectSources(database, from, to);
  }

  /**
   * Rows of a series, ascending.
   * @param fields names, or null for all fields; rows without any of them are left out.
   */
  read(ref: number, fields: readonly string[] | null): PartitionRows[] {
    const result: PartitionRows[] = [];
    for (const { startSec, minOffsetNs, maxOffsetNs, files, memtables } of this.sources) {
      let slices: RowSlice[] | null = null;
      let only: RowSlice | null = null;
      const add = (slice: RowSlice) => {
        if (only === null) only = slice;
        else if (slices === null) slices = [only, slice];
        else slices.push(slice);
      };
      for (const { entry, file } of files) {
        let slice = file.read(ref, fields, minOffsetNs, maxOffsetNs);
        if (slice !== null && this.database.manifest.tombstones.size > 0)
          slice = this.withoutDeleted(slice, ref, entry);
        if (slice !== null) add(slice);
      }
      for (const { view, partition } of memtables) {
        const slice = readRows(view, this.database.plainShapes(), ref, partition, fields, minOffsetNs, maxOffsetNs);
        if (slice !== null) add(slice);
      }
      if (slices !== null) result.push({ startSec, slice: mergeSlices(slices) });
      else if (only !== null) result.push({ startSec, slice: only });
    }
    return result;
  }

  /**
   * As `read` of one field, into a buffer that is used again: calls `visit` for each run of rows, ascending. False when
   * the rows must be read as slices, because several sources hold some, or for the column's kind; the buffer and what was
   * visited are then worth nothing.
   */
  readNumbers(
    ref: number,
    field: string,
    buffer: NumberBuffer,
    visit: (startSec: number, span: NumberSpan) => void,
  ): boolean {
    for (const { startSec, minOffsetNs, maxOffsetNs, files, memtables } of this.sources) {
      for (const { view, partition } of memtables) if (hasRows(view, ref, partition)) return false;
      let found: readonly NumberSpan[] = [];
      for (const { entry, file } of files) {
        if (this.isTouched(ref, entry)) return false;
        const spans = readNumbers(file, ref, field, minOffsetNs, maxOffsetNs, buffer);
        if (spans === null || (spans.length > 0 && found.length > 0)) return false;
        if (spans.length > 0) found = spans;
      }
      for (const span of found) visit(startSec, span);
    }
    return true;
  }

  /** Whether a tombstone may cover rows of a series in a file. */
  private isTouched(ref: number, entry: FileEntry): boolean {
    const { tombstones } = this.database.manifest;
    if (tombstones.size === 0) return false;
    for (const tombstone of tombstones.values())
      if (touches(tombstone, entry) && includes(tombstone.refs, ref)) return true;
    return false;
  }

  /** Whether a series has rows in any partition of the range; deleted rows count. */
  has(ref: number): boolean {
    return this.sources.some(
      ({ files, memtables }) =>
        files.some(({ file }) => file.find(ref) >= 0) ||
        memtables.some(({ view, partition }) => hasRows(view, ref, partition)),
    );
  }

  /** Rows of a file that no tombstone covers. */
  private withoutDeleted(slice: RowSlice, ref: number, entry: FileEntry): RowSlice | null {
    let kept: RowSlice | null = slice;
    for (const tombstone of this.database.manifest.tombstones.values()) {
      if (kept === null) return null;
      if (!touches(tombstone, entry) || !includes(tombstone.refs, ref)) continue;
      const start = entry.partitionStartSec;
      kept = cutRows(kept, offsetNs(tombstone.from, start), offsetNs(tombstone.to, start));
    }
    return kept;
  }
}

/** Whether a sorted list holds a number. */
function includes(sorted: readonly number[], value: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

/** All partitions with data between the bounds, ascending. */
function collectSources(database: Database, from: Instant, to: Instant): Source[] {
  const duration = database.partitionDurationSec;
  const sources = new Map<number, Source>();
  const sourceAt = (startSec: number): Source => {
    let source = sources.get(startSec);
    if (source === undefined) {
      source = {
        startSec,
        minOffsetNs: Math.max(0, offsetNs(from, startSec)),
        maxOffsetNs: Math.min(duration * 1e9 - 1, offsetNs(to, startSec)),
        files: [],
        memtables: [],
      };
      sources.set(startSec, source);
    }
    return source;
  };
  const overlaps = (startSec: number, min: number, max: number) =>
    offsetNs(from, startSec) <= max && offsetNs(to, startSec) >= min;

  for (const entry of database.manifest.files.values()) {
    if (!overlaps(entry.partitionStartSec, entry.minOffsetNs, entry.maxOffsetNs)) continue;
    sourceAt(entry.partitionStartSec).files.push({ entry, file: database.files.get(entry.name) });
  }
  for (const memtable of [...database.frozen, database.active]) {
    const view = memtable.view();
    for (const [partition, count] of memtable.partitions) {
      const startSec = partition * duration;
      if (overlaps(startSec, count.minOffsetNs, count.maxOffsetNs))
        sourceAt(startSec).memtables.push({ view, partition });
    }
  }
  for (const source of sources.values()) source.files.sort((a, b) => a.entry.generation - b.entry.generation);
  return [...sources.values()].sort((a, b) => a.startSec - b.startSec);
}
