/**
 * Names and values of labels, of all series or of some, sorted by their bytes, with an optional limit.
 *
 * Without series to look at, the dictionaries answer; their order is computed once and kept until it changes.
 */
import type { Dictionary } from './dictionary.ts';
import type { SeriesTable } from './series-table.ts';

const encoder = new TextEncoder();

/** Names of measurements that have series. */
export function measurementNames(series: SeriesTable, limit: number): string[] {
  return firstStrings(series.measurements, series.measurements.sortedIds(), limit);
}

/** Tag keys that series have; `refs` restricts to some series. */
export function tagKeyNames(series: SeriesTable, refs: Int32Array | null, limit: number): string[] {
  const seen = new Uint8Array(series.tagKeys.limit);
  if (refs === null) {
    for (let key = 0; key < series.tagValues.length; key++) seen[key] = series.tagValues[key].total > 0 ? 1 : 0;
  } else {
    const schemas = new Uint8Array(series.schemas.count);
    for (let i = 0; i < refs.length; i++) schemas[series.schemaOf(refs[i])] = 1;
    for (let id = 0; id < schemas.length; id++) {
      if (schemas[id] === 1) for (const key of series.schemas.get(id).keys) seen[key] = 1;
    }
  }
  return sortedStrings(series.tagKeys, seen, limit);
}

/** Values of a tag key; `refs` restricts to some series. */
export function tagValueNames(series: SeriesTable, name: string, refs: Int32Array | null, limit: number): string[] {
  const bytes = encoder.encode(name);
  const key = series.tagKeys.find(bytes, 0, bytes.length);
  if (key < 0) return [];
  const dictionary = series.tagValues[key];
  if (refs === null) return firstStrings(dictionary, dictionary.sortedIds(), limit);
  const seen = new Uint8Array(dictionary.limit);
  const ids = valueIds(series, key, refs);
  for (let i = 0; i < ids.length; i++) if (ids[i] >= 0) seen[ids[i]] = 1;
  return sortedStrings(dictionary, seen, limit);
}

/** The value id of a tag key for each ref, -1 where the series lacks it. */
export function valueIds(series: SeriesTable, key: number, refs: Int32Array): Int32Array {
  const ids = new Int32Array(refs.length).fill(-1);
  const positions = series.schemas.positions(key);
  const { valuesAt, values } = series;
  for (let i = 0; i < refs.length; i++) {
    const position = positions[series.schemaOf(refs[i])];
    if (position >= 0) ids[i] = values[valuesAt[refs[i]] + position];
  }
  return ids;
}

function sortedStrings(dictionary: Dictionary, seen: Uint8Array, limit: number): string[] {
  let count = 0;
  for (let id = 0; id < seen.length; id++) count += seen[id];
  const ids = new Int32Array(count);
  let n = 0;
  for (let id = 0; id < seen.length; id++) if (seen[id] === 1) ids[n++] = id;
  dictionary.sortIds(ids);
  return firstStrings(dictionary, ids, limit);
}

function firstStrings(dictionary: Dictionary, ids: Int32Array, limit: number): string[] {
  const count = Math.min(ids.length, limit);
  const strings = new Array<string>(count);
  for (let i = 0; i < count; i++) strings[i] = dictionary.string(ids[i]);
  return strings;
}
