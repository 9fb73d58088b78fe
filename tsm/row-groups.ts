/**
 * The index of row groups: what each holds and where its parts lie. It is written as varints, record by record, and
 * read into typed arrays, so that a file with many groups costs tens of bytes each in memory.
 *
 * Groups lie one after another from the end of the file's magic, so offsets are sums of lengths and are not stored.
 * A group's parts are its times (unless regular or shared) and its columns. A joined group ends in one CRC32C of all
 * parts; in any other, each part is followed by its own. Small joined groups share a frame: all but the last are open, and the
 * checksum after the last covers the parts of all of them.
 *
 * Record: [u8 flags: 1 pack, 2 joined, 12 times (0 regular, 4 own, 8 shared), 16 statistics, 32 continues the series before, 64 open]
 *         [varint field list][varint series, packs only][varint rows]
 *         regular: [scaled first][scaled step]     own: [scaled min][scaled max][varint bytes]
 *         shared:  [scaled min][scaled max][varint groups back to the owner]
 *         [varint bytes of each column]
 *         with statistics: [varint bytes][statistics of each column, see statistics.ts]
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readRaw, readVarint } from './cursor.ts';
import { CRC_BYTES, MAGIC_BYTES, readScaled, writeScaled } from './format.ts';

export const IS_PACK = 1;
export const IS_JOINED = 2;
export const TIMES_MASK = 12;
export const TIMES_REGULAR = 0;
export const TIMES_OWN = 4;
export const TIMES_SHARED = 8;
export const HAS_STATISTICS = 16;
export const CONTINUES = 32;
export const IS_OPEN = 64;

/** One group, as the writer describes it. */
export interface RowGroupRecord {
  flags: number;
  fieldList: number;
  series: number;
  rows: number;
  minOffsetNs: number;
  maxOffsetNs: number;
  /** Regular times: the distance of rows. */
  stepNs: number;
  /** Own times: bytes. */
  timeBytes: number;
  /** Shared times: groups back to the owner. */
  ownerDistance: number;
  columnBytes: number[];
  /** Encoded statistics of all columns; null without. */
  statistics: Uint8Array | null;
}

export function writeRowGroup(w: ByteWriter, g: RowGroupRecord): void {
  w.u8(g.flags);
  w.varint(g.fieldList);
  if (g.flags & IS_PACK) w.varint(g.series);
  w.varint(g.rows);
  writeScaled(w, g.minOffsetNs);
  const times = g.flags & TIMES_MASK;
  writeScaled(w, times === TIMES_REGULAR ? g.stepNs : g.maxOffsetNs);
  if (times === TIMES_OWN) w.varint(g.timeBytes);
  if (times === TIMES_SHARED) w.varint(g.ownerDistance);
  for (const bytes of g.columnBytes) w.varint(bytes);
  if (g.statistics !== null) w.blob(g.statistics);
}

/** All groups of a file, by group number. */
export interface RowGroups {
  count: number;
  flags: Uint8Array;
  fieldList: Int32Array;
  series: Int32Array;
  rows: Int32Array;
  minOffsetNs: Float64Array;
  maxOffsetNs: Float64Array;
  stepNs: Float64Array;
  /** [count + 1] file offset of the group's first part; the last entry is the end of all groups. */
  offset: Float64Array;
  timeBytes: Int32Array;
  /** Shared times: the group that owns them. */
  timeOwner: Int32Array;
  /** [count + 1] index of the group's first column in `columnOffset`. */
  firstColumn: Int32Array;
  /** Bytes of each column of each group. */
  columnBytes: Int32Array;
  /** Position of the group's statistics in `bytes`; -1 without. */
  statisticsAt: Int32Array;
  /** Bytes of the group's statistics. */
  statisticsBytes: Int32Array;
  /** The section itself, for the statistics, which are decoded when asked for. */
  bytes: Uint8Array;
}

/** The joined groups whose parts one checksum covers: from the first to the last, which it follows. */
export function frameOf(groups: RowGroups, g: number): { first: number; last: number } {
  let first = g;
  while (first > 0 && groups.flags[first - 1] & IS_OPEN) first--;
  let last = g;
  while (last + 1 < groups.count && groups.flags[last] & IS_OPEN) last++;
  return { first, last };
}

/** Parses the section. `widths` is the number of fields of each field list. */
export function readRowGroups(c: Cursor, widths: Int32Array): RowGroups {
  const count = readVarint(c);
  if (count * 5 > c.end - c.at) throw new RangeError(`${count} row groups in ${c.end - c.at} bytes`);
  const g: RowGroups = {
    count,
    flags: new Uint8Array(count),
    fieldList: new Int32Array(count),
    series: new Int32Array(count),
    rows: new Int32Array(count),
    minOffsetNs: new Float64Array(count),
    maxOffsetNs: new Float64Array(count),
    stepNs: new Float64Array(count),
    offset: new Float64Array(count + 1),
    timeBytes: new Int32Array(count),
    timeOwner: new Int32Array(count),
    firstColumn: new Int32Array(count + 1),
    columnBytes: new Int32Array(Math.max(16, count * 4)),
    statisticsAt: new Int32Array(count),
    statisticsBytes: new Int32Array(count),
    bytes: c.bytes,
  };
  g.offset[0] = MAGIC_BYTES;
  for (let i = 0; i < count; i++) readRecord(c, g, i, widths);
  g.columnBytes = g.columnBytes.slice(0, g.firstColumn[count]);
  return g;
}

function readRecord(c: Cursor, g: RowGroups, i: number, widths: Int32Array): void {
  const flags = readByte(c);
  g.flags[i] = flags;
  const list = readVarint(c);
  if (list >= widths.length) throw new RangeError(`field list ${list} of ${widths.length}`);
  g.fieldList[i] = list;
  g.series[i] = flags & IS_PACK ? readVarint(c) : 1;
  const rows = readVarint(c);
  g.rows[i] = rows;
  g.minOffsetNs[i] = readScaled(c);
  const second = readScaled(c);
  const times = flags & TIMES_MASK;
  if (times === TIMES_REGULAR) {
    g.stepNs[i] = second;
    g.maxOffsetNs[i] = g.minOffsetNs[i] + (rows - 1) * second;
  } else {
    g.maxOffsetNs[i] = second;
    if (times === TIMES_OWN) g.timeBytes[i] = readVarint(c);
    else g.timeOwner[i] = i - readVarint(c);
    if (g.timeOwner[i] < 0) throw new RangeError('times of a group before the first');
  }
  const width = widths[list];
  const first = g.firstColumn[i];
  if (first + width > g.columnBytes.length) {
    const grown = new Int32Array(Math.max(first + width, g.columnBytes.length * 2));
    grown.set(g.columnBytes);
    g.columnBytes = grown;
  }
  const parts = width + (times === TIMES_OWN ? 1 : 0);
  let length = g.timeBytes[i] + (flags & IS_OPEN ? 0 : CRC_BYTES * (flags & IS_JOINED ? 1 : parts));
  for (let col = 0; col < width; col++) {
    const bytes = readVarint(c);
    g.columnBytes[first + col] = bytes;
    length += bytes;
  }
  g.firstColumn[i + 1] = first + width;
  g.offset[i + 1] = g.offset[i] + length;
  g.statisticsAt[i] = -1;
  if (flags & HAS_STATISTICS) {
    const bytes = readVarint(c);
    g.statisticsAt[i] = c.at;
    g.statisticsBytes[i] = bytes;
    readRaw(c, bytes);
  }
}
