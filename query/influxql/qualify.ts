/** Measurements by their full names: `database.policy.name`, with what the request leaves unsaid put in. */
import { FIRST_POLICY } from '../../engine/retention-policy.ts';
import type { MeasurementSource, SelectStatement, Source, Statement } from './ast.ts';
import type { StatementContext } from './statement-context.ts';

/** A statement as InfluxDB runs and shows it. Only SELECTs are changed by that. */
export function qualified(statement: Statement, context: StatementContext): Statement {
  return statement.kind === 'select' ? qualifiedSelect(statement, context) : statement;
}

export function qualifiedSelect(statement: SelectStatement, context: StatementContext): SelectStatement {
  const { into } = statement;
  return {
    ...statement,
    into: into === null ? null : { ...into, measurement: qualifiedMeasurement(into.measurement, context) },
    sources: statement.sources.map(
      (source): Source =>
        source.kind === 'subquery'
          ? { ...source, statement: qualifiedSelect(source.statement, context) }
          : qualifiedMeasurement(source, context),
    ),
  };
}

function qualifiedMeasurement(source: MeasurementSource, context: StatementContext): MeasurementSource {
  const database = source.database || context.database;
  const retentionPolicy = source.retentionPolicy || context.retentionPolicy || defaultPolicy(database, context);
  return { ...source, database, retentionPolicy };
}

function defaultPolicy(database: string, { engine }: StatementContext): string {
  if (!engine.hasDatabase(database)) return FIRST_POLICY;
  return engine.defaultRetentionPolicy(database);
}

/**
 * Throws InfluxDB's `not_found` for a SELECT that names a database or a policy that does not exist, even where nothing
 * would be read from it.
 */
export function checkPlaces({ sources, into }: SelectStatement, context: StatementContext): void {
  for (const source of sources) {
    if (source.kind === 'subquery') checkPlaces(source.statement, context);
    else context.resolve(source.database, source.retentionPolicy);
  }
  if (into !== null) context.resolve(into.measurement.database, into.measurement.retentionPolicy);
}
