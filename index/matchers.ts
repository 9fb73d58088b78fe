/**
 * Selection: from matchers on tags to the sorted refs of the series that match.
 *
 * 1. Every matcher becomes a set of value ids of its key, or the complement of one, and whether a series without the
 *    tag matches. A missing tag counts as the empty string, as in Prometheus. Regular expressions are tried against
 *    the dictionary of the key's values, not against series.
 * 2. The dictionary's counts tell how many series each matcher leaves. The smallest gives the candidates, from its
 *    postings; when even that is a large part of all series, all of them are the candidates.
 * 3. The other matchers filter the candidates by the forward index: one look at the series' value id each.
 */
import type { Dictionary } from './dictionary.ts';
import { MEASUREMENT, type Postings } from './postings.ts';
import { compileRegex, type Regex } from './regex.ts';
import type { SeriesTable } from './series-table.ts';

export interface TagMatcher {
  key: string;
  op: '=' | '!=' | '=~' | '!~';
  /** The string to compare with, or the pattern. */
  value: string;
  /** For the regex operators: used instead of compiling `value` when given. Must match whole strings. */
  test?: (text: string) => boolean;
  /** Beside `test`: all the strings that it passes, when they can be listed. */
  literals?: readonly string[] | null;
  /** Beside `test`: what all strings that it passes begin with. */
  prefix?: string;
}

/** A matcher in terms of value ids. */
interface ValueSet {
  /** Tag key id; -1 when no series has the key. */
  key: number;
  /** Whether a series without the tag matches. */
  matchesMissing: boolean;
  /** The value ids that match or, when `inverted`, those that do not. */
  ids: Int32Array;
  inverted: boolean;
  /** Series that have the tag and match. */
  series: number;
}

const encoder = new TextEncoder();
const NONE = new Int32Array(0);

/**
 * The live series of a measurement (null for all) that match every matcher, ascending. The caller owns the result.
 * Throws `bad_request` for a bad pattern.
 */
export function selectSeries(
  series: SeriesTable,
  postings: Postings,
  measurement: number | null,
  matchers: readonly TagMatcher[],
): Int32Array {
  const sets: ValueSet[] = [];
  for (const matcher of matchers) {
    const set = resolve(series, matcher);
    if (set.key < 0 || (set.series === 0 && set.ids.length === 0 && !set.inverted)) {
      if (!set.matchesMissing) return NONE;
      if (set.key < 0) continue;
    }
    if (set.inverted && set.ids.length === 0 && set.matchesMissing) continue;
    sets.push(set);
  }
  const ofMeasurement = measurement === null ? series.count : (series.measurements.counts[measurement] ?? 0);
  if (ofMeasurement === 0) return NONE;
  let first: ValueSet | null = null;
  for (const set of sets) {
    if (set.matchesMissing) continue;
    if (set.series === 0) return NONE;
    if (!set.inverted && set.series < (first === null ? ofMeasurement : first.series)) first = set;
  }
  let refs: Int32Array;
  let measurementPending = measurement !== null;
  if (first !== null && first.series * 4 < series.count + 1024) {
    refs = postings.union(first.key, first.ids);
    sets.splice(sets.indexOf(first), 1);
  } else if (measurement !== null) {
    refs = postings.refs(MEASUREMENT, measurement);
    measurementPending = false;
  } else {
    refs = allSeries(series);
  }
  let count = refs.length;
  if (measurementPending) count = filterByMeasurement(series, measurement as number, refs, count);
  sets.sort((a, b) => a.series - b.series);
  for (const set of sets) count = filterByValue(series, set, refs, count);
  return count === refs.length ? refs : refs.slice(0, count);
}

/** All live refs, ascending. */
function allSeries(series: SeriesTable): Int32Array {
  const refs = new Int32Array(series.count);
  let n = 0;
  for (let ref = 0; ref < series.limit; ref++) if (series.schema[ref] >= 0) refs[n++] = ref;
  return refs;
}

function filterByMeasurement(series: SeriesTable, measurement: number, refs: Int32Array, count: number): number {
  const measurements = series.schemas.measurements.items;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const ref = refs[i];
    if (measurements[series.schema[ref]] === measurement) refs[kept++] = ref;
  }
  return kept;
}

/** Keeps the refs that are in the set, in place, and returns how many they are. */
function filterByValue(series: SeriesTable, set: ValueSet, refs: Int32Array, count: number): number {
  const positions = series.schemas.positions(set.key);
  const { schema, valuesAt, values } = series;
  const member = new Uint8Array(series.tagValues[set.key].limit);
  const inside = set.inverted ? 0 : 1;
  if (set.inverted) member.fill(1);
  for (const id of set.ids) member[id] = inside;
  const missing = set.matchesMissing ? 1 : 0;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const ref = refs[i];
    const position = positions[schema[ref]];
    if ((position < 0 ? missing : member[values[valuesAt[ref] + position]]) === 1) refs[kept++] = ref;
  }
  return kept;
}

function resolve(series: SeriesTable, matcher: TagMatcher): ValueSet {
  const keyBytes = encoder.encode(matcher.key);
  const key = series.tagKeys.find(keyBytes, 0, keyBytes.length);
  const inverted = matcher.op === '!=' || matcher.op === '!~';
  const dictionary = key < 0 ? null : series.tagValues[key];
  let matchesEmpty: boolean;
  let ids: Int32Array;
  if (matcher.op === '=' || matcher.op === '!=') {
    matchesEmpty = matcher.value === '';
    ids = dictionary === null ? NONE : idsOf(dictionary, [matcher.value]);
  } else {
    const regex: Regex =
      matcher.test === undefined
        ? compileRegex(matcher.value)
        : {
            pattern: matcher.value,
            literals: matcher.literals ?? null,
            prefix: matcher.prefix ?? '',
            test: matcher.test,
          };
    matchesEmpty = regex.test('');
    ids = dictionary === null ? NONE : matchingIds(dictionary, regex);
  }
  let listed = 0;
  if (dictionary !== null) for (const id of ids) listed += dictionary.counts[id];
  const total = dictionary === null ? 0 : dictionary.total;
  return {
    key,
    matchesMissing: matchesEmpty !== inverted,
    ids,
    inverted,
    series: inverted ? total - listed : listed,
  };
}

/** The ids of those strings that are in the dictionary, without repeats. */
function idsOf(dictionary: Dictionary, texts: readonly string[]): Int32Array {
  const ids = new Set<number>();
  for (const text of texts) {
    const bytes = encoder.encode(text);
    const id = dictionary.find(bytes, 0, bytes.length);
    if (id >= 0 && dictionary.counts[id] > 0) ids.add(id);
  }
  return Int32Array.from(ids);
}

/** The ids of the values in use that a regex matches. */
function matchingIds(dictionary: Dictionary, regex: Regex): Int32Array {
  if (regex.literals !== null) return idsOf(dictionary, regex.literals);
  const prefix = encoder.encode(regex.prefix);
  let ids = new Int32Array(16);
  let n = 0;
  const { counts, limit } = dictionary;
  for (let id = 0; id < limit; id++) {
    if (counts[id] === 0 || !hasPrefix(dictionary, id, prefix) || !regex.test(dictionary.string(id))) continue;
    if (n === ids.length) {
      const grown = new Int32Array(n * 2);
      grown.set(ids);
      ids = grown;
    }
    ids[n++] = id;
  }
  return ids.subarray(0, n);
}

function hasPrefix(dictionary: Dictionary, id: number, prefix: Uint8Array): boolean {
  if (dictionary.lengthOf(id) < prefix.length) return false;
  const at = dictionary.startOf(id);
  for (let i = 0; i < prefix.length; i++) if (dictionary.bytes[at + i] !== prefix[i]) return false;
  return true;
}
