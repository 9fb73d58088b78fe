/**
 * Rows of random histories: making random ones, and reading back what an engine has, both as text of exact bits.
 */
import { type Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import type { RowSlice } from '../batch/column.ts';
import { BOOLEAN, type FieldType, FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';
import type { Random } from '../bytes/random.ts';
import type { Database } from './database.ts';
import type { Rows, Value } from './history-model.ts';
import { type Instant, MAX_INSTANT, MIN_INSTANT } from './time.ts';

const FIELDS: { name: string; bytes: Uint8Array; type: FieldType }[] = [
  ['f', FLOAT] as const,
  ['i', INTEGER] as const,
  ['u', UNSIGNED] as const,
  ['b', BOOLEAN] as const,
  ['s', STRING] as const,
].map(([name, type]) => ({ name, bytes: new TextEncoder().encode(name), type }));

/** Fields a row may have. */
export const FIELD_NAMES: readonly string[] = FIELDS.map(({ name }) => name);

const NANOS = 1_000_000_000n;
const DAY_SEC = 86_400;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The exact bits of a double. */
function doubleText(value: number): string {
  double[0] = value;
  return `${words[1].toString(16)}:${words[0].toString(16)}`;
}

export interface RandomRow {
  series: string;
  time: bigint;
  values: Map<string, Value>;
}

/** The ref of a series, defined if need be. */
export function defineSeries(database: Database, series: string): number {
  return database.index.define(encoder.encode('m'), [encoder.encode('n')], [encoder.encode(series)]);
}

/** Fills the batch with random rows of these series: now, a little and days late, again and again at the same times. */
export function fillRandomly(
  batch: Batch,
  random: Random,
  database: Database,
  series: readonly string[],
  nowMs: number,
): RandomRow[] {
  const { index } = database;
  batch.reset();
  const rows: RandomRow[] = [];
  for (let n = 1 + random.below(20); n > 0; n--) {
    const name = random.pick(series);
    const ref = defineSeries(database, name);
    const day = random.chance(0.8) ? 0 : random.below(8);
    const sec = Math.floor(nowMs / 1000) - day * DAY_SEC - random.below(50);
    const nano = random.chance(0.9) ? 0 : 123_456_789;
    const fields = FIELDS.filter(() => random.chance(0.5));
    if (fields.length === 0) fields.push(FIELDS[0]);
    if (random.chance(0.2)) fields.reverse();
    let shape = index.rootShape(index.measurementOf(ref));
    for (const { bytes, type } of fields) shape = index.transition(shape, bytes, 0, bytes.length, type);
    const start = batch.valueCount;
    batch.reserve(fields.length);
    const values = new Map<string, Value>();
    for (const [i, field] of fields.entries()) values.set(field.name, putValue(batch, random, start + i, field.type));
    batch.valueStart[batch.rows] = start;
    batch.series[batch.rows] = ref;
    batch.shape[batch.rows] = shape.id;
    batch.sec[batch.rows] = sec;
    batch.nano[batch.rows] = nano;
    batch.valueCount += fields.length;
    batch.rows++;
    rows.push({ series: name, time: BigInt(sec) * NANOS + BigInt(nano), values });
  }
  return rows;
}

/** Puts a random value into a slot of the batch; returns its text. */
function putValue(batch: Batch, random: Random, slot: number, type: FieldType): Value {
  if (type === FLOAT) {
    const specials = [-0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 0.1, 1e300];
    const value = random.chance(0.2) ? random.pick(specials) : random.below(1000) / 8;
    batch.values[slot] = value;
    if (random.chance(0.05)) {
      batch.bits[2 * slot] = 2;
      batch.bits[2 * slot + 1] = 0x7ff00000;
      return '7ff00000:2';
    }
    return doubleText(value);
  }
  if (type === BOOLEAN) {
    batch.values[slot] = random.below(2);
    return String(batch.values[slot]);
  }
  if (type === STRING) {
    const text = `text ${'ä'.repeat(random.below(5))} ${random.below(10)}`;
    const bytes = encoder.encode(text);
    batch.setBox(slot, BOX_STRING, batch.addString(bytes, 0, bytes.length));
    return text;
  }
  if (random.chance(0.1)) {
    const wide = type === UNSIGNED ? 18446744073709551615n - BigInt(random.below(9)) : -9223372036854775808n;
    batch.setBox(slot, BOX_WIDE, batch.addWide(wide));
    return String(wide);
  }
  batch.values[slot] = random.below(200);
  return String(batch.values[slot]);
}

/** All rows of a series in a time range, with all fields or some. */
export function readSeries(
  database: Database | undefined,
  series: string,
  fields: readonly string[] | null = null,
  from: Instant = MIN_INSTANT,
  to: Instant = MAX_INSTANT,
): Rows {
  const found: Rows = new Map();
  if (database === undefined) return found;
  for (const ref of database.index.select('m', [{ key: 'n', op: '=', value: series }])) {
    for (const { startSec, slice } of database.reader(from, to).read(ref, fields)) addRows(found, startSec, slice);
  }
  return found;
}

/** Adds the rows of a slice to those of its series. */
export function addRows(rows: Rows, startSec: number, slice: RowSlice): void {
  for (let r = 0; r < slice.rows; r++) {
    const row = rowOf(slice, r);
    if (row.size > 0) rows.set(BigInt(startSec) * NANOS + BigInt(slice.times[r]), row);
  }
}

/** Names of the series that an index has. */
export function seriesNames(database: Database): string[] {
  return [...database.index.select('m', [])].map((ref) => database.index.tags(ref).values[0]);
}

function rowOf(slice: RowSlice, r: number): Map<string, Value> {
  const row = new Map<string, Value>();
  slice.columns.forEach((column, c) => {
    if (column.present !== null && column.present[r] === 0) return;
    let value: Value;
    if (column.stringOffsets !== null) {
      value = decoder.decode(column.stringBytes!.subarray(column.stringOffsets[r], column.stringOffsets[r + 1]));
    } else if (column.wide !== null) {
      value = String(column.type === UNSIGNED ? BigInt.asUintN(64, column.wide[r]) : column.wide[r]);
    } else if (column.type === FLOAT) {
      const bits = new Uint32Array(column.values.buffer, column.values.byteOffset, column.values.length * 2);
      value = `${bits[2 * r + 1].toString(16)}:${bits[2 * r].toString(16)}`;
    } else value = String(column.values[r]);
    row.set(slice.fields[c], value);
  });
  return row;
}
