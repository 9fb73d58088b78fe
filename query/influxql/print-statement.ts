/**
 * Whole statements as canonical InfluxQL. Passwords are never shown.
 */
import type {
  CreateContinuousQueryStatement,
  CreateDatabaseStatement,
  Expression,
  GrantStatement,
  MeasurementSource,
  RetentionPolicyStatement,
  SortField,
  Statement,
  SubscriptionStatement,
  TagKeyCondition,
} from './ast.ts';
import { formatDuration } from './parser/duration.ts';
import { printCount, printExpression, printMeasurement, printOrderBy, printSelect, printSources } from './print.ts';
import { printIdentifier, printString } from './print-identifier.ts';

export function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'select':
      return printSelect(statement);
    case 'explain':
      return `EXPLAIN ${statement.analyze ? 'ANALYZE ' : ''}${printSelect(statement.statement)}`;
    case 'show measurements':
    case 'show series':
    case 'show tag keys':
    case 'show tag values':
    case 'show field keys':
    case 'show cardinality':
      return printShow(statement);
    case 'show stats':
    case 'show diagnostics':
      return `${statement.kind.toUpperCase()}${statement.module === '' ? '' : ` FOR ${printString(statement.module)}`}`;
    case 'show retention policies':
      return `SHOW RETENTION POLICIES${on(statement.database)}`;
    case 'show grants':
      return `SHOW GRANTS FOR ${printIdentifier(statement.user)}`;
    case 'create database':
      return printCreateDatabase(statement);
    case 'create retention policy':
    case 'alter retention policy':
      return printRetentionPolicy(statement);
    case 'drop database':
    case 'drop measurement':
    case 'drop user':
      return `${statement.kind.toUpperCase()} ${printIdentifier(statement.name)}`;
    case 'drop retention policy':
    case 'drop continuous query':
      return `${statement.kind.toUpperCase()} ${printIdentifier(statement.name)} ON ${printIdentifier(statement.database)}`;
    case 'drop shard':
      return `DROP SHARD ${statement.id}`;
    case 'drop series':
    case 'delete':
      return `${statement.kind.toUpperCase()}${from(statement.sources)}${where(statement.condition)}`;
    case 'create user':
      return `CREATE USER ${printIdentifier(statement.name)} WITH PASSWORD [REDACTED]${statement.admin ? ' WITH ALL PRIVILEGES' : ''}`;
    case 'set password':
      return `SET PASSWORD FOR ${printIdentifier(statement.name)} = [REDACTED]`;
    case 'grant':
    case 'revoke':
      return printGrant(statement);
    case 'kill query':
      return `KILL QUERY ${statement.id}${on(statement.host)}`;
    case 'create continuous query':
      return printContinuousQuery(statement);
    case 'create subscription':
    case 'drop subscription':
      return printSubscription(statement);
    default:
      return statement.kind.toUpperCase();
  }
}

function on(name: string): string {
  return name === '' ? '' : ` ON ${printIdentifier(name)}`;
}

function from(sources: readonly MeasurementSource[]): string {
  return sources.length === 0 ? '' : ` FROM ${printSources(sources)}`;
}

function where(condition: Expression | null): string {
  return condition === null ? '' : ` WHERE ${printExpression(condition)}`;
}

function orderBy(fields: readonly SortField[]): string {
  return fields.length === 0 ? '' : ` ORDER BY ${printOrderBy(fields)}`;
}

function withKey(keys: TagKeyCondition): string {
  const names = keys.names.map((name) => printIdentifier(name)).join(', ');
  const operand = keys.regex !== null ? printExpression(keys.regex) : keys.operator === 'IN' ? `(${names})` : names;
  return ` WITH KEY ${keys.operator} ${operand}`;
}

type Show = Extract<
  Statement,
  {
    kind:
      | 'show measurements'
      | 'show series'
      | 'show tag keys'
      | 'show tag values'
      | 'show field keys'
      | 'show cardinality';
  }
>;

function printShow(statement: Show): string {
  let text = statement.kind.toUpperCase();
  if (statement.kind === 'show cardinality') {
    text = `SHOW ${statement.of.toUpperCase()}${statement.exact ? ' EXACT' : ''} CARDINALITY`;
  }
  text += on(statement.database);
  if (statement.kind === 'show measurements') {
    if (statement.source !== null) {
      const { source } = statement;
      text += ` WITH MEASUREMENT ${source.regex === null ? '=' : '=~'} ${printMeasurement(source)}`;
    }
  } else {
    text += from(statement.sources);
  }
  if ('keys' in statement && statement.keys !== null) text += withKey(statement.keys);
  if ('condition' in statement) text += where(statement.condition);
  if ('dimensions' in statement && statement.dimensions.length > 0) {
    text += ` GROUP BY ${statement.dimensions.map(printExpression).join(', ')}`;
  }
  if ('orderBy' in statement) text += orderBy(statement.orderBy);
  text += printCount('LIMIT', statement.limit) + printCount('OFFSET', statement.offset);
  if (!('seriesLimit' in statement)) return text;
  return text + printCount('SLIMIT', statement.seriesLimit) + printCount('SOFFSET', statement.seriesOffset);
}

function printCreateDatabase({ name, policy }: CreateDatabaseStatement): string {
  let text = `CREATE DATABASE ${printIdentifier(name)}`;
  if (policy === null) return text;
  text += ' WITH';
  if (policy.duration !== null) text += ` DURATION ${formatDuration(policy.duration)}`;
  if (policy.replication !== null) text += ` REPLICATION ${policy.replication}`;
  if (policy.shardDuration !== null && policy.shardDuration > 0n) {
    text += ` SHARD DURATION ${formatDuration(policy.shardDuration)}`;
  }
  return policy.name === '' ? text : `${text} NAME ${printIdentifier(policy.name)}`;
}

function printRetentionPolicy(statement: RetentionPolicyStatement): string {
  let text = `${statement.kind.toUpperCase()} ${printIdentifier(statement.name)}${on(statement.database)}`;
  if (statement.duration !== null) text += ` DURATION ${formatDuration(statement.duration)}`;
  if (statement.replication !== null) text += ` REPLICATION ${statement.replication}`;
  const { shardDuration } = statement;
  // A new policy's is left out when it is for the server to choose.
  if (shardDuration !== null && (shardDuration > 0n || statement.kind === 'alter retention policy')) {
    text += ` SHARD DURATION ${formatDuration(shardDuration)}`;
  }
  return statement.isDefault ? `${text} DEFAULT` : text;
}

function printGrant(statement: GrantStatement): string {
  const preposition = statement.kind === 'grant' ? 'TO' : 'FROM';
  return `${statement.kind.toUpperCase()} ${statement.privilege}${on(statement.database)} ${preposition} ${printIdentifier(statement.user)}`;
}

function printContinuousQuery(statement: CreateContinuousQueryStatement): string {
  const { resampleEvery, resampleFor } = statement;
  let resample = '';
  if (resampleEvery > 0n) resample += `EVERY ${formatDuration(resampleEvery)} `;
  if (resampleFor > 0n) resample += `FOR ${formatDuration(resampleFor)} `;
  if (resample !== '') resample = `RESAMPLE ${resample}`;
  const name = `${printIdentifier(statement.name)} ON ${printIdentifier(statement.database)}`;
  return `CREATE CONTINUOUS QUERY ${name} ${resample}BEGIN ${printSelect(statement.select)} END`;
}

function printSubscription(statement: SubscriptionStatement): string {
  const place = `${printIdentifier(statement.database)}.${printIdentifier(statement.retentionPolicy)}`;
  const text = `${statement.kind.toUpperCase()} ${printIdentifier(statement.name)} ON ${place}`;
  if (statement.kind === 'drop subscription') return text;
  return `${text} DESTINATIONS ${statement.mode} ${statement.destinations.map(printString).join(', ')}`;
}
