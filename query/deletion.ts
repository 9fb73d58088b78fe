/**
 * From PromQL series to the rows that hold them. Rows are deleted whole, and a row may hold several fields, each a PromQL
 * series of its own: so all of them must be meant, or the deletion is refused rather than take more than was asked for.
 */
import { STRING } from '../batch/field-type.ts';
import type { Database } from '../engine/database.ts';
import { VarveError } from '../errors/errors.ts';
import { hashBytes } from '../index/hash.ts';
import { promName } from '../index/prom-names.ts';
import { selectSeries } from './prometheus-series.ts';
import type { LabelMatcher } from './promql/matcher.ts';

/**
 * Sorted refs of the series that any of the matcher sets selects.
 * @throws VarveError bad_request when their rows hold fields that are not selected.
 */
export function refsToDelete(database: Database, matcherSets: readonly (readonly LabelMatcher[])[]): Int32Array {
  const { index } = database;
  const selected = new Map<number, Set<string>>();
  for (const matchers of matcherSets) {
    for (const { sources } of selectSeries(database, matchers)) {
      for (const { ref, field } of sources) {
        const fields = selected.get(ref);
        if (fields === undefined) selected.set(ref, new Set([field]));
        else fields.add(field);
      }
    }
  }
  for (const [ref, names] of selected) {
    for (const id of index.fieldsOf(ref)) {
      const { name, type } = index.fields[id];
      if (type === STRING || names.has(name)) continue;
      const measurement = index.measurementName(ref);
      const [first] = names;
      throw new VarveError(
        'bad_request',
        `cannot delete ${promName(measurement, first)}: ${promName(measurement, name)} lies in the same rows; ` +
          'select both, or neither',
      );
    }
  }
  return Int32Array.from(selected.keys()).sort();
}

/** Sorted refs in another database of the series that these refs are in the first; those it lacks are left out. */
export function sameSeriesIn(from: Database, refs: Int32Array, to: Database): Int32Array {
  const found: number[] = [];
  for (const ref of refs) {
    const key = from.index.seriesKey(ref);
    const same = to.index.find(key, 0, key.length, hashBytes(key, 0, key.length));
    if (same >= 0) found.push(same);
  }
  return Int32Array.from(found).sort();
}
