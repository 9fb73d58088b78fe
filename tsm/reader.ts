/**
 * Opens a file: verifies its footer and sections, loads the index of row groups, and reads series by ref. Large sections
 * that only some callers need (the series table, keys) are loaded when they are.
 *
 * Everything read from disk is verified by CRC32C before it is decoded. Damage throws a `VarveError` with code
 * 'corrupt' that names the file and the offset.
 */
import type { Column, RowSlice } from '../batch/column.ts';
import type { FieldType } from '../batch/field-type.ts';
import { mergeSlices } from '../batch/row-slices.ts';
import type { RowOutline } from '../batch/sparse-range.ts';
import { crc32c } from '../bytes/crc32c.ts';
import type { FileSystem, ReadableFile } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { mayContain } from './bloom.ts';
import { decodeBytes } from './byte-compression.ts';
import { type Cursor, cursorOf, readRaw, readVarint, SLACK_BYTES, withSlack } from './cursor.ts';
import { type DecodeCache, sharedDecodeCache } from './decode-cache.ts';
import {
  corrupt,
  decodeTail,
  FOOTER_BYTES,
  MAGIC,
  MAGIC_BYTES,
  SECTION,
  SECTION_NAMES,
  type Tail,
  type TsmMeta,
} from './format.ts';
import { GroupReader, type TsmField } from './group-reader.ts';
import { readKeys } from './keys.ts';
import { joinColumns } from './pack-columns.ts';
import { CONTINUES, IS_PACK, readRowGroups } from './row-groups.ts';
import { findRef, readSeriesTable, type SeriesTable } from './series-table.ts';
import type { Statistics } from './statistics.ts';

/** Consecutive rows of one series and field that are stored together. */
export interface Block {
  rows: number;
  minOffsetNs: number;
  maxOffsetNs: number;
  /** What is known without decoding; null when nothing is. */
  statistics: Statistics | null;
  /** Decodes it. The times are borrowed. */
  read(): { times: Float64Array; column: Column };
}

/** A series as recovery needs it. */
export interface KeyedSeries {
  ref: number;
  key: Uint8Array;
}

/** Opens a complete file. Throws VarveError 'corrupt', or Node's error when it is not there. */
export function openTsm(fs: FileSystem, path: string): TsmFile {
  const file = fs.openRead(path);
  try {
    return new TsmFile(file);
  } catch (error) {
    file.close();
    if (error instanceof RangeError) throw corrupt(path, 0, error.message, error);
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export class TsmFile {
  readonly meta: TsmMeta;
  /** Row groups, for the tools of this folder. */
  readonly reader: GroupReader;
  private readonly file: ReadableFile;
  private readonly tail: Tail;
  private loadedTable: SeriesTable | null = null;
  private bloom: { bytes: Uint8Array; length: number } | null = null;

  constructor(file: ReadableFile) {
    this.file = file;
    this.tail = this.readTail();
    const { header } = this.tail;
    const { fields, lists } = readFields(this.section(SECTION.FIELDS));
    const groups = readRowGroups(
      this.section(SECTION.GROUPS),
      Int32Array.from(lists, (list) => list.length),
    );
    this.reader = new GroupReader(file, groups, fields, lists);
    // The count stands first in the table; the table itself waits until a series is asked for.
    const seriesCount = readVarint(this.section(SECTION.SERIES));
    this.meta = { ...header, path: file.path, sizeBytes: file.size, seriesCount, ...this.totals() };
  }

  private totals(): Pick<TsmMeta, 'rows' | 'values' | 'minOffsetNs' | 'maxOffsetNs'> {
    const { groups } = this.reader;
    const totals = {
      rows: 0,
      values: -this.tail.absentValues,
      minOffsetNs: Number.POSITIVE_INFINITY,
      maxOffsetNs: Number.NEGATIVE_INFINITY,
    };
    for (let g = 0; g < groups.count; g++) {
      totals.rows += groups.rows[g];
      totals.values += groups.rows[g] * (groups.firstColumn[g + 1] - groups.firstColumn[g]);
      totals.minOffsetNs = Math.min(totals.minOffsetNs, groups.minOffsetNs[g]);
      totals.maxOffsetNs = Math.max(totals.maxOffsetNs, groups.maxOffsetNs[g]);
    }
    return totals;
  }

  close(): void {
    this.file.close();
  }

  get path(): string {
    return this.file.path;
  }

  /** Every field in the file; a name with two types appears twice. */
  get fields(): readonly TsmField[] {
    return this.reader.fields;
  }

  /** The file's series, ascending. Borrowed. */
  get refs(): Int32Array {
    return this.table().refs;
  }

  /** Position of a ref among `refs`, or -1. */
  find(ref: number): number {
    if (this.loadedTable === null && !this.mayHold(ref)) return -1;
    return findRef(this.table().refs, ref);
  }

  has(ref: number): boolean {
    return this.find(ref) >= 0;
  }

  /**
   * Rows of a series with minOffsetNs ≤ time ≤ maxOffsetNs, or null when there are none.
   * @param fields names, or null for all; rows that hold none of them are left out.
   * The arrays may be shared with the cache and with other results: they must not be changed.
   */
  read(
    ref: number,
    fields: readonly string[] | null,
    minOffsetNs: number,
    maxOffsetNs: number,
    cache: DecodeCache = sharedDecodeCache,
  ): RowSlice | null {
    const position = this.find(ref);
    return position < 0 ? null : this.readAt(position, fields, minOffsetNs, maxOffsetNs, cache);
  }

  /** Calls `visit` for each of the sorted `refs` that has rows in the range. Packs and shared times are decoded once. */
  readMany(
    refs: Int32Array,
    fields: readonly string[] | null,
    minOffsetNs: number,
    maxOffsetNs: number,
    visit: (ref: number, slice: RowSlice) => void,
    cache: DecodeCache = sharedDecodeCache,
  ): void {
    const own = this.table().refs;
    let position = 0;
    for (const ref of refs) {
      // Both lists ascend: gallop from the last hit.
      if (position < own.length && own[position] < ref) {
        let stride = 1;
        while (position + stride < own.length && own[position + stride] < ref) stride *= 2;
        const end = Math.min(own.length, position + stride + 1);
        const found = findRef(own.subarray(position, end), ref);
        if (found < 0) continue;
        position += found;
      }
      if (own[position] !== ref) continue;
      const slice = this.readAt(position, fields, minOffsetNs, maxOffsetNs, cache);
      if (slice !== null) visit(ref, slice);
      position++;
    }
  }

  /** The blocks of a series and field in ascending time. Blocks of packed series and sparse ones have no statistics. */
  blocks(ref: number, field: string, cache: DecodeCache = sharedDecodeCache): Block[] {
    const position = this.find(ref);
    if (position < 0) return [];
    const { reader } = this;
    const { groups } = reader;
    const member = this.table().memberOf[position];
    const found: Block[] = [];
    for (const g of this.groupsAt(position)) {
      for (const col of reader.columnsOf(g, [field])) {
        const slice = (): RowSlice | null =>
          reader.slice(g, member, [col], Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, cache);
        let { rows, minOffsetNs, maxOffsetNs } = {
          rows: groups.rows[g],
          minOffsetNs: groups.minOffsetNs[g],
          maxOffsetNs: groups.maxOffsetNs[g],
        };
        if (groups.series[g] > 1) {
          const own = slice();
          if (own === null || own.columns.length === 0) continue;
          const { times } = own;
          rows = times.length;
          minOffsetNs = times[0];
          maxOffsetNs = times[rows - 1];
        }
        const read = (): { times: Float64Array; column: Column } => {
          const { times, columns } = slice()!;
          return { times, column: columns[0] };
        };
        found.push({ rows, minOffsetNs, maxOffsetNs, statistics: reader.statistics(g)[col], read });
      }
    }
    return found;
  }

  /** Every series in ref order, whole. */
  *iterate(cache: DecodeCache = sharedDecodeCache): Generator<{ ref: number; key: Uint8Array; slice: RowSlice }> {
    const { refs } = this.table();
    let position = 0;
    for (const key of this.keyBytes()) {
      const slice = this.readAt(position, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, cache);
      if (slice !== null) yield { ref: refs[position], key, slice };
      position++;
    }
  }

  /** Every series in ref order, with its key: what the index is rebuilt from. */
  *keys(): Generator<KeyedSeries> {
    const { refs } = this.table();
    let position = 0;
    for (const key of this.keyBytes()) {
      yield { ref: refs[position++], key };
    }
  }

  /** The fields that a series has in this file. */
  fieldsOf(ref: number): TsmField[] {
    const position = this.find(ref);
    const ids = new Set<number>();
    if (position >= 0) {
      for (const g of this.groupsAt(position))
        for (const id of this.reader.lists[this.reader.groups.fieldList[g]]) ids.add(id);
    }
    return [...ids].map((id) => this.fields[id]);
  }

  /** What is known of the rows of the series at `position`, group by group; a pack tells more than the series has. */
  outline(position: number): RowOutline[] {
    const { groups, lists } = this.reader;
    return this.groupsAt(position).map((g) => {
      const fields = Array.from(lists[groups.fieldList[g]], (id) => this.fields[id].name);
      const rows = groups.rows[g];
      const { minOffsetNs, maxOffsetNs } = groups;
      return { rows, minOffsetNs: minOffsetNs[g], maxOffsetNs: maxOffsetNs[g], fields, values: rows * fields.length };
    });
  }

  /** The row groups of the series at `position`, in ascending time. */
  groupsAt(position: number): number[] {
    const { groups } = this.reader;
    const found = [this.table().groupOf[position]];
    for (let g = found[0] + 1; g < groups.count && groups.flags[g] & CONTINUES; g++) found.push(g);
    return found;
  }

  table(): SeriesTable {
    this.loadedTable ??= this.guarded(SECTION.SERIES, (c) => readSeriesTable(c, this.reader.groups));
    return this.loadedTable;
  }

  /** Keys in series order. Throws when their number is not that of the series. */
  *keyBytes(): Generator<Uint8Array> {
    const { refs } = this.table();
    let count = 0;
    try {
      for (const key of readKeys(this.section(SECTION.KEYS))) {
        if (++count > refs.length) break;
        yield key;
      }
    } catch (cause) {
      if (cause instanceof RangeError) throw corrupt(this.path, 0, `keys: ${cause.message}`, cause);
      throw cause;
    }
    if (count !== refs.length) throw corrupt(this.path, 0, `${count} keys for ${refs.length} series`);
  }

  /** As `read`, by position among `refs`. */
  readAt(
    position: number,
    fields: readonly string[] | null,
    minOffsetNs: number,
    maxOffsetNs: number,
    cache: DecodeCache,
  ): RowSlice | null {
    const { groupOf, memberOf } = this.table();
    const { reader } = this;
    const { groups } = reader;
    cache.taken = 0;
    let g = groupOf[position];
    const one = this.readGroup(g, memberOf[position], fields, minOffsetNs, maxOffsetNs, cache);
    if (g + 1 >= groups.count || (groups.flags[g + 1] & CONTINUES) === 0) return one;
    const slices: RowSlice[] = one === null ? [] : [one];
    for (g++; g < groups.count && groups.flags[g] & CONTINUES; g++) {
      const slice = this.readGroup(g, 0, fields, minOffsetNs, maxOffsetNs, cache);
      if (slice !== null) slices.push(slice);
    }
    return slices.length === 0 ? null : slices.length === 1 ? slices[0] : laidEndToEnd(slices);
  }

  /** For who reads all series in order: the one at `position` is done with. Takes a pack from the cache after its last one. */
  passed(position: number, cache: DecodeCache): void {
    const { groupOf, memberOf } = this.table();
    const g = groupOf[position];
    const { groups } = this.reader;
    if ((groups.flags[g] & IS_PACK) !== 0 && memberOf[position] === groups.series[g] - 1)
      this.reader.forgetPack(g, cache);
  }

  private readGroup(
    g: number,
    member: number,
    fields: readonly string[] | null,
    minOffsetNs: number,
    maxOffsetNs: number,
    cache: DecodeCache,
  ): RowSlice | null {
    const columns = this.reader.columnsOf(g, fields);
    if (columns.length === 0) return null;
    const slice = this.reader.slice(g, member, columns, minOffsetNs, maxOffsetNs, cache);
    return slice === null ? null : withoutEmpty(slice);
  }

  private mayHold(ref: number): boolean {
    if (this.bloom === null) {
      const c = this.section(SECTION.BLOOM);
      this.bloom = { bytes: c.bytes.subarray(c.at, c.end), length: c.end - c.at };
    }
    return mayContain(this.bloom.bytes, this.bloom.length, ref);
  }

  private readTail(): Tail {
    const { file } = this;
    const { size, path } = file;
    if (size < MAGIC_BYTES + FOOTER_BYTES) throw corrupt(path, 0, `${size} bytes are too few for a data file`);
    if (!sameBytes(file.read(0, MAGIC_BYTES), MAGIC)) throw corrupt(path, 0, 'it does not begin as a data file');
    const footer = file.read(size - FOOTER_BYTES, FOOTER_BYTES);
    const view = new DataView(footer.buffer, footer.byteOffset, FOOTER_BYTES);
    if (!sameBytes(footer.subarray(FOOTER_BYTES - MAGIC_BYTES), MAGIC)) {
      throw corrupt(path, size - MAGIC_BYTES, 'it does not end as a data file: incomplete, or of another version');
    }
    const length = view.getUint32(0, true);
    const start = size - FOOTER_BYTES - length;
    if (start < MAGIC_BYTES) throw corrupt(path, size - FOOTER_BYTES, `a tail of ${length} bytes does not fit`);
    const stored = file.read(start, length + 4);
    if (crc32c(stored) !== view.getUint32(4, true)) throw corrupt(path, start, 'checksum mismatch of the tail');
    return decodeTail(stored.subarray(0, length));
  }

  /** A cursor over a section's bytes, verified. */
  section(s: number): Cursor {
    const { inline, offset, length, crc } = this.tail.sections[s];
    if (inline !== null) return cursorOf(inline, 0, length);
    const name = SECTION_NAMES[s];
    if (offset + length > this.file.size) throw corrupt(this.path, offset, `section ${name} runs past the end`);
    const stored = this.file.read(offset, length);
    if (crc32c(stored) !== crc) throw corrupt(this.path, offset, `checksum mismatch of section ${name}`);
    const bytes = withSlack(this.guardedDecode(name, offset, () => decodeBytes(cursorOf(stored))));
    return cursorOf(bytes, 0, bytes.length - SLACK_BYTES);
  }

  /** Where sections lie: for tools. */
  sectionPlaces(): Tail['sections'] {
    return this.tail.sections;
  }

  private guarded<T>(s: number, decode: (c: Cursor) => T): T {
    return this.guardedDecode(SECTION_NAMES[s], this.tail.sections[s].offset, () => decode(this.section(s)));
  }

  private guardedDecode<T>(name: string, offset: number, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      if (cause instanceof VarveError || !(cause instanceof RangeError)) throw cause;
      throw corrupt(this.path, offset, `section ${name}: ${cause.message}`, cause);
    }
  }
}

/** Slices that follow one another in time, as one. */
function laidEndToEnd(slices: RowSlice[]): RowSlice {
  const { fields } = slices[0];
  for (const slice of slices) {
    if (slice.fields.length !== fields.length || slice.fields.some((field, f) => field !== fields[f])) {
      return mergeSlices(slices);
    }
  }
  let rows = 0;
  for (const slice of slices) rows += slice.rows;
  const times = new Float64Array(rows);
  let at = 0;
  for (const slice of slices) {
    times.set(slice.times, at);
    at += slice.rows;
  }
  const columns = fields.map((_, f) =>
    joinColumns(
      slices.map((slice) => slice.columns[f]),
      rows,
    ),
  );
  return { rows, times, fields, columns };
}

/** Removes rows in which every column is absent. */
function withoutEmpty(slice: RowSlice): RowSlice | null {
  if (slice.columns.length === 0) return null;
  for (const column of slice.columns) if (column.present === null) return slice;
  let kept = 0;
  const keep = new Uint8Array(slice.rows);
  for (const column of slice.columns) {
    for (let i = 0; i < slice.rows; i++) keep[i] |= column.present![i];
  }
  for (let i = 0; i < slice.rows; i++) kept += keep[i];
  if (kept === slice.rows) return slice;
  if (kept === 0) return null;
  return compactRows(slice, keep, kept);
}

function compactRows(slice: RowSlice, keep: Uint8Array, kept: number): RowSlice {
  const times = new Float64Array(kept);
  let at = 0;
  for (let i = 0; i < slice.rows; i++) if (keep[i] === 1) times[at++] = slice.times[i];
  return {
    rows: kept,
    times,
    fields: slice.fields,
    columns: slice.columns.map((column) => compactColumn(column, keep, kept)),
  };
}

function compactColumn(column: Column, keep: Uint8Array, kept: number): Column {
  const compact: Column = { ...column, rows: kept, present: new Uint8Array(kept) };
  if (column.stringOffsets !== null) compact.stringOffsets = new Int32Array(kept + 1);
  else if (column.wide !== null) compact.wide = new BigInt64Array(kept);
  else compact.values = new Float64Array(kept);
  const from = new Int32Array(column.values.buffer, column.values.byteOffset, column.values.length * 2);
  const to = new Int32Array(compact.values.buffer, compact.values.byteOffset, compact.values.length * 2);
  const base = column.stringOffsets?.[0] ?? 0;
  let at = 0;
  for (let i = 0; i < column.rows; i++) {
    if (keep[i] === 0) continue;
    compact.present![at] = column.present![i];
    // Rows without any field have no text either, so offsets only skip them.
    if (column.stringOffsets !== null) compact.stringOffsets![at + 1] = column.stringOffsets[i + 1] - base;
    else if (column.wide !== null) compact.wide![at] = column.wide[i];
    else {
      to[2 * at] = from[2 * i];
      to[2 * at + 1] = from[2 * i + 1];
    }
    at++;
  }
  if (column.stringBytes !== null) compact.stringBytes = column.stringBytes.subarray(base);
  if (!compact.present!.includes(0)) compact.present = null;
  return compact;
}

function readFields(c: Cursor): { fields: TsmField[]; lists: Int32Array[] } {
  const fields: TsmField[] = [];
  const count = readVarint(c);
  for (let i = 0; i < count; i++) {
    const size = readVarint(c);
    const type = size % 8;
    if (type > 4) throw new RangeError(`a field of type ${type}`);
    const name = new TextDecoder().decode(readRaw(c, Math.floor(size / 8)));
    fields.push({ type: type as FieldType, name });
  }
  const lists: Int32Array[] = [];
  const listCount = readVarint(c);
  for (let l = 0; l < listCount; l++) {
    const width = readVarint(c);
    if (width > count) throw new RangeError(`a list of ${width} of ${count} fields`);
    const list = new Int32Array(width);
    let next = 0;
    for (let i = 0; i < width; i++) {
      list[i] = next + readVarint(c);
      if (list[i] >= count) throw new RangeError(`field ${list[i]} of ${count}`);
      next = list[i] + 1;
    }
    lists.push(list);
  }
  return { fields, lists };
}
