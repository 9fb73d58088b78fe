/**
 * The series table: everything the index knows of a series, in arrays by ref.
 *
 *      find(key bytes) ─► ref ─► keyOffset ─► key arena (canonical key, aliases)
 *                          ├──► schema   ─► measurement, tag keys
 *                          ├──► valuesAt ─► values: one value id per tag key of the schema (the forward index)
 *                          └──► lastShape, fieldSet
 *
 * A ref passes through three states, told by `schema[ref]`:
 *   live       >= 0      the schema's id.
 *   removed    <= -2     -2 - schema: not found and not counted any more, but still readable by ref, because a running
 *                        query, the memtable or a file may hold the ref.
 *   free       -1        after `releaseRemoved`; the ref is given to the next new series.
 *
 * Invariants
 * - Refs are dense: below `limit`, the lowest free one is taken first.
 * - A ref names one series from the moment it is defined until it is released; whoever holds refs across that moment
 *   would read another series' data, so the owner releases only when no query, memtable, log record or file holds them.
 * - `keyOffset` and the arena's slabs are in shared memory. A compaction writes new ones and leaves the old to whoever
 *   still reads them.
 */
import { assert, VarveError } from '../errors/errors.ts';
import { KeyArena, MAX_KEY_BYTES } from './arena.ts';
import { Dictionary } from './dictionary.ts';
import { hashBytes } from './hash.ts';
import { grownInt32, Int32List } from './int32-list.ts';
import { KeyTable } from './key-table.ts';
import { type Schema, Schemas } from './schemas.ts';
import { KeyParts, parseCanonicalKey } from './series-key.ts';

/** Refs are below this, so that a value id and a ref fit one double. */
export const REF_SPAN = 2 ** 27;
/** Other spellings kept per series; one more is looked up the slow way. */
const MAX_ALIASES = 8;

const INITIAL_REFS = 1024;
const FREE = -1;
/** What the object of an empty dictionary and its arrays need. */
const DICTIONARY_BYTES = 2400;

export class SeriesTable {
  arena = new KeyArena();
  readonly keys = new KeyTable(this.arena);
  readonly measurements = new Dictionary();
  readonly tagKeys = new Dictionary();
  /** By tag key id: its values. */
  readonly tagValues: Dictionary[] = [];
  readonly schemas = new Schemas();

  /** [ref] offset of the canonical key in the arena; shared memory, replaced on growth and compaction. */
  keyOffset: Int32Array = sharedInt32(INITIAL_REFS);
  /** [ref] schema id, or the state above. */
  schema: Int32Array = new Int32Array(INITIAL_REFS).fill(FREE);
  /** [ref] index in `values` of the series' first value id. */
  valuesAt: Int32Array = new Int32Array(INITIAL_REFS);
  /** [ref] shape seen last, -1 for none. */
  lastShape: Int32Array = new Int32Array(INITIAL_REFS).fill(-1);
  /** [ref] field set id. */
  fieldSet: Int32Array = new Int32Array(INITIAL_REFS);
  values: Int32Array = new Int32Array(INITIAL_REFS * 4);
  valuesUsed = 0;
  private valuesGarbage = 0;
  /** Refs are below this. */
  limit = 0;
  /** Live series. */
  count = 0;
  private readonly removed = new Int32List();
  /** Free refs, descending, so that `pop` gives the lowest. */
  private free = new Int32List();
  private lastSchema: Schema | null = null;
  private readonly parts = new KeyParts();
  /** Writes the keys that a load has left to do, some at every step; null once all are written. */
  private unwrittenKeys: Iterator<void> | null = null;

  /** Leaves the keys of loaded series to be written later: by `writeSomeKeys`, or whenever one is needed. */
  deferKeys(writing: Iterator<void>): void {
    this.unwrittenKeys = writing;
  }

  /** Writes some thousands of the keys that are left. True once there are none. */
  writeSomeKeys(): boolean {
    if (this.unwrittenKeys?.next().done === true) this.unwrittenKeys = null;
    return this.unwrittenKeys === null;
  }

  /** Writes all keys that are left: before anything looks at one. */
  completeKeys(): void {
    while (!this.writeSomeKeys());
  }

  /** The ref of a key or alias, -1 when unknown. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    if (this.unwrittenKeys !== null) this.completeKeys();
    return this.keys.find(bytes, start, end, hash);
  }

  isLive(ref: number): boolean {
    return ref >= 0 && ref < this.limit && this.schema[ref] >= 0;
  }

  /** Schema id of a live or removed series. */
  schemaOf(ref: number): number {
    // Most are live, and a message is not to be made for each.
    if (this.schema[ref] >= 0) return this.schema[ref];
    assert(ref >= 0 && ref < this.limit && this.schema[ref] !== FREE, `series ref ${ref} stands for no series`);
    const s = this.schema[ref];
    return s >= 0 ? s : -2 - s;
  }

  /** Adds a series that is not in the table by its canonical key; `ref` is -1 for the next free one. */
  add(bytes: Uint8Array, start: number, end: number, hash: number, ref: number): number {
    const valid = parseCanonicalKey(bytes, start, end, this.parts);
    assert(valid, 'a key to add is not canonical');
    return this.addParsed(bytes, start, end, hash, ref);
  }

  /** Like `add` for bytes that may be no canonical key; then returns -1. */
  addIfCanonical(bytes: Uint8Array, start: number, end: number, hash: number): number {
    if (!parseCanonicalKey(bytes, start, end, this.parts)) return -1;
    return this.addParsed(bytes, start, end, hash, -1);
  }

  /** Registers another spelling of a live series that is not in the table yet. */
  alias(bytes: Uint8Array, start: number, end: number, hash: number, ref: number): void {
    if (end - start > MAX_KEY_BYTES || !this.isLive(ref)) return;
    this.completeKeys();
    let last = this.keyOffset[ref];
    let aliases = 0;
    for (let next = this.arena.next(last); next !== 0; next = this.arena.next(last)) {
      last = next;
      if (++aliases >= MAX_ALIASES) return;
    }
    const offset = this.arena.append(ref, bytes, start, end);
    this.arena.setNext(last, offset);
    this.keys.insert(hash, offset);
  }

  /** Takes a live series out of all tables; its parts stay readable until `releaseRemoved`. */
  remove(ref: number): void {
    this.completeKeys();
    const arena = this.arena;
    for (let offset = this.keyOffset[ref]; offset !== 0; offset = arena.next(offset)) {
      const start = arena.recordStart(offset);
      this.keys.remove(hashBytes(arena.slabOf(offset), start, start + arena.recordLength(offset)), offset);
    }
    const schema = this.schemas.get(this.schema[ref]);
    const at = this.valuesAt[ref];
    for (let i = 0; i < schema.keys.length; i++) this.tagValues[schema.keys[i]].removeSeries(this.values[at + i]);
    this.measurements.removeSeries(schema.measurement);
    this.schema[ref] = -2 - schema.id;
    this.lastShape[ref] = -1;
    this.count--;
    this.removed.push(ref);
  }

  /**
   * Frees what `remove` left: refs, values that no series has, and memory when more than half of it is garbage.
   * @param inUse [ref] 1 for those that something still refers to; they stay removed.
   */
  releaseRemoved(inUse: Uint8Array | null = null): number {
    const refs = this.removed.view().slice();
    this.removed.clear();
    let released = 0;
    for (const ref of refs) {
      if (this.schema[ref] >= 0) continue;
      if (inUse !== null && inUse[ref] === 1) {
        this.removed.push(ref);
        continue;
      }
      if (this.schema[ref] !== FREE) this.releaseParts(ref);
      this.free.push(ref);
      released++;
    }
    if (released > 0) {
      this.free.view().sort().reverse();
      if (this.arena.garbageWords * 2 > this.arena.usedWords) this.compactKeys();
      if (this.valuesGarbage * 2 > this.valuesUsed) this.compactValues();
    }
    return released;
  }

  /** Whether a removed ref is not in use. */
  hasReleasable(inUse: Uint8Array): boolean {
    for (const ref of this.removed.view()) if (this.schema[ref] < 0 && inUse[ref] !== 1) return true;
    return false;
  }

  /** Gives the name of a measurement another id, the one that it stands for from now on. */
  renewMeasurement(id: number): void {
    const name = this.measurements.slice(id).slice();
    this.measurements.append(name, 0, name.length);
    this.lastSchema = null;
  }

  /** Makes a ref usable that a log or file names and no live series has; unused refs below it become removed ones. */
  claim(ref: number): void {
    if (ref < this.limit) {
      assert(this.schema[ref] < 0, `series ref ${ref} is in use`);
      if (this.schema[ref] !== FREE) this.releaseParts(ref);
      return;
    }
    if (ref >= REF_SPAN)
      throw new VarveError('limit_exceeded', `cannot define series: ref ${ref} is above ${REF_SPAN}`);
    this.reserveRefs(ref + 1);
    for (let hole = this.limit; hole < ref; hole++) this.removed.push(hole);
    this.limit = ref + 1;
  }

  /** Makes the arrays by ref at least this long. */
  reserveRefs(length: number): void {
    if (length <= this.schema.length) return;
    this.schema = grownInt32(this.schema, length, FREE);
    const capacity = this.schema.length;
    this.valuesAt = grownInt32(this.valuesAt, capacity);
    this.lastShape = grownInt32(this.lastShape, capacity, -1);
    this.fieldSet = grownInt32(this.fieldSet, capacity);
    const keyOffset = sharedInt32(capacity);
    keyOffset.set(this.keyOffset);
    this.keyOffset = keyOffset;
  }

  reserveValues(length: number): void {
    if (length > this.values.length) this.values = grownInt32(this.values, length);
  }

  /** After a load filled the arrays by ref: how many series they hold, and values for them. Holes become removed refs. */
  adoptLoaded(count: number, valuesInUse: number): void {
    this.count = count;
    this.valuesGarbage = this.valuesUsed - valuesInUse;
    for (let ref = 0; ref < this.limit; ref++) if (this.schema[ref] === FREE) this.removed.push(ref);
  }

  /** The dictionary of a new tag key. */
  addTagKey(id: number): void {
    while (this.tagValues.length <= id) this.tagValues.push(new Dictionary());
  }

  get memoryBytes(): number {
    let bytes = this.arena.memoryBytes + this.keys.memoryBytes + this.values.byteLength + this.schema.byteLength * 5;
    bytes += this.measurements.memoryBytes + this.tagKeys.memoryBytes;
    for (const dictionary of this.tagValues) bytes += DICTIONARY_BYTES + dictionary.memoryBytes;
    return bytes;
  }

  private addParsed(bytes: Uint8Array, start: number, end: number, hash: number, wanted: number): number {
    if (end - start > MAX_KEY_BYTES) {
      throw new VarveError(
        'limit_exceeded',
        `cannot define series: its key has ${end - start} bytes, more than ${MAX_KEY_BYTES}`,
      );
    }
    this.completeKeys();
    let ref = wanted;
    if (ref < 0) ref = this.takeRef();
    else this.claim(ref);
    const parts = this.parts;
    const schema = this.schemaOfParts();
    const tags = schema.keys.length;
    this.reserveValues(this.valuesUsed + tags);
    const at = this.valuesUsed;
    for (let i = 0; i < tags; i++) {
      const dictionary = this.tagValues[schema.keys[i]];
      const part = 2 * i + 2;
      const value = dictionary.intern(parts.source[part], parts.start[part], parts.end[part]);
      dictionary.addSeries(value);
      this.values[at + i] = value;
    }
    this.valuesUsed = at + tags;
    this.measurements.addSeries(schema.measurement);
    const offset = this.arena.append(ref, bytes, start, end);
    this.keyOffset[ref] = offset;
    this.schema[ref] = schema.id;
    this.valuesAt[ref] = at;
    this.lastShape[ref] = -1;
    this.fieldSet[ref] = 0;
    this.keys.insert(hash, offset);
    this.count++;
    return ref;
  }

  private takeRef(): number {
    while (this.free.length > 0) {
      const ref = this.free.pop();
      if (this.schema[ref] === FREE) return ref;
    }
    if (this.limit >= REF_SPAN) throw new VarveError('limit_exceeded', `cannot define series: ${REF_SPAN} are in use`);
    this.reserveRefs(this.limit + 1);
    return this.limit++;
  }

  /** The schema of the parsed key; mostly the one of the series before. */
  private schemaOfParts(): Schema {
    const parts = this.parts;
    const last = this.lastSchema;
    if (last !== null && last.keys.length === parts.tagCount && this.hasSchema(last)) return last;
    const measurement = this.measurements.intern(parts.source[0], parts.start[0], parts.end[0]);
    let schema = this.schemas.root(measurement);
    for (let part = 1; part < parts.count; part += 2) {
      const key = this.tagKeys.intern(parts.source[part], parts.start[part], parts.end[part]);
      this.addTagKey(key);
      schema = this.schemas.child(schema, key);
    }
    this.lastSchema = schema;
    return schema;
  }

  private hasSchema(schema: Schema): boolean {
    const parts = this.parts;
    if (!this.measurements.equals(schema.measurement, parts.source[0], parts.start[0], parts.end[0])) return false;
    for (let i = 0; i < schema.keys.length; i++) {
      const part = 2 * i + 1;
      if (!this.tagKeys.equals(schema.keys[i], parts.source[part], parts.start[part], parts.end[part])) return false;
    }
    return true;
  }

  private releaseParts(ref: number): void {
    const schema = this.schemas.get(-2 - this.schema[ref]);
    const at = this.valuesAt[ref];
    for (let i = 0; i < schema.keys.length; i++) this.tagValues[schema.keys[i]].free(this.values[at + i]);
    this.valuesGarbage += schema.keys.length;
    for (let offset = this.keyOffset[ref]; offset !== 0; offset = this.arena.next(offset)) this.arena.release(offset);
    this.keyOffset[ref] = 0;
    this.schema[ref] = FREE;
  }

  /** Copies all records that are in use into a new arena, in the order of refs. */
  private compactKeys(): void {
    const old = this.arena;
    const fresh = new KeyArena();
    const keyOffset = sharedInt32(this.keyOffset.length);
    for (let ref = 0; ref < this.limit; ref++) {
      if (this.schema[ref] === FREE) continue;
      let last = 0;
      let offset = this.keyOffset[ref];
      while (offset !== 0) {
        const next = old.next(offset);
        const start = old.recordStart(offset);
        const moved = fresh.append(ref, old.slabOf(offset), start, start + old.recordLength(offset));
        if (last === 0) keyOffset[ref] = moved;
        else fresh.setNext(last, moved);
        // Where the record went; readers of the old slabs do not look at `next`.
        old.setNext(offset, moved);
        last = moved;
        offset = next;
      }
    }
    this.keys.moveTo(fresh, (offset) => old.next(offset));
    this.arena = fresh;
    this.keyOffset = keyOffset;
  }

  private compactValues(): void {
    const fresh = new Int32Array(Math.max(64, (this.valuesUsed - this.valuesGarbage) * 2));
    let used = 0;
    for (let ref = 0; ref < this.limit; ref++) {
      if (this.schema[ref] === FREE) continue;
      const length = this.schemas.get(this.schemaOf(ref)).keys.length;
      const at = this.valuesAt[ref];
      for (let i = 0; i < length; i++) fresh[used + i] = this.values[at + i];
      this.valuesAt[ref] = used;
      used += length;
    }
    this.values = fresh;
    this.valuesUsed = used;
    this.valuesGarbage = 0;
  }
}

/** Whether a measurement's id is the one that its name stands for: it is not when the measurement was dropped since. */
export function isCurrent(measurements: Dictionary, id: number): boolean {
  const start = measurements.startOf(id);
  return measurements.find(measurements.bytes, start, start + measurements.lengthOf(id)) === id;
}

function sharedInt32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4));
}
