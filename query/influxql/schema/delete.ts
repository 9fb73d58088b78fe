/**
 * DELETE, DROP SERIES and DROP MEASUREMENT, over all retention policies of a database. Series that have no rows left are
 * gone from every listing when the statement is answered.
 *
 * InfluxDB takes `host > 'a'` in a deletion for `host != 'a'`. That deletes what nobody meant, so it is refused here.
 */
import type { Database } from '../../../engine/database.ts';
import { deleteRowsAndSeries } from '../../../engine/drop-series.ts';
import type { Instant } from '../../../engine/time.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { DeleteStatement, DropNamedStatement, Expression, MeasurementSource } from '../ast.ts';
import type { ResultSeries, StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf } from './answers.ts';
import { namesTime } from './condition.ts';
import { partitionsOf, type TimeRange } from './partitions.ts';
import { nameTest, policiesOf } from './policies.ts';
import { SeriesSets } from './series-sets.ts';
import { shardId } from './shards.ts';
import { splitTimes } from './times.ts';

export function deleteSeries(statement: DeleteStatement, context: StatementContext): StatementAnswer {
  if (statement.kind === 'drop series' && namesTime(statement.condition)) {
    throw new VarveError('bad_request', "DROP SERIES doesn't support time in WHERE clause");
  }
  const databases = policiesOf(context, context.database);
  const { condition, minNs, maxNs } = splitTimes(statement.condition, context);
  return answerOf(deleteFrom(databases, statement.sources, condition, { minNs, maxNs }, context));
}

export function dropMeasurement({ name }: DropNamedStatement, context: StatementContext): StatementAnswer {
  const databases = policiesOf(context, context.database);
  const source: MeasurementSource = { kind: 'measurement', database: '', retentionPolicy: '', name, regex: null };
  return answerOf(deleteFrom(databases, [source], null, { minNs: -(2n ** 63n), maxNs: 2n ** 63n - 1n }, context));
}

async function* deleteFrom(
  databases: readonly Database[],
  sources: readonly MeasurementSource[],
  condition: Expression | null,
  { minNs, maxNs }: TimeRange,
  { engine }: StatementContext,
): AsyncGenerator<ResultSeries> {
  const isMeant = nameTest(sources);
  for (const database of databases) {
    const names = () => database.index.measurementNames().filter(isMeant);
    if (names().length === 0) continue;
    refuseFields(condition, database);
    const select = (): Int32Array => {
      const sets = new SeriesSets(database, condition, 'none', { tagsOnly: true });
      return sorted(names().map((name) => sets.of(name)));
    };
    if (minNs > maxNs) continue;
    await deleteRowsAndSeries(engine, database, select, instantOf(minNs), instantOf(maxNs));
  }
  // Nothing is answered.
  yield* [];
}

function sorted(lists: readonly Int32Array[]): Int32Array {
  if (lists.length === 1) return lists[0];
  const all = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all.sort();
}

/** Throws for comparisons that are not of a tag with a string, a pattern or another tag. */
function refuseFields(expression: Expression | null, database: Database): void {
  if (expression === null || expression.kind === 'boolean') return;
  if (expression.kind === 'parentheses') {
    refuseFields(expression.inner, database);
    return;
  }
  if (expression.kind === 'binary') {
    const { operator, left, right } = expression;
    if (operator === 'AND' || operator === 'OR') {
      refuseFields(left, database);
      refuseFields(right, database);
      return;
    }
    const value = left.kind === 'variable' ? right : right.kind === 'variable' ? left : null;
    if (value !== null && (value.kind === 'string' || value.kind === 'regex' || value.kind === 'variable')) {
      if (operator === '=' || operator === '!=' || operator === '=~' || operator === '!~') return;
      throw new VarveError('bad_request', 'invalid tag comparison operator');
    }
  }
  const [first] = partitionsOf(database);
  const shard = first === undefined ? 1 : shardId(database, first);
  throw new VarveError('bad_request', `shard ${shard}: fields not supported in WHERE clause during deletion`);
}

function instantOf(ns: bigint): Instant {
  const nano = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { sec: Number((ns - nano) / 1_000_000_000n), nano: Number(nano) };
}
