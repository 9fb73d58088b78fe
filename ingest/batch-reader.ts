/** Reads a batch back row by row, as tests compare it: exact, slow, in strings and BigInts. */
import { type Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { BOOLEAN, FIELD_TYPE_NAMES, type FieldType, FLOAT, INTEGER, STRING } from '../batch/field-type.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { KeyParts, parseCanonicalKey } from '../index/series-key.ts';
import { type ReferencePoint, type ReferenceValue, seriesJson } from './reference-parser.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const parts = new KeyParts();

/** All rows, in order; names and strings have one character per byte. */
export function readBatch(batch: Batch, index: SeriesIndex): ReferencePoint[] {
  const points: ReferencePoint[] = [];
  for (let row = 0; row < batch.rows; row++) {
    const ref = batch.series[row];
    const shape = index.shapes[batch.shape[row]];
    const key = index.seriesKey(ref);
    if (!parseCanonicalKey(key, 0, key.length, parts)) throw new Error(`series ${ref} has no canonical key`);
    const tags: [string, string][] = [];
    for (let i = 1; i < parts.count; i += 2) tags.push([latin1(parts.slice(i)), latin1(parts.slice(i + 1))]);
    const fields = new Map<string, ReferenceValue>();
    for (let i = 0; i < shape.width; i++) {
      fields.set(latin1(shape.names[i]), readValue(batch, batch.valueStart[row] + i, shape.types[i] as FieldType));
    }
    points.push({
      series: seriesJson(latin1(parts.slice(0)), tags),
      fields,
      time: BigInt(batch.sec[row]) * 1000000000n + BigInt(batch.nano[row]),
    });
  }
  return points;
}

function readValue(batch: Batch, slot: number, type: FieldType): ReferenceValue {
  const low = batch.bits[2 * slot];
  const high = batch.bits[2 * slot + 1];
  const name = FIELD_TYPE_NAMES[type];
  if (type === FLOAT) return [name, ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16)];
  if (type === STRING) {
    if (high !== BOX_STRING) throw new Error(`slot ${slot} holds no string`);
    return [name, latin1(batch.strings.subarray(batch.stringOffsets[low], batch.stringOffsets[low + 1]))];
  }
  if (high === BOX_WIDE && type !== BOOLEAN) {
    const wide = batch.wide[low];
    return [name, String(type === INTEGER ? wide : BigInt.asUintN(64, wide))];
  }
  const value = batch.values[slot];
  if (!Number.isInteger(value) || Object.is(value, -0)) throw new Error(`slot ${slot} holds ${value}`);
  return [name, String(value)];
}
