/**
 * Distinct values of a tag key among some series, in the order of their bytes, without making more strings than are
 * wanted: ids of values are marked, and only the first of them sorted when there is a limit.
 */
import type { Database } from '../../../engine/database.ts';
import type { Dictionary } from '../../../index/dictionary.ts';
import { smallest } from './smallest.ts';

const encoder = new TextEncoder();
const NONE = new Int32Array(0);

/** Values of one tag key, ascending by their bytes. */
export interface SortedValues {
  readonly dictionary: Dictionary;
  readonly ids: Int32Array;
}

/** The id of a tag key, -1 when no series has it. */
export function tagKeyId(database: Database, name: string): number {
  const bytes = encoder.encode(name);
  return database.index.series.tagKeys.find(bytes, 0, bytes.length);
}

/** Ids of the tag keys that live series have, in the order of their bytes. */
export function tagKeysOf(database: Database, refs: Int32Array): Int32Array {
  const { series } = database.index;
  const { schema } = series;
  const schemas = new Set<number>();
  let before = -1;
  for (let i = 0; i < refs.length; i++) {
    const own = schema[refs[i]];
    if (own === before) continue;
    before = own;
    if (own >= 0) schemas.add(own);
  }
  const seen = new Set<number>();
  for (const id of schemas) for (const key of series.schemas.get(id).keys) seen.add(key);
  const ids = Int32Array.from(seen);
  series.tagKeys.sortIds(ids);
  return ids;
}

/**
 * Values of a tag key among live series, sorted.
 * @param refs null for all that have the key
 * @param count how many of the first are wanted; more may come
 */
export function sortedValues(database: Database, key: number, refs: Int32Array | null, count: number): SortedValues {
  const dictionary = database.index.series.tagValues[key];
  const all = refs === null ? null : distinctValues(database, key, refs);
  const isAll = all === null || all.length === dictionary.live;
  if (isAll && (dictionary.isSorted || count * 8 >= dictionary.live))
    return { dictionary, ids: dictionary.sortedIds() };
  const ids = all ?? liveIds(dictionary);
  if (count * 8 < ids.length) return { dictionary, ids: smallest(ids, count, (a, b) => compareIds(dictionary, a, b)) };
  if (ids.length * (dictionary.isSorted ? 64 : 2) > dictionary.live) {
    // Their order among all values is kept by the dictionary until there are new ones.
    const isWanted = new Uint8Array(dictionary.limit);
    for (let i = 0; i < ids.length; i++) isWanted[ids[i]] = 1;
    return { dictionary, ids: dictionary.sortedIds().filter((id) => isWanted[id] === 1) };
  }
  dictionary.sortIds(ids);
  return { dictionary, ids };
}

/** Ids with series. */
function liveIds({ counts, limit, live }: Dictionary): Int32Array {
  const ids = new Int32Array(live);
  let n = 0;
  for (let id = 0; id < limit; id++) if (counts[id] > 0) ids[n++] = id;
  return ids;
}

/** Ids of the values that a tag key has among live series, in no order. */
export function distinctValues(database: Database, key: number, refs: Int32Array): Int32Array {
  const { series } = database.index;
  const positions = series.schemas.positions(key);
  const { schema, valuesAt, values, tagValues } = series;
  const { limit } = tagValues[key];
  const found = new Int32Array(Math.min(refs.length, limit));
  let n = 0;
  if (refs.length * 16 < limit) {
    const seen = new Set<number>();
    for (let i = 0; i < refs.length; i++) {
      const position = positions[schema[refs[i]]];
      if (position >= 0) seen.add(values[valuesAt[refs[i]] + position]);
    }
    return seen.size === 0 ? NONE : Int32Array.from(seen);
  }
  const seen = new Uint8Array(limit);
  for (let i = 0; i < refs.length; i++) {
    const ref = refs[i];
    const position = positions[schema[ref]];
    if (position < 0) continue;
    const value = values[valuesAt[ref] + position];
    if (seen[value] === 1) continue;
    seen[value] = 1;
    found[n++] = value;
  }
  return found.subarray(0, n);
}

/** Compares two strings of a dictionary by their bytes. */
function compareIds(dictionary: Dictionary, a: number, b: number): number {
  if (a === b) return 0;
  const { bytes } = dictionary;
  const aStart = dictionary.startOf(a);
  const bStart = dictionary.startOf(b);
  const aLength = dictionary.lengthOf(a);
  const bLength = dictionary.lengthOf(b);
  const length = Math.min(aLength, bLength);
  for (let i = 0; i < length; i++) {
    const difference = bytes[aStart + i] - bytes[bStart + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
