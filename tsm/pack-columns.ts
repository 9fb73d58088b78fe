/**
 * Lays the columns of several series end to end, for a pack. Values move as bits.
 */
import type { Column } from '../batch/column.ts';
import { STRING } from '../batch/field-type.ts';

const NO_VALUES = new Float64Array(0);

/** Columns of one type, `rows` rows in all, as one column that owns its memory. */
export function joinColumns(columns: Column[], rows: number): Column {
  const { type } = columns[0];
  const joined: Column = {
    type,
    rows,
    values: NO_VALUES,
    wide: null,
    stringOffsets: null,
    stringBytes: null,
    present: null,
  };
  if (columns.some((column) => column.present !== null)) {
    joined.present = new Uint8Array(rows);
    let at = 0;
    for (const column of columns) {
      if (column.present === null) joined.present.fill(1, at, at + column.rows);
      else joined.present.set(column.present.subarray(0, column.rows), at);
      at += column.rows;
    }
  }
  if (type === STRING) joinStrings(columns, joined);
  else if (columns.some((column) => column.wide !== null)) joinWide(columns, joined);
  else {
    joined.values = new Float64Array(rows);
    let at = 0;
    for (const column of columns) {
      const n = column.rows;
      if (n <= 8) copyWords(column.values, joined.values, at, n);
      else joined.values.set(n === column.values.length ? column.values : column.values.subarray(0, n), at);
      at += n;
    }
  }
  return joined;
}

/** Moves a few values; short copies are faster by hand than by `set`, and words keep NaN payloads. */
function copyWords(from: Float64Array, to: Float64Array, at: number, n: number): void {
  for (let i = 0; i < n; i++) {
    const v = from[i];
    if (Number.isNaN(v)) to.set(from.subarray(i, i + 1), at + i);
    else to[at + i] = v;
  }
}

function joinWide(columns: Column[], joined: Column): void {
  const wide = new BigInt64Array(joined.rows);
  let at = 0;
  for (const column of columns) {
    if (column.wide !== null) {
      wide.set(column.wide.subarray(0, column.rows), at);
    } else {
      for (let i = 0; i < column.rows; i++) {
        if (column.present === null || column.present[i] === 1) wide[at + i] = BigInt(column.values[i]);
      }
    }
    at += column.rows;
  }
  joined.wide = wide;
}

function joinStrings(columns: Column[], joined: Column): void {
  const offsets = new Int32Array(joined.rows + 1);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const column of columns) {
    const from = column.stringOffsets!;
    parts.push(column.stringBytes!.subarray(from[0], from[column.rows]));
    for (let i = 0; i < column.rows; i++) offsets[at + i + 1] = offsets[at + i] + from[i + 1] - from[i];
    at += column.rows;
  }
  joined.stringOffsets = offsets;
  joined.stringBytes = Buffer.concat(parts);
}
