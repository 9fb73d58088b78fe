/**
 * Columns of numbers read into a buffer that is used again and again: for queries that look at one column at a time and
 * keep nothing of it. Against `TsmFile.read` this spares the memory of every column, and decoding what lies behind the
 * wanted rows.
 *
 * Columns of small integers may be kept decoded, one or two bytes a value, in a `ColumnCache` of bounded size.
 */

import { lowerBound, upperBound } from '../batch/row-slices.ts';
import type { ColumnCache } from './column-cache.ts';
import { type DecodeCache, sharedDecodeCache } from './decode-cache.ts';
import type { GroupReader } from './group-reader.ts';
import type { TsmFile } from './reader.ts';
import { IS_PACK, TIMES_MASK, TIMES_REGULAR } from './row-groups.ts';
import type { SmallColumn } from './small-column.ts';
import type { Statistics } from './statistics.ts';

/** Where columns are read to: values[0, used) is filled. */
export interface NumberBuffer {
  values: Float64Array;
  /** The same memory as words: values are copied by them, which leaves every NaN as it is. */
  words: Int32Array;
  used: number;
}

export function createNumberBuffer(): NumberBuffer {
  const values = new Float64Array(1024);
  return { values, words: new Int32Array(values.buffer), used: 0 };
}

/** Rows that were read one behind the other: `times[from, to)`, whose values begin at `valuesFrom` in the buffer. */
export interface NumberSpan {
  /** Borrowed; the same array for series that share their times. */
  times: Float64Array;
  from: number;
  to: number;
  valuesFrom: number;
  /** The field's type, see FieldType. */
  type: number;
  /**
   * Of a row group that was not decoded; null of one that was. Then `times` holds its first and last time only, and
   * `valuesFrom` means nothing.
   */
  statistics: Statistics | null;
  /** The row group whose rows these are, for `gatherNumbers`; null where series share one. */
  group: { readonly reader: GroupReader; readonly number: number } | null;
}

/** Rows of a column that is kept decoded: `column` holds the value of `times[i]` at i, for from ≤ i < to. */
export interface KeptSpan extends Pick<NumberSpan, 'times' | 'from' | 'to'> {
  readonly column: SmallColumn;
}

/** Which row groups need not be decoded. */
export interface BlockChoice {
  /** Whether nothing is asked between these times that does not hold for all of what lies there. */
  uncut(minOffsetNs: number, maxOffsetNs: number): boolean;
  suffices(statistics: Statistics, type: number): boolean;
  /** Whether none of a block's values are wanted: it is left out then. */
  excludes?(statistics: Statistics): boolean;
}

const NO_SPANS: readonly never[] = [];

/** Makes room for `more` values behind those in use; what is in use stays. */
function reserveNumbers(buffer: NumberBuffer, more: number): void {
  const need = buffer.used + more;
  if (need <= buffer.values.length) return;
  const grown = new Float64Array(Math.max(need, buffer.values.length * 2));
  const words = new Int32Array(grown.buffer);
  words.set(buffer.words.subarray(0, buffer.used * 2));
  buffer.values = grown;
  buffer.words = words;
}

/**
 * Appends the rows of a series' field with min ≤ time ≤ max to the buffer. Null, with the buffer as it was, when they
 * must be read as a RowSlice: values are missing, text, or wide integers.
 */
export function readNumbers(
  file: TsmFile,
  ref: number,
  field: string,
  minOffsetNs: number,
  maxOffsetNs: number,
  buffer: NumberBuffer,
  columns: ColumnCache | null = null,
  choice: BlockChoice | null = null,
  cache: DecodeCache = sharedDecodeCache,
): readonly NumberSpan[] | null {
  const position = file.find(ref);
  if (position < 0) return NO_SPANS;
  const { reader } = file;
  const { groups } = reader;
  const start = buffer.used;
  let spans: NumberSpan[] | null = null;
  for (const g of file.groupsAt(position)) {
    if (groups.minOffsetNs[g] > maxOffsetNs || groups.maxOffsetNs[g] < minOffsetNs) continue;
    const col = reader.columnNamed(g, field);
    if (col === -1) continue;
    if (groups.flags[g] & IS_PACK) {
      const member = file.table().memberOf[position];
      const span = readPacked(reader, g, member, col, minOffsetNs, maxOffsetNs, buffer, cache);
      if (span === null) {
        buffer.used = start;
        return null;
      }
      if (span === undefined) continue;
      if (spans === null) spans = [span];
      else spans.push(span);
      continue;
    }
    const rows = groups.rows[g];
    const block = choice === null ? null : undecoded(reader, g, col, minOffsetNs, maxOffsetNs, choice, cache);
    if (block !== null) {
      if (spans === null) spans = [block];
      else spans.push(block);
      continue;
    }
    if (col >= 0 && choice?.excludes !== undefined) {
      const statistics = reader.statistics(g)[col];
      if (statistics !== null && choice.excludes(statistics)) continue;
    }
    const times = reader.times(g, cache);
    const { from, to } = rowsBetween(times, minOffsetNs, maxOffsetNs);
    if (from >= to) continue;
    if (col < 0) {
      buffer.used = start;
      return null;
    }
    const { used } = buffer;
    let valuesFrom = used;
    const key = columns === null ? -1 : columns.key(reader.id, g, col);
    reserveNumbers(buffer, to - from);
    if (columns?.copy(key, from, to, buffer.values, used)) {
      buffer.used = used + to - from;
    } else {
      reserveNumbers(buffer, rows);
      if (!reader.numbersInto(g, col, to, buffer.values.subarray(used, used + rows))) {
        buffer.used = start;
        return null;
      }
      columns?.keep(key, buffer.values, used, to);
      buffer.used = used + to;
      valuesFrom = used + from;
    }
    const { type } = reader.fieldOf(g, col);
    const span = { times, from, to, valuesFrom, type, statistics: null, group: { reader, number: g } };
    if (spans === null) spans = [span];
    else spans.push(span);
  }
  return spans ?? NO_SPANS;
}

/** As `readNumbers`, but nothing is read or decoded: null when some of it would have to be. */
export function keptNumbers(
  file: TsmFile,
  ref: number,
  field: string,
  minOffsetNs: number,
  maxOffsetNs: number,
  columns: ColumnCache,
  cache: DecodeCache = sharedDecodeCache,
): readonly KeptSpan[] | null {
  const position = file.find(ref);
  if (position < 0) return NO_SPANS;
  const { reader } = file;
  const { groups } = reader;
  const spans: KeptSpan[] = [];
  for (const g of file.groupsAt(position)) {
    if (groups.minOffsetNs[g] > maxOffsetNs || groups.maxOffsetNs[g] < minOffsetNs) continue;
    const col = reader.columnNamed(g, field);
    if (col === -1) continue;
    if (col < 0 || groups.flags[g] & IS_PACK) return null;
    const times = reader.times(g, cache);
    const { from, to } = rowsBetween(times, minOffsetNs, maxOffsetNs);
    if (from >= to) continue;
    const column = columns.get(columns.key(reader.id, g, col), to);
    if (column === null) return null;
    spans.push({ times, from, to, column });
  }
  return spans;
}

function rowsBetween(times: Float64Array, minOffsetNs: number, maxOffsetNs: number): { from: number; to: number } {
  const rows = times.length;
  const from = minOffsetNs <= times[0] ? 0 : lowerBound(times, minOffsetNs);
  const to = times[rows - 1] <= maxOffsetNs ? rows : upperBound(times, maxOffsetNs);
  return { from, to };
}

/**
 * Values of another field in the row group of a span, at some rows of the group.
 * @param places `places[from, to)` are these rows, ascending.
 * @param out gets them, from `at` on.
 * @param buffer is written behind what is in use.
 * @returns the field's type, or −1 when it has to be read as a RowSlice, or is not there.
 */
export function gatherNumbers(
  { group }: NumberSpan,
  field: string,
  places: Int32Array,
  from: number,
  to: number,
  out: Float64Array,
  at: number,
  buffer: NumberBuffer,
  columns: ColumnCache,
): number {
  if (group === null) return -1;
  const { reader, number: g } = group;
  const col = reader.columnNamed(g, field);
  if (col < 0) return -1;
  const { type } = reader.fieldOf(g, col);
  const key = columns.key(reader.id, g, col);
  const need = places[to - 1] + 1;
  const kept = columns.get(key, need);
  if (kept !== null) {
    kept.gather(places, from, to, out, at);
    return type;
  }
  const rows = reader.groups.rows[g];
  reserveNumbers(buffer, rows);
  const { used } = buffer;
  if (!reader.numbersInto(g, col, need, buffer.values.subarray(used, used + rows))) return -1;
  columns.keep(key, buffer.values, used, need);
  const words = buffer.words;
  const outWords = new Int32Array(out.buffer, out.byteOffset, out.length * 2);
  for (let i = from, o = 2 * at; i < to; i++, o += 2) {
    const place = 2 * (used + places[i]);
    outWords[o] = words[place];
    outWords[o + 1] = words[place + 1];
  }
  return type;
}

/** Rows of a series' groups in the range, and how many of them lie in groups that nothing cuts. */
export function countUncut(
  file: TsmFile,
  ref: number,
  minOffsetNs: number,
  maxOffsetNs: number,
  choice: BlockChoice,
): { rows: number; uncut: number } {
  const counts = { rows: 0, uncut: 0 };
  const position = file.find(ref);
  if (position < 0) return counts;
  const { groups } = file.reader;
  for (const g of file.groupsAt(position)) {
    const min = groups.minOffsetNs[g];
    const max = groups.maxOffsetNs[g];
    if (min > maxOffsetNs || max < minOffsetNs) continue;
    const rows = groups.series[g] > 1 ? Math.ceil(groups.rows[g] / groups.series[g]) : groups.rows[g];
    counts.rows += rows;
    const hasStatistics = groups.statisticsAt[g] >= 0 && min >= minOffsetNs && max <= maxOffsetNs;
    if (hasStatistics && choice.uncut(min, max)) counts.uncut += rows;
  }
  return counts;
}

/** A whole group of one series as what is known of it without decoding; null when that is not enough. */
function undecoded(
  reader: GroupReader,
  g: number,
  col: number,
  minOffsetNs: number,
  maxOffsetNs: number,
  choice: BlockChoice,
  cache: DecodeCache,
): NumberSpan | null {
  const { groups } = reader;
  const first = groups.minOffsetNs[g];
  const last = groups.maxOffsetNs[g];
  if (col < 0 || first < minOffsetNs || last > maxOffsetNs || !choice.uncut(first, last)) return null;
  const statistics = reader.statistics(g)[col];
  const { type } = reader.fieldOf(g, col);
  if (statistics === null || !choice.suffices(statistics, type) || repeatsMs(reader, g, cache)) return null;
  return {
    times: Float64Array.of(first, last),
    from: 0,
    to: groups.rows[g],
    valuesFrom: -1,
    type,
    statistics,
    group: null,
  };
}

const repeating = new WeakMap<Float64Array, boolean>();

/** Whether some ms has several rows of a group of one series. */
function repeatsMs(reader: GroupReader, g: number, cache: DecodeCache): boolean {
  const { groups } = reader;
  if ((groups.flags[g] & TIMES_MASK) === TIMES_REGULAR) return groups.rows[g] > 1 && groups.stepNs[g] < 1e6;
  const times = reader.times(g, cache);
  let repeats = repeating.get(times);
  if (repeats === undefined) {
    repeats = false;
    for (let i = 1; i < times.length && !repeats; i++) {
      repeats = Math.floor(times[i] / 1e6) === Math.floor(times[i - 1] / 1e6);
    }
    repeating.set(times, repeats);
  }
  return repeats;
}

/** Rows of one of the short series that share a group: undefined when none is in the range, null as `readNumbers`. */
function readPacked(
  reader: GroupReader,
  g: number,
  member: number,
  col: number,
  minOffsetNs: number,
  maxOffsetNs: number,
  buffer: NumberBuffer,
  cache: DecodeCache,
): NumberSpan | null | undefined {
  if (col < 0) return null;
  const pack = reader.packTimes(g, cache);
  const set = pack.setOf[member];
  const { times } = pack;
  const start = pack.setStart[set];
  let from = start;
  let to = pack.setStart[set + 1];
  while (from < to && times[from] < minOffsetNs) from++;
  while (to > from && times[to - 1] > maxOffsetNs) to--;
  if (from === to) return undefined;
  const column = reader.column(g, col, cache);
  if (column.present !== null || column.wide !== null || column.stringOffsets !== null) return null;
  reserveNumbers(buffer, to - from);
  const { values } = column;
  const words = wordsOf(values);
  const valuesFrom = buffer.used;
  const first = pack.rowStart[member] + from - start;
  for (let i = 0; i < 2 * (to - from); i++) buffer.words[2 * valuesFrom + i] = words[2 * first + i];
  buffer.used += to - from;
  return { times, from, to, valuesFrom, type: column.type, statistics: null, group: null };
}

let lastValues: Float64Array | null = null;
let lastWords: Int32Array = new Int32Array(0);

/** Neighbours ask for the same pack. */
function wordsOf(values: Float64Array): Int32Array {
  if (values !== lastValues) {
    lastValues = values;
    lastWords = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  }
  return lastWords;
}
