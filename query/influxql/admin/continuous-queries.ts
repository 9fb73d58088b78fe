/** Statements about continuous queries. What is kept is their canonical text, with the full names of measurements. */
import { type Rights, sees } from '../../../access/rights.ts';
import { databaseNotFound } from '../../../engine/retention-policy.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { CreateContinuousQueryStatement, MeasurementSource, SelectStatement } from '../ast.ts';
import { parseStatements } from '../parser/parser.ts';
import { printStatement } from '../print-statement.ts';
import { requiredBy } from '../privileges.ts';
import { qualifiedSelect } from '../qualify.ts';
import type { ResultSeries } from '../result.ts';
import { rowSeries } from '../schema/answers.ts';
import type { StatementContext } from '../statement-context.ts';

/**
 * One series for each database that the asker may read, those without continuous queries too. Queries that name a database of
 * which the asker may not know are left out.
 */
export function showContinuousQueries({ engine, rights }: StatementContext): ResultSeries[] {
  const seen = engine.databases().filter((database) => rights.may('read', database));
  return seen.map((database) =>
    rowSeries(
      database,
      ['name', 'query'],
      engine
        .continuousQueries(database)
        .filter(({ text }) => isSeen(text, rights))
        .map(({ name, text }) => [name, text]),
    ),
  );
}

/** Whether somebody may know of every database that a continuous query reads and writes. */
function isSeen(text: string, rights: Rights): boolean {
  if (rights.may('admin', '')) return true;
  return parseStatements(text).every((statement) => requiredBy(statement).every(([, of]) => sees(rights, of)));
}

export function createContinuousQuery(statement: CreateContinuousQueryStatement, context: StatementContext): void {
  const { engine } = context;
  const { name, database } = statement;
  if (!engine.hasDatabase(database)) throw databaseNotFound(database);
  // As in InfluxDB the request's database goes before the one that the query is kept in.
  const assumed = context.namedDatabase || database;
  const select = qualifiedSelect(statement.select, { ...context, database: assumed, retentionPolicy: '' });
  checkMeasurements(select, context);
  const text = printStatement({ ...statement, select });
  const existing = engine.continuousQueries(database);
  const same = existing.find((each) => each.name === name);
  if (same === undefined) engine.setContinuousQueries(database, [...existing, { name, text }]);
  // As InfluxDB compares them.
  else if (same.text.toLowerCase() !== text.toLowerCase()) {
    throw new VarveError('bad_request', 'continuous query already exists');
  }
}

/** Removes a continuous query; one that does not exist is fine. */
export function dropContinuousQuery(database: string, name: string, { engine }: StatementContext): void {
  if (!engine.hasDatabase(database)) return;
  const existing = engine.continuousQueries(database);
  const left = existing.filter((each) => each.name !== name);
  if (left.length < existing.length) engine.setContinuousQueries(database, left);
}

/** Throws unless the databases and retention policies that a query names, the target's first, exist. */
function checkMeasurements({ into, sources }: SelectStatement, context: StatementContext): void {
  if (into !== null) checkMeasurement(into.measurement, context);
  for (const source of sources) {
    if (source.kind === 'subquery') checkMeasurements(source.statement, context);
    else checkMeasurement(source, context);
  }
}

function checkMeasurement({ database, retentionPolicy }: MeasurementSource, { engine }: StatementContext): void {
  if (!engine.hasDatabase(database)) throw databaseNotFound(database);
  if (!engine.retentionPolicies(database).some(({ name }) => name === retentionPolicy)) {
    throw new VarveError('not_found', `retention policy not found: ${database}.${retentionPolicy}`);
  }
}
