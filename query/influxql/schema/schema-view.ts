/**
 * What a statement has to know of the data before it can be planned: which measurements a source means, which fields and
 * tag keys they have, and of what types. Wildcards and regexes are written out by it, and types inferred.
 *
 * The answers come from the index, so they cost nothing per series unless tag keys of a measurement are asked for, which
 * is one pass over schemas, not series.
 */
import { FIELD_TYPE_NAMES } from '../../../batch/field-type.ts';
import type { Database } from '../../../engine/database.ts';
import type { MeasurementSource } from '../ast.ts';
import { matcherOf } from './patterns.ts';

export type FieldTypeName = (typeof FIELD_TYPE_NAMES)[number];

/** `tag` is a tag key that is no field. */
export type SchemaType = FieldTypeName | 'tag';

export interface FieldsAndTags {
  /** Types by field name; where several measurements differ, the type that wins (`strongerType`). */
  readonly fields: ReadonlyMap<string, FieldTypeName>;
  readonly tagKeys: ReadonlySet<string>;
}

/** Schema as the front end asks for it. Sources with empty database or retention policy mean the request's. */
export interface SchemaView {
  /** Names of the measurements with series that a source means, in the order of their bytes; none when there is none. */
  measurements(source: MeasurementSource): readonly string[];
  fieldsAndTags(source: MeasurementSource): FieldsAndTags;
  /** The type of a field, or `tag`, or null for a name that is neither. A field hides a tag of the same name. */
  typeOf(source: MeasurementSource, name: string): SchemaType | null;
}

/** The schema of one moment. */
export interface EngineSchema extends SchemaView {
  /** What `fieldsAndTags` was asked so far, and said. */
  readonly asked: ReadonlyMap<MeasurementSource, FieldsAndTags>;
}

/** The engine's database for a name and retention policy, '' being the request's and the default; null or undefined for
 * none. */
export type ResolveDatabase = (database: string, retentionPolicy: string) => Database | null | undefined;

const NOTHING: FieldsAndTags = { fields: new Map(), tagKeys: new Set() };

export function schemaViewOf(resolve: ResolveDatabase): EngineSchema {
  const asked = new Map<MeasurementSource, FieldsAndTags>();
  const view: EngineSchema = {
    asked,
    measurements(source) {
      const database = resolve(source.database, source.retentionPolicy);
      return database ? measurementsOf(database, source) : [];
    },
    fieldsAndTags(source) {
      let found = asked.get(source);
      if (found === undefined) {
        const database = resolve(source.database, source.retentionPolicy);
        found = database ? fieldsAndTagsOf(database, measurementsOf(database, source)) : NOTHING;
        asked.set(source, found);
      }
      return found;
    },
    typeOf(source, name) {
      const { fields, tagKeys } = view.fieldsAndTags(source);
      return fields.get(name) ?? (tagKeys.has(name) ? 'tag' : null);
    },
  };
  return view;
}

/** Names of measurements with series that a source means, in the order of their bytes. */
export function measurementsOf(database: Database, source: MeasurementSource): string[] {
  const { index } = database;
  if (source.regex !== null) {
    const matches = matcherOf(source.regex.pattern);
    return index.measurementNames().filter(matches);
  }
  const id = index.measurementId(source.name);
  return id >= 0 && index.series.measurements.counts[id] > 0 ? [source.name] : [];
}

function fieldsAndTagsOf(database: Database, measurements: readonly string[]): FieldsAndTags {
  const { index } = database;
  const fields = new Map<string, FieldTypeName>();
  const tagKeys = new Set<string>();
  const wanted = new Set<number>();
  for (const name of measurements) {
    const id = index.measurementId(name);
    wanted.add(id);
    for (const field of index.fieldsOfMeasurement(id)) {
      const { name: fieldName, type } = index.fields[field];
      const before = fields.get(fieldName);
      const own = FIELD_TYPE_NAMES[type];
      fields.set(fieldName, before === undefined ? own : strongerType(before, own));
    }
  }
  for (const key of tagKeyIds(database, wanted)) tagKeys.add(index.series.tagKeys.string(key));
  return { fields, tagKeys };
}

/** Names of the tag keys of some measurements, in no order. */
export function tagKeyNames(database: Database, measurements: ReadonlySet<string>): string[] {
  const { index } = database;
  const ids = new Set<number>();
  for (const name of measurements) ids.add(index.measurementId(name));
  return [...tagKeyIds(database, ids)].map((key) => index.series.tagKeys.string(key));
}

/**
 * Ids of the tag keys that series of some measurements have or have had: a key whose last series left stays until no
 * series of the measurement is left, unless no series of any measurement has it.
 */
function tagKeyIds(database: Database, measurements: ReadonlySet<number>): Set<number> {
  const { schemas, tagValues } = database.index.series;
  const keys = new Set<number>();
  for (let id = 0; id < schemas.count; id++) {
    const schema = schemas.get(id);
    if (!measurements.has(schema.measurement)) continue;
    for (const key of schema.keys) if (tagValues[key].total > 0) keys.add(key);
  }
  return keys;
}

const STRENGTH: Readonly<Record<SchemaType, number>> = {
  float: 5,
  integer: 4,
  unsigned: 3,
  string: 2,
  boolean: 1,
  tag: 0,
};

/** Of two types of one name, the one that InfluxDB takes: float before integer before unsigned, string, boolean, tag. */
export function strongerType<T extends SchemaType>(a: T, b: T): T {
  return STRENGTH[a] >= STRENGTH[b] ? a : b;
}
