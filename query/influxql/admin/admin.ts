/** Runs statements of administration: databases, retention policies, users, grants and continuous queries. */
import type { Statement } from '../ast.ts';
import type { ResultSeries, StatementAnswer } from '../result.ts';
import { answerOf } from '../schema/answers.ts';
import type { StatementContext } from '../statement-context.ts';
import { createContinuousQuery, dropContinuousQuery, showContinuousQueries } from './continuous-queries.ts';
import {
  alterRetentionPolicy,
  createDatabase,
  createRetentionPolicy,
  showDatabases,
  showRetentionPolicies,
} from './retention-policies.ts';
import { changeGrant, showGrants, showUsers } from './users.ts';

const KINDS: ReadonlySet<Statement['kind']> = new Set([
  'show databases',
  'create database',
  'drop database',
  'show retention policies',
  'create retention policy',
  'alter retention policy',
  'drop retention policy',
  'show users',
  'create user',
  'drop user',
  'set password',
  'show grants',
  'grant',
  'revoke',
  'show continuous queries',
  'create continuous query',
  'drop continuous query',
] as const);

export function isAdminStatement(statement: Statement): boolean {
  return KINDS.has(statement.kind);
}

/** Does what a statement says when its answer is read; what it changes is durable then. */
export function executeAdmin(statement: Statement, context: StatementContext): StatementAnswer {
  return answerOf(
    (async function* () {
      yield* await run(statement, context);
    })(),
  );
}

const NOTHING: readonly ResultSeries[] = [];

async function run(statement: Statement, context: StatementContext): Promise<readonly ResultSeries[]> {
  const { engine } = context;
  switch (statement.kind) {
    case 'show databases':
      return [showDatabases(context)];
    case 'show retention policies':
      return [showRetentionPolicies(statement, context)];
    case 'show users':
      return [showUsers(context)];
    case 'show grants':
      return [showGrants(statement.user, context)];
    case 'show continuous queries':
      return showContinuousQueries(context);
    case 'create database':
      createDatabase(statement, context);
      return NOTHING;
    case 'drop database':
      if (engine.hasDatabase(statement.name)) await engine.dropDatabase(statement.name);
      return NOTHING;
    case 'create retention policy':
      createRetentionPolicy(statement, context);
      return NOTHING;
    case 'alter retention policy':
      alterRetentionPolicy(statement, context);
      return NOTHING;
    case 'drop retention policy':
      await engine.dropRetentionPolicy(statement.database, statement.name);
      return NOTHING;
    case 'create user':
      await engine.access.createUser(statement.name, statement.password, statement.admin, context.rights.founds);
      if (context.rights.founds) context.rights.founds = false;
      return NOTHING;
    case 'set password':
      await engine.access.setPassword(statement.name, statement.password);
      return NOTHING;
    case 'drop user':
      engine.access.dropUser(statement.name);
      return NOTHING;
    case 'grant':
    case 'revoke':
      changeGrant(statement, context);
      return NOTHING;
    case 'create continuous query':
      createContinuousQuery(statement, context);
      return NOTHING;
    case 'drop continuous query':
      dropContinuousQuery(statement.database, statement.name, context);
      return NOTHING;
    default:
      throw new Error(`BUG: ${statement.kind} is no statement of administration`);
  }
}
