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
import type { TsmFile } from './reader.ts';
import { IS_PACK } from './row-groups.ts';

/** Where columns are read to: values[0, used) is filled. */
export interface NumberBuffer {
  values: Float64Array;
  used: number;
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
}

const NO_SPANS: readonly NumberSpan[] = [];

/** Makes room for `more` values behind those in use; what is in use stays. */
export function reserveNumbers(buffer: NumberBuffer, more: number): void {
  const need = buffer.used + more;
  if (need <= buffer.values.length) return;
  const grown = new Float64Array(Math.max(need, buffer.values.length * 2));
  const words = new Int32Array(grown.buffer);
  words.set(new Int32Array(buffer.values.buffer, buffer.values.byteOffset, buffer.used * 2));
  buffer.values = grown;
}

/**
 * Appends the rows of a series' field with min ≤ time ≤ max to the buffer. Null, with the buffer as it was, when they
 * must be read as a RowSlice: the series is packed with others, or values are missing, text, or wide integers.
 */
export function readNumbers(
  file: TsmFile,
  ref: number,
  field: string,
  minOffsetNs: number,
  maxOffsetNs: number,
  buffer: NumberBuffer,
  columns: ColumnCache | null = null,
  cache: DecodeCache = sharedDecodeCache,
): readonly NumberSpan[] | null {
  const position = file.find(ref);
  if (position < 0) return NO_SPANS;
  const { reader } = file;
  const { groups } = reader;
  const start = buffer.used;
  let spans: NumberSpan[] | null = null;
  for (const g of file.groupsAt(position)) {
    if (groups.flags[g] & IS_PACK) return null;
    if (groups.minOffsetNs[g] > maxOffsetNs || groups.maxOffsetNs[g] < minOffsetNs) continue;
    const col = reader.columnNamed(g, field);
    if (col === -1) continue;
    const rows = groups.rows[g];
    const times = reader.times(g, cache);
    const from = minOffsetNs <= times[0] ? 0 : lowerBound(times, minOffsetNs);
    const to = times[rows - 1] <= maxOffsetNs ? rows : upperBound(times, maxOffsetNs);
    if (from >= to) continue;
    reserveNumbers(buffer, rows);
    const { used } = buffer;
    if (col < 0) {
      buffer.used = start;
      return null;
    }
    const key = columns === null ? -1 : columns.key(reader.id, g, col);
    if (columns === null || !columns.copy(key, to, buffer.values, used)) {
      if (!reader.numbersInto(g, col, to, buffer.values.subarray(used, used + rows))) {
        buffer.used = start;
        return null;
      }
      columns?.keep(key, buffer.values, used, to);
    }
    buffer.used = used + to;
    const span = { times, from, to, valuesFrom: used + from, type: reader.fieldOf(g, col).type };
    if (spans === null) spans = [span];
    else spans.push(span);
  }
  return spans ?? NO_SPANS;
}
