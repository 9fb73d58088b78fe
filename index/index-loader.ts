/**
 * The end of a load: what the log does not store because it follows from what it does.
 *
 * 1. Counts: series per value, measurement and field set.
 * 2. Keys: put together from measurement, tag keys and values in the arena, hashed on the way, and entered into the key
 *    table, which is made large enough first. This is most of a load's time, and reading needs no keys: so it is left for
 *    after the load, to be done piece by piece or when the first key is looked up.
 * 3. Refs that no series has become removed ones, to be released like any.
 */
import type { Dictionary } from './dictionary.ts';
import { finishHash, HASH_PRIME, HASH_SEED } from './hash.ts';
import type { Stored } from './index-sections.ts';
import { escapeInto } from './series-key.ts';
import type { SeriesTable } from './series-table.ts';

/** Completes an index whose arrays by ref and dictionaries are filled. */
export function finishLoad(stored: Stored): void {
  countSeries(stored);
  stored.series.deferKeys(writeKeys(stored.series));
}

function countSeries(stored: Stored): void {
  const { series, fieldSets } = stored;
  const { schema, valuesAt, values, fieldSet } = series;
  const schemaCount = series.schemas.count;
  const keysOf: Int32Array[] = [];
  for (let id = 0; id < schemaCount; id++) keysOf.push(series.schemas.get(id).keys);
  const countsOf = series.tagValues.map((dictionary) => dictionary.counts);
  const perSchema = new Int32Array(schemaCount);
  const perSet = new Int32Array(fieldSets.list.length);
  let live = 0;
  let valuesInUse = 0;
  for (let ref = 0; ref < series.limit; ref++) {
    const s = schema[ref];
    if (s < 0) continue;
    live++;
    perSchema[s]++;
    perSet[fieldSet[ref]]++;
    const keys = keysOf[s];
    const at = valuesAt[ref];
    for (let k = 0; k < keys.length; k++) countsOf[keys[k]][values[at + k]]++;
    valuesInUse += keys.length;
  }
  for (let id = 0; id < schemaCount; id++) {
    series.measurements.addSeriesCount(series.schemas.get(id).measurement, perSchema[id]);
  }
  for (let set = 0; set < perSet.length; set++) {
    fieldSets.seriesCounts[set] = perSet[set];
    fieldSets.release(set);
  }
  for (const dictionary of series.tagValues) dictionary.finishRestore();
  series.adoptLoaded(live, valuesInUse);
}

/**
 * Keys are entered into the table in batches of so many refs: every entry is a cache miss, and misses that follow each
 * other closely overlap, while one per key would wait for the key's hash first.
 */
const BATCH = 1024;
/** Batches between two pauses: a few ms. */
const BATCHES_PER_STEP = 16;

/** What the keys of a schema are made of. */
interface KeyParts {
  fixed: Uint8Array[];
  dictionaries: Dictionary[];
}

function* writeKeys(series: SeriesTable): Generator<void, void> {
  series.keys.reserve(series.count);
  const partsOf: KeyParts[] = [];
  const hashes = new Int32Array(BATCH);
  for (let ref = 0; ref < series.limit; ref++) {
    const s = series.schema[ref];
    if (s >= 0) {
      partsOf[s] ??= {
        fixed: fixedParts(series, s),
        dictionaries: Array.from(series.schemas.get(s).keys, (key) => series.tagValues[key]),
      };
      hashes[ref & (BATCH - 1)] = writeKey(series, ref, partsOf[s]);
    }
    if ((ref & (BATCH - 1)) !== BATCH - 1) continue;
    enterKeys(series, ref + 1 - BATCH, ref + 1, hashes);
    if ((ref + 1) % (BATCH * BATCHES_PER_STEP) === 0) yield;
  }
  const rest = series.limit & -BATCH;
  enterKeys(series, rest, series.limit, hashes);
}

/** Enters the live refs of a range into the key table. */
function enterKeys(series: SeriesTable, from: number, to: number, hashes: Int32Array): void {
  const { keys, schema, keyOffset } = series;
  for (let ref = from; ref < to; ref++) {
    if (schema[ref] >= 0) keys.insert(hashes[ref & (BATCH - 1)], keyOffset[ref]);
  }
}

/** Writes one key and returns its hash. A function of its own, so that it is compiled as such and not in the midst of the loop around it. */
function writeKey(series: SeriesTable, ref: number, parts: KeyParts): number {
  const { arena, values } = series;
  const { fixed, dictionaries } = parts;
  const firstValue = series.valuesAt[ref];
  let most = fixed[fixed.length - 1].length;
  for (let part = 0; part < dictionaries.length; part++) {
    most += fixed[part].length + 2 * dictionaries[part].lengthOf(values[firstValue + part]) + 1;
  }
  const offset = arena.open(most);
  const slab = arena.slabOf(offset);
  const start = arena.recordStart(offset);
  let at = start;
  let h = HASH_SEED;
  for (let part = 0; part < fixed.length; part++) {
    const bytes = fixed[part];
    h = copyAndHash(slab, at, bytes, 0, bytes.length, h);
    at += bytes.length;
    if (part === dictionaries.length) break;
    const dictionary = dictionaries[part];
    const from = dictionary.startOf(values[firstValue + part]);
    const to = from + dictionary.lengthOf(values[firstValue + part]);
    if (dictionary.mayNeedEscape) {
      const end = escapeInto(slab, at, dictionary.bytes, from, to, false);
      for (; at < end; at++) h = Math.imul(h ^ slab[at], HASH_PRIME);
    } else {
      h = copyAndHash(slab, at, dictionary.bytes, from, to, h);
      at += to - from;
    }
  }
  arena.close(offset, ref, at - start);
  series.keyOffset[ref] = offset;
  return finishHash(h);
}

/** Copies `bytes[from .. to)` to `target[at ..)` and returns the running hash with them; one pass, as the hash has to wait. */
function copyAndHash(target: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number, h: number): number {
  for (let i = from; i < to; i++) {
    const c = bytes[i];
    target[at++] = c;
    h = Math.imul(h ^ c, HASH_PRIME);
  }
  return h;
}

/** The bytes that all keys of a schema have: the measurement and the first `,key=`, then a `,key=` between values. */
function fixedParts(series: SeriesTable, id: number): Uint8Array[] {
  const schema = series.schemas.get(id);
  const parts: Uint8Array[] = [];
  let before = escaped(series.measurements.slice(schema.measurement), true);
  for (const key of schema.keys) {
    const name = escaped(series.tagKeys.slice(key), false);
    const part = new Uint8Array(before.length + name.length + 2);
    part.set(before);
    part[before.length] = 44;
    part.set(name, before.length + 1);
    part[part.length - 1] = 61;
    parts.push(part);
    before = new Uint8Array(0);
  }
  parts.push(before);
  return parts;
}

function escaped(bytes: Uint8Array, isMeasurement: boolean): Uint8Array {
  const out = new Uint8Array(bytes.length * 2 + 1);
  return out.subarray(0, escapeInto(out, 0, bytes, 0, bytes.length, isMeasurement));
}
