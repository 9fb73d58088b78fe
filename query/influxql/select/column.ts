/**
 * Columns of values as a SELECT moves them about: out of storage, gathered by row, laid end to end, cast, constant.
 *
 * A column is never changed once made, so parts of it may be shared. Numbers stand in doubles until some 64-bit integer
 * needs more (`wide`); bits of floats are kept, NaN payloads included, by moving words or whole arrays.
 */
import type { Column } from '../../../batch/column.ts';
import { FIELD_TYPE_NAMES, STRING } from '../../../batch/field-type.ts';
import { bigintAt, columnWriter } from '../functions/column.ts';
import type { FieldKind, ValueColumn } from '../functions/kernel.ts';
import type { NumberColumn, TextCodes, TextColumn } from '../result.ts';
import { CodedTexts, type CodesMemo, concatCodes, gatherCodes, newCodesMemo } from './coded-texts.ts';

export type Value = number | bigint | string | boolean;

const decoder = new TextDecoder();
const NO_NUMBERS = new Float64Array(0);

export function isNull(column: ValueColumn, row: number): boolean {
  if (column.kind === 'string') return textAt(column, row) === null;
  return column.present !== null && column.present[row] === 0;
}

/** One text, without making all. */
function textAt(column: TextColumn, row: number): string | null {
  const { coded } = column;
  return coded === undefined ? column.values[row] : coded.texts[coded.codes[row]];
}

/** Whether some of the first `rows` rows are null. */
export function hasNulls(column: ValueColumn, rows: number): boolean {
  if (column.kind !== 'string') return column.present?.subarray(0, rows).includes(0) ?? false;
  if (column.coded !== undefined && !column.coded.texts.includes(null)) return false;
  for (let row = 0; row < rows; row++) if (column.values[row] === null) return true;
  return false;
}

/** One value; integers as bigint. For what happens once per group or window, not once per row of storage. */
export function valueAt(column: ValueColumn, row: number): Value | null {
  if (column.kind === 'string') return textAt(column, row);
  if (column.present !== null && column.present[row] === 0) return null;
  if (column.kind === 'float') return column.values[row];
  if (column.kind === 'boolean') return column.values[row] === 1;
  return bigintAt(column, row);
}

export function numberColumn(
  kind: NumberColumn['kind'],
  values: Float64Array,
  present: Uint8Array | null = null,
  wide: BigInt64Array | null = null,
): NumberColumn {
  return { kind, values, wide, present };
}

/** Nothing but nulls. */
export function nullColumn(kind: FieldKind, rows: number): ValueColumn {
  if (kind === 'string') return { kind, values: new Array<string | null>(rows).fill(null) };
  return numberColumn(kind, new Float64Array(rows), new Uint8Array(rows));
}

/** One value in every row; null is nothing but nulls. */
export function constantColumn(kind: FieldKind, value: Value | null, rows: number): ValueColumn {
  if (value === null) return nullColumn(kind, rows);
  if (kind === 'string') return new CodedTexts([String(value)], new Int32Array(rows));
  const narrow = Number(value);
  const values = new Float64Array(rows).fill(narrow);
  if (kind === 'float' || kind === 'boolean' || Number.isSafeInteger(narrow)) return numberColumn(kind, values);
  return numberColumn(kind, values, null, new BigInt64Array(rows).fill(BigInt.asIntN(64, value as bigint)));
}

/** Rows `from` … `to − 1` of a column of storage. */
export function fromStorage(column: Column, from: number, to: number): ValueColumn {
  const rows = to - from;
  const present = column.present === null ? null : column.present.subarray(from, to);
  if (column.type === STRING) return { kind: 'string', values: textsOf(column, from, to) };
  const kind = FIELD_TYPE_NAMES[column.type] as NumberColumn['kind'];
  if (column.wide === null) return numberColumn(kind, column.values.subarray(from, to), present);
  const wide = column.wide.subarray(from, to);
  const values = new Float64Array(rows);
  for (let i = 0; i < rows; i++) values[i] = Number(kind === 'unsigned' ? BigInt.asUintN(64, wide[i]) : wide[i]);
  return numberColumn(kind, values, present, wide);
}

function textsOf(column: Column, from: number, to: number): (string | null)[] {
  const { stringOffsets, stringBytes, present } = column;
  const texts: (string | null)[] = new Array(to - from);
  // Neighbours often have the same text, and decoding costs more than comparing lengths and bytes.
  let last = '';
  let lastFrom = -1;
  let lastLength = -1;
  for (let i = from; i < to; i++) {
    if (present !== null && present[i] === 0) {
      texts[i - from] = null;
      continue;
    }
    const start = stringOffsets![i];
    const length = stringOffsets![i + 1] - start;
    if (length !== lastLength || !equalBytes(stringBytes!, start, lastFrom, length)) {
      last = decoder.decode(stringBytes!.subarray(start, start + length));
      lastFrom = start;
      lastLength = length;
    }
    texts[i - from] = last;
  }
  return texts;
}

function equalBytes(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** The rows at some places; −1 is null. */
export function gather(column: ValueColumn, places: Int32Array): ValueColumn {
  return gatherWith(column, places, newCodesMemo());
}

/** As `gather` of each of a frame's columns. */
export function gatherAll(columns: readonly ValueColumn[], places: Int32Array): ValueColumn[] {
  const memo = newCodesMemo();
  return columns.map((column) => gatherWith(column, places, memo));
}

function gatherWith(column: ValueColumn, places: Int32Array, memo: CodesMemo): ValueColumn {
  const rows = places.length;
  if (column.kind === 'string') {
    const gathered = column.coded === undefined ? null : gatherCodes(column.coded, places, memo);
    if (gathered !== null) return gathered;
    const values: (string | null)[] = new Array(rows);
    for (let i = 0; i < rows; i++) values[i] = places[i] < 0 ? null : column.values[places[i]];
    return { kind: 'string', values };
  }
  const from = column.values;
  const values = new Float64Array(rows);
  let absent = column.present !== null;
  for (let i = 0; i < rows; i++) {
    const place = places[i];
    if (place < 0) absent = true;
    else values[i] = from[place];
  }
  let present: Uint8Array | null = null;
  if (absent) {
    present = new Uint8Array(rows);
    const flags = column.present;
    for (let i = 0; i < rows; i++) present[i] = places[i] < 0 ? 0 : flags === null ? 1 : flags[places[i]];
  }
  let wide: BigInt64Array | null = null;
  if (column.wide !== null) {
    wide = new BigInt64Array(rows);
    for (let i = 0; i < rows; i++) if (places[i] >= 0) wide[i] = column.wide[places[i]];
  }
  return numberColumn(column.kind, values, present, wide);
}

/** Rows `from` … `to − 1`; shares memory. */
export function sliceColumn(column: ValueColumn, from: number, to: number): ValueColumn {
  if (column.kind === 'string') {
    const { coded } = column;
    if (coded !== undefined) return new CodedTexts(coded.texts, coded.codes.subarray(from, to));
    return { kind: 'string', values: column.values.slice(from, to) };
  }
  return numberColumn(
    column.kind,
    column.values.subarray(from, to),
    column.present?.subarray(from, to) ?? null,
    column.wide?.subarray(from, to) ?? null,
  );
}

/** Columns of one kind laid end to end; `rows[i]` are taken of the i-th. */
export function concatColumns(
  kind: FieldKind,
  columns: readonly ValueColumn[],
  rows: readonly number[],
  memo: CodesMemo = newCodesMemo(),
): ValueColumn {
  if (columns.length === 1) return sliceColumn(columns[0], 0, rows[0]);
  let total = 0;
  for (const count of rows) total += count;
  if (kind === 'string') {
    const coded = codesOf(columns);
    if (coded !== null) return concatCodes(coded, rows, memo);
    const values: (string | null)[] = [];
    for (let i = 0; i < columns.length; i++) {
      const from = (columns[i] as TextColumn).values;
      for (let row = 0; row < rows[i]; row++) values.push(from[row]);
    }
    return { kind, values };
  }
  const numbers = columns as readonly NumberColumn[];
  const values = new Float64Array(total);
  const present = numbers.some((column) => column.present !== null) ? new Uint8Array(total) : null;
  const wide = numbers.some((column) => column.wide !== null) ? new BigInt64Array(total) : null;
  let at = 0;
  for (let i = 0; i < numbers.length; i++) {
    const column = numbers[i];
    values.set(column.values.subarray(0, rows[i]), at);
    if (present !== null) {
      if (column.present === null) present.fill(1, at, at + rows[i]);
      else present.set(column.present.subarray(0, rows[i]), at);
    }
    if (wide !== null) {
      if (column.wide !== null) wide.set(column.wide.subarray(0, rows[i]), at);
      else for (let row = 0; row < rows[i]; row++) wide[at + row] = BigInt(column.values[row]);
    }
    at += rows[i];
  }
  return numberColumn(kind, values, present, wide);
}

/** Null when not all columns have codes. */
function codesOf(columns: readonly ValueColumn[]): TextCodes[] | null {
  const found: TextCodes[] = [];
  for (const column of columns) {
    if (column.kind !== 'string' || column.coded === undefined) return null;
    found.push(column.coded);
  }
  return found;
}

/** The values of rows that have one, and where they were; null when every row has one. */
export function presentRows(column: ValueColumn, rows: number): Int32Array | null {
  if (!hasNulls(column, rows)) return null;
  const places = new Int32Array(rows);
  let n = 0;
  for (let row = 0; row < rows; row++) if (!isNull(column, row)) places[n++] = row;
  return places.subarray(0, n);
}

/** Go's conversions between number types; what cannot be converted is null. */
export function castColumn(column: ValueColumn, kind: FieldKind, rows: number): ValueColumn {
  if (column.kind === kind) return column;
  if (column.kind === 'string' || column.kind === 'boolean' || kind === 'string' || kind === 'boolean') {
    return nullColumn(kind, rows);
  }
  if (kind === 'float') {
    return numberColumn(
      'float',
      column.wide === null ? column.values : Float64Array.from(column.values),
      column.present,
    );
  }
  if (column.kind !== 'float' && column.wide === null && kind === 'integer') {
    return numberColumn(kind, column.values, column.present);
  }
  const writer = columnWriter(kind, rows, true);
  for (let row = 0; row < rows; row++) {
    const value = valueAt(column, row) as number | bigint | null;
    if (value !== null && !Number.isNaN(value)) writer.setBigint(row, castNumber(value, kind));
  }
  return writer.finish(rows);
}

/** To i64 or u64: fractions are cut off, integers wrap; floats out of range become the smallest i64, as on amd64. */
export function castNumber(value: number | bigint, kind: 'integer' | 'unsigned'): bigint {
  let whole: bigint;
  if (typeof value === 'bigint') whole = value;
  else if (!(value > -(2 ** 63) && value < 2 ** 64)) whole = -(2n ** 63n);
  else if (kind === 'integer' && value >= 2 ** 63) whole = -(2n ** 63n);
  else whole = BigInt(Math.trunc(value));
  return kind === 'unsigned' ? BigInt.asUintN(64, whole) : BigInt.asIntN(64, whole);
}

/** A column without rows. */
export function emptyColumn(kind: FieldKind): ValueColumn {
  return kind === 'string' ? { kind, values: [] } : numberColumn(kind, NO_NUMBERS);
}
