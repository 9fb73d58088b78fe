/**
 * Conditions of SHOW TAG KEYS and SHOW TAG VALUES, which InfluxDB answers from its index alone: what decides over
 * measurements apart from what decides over series.
 */
import type { Database } from '../../../engine/database.ts';
import type { Expression } from '../ast.ts';
import {
  filterMeasurements,
  isOfMeasurement,
  isOfTag,
  keepComparisons,
  type MeasurementsByTag,
  refuseOtherOperators,
} from './condition.ts';
import { measurementNames } from './policies.ts';
import { SeriesSets } from './series-sets.ts';

/** The measurements that a condition on `_name` leaves, and the series that the rest of it leaves. */
export interface IndexCondition {
  readonly names: readonly string[];
  /** By database; null when there is no condition on series. */
  readonly sets: ReadonlyMap<Database, SeriesSets> | null;
}

/** Takes a condition apart; `_tagKey` is left to the caller. Throws `bad_request` for what cannot be in it. */
export function indexCondition(databases: readonly Database[], condition: Expression | null): IndexCondition {
  const ofMeasurements = keepComparisons(condition, isOfMeasurement);
  const all = measurementNames(databases);
  const names =
    ofMeasurements === null ? all : filterMeasurements(all, ofMeasurements, measurementsByTag(databases, all));
  refuseOtherOperators(condition);
  const ofSeries = keepComparisons(condition, isOfTag);
  if (ofSeries === null) return { names, sets: null };
  const setsOf = (database: Database) => new SeriesSets(database, ofSeries, 'all', { noFields: true });
  return { names, sets: new Map(databases.map((database) => [database, setsOf(database)])) };
}

/**
 * Measurements by values of a tag, over several databases: those that have a value that passes, or, for the negative
 * operators, those that have values and none that passes.
 */
export function measurementsByTag(databases: readonly Database[], names: readonly string[]): MeasurementsByTag {
  return (key, test, literal, some) => {
    const present = new Set<string>();
    const passing = new Set<string>();
    for (const database of databases) {
      const { index } = database;
      if (!some) addMeasurements(database, index.select(null, [{ key, op: '!=', value: '' }]), present);
      const matcher =
        literal !== null
          ? ({ key, op: '=', value: literal } as const)
          : ({ key, op: '=~', value: '', test: (value: string) => value !== '' && test(value) } as const);
      if (literal !== '') addMeasurements(database, index.select(null, [matcher]), passing);
    }
    return names.filter((name) => (some ? passing.has(name) : present.has(name) && !passing.has(name)));
  };
}

function addMeasurements(database: Database, refs: Int32Array, names: Set<string>): void {
  const { index } = database;
  const seen = new Set<number>();
  let before = -1;
  for (const ref of refs) {
    const id = index.measurementOf(ref);
    if (id === before) continue;
    before = id;
    seen.add(id);
  }
  for (const id of seen) names.add(index.measurementText(id));
}
