/**
 * Sets of rows: cutting, joining and merging of `RowSlice`s. All keep times strictly ascending and every bit
 * of every value; NaN payloads move as words or by `TypedArray.set`, never through arithmetic.
 */
import type { Column, RowSlice } from './column.ts';
import { type FieldType, INTEGER, STRING, UNSIGNED } from './field-type.ts';

/** Cells, present or not, that a slice may have however few of them hold a value: some 9 MiB. */
const FREE_CELLS = 1 << 20;
/** Cells that a slice may have for each of its values. */
const CELLS_PER_VALUE = 4;

/**
 * Whether rows are better kept as several slices, each with columns for the fields that its own rows have. A series with
 * thousands of fields of which a row has one or two would need rows × fields cells otherwise.
 */
export function isTooSparse(rows: number, columns: number, values: number): boolean {
  return rows * columns > Math.max(FREE_CELLS, CELLS_PER_VALUE * values);
}

/** Values of all columns, absent ones not counted. */
export function countValues({ columns }: RowSlice): number {
  let count = 0;
  for (const { rows, present } of columns) {
    if (present === null) count += rows;
    else for (let i = 0; i < rows; i++) count += present[i];
  }
  return count;
}

/** The rows in slices that are not too sparse. */
export function* denseParts(slice: RowSlice): Generator<RowSlice> {
  if (slice.rows === 1 || !isTooSparse(slice.rows, slice.columns.length, countValues(slice))) {
    yield slice;
    return;
  }
  const middle = slice.rows >>> 1;
  yield* denseParts(takeRows(slice, 0, middle));
  yield* denseParts(takeRows(slice, middle, slice.rows));
}

/** First index with `times[i] >= time`. */
export function lowerBound(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Rows `from` … `to − 1`; numeric columns are views of the same memory. */
export function takeRows(slice: RowSlice, from: number, to: number): RowSlice {
  if (from === 0 && to === slice.rows) return slice;
  const kept: RowSlice = { rows: to - from, times: slice.times.subarray(from, to), fields: [], columns: [] };
  slice.columns.forEach((column, c) => {
    const present = column.present?.subarray(from, to) ?? null;
    if (present !== null && !present.includes(1)) return;
    kept.fields.push(slice.fields[c]);
    kept.columns.push(takeColumn(column, from, to, present));
  });
  return kept;
}

function takeColumn(column: Column, from: number, to: number, present: Uint8Array | null): Column {
  const taken: Column = { ...column, rows: to - from, present };
  if (column.stringOffsets !== null) {
    const base = column.stringOffsets[from];
    taken.stringOffsets = column.stringOffsets.slice(from, to + 1).map((offset) => offset - base);
    taken.stringBytes = column.stringBytes!.subarray(base, column.stringOffsets[to]);
  } else if (column.wide !== null) taken.wide = column.wide.subarray(from, to);
  else taken.values = column.values.subarray(from, to);
  return taken;
}

/** First index with `times[i] > time`. */
export function upperBound(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Rows outside `min <= time <= max`, or null when none are left. */
export function cutRows(slice: RowSlice, min: number, max: number): RowSlice | null {
  const from = lowerBound(slice.times, min);
  const to = upperBound(slice.times, max);
  if (from >= to) return slice;
  if (from === 0) return to === slice.rows ? null : takeRows(slice, to, slice.rows);
  if (to === slice.rows) return takeRows(slice, 0, from);
  return mergeSlices([takeRows(slice, 0, from), takeRows(slice, to, slice.rows)]);
}

/**
 * Merges rows of one series and partition, oldest source first: rows of equal time become one, in which the later
 * source's value wins field by field. Slices that follow one another in time are joined without comparing rows.
 */
export function mergeSlices(slices: readonly RowSlice[]): RowSlice {
  if (slices.length === 1) return slices[0];
  const ordered = [...slices.keys()].sort((a, b) => slices[a].times[0] - slices[b].times[0]);
  let disjoint = true;
  for (let i = 1; i < ordered.length; i++) {
    const before = slices[ordered[i - 1]];
    if (before.times[before.rows - 1] >= slices[ordered[i]].times[0]) disjoint = false;
  }
  if (disjoint) {
    const inOrder = ordered.map((i) => slices[i]);
    return sameNumbers(inOrder) ? joinNumbers(inOrder) : gather(inOrder, null, null);
  }

  let total = 0;
  for (const slice of slices) total += slice.rows;
  const sourceOf = new Int32Array(total);
  const rowOf = new Int32Array(total);
  // A k-way walk by (time, source): k is small, so the smallest head is found by looking at all of them.
  const heads = new Int32Array(slices.length);
  for (let o = 0; o < total; o++) {
    let best = -1;
    let bestTime = Number.POSITIVE_INFINITY;
    for (let s = 0; s < slices.length; s++) {
      const time = heads[s] < slices[s].rows ? slices[s].times[heads[s]] : Number.POSITIVE_INFINITY;
      if (time < bestTime) {
        best = s;
        bestTime = time;
      }
    }
    sourceOf[o] = best;
    rowOf[o] = heads[best]++;
  }
  return gather(slices, sourceOf, rowOf);
}

/** Whether all slices have the same fields in the same order, and nothing but numbers in every row. */
function sameNumbers(slices: readonly RowSlice[]): boolean {
  const [first] = slices;
  for (const { rows, times, fields, columns } of slices) {
    if (fields.length !== first.fields.length || times.length !== rows) return false;
    for (let f = 0; f < fields.length; f++) {
      const { present, wide, stringOffsets, values } = columns[f];
      if (fields[f] !== first.fields[f] || present !== null || wide !== null || stringOffsets !== null) return false;
      if (values.length !== rows || columns[f].type !== first.columns[f].type) return false;
    }
  }
  return true;
}

/** The common case of `gather` without an order, for merges of a great many short series. */
function joinNumbers(slices: readonly RowSlice[]): RowSlice {
  let rows = 0;
  for (const slice of slices) rows += slice.rows;
  const [{ fields, columns }] = slices;
  const joined: RowSlice = { rows, times: new Float64Array(rows), fields, columns: [] };
  let at = 0;
  for (const slice of slices) {
    joined.times.set(slice.times, at);
    at += slice.rows;
  }
  for (let f = 0; f < fields.length; f++) {
    const values = new Float64Array(rows);
    at = 0;
    for (const slice of slices) {
      values.set(slice.columns[f].values, at);
      at += slice.rows;
    }
    joined.columns.push({ ...columns[f], rows, values });
  }
  return joined;
}

/**
 * Fills the union of the sources' columns. Without an order the sources are laid end to end; with one, row o comes
 * from `rowOf[o]` of source `sourceOf[o]`, and equal times in a row are folded.
 */
function gather(slices: readonly RowSlice[], sourceOf: Int32Array | null, rowOf: Int32Array | null): RowSlice {
  let total = 0;
  for (const slice of slices) total += slice.rows;
  const times = new Float64Array(total);
  // target[s][i]: the row that row i of source s becomes.
  const target = slices.map((slice) => new Int32Array(slice.rows));
  let rows = 0;
  if (sourceOf === null || rowOf === null) {
    slices.forEach((slice, s) => {
      times.set(slice.times, rows);
      for (let i = 0; i < slice.rows; i++) target[s][i] = rows++;
    });
  } else {
    for (let o = 0; o < total; o++) {
      const time = slices[sourceOf[o]].times[rowOf[o]];
      if (rows === 0 || times[rows - 1] !== time) times[rows++] = time;
      target[sourceOf[o]][rowOf[o]] = rows - 1;
    }
  }
  const merged: RowSlice = { rows, times: times.subarray(0, rows), fields: [], columns: [] };
  const sourcesOf = new Map<string, ColumnSource[]>();
  slices.forEach(({ fields, columns }, s) => {
    for (let c = 0; c < fields.length; c++) {
      const source = { column: columns[c], target: target[s] };
      const sources = sourcesOf.get(fields[c]);
      if (sources === undefined) sourcesOf.set(fields[c], [source]);
      else sources.push(source);
    }
  });
  for (const [field, sources] of sourcesOf) {
    merged.fields.push(field);
    merged.columns.push(gatherColumn(sources, rows));
  }
  return merged;
}

interface ColumnSource {
  column: Column;
  target: Int32Array;
}

function gatherColumn(sources: ColumnSource[], rows: number): Column {
  const type: FieldType = sources[0].column.type;
  const present = new Uint8Array(rows);
  for (const { column, target } of sources) {
    for (let i = 0; i < column.rows; i++)
      if (column.present === null || column.present[i] === 1) present[target[i]] = 1;
  }
  const column: Column = {
    type,
    rows,
    values: new Float64Array(0),
    wide: null,
    stringOffsets: null,
    stringBytes: null,
    present: present.includes(0) ? present : null,
  };
  if (type === STRING) gatherStrings(sources, column);
  else if ((type === INTEGER || type === UNSIGNED) && sources.some((source) => source.column.wide !== null)) {
    column.wide = new BigInt64Array(rows);
    for (const { column: from, target } of sources) {
      for (let i = 0; i < from.rows; i++) {
        if (from.present !== null && from.present[i] === 0) continue;
        column.wide[target[i]] = from.wide !== null ? from.wide[i] : BigInt(from.values[i]);
      }
    }
  } else {
    column.values = new Float64Array(rows);
    const out = new Int32Array(column.values.buffer);
    for (const { column: from, target } of sources) {
      const words = new Int32Array(from.values.buffer, from.values.byteOffset, from.rows * 2);
      for (let i = 0; i < from.rows; i++) {
        if (from.present !== null && from.present[i] === 0) continue;
        out[2 * target[i]] = words[2 * i];
        out[2 * target[i] + 1] = words[2 * i + 1];
      }
    }
  }
  return column;
}

function gatherStrings(sources: ColumnSource[], column: Column): void {
  const rows = column.rows;
  const sourceOf = new Int32Array(rows).fill(-1);
  const rowOf = new Int32Array(rows);
  sources.forEach(({ column: from, target }, s) => {
    for (let i = 0; i < from.rows; i++) {
      if (from.present !== null && from.present[i] === 0) continue;
      sourceOf[target[i]] = s;
      rowOf[target[i]] = i;
    }
  });
  const offsets = new Int32Array(rows + 1);
  for (let r = 0; r < rows; r++) {
    const from = sourceOf[r] < 0 ? null : sources[sourceOf[r]].column.stringOffsets!;
    offsets[r + 1] = offsets[r] + (from === null ? 0 : from[rowOf[r] + 1] - from[rowOf[r]]);
  }
  const bytes = new Uint8Array(offsets[rows]);
  for (let r = 0; r < rows; r++) {
    if (offsets[r + 1] === offsets[r]) continue;
    const { stringBytes, stringOffsets } = sources[sourceOf[r]].column;
    const start = stringOffsets![rowOf[r]];
    bytes.set(stringBytes!.subarray(start, start + offsets[r + 1] - offsets[r]), offsets[r]);
  }
  column.stringOffsets = offsets;
  column.stringBytes = bytes;
}
