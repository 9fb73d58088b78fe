/**
 * The field registry: every field of every measurement, with its type and a dense id that files and the log refer to.
 *
 * A field's type is the same in all series of a measurement, as in InfluxDB; a write of another type is a conflict.
 *
 * Invariant: ids are dense, never reused; (measurement, name) is unique.
 */
import { FIELD_TYPE_NAMES, type FieldType } from '../batch/field-type.ts';
import { VarveError } from '../errors/errors.ts';
import { hashBytes } from './hash.ts';

export interface Field {
  readonly id: number;
  /** Measurement id. */
  readonly measurement: number;
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly type: FieldType;
}

const decoder = new TextDecoder();

export class Fields {
  /** id -> field. */
  readonly list: Field[] = [];
  /** By measurement: field ids by the hash of the name; names that share a hash are chained through `nextSameHash`. */
  private readonly byHash: (Map<number, number> | undefined)[] = [];
  private readonly nextSameHash: number[] = [];
  private readonly ofMeasurement: (number[] | undefined)[] = [];

  /** The id of a field, or -1. */
  find(measurement: number, bytes: Uint8Array, start: number, end: number): number {
    const first = this.byHash[measurement]?.get(hashBytes(bytes, start, end));
    for (let id = first ?? -1; id >= 0; id = this.nextSameHash[id]) {
      if (equalBytes(this.list[id].nameBytes, bytes, start, end)) return id;
    }
    return -1;
  }

  add(measurement: number, nameBytes: Uint8Array, type: FieldType): Field {
    const field: Field = { id: this.list.length, measurement, name: decoder.decode(nameBytes), nameBytes, type };
    this.list.push(field);
    this.byHash[measurement] ??= new Map();
    const map = this.byHash[measurement];
    const hash = hashBytes(nameBytes, 0, nameBytes.length);
    this.nextSameHash.push(map.get(hash) ?? -1);
    map.set(hash, field.id);
    this.ofMeasurement[measurement] ??= [];
    this.ofMeasurement[measurement].push(field.id);
    return field;
  }

  /** Field ids of a measurement, in the order in which they came. Do not modify. */
  of(measurement: number): readonly number[] {
    return this.ofMeasurement[measurement] ?? NO_FIELDS;
  }
}

const NO_FIELDS: readonly number[] = [];

/** The error of a value whose type is not the field's, in InfluxDB's words. */
export function fieldTypeConflict(name: string, measurement: string, type: FieldType, existing: FieldType): VarveError {
  return new VarveError(
    'field_type_conflict',
    `input field "${name}" on measurement "${measurement}" is type ${FIELD_TYPE_NAMES[type]}, ` +
      `already exists as type ${FIELD_TYPE_NAMES[existing]}`,
  );
}

/** Whether `bytes[start .. end)` are exactly these bytes. */
export function equalBytes(own: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = own.length;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) if (own[i] !== bytes[start + i]) return false;
  return true;
}
