/** Statements about databases and their retention policies. */
import { sees } from '../../../access/rights.ts';
import type { Engine } from '../../../engine/engine.ts';
import {
  FIRST_POLICY,
  isValidName,
  type PolicyChange,
  settledShardDuration,
  shardDurationFor,
} from '../../../engine/retention-policy.ts';
import { VarveError } from '../../../errors/errors.ts';
import { goDuration, msOfNs, nsOfMs } from '../../go-math/go-duration.ts';
import type {
  CreateDatabaseStatement,
  RetentionPolicySpec,
  RetentionPolicyStatement,
  ShowRetentionPoliciesStatement,
} from '../ast.ts';
import type { ResultSeries } from '../result.ts';
import { rowSeries } from '../schema/answers.ts';
import type { StatementContext } from '../statement-context.ts';

const COLUMNS = ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'] as const;

export function showDatabases({ engine, rights }: StatementContext): ResultSeries {
  const seen = engine.databases().filter((name) => sees(rights, name));
  return rowSeries(
    'databases',
    ['name'],
    seen.map((name) => [name]),
  );
}

export function showRetentionPolicies(
  { database }: ShowRetentionPoliciesStatement,
  context: StatementContext,
): ResultSeries {
  const name = database === '' ? context.database : database;
  if (name === '') throw new VarveError('bad_request', 'database name required');
  const { engine } = context;
  // A database that is taken to be there, before anything was written to it, has the policy that it will begin with.
  if (!engine.hasDatabase(name) && context.resolve(name, '') === null) {
    return rowSeries('', COLUMNS, [policyRow(FIRST_POLICY, engine.options.retentionMs, 0, 1, true)]);
  }
  return rowSeries(
    '',
    COLUMNS,
    engine
      .retentionPolicies(name)
      .map((policy) =>
        policyRow(policy.name, policy.retentionMs, policy.shardDurationMs, policy.replication, policy.isDefault),
      ),
  );
}

function policyRow(
  name: string,
  retentionMs: number,
  shardDurationMs: number,
  replication: number,
  isDefault: boolean,
) {
  const shardMs = shardDurationMs === 0 ? shardDurationFor(retentionMs) : shardDurationMs;
  return [name, goDuration(nsOfMs(retentionMs)), goDuration(nsOfMs(shardMs)), replication, isDefault];
}

/** Makes a database. One that exists is fine, as long as what is said of its policy is so. */
export function createDatabase({ name, policy }: CreateDatabaseStatement, { engine }: StatementContext): void {
  if (!isValidName(name)) throw new VarveError('bad_request', 'invalid name');
  if (policy === null) {
    if (!engine.hasDatabase(name)) engine.createDatabase(name);
    return;
  }
  const policyName = policy.name === '' ? FIRST_POLICY : policy.name;
  const change = { ...changeOf(policy), makeDefault: true };
  if (!engine.hasDatabase(name)) {
    engine.createDatabase(name, { policy: { ...change, name: policyName } });
    return;
  }
  const existing = engine.retentionPolicies(name);
  if (existing.length === 0) {
    engine.createRetentionPolicy(name, policyName, change);
    return;
  }
  checkPolicy(policyName, change);
  if (!matchesDefault(engine, name, policyName, change)) {
    throw new VarveError('bad_request', 'retention policy conflicts with an existing policy');
  }
}

/** What is wrong with a policy whatever there is already. */
function checkPolicy(name: string, { retentionMs = 0 }: PolicyChange): void {
  if (!isValidName(name)) throw new VarveError('bad_request', 'invalid name');
  if (retentionMs !== 0 && retentionMs < 3_600_000) {
    throw new VarveError('bad_request', 'retention policy duration must be at least 1h0m0s');
  }
}

/** Whether a database's default policy is as was said; a shard duration that was not said is what suits the policy. */
function matchesDefault(engine: Engine, name: string, policyName: string, change: PolicyChange): boolean {
  const policy = engine.retentionPolicies(name).find(({ isDefault }) => isDefault);
  return (
    policy !== undefined &&
    policy.name === policyName &&
    (change.retentionMs ?? policy.retentionMs) === policy.retentionMs &&
    (change.replication ?? policy.replication) === policy.replication &&
    settledShardDuration(change.shardDurationMs ?? 0, policy.retentionMs) === policy.shardDurationMs
  );
}

export function createRetentionPolicy(statement: RetentionPolicyStatement, { engine }: StatementContext): void {
  const change = { ...changeOf(statement), makeDefault: statement.isDefault };
  engine.createRetentionPolicy(statement.database, statement.name, change);
}

export function alterRetentionPolicy(statement: RetentionPolicyStatement, { engine }: StatementContext): void {
  const change = { ...changeOf(statement), makeDefault: statement.isDefault };
  engine.alterRetentionPolicy(statement.database, statement.name, change);
}

function changeOf({ duration, shardDuration, replication }: RetentionPolicySpec): PolicyChange {
  return {
    ...(duration === null ? {} : { retentionMs: msOfNs(duration) }),
    ...(shardDuration === null ? {} : { shardDurationMs: msOfNs(shardDuration) }),
    ...(replication === null ? {} : { replication }),
  };
}
