/**
 * Where a statement about the schema looks. InfluxDB keeps one index per database, over all its retention policies, and
 * most statements answer from that; here every policy has an index of its own, so they answer from all of them together.
 * What reads series through shards (cardinalities, field keys, SHOW SERIES with a time) looks at one policy only.
 */
import type { Database } from '../../../engine/database.ts';
import type { MeasurementSource } from '../ast.ts';
import type { StatementContext } from '../statement-context.ts';
import { compareBytes, mergeSorted } from './byte-order.ts';
import { matcherOf } from './patterns.ts';

/** All policies' rows of a database, in the order of creation. Throws `not_found`. */
export function policiesOf(context: StatementContext, database: string): Database[] {
  // One that is there for clients, though nothing was ever written to it.
  if (!context.engine.hasDatabase(database) && context.resolve(database, '') === null) return [];
  return context.engine.retentionPolicies(database).map((policy) => policy.database);
}

/** As `policiesOf`, none when there is no such database. */
export function policiesIfAny(context: StatementContext, database: string): Database[] {
  return context.engine.hasDatabase(database) ? policiesOf(context, database) : [];
}

/** Names of measurements with series, in any of the policies, in the order of their bytes. */
export function measurementNames(databases: readonly Database[]): readonly string[] {
  return mergeSorted(databases.map((database) => database.index.measurementNames()));
}

/** Whether a name is meant by any of the sources; no source means all. */
export function nameTest(sources: readonly MeasurementSource[]): (name: string) => boolean {
  if (sources.length === 0) return () => true;
  const names = new Set<string>();
  const patterns: ((name: string) => boolean)[] = [];
  for (const { name, regex } of sources) {
    if (regex !== null) patterns.push(matcherOf(regex.pattern));
    else names.add(name);
  }
  return (name) => names.has(name) || patterns.some((matches) => matches(name));
}

/** Sources that look at the same rows. */
export interface SourceGroup {
  readonly databases: readonly Database[];
  /** None means all measurements. */
  readonly sources: readonly MeasurementSource[];
}

/**
 * The sources by what they look at.
 * @param wide every policy of a source's database rather than the source's own
 * @throws VarveError `not_found` for databases and policies that do not exist
 */
export function sourceGroups(
  context: StatementContext,
  database: string,
  sources: readonly MeasurementSource[],
  wide: boolean,
): SourceGroup[] {
  const groups = new Map<string, { databases: Database[]; sources: MeasurementSource[] }>();
  const add = (ownDatabase: string, policy: string): MeasurementSource[] => {
    const own = context.resolve(ownDatabase, policy);
    const key = wide || own === null ? ownDatabase : String(own.id);
    let group = groups.get(key);
    if (group === undefined) {
      group = { databases: own === null ? [] : wide ? policiesOf(context, ownDatabase) : [own], sources: [] };
      groups.set(key, group);
    }
    return group.sources;
  };
  if (sources.length === 0) add(database, '');
  for (const source of sources) {
    add(source.database === '' ? database : source.database, source.retentionPolicy).push(source);
  }
  return [...groups.values()];
}

/** A measurement with the databases that may have series of it. */
export interface NamedMeasurement {
  readonly name: string;
  readonly databases: readonly Database[];
}

/** The measurements of all groups, by the bytes of their names; equal names of different groups are one. */
export function measurementsOfGroups(groups: readonly SourceGroup[]): NamedMeasurement[] {
  const found = new Map<string, Set<Database>>();
  for (const { databases, sources } of groups) {
    const isMeant = nameTest(sources);
    for (const database of databases) {
      for (const name of database.index.measurementNames()) {
        if (!isMeant(name)) continue;
        const known = found.get(name);
        if (known === undefined) found.set(name, new Set([database]));
        else known.add(database);
      }
    }
  }
  return [...found]
    .map(([name, databases]) => ({ name, databases: [...databases] }))
    .sort((a, b) => compareBytes(a.name, b.name));
}
