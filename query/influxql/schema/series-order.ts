/**
 * The order of series in answers: by measurement, then tag by tag, keys before values, by their bytes; a series whose tags
 * another one begins with comes first. Compared by ids where they are equal, by bytes where they are not.
 */
import type { Database } from '../../../engine/database.ts';
import { smallest } from './smallest.ts';
import { compareIds } from './tag-values.ts';

/** Compares series of one measurement and database. */
export function seriesComparer(database: Database): (a: number, b: number) => number {
  const { series } = database.index;
  const { tagKeys, tagValues, valuesAt, values } = series;
  return (a, b) => {
    const aKeys = series.schemas.get(series.schemaOf(a)).keys;
    const bKeys = series.schemas.get(series.schemaOf(b)).keys;
    const length = Math.min(aKeys.length, bKeys.length);
    const aAt = valuesAt[a];
    const bAt = valuesAt[b];
    for (let i = 0; i < length; i++) {
      const key = aKeys[i];
      if (key !== bKeys[i]) return compareIds(tagKeys, key, bKeys[i]);
      const x = values[aAt + i];
      const y = values[bAt + i];
      if (x !== y) return compareIds(tagValues[key], x, y);
    }
    return aKeys.length - bKeys.length;
  };
}

/** The first series of some of one measurement, in order; may change the order of `refs`. */
export function firstSeries(database: Database, refs: Int32Array, count: number): Int32Array {
  return smallest(refs, Math.min(count, refs.length), seriesComparer(database));
}
