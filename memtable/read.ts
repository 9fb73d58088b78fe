/**
 * Reads one series of a memtable as sorted columns. Works on a `MemtableView`, so on any thread.
 *
 * 1. Walk the chain and keep the partition's chunks, oldest first.
 * 2. When they have one shape and ascend strictly, within and across chunks, transpose them straight into columns.
 * 3. Else order all rows by (time, arrival), fold rows of equal time into one (later values win, field by field) and
 *    fill columns over the union of the fields, with presence where a row lacks one.
 *
 * Who wants all rows gets them in parts when rows have few of many fields.
 */
import { BOX_WIDE } from '../batch/batch.ts';
import type { Column, RowSlice } from '../batch/column.ts';
import { BOOLEAN, type FieldType, FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';
import { isTooSparse } from '../batch/row-slices.ts';
import type { RowOutline } from '../batch/sparse-range.ts';
import { SLAB_BITS, SLAB_MASK } from './arena.ts';
import {
  CHUNK_HEADER_DOUBLES,
  CHUNK_OLDER,
  CHUNK_PARTITION,
  CHUNK_ROWS,
  CHUNK_SHAPE,
  CHUNK_SORTED,
  type MemtableView,
} from './memtable.ts';

/** A shape as plain data: what a reader on any thread has to know of it. */
export interface ShapeFields {
  fields: string[];
  types: ArrayLike<number>;
}

/** Chunks of the series in the partition, oldest first; empty when there are none. */
function chunksOf(view: MemtableView, ref: number, partition: number): number[] {
  const chunks: number[] = [];
  let pointer = ref < view.heads.length ? view.heads[ref] : 0;
  while (pointer !== 0) {
    const words = view.arena.words[pointer >>> SLAB_BITS];
    const h = (pointer & SLAB_MASK) * 2;
    if (words[h + CHUNK_PARTITION] === partition) chunks.push(pointer);
    pointer = words[h + CHUNK_OLDER];
  }
  return chunks.reverse();
}

/** Whether the series has a row in the partition. */
export function hasRows(view: MemtableView, ref: number, partition: number): boolean {
  let pointer = ref < view.heads.length ? view.heads[ref] : 0;
  while (pointer !== 0) {
    const words = view.arena.words[pointer >>> SLAB_BITS];
    const h = (pointer & SLAB_MASK) * 2;
    if (words[h + CHUNK_PARTITION] === partition) return true;
    pointer = words[h + CHUNK_OLDER];
  }
  return false;
}

/** Rows of the series in the partition as they came: of one time, there may be several. */
export function countRows(view: MemtableView, ref: number, partition: number): number {
  let rows = 0;
  for (const chunk of chunksOf(view, ref, partition)) rows += wordOf(view, chunk, CHUNK_ROWS);
  return rows;
}

/**
 * Rows of a series in a partition, strictly ascending in time.
 * @param shapes shape id → its fields; has to know every shape the memtable holds.
 * @param fields names to read, or null for all; a row with none of them is left out.
 * @param minOffsetNs, maxOffsetNs inclusive bounds, ns since the partition's start.
 * @returns null when nothing is there.
 */
export function readRows(
  view: MemtableView,
  shapes: readonly (ShapeFields | undefined)[],
  ref: number,
  partition: number,
  fields: readonly string[] | null,
  minOffsetNs: number,
  maxOffsetNs: number,
): RowSlice | null {
  const chunks = chunksOf(view, ref, partition);
  if (chunks.length === 0) return null;
  const { total, plain } = survey(view, shapes, chunks);
  return plain
    ? readPlain(view, shapes[wordOf(view, chunks[0], CHUNK_SHAPE)]!, chunks, total, fields, minOffsetNs, maxOffsetNs)
    : readMerged(view, shapes, chunks, total, fields, minOffsetNs, maxOffsetNs);
}

/** What is known of the rows of a series in a partition without reading them; null when there are none. */
export function outlineRows(
  view: MemtableView,
  shapes: readonly (ShapeFields | undefined)[],
  ref: number,
  partition: number,
): RowOutline | null {
  const chunks = chunksOf(view, ref, partition);
  if (chunks.length === 0) return null;
  let [rows, values, minOffsetNs, maxOffsetNs] = [0, 0, Infinity, -Infinity];
  const fields = new Set<string>();
  for (const chunk of chunks) {
    const count = wordOf(view, chunk, CHUNK_ROWS);
    const shape = shapes[wordOf(view, chunk, CHUNK_SHAPE)]!;
    const slab = view.arena.slabs[chunk >>> SLAB_BITS];
    let at = (chunk & SLAB_MASK) + CHUNK_HEADER_DOUBLES;
    for (let i = 0; i < count; i++, at += shape.fields.length + 1) {
      minOffsetNs = Math.min(minOffsetNs, slab[at]);
      maxOffsetNs = Math.max(maxOffsetNs, slab[at]);
    }
    rows += count;
    values += count * shape.fields.length;
    for (const field of shape.fields) fields.add(field);
  }
  return { rows, minOffsetNs, maxOffsetNs, fields: [...fields], values };
}

/** Visits all rows of a series in a partition in slices that ascend in time and are not too sparse. */
export function visitRows(
  view: MemtableView,
  shapes: readonly (ShapeFields | undefined)[],
  ref: number,
  partition: number,
  visit: (slice: RowSlice) => void,
): void {
  const chunks = chunksOf(view, ref, partition);
  if (chunks.length === 0) return;
  const { total, plain } = survey(view, shapes, chunks);
  if (plain) {
    const slice = readPlain(
      view,
      shapes[wordOf(view, chunks[0], CHUNK_SHAPE)]!,
      chunks,
      total,
      null,
      -Infinity,
      Infinity,
    );
    if (slice !== null) visit(slice);
    return;
  }
  const rows = orderedRows(view, shapes, chunks, total, -Infinity, Infinity);
  const visitPart = (from: number, to: number): void => {
    const columns = columnsOfRows(shapes, rows, from, to, null);
    const middle = isTooSparse(to - from, columns.names.length, columns.values) ? middleTime(rows, from, to) : from;
    if (middle > from) {
      visitPart(from, middle);
      visitPart(middle, to);
      return;
    }
    const slice = foldRows(view, rows, columns, from, to);
    if (slice !== null) visit(slice);
  };
  visitPart(0, rows.count);
}

/** Counts the rows of chunks, and tells whether they have one shape and ascend strictly. */
function survey(
  view: MemtableView,
  shapes: readonly (ShapeFields | undefined)[],
  chunks: number[],
): { total: number; plain: boolean } {
  let total = 0;
  let plain = true;
  let lastTime = Number.NEGATIVE_INFINITY;
  const shapeId = wordOf(view, chunks[0], CHUNK_SHAPE);
  for (const chunk of chunks) {
    const rows = wordOf(view, chunk, CHUNK_ROWS);
    total += rows;
    const stride = shapes[wordOf(view, chunk, CHUNK_SHAPE)]!.fields.length + 1;
    const slab = view.arena.slabs[chunk >>> SLAB_BITS];
    const at = (chunk & SLAB_MASK) + CHUNK_HEADER_DOUBLES;
    if (wordOf(view, chunk, CHUNK_SHAPE) !== shapeId || wordOf(view, chunk, CHUNK_SORTED) === 0) plain = false;
    if (slab[at] <= lastTime) plain = false;
    lastTime = slab[at + (rows - 1) * stride];
  }
  return { total, plain };
}

function wordOf(view: MemtableView, chunk: number, word: number): number {
  return view.arena.words[chunk >>> SLAB_BITS][(chunk & SLAB_MASK) * 2 + word];
}

/** Where a column is gathered before it gets an array of its own size: one of a few values then lies within its object. */
let gathered = new Float64Array(1024);
let gatheredWords = new Int32Array(gathered.buffer);

function reserveGathered(rows: number): void {
  if (rows <= gathered.length) return;
  gathered = new Float64Array(rows * 2);
  gatheredWords = new Int32Array(gathered.buffer);
}

/** Step 2: one shape, ascending. */
function readPlain(
  view: MemtableView,
  shape: ShapeFields,
  chunks: number[],
  total: number,
  fields: readonly string[] | null,
  minOffsetNs: number,
  maxOffsetNs: number,
): RowSlice | null {
  const stride = shape.fields.length + 1;
  reserveGathered(total);
  let rows = 0;
  for (const chunk of chunks) {
    const slab = view.arena.slabs[chunk >>> SLAB_BITS];
    let at = (chunk & SLAB_MASK) + CHUNK_HEADER_DOUBLES;
    for (let left = wordOf(view, chunk, CHUNK_ROWS); left > 0; left--, at += stride) {
      if (slab[at] >= minOffsetNs && slab[at] <= maxOffsetNs) gathered[rows++] = slab[at];
    }
  }
  if (rows === 0) return null;
  const slice: RowSlice = { rows, times: gathered.slice(0, rows), fields: shape.fields, columns: [] };
  if (fields !== null) slice.fields = shape.fields.filter((name) => fields.includes(name));
  for (let i = 0; i < shape.fields.length; i++) {
    if (fields !== null && !fields.includes(shape.fields[i])) continue;
    gatherField(view, chunks, stride, i, minOffsetNs, maxOffsetNs);
    slice.columns.push(takeGathered(view, shape.types[i] as FieldType, rows));
  }
  return slice.columns.length === 0 ? null : slice;
}

/** Copies the bits of field `i` of all rows in the bounds. */
function gatherField(view: MemtableView, chunks: number[], stride: number, i: number, min: number, max: number): void {
  let o = 0;
  for (const chunk of chunks) {
    const slab = view.arena.slabs[chunk >>> SLAB_BITS];
    const words = view.arena.words[chunk >>> SLAB_BITS];
    let at = (chunk & SLAB_MASK) + CHUNK_HEADER_DOUBLES;
    for (let left = wordOf(view, chunk, CHUNK_ROWS); left > 0; left--, at += stride) {
      if (slab[at] < min || slab[at] > max) continue;
      const value = (at + 1 + i) * 2;
      gatheredWords[o++] = words[value];
      gatheredWords[o++] = words[value + 1];
    }
  }
}

/** The first `rows` gathered slots as a column. */
function takeGathered(view: MemtableView, type: FieldType, rows: number): Column {
  const values = gathered.slice(0, rows);
  let boxed = type === STRING;
  if (type === INTEGER || type === UNSIGNED) {
    for (let i = 0; i < rows && !boxed; i++) boxed = gatheredWords[2 * i + 1] === BOX_WIDE;
  }
  return boxed
    ? finishColumn(view, type, values, null)
    : { type, rows, values, wide: null, stringOffsets: null, stringBytes: null, present: null };
}

/** Step 3: any shapes, any order. */
function readMerged(
  view: MemtableView,
  shapes: readonly (ShapeFields | undefined)[],
  chunks: number[],
  total: number,
  fields: readonly string[] | null,
  minOffsetNs: number,
  maxOffsetNs: number,
): RowSlice | null {
  const rows = orderedRows(view, shapes, chunks, total, minOffsetNs, maxOffsetNs);
  return foldRows(view, rows, columnsOfRows(shapes, rows, 0, rows.count, fields), 0, rows.count);
}

/** Rows by their places in the memtable, in the order of their times; of equal times the later one wins. */
interface OrderedRows {
  count: number;
  order: Uint32Array;
  /** Of each row: its time, pointer to its first value, shape. */
  time: Float64Array;
  place: Int32Array;
  shapeOf: Int32Array;
}

function orderedRows(
  view: MemtableView,
  shapes: readonly (ShapeFields | undefined)[],
  chunks: number[],
  total: number,
  minOffsetNs: number,
  maxOffsetNs: number,
): OrderedRows {
  const time = new Float64Array(total);
  const place = new Int32Array(total);
  const shapeOf = new Int32Array(total);
  let count = 0;
  for (const chunk of chunks) {
    const id = wordOf(view, chunk, CHUNK_SHAPE);
    const stride = shapes[id]!.fields.length + 1;
    const slab = view.arena.slabs[chunk >>> SLAB_BITS];
    const rows = wordOf(view, chunk, CHUNK_ROWS);
    for (let i = 0; i < rows; i++) {
      const pointer = chunk + CHUNK_HEADER_DOUBLES + i * stride;
      const t = slab[pointer & SLAB_MASK];
      if (t < minOffsetNs || t > maxOffsetNs) continue;
      time[count] = t;
      place[count] = pointer + 1;
      shapeOf[count++] = id;
    }
  }
  return { count, order: ascendingOrder(time.subarray(0, count)), time, place, shapeOf };
}

/** The first row of a time near the middle; `from` when all rows have the same time. */
function middleTime({ order, time }: OrderedRows, from: number, to: number): number {
  const middle = (from + to) >>> 1;
  let at = middle;
  while (at < to && time[order[at]] === time[order[middle - 1]]) at++;
  if (at < to) return at;
  at = middle;
  while (at > from && time[order[at - 1]] === time[order[middle]]) at--;
  return at;
}

/** The columns that some rows have. */
interface RowColumns {
  names: string[];
  types: FieldType[];
  /** Shape id → per value of a row the column it belongs to, −1 for none. */
  ofShape: Map<number, Int32Array>;
  /** Values of all the rows. */
  values: number;
}

function columnsOfRows(
  shapes: readonly (ShapeFields | undefined)[],
  { order, shapeOf }: OrderedRows,
  from: number,
  to: number,
  fields: readonly string[] | null,
): RowColumns {
  const found: RowColumns = { names: [], types: [], ofShape: new Map(), values: 0 };
  const wanted = fields === null ? null : new Set(fields);
  const columnOf = new Map<string, number>();
  let last = -1;
  for (let k = from; k < to; k++) {
    const id = shapeOf[order[k]];
    const shape = shapes[id]!;
    found.values += shape.fields.length;
    if (id === last || found.ofShape.has(id)) continue;
    last = id;
    const columns = new Int32Array(shape.fields.length).fill(-1);
    for (let i = 0; i < columns.length; i++) {
      const name = shape.fields[i];
      if (wanted !== null && !wanted.has(name)) continue;
      let column = columnOf.get(name);
      if (column === undefined) {
        column = found.names.push(name) - 1;
        found.types.push(shape.types[i] as FieldType);
        columnOf.set(name, column);
      }
      columns[i] = column;
    }
    found.ofShape.set(id, columns);
  }
  return found;
}

/** Folds the rows from the `from`th to before the `to`th into a slice; null when none has a value in the columns. */
function foldRows(
  view: MemtableView,
  { order, time, place, shapeOf }: OrderedRows,
  { names, types, ofShape }: RowColumns,
  from: number,
  to: number,
): RowSlice | null {
  let times = new Float64Array(to - from);
  const raw = names.map(() => new Float64Array(to - from));
  const rawWords = raw.map((values) => new Int32Array(values.buffer));
  const present = names.map(() => new Uint8Array(to - from));
  let rows = 0;
  let kept = false;
  let previous = Number.NaN;
  for (let k = from; k < to; k++) {
    const row = order[k];
    if (time[row] !== previous) {
      if (kept) rows++;
      previous = time[row];
      times[rows] = previous;
      kept = false;
    }
    const columns = ofShape.get(shapeOf[row])!;
    const words = view.arena.words[place[row] >>> SLAB_BITS];
    const at = (place[row] & SLAB_MASK) * 2;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i];
      if (column < 0) continue;
      rawWords[column][2 * rows] = words[at + 2 * i];
      rawWords[column][2 * rows + 1] = words[at + 2 * i + 1];
      present[column][rows] = 1;
      kept = true;
    }
  }
  if (kept) rows++;
  if (rows === 0) return null;
  times = times.slice(0, rows);
  const slice: RowSlice = { rows, times, fields: [], columns: [] };
  for (let c = 0; c < names.length; c++) {
    const flags = present[c].slice(0, rows);
    if (!flags.includes(1)) continue;
    slice.fields.push(names[c]);
    slice.columns.push(finishColumn(view, types[c], raw[c].slice(0, rows), flags.includes(0) ? flags : null));
  }
  return slice;
}

/** Moves per row that the insertion sort below may take before a general sort is cheaper. */
const MOVES_PER_ROW = 24;

/**
 * The order in which times ascend; of equal times the earlier place comes first, so that a later row is folded over an
 * earlier one. Rows mostly arrive nearly in order (requests that overtake each other), which an insertion sort turns to
 * account; when they do not, a general sort takes over.
 */
function ascendingOrder(time: Float64Array): Uint32Array {
  const rows = time.length;
  const order = new Uint32Array(rows);
  let moves = 0;
  for (let i = 0; i < rows; i++) {
    const t = time[i];
    let at = i;
    while (at > 0 && time[order[at - 1]] > t) {
      order[at] = order[at - 1];
      at--;
    }
    order[at] = i;
    moves += i - at;
    if (moves > MOVES_PER_ROW * rows) return order.map((_, k) => k).sort((a, b) => time[a] - time[b] || a - b);
  }
  return order;
}

/** Turns raw slots into a column: boxes are followed, strings and wide integers get their own arrays. */
function finishColumn(
  view: MemtableView,
  type: FieldType,
  values: Float64Array<ArrayBuffer>,
  present: Uint8Array | null,
): Column {
  const rows = values.length;
  const column: Column = { type, rows, values, wide: null, stringOffsets: null, stringBytes: null, present };
  if (type === FLOAT || type === BOOLEAN) return column;
  const words = new Int32Array(values.buffer);
  if (type === STRING) {
    const { stringOffsets, strings } = view.side;
    const offsets = new Int32Array(rows + 1);
    for (let i = 0; i < rows; i++) {
      const box = words[2 * i];
      const length = present === null || present[i] === 1 ? stringOffsets[box + 1] - stringOffsets[box] : 0;
      offsets[i + 1] = offsets[i] + length;
    }
    const bytes = new Uint8Array(offsets[rows]);
    for (let i = 0; i < rows; i++) {
      if (offsets[i + 1] === offsets[i]) continue;
      const from = stringOffsets[words[2 * i]];
      bytes.set(strings.subarray(from, from + offsets[i + 1] - offsets[i]), offsets[i]);
    }
    column.values = new Float64Array(0);
    column.stringOffsets = offsets;
    column.stringBytes = bytes;
    return column;
  }
  let boxed = false;
  for (let i = 0; i < rows && !boxed; i++) boxed = words[2 * i + 1] === BOX_WIDE;
  if (!boxed) return column;
  const wide = new BigInt64Array(rows);
  for (let i = 0; i < rows; i++) {
    if (present !== null && present[i] === 0) continue;
    wide[i] = words[2 * i + 1] === BOX_WIDE ? view.side.wide[words[2 * i]] : BigInt(values[i]);
  }
  column.values = new Float64Array(0);
  column.wide = wide;
  return column;
}
