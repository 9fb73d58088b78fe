/**
 * Definitions: what the log must know before rows that use it. New measurements, fields, shapes and series since the
 * last time, as one opaque record; and its replay, which gives everything exactly the id it had.
 *
 *      version u8 = 1, then what follows; or 2, then its length and it as a zstd frame
 *      measurements   first id, count, then a name each
 *      fields         first id, count, then (measurement id, type u8, name) each
 *      shapes         first id, count, then (parent id, field id) each; of a root (0, measurement id)
 *      series         count, then (ref − ref before, zigzag; bytes shared with the key before; rest of the key) each
 *
 * Numbers are LEB128 varints, names and key rests are varint lengths and bytes. Keys are canonical.
 *
 * Replay is idempotent: what is there already is left alone. A record that is newer than the index wins: a ref that
 * stands for another series, or a key that has another ref, is redefined as the record says.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { FieldType } from '../batch/field-type.ts';
import { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { VarveError } from '../errors/errors.ts';
import { MAX_KEY_BYTES } from './arena.ts';
import type { Fields } from './fields.ts';
import { hashBytes } from './hash.ts';
import { Int32List } from './int32-list.ts';
import type { SeriesTable } from './series-table.ts';
import type { Shapes } from './shapes.ts';

const PLAIN = 1;
const PACKED = 2;
/** Shorter records are not worth compressing. */
const PACK_FROM_BYTES = 1024;
/** No record is longer than this when unpacked. */
const UNPACKED_LIMIT_BYTES = 2 ** 31 - 1;

/** The parts of an index that have ids. */
export interface Catalog {
  readonly series: SeriesTable;
  readonly fieldRegistry: Fields;
  readonly shapeTree: Shapes;
  remove(refs: Int32Array): void;
}

/** How much of the catalog somebody has seen: everything below these ids. */
export interface Watermark {
  measurements: number;
  fields: number;
  shapes: number;
}

export function watermarkOf(catalog: Catalog): Watermark {
  return {
    measurements: catalog.series.measurements.limit,
    fields: catalog.fieldRegistry.list.length,
    shapes: catalog.shapeTree.list.length,
  };
}

/** Writes measurements, fields and shapes from the watermark on. */
export function writeCatalog(writer: ByteWriter, catalog: Catalog, from: Watermark): void {
  const { measurements } = catalog.series;
  writer.varint(from.measurements);
  writer.varint(measurements.limit - from.measurements);
  for (let id = from.measurements; id < measurements.limit; id++) writer.blob(measurements.slice(id));
  const fields = catalog.fieldRegistry.list;
  writer.varint(from.fields);
  writer.varint(fields.length - from.fields);
  for (let id = from.fields; id < fields.length; id++) {
    const field = fields[id];
    writer.varint(field.measurement);
    writer.u8(field.type);
    writer.blob(field.nameBytes);
  }
  const shapes = catalog.shapeTree.list;
  writer.varint(from.shapes);
  writer.varint(shapes.length - from.shapes);
  for (let id = from.shapes; id < shapes.length; id++) {
    const shape = shapes[id];
    writer.varint(shape.parent);
    writer.varint(shape.width === 0 ? shape.measurement : shape.fields[shape.width - 1]);
  }
}

/** Reads what `writeCatalog` wrote; throws `corrupt` when it contradicts the catalog. */
export function readCatalog(reader: ByteReader, catalog: Catalog): void {
  const { measurements } = catalog.series;
  const firstMeasurement = reader.varint();
  const measurementCount = reader.varint();
  for (let id = firstMeasurement; id < firstMeasurement + measurementCount; id++) {
    const name = reader.blob();
    // A name that comes again has the later id: its measurement was dropped in between.
    if (id === measurements.limit) measurements.append(name, 0, name.length);
    else if (id > measurements.limit || !measurements.equals(id, name, 0, name.length)) {
      throw contradiction(`measurement ${id}`);
    }
  }
  const firstField = reader.varint();
  const fieldCount = reader.varint();
  for (let id = firstField; id < firstField + fieldCount; id++) {
    readField(reader, catalog, id);
  }
  const firstShape = reader.varint();
  const shapeCount = reader.varint();
  for (let id = firstShape; id < firstShape + shapeCount; id++) {
    readShape(catalog, id, reader.varint(), reader.varint());
  }
}

function readField(reader: ByteReader, catalog: Catalog, id: number): void {
  const measurement = reader.varint();
  const type = reader.u8() as FieldType;
  const name = reader.blob();
  const fields = catalog.fieldRegistry;
  const found = fields.find(measurement, name, 0, name.length);
  if (found === id && fields.list[id].type === type) return;
  if (found >= 0 || id !== fields.list.length || type > 4 || measurement >= catalog.series.measurements.limit) {
    throw contradiction(`field ${id}`);
  }
  fields.add(measurement, name.slice(), type);
}

function readShape(catalog: Catalog, id: number, parent: number, last: number): void {
  const shapes = catalog.shapeTree;
  if (id < shapes.list.length) {
    const known = shapes.list[id];
    const sameLast = known.width === 0 ? known.measurement === last : known.fields[known.width - 1] === last;
    if (known.parent === parent && sameLast) return;
    throw contradiction(`shape ${id}`);
  }
  if (id !== shapes.list.length || parent >= id) throw contradiction(`shape ${id}`);
  if (parent === 0) {
    if (last >= catalog.series.measurements.limit || shapes.hasRoot(last)) throw contradiction(`shape ${id}`);
    shapes.addRoot(last);
  } else {
    const field = catalog.fieldRegistry.list[last];
    const from = shapes.list[parent];
    if (field === undefined || field.measurement !== from.measurement) throw contradiction(`shape ${id}`);
    shapes.addChild(from, field);
  }
}

function contradiction(what: string): VarveError {
  return new VarveError('corrupt', `cannot apply definitions: ${what} contradicts or is missing from the index`);
}

/** Encodes definitions: the catalog from the watermark on, and these series. Refs that are not live are left out. */
export function encodeDefinitions(catalog: Catalog, from: Watermark, refs: Int32Array): Uint8Array {
  catalog.series.completeKeys();
  const { series } = catalog;
  const writer = new ByteWriter(256 + refs.length * 24);
  writer.u8(PLAIN);
  writeCatalog(writer, catalog, from);
  let live = 0;
  for (const ref of refs) if (series.isLive(ref)) live++;
  writer.varint(live);
  let before = 0;
  let slab: Uint8Array = EMPTY;
  let slabStart = 0;
  let slabLength = 0;
  for (const ref of refs) {
    if (!series.isLive(ref)) continue;
    writer.zigzag(ref - before);
    const offset = series.keyOffset[ref];
    const bytes = series.arena.slabOf(offset);
    const start = series.arena.recordStart(offset);
    const length = series.arena.recordLength(offset);
    const most = Math.min(length, slabLength);
    let shared = 0;
    while (shared < most && bytes[start + shared] === slab[slabStart + shared]) shared++;
    writer.varint(shared);
    writer.blob(bytes.subarray(start + shared, start + length));
    before = ref;
    slab = bytes;
    slabStart = start;
    slabLength = length;
  }
  return writer.length < PACK_FROM_BYTES ? writer.take() : pack(writer.view8());
}

const EMPTY = new Uint8Array(0);

function pack(plain: Uint8Array): Uint8Array {
  // The fastest level: a third of the size, for less than the disk would take for the rest.
  const packed = zstdCompressSync(plain.subarray(1), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const writer = new ByteWriter(packed.length + 10);
  writer.u8(PACKED);
  writer.varint(plain.length - 1);
  writer.raw(packed);
  return writer.take();
}

/** A reader at what follows the version. */
function unpack(payload: Uint8Array): ByteReader {
  const reader = new ByteReader(payload);
  const version = reader.u8();
  if (version === PLAIN) return reader;
  if (version !== PACKED) throw new VarveError('corrupt', `cannot apply definitions: version ${version} is not known`);
  const length = reader.varint();
  if (length > UNPACKED_LIMIT_BYTES) throw new VarveError('corrupt', `cannot apply definitions: ${length} bytes long`);
  return new ByteReader(zstdDecompressSync(reader.raw(reader.remaining), { maxOutputLength: Math.max(length, 1) }));
}

/** Replays definitions. Returns the refs that were not there before. */
export function applyDefinitions(catalog: Catalog, payload: Uint8Array): Int32List {
  const reader = unpack(payload);
  readCatalog(reader, catalog);
  const refs = new Int32List();
  const count = reader.varint();
  const key = new Uint8Array(MAX_KEY_BYTES);
  let lengthBefore = 0;
  let ref = 0;
  for (let n = 0; n < count; n++) {
    ref += reader.zigzag();
    const shared = reader.varint();
    const added = reader.varint();
    const length = shared + added;
    if (shared > lengthBefore || length > MAX_KEY_BYTES || added > reader.remaining)
      throw contradiction(`series ${ref}`);
    const { bytes, offset } = reader;
    reader.offset = offset + added;
    for (let i = 0; i < added; i++) key[shared + i] = bytes[offset + i];
    lengthBefore = length;
    if (defineAt(catalog, ref, key, length)) refs.push(ref);
  }
  return refs;
}

/** Makes `ref` stand for a canonical key, whatever either was before. Returns whether that changed anything. */
export function defineAt(catalog: Catalog, ref: number, key: Uint8Array, length: number): boolean {
  const { series } = catalog;
  const hash = hashBytes(key, 0, length);
  const known = series.find(key, 0, length, hash);
  if (known === ref) return false;
  if (known >= 0) catalog.remove(Int32Array.of(known));
  if (series.isLive(ref)) catalog.remove(Int32Array.of(ref));
  series.add(key, 0, length, hash, ref);
  return true;
}
