/** Rows of one series in columns: what the memtable gives, files hold and queries read. */
import type { FieldType } from './field-type.ts';

/**
 * One field's values over some rows, as files are written from and read into.
 *
 * - Numbers and booleans (0 or 1) are in `values`, one per row, floats with every bit kept.
 * - An integer or unsigned column with a value beyond ±2^53 is wide: `wide` holds all its rows as 64-bit integers
 *   (unsigned ones as two's complement bits) and `values` is empty.
 * - A string column has `stringOffsets` (rows + 1 entries) into `stringBytes` (UTF-8); `values` is empty.
 * - `present`, when not null, has one byte per row: 1 where the row has this field. What stands in the slot of an
 *   absent row is unspecified (an absent string is empty).
 */
export interface Column {
  type: FieldType;
  rows: number;
  values: Float64Array;
  wide: BigInt64Array | null;
  stringOffsets: Int32Array | null;
  stringBytes: Uint8Array | null;
  present: Uint8Array | null;
}

/**
 * Rows of one series inside one partition, in strictly ascending time.
 * `times` are ns since the partition's start: integers below 90 d = 7.8e15 < 2^53, exact as doubles.
 */
export interface RowSlice {
  rows: number;
  times: Float64Array;
  /** Field names, parallel to `columns`. */
  fields: string[];
  columns: Column[];
}
