/**
 * The rows of an InfluxQL statement as a table: the measurement as `name`, the tags that rows are grouped by, and the
 * statement's columns, in the order in which they first come. A column that is not of one type in all series is of floats
 * where all are numbers, of texts otherwise.
 */
import type { ResultColumn } from '../../query/influxql/result.ts';
import type { SeriesPart } from '../../query/influxql/result-part.ts';
import type { ArrowColumn, ArrowTable, WordColumn } from './arrow-stream.ts';
import { distinctNames } from './column-names.ts';
import { setNanoseconds, setWhole, wordsOf64 } from './int64-words.ts';

/** A result column and where its rows go. */
interface Piece {
  readonly column: ResultColumn;
  readonly start: number;
  readonly end: number;
  /** Row of the table that `start` becomes. */
  readonly at: number;
}

export function influxTable(parts: readonly SeriesPart[], metadata: ReadonlyMap<string, string>): ArrowTable {
  let rows = 0;
  const pieces = new Map<string, Piece[]>();
  const words = new Map<string, { part: SeriesPart; at: number; word: string }[]>();
  const say = (key: string, part: SeriesPart, word: string) => {
    if (word === '') return;
    const said = words.get(key) ?? [];
    said.push({ part, at: rows, word });
    words.set(key, said);
  };
  for (const part of parts) {
    const { series, start, end } = part;
    say('name', part, series.name);
    for (const [key, value] of series.tags ?? []) say(`tag ${key}`, part, value);
    for (const [key] of series.tags ?? []) if (!words.has(`tag ${key}`)) words.set(`tag ${key}`, []);
    series.columns.forEach((name, c) => {
      const known = pieces.get(name) ?? [];
      known.push({ column: series.values[c], start, end, at: rows });
      pieces.set(name, known);
    });
    rows += end - start;
  }
  const wordKeys = [...words.keys()].sort((a, b) => Number(b === 'name') - Number(a === 'name'));
  const names = wordKeys.map((key) => (key === 'name' ? key : key.slice('tag '.length)));
  return {
    names: distinctNames([...names, ...pieces.keys()]),
    columns: [
      ...wordKeys.map((key) => wordColumn(words.get(key)!, rows)),
      ...[...pieces.values()].map((known) => columnOf(known, rows)),
    ],
    rows,
    metadata,
  };
}

function wordColumn(said: readonly { part: SeriesPart; at: number; word: string }[], rows: number): WordColumn {
  const codes = new Int32Array(rows).fill(-1);
  const codeOf = new Map<string, number>();
  for (const { part, at, word } of said) {
    const code = codeOf.get(word) ?? codeOf.size;
    codeOf.set(word, code);
    codes.fill(code, at, at + part.end - part.start);
  }
  return { kind: 'words', codes, words: [...codeOf.keys()] };
}

type Kind = Exclude<ResultColumn['kind'], 'mixed'>;

function columnOf(pieces: readonly Piece[], rows: number): ArrowColumn {
  const kind = kindOf(new Set(pieces.flatMap(kindsOf)));
  switch (kind) {
    case 'time':
      // The instants of a table have one zone; all have it, as all come from one statement.
      if (pieces.reduce((sum, { start, end }) => sum + end - start, 0) === rows) return timeColumn(pieces, rows);
      return textColumn(pieces, rows);
    case 'float':
      return floatColumn(pieces, rows);
    case 'integer':
    case 'unsigned':
      return integerColumn(kind, pieces, rows);
    case 'boolean':
      return booleanColumn(pieces, rows);
    case 'string':
      return textColumn(pieces, rows);
  }
}

/** What a piece holds; nothing, when it holds nothing but nulls of no kind. */
function kindsOf({ column, start, end }: Piece): Kind[] {
  if (column.kind !== 'mixed') return [column.kind];
  const kinds = new Set<Kind>();
  for (let row = start; row < end; row++) {
    const value = column.values[row];
    if (typeof value === 'string') kinds.add('string');
    else if (typeof value === 'boolean') kinds.add('boolean');
    else if (typeof value === 'number') kinds.add(Number.isSafeInteger(value) ? 'integer' : 'float');
    else if (typeof value === 'bigint') kinds.add(BigInt.asIntN(64, value) === value ? 'integer' : 'unsigned');
  }
  return [...kinds];
}

function kindOf(kinds: ReadonlySet<Kind>): Kind {
  if (kinds.size === 0) return 'string';
  if (kinds.size === 1) return [...kinds][0];
  for (const kind of kinds) if (kind !== 'float' && kind !== 'integer' && kind !== 'unsigned') return 'string';
  return 'float';
}

function timeColumn(pieces: readonly Piece[], rows: number): ArrowColumn {
  const values = new BigInt64Array(rows);
  const words = wordsOf64(values);
  let timezone = 'UTC';
  for (const { column, start, end, at } of pieces) {
    if (column.kind !== 'time') continue;
    timezone = column.timezone ?? timezone;
    const { sec, nano } = column;
    for (let row = start; row < end; row++) setNanoseconds(words, at + row - start, sec[row], nano[row]);
  }
  return { kind: 'timestamp', unit: 'ns', timezone, values };
}

/** Marks the rows of a piece that have a value. */
function markPresent(present: Uint8Array, { column, start, end, at }: Piece): void {
  if (column.kind === 'mixed' || column.kind === 'string') {
    for (let row = start; row < end; row++) if (column.values[row] !== null) present[at + row - start] = 1;
  } else if (column.kind === 'time' || column.present === null) present.fill(1, at, at + end - start);
  else present.set(column.present.subarray(start, end), at);
}

function presenceOf(pieces: readonly Piece[], rows: number): Uint8Array {
  const present = new Uint8Array(rows);
  for (const piece of pieces) markPresent(present, piece);
  return present;
}

function floatColumn(pieces: readonly Piece[], rows: number): ArrowColumn {
  const values = new Float64Array(rows);
  for (const { column, start, end, at } of pieces) {
    if (column.kind === 'mixed') {
      for (let row = start; row < end; row++) values[at + row - start] = Number(column.values[row]);
    } else if (column.kind !== 'time' && column.kind !== 'string') {
      if (column.wide === null) values.set(column.values.subarray(start, end), at);
      else {
        const isUnsigned = column.kind === 'unsigned';
        for (let row = start; row < end; row++) {
          const wide = column.wide[row];
          values[at + row - start] = Number(isUnsigned ? BigInt.asUintN(64, wide) : wide);
        }
      }
    }
  }
  return { kind: 'float', values, present: presenceOf(pieces, rows) };
}

function integerColumn(kind: 'integer' | 'unsigned', pieces: readonly Piece[], rows: number): ArrowColumn {
  const values = new BigInt64Array(rows);
  const words = wordsOf64(values);
  for (const { column, start, end, at } of pieces) {
    if (column.kind === 'mixed') {
      for (let row = start; row < end; row++) values[at + row - start] = BigInt(column.values[row] ?? 0);
    } else if (column.kind !== 'time' && column.kind !== 'string') {
      if (column.wide !== null) values.set(column.wide.subarray(start, end), at);
      else {
        const source = column.values;
        const { present } = column;
        for (let row = start; row < end; row++) {
          if (present === null || present[row] === 1) setWhole(words, at + row - start, source[row]);
        }
      }
    }
  }
  return { kind, values, present: presenceOf(pieces, rows) };
}

function booleanColumn(pieces: readonly Piece[], rows: number): ArrowColumn {
  const values = new Uint8Array(rows);
  for (const { column, start, end, at } of pieces) {
    if (column.kind === 'time' || column.kind === 'string') continue;
    for (let row = start; row < end; row++) values[at + row - start] = column.values[row] ? 1 : 0;
  }
  return { kind: 'boolean', values, present: presenceOf(pieces, rows) };
}

function textColumn(pieces: readonly Piece[], rows: number): ArrowColumn {
  const values = new Array<string | null>(rows).fill(null);
  const present = presenceOf(pieces, rows);
  for (const piece of pieces) {
    const { start, end, at } = piece;
    for (let row = start; row < end; row++) {
      if (present[at + row - start] === 1) values[at + row - start] = textOf(piece.column, row);
    }
  }
  return { kind: 'text', values };
}

function textOf(column: ResultColumn, row: number): string {
  switch (column.kind) {
    case 'time':
      return new Date(column.sec[row] * 1000 + column.nano[row] / 1e6).toISOString();
    case 'boolean':
      return column.values[row] === 0 ? 'false' : 'true';
    case 'string':
    case 'mixed':
      return String(column.values[row]);
    default:
      if (column.wide === null) return String(column.values[row]);
      return String(column.kind === 'unsigned' ? BigInt.asUintN(64, column.wide[row]) : column.wide[row]);
  }
}
