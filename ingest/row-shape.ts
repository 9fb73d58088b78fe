/**
 * The shape of a scanned line: its fields' ids in line order, without repetitions. Of a field that a line repeats the
 * last value counts, as in InfluxDB.
 */
import type { Batch } from '../batch/batch.ts';
import { FIELD_TYPE_NAMES, type FieldType } from '../batch/field-type.ts';
import { fieldTypeConflict } from '../index/fields.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import type { Shape } from '../index/shapes.ts';
import { refuse, refuseBeyond, type ScannedLine } from './line-grammar.ts';
import type { LineRun } from './line-run.ts';
import { splitKey } from './series-definition.ts';

const decoder = new TextDecoder();

/** From this many fields on, repetitions are looked for in a set and not by comparing all pairs. */
const MANY_FIELDS = 24;

/**
 * Drops repeated fields from the line: the first place, the last value. Values move within the batch's free slots.
 * False, with the refusal in `line`, when the repetitions have different types.
 */
export function mergeRepeatedFields(bytes: Uint8Array, batch: Batch, line: ScannedLine): boolean {
  const count = line.fieldCount;
  if (count > MANY_FIELDS && !hasRepetition(line)) return true;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const name = line.fieldNames[i];
    let at = 0;
    while (at < kept && !isSame(line.fieldNames[at], name)) at++;
    if (at < kept && line.fieldTypes[at] !== line.fieldTypes[i]) {
      const first = FIELD_TYPE_NAMES[line.fieldTypes[at] as FieldType];
      const again = FIELD_TYPE_NAMES[line.fieldTypes[i] as FieldType];
      const field = decoder.decode(name);
      const measurement = decoder.decode(splitKey(bytes, line.keyStart, line.keyEnd).measurement);
      const where = `input field "${field}" on measurement "${measurement}"`;
      const reason = `field type conflict: ${where} is type ${again}, already exists as type ${first}`;
      refuse(line, line.fieldOffsets[i], reason, true);
      return false;
    }
    if (at !== i) {
      const from = 2 * (batch.valueCount + i);
      const to = 2 * (batch.valueCount + at);
      batch.bits[to] = batch.bits[from];
      batch.bits[to + 1] = batch.bits[from + 1];
      line.fieldNames[at] = name;
      line.fieldTypes[at] = line.fieldTypes[i];
      line.fieldOffsets[at] = line.fieldOffsets[i];
    }
    if (at === kept) kept++;
  }
  line.fieldCount = kept;
  return true;
}

function hasRepetition(line: ScannedLine): boolean {
  const seen = new Set<string>();
  for (let i = 0; i < line.fieldCount; i++) {
    const name = line.fieldNames[i];
    seen.add(Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1'));
  }
  return seen.size < line.fieldCount;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Whether the line's fields have the types that the measurement's fields have so far, and new ones may come in. False,
 * with the refusal in `line`, when not.
 * @param measurement -1 for one that is not there yet.
 */
export function checkFields({ index, door }: LineRun, measurement: number, line: ScannedLine): boolean {
  let added = measurement < 0 ? line.fieldCount : 0;
  for (let i = 0; measurement >= 0 && i < line.fieldCount; i++) {
    const name = line.fieldNames[i];
    const id = index.fieldRegistry.find(measurement, name, 0, name.length);
    if (id < 0) {
      added++;
      continue;
    }
    const type = line.fieldTypes[i] as FieldType;
    const field = index.fields[id];
    if (field.type === type) continue;
    const { message } = fieldTypeConflict(field.name, index.measurementText(measurement), type, field.type);
    refuse(line, line.fieldOffsets[i], `field type conflict: ${message}`, true);
    return false;
  }
  const refusal = added === 0 || door === undefined ? null : door.admitNames(added);
  if (refusal !== null) refuseBeyond(line, line.keyEnd + 1, refusal);
  return refusal === null;
}

/** The shape of the line's fields, whose types have been checked. */
export function shapeOf(index: SeriesIndex, measurement: number, line: ScannedLine): Shape {
  let shape = index.rootShape(measurement);
  for (let i = 0; i < line.fieldCount; i++) {
    const name = line.fieldNames[i];
    shape = index.transition(shape, name, 0, name.length, line.fieldTypes[i] as FieldType);
  }
  return shape;
}
