/**
 * The index of one database: which series, fields and shapes there are, and which series match a query.
 *
 * Writing: `find` by the bytes of a line's key, `define` what is new, `transition` to a row's shape, `noteShape` when a
 * series gets a row of another shape than before; `drainDefinitions` before rows go to the log.
 * Reading: `promNames`, `select`, `seriesHasField`, `tags`.
 *
 * An `IndexLog` saves and loads it. It lives on one thread; workers read keys through `snapshotForWorker`. Limits on names, tags and series are the
 * ingest's to enforce.
 */
import { randomBytes } from 'node:crypto';
import type { FieldType } from '../batch/field-type.ts';
import { assert } from '../errors/errors.ts';
import { type Cardinality, cardinalityOf } from './cardinality.ts';
import {
  applyDefinitions,
  type Catalog,
  defineAt,
  encodeDefinitions,
  type Watermark,
  watermarkOf,
} from './definitions.ts';
import { FieldSets } from './field-sets.ts';
import { type Field, Fields, fieldTypeConflict } from './fields.ts';
import { hashBytes } from './hash.ts';
import { Int32List } from './int32-list.ts';
import { measurementNames, tagKeyNames, tagValueNames, valueIds } from './labels.ts';
import { selectSeries, type TagMatcher } from './matchers.ts';
import { Postings } from './postings.ts';
import { PromNames, type PromTarget } from './prom-names.ts';
import { KeyWriter } from './series-key.ts';
import { isCurrent, SeriesTable } from './series-table.ts';
import { SHAPE_LIMIT, type Shape, type ShapeNode, Shapes } from './shapes.ts';
import { handleOf, type IndexHandle } from './worker-view.ts';

export type { Field } from './fields.ts';
export { finishHash, HASH_PRIME, HASH_SEED, hashBytes } from './hash.ts';
export type { TagMatcher } from './matchers.ts';
export type { Shape } from './shapes.ts';
export type { IndexHandle } from './worker-view.ts';

const encoder = new TextEncoder();
const UNLIMITED = Number.POSITIVE_INFINITY;
const FIELD_BYTES = 1000;

export class SeriesIndex implements Catalog {
  /** Names the lineage of refs and ids, 16 hex digits: a data file of another epoch means other series by its refs. */
  epoch = randomBytes(8).toString('hex');
  readonly series = new SeriesTable();
  readonly fieldRegistry = new Fields();
  readonly shapeTree = new Shapes();
  readonly fieldSets = new FieldSets();
  /** Live refs defined since the index was last saved; may hold removed ones too. @internal */
  readonly unsavedSeries = new Int32List();
  /** Refs removed since the index was last saved. @internal */
  readonly unsavedRemovals = new Int32List();
  /** Refs whose field set changed since the index was last saved, with repeats. @internal */
  readonly unsavedFieldSets = new Int32List();
  /** How often series were removed or their refs released: whoever remembers refs by keys must forget them then. */
  removals = 0;
  /** How often refs were released: whoever holds refs or ids of values over that may find others' names behind them. */
  releases = 0;
  /** How often what selections find may have changed: series came, went, or got fields that they had never had. */
  changes = 0;
  private readonly postings = new Postings(this.series);
  private readonly names = new PromNames(this);
  private readonly keyWriter = new KeyWriter();
  private drained: Watermark = watermarkOf(this);
  private pending = new Int32List();
  private beforeDrain: { drained: Watermark; pending: Int32List } | null = null;
  private readonly keyStrings: string[] = [];

  /** Live series. */
  get seriesCount(): number {
    return this.series.count;
  }

  /** Refs are below this; arrays by ref are at least as long. */
  get refLimit(): number {
    return this.series.limit;
  }

  /** [ref] id of the shape seen last, -1 for none. Replaced on growth: read the property anew after a `define`. */
  get lastShape(): Int32Array {
    return this.series.lastShape;
  }

  /** id -> shape. Shape 0 is reserved: no measurement, no fields. */
  get shapes(): readonly Shape[] {
    return this.shapeTree.list;
  }

  /** id -> field. */
  get fields(): readonly Field[] {
    return this.fieldRegistry.list;
  }

  // ——— Series ———

  /**
   * The ref of the series whose canonical key, or alias, is `bytes[start .. end)`; -1 when unknown. `hash` is what
   * `hashBytes` gives for these bytes.
   */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    return this.series.find(bytes, start, end, hash);
  }

  /**
   * The ref of the series with these unescaped names, defined if need be. Tags come in any order; of a repeated tag key
   * the last counts; empty values are no tags. Throws `limit_exceeded` for a key above 65535 bytes.
   */
  define(measurement: Uint8Array, tagKeys: readonly Uint8Array[], tagValues: readonly Uint8Array[]): number {
    const writer = this.keyWriter;
    writer.write(measurement, tagKeys, tagValues);
    const hash = hashBytes(writer.bytes, 0, writer.length);
    const known = this.series.find(writer.bytes, 0, writer.length, hash);
    if (known >= 0) return known;
    return this.added(this.series.add(writer.bytes, 0, writer.length, hash, -1));
  }

  /** The ref of the series with these unescaped names, as `define` takes them; -1 when unknown. */
  findSeries(measurement: Uint8Array, tagKeys: readonly Uint8Array[], tagValues: readonly Uint8Array[]): number {
    const writer = this.keyWriter;
    writer.write(measurement, tagKeys, tagValues);
    return this.series.find(writer.bytes, 0, writer.length, hashBytes(writer.bytes, 0, writer.length));
  }

  /**
   * Defines an unknown series right from the raw bytes of a line, without splitting them first. Returns -1, and does
   * nothing, when they are not a canonical key: then split, unescape and `define`.
   */
  defineCanonical(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const ref = this.series.addIfCanonical(bytes, start, end, hash);
    return ref < 0 ? -1 : this.added(ref);
  }

  /**
   * Registers other bytes as a name of a series, so that `find` hits next time: another tag order, needless escapes, the
   * labels of remote write. The bytes are copied. They must not be known yet. Beyond 8 per series it does nothing.
   */
  alias(bytes: Uint8Array, start: number, end: number, hash: number, ref: number): void {
    this.series.alias(bytes, start, end, hash, ref);
  }

  /**
   * Brings back a series under a known ref, from the key in a data file, when the saved index is lost. The key's own
   * definition wins over what the ref stood for. Field sets come back by `noteShape`.
   */
  restoreSeries(ref: number, key: Uint8Array): void {
    if (defineAt(this, ref, key, key.length)) this.added(ref);
  }

  /**
   * Takes series out: not found, counted or selected any more. Their refs stay readable (`seriesKey`, `tags`) and unused
   * until `releaseRemoved`. Refs that are not live are ignored.
   */
  remove(refs: Int32Array): void {
    this.removals++;
    this.changes++;
    for (const ref of refs) {
      if (!this.series.isLive(ref)) continue;
      this.fieldSets.seriesCounts[this.series.fieldSet[ref]]--;
      this.series.remove(ref);
      this.unsavedRemovals.push(ref);
    }
    this.postings.drop();
  }

  /**
   * Makes measurements that have no series any more begin anew, under other ids: fields that they get from now on are of
   * any type, and what they had does not come back. Ids of measurements that have series are ignored.
   */
  renewMeasurements(ids: Iterable<number>): void {
    for (const id of ids) {
      const { measurements } = this.series;
      if (measurements.counts[id] > 0 || !isCurrent(measurements, id)) continue;
      if (this.fieldsOfMeasurement(id).length > 0) this.series.renewMeasurement(id);
    }
    this.changes++;
    this.names.forget();
  }

  /**
   * Makes the refs of removed series free for new ones and gives their memory back. To be called only when nothing
   * refers to them: no running query, memtable, log record or data file. Returns how many refs it freed.
   * @param inUse [ref] 1 for refs that something still refers to: they stay as they are
   */
  releaseRemoved(inUse: Uint8Array | null = null): number {
    this.removals++;
    this.changes++;
    const released = this.series.releaseRemoved(inUse);
    if (released > 0) {
      this.releases++;
      this.postings.drop();
    }
    return released;
  }

  /** Whether `releaseRemoved` would free any ref. */
  hasReleasable(inUse: Uint8Array): boolean {
    return this.series.hasReleasable(inUse);
  }

  isLive(ref: number): boolean {
    return this.series.isLive(ref);
  }

  /** The canonical key, as a copy. */
  seriesKey(ref: number): Uint8Array {
    this.series.schemaOf(ref);
    this.series.completeKeys();
    return this.series.arena.copy(this.series.keyOffset[ref]);
  }

  /**
   * Tags in the order of their keys' bytes.
   * @param shared texts made so far, by tag key id and value id: who asks for many series keeps them between the calls, so
   * that equal values are one string, which costs nothing to compare.
   */
  tags(ref: number, shared?: string[][]): { keys: string[]; values: string[] } {
    const { series } = this;
    const schema = series.schemas.get(series.schemaOf(ref));
    const count = schema.keys.length;
    const at = series.valuesAt[ref];
    const keys = new Array<string>(count);
    const values = new Array<string>(count);
    for (let i = 0; i < count; i++) {
      const key = schema.keys[i];
      this.keyStrings[key] ??= series.tagKeys.string(key);
      keys[i] = this.keyStrings[key];
      const value = series.values[at + i];
      if (shared === undefined) {
        values[i] = series.tagValues[key].string(value);
      } else {
        shared[key] ??= [];
        values[i] = shared[key][value] ??= series.tagValues[key].string(value);
      }
    }
    return { keys, values };
  }

  /** Measurement id of a series. */
  measurementOf(ref: number): number {
    return this.series.schemas.measurements.items[this.series.schemaOf(ref)];
  }

  /** Name of a series' measurement. */
  measurementName(ref: number): string {
    return this.series.measurements.string(this.measurementOf(ref));
  }

  /** Id of a measurement by name, -1 when there never was one. */
  measurementId(name: string): number {
    const bytes = encoder.encode(name);
    return this.series.measurements.find(bytes, 0, bytes.length);
  }

  /** Name of a measurement by id. */
  measurementText(id: number): string {
    return this.series.measurements.string(id);
  }

  // ——— Fields and shapes ———

  /** The shape without fields of a measurement. */
  rootShape(measurement: number): Shape {
    return this.shapeTree.root(measurement);
  }

  /**
   * The shape after `from` with one more field, named `name[start .. end)` (copied). Creates the field and the shape when
   * they are new. Returns `from` itself when it has the field already: the later value replaces the earlier.
   * Throws `field_type_conflict` when the field has another type.
   */
  transition(from: Shape, name: Uint8Array, start: number, end: number, type: FieldType): Shape {
    const node = from as ShapeNode;
    const child = this.shapeTree.child(node, name, start, end);
    if (child !== null) {
      const existing = child.types[from.width] as FieldType;
      if (existing !== type) this.conflict(child.fields[from.width], type);
      return child;
    }
    return this.newTransition(node, name, start, end, type);
  }

  /** Whether a measurement has so many shapes that rows should be split into rows of one field (`singleFieldShape`). */
  shapeLimitReached(measurement: number): boolean {
    // A wide row makes a shape per field on its way, so a measurement may have as many shapes more as it has fields.
    return this.shapeTree.countOf(measurement) >= SHAPE_LIMIT + this.fieldRegistry.of(measurement).length;
  }

  /** The shape with just this field. */
  singleFieldShape(measurement: number, name: Uint8Array, start: number, end: number, type: FieldType): Shape {
    return this.transition(this.shapeTree.root(measurement), name, start, end, type);
  }

  /**
   * A series gets rows of this shape from now on: becomes `lastShape[ref]`, and its fields join those the series has had.
   * To be called, also on replay, whenever a row's shape is not `lastShape[ref]`. Refs that are not live are ignored.
   */
  noteShape(ref: number, shape: number): void {
    const { series, fieldSets } = this;
    if (!series.isLive(ref)) return;
    series.lastShape[ref] = shape;
    const before = series.fieldSet[ref];
    const after = fieldSets.after(before, this.shapeTree.list[shape]);
    if (after === before) return;
    this.changes++;
    series.fieldSet[ref] = after;
    fieldSets.seriesCounts[before]--;
    fieldSets.seriesCounts[after]++;
    fieldSets.release(before);
    this.unsavedFieldSets.push(ref);
  }

  /** Whether a series has ever had a field. */
  seriesHasField(ref: number, field: number): boolean {
    return this.fieldSets.has(this.series.fieldSet[ref], field);
  }

  /** The refs among these that have ever had a field. */
  filterByField(refs: Int32Array, field: number): Int32Array {
    const { fieldSets, series } = this;
    // Few refs of an index of many sets, as where every metric has a measurement of its own, are looked at one by one: a look
    // at all sets for each of as many fields takes minutes.
    const member = refs.length < fieldSets.list.length ? null : fieldSets.membership(field);
    const kept = new Int32Array(refs.length);
    let n = 0;
    for (let i = 0; i < refs.length; i++) {
      const set = series.fieldSet[refs[i]];
      if (member === null ? fieldSets.has(set, field) : member[set] === 1) kept[n++] = refs[i];
    }
    return kept.subarray(0, n);
  }

  /** Ids of the fields a series has had, ascending. Do not modify. */
  fieldsOf(ref: number): Int32Array {
    return this.fieldSets.list[this.series.fieldSet[ref]];
  }

  /** Ids of a measurement's fields, in the order in which they came. Do not modify. */
  fieldsOfMeasurement(measurement: number): readonly number[] {
    return this.fieldRegistry.of(measurement);
  }

  /** The id of a field by name, -1 when there is none. */
  fieldId(measurement: number, name: string): number {
    const bytes = encoder.encode(name);
    return this.fieldRegistry.find(measurement, bytes, 0, bytes.length);
  }

  /** By field id: how many live series have had it. */
  seriesByField(): Float64Array {
    const { list, seriesCounts } = this.fieldSets;
    const counts = new Float64Array(this.fields.length);
    for (let set = 1; set < list.length; set++) {
      if (seriesCounts[set] > 0) for (const field of list[set]) counts[field] += seriesCounts[set];
    }
    return counts;
  }

  // ——— Queries ———

  /** PromQL metric names and the fields they stand for, of all fields that ever were. Do not modify. */
  promNames(): ReadonlyMap<string, readonly PromTarget[]> {
    return this.names.all();
  }

  /**
   * The live series of a measurement (by name or id; null for any) that match every matcher, as ascending refs that the
   * caller owns. A missing tag counts as the empty string. Throws `bad_request` for a bad pattern.
   */
  select(measurement: string | number | null, matchers: readonly TagMatcher[]): Int32Array {
    const id = typeof measurement === 'string' ? this.measurementId(measurement) : measurement;
    return selectSeries(this.series, this.postings, id, matchers);
  }

  /** Names of measurements with series, sorted by bytes. */
  measurementNames(limit = UNLIMITED): string[] {
    return measurementNames(this.series, limit);
  }

  /** Tag keys of all series or of these, sorted by bytes. */
  tagKeyNames(refs: Int32Array | null = null, limit = UNLIMITED): string[] {
    return tagKeyNames(this.series, refs, limit);
  }

  /** Values of a tag key among all series or these, sorted by bytes. */
  tagValueNames(key: string, refs: Int32Array | null = null, limit = UNLIMITED): string[] {
    return tagValueNames(this.series, key, refs, limit);
  }

  /** Value ids of a tag key, one per ref, -1 where it is missing: for grouping without strings. */
  tagValueIds(key: string, refs: Int32Array): Int32Array {
    const bytes = encoder.encode(key);
    const id = this.series.tagKeys.find(bytes, 0, bytes.length);
    return id < 0 ? new Int32Array(refs.length).fill(-1) : valueIds(this.series, id, refs);
  }

  /** The string of a value id of a tag key. */
  tagValueText(key: string, value: number): string {
    const bytes = encoder.encode(key);
    const id = this.series.tagKeys.find(bytes, 0, bytes.length);
    assert(id >= 0, `tag key ${key} is not in the index`);
    return this.series.tagValues[id].string(value);
  }

  /** Where the series are, with at most `top` entries per list. */
  cardinality(top = 10): Cardinality {
    return cardinalityOf(this.series, top);
  }

  /** Bytes of memory held, reserved room included; objects by what one of their kind was measured to need. */
  get memoryBytes(): number {
    const objects = this.fields.length * FIELD_BYTES + this.shapeTree.memoryBytes + this.fieldSets.memoryBytes;
    return this.series.memoryBytes + this.postings.memoryBytes + objects;
  }

  // ——— The log ———

  /** What is new since the last drain, as a record for the log; null when nothing is. */
  drainDefinitions(): Uint8Array | null {
    const { drained, pending } = this;
    const now = watermarkOf(this);
    const nothing =
      pending.length === 0 &&
      now.measurements === drained.measurements &&
      now.fields === drained.fields &&
      now.shapes === drained.shapes;
    if (nothing) return null;
    const payload = encodeDefinitions(this, drained, pending.view());
    this.beforeDrain = { drained, pending };
    this.drained = now;
    this.pending = new Int32List();
    return payload;
  }

  /** Takes the last drain back, when the log could not take the record: the next one has it all again. */
  undrainDefinitions(): void {
    if (this.beforeDrain === null) return;
    const { drained, pending } = this.beforeDrain;
    for (const ref of this.pending.view()) pending.push(ref);
    this.drained = drained;
    this.pending = pending;
    this.beforeDrain = null;
  }

  /** All measurements, fields and shapes, without series: makes a log readable from here on by itself. */
  schemaDefinitions(): Uint8Array {
    return encodeDefinitions(this, { measurements: 0, fields: 0, shapes: 1 }, new Int32Array(0));
  }

  /** Replays a record of `drainDefinitions`: everything gets the id it had. Idempotent. Throws `corrupt`. */
  applyDefinitions(payload: Uint8Array): void {
    const before = watermarkOf(this);
    const nothingPending =
      before.measurements === this.drained.measurements &&
      before.fields === this.drained.fields &&
      before.shapes === this.drained.shapes;
    const added = applyDefinitions(this, payload);
    if (nothingPending) this.drained = watermarkOf(this);
    for (const ref of added.view()) this.noteAdded(ref);
  }

  /** @internal After a load: what was loaded needs no logging. */
  loaded(): void {
    assert(this.pending.length === 0, 'an index that was loaded has pending definitions');
    this.drained = watermarkOf(this);
  }

  // ——— Workers ———

  /** A handle for `readSeriesKey` and `readMeasurement` on another thread; see worker-view.ts. */
  snapshotForWorker(): IndexHandle {
    return handleOf(this.series);
  }

  private added(ref: number): number {
    this.pending.push(ref);
    this.noteAdded(ref);
    return ref;
  }

  private noteAdded(ref: number): void {
    this.changes++;
    this.fieldSets.seriesCounts[0]++;
    this.unsavedSeries.push(ref);
    this.postings.added(ref);
  }

  private newTransition(from: ShapeNode, name: Uint8Array, start: number, end: number, type: FieldType): Shape {
    let id = this.fieldRegistry.find(from.measurement, name, start, end);
    if (id < 0) {
      id = this.fieldRegistry.add(from.measurement, name.slice(start, end), type).id;
    } else {
      if (this.fieldRegistry.list[id].type !== type) this.conflict(id, type);
      if (from.fields.includes(id)) return from;
    }
    return this.shapeTree.addChild(from, this.fieldRegistry.list[id]);
  }

  private conflict(field: number, type: FieldType): never {
    const existing = this.fieldRegistry.list[field];
    throw fieldTypeConflict(existing.name, this.measurementText(existing.measurement), type, existing.type);
  }
}
