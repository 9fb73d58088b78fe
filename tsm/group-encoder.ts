/**
 * Encodes row groups into the writer's buffer and collects their index records. Times that another group already stores
 * are shared: 400 hosts scraped together keep one time column.
 */
import type { Column, RowSlice } from '../batch/column.ts';
import { crc32c } from '../bytes/crc32c.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { encodeColumn } from './column-codec.ts';
import { CRC_BYTES, JOINED_BYTES } from './format.ts';
import type { GroupReader } from './group-reader.ts';
import { encodeIntegers } from './integers.ts';
import type { Pack } from './pack.ts';
import { sameTimes } from './pack-times.ts';
import {
  CONTINUES,
  HAS_STATISTICS,
  IS_JOINED,
  IS_OPEN,
  IS_PACK,
  type RowGroupRecord,
  TIMES_MASK,
  TIMES_OWN,
  TIMES_REGULAR,
  TIMES_SHARED,
  writeRowGroup,
} from './row-groups.ts';
import { encodeStatistics } from './statistics.ts';

/** Blocks below this many rows are decoded as fast as their statistics are read. */
const STATISTICS_AT_LEAST_ROWS = 128;
/** Distinct irregular time columns remembered for sharing. */
const REMEMBERED_TIMES = 32;
/** Shorter ones cost less than the search. */
const SHARE_AT_LEAST_ROWS = 16;

interface KnownTimes {
  times: Float64Array;
  group: number;
}

interface KnownEncoded {
  bytes: Uint8Array;
  series: number;
  rows: number;
  group: number;
}

export class GroupEncoder {
  minOffsetNs = Number.POSITIVE_INFINITY;
  maxOffsetNs = Number.NEGATIVE_INFINITY;
  /** Rows × columns of all groups. */
  slots = 0;
  private readonly out: ByteWriter;
  private readonly cold: boolean;
  private readonly index = new ByteWriter(4096);
  private count = 0;
  /** Where in the buffer the frame of joined groups begins that may still grow; -1 without. */
  private frameStart = -1;
  private lastRecordAt = 0;
  private readonly known = new Map<number, KnownTimes>();
  /** Encoded times of packs and of copied groups, by checksum. */
  private readonly knownEncoded = new Map<number, KnownEncoded>();
  private readonly parts = new ByteWriter(65536);
  private readonly statistics = new ByteWriter(1024);

  constructor(out: ByteWriter, cold: boolean) {
    this.out = out;
    this.cold = cold;
  }

  /** The row-group section. */
  section(): Uint8Array {
    const w = new ByteWriter(this.index.length + 8);
    w.varint(this.count);
    w.raw(this.index.view8());
    return w.view8();
  }

  /** Writes rows of one series as a group of their own and returns its number. */
  addSingle(list: number, slice: RowSlice, continues: boolean): number {
    const { rows } = slice;
    const times = slice.times.length === rows ? slice.times : slice.times.subarray(0, rows);
    const record = newRecord(list, 1, rows, times[0], times[rows - 1]);
    if (continues) record.flags |= CONTINUES;
    const step = regularStep(times);
    this.parts.reset();
    if (step >= 0) {
      record.flags |= TIMES_REGULAR;
      record.stepNs = step;
    } else {
      this.singleTimes(record, times);
    }
    return this.finishGroup(record, slice.columns, rows >= STATISTICS_AT_LEAST_ROWS);
  }

  /** Writes a pack of at least two series and returns the group's number. */
  addPack(pack: Pack): number {
    const record = newRecord(pack.list, pack.positions.length, pack.rows, pack.minOffsetNs, pack.maxOffsetNs);
    record.flags |= IS_PACK;
    this.parts.reset();
    pack.times.encode(this.parts, this.cold);
    this.shareEncodedTimes(record);
    return this.finishGroup(record, pack.joined(), false);
  }

  /** Writes a group of one series of another file as it is encoded there. */
  addCopy(list: number, source: GroupReader, g: number, continues: boolean): number {
    const { groups } = source;
    const record = newRecord(list, 1, groups.rows[g], groups.minOffsetNs[g], groups.maxOffsetNs[g]);
    const times = groups.flags[g] & TIMES_MASK;
    record.flags |= continues ? CONTINUES : 0;
    this.parts.reset();
    if (times === TIMES_REGULAR) {
      record.stepNs = groups.stepNs[g];
    } else {
      const owner = times === TIMES_OWN ? g : groups.timeOwner[g];
      const c = source.partCursor(owner, 0);
      this.parts.raw(c.bytes.subarray(c.at, c.end));
      this.shareEncodedTimes(record);
    }
    for (let col = 0; col < source.columnsOf(g, null).length; col++) {
      const c = source.partCursor(g, col + 1);
      this.parts.raw(c.bytes.subarray(c.at, c.end));
      record.columnBytes.push(c.end - c.at);
    }
    record.statistics = source.statisticsBytes(g);
    if (record.statistics !== null) record.flags |= HAS_STATISTICS;
    return this.writeParts(record);
  }

  private singleTimes(record: RowGroupRecord, times: Float64Array): void {
    const shareable = times.length >= SHARE_AT_LEAST_ROWS;
    const hash = shareable ? crc32c(new Uint8Array(times.buffer, times.byteOffset, times.byteLength)) : 0;
    const known = shareable ? this.known.get(hash) : undefined;
    if (known !== undefined && sameTimes(known.times, times)) {
      record.flags |= TIMES_SHARED;
      record.ownerDistance = this.count - known.group;
      return;
    }
    encodeIntegers(this.parts, times, times.length, this.cold);
    record.flags |= TIMES_OWN;
    record.timeBytes = this.parts.length;
    if (!shareable) return;
    remember(this.known, hash, { times: times.slice(), group: this.count });
  }

  private shareEncodedTimes(record: RowGroupRecord): void {
    const bytes = this.parts.view8();
    record.flags |= TIMES_OWN;
    record.timeBytes = bytes.length;
    if (bytes.length < 64) return;
    const hash = crc32c(bytes);
    const known = this.knownEncoded.get(hash);
    const { series, rows } = record;
    // The same bytes mean the same times only for the same number of series and rows.
    if (known?.series === series && known.rows === rows && Buffer.compare(known.bytes, bytes) === 0) {
      record.flags ^= TIMES_OWN | TIMES_SHARED;
      record.timeBytes = 0;
      record.ownerDistance = this.count - known.group;
      this.parts.reset();
      return;
    }
    remember(this.knownEncoded, hash, { bytes: bytes.slice(), series, rows, group: this.count });
  }

  private finishGroup(record: RowGroupRecord, columns: Column[], withStatistics: boolean): number {
    const { parts, statistics } = this;
    statistics.reset();
    for (const column of columns) {
      const start = parts.length;
      const exponent = encodeColumn(parts, column, this.cold);
      record.columnBytes.push(parts.length - start);
      if (withStatistics) encodeStatistics(statistics, column, exponent);
    }
    if (withStatistics) {
      record.flags |= HAS_STATISTICS;
      record.statistics = statistics.view8();
    }
    return this.writeParts(record);
  }

  /** Writes what `parts` holds, with checksums, and the group's record. */
  private writeParts(record: RowGroupRecord): number {
    const { parts } = this;
    if (parts.length < JOINED_BYTES) {
      record.flags |= IS_JOINED;
      this.joinFrame();
    } else {
      this.frameStart = -1;
      let at = 0;
      const lengths = record.timeBytes > 0 ? [record.timeBytes, ...record.columnBytes] : record.columnBytes;
      for (const length of lengths) {
        const part = parts.bytes.subarray(at, at + length);
        this.out.raw(part);
        this.out.u32(crc32c(part));
        at += length;
      }
    }
    this.lastRecordAt = this.index.length;
    this.slots += record.rows * record.columnBytes.length;
    writeRowGroup(this.index, record);
    this.minOffsetNs = Math.min(this.minOffsetNs, record.minOffsetNs);
    this.maxOffsetNs = Math.max(this.maxOffsetNs, record.maxOffsetNs);
    return this.count++;
  }

  /** Adds `parts` to the frame of the joined group before, while that is small and still in the buffer; else begins one. */
  private joinFrame(): void {
    const { out, parts } = this;
    const size = out.length - this.frameStart;
    if (this.frameStart >= 0 && size > 0 && size + parts.length < JOINED_BYTES) {
      this.index.bytes[this.lastRecordAt] |= IS_OPEN;
      out.length -= CRC_BYTES;
    } else {
      this.frameStart = out.length;
    }
    out.raw(parts.view8());
    out.u32(crc32c(out.bytes.subarray(this.frameStart, out.length)));
  }

  /** The buffer was written out: frames in it are closed. */
  drained(): void {
    this.frameStart = -1;
  }
}

function remember<T>(known: Map<number, T>, hash: number, entry: T): void {
  if (known.size >= REMEMBERED_TIMES) known.delete(known.keys().next().value!);
  known.set(hash, entry);
}

function newRecord(fieldList: number, series: number, rows: number, min: number, max: number): RowGroupRecord {
  return {
    flags: 0,
    fieldList,
    series,
    rows,
    minOffsetNs: min,
    maxOffsetNs: max,
    stepNs: 0,
    timeBytes: 0,
    ownerDistance: 0,
    columnBytes: [],
    statistics: null,
  };
}

/** The distance of equally spaced times, or -1. */
function regularStep(times: Float64Array): number {
  if (times.length === 1) return 0;
  const step = times[1] - times[0];
  for (let i = 2; i < times.length; i++) if (times[i] - times[i - 1] !== step) return -1;
  return step;
}
