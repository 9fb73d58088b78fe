/**
 * The order of series in answers: by measurement, then tag by tag, keys before values, by their bytes; a series whose tags
 * another one begins with comes first.
 *
 * Sorted from the front, so that the first series are there before the last are looked at:
 * 1. The series of a group, which are equal up to their tag number `depth`, are counted by that tag: key id and value id.
 * 2. The tags that occur are sorted, keys and then values of each key; their places are where the parts of the group begin.
 * 3. The series are put into their parts. A part of one series is done, others go on with the next tag, first part first.
 */
import type { Database } from '../../../engine/database.ts';

/** Sorts series of one database; to be used for many measurements, as it holds room for counts. */
export class SeriesSorter {
  private readonly database: Database;
  private moved = new Int32Array(0);
  /** By tag key id, [value id]: how many series of the group have the value, then where the next of them goes. Zero between groups. */
  private readonly counts: (Int32Array | undefined)[] = [];

  constructor(database: Database) {
    this.database = database;
  }

  /** Yields series of one measurement in order, in runs; `refs` are sorted in place. */
  *inOrder(refs: Int32Array): Generator<Int32Array> {
    const groups: [from: number, to: number, depth: number][] = [[0, refs.length, 0]];
    while (groups.length > 0) {
      const [from, to, depth] = groups.pop()!;
      const ends = to - from === 1 ? [to] : this.split(refs, from, to, depth);
      if (ends.length === to - from) {
        yield refs.subarray(from, to);
        continue;
      }
      for (let i = ends.length - 1; i >= 0; i--) groups.push([i === 0 ? from : ends[i - 1], ends[i], depth + 1]);
    }
  }

  /** Sorts a group by the tag at a depth. Returns where its parts end, ascending; equal series are one part. */
  private split(refs: Int32Array, from: number, to: number, depth: number): number[] {
    if (this.moved.length < to) this.moved = new Int32Array(refs.length);
    const { moved } = this;
    const { series } = this.database.index;
    const { schemas, valuesAt, values } = series;
    const found = new Map<number, number[]>();
    let short = 0;
    let lastSchema = -1;
    let key = -1;
    let counts: Int32Array | null = null;
    let ids: number[] | null = null;
    for (let i = from; i < to; i++) {
      const ref = refs[i];
      const schema = series.schemaOf(ref);
      if (schema !== lastSchema) {
        lastSchema = schema;
        const { keys } = schemas.get(lastSchema);
        key = depth < keys.length ? keys[depth] : -1;
        if (key >= 0) {
          counts = this.countsOf(key);
          ids = found.get(key) ?? [];
          found.set(key, ids);
        }
      }
      if (key < 0) {
        short++;
        continue;
      }
      const value = values[valuesAt[ref] + depth];
      if (counts![value]++ === 0) ids!.push(value);
    }
    const ends: number[] = [];
    let at = from + short;
    if (short > 0) ends.push(at);
    const sortedKeys = Int32Array.from(found.keys());
    series.tagKeys.sortIds(sortedKeys);
    for (const each of sortedKeys) {
      const places = this.countsOf(each);
      for (const value of this.sortedIds(each, found.get(each)!)) {
        const count = places[value];
        places[value] = at;
        at += count;
        ends.push(at);
      }
    }
    let nextShort = from;
    for (let i = from; i < to; i++) {
      const ref = refs[i];
      const { keys } = schemas.get(series.schemaOf(ref));
      if (depth >= keys.length) moved[nextShort++] = ref;
      else moved[this.counts[keys[depth]]![values[valuesAt[ref] + depth]]++] = ref;
    }
    for (let i = from; i < to; i++) refs[i] = moved[i];
    for (const [each, list] of found) {
      const places = this.counts[each]!;
      for (const value of list) places[value] = 0;
    }
    return ends;
  }

  private countsOf(key: number): Int32Array {
    const { limit } = this.database.index.series.tagValues[key];
    let counts = this.counts[key];
    if (counts === undefined || counts.length < limit) {
      counts = new Int32Array(limit);
      this.counts[key] = counts;
    }
    return counts;
  }

  private sortedIds(key: number, found: readonly number[]): Int32Array {
    const dictionary = this.database.index.series.tagValues[key];
    if (found.length === dictionary.live) return dictionary.sortedIds();
    const ids = Int32Array.from(found);
    dictionary.sortIds(ids);
    return ids;
  }
}
