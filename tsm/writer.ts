/**
 * Writes a file of one partition: series in ascending order of refs, each with its rows in ascending time.
 *
 * Long series become row groups of their own, cut at `GROUP_ROWS`; short ones wait in a pack
 * with others of the same fields until it is full. Groups stream to disk as they are made, so memory stays bounded by
 * the open packs and the index. The file appears under its name only when it is complete and synced.
 */
import type { RowSlice } from '../batch/column.ts';
import type { FieldType } from '../batch/field-type.ts';
import { countValues, isTooSparse, mergeSlices, takeRows } from '../batch/row-slices.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { ByteWriter } from '../bytes/writer.ts';
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { assert } from '../errors/errors.ts';
import { bloomOf } from './bloom.ts';
import { encodeBytes } from './byte-compression.ts';
import {
  encodeTail,
  GROUP_ROWS,
  INLINE_BYTES,
  MAGIC,
  PACK_ROWS,
  PACK_VALUES,
  type SectionPlace,
  type TsmHeader,
  type TsmMeta,
} from './format.ts';
import { GroupEncoder } from './group-encoder.ts';
import type { GroupReader } from './group-reader.ts';
import { encodeIntegers } from './integers.ts';
import { KeyWriter } from './keys.ts';
import { Pack } from './pack.ts';
import type { TsmFile } from './reader.ts';
import { IS_PACK } from './row-groups.ts';

const WRITE_BYTES = 1 << 20;
/** Rows of all open packs together; beyond it the largest pack is closed early. */
const OPEN_PACK_ROWS = 32 * PACK_ROWS;
const PACK_SERIES = 65535;

export interface TsmWriter {
  /**
   * Adds rows of a series. Refs ascend; several slices of one ref may follow one another in ascending time.
   * The slice is kept until its row group is written: its arrays must not change until `finish`.
   */
  addSeries(ref: number, key: Uint8Array, slice: RowSlice): void;
  /**
   * Adds the series at `position` of another file without decoding it, if its row groups are encoded as this writer
   * would. Returns the number of groups copied; 0 when it must be read and added instead.
   */
  copySeries(ref: number, key: Uint8Array, source: TsmFile, position: number): number;
  /**
   * Completes the file under its name, durably unless the caller syncs the directory itself, once for many files. At least
   * one row must have been added.
   */
  finish(syncDirectory?: boolean): TsmMeta;
  /** Gives up and removes what was written. */
  abort(): void;
  /** Bytes written so far, for rate limits. */
  readonly bytesWritten: number;
}

/** Starts a file; an unfinished one of the same name is overwritten. */
export function createTsm(fs: FileSystem, path: string, header: TsmHeader): TsmWriter {
  return new Writer(fs, path, header);
}

class Writer implements TsmWriter {
  private readonly fs: FileSystem;
  private readonly path: string;
  private readonly header: TsmHeader;
  private readonly file: WritableFile;
  private readonly buffer = new ByteWriter(65536);
  private readonly groups: GroupEncoder;
  private readonly keys: KeyWriter;
  private refs = new Int32Array(1024);
  private groupOf = new Int32Array(1024);
  private seriesCount = 0;
  private rows = 0;
  private values = 0;
  private readonly fields = new Map<string, number>();
  private readonly fieldRecords: { name: string; type: FieldType }[] = [];
  private readonly lists = new Map<string, number>();
  private readonly listRecords: number[][] = [];
  private readonly packs = new Map<number, Pack>();
  private openPackRows = 0;
  /** Slices of the series being added. */
  private pending: RowSlice[] = [];
  private pendingRows = 0;
  /** Columns that they have together at most. */
  private pendingColumns = 0;
  private pendingValues = 0;
  /** Whether a group of the series being added is already written. */
  private started = false;
  private done = false;

  constructor(fs: FileSystem, path: string, header: TsmHeader) {
    this.fs = fs;
    this.path = path;
    this.header = header;
    this.groups = new GroupEncoder(this.buffer, header.cold);
    this.keys = new KeyWriter();
    const { partitionStartSec, partitionDurationSec } = header;
    assert(partitionStartSec % partitionDurationSec === 0, `partition ${partitionStartSec} is not aligned`);
    this.file = fs.create(`${path}.tmp`);
    this.buffer.raw(MAGIC);
  }

  get bytesWritten(): number {
    return this.file.size + this.buffer.length;
  }

  addSeries(ref: number, key: Uint8Array, slice: RowSlice): void {
    if (slice.rows === 0) return;
    const last = this.seriesCount > 0 ? this.refs[this.seriesCount - 1] : -1;
    if (ref !== last) {
      this.beginSeries(ref, key);
    } else {
      const before = this.pending[this.pending.length - 1];
      assert(before === undefined || before.times[before.rows - 1] < slice.times[0], `series ${ref} goes back in time`);
    }
    const added = this.columnsAdded(slice);
    const values = countValues(slice);
    if (isTooSparse(this.pendingRows + slice.rows, this.pendingColumns + added, this.pendingValues + values)) {
      this.emitPending();
    }
    this.pendingColumns += this.columnsAdded(slice);
    this.pending.push(slice);
    this.pendingRows += slice.rows;
    this.pendingValues += values;
    if (this.pendingRows >= 4 * GROUP_ROWS) this.emitFullGroups();
  }

  /** Columns that a slice may add to those that are pending. */
  private columnsAdded({ fields }: RowSlice): number {
    const before = this.pending[this.pending.length - 1]?.fields ?? [];
    const isSame = fields.length === before.length && fields.every((field, f) => field === before[f]);
    return isSame ? 0 : fields.length;
  }

  copySeries(ref: number, key: Uint8Array, source: TsmFile, position: number): number {
    if (source.meta.cold !== this.header.cold) return 0;
    const { reader } = source;
    const sourceGroups = source.groupsAt(position);
    let rows = 0;
    for (const g of sourceGroups) {
      if (reader.groups.flags[g] & IS_PACK || reader.hasSparseColumn(g)) return 0;
      rows += reader.groups.rows[g];
    }
    // Groups that could still grow are better decoded and laid together.
    if (!this.header.cold && rows < sourceGroups.length * (GROUP_ROWS / 2)) return 0;
    const lists = sourceGroups.map((g) => this.listOfCopy(reader, g));
    if (lists.includes(-1)) return 0;
    this.beginSeries(ref, key);
    sourceGroups.forEach((g, i) => {
      const group = this.groups.addCopy(lists[i], reader, g, this.started);
      if (!this.started) this.groupOf[this.seriesCount - 1] = group;
      this.started = true;
      this.rows += reader.groups.rows[g];
      this.values += reader.groups.rows[g] * reader.columnsOf(g, null).length;
      this.drain(WRITE_BYTES);
    });
    return sourceGroups.length;
  }

  finish(syncDirectory = true): TsmMeta {
    this.closeSeries();
    for (const pack of this.packs.values()) this.closePack(pack);
    assert(this.rows > 0, `file ${this.path} has no rows`);
    const { minOffsetNs, maxOffsetNs } = this.groups;
    const sections = [
      this.place(this.fieldsSection(), true),
      this.place(this.groups.section(), true),
      this.place(this.seriesSection(), false),
      this.place(this.keys.finish(), false),
      this.place(bloomOf(this.refs, this.seriesCount), false),
    ];
    const { rows, values } = this;
    const absentValues = this.groups.slots - values;
    this.buffer.raw(encodeTail({ header: this.header, absentValues, sections }));
    this.drain(0);
    this.file.syncNow();
    const sizeBytes = this.file.size;
    this.file.close();
    this.done = true;
    this.fs.rename(`${this.path}.tmp`, this.path);
    if (syncDirectory) this.fs.syncDirectory(this.path.slice(0, Math.max(1, this.path.lastIndexOf('/'))));
    const { path, seriesCount } = this;
    return { ...this.header, path, sizeBytes, rows, values, seriesCount, minOffsetNs, maxOffsetNs };
  }

  abort(): void {
    if (!this.done) {
      this.done = true;
      this.file.close();
    }
    this.fs.remove(`${this.path}.tmp`);
  }

  private beginSeries(ref: number, key: Uint8Array): void {
    const last = this.seriesCount > 0 ? this.refs[this.seriesCount - 1] : -1;
    assert(ref > last, `series ${ref} added after ${last}`);
    this.closeSeries();
    if (this.seriesCount === this.refs.length) this.growSeries();
    this.refs[this.seriesCount] = ref;
    this.groupOf[this.seriesCount++] = -1;
    this.keys.add(key);
    this.started = false;
  }

  /** The field list of a group of another file, or -1 when this file orders those fields otherwise. */
  private listOfCopy(reader: GroupReader, g: number): number {
    const ids: number[] = [];
    for (const col of reader.columnsOf(g, null)) {
      const { name, type } = reader.fieldOf(g, col);
      ids.push(this.fieldId(name, type));
    }
    for (let i = 1; i < ids.length; i++) if (ids[i] <= ids[i - 1]) return -1;
    return this.listId(ids);
  }

  private listId(ids: number[]): number {
    const key = ids.join(',');
    let list = this.lists.get(key);
    if (list === undefined) {
      list = this.listRecords.length;
      this.lists.set(key, list);
      this.listRecords.push(ids);
    }
    return list;
  }

  private growSeries(): void {
    const refs = new Int32Array(this.refs.length * 2);
    refs.set(this.refs);
    this.refs = refs;
    const groupOf = new Int32Array(refs.length);
    groupOf.set(this.groupOf);
    this.groupOf = groupOf;
  }

  /** Bounds the memory of a very long series: all groups but the rest are written now. */
  private emitFullGroups(): void {
    const slice = this.takePending();
    const full = Math.floor(slice.rows / GROUP_ROWS) * GROUP_ROWS;
    for (let from = 0; from < full; from += GROUP_ROWS) this.emitOwn(takeRows(slice, from, from + GROUP_ROWS));
    if (full < slice.rows) {
      const rest = takeRows(slice, full, slice.rows);
      this.pending = [rest];
      this.pendingRows = rest.rows;
      this.pendingColumns = rest.fields.length;
      this.pendingValues = countValues(rest);
    }
  }

  private takePending(): RowSlice {
    const slice = this.pending.length === 1 ? this.pending[0] : mergeSlices(this.pending);
    this.pending = [];
    this.pendingRows = 0;
    this.pendingColumns = 0;
    this.pendingValues = 0;
    return slice;
  }

  /** Writes what is pending as groups of its own. */
  private emitPending(): void {
    if (this.pendingRows > 0) this.emitEvenly(this.takePending());
  }

  private emitEvenly(slice: RowSlice): void {
    const parts = Math.ceil(slice.rows / GROUP_ROWS);
    for (let p = 0; p < parts; p++) {
      const from = Math.floor((slice.rows * p) / parts);
      this.emitOwn(takeRows(slice, from, Math.floor((slice.rows * (p + 1)) / parts)));
    }
  }

  private closeSeries(): void {
    if (this.pendingRows === 0) return;
    const slice = this.takePending();
    const width = slice.fields.length;
    const own = this.header.cold ? slice.rows >= 16 && slice.rows * width >= 128 : slice.rows * width >= 1024;
    if (!this.started && !own) {
      this.addToPack(slice);
      return;
    }
    this.emitEvenly(slice);
  }

  /** Fields of the slice before, if it was in the file's order and dense: most slices are like the one before. */
  private lastFields: string[] = [];
  private lastTypes: FieldType[] = [];
  private lastList = -1;

  private isLikeLast(slice: RowSlice): boolean {
    const { lastFields, lastTypes } = this;
    const { fields, columns } = slice;
    if (this.lastList < 0 || fields.length !== lastFields.length) return false;
    for (let f = 0; f < fields.length; f++) {
      const column = columns[f];
      if (fields[f] !== lastFields[f] || column.type !== lastTypes[f] || column.present !== null) return false;
    }
    return true;
  }

  /** The slice with its columns in the file's order of fields, and without columns that hold nothing. */
  private normalized(slice: RowSlice): { list: number; slice: RowSlice } {
    if (this.isLikeLast(slice)) {
      this.rows += slice.rows;
      this.values += slice.rows * slice.fields.length;
      return { list: this.lastList, slice };
    }
    const columns: { id: number; at: number }[] = [];
    for (let f = 0; f < slice.fields.length; f++) {
      const column = slice.columns[f];
      let count = column.rows;
      if (column.present !== null) {
        count = 0;
        for (let i = 0; i < column.rows; i++) count += column.present[i];
      }
      this.values += count;
      if (count > 0) columns.push({ id: this.fieldId(slice.fields[f], column.type), at: f });
    }
    columns.sort((a, b) => a.id - b.id);
    const ids = columns.map((column) => column.id);
    const list = this.listId(ids);
    this.rows += slice.rows;
    const inOrder = columns.length === slice.fields.length && columns.every((column, f) => column.at === f);
    this.lastList = inOrder && slice.columns.every((column) => column.present === null) ? list : -1;
    this.lastFields = slice.fields;
    this.lastTypes = slice.columns.map((column) => column.type);
    return {
      list,
      slice: {
        rows: slice.rows,
        times: slice.times,
        fields: columns.map((column) => slice.fields[column.at]),
        columns: columns.map((column) => slice.columns[column.at]),
      },
    };
  }

  private fieldId(name: string, type: FieldType): number {
    const key = `${type}${name}`;
    let id = this.fields.get(key);
    if (id === undefined) {
      id = this.fieldRecords.length;
      this.fields.set(key, id);
      this.fieldRecords.push({ name, type });
    }
    return id;
  }

  private emitOwn(raw: RowSlice): void {
    const { list, slice } = this.normalized(raw);
    const group = this.groups.addSingle(list, slice, this.started);
    if (!this.started) this.groupOf[this.seriesCount - 1] = group;
    this.started = true;
    this.drain(WRITE_BYTES);
  }

  private addToPack(raw: RowSlice): void {
    const { list, slice } = this.normalized(raw);
    const width = Math.max(1, slice.fields.length);
    let pack = this.packs.get(list);
    if (pack !== undefined && (pack.rows + slice.rows > PACK_ROWS || (pack.rows + slice.rows) * width > PACK_VALUES)) {
      this.closePack(pack);
      pack = undefined;
    }
    if (pack === undefined) {
      pack = new Pack(list);
      this.packs.set(list, pack);
    }
    pack.add(this.seriesCount - 1, slice);
    this.openPackRows += slice.rows;
    if (pack.positions.length === PACK_SERIES) this.closePack(pack);
    if (this.openPackRows <= OPEN_PACK_ROWS) return;
    let largest = pack;
    for (const other of this.packs.values()) if (other.rows > largest.rows) largest = other;
    this.closePack(largest);
  }

  private closePack(pack: Pack): void {
    this.packs.delete(pack.list);
    this.openPackRows -= pack.rows;
    const { single } = pack;
    const group = single !== null ? this.groups.addSingle(pack.list, single, false) : this.groups.addPack(pack);
    for (const position of pack.positions) this.groupOf[position] = group;
    this.drain(WRITE_BYTES);
  }

  private drain(keepBelow: number): void {
    if (this.buffer.length === 0 || this.buffer.length < keepBelow) return;
    this.file.write(this.buffer.view8());
    this.buffer.reset();
    this.groups.drained();
  }

  private fieldsSection(): Uint8Array {
    const w = new ByteWriter(256);
    w.varint(this.fieldRecords.length);
    for (const { name, type } of this.fieldRecords) {
      const bytes = Buffer.from(name);
      w.varint(bytes.length * 8 + type);
      w.raw(bytes);
    }
    w.varint(this.listRecords.length);
    for (const ids of this.listRecords) {
      w.varint(ids.length);
      // Fields are numbered as they are met, so most lists are runs.
      let next = 0;
      for (const id of ids) {
        w.varint(id - next);
        next = id + 1;
      }
    }
    return w.view8();
  }

  private seriesSection(): Uint8Array {
    const w = new ByteWriter(1024);
    w.varint(this.seriesCount);
    encodeIntegers(w, new Float64Array(this.refs.subarray(0, this.seriesCount)), this.seriesCount, true);
    encodeIntegers(w, new Float64Array(this.groupOf.subarray(0, this.seriesCount)), this.seriesCount, true);
    return w.view8();
  }

  private place(section: Uint8Array, compress: boolean): SectionPlace {
    if (section.length <= INLINE_BYTES) return { inline: section, offset: 0, length: section.length, crc: 0 };
    const w = new ByteWriter(section.length + 64);
    encodeBytes(w, section, compress ? 'balanced' : 'plain');
    const bytes = w.view8();
    const offset = this.bytesWritten;
    this.buffer.raw(bytes);
    return { inline: null, offset, length: bytes.length, crc: crc32c(bytes) };
  }
}
