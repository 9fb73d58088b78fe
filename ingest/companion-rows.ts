/**
 * Rows of a companion database (see engine/internal-database.ts): few, written one at a time, so plainness goes before
 * speed here.
 */
import { type Batch, BOX_STRING } from '../batch/batch.ts';
import { type FLOAT, type INTEGER, STRING } from '../batch/field-type.ts';
import { VarveError } from '../errors/errors.ts';
import { hashBytes } from '../index/hash.ts';
import type { SeriesIndex, Shape } from '../index/series-index.ts';

const encoder = new TextEncoder();

/** A field of a companion's row: text, or a number of 'float' (bits kept) or 'integer' type. */
export type RowField =
  | { name: string; text: string }
  | { name: string; type: typeof FLOAT | typeof INTEGER; value: number };

/** The ref in `to` of the series that is `ref` in `from`, defined if need be. */
export function mirrorSeries(from: SeriesIndex, ref: number, to: SeriesIndex): number {
  const key = from.seriesKey(ref);
  const hash = hashBytes(key, 0, key.length);
  const known = to.find(key, 0, key.length, hash);
  if (known >= 0) return known;
  const { keys, values } = from.tags(ref);
  return defineSeries(to, from.measurementName(ref), keys, values);
}

/** The ref of a series given by its names, defined if need be. */
function defineSeries(index: SeriesIndex, measurement: string, keys: string[] = [], values: string[] = []): number {
  const bytes = (text: string): Uint8Array => encoder.encode(text);
  return index.define(bytes(measurement), keys.map(bytes), values.map(bytes));
}

/** Appends a row. `nano` is within the second. */
export function appendRow(
  index: SeriesIndex,
  batch: Batch,
  ref: number,
  sec: number,
  nano: number,
  fields: readonly RowField[],
): void {
  const shape = shapeOf(index, ref, fields);
  batch.reserve(fields.length);
  const row = batch.rows;
  batch.series[row] = ref;
  batch.shape[row] = shape.id;
  batch.sec[row] = sec;
  batch.nano[row] = nano;
  batch.valueStart[row] = batch.valueCount;
  for (const field of fields) {
    const slot = batch.valueCount++;
    if ('text' in field) {
      const bytes = encoder.encode(field.text);
      batch.setBox(slot, BOX_STRING, batch.addString(bytes, 0, bytes.length));
    } else batch.values[slot] = field.value;
  }
  batch.rows = row + 1;
  if (index.lastShape[ref] !== shape.id) index.noteShape(ref, shape.id);
}

function shapeOf(index: SeriesIndex, ref: number, fields: readonly RowField[]): Shape {
  let shape = index.rootShape(index.measurementOf(ref));
  for (const field of fields) {
    const name = encoder.encode(field.name);
    shape = index.transition(shape, name, 0, name.length, 'text' in field ? STRING : field.type);
  }
  return shape;
}

/** The largest time in ms whose nanoseconds fit an i64. */
const LARGEST_MS = 9_223_372_036_854;

/** A time in ms as whole seconds and nanoseconds. @throws VarveError bad_request beyond i64 nanoseconds. */
export function splitMs(ms: number): { sec: number; nano: number } {
  if (Math.abs(ms) > LARGEST_MS) throw new VarveError('bad_request', `timestamp ${ms} ms is out of range`);
  const sec = Math.floor(ms / 1000);
  return { sec, nano: (ms - sec * 1000) * 1_000_000 };
}
