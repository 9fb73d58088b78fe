/**
 * What an index log is made of: sections, each a kind and columns. They say what the index holds, in dictionary ids; the
 * keys themselves are not stored, since they follow from the ids.
 *
 *      1 CATALOG     measurements, fields, shapes (see definitions.ts); tag keys; schemas; field sets
 *      2 REMOVED     refs that are series no more
 *      3 VALUES      values of one tag key: ids, bytes shared with the one before, lengths of the rest, the rests
 *      4 SERIES      refs, schema ids, field set ids, then for every schema in it and every key of that the value ids
 *      5 FIELD_SETS  refs and the field set each has now
 *
 * Sections apply in order and each says the new truth about its refs and ids. The README draws the bytes.
 */
import type { ByteReader } from '../bytes/reader.ts';
import type { ByteWriter } from '../bytes/writer.ts';
import { type Catalog, readCatalog, type Watermark, watermarkOf, writeCatalog } from './definitions.ts';
import type { Dictionary } from './dictionary.ts';
import type { FieldSets } from './field-sets.ts';
import { readColumn, writeColumn } from './int32-column.ts';
import { needsEscape } from './series-key.ts';
import type { SeriesTable } from './series-table.ts';

const CATALOG = 1;
const REMOVED = 2;
const VALUES = 3;
const SERIES = 4;
const FIELD_SETS = 5;

/** What sections describe. */
export interface Stored extends Catalog {
  readonly fieldSets: FieldSets;
}

/** How much of the parts with ascending ids a log holds. */
export interface SavedMark extends Watermark {
  tagKeys: number;
  schemas: number;
  fieldSets: number;
}

/** What a new log holds: the reserved shape and the empty field set, which every index has. */
export const NOTHING_SAVED: Readonly<SavedMark> = {
  measurements: 0,
  fields: 0,
  shapes: 1,
  tagKeys: 0,
  schemas: 0,
  fieldSets: 1,
};

export function savedMarkOf(stored: Stored): SavedMark {
  return {
    ...watermarkOf(stored),
    tagKeys: stored.series.tagKeys.limit,
    schemas: stored.series.schemas.count,
    fieldSets: stored.fieldSets.list.length,
  };
}

export function writeCatalogSection(writer: ByteWriter, stored: Stored, from: Readonly<SavedMark>): void {
  const { series, fieldSets } = stored;
  writer.u8(CATALOG);
  writer.varint(series.limit);
  writeCatalog(writer, stored, from);
  writer.varint(from.tagKeys);
  writer.varint(series.tagKeys.limit - from.tagKeys);
  for (let id = from.tagKeys; id < series.tagKeys.limit; id++) writer.blob(series.tagKeys.slice(id));
  writer.varint(from.schemas);
  writer.varint(series.schemas.count - from.schemas);
  for (let id = from.schemas; id < series.schemas.count; id++) {
    const schema = series.schemas.get(id);
    writer.varint(schema.parent + 1);
    writer.varint(schema.parent < 0 ? schema.measurement : schema.keys[schema.keys.length - 1]);
  }
  writer.varint(from.fieldSets);
  writer.varint(fieldSets.list.length - from.fieldSets);
  for (let id = from.fieldSets; id < fieldSets.list.length; id++) {
    const fields = fieldSets.list[id];
    writer.varint(fields.length);
    writeColumn(writer, fields, fields.length);
  }
}

export function writeRemovedSection(writer: ByteWriter, refs: Int32Array): void {
  writer.u8(REMOVED);
  writer.varint(refs.length);
  writeColumn(writer, refs, refs.length);
}

export function writeValuesSection(writer: ByteWriter, key: number, values: Dictionary, ids: Int32Array): void {
  writer.u8(VALUES);
  writer.varint(key);
  writer.varint(ids.length);
  writeColumn(writer, ids, ids.length);
  const shared = new Int32Array(ids.length);
  const rest = new Int32Array(ids.length);
  const { bytes } = values;
  let before = 0;
  let beforeLength = 0;
  let restBytes = 0;
  for (let i = 0; i < ids.length; i++) {
    const start = values.startOf(ids[i]);
    const length = values.lengthOf(ids[i]);
    const most = Math.min(length, beforeLength);
    let n = 0;
    while (n < most && bytes[start + n] === bytes[before + n]) n++;
    shared[i] = n;
    rest[i] = length - n;
    restBytes += length - n;
    before = start;
    beforeLength = length;
  }
  writeColumn(writer, shared, ids.length);
  writeColumn(writer, rest, ids.length);
  writer.reserve(restBytes);
  let at = writer.length;
  for (let i = 0; i < ids.length; i++) {
    const start = values.startOf(ids[i]) + shared[i];
    for (let k = 0; k < rest[i]; k++) writer.bytes[at++] = bytes[start + k];
  }
  writer.length = at;
}

/** Writes live series. */
export function writeSeriesSection(writer: ByteWriter, stored: Stored, refs: Int32Array): void {
  const { series } = stored;
  const count = refs.length;
  writer.u8(SERIES);
  writer.varint(count);
  writeColumn(writer, refs, count);
  const column = new Int32Array(count);
  for (let i = 0; i < count; i++) column[i] = series.schema[refs[i]];
  writeColumn(writer, column, count);
  const groups = groupBySchema(column, series.schemas.count);
  for (let i = 0; i < count; i++) column[i] = series.fieldSet[refs[i]];
  writeColumn(writer, column, count);
  const { valuesAt, values } = series;
  for (const group of groups) {
    const keys = series.schemas.get(group.schema).keys.length;
    for (let k = 0; k < keys; k++) {
      for (let i = 0; i < group.rows.length; i++) column[i] = values[valuesAt[refs[group.rows[i]]] + k];
      writeColumn(writer, column, group.rows.length);
    }
  }
}

export function writeFieldSetsSection(writer: ByteWriter, series: SeriesTable, refs: Int32Array): void {
  writer.u8(FIELD_SETS);
  writer.varint(refs.length);
  writeColumn(writer, refs, refs.length);
  const sets = new Int32Array(refs.length);
  for (let i = 0; i < refs.length; i++) sets[i] = series.fieldSet[refs[i]];
  writeColumn(writer, sets, refs.length);
}

/** Applies all sections of a block to an index that is being loaded; keys and counts come after, see index-loader.ts. */
export function readSections(reader: ByteReader, stored: Stored): void {
  while (reader.remaining > 0) {
    const kind = reader.u8();
    if (kind === CATALOG) readCatalogSection(reader, stored);
    else if (kind === REMOVED) readRemovedSection(reader, stored.series);
    else if (kind === VALUES) readValuesSection(reader, stored.series);
    else if (kind === SERIES) readSeriesSection(reader, stored);
    else if (kind === FIELD_SETS) readFieldSetsSection(reader, stored);
    else throw new RangeError(`section of unknown kind ${kind}`);
  }
}

function readCatalogSection(reader: ByteReader, stored: Stored): void {
  const { series, fieldSets } = stored;
  const limit = reader.varint();
  series.reserveRefs(limit);
  series.limit = Math.max(series.limit, limit);
  readCatalog(reader, stored);
  for (let id = reader.varint(), end = id + reader.varint(); id < end; id++) {
    const name = reader.blob();
    check(series.tagKeys.intern(name, 0, name.length) === id, 'tag key', id);
    series.addTagKey(id);
  }
  for (let id = reader.varint(), end = id + reader.varint(); id < end; id++) {
    const parent = reader.varint() - 1;
    const last = reader.varint();
    check(parent < id && last < (parent < 0 ? series.measurements.limit : series.tagKeys.limit), 'schema', id);
    const schema = parent < 0 ? series.schemas.root(last) : series.schemas.child(series.schemas.get(parent), last);
    check(schema.id === id, 'schema', id);
  }
  for (let id = reader.varint(), end = id + reader.varint(); id < end; id++) {
    check(fieldSets.list.length === id, 'field set', id);
    fieldSets.restore(readColumn(reader, reader.varint()));
  }
}

function readRemovedSection(reader: ByteReader, series: SeriesTable): void {
  const refs = readColumn(reader, reader.varint());
  for (let i = 0; i < refs.length; i++) {
    check(refs[i] >= 0 && refs[i] < series.limit, 'series', refs[i]);
    series.schema[refs[i]] = -1;
  }
}

function readValuesSection(reader: ByteReader, series: SeriesTable): void {
  const key = reader.varint();
  check(key < series.tagValues.length, 'tag key', key);
  const values = series.tagValues[key];
  const count = reader.varint();
  const ids = readColumn(reader, count);
  const shared = readColumn(reader, count);
  const rest = readColumn(reader, count);
  const name = new Uint8Array(65536);
  let total = 0;
  for (let i = 0; i < count; i++) total += rest[i];
  const rests = reader.raw(total);
  // What is shared with a value before was looked at there.
  if (needsEscape(rests, 0, total)) values.mayNeedEscape = true;
  let from = 0;
  let length = 0;
  for (let i = 0; i < count; i++) {
    const kept = shared[i];
    const added = rest[i];
    check(kept >= 0 && kept <= length && added >= 0 && kept + added < 65536, 'tag value', ids[i]);
    for (let k = 0; k < added; k++) name[kept + k] = rests[from + k];
    from += added;
    length = kept + added;
    values.restore(ids[i], name, 0, length);
  }
}

function readSeriesSection(reader: ByteReader, stored: Stored): void {
  const { series, fieldSets } = stored;
  const count = reader.varint();
  const refs = readColumn(reader, count);
  const schemas = readColumn(reader, count);
  const sets = readColumn(reader, count);
  for (let i = 0; i < count; i++) {
    const ref = refs[i];
    check(ref >= 0 && ref < series.limit, 'series', ref);
    check(schemas[i] >= 0 && schemas[i] < series.schemas.count, 'schema', schemas[i]);
    check(sets[i] >= 0 && sets[i] < fieldSets.list.length, 'field set', sets[i]);
    series.schema[ref] = schemas[i];
    series.fieldSet[ref] = sets[i];
  }
  for (const group of groupBySchema(schemas, series.schemas.count)) {
    const { keys } = series.schemas.get(group.schema);
    const { rows } = group;
    const width = keys.length;
    const first = series.valuesUsed;
    series.reserveValues(first + rows.length * width);
    series.valuesUsed = first + rows.length * width;
    const { values, valuesAt } = series;
    for (let i = 0; i < rows.length; i++) valuesAt[refs[rows[i]]] = first + i * width;
    for (let k = 0; k < width; k++) {
      const column = readColumn(reader, rows.length);
      const limit = series.tagValues[keys[k]].limit;
      for (let i = 0; i < rows.length; i++) {
        check(column[i] >= 0 && column[i] < limit, 'tag value', column[i]);
        values[first + i * width + k] = column[i];
      }
    }
  }
}

function readFieldSetsSection(reader: ByteReader, stored: Stored): void {
  const count = reader.varint();
  const refs = readColumn(reader, count);
  const sets = readColumn(reader, count);
  for (let i = 0; i < count; i++) {
    check(refs[i] >= 0 && refs[i] < stored.series.limit, 'series', refs[i]);
    check(sets[i] >= 0 && sets[i] < stored.fieldSets.list.length, 'field set', sets[i]);
    stored.series.fieldSet[refs[i]] = sets[i];
  }
}

interface SchemaGroup {
  schema: number;
  /** Positions of its series, ascending. */
  rows: Int32Array;
}

/** The rows of every schema that occurs, by ascending schema id. */
function groupBySchema(schemas: Int32Array, schemaCount: number): SchemaGroup[] {
  const counts = new Int32Array(schemaCount);
  for (let i = 0; i < schemas.length; i++) counts[schemas[i]]++;
  const groups: SchemaGroup[] = [];
  const groupOf = new Int32Array(schemaCount);
  for (let schema = 0; schema < schemaCount; schema++) {
    if (counts[schema] === 0) continue;
    groupOf[schema] = groups.length;
    groups.push({ schema, rows: new Int32Array(counts[schema]) });
    counts[schema] = 0;
  }
  for (let i = 0; i < schemas.length; i++) {
    const schema = schemas[i];
    groups[groupOf[schema]].rows[counts[schema]++] = i;
  }
  return groups;
}

function check(condition: boolean, what: string, id: number): void {
  if (!condition) throw new RangeError(`${what} ${id} out of place`);
}
