/**
 * Random series for tests: every field type, sparse columns, regular and irregular times, special floats; and the naive
 * form that results are compared in.
 */
import type { Column, RowSlice } from '../batch/column.ts';
import { BOOLEAN, type FieldType, FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';

export type Random = () => number;

/** A repeatable source of numbers in [0, 1): mulberry32. */
export function randomOf(seed: number): Random {
  let s = seed | 0;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Floats that break careless codecs, by their bits. */
export const SPECIAL_BITS = [
  0x7ff0000000000002n, // Prometheus' stale marker
  0x7ff8000000000001n,
  0xfff8000000000000n,
  0x7ff7ffffffffffffn,
  0x8000000000000000n, // -0
  0x0000000000000000n,
  0x0000000000000001n, // smallest denormal
  0x800fffffffffffffn,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7fefffffffffffffn,
  0x0010000000000000n,
  0x4340000000000000n, // 2^53
  0x433fffffffffffffn,
];

function floats(random: Random, n: number): Float64Array {
  const values = new Float64Array(n);
  const bits = new BigInt64Array(values.buffer);
  const kind = Math.floor(random() * 8);
  let level = random() * 100;
  for (let i = 0; i < n; i++) {
    level += random() - 0.5;
    if (kind === 0) values[i] = Math.round(level * 100) / 100;
    else if (kind === 1) values[i] = Math.fround(Math.round(level * 1000) / 1000);
    else if (kind === 2) values[i] = level;
    else if (kind === 3) values[i] = Math.fround(level);
    else if (kind === 4) values[i] = Math.round(Math.round(random() * 200) * 66.977) / 1000;
    else if (kind === 5) bits[i] = BigInt.asIntN(64, SPECIAL_BITS[Math.floor(random() * SPECIAL_BITS.length)]);
    else if (kind === 6) values[i] = Math.round(level) + 0;
    else if (random() < 0.1) bits[i] = BigInt.asIntN(64, SPECIAL_BITS[Math.floor(random() * SPECIAL_BITS.length)]);
    else values[i] = Math.round(level * 10) / 10;
  }
  return values;
}

/** A column of a type; `sparse` leaves out some values. */
export function randomColumn(random: Random, type: FieldType, rows: number, sparse: boolean): Column {
  const present = sparse ? Uint8Array.from({ length: rows }, () => (random() < 0.6 ? 1 : 0)) : null;
  const column: Column = {
    type,
    rows,
    values: new Float64Array(0),
    wide: null,
    stringOffsets: null,
    stringBytes: null,
    present,
  };
  if (type === STRING) {
    const distinct = random() < 0.5 ? 4 : 1e6;
    const texts = Array.from({ length: rows }, (_, i) =>
      present !== null && present[i] === 0 ? '' : `text ü ${Math.floor(random() * distinct)}`,
    );
    const bytes = texts.map((text) => Buffer.from(text));
    column.stringOffsets = new Int32Array(rows + 1);
    for (let i = 0; i < rows; i++) column.stringOffsets[i + 1] = column.stringOffsets[i] + bytes[i].length;
    column.stringBytes = Buffer.concat(bytes);
  } else if (type === FLOAT) {
    column.values = floats(random, rows);
  } else if (type === BOOLEAN) {
    column.values = Float64Array.from({ length: rows }, () => (random() < 0.7 ? 1 : 0));
  } else if (random() < 0.3) {
    const scale = 2n ** BigInt(Math.floor(random() * 63));
    column.wide = BigInt64Array.from({ length: rows }, () =>
      BigInt.asIntN(64, BigInt(Math.floor(random() * 1e6)) * scale),
    );
  } else {
    const scale = 2 ** Math.floor(random() * 53);
    column.values = Float64Array.from(
      { length: rows },
      () => Math.floor((random() - (type === UNSIGNED ? 0 : 0.5)) * scale) + 0,
    );
  }
  return column;
}

const FIELD_TYPES: Record<string, FieldType> = {
  load: FLOAT,
  temperature: FLOAT,
  count: INTEGER,
  bytes: UNSIGNED,
  up: BOOLEAN,
  state: STRING,
};

/** Rows of some of the fields above, after `after` ns. */
export function randomSlice(random: Random, rows: number, after: number): RowSlice {
  const names = Object.keys(FIELD_TYPES).filter(() => random() < 0.5);
  if (names.length === 0) names.push('load');
  const times = new Float64Array(rows);
  const kind = random();
  let time = after;
  for (let i = 0; i < rows; i++) {
    time += kind < 0.4 ? 1e7 : kind < 0.7 ? 1 + Math.floor(random() * 1e6) : 1e6 * (1 + Math.floor(random() * 3));
    times[i] = time;
  }
  return {
    rows,
    times,
    fields: names,
    columns: names.map((name) => randomColumn(random, FIELD_TYPES[name], rows, random() < 0.2)),
  };
}

/** A value as text that tells all bits apart. */
export function valueText(column: Column, row: number): string {
  if (column.stringOffsets !== null) {
    return Buffer.from(
      column.stringBytes!.subarray(column.stringOffsets[row], column.stringOffsets[row + 1]),
    ).toString();
  }
  if (column.type === INTEGER || column.type === UNSIGNED) {
    return column.wide !== null ? String(column.wide[row]) : String(BigInt(column.values[row]));
  }
  const words = new Uint32Array(column.values.buffer, column.values.byteOffset + row * 8, 2);
  return `${words[1].toString(16)}:${words[0].toString(16)}`;
}

/** Rows as "time field=value …" lines, fields sorted, absent ones left out; rows with no wanted field are left out. */
export function rowTexts(slice: RowSlice, fields: readonly string[] | null, min: number, max: number): string[] {
  const order = slice.fields.map((_, f) => f).sort((a, b) => (slice.fields[a] < slice.fields[b] ? -1 : 1));
  const lines: string[] = [];
  for (let i = 0; i < slice.rows; i++) {
    if (slice.times[i] < min || slice.times[i] > max) continue;
    const parts: string[] = [];
    for (const f of order) {
      const column = slice.columns[f];
      if (fields !== null && !fields.includes(slice.fields[f])) continue;
      if (column.present === null || column.present[i] === 1) parts.push(`${slice.fields[f]}=${valueText(column, i)}`);
    }
    if (parts.length > 0) lines.push(`${slice.times[i]} ${parts.join(' ')}`);
  }
  return lines;
}
