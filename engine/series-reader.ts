/**
 * Reads series of one database over a time range, merged over files and memtables, partition by partition.
 */
import type { RowSlice } from '../batch/column.ts';
import { cutRows, mergeSlices } from '../batch/row-slices.ts';
import { type RowOutline, readInParts, sizeOfRange } from '../batch/sparse-range.ts';
import { VarveError } from '../errors/errors.ts';
import type { MemtableView } from '../memtable/memtable.ts';
import { countRows, hasRows, outlineRows, readRows, type ShapeFields } from '../memtable/read.ts';
import type { ColumnCache } from '../tsm/column-cache.ts';
import { type NumberRow, newestRow } from '../tsm/newest-row.ts';
import {
  type BlockChoice,
  countUncut,
  type KeptSpan,
  keptNumbers,
  type NumberBuffer,
  type NumberSpan,
  readNumbers,
} from '../tsm/number-reader.ts';
import type { TsmFile } from '../tsm/reader.ts';
import type { Database } from './database.ts';
import type { FileEntry, Tombstone } from './manifest.ts';
import { touches } from './merge.ts';
import { type Instant, offsetNs } from './time.ts';

/** Fields that may be asked for without a look at how much room they need. */
const MANY_FIELDS = 32;
/** Cells that may be read at once: some 2.4 GB. */
const MAX_CELLS = 2 ** 28;

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

/**
 * What a reader reads from, as plain data for another thread. Its memtables are copies, because the live ones go on
 * changing; its files are named by their paths, and may be gone by the time they are opened.
 */
export interface ReadPlan {
  sources: {
    startSec: number;
    minOffsetNs: number;
    maxOffsetNs: number;
    files: { entry: FileEntry; path: string }[];
    memtables: MemtableSource[];
  }[];
  tombstones: Tombstone[];
  shapes: readonly (ShapeFields | undefined)[];
}

/** Copies of memtables, by what tells one from another. */
export type MemtableCopies = Map<Int32Array, MemtableView>;

/** What a reader has to know besides its sources. */
interface Surroundings {
  readonly tombstones: readonly Tombstone[];
  /** Shapes of the memtables' rows, by id. */
  shapes(): readonly (ShapeFields | undefined)[];
}

/** Opens all that may hold rows of a database from `from` to `to`, both inclusive. */
export function openSeriesReader(database: Database, from: Instant, to: Instant): SeriesReader {
  const tombstones = [...database.manifest.tombstones.values()];
  const around = { tombstones, shapes: () => database.plainShapes() };
  return new SeriesReader(around, collectSources(database, from, to));
}

/** A reader on another thread. `open` throws ENOENT for a file that is gone. */
export function readerOfPlan(plan: ReadPlan, open: (path: string) => TsmFile): SeriesReader {
  const sources = plan.sources.map((source) => ({
    ...source,
    files: source.files.map(({ entry, path }) => ({ entry, file: open(path) })),
  }));
  return new SeriesReader({ tombstones: plan.tombstones, shapes: () => plan.shapes }, sources);
}

export class SeriesReader {
  private readonly around: Surroundings;
  private readonly sources: readonly Source[];

  constructor(around: Surroundings, sources: readonly Source[]) {
    this.around = around;
    this.sources = sources;
  }

  /**
   * What another thread needs to read the same.
   * @param copies memtables that were copied already, for several plans of one turn of the event loop.
   */
  plan(copies: MemtableCopies = new Map()): ReadPlan {
    let reads = false;
    const copyOf = (view: MemtableView): MemtableView => {
      reads = true;
      const copy = copies.get(view.heads) ?? copyView(view);
      copies.set(view.heads, copy);
      return copy;
    };
    const sources = this.sources.map(({ startSec, minOffsetNs, maxOffsetNs, files, memtables }) => ({
      startSec,
      minOffsetNs,
      maxOffsetNs,
      files: files.map(({ entry, file }) => ({ entry, path: file.path })),
      memtables: memtables.map(({ view, partition }) => ({ view: copyOf(view), partition })),
    }));
    return {
      sources,
      tombstones: [...this.around.tombstones],
      shapes: reads ? this.around.shapes() : [],
    };
  }

  /**
   * About how many rows the reader would look at for `count` series: what an average series has in each file, in
   * proportion to the time that is asked for, and what some of them have in memory.
   * @param some refs of a few of them
   */
  estimateRows(some: readonly number[], count: number): number {
    let samples = 0;
    for (const { minOffsetNs, maxOffsetNs, files, memtables } of this.sources) {
      for (const { view, partition } of memtables) {
        let rows = 0;
        for (const ref of some) rows += countRows(view, ref, partition);
        samples += (rows / Math.max(1, some.length)) * count;
      }
      for (const { entry } of files) {
        const spanNs = entry.maxOffsetNs - entry.minOffsetNs;
        const wantedNs = Math.min(maxOffsetNs, entry.maxOffsetNs) - Math.max(minOffsetNs, entry.minOffsetNs);
        const share = spanNs > 0 ? Math.max(0, wantedNs) / spanNs : 1;
        samples += (entry.rows / Math.max(1, entry.seriesCount)) * share * count;
      }
    }
    return samples;
  }

  /**
   * Rows of a series, ascending.
   * @param fields names, or null for all fields; rows without any of them are left out.
   */
  read(ref: number, fields: readonly string[] | null): PartitionRows[] {
    const result: PartitionRows[] = [];
    for (const source of this.sources) {
      const slice = this.readSource(source, ref, fields);
      if (slice !== null) result.push({ startSec: source.startSec, slice });
    }
    return result;
  }

  /** Where the partitions of the range begin, s since the epoch, ascending: those that may hold rows. */
  get partitionStartsSec(): number[] {
    return this.sources.map(({ startSec }) => startSec);
  }

  /** As `read`, of one partition, by its place in `partitionStartsSec`. */
  readPartition(place: number, ref: number, fields: readonly string[] | null): RowSlice | null {
    if (fields === null || fields.length > MANY_FIELDS) this.refuseIfHuge(place, ref, fields);
    return this.readSource(this.sources[place], ref, fields);
  }

  /**
   * The newest row of a series that has any of the fields, without decoding anything: 'none' when there is none, null when it
   * cannot be had so, because memory or several files hold rows, or of the columns' kinds.
   */
  newestRow(ref: number, fields: readonly string[]): { startSec: number; row: NumberRow } | 'none' | null {
    for (let place = this.sources.length - 1; place >= 0; place--) {
      const { startSec, minOffsetNs, maxOffsetNs, files, memtables } = this.sources[place];
      for (const { view, partition } of memtables) if (hasRows(view, ref, partition)) return null;
      let newest: NumberRow | null = null;
      for (const { entry, file } of files) {
        if (this.isTouched(ref, entry)) return null;
        const row = newestRow(file, ref, fields, minOffsetNs, maxOffsetNs);
        if (row === 'none') continue;
        if (row === 'unknown' || newest !== null) return null;
        newest = row;
      }
      if (newest !== null) return { startSec, row: newest };
    }
    return 'none';
  }

  /** As `readPartition`, in slices that ascend in time and are not too sparse. */
  *readParts(place: number, ref: number, fields: readonly string[] | null): Generator<RowSlice> {
    const source = this.sources[place];
    const { minOffsetNs: min, maxOffsetNs: max } = source;
    yield* readInParts(this.outlinesOf(source, ref, fields), min, max, (minOffsetNs, maxOffsetNs) =>
      this.readSource({ ...source, minOffsetNs, maxOffsetNs }, ref, fields),
    );
  }

  private refuseIfHuge(place: number, ref: number, fields: readonly string[] | null): void {
    const source = this.sources[place];
    const outlines = this.outlinesOf(source, ref, fields);
    const { rows, columns } = sizeOfRange(outlines, source.minOffsetNs, source.maxOffsetNs);
    if (rows * columns <= MAX_CELLS) return;
    throw new VarveError(
      'unprocessable',
      `cannot read ${Math.round(rows)} rows of ${columns} fields of one series at once: name fewer fields or ask for a shorter time range`,
    );
  }

  private outlinesOf({ files, memtables }: Source, ref: number, fields: readonly string[] | null): RowOutline[] {
    const outlines: RowOutline[] = [];
    for (const { file } of files) {
      const position = file.find(ref);
      if (position >= 0) outlines.push(...file.outline(position));
    }
    for (const { view, partition } of memtables) {
      const outline = outlineRows(view, this.around.shapes(), ref, partition);
      if (outline !== null) outlines.push(outline);
    }
    if (fields === null) return outlines;
    const wanted = new Set(fields);
    return outlines.map((outline) => ({ ...outline, fields: outline.fields.filter((field) => wanted.has(field)) }));
  }

  private readSource(source: Source, ref: number, fields: readonly string[] | null): RowSlice | null {
    const { minOffsetNs, maxOffsetNs, files, memtables } = source;
    let slices: RowSlice[] | null = null;
    let only: RowSlice | null = null;
    const add = (slice: RowSlice) => {
      if (only === null) only = slice;
      else if (slices === null) slices = [only, slice];
      else slices.push(slice);
    };
    for (const { entry, file } of files) {
      let slice = file.read(ref, fields, minOffsetNs, maxOffsetNs);
      if (slice !== null && this.around.tombstones.length > 0) slice = this.withoutDeleted(slice, ref, entry);
      if (slice !== null) add(slice);
    }
    for (const { view, partition } of memtables) {
      const slice = readRows(view, this.around.shapes(), ref, partition, fields, minOffsetNs, maxOffsetNs);
      if (slice !== null) add(slice);
    }
    return slices === null ? only : mergeSlices(slices);
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
    columns: ColumnCache | null,
    visit: (startSec: number, span: NumberSpan) => void,
  ): boolean {
    for (const source of this.sources) {
      const found = this.numbersOf(source, ref, field, buffer, columns, null);
      if (found === null) return false;
      for (const span of found) visit(source.startSec, span);
    }
    return true;
  }

  /**
   * As `readNumbers`, but without decoding the row groups that are accepted, and with slices from the partitions that
   * must be read as such. Visits all in ascending time.
   * @param choiceAt tells which row groups of the partition that begins at `startSec` need not be decoded.
   */
  readPieces(
    ref: number,
    field: string,
    buffer: NumberBuffer,
    columns: ColumnCache | null,
    choiceAt: (startSec: number) => BlockChoice,
    visit: (startSec: number, piece: NumberSpan | RowSlice) => void,
  ): void {
    for (const source of this.sources) {
      const { startSec } = source;
      const { used } = buffer;
      const found = this.numbersOf(source, ref, field, buffer, columns, choiceAt(startSec));
      if (found !== null) {
        for (const span of found) visit(startSec, span);
        continue;
      }
      buffer.used = used;
      const slice = this.readSource(source, ref, [field]);
      if (slice !== null) visit(startSec, slice);
    }
  }

  /**
   * As `readNumbers`, of one partition, by its place in `partitionStartsSec`; null when it must be read as a slice.
   * @param choice may leave row groups out, where they cannot have rows of others hidden.
   */
  readPartitionNumbers(
    place: number,
    ref: number,
    field: string,
    buffer: NumberBuffer,
    columns: ColumnCache | null,
    choice: BlockChoice | null = null,
  ): readonly NumberSpan[] | null {
    return this.numbersOf(this.sources[place], ref, field, buffer, columns, choice);
  }

  /** As `readNumbers`, but nothing is read or decoded: false when some of it would have to be. */
  readKept(
    ref: number,
    field: string,
    columns: ColumnCache,
    visit: (startSec: number, span: KeptSpan) => void,
  ): boolean {
    for (const source of this.sources) {
      const { startSec, minOffsetNs, maxOffsetNs } = source;
      const found = this.spansOf(source, ref, (file) =>
        keptNumbers(file, ref, field, minOffsetNs, maxOffsetNs, columns),
      );
      if (found === null) return false;
      for (const span of found) visit(startSec, span);
    }
    return true;
  }

  /** The rows of one partition; null when they must be read as a slice. */
  private numbersOf(
    source: Source,
    ref: number,
    field: string,
    buffer: NumberBuffer,
    columns: ColumnCache | null,
    choice: BlockChoice | null,
  ): readonly NumberSpan[] | null {
    const { minOffsetNs, maxOffsetNs, files } = source;
    // What a newer file has instead of a row of an older one must be seen, even if it is not wanted.
    const chosen = files.length > 1 && choice?.excludes !== undefined ? null : choice;
    return this.spansOf(source, ref, (file) =>
      readNumbers(file, ref, field, minOffsetNs, maxOffsetNs, buffer, columns, chosen),
    );
  }

  /** What is read of the one file of a partition that holds rows of a series; null when it is not so simple. */
  private spansOf<T>(
    { files, memtables }: Source,
    ref: number,
    read: (file: TsmFile) => readonly T[] | null,
  ): readonly T[] | null {
    for (const { view, partition } of memtables) if (hasRows(view, ref, partition)) return null;
    let found: readonly T[] = [];
    for (const { entry, file } of files) {
      if (this.isTouched(ref, entry)) return null;
      const spans = read(file);
      if (spans === null || (spans.length > 0 && found.length > 0)) return null;
      if (spans.length > 0) found = spans;
    }
    return found;
  }

  /** Whether at least half of a series' rows lie in row groups of files that nothing cuts. */
  isMostlyUncut(ref: number, choiceAt: (startSec: number) => BlockChoice): boolean {
    let rows = 0;
    let uncut = 0;
    for (const { startSec, minOffsetNs, maxOffsetNs, files } of this.sources) {
      const choice = choiceAt(startSec);
      for (const { file } of files) {
        const counts = countUncut(file, ref, minOffsetNs, maxOffsetNs, choice);
        rows += counts.rows;
        uncut += counts.uncut;
      }
    }
    return uncut > 0 && uncut * 2 >= rows;
  }

  /** Whether a tombstone may cover rows of a series in a file. */
  private isTouched(ref: number, entry: FileEntry): boolean {
    for (const tombstone of this.around.tombstones)
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
    for (const tombstone of this.around.tombstones) {
      if (kept === null) return null;
      if (!touches(tombstone, entry) || !includes(tombstone.refs, ref)) continue;
      const start = entry.partitionStartSec;
      kept = cutRows(kept, offsetNs(tombstone.from, start), offsetNs(tombstone.to, start));
    }
    return kept;
  }
}

/** The memory of a memtable as it is now. */
function copyView(view: MemtableView): MemtableView {
  const slabs: Float64Array[] = [];
  const words: Int32Array[] = [];
  for (const slab of view.arena.slabs) {
    const memory = new SharedArrayBuffer(slab.byteLength);
    const copy = new Int32Array(memory);
    copy.set(new Int32Array(slab.buffer, slab.byteOffset, slab.length * 2));
    words.push(copy);
    slabs.push(new Float64Array(memory));
  }
  const heads = new Int32Array(new SharedArrayBuffer(view.heads.byteLength));
  heads.set(view.heads);
  return { arena: { slabs, words }, side: view.side, heads };
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
