/**
 * Reads and decodes the parts of row groups: checksums first, then columns and times into typed arrays.
 */
import type { Column, RowSlice } from '../batch/column.ts';
import { type FieldType, STRING } from '../batch/field-type.ts';
import { lowerBound, takeRows, upperBound } from '../batch/row-slices.ts';
import { crc32c } from '../bytes/crc32c.ts';
import type { ReadableFile } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { decodeColumn, decodeNumbersInto, isSparse } from './column-codec.ts';
import { type Cursor, cursorOf, SLACK_BYTES } from './cursor.ts';
import { cached, cacheKey, type DecodeCache, forget, takeValues } from './decode-cache.ts';
import { CRC_BYTES, corrupt } from './format.ts';
import { decodeIntegers } from './integers.ts';
import { decodePackTimes, type PackTimes } from './pack-times.ts';
import { frameOf, IS_JOINED, IS_PACK, type RowGroups, TIMES_MASK, TIMES_OWN, TIMES_REGULAR } from './row-groups.ts';
import { decodeStatistics, type Statistics } from './statistics.ts';

/** A field as a file knows it. */
export interface TsmField {
  name: string;
  type: FieldType;
}

let nextFileId = 1;
const TIMES_PART = 0;

export class GroupReader {
  readonly groups: RowGroups;
  readonly fields: readonly TsmField[];
  /** Field ids of each field list. */
  readonly lists: readonly Int32Array[];
  private readonly file: ReadableFile;
  /** Tells the readers of a process apart. */
  readonly id = nextFileId++;
  /** The frame of joined groups read last: its columns are usually asked for together. */
  private frame = { first: -1, last: -1, bytes: new Uint8Array(0) as Uint8Array };

  constructor(file: ReadableFile, groups: RowGroups, fields: readonly TsmField[], lists: readonly Int32Array[]) {
    this.file = file;
    this.groups = groups;
    this.fields = fields;
    this.lists = lists;
  }

  /** Column numbers in group `g` of the named fields (all, when null), skipping those it lacks. */
  columnsOf(g: number, names: readonly string[] | null): number[] {
    const list = this.lists[this.groups.fieldList[g]];
    const columns: number[] = [];
    for (let col = 0; col < list.length; col++) {
      if (names === null || names.includes(this.fields[list[col]].name)) columns.push(col);
    }
    return columns;
  }

  /** The column of a field in group `g`; -1 when it has none, -2 when it has several (of different types). */
  columnNamed(g: number, name: string): number {
    const list = this.lists[this.groups.fieldList[g]];
    let found = -1;
    for (let col = 0; col < list.length; col++) {
      if (this.fields[list[col]].name === name) found = found === -1 ? col : -2;
    }
    return found;
  }

  fieldOf(g: number, col: number): TsmField {
    return this.fields[this.lists[this.groups.fieldList[g]][col]];
  }

  /** A cursor over part `part` of group `g`: 0 its own times, 1 + i its column i. Verified. */
  partCursor(g: number, part: number): Cursor {
    const { groups } = this;
    const joined = (groups.flags[g] & IS_JOINED) !== 0;
    let offset = groups.offset[g];
    let length = groups.timeBytes[g];
    if (part > 0) {
      const first = groups.firstColumn[g];
      const trailer = joined ? 0 : CRC_BYTES;
      if (length > 0) offset += length + trailer;
      for (let col = 0; col < part - 1; col++) offset += groups.columnBytes[first + col] + trailer;
      length = groups.columnBytes[first + part - 1];
    }
    if (!joined) return cursorOf(this.verified(offset, length), 0, length);
    if (g < this.frame.first || g > this.frame.last) {
      const { first, last } = frameOf(groups, g);
      const start = groups.offset[first];
      const bytes = this.verified(start, groups.offset[last + 1] - start - CRC_BYTES);
      this.frame = { first, last, bytes };
    }
    const at = offset - groups.offset[this.frame.first];
    return cursorOf(this.frame.bytes, at, at + length);
  }

  /** Bytes at `offset` whose CRC32C follows them, with slack for cursors behind them. */
  private verified(offset: number, length: number): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = this.file.read(offset, length + CRC_BYTES + SLACK_BYTES);
    } catch (cause) {
      if (cause instanceof RangeError) throw corrupt(this.file.path, offset, 'the file is too short', cause);
      throw cause;
    }
    const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(length, true);
    if (crc32c(bytes.subarray(0, length)) !== stored) {
      throw corrupt(this.file.path, offset, `checksum mismatch over ${length} bytes`);
    }
    return bytes;
  }

  /** Runs a decoder and turns its complaints into errors that name the place. */
  decoding<T>(g: number, what: string, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      if (cause instanceof VarveError || !(cause instanceof RangeError)) throw cause;
      throw corrupt(this.file.path, this.groups.offset[g], `${what} of row group ${g}: ${cause.message}`, cause);
    }
  }

  /** Times of a group of one series. Borrowed: shared through the cache, never to be changed. */
  times(g: number, cache: DecodeCache): Float64Array {
    const { groups } = this;
    const kind = groups.flags[g] & TIMES_MASK;
    const rows = groups.rows[g];
    if (kind === TIMES_REGULAR) return this.regularTimes(g, rows, cache);
    const owner = kind === TIMES_OWN ? g : groups.timeOwner[g];
    return cached(
      cache,
      cacheKey(this.id, owner, TIMES_PART),
      () =>
        this.decoding(owner, 'times', () => {
          if (groups.rows[owner] !== rows) throw new RangeError('shared times of another length');
          const times = new Float64Array(rows);
          decodeIntegers(this.partCursor(owner, TIMES_PART), rows, times);
          return times;
        }),
      (times) => times.byteLength,
    );
  }

  private lastRegular = { first: 0, step: -1, times: new Float64Array(0) };

  private regularTimes(g: number, rows: number, _cache: DecodeCache): Float64Array {
    const first = this.groups.minOffsetNs[g];
    const step = this.groups.stepNs[g];
    const { lastRegular } = this;
    if (lastRegular.first === first && lastRegular.step === step && lastRegular.times.length === rows) {
      return lastRegular.times;
    }
    const times = new Float64Array(rows);
    for (let i = 0; i < rows; i++) times[i] = first + i * step;
    this.lastRegular = { first, step, times };
    return times;
  }

  packTimes(g: number, cache: DecodeCache): PackTimes {
    const { groups } = this;
    const owner = (groups.flags[g] & TIMES_MASK) === TIMES_OWN ? g : groups.timeOwner[g];
    return cached(
      cache,
      cacheKey(this.id, owner, TIMES_PART),
      () =>
        this.decoding(owner, 'times', () =>
          decodePackTimes(this.partCursor(owner, TIMES_PART), groups.series[g], groups.rows[g]),
        ),
      (times) => times.times.byteLength + times.rowStart.byteLength * 3,
    );
  }

  /** Takes a pack's columns from the cache; its times stay, as other groups may share them. */
  forgetPack(g: number, cache: DecodeCache): void {
    const width = this.lists[this.groups.fieldList[g]].length;
    for (let part = 1; part <= width; part++) forget(cache, cacheKey(this.id, g, part));
  }

  /** A whole column of a group. Owned by the caller unless it is a pack's, which the cache keeps. */
  column(g: number, col: number, cache: DecodeCache): Column {
    const load = (): Column =>
      this.decoding(g, `column ${col}`, () =>
        decodeColumn(this.partCursor(g, col + 1), this.groups.rows[g], this.fieldOf(g, col).type),
      );
    if ((this.groups.flags[g] & IS_PACK) === 0) {
      if (cache.pool === null) return load();
      return this.decoding(g, `column ${col}`, () => {
        const rows = this.groups.rows[g];
        const { type } = this.fieldOf(g, col);
        return decodeColumn(this.partCursor(g, col + 1), rows, type, type === STRING ? null : takeValues(cache, rows));
      });
    }
    return cached(
      cache,
      cacheKey(this.id, g, col + 1),
      load,
      (column) => column.rows * 9 + (column.stringBytes?.length ?? 0),
    );
  }

  /**
   * Reads a dense column of numbers into `out`, as many of its first rows as `need`; see decodeNumbersInto. False when it
   * is no such column.
   */
  numbersInto(g: number, col: number, need: number, out: Float64Array): boolean {
    return this.decoding(g, `column ${col}`, () =>
      decodeNumbersInto(this.partCursor(g, col + 1), this.groups.rows[g], need, out),
    );
  }

  /** Rows of member `member` (0 for a group of one series) with min ≤ time ≤ max; null when there are none. */
  slice(
    g: number,
    member: number,
    columns: number[],
    minOffsetNs: number,
    maxOffsetNs: number,
    cache: DecodeCache,
  ): RowSlice | null {
    const { groups } = this;
    if (groups.minOffsetNs[g] > maxOffsetNs || groups.maxOffsetNs[g] < minOffsetNs) return null;
    let times: Float64Array;
    let firstRow = 0;
    const isPack = (groups.flags[g] & IS_PACK) !== 0;
    if (isPack) {
      const pack = this.packTimes(g, cache);
      const set = pack.setOf[member];
      times = pack.times.subarray(pack.setStart[set], pack.setStart[set + 1]);
      firstRow = pack.rowStart[member];
    } else {
      times = this.times(g, cache);
    }
    const whole = minOffsetNs <= times[0] && times[times.length - 1] <= maxOffsetNs;
    const from = whole ? 0 : lowerBound(times, minOffsetNs);
    const to = whole ? times.length : upperBound(times, maxOffsetNs);
    if (from >= to) return null;
    const slice: RowSlice = {
      rows: to - from,
      times: whole ? times : times.subarray(from, to),
      fields: [],
      columns: [],
    };
    for (const col of columns) {
      const column = this.column(g, col, cache);
      const part = isPack || !whole ? takeColumnRows(column, firstRow + from, firstRow + to) : column;
      if (part === null) continue;
      slice.fields.push(this.fieldOf(g, col).name);
      slice.columns.push(part);
    }
    return slice;
  }

  /** The statistics of a group as they are stored; null without. */
  statisticsBytes(g: number): Uint8Array | null {
    const at = this.groups.statisticsAt[g];
    return at < 0 ? null : this.groups.bytes.subarray(at, at + this.groups.statisticsBytes[g]);
  }

  /** Whether some column of the group lacks values in some rows. */
  hasSparseColumn(g: number): boolean {
    return this.columnsOf(g, null).some((col) => {
      const c = this.partCursor(g, col + 1);
      return isSparse(c.bytes[c.at]);
    });
  }

  /** Statistics of every column of a group; null entries where it has none. */
  statistics(g: number): (Statistics | null)[] {
    const { groups } = this;
    const width = this.lists[groups.fieldList[g]].length;
    const at = groups.statisticsAt[g];
    if (at < 0) return new Array(width).fill(null);
    return this.decoding(g, 'statistics', () => {
      const c = cursorOf(groups.bytes, at, groups.bytes.length - SLACK_BYTES);
      const all: (Statistics | null)[] = [];
      for (let col = 0; col < width; col++) all.push(decodeStatistics(c, groups.rows[g]));
      return all;
    });
  }
}

const NO_TIMES = new Float64Array(0);

/** Rows `from … to − 1` of a column, null when all are absent; `present` is dropped when none is. */
function takeColumnRows(column: Column, from: number, to: number): Column | null {
  if (column.present === null && column.stringOffsets === null && column.wide === null) {
    return { ...column, rows: to - from, values: column.values.subarray(from, to) };
  }
  if (from === 0 && to === column.rows) return column;
  const slice: RowSlice = { rows: column.rows, times: NO_TIMES, fields: [''], columns: [column] };
  const taken = takeRows(slice, from, to).columns;
  if (taken.length === 0) return null;
  if (taken[0].present !== null && !taken[0].present.includes(0)) taken[0].present = null;
  return taken[0];
}
