/** Statements about the schema, by kind. */
import { VarveError } from '../../../errors/errors.ts';
import type { DropNamedStatement, Statement, SubscriptionStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { emptyAnswer } from './answers.ts';
import { deleteSeries, dropMeasurement } from './delete.ts';
import { showDiagnostics, showStats } from './diagnostics.ts';
import { explain } from './explain.ts';
import { killQuery, showQueries } from './queries.ts';
import { dropShard, showShardGroups, showShards } from './shards.ts';
import { showCardinality } from './show-cardinality.ts';
import { showFieldKeys } from './show-field-keys.ts';
import { showMeasurements } from './show-measurements.ts';
import { showSeries } from './show-series.ts';
import { showTagKeys } from './show-tag-keys.ts';
import { showTagValues } from './show-tag-values.ts';

/**
 * Answers a statement about the schema, or null for any other kind.
 * @throws VarveError with InfluxDB's text
 */
export function executeSchema(statement: Statement, context: StatementContext): StatementAnswer | null {
  if (needsDatabase(statement) && context.database === '') {
    throw new VarveError('bad_request', 'database name required');
  }
  switch (statement.kind) {
    case 'show measurements':
      return showMeasurements(statement, context);
    case 'show series':
      return showSeries(statement, context);
    case 'show tag keys':
      return showTagKeys(statement, context);
    case 'show tag values':
      return showTagValues(statement, context);
    case 'show field keys':
      return showFieldKeys(statement, context);
    case 'show cardinality':
      return showCardinality(statement, context);
    case 'delete':
    case 'drop series':
      return deleteSeries(statement, context);
    case 'drop measurement':
      return dropMeasurement(statement as DropNamedStatement, context);
    case 'drop shard':
      return dropShard(statement, context);
    case 'show shards':
      return showShards(context);
    case 'show shard groups':
      return showShardGroups(context);
    case 'show queries':
      return showQueries(context);
    case 'kill query':
      return killQuery(statement, context);
    case 'show stats':
      return showStats(statement, context);
    case 'show diagnostics':
      return showDiagnostics(statement, context);
    case 'show subscriptions':
      return emptyAnswer();
    case 'create subscription':
    case 'drop subscription':
      return refuseSubscription(statement, context);
    case 'explain':
      return explain(statement, context);
    default:
      return null;
  }
}

/** Nothing is ever sent on to other servers, so there are no subscriptions. */
function refuseSubscription(statement: SubscriptionStatement, { engine }: StatementContext): never {
  engine.resolve(statement.database, statement.retentionPolicy);
  if (statement.kind === 'drop subscription') throw new VarveError('not_found', 'subscription not found');
  throw new VarveError('bad_request', 'cannot create subscription: rows are not sent on to other servers');
}

function needsDatabase(statement: Statement): boolean {
  return 'database' in statement && statement.database === '' && statement.kind.startsWith('show');
}
