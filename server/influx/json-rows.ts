/**
 * Rows of JSON out of columns, cell by cell in one loop: large answers consist of little else.
 *
 * 1. What a cell is made from is found once per column and brought into one form for all kinds, so that the loop meets no
 *    objects of several shapes.
 * 2. Before a row there is made room for the longest one, so that cells need not ask for it.
 * 3. Texts of few kinds are written once each; columns side by side that share their codes, as tags do, are copied
 *    together. A time is written once for all rows that follow and have it.
 *
 * Cells that need more than that (64-bit integers, texts of many kinds, the mixed ones of SHOW) are left to AnswerBytes.
 */

import type { NumberColumn, ResultColumn, TextCodes } from '../../query/influxql/result.ts';
import type { SeriesPart } from '../../query/influxql/result-part.ts';
import { isSameMemory } from '../../query/influxql/select/coded-texts.ts';
import { writeDigits } from '../digits.ts';
import { AnswerBytes, NUMBER_BYTES } from './answer-bytes.ts';
import type { Epoch } from './epoch.ts';

const COMMA = 44;
const QUOTE = 34;
const OPEN = 91;
const CLOSE = 93;

const TIME = 0;
const FLOAT = 1;
const INTEGER = 2;
const BOOLEAN = 3;
const TEXTS = 4;
const OTHER = 5;

/** Bytes that room is made for at a time, and how much more than rows so far have needed. */
const MOST_ROOM = 1 << 20;
const SPARE = 1.125;

/** A column, or several of texts, in the one form of the loop; what a kind does not need is empty. */
interface Cells {
  readonly kind: number;
  /** Of numbers: the values of this column, and of those after it that are of its kind and have no nulls either. */
  readonly values: readonly Float64Array[];
  readonly present: Uint8Array | null;
  /** Of texts: row i has `texts[codes[i]]`. */
  readonly codes: Int32Array;
  readonly texts: readonly Uint8Array[];
  readonly column: ResultColumn;
}

const NO_CODES = new Int32Array(0);
const NULL = new TextEncoder().encode('null');
const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');

/** @param before rows of this series that were written already. */
export function writeRows(out: AnswerBytes, part: SeriesPart, epoch: Epoch | null, before: number): void {
  const { series, start, end } = part;
  if (start === end) return;
  if (before === 0) out.text(',"values":[');
  const cells = cellsOf(series.values, end - start);
  let rowBytes = 3;
  for (const { values, texts } of cells) {
    rowBytes += 1 + Math.max(longest(texts), (NUMBER_BYTES + 1) * Math.max(1, values.length));
  }
  // The time that was written last, and where.
  let sec = Number.NaN;
  let nano = 0;
  let timeStart = 0;
  let timeEnd = 0;
  let buffer = out.room(rowBytes);
  let at = out.pending;
  const first = at;
  for (let row = start; row < end; row++) {
    if (buffer.length - at < rowBytes) {
      out.wroteTo(at);
      // The rows so far tell how much the others need, so that it need not grow again and again.
      const expected = row === start ? 0 : ((at - first) / (row - start)) * (end - row);
      buffer = out.room(Math.max(rowBytes, Math.min(MOST_ROOM, Math.ceil(expected * SPARE))));
      at = out.pending;
    }
    if (before > 0 || row > start) buffer[at++] = COMMA;
    buffer[at++] = OPEN;
    for (let c = 0; c < cells.length; c++) {
      if (c > 0) buffer[at++] = COMMA;
      const { kind, values, present, codes, texts, column } = cells[c];
      if (present !== null && present[row] === 0) {
        buffer.set(NULL, at);
        at += NULL.length;
      } else if (kind === FLOAT || kind === INTEGER) {
        at = writeNumbers(out, buffer, at, values, row, kind === FLOAT);
      } else if (kind === TEXTS) {
        const text = texts[codes[row]];
        buffer.set(text, at);
        at += text.length;
      } else if (kind === TIME && column.kind === 'time') {
        if (column.sec[row] === sec && column.nano[row] === nano) {
          buffer.copyWithin(at, timeStart, timeEnd);
          at += timeEnd - timeStart;
          continue;
        }
        sec = column.sec[row];
        nano = column.nano[row];
        timeStart = at;
        out.wroteTo(at);
        writeTime(out, sec, nano, column.timezone ?? null, epoch);
        at = out.pending;
        timeEnd = at;
      } else if (kind === BOOLEAN) {
        const text = values[0][row] === 0 ? FALSE : TRUE;
        buffer.set(text, at);
        at += text.length;
      } else {
        out.wroteTo(at);
        writeCell(out, column, row);
        buffer = out.room(rowBytes);
        at = out.pending;
      }
    }
    buffer[at++] = CLOSE;
  }
  out.wroteTo(at);
}

/** Numbers of a row with commas between; there is room for them. */
function writeNumbers(
  out: AnswerBytes,
  buffer: Uint8Array,
  start: number,
  lists: readonly Float64Array[],
  row: number,
  isFloat: boolean,
): number {
  let at = start;
  for (let i = 0; i < lists.length; i++) {
    if (i > 0) buffer[at++] = COMMA;
    const value = lists[i][row];
    const whole = value | 0;
    if (whole === value && whole > 0 && whole < 100) {
      const tens = (whole * 205) >> 11;
      if (tens > 0) buffer[at++] = 48 + tens;
      buffer[at++] = 48 + whole - tens * 10;
    } else if (whole === value && (whole > 0 || Object.is(value, 0))) {
      at = writeDigits(buffer, at, value);
    } else {
      out.wroteTo(at);
      if (isFloat) out.float(value);
      else out.integer(value);
      at = out.pending;
    }
  }
  return at;
}

function longest(texts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of texts) bytes = Math.max(bytes, length);
  return bytes;
}

/** The columns of an answer as the loop takes them: fewer where texts go together. */
function cellsOf(columns: readonly ResultColumn[], rows: number): Cells[] {
  const cells: Cells[] = [];
  for (let c = 0; c < columns.length; c++) {
    const column = columns[c];
    if (column.kind === 'string' && isFew(column.coded, rows)) {
      const together = [column.coded];
      for (; c + 1 < columns.length; c++) {
        const next = columns[c + 1];
        if (next.kind !== 'string' || next.coded === undefined || !isLike(next.coded, column.coded)) break;
        together.push(next.coded);
      }
      cells.push({ kind: TEXTS, values: [], present: null, column, ...written(together) });
      continue;
    }
    const kind = kindOf(column);
    if (kind === TIME || kind === OTHER) {
      cells.push({ kind, values: [], present: null, codes: NO_CODES, texts: [], column });
      continue;
    }
    const { present } = column as NumberColumn;
    const values = [(column as NumberColumn).values];
    if (present === null && kind !== BOOLEAN) {
      for (; c + 1 < columns.length && kindOf(columns[c + 1]) === kind; c++) {
        const next = columns[c + 1] as NumberColumn;
        if (next.present !== null) break;
        values.push(next.values);
      }
    }
    cells.push({ kind, values, present, codes: NO_CODES, texts: [], column });
  }
  return cells;
}

function kindOf(column: ResultColumn): number {
  switch (column.kind) {
    case 'time':
      return TIME;
    case 'float':
      return FLOAT;
    case 'boolean':
      return BOOLEAN;
    case 'integer':
    case 'unsigned':
      return column.wide === null ? INTEGER : OTHER;
    default:
      return OTHER;
  }
}

/** Whether writing every text once is less than writing every row's. */
function isFew(coded: TextCodes | undefined, rows: number): coded is TextCodes {
  return coded !== undefined && coded.texts.length < rows;
}

function isLike(a: TextCodes, b: TextCodes): boolean {
  return a.texts.length === b.texts.length && isSameMemory(a.codes, b.codes);
}

/** What stands in a row for each code: the texts of all columns with commas between. */
function written(columns: readonly TextCodes[]): Pick<Cells, 'codes' | 'texts'> {
  const [{ codes, texts }] = columns;
  const bytes = new AnswerBytes();
  const ends = texts.map((_, code) => {
    columns.forEach((column, c) => {
      if (c > 0) bytes.byte(COMMA);
      writeText(bytes, column.texts[code]);
    });
    return bytes.position;
  });
  const all = bytes.take();
  return { codes, texts: ends.map((end, code) => all.subarray(code === 0 ? 0 : ends[code - 1], end)) };
}

function writeTime(out: AnswerBytes, sec: number, nano: number, timezone: string | null, epoch: Epoch | null): void {
  if (epoch !== null) {
    out.epoch(sec, nano, epoch.unitSec, epoch.digits);
    return;
  }
  out.byte(QUOTE);
  out.instant(sec, nano, timezone);
  out.byte(QUOTE);
}

function writeText(out: AnswerBytes, text: string | null): void {
  if (text === null) out.text('null');
  else out.json(text);
}

/** What has no quick way above. */
function writeCell(out: AnswerBytes, column: ResultColumn, row: number): void {
  switch (column.kind) {
    case 'integer':
    case 'unsigned':
      if (column.present !== null && column.present[row] === 0) out.text('null');
      else out.wide(column.kind === 'integer' ? column.wide![row] : BigInt.asUintN(64, column.wide![row]));
      return;
    case 'string':
      writeText(out, column.coded === undefined ? column.values[row] : column.coded.texts[column.coded.codes[row]]);
      return;
    case 'mixed': {
      const value = column.values[row];
      if (typeof value === 'string') out.json(value);
      else if (typeof value === 'number') out.float(value);
      else if (typeof value === 'bigint') out.wide(value);
      else out.text(`${value}`);
    }
  }
}
