/**
 * CREATE, ALTER, DROP, GRANT, REVOKE, SET, KILL and DELETE.
 */
import type {
  CreateContinuousQueryStatement,
  CreateDatabaseStatement,
  CreateUserStatement,
  DeleteStatement,
  DropOfDatabaseStatement,
  Expression,
  GrantStatement,
  KillQueryStatement,
  MeasurementSource,
  Privilege,
  RetentionPolicyStatement,
  SelectStatement,
  SetPasswordStatement,
  SubscriptionStatement,
} from '../ast.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { parseError } from './parse-error.ts';
import { parseCondition, parseMeasurements, parseSelect } from './select-parser.ts';
import type { Token, TokenKind } from './token.ts';
import type { TokenStream } from './token-stream.ts';

const MAX_REPLICATION = 2 ** 31 - 1;

function parseOnDatabase(stream: TokenStream): string {
  stream.expect('ON');
  return stream.identifier();
}

/** A duration, or INF, which is 0. */
function parseDurationOrInf(stream: TokenStream): bigint {
  const token = stream.read();
  if (token.kind === 'INF') return 0n;
  return durationOf(stream, token);
}

function durationOf(stream: TokenStream, token: Token): bigint {
  if (token.kind !== 'duration') throw stream.unexpected(token, ['duration']);
  try {
    return parseDuration(token.text);
  } catch (error) {
    throw stream.error((error as Error).message, token);
  }
}

function parseReplication(stream: TokenStream): number {
  const token = stream.expect('integer', 'integer');
  const value = BigInt(token.text);
  if (BigInt.asIntN(64, value) !== value) {
    throw stream.error(`strconv.Atoi: parsing "${token.text}": value out of range`, token);
  }
  if (value < 1n || value > MAX_REPLICATION) {
    throw stream.error(`invalid value ${value}: must be 1 <= n <= ${MAX_REPLICATION}`, token);
  }
  return Number(value);
}

function parseUnsigned(stream: TokenStream): bigint {
  const token = stream.expect('integer', 'integer');
  const value = BigInt(token.text);
  if (value < 0n) throw stream.error(`strconv.ParseUint: parsing "${token.text}": invalid syntax`, token);
  if (BigInt.asUintN(64, value) !== value) {
    throw stream.error(`strconv.ParseUint: parsing "${token.text}": value out of range`, token);
  }
  return value;
}

/** After SHARD. A policy's own shard duration cannot be infinite. */
function parseShardDuration(stream: TokenStream): bigint {
  stream.expect('DURATION');
  const token = stream.read();
  if (token.kind === 'INF') throw stream.error('invalid duration INF for shard duration', token);
  return durationOf(stream, token);
}

/** After CREATE DATABASE. */
export function parseCreateDatabase(stream: TokenStream): CreateDatabaseStatement {
  const name = stream.identifier();
  if (!stream.accept('WITH')) return { kind: 'create database', name, policy: null };
  const option = stream.read();
  const options: TokenKind[] = ['DURATION', 'NAME', 'REPLICATION', 'SHARD'];
  if (!options.includes(option.kind)) throw stream.unexpected(option, options);
  stream.back();
  const duration = stream.accept('DURATION') ? parseDurationOrInf(stream) : null;
  const replication = stream.accept('REPLICATION') ? parseReplication(stream) : null;
  let shardDuration: bigint | null = null;
  if (stream.accept('SHARD')) {
    stream.expect('DURATION');
    shardDuration = parseDurationOrInf(stream);
  }
  const policyName = stream.accept('NAME') ? stream.identifier() : '';
  return { kind: 'create database', name, policy: { name: policyName, duration, replication, shardDuration } };
}

/** After CREATE RETENTION POLICY. */
export function parseCreateRetentionPolicy(stream: TokenStream): RetentionPolicyStatement {
  const name = stream.identifier();
  const database = parseOnDatabase(stream);
  stream.expect('DURATION');
  const duration = parseDurationOrInf(stream);
  stream.expect('REPLICATION');
  const replication = parseReplication(stream);
  const shardDuration = stream.accept('SHARD') ? parseShardDuration(stream) : null;
  const isDefault = stream.accept('DEFAULT');
  return { kind: 'create retention policy', name, database, duration, replication, shardDuration, isDefault };
}

/** After ALTER RETENTION POLICY: options in any order, each at most once. */
export function parseAlterRetentionPolicy(stream: TokenStream): RetentionPolicyStatement {
  const first = stream.read();
  if (first.kind !== 'DEFAULT' && first.kind !== 'identifier') throw stream.unexpected(first, ['identifier']);
  const name = first.kind === 'DEFAULT' ? 'default' : first.text;
  const database = parseOnDatabase(stream);
  let duration: bigint | null = null;
  let replication: number | null = null;
  let shardDuration: bigint | null = null;
  const found = new Set<TokenKind>();
  for (;;) {
    const option = stream.read();
    if (found.has(option.kind)) throw stream.error(`found duplicate ${option.kind} option`, option);
    if (option.kind === 'DURATION') {
      duration = parseDurationOrInf(stream);
    } else if (option.kind === 'REPLICATION') {
      replication = parseReplication(stream);
    } else if (option.kind === 'SHARD') {
      shardDuration = parseShardDuration(stream);
    } else if (option.kind !== 'DEFAULT') {
      if (found.size === 0) throw stream.unexpected(option, ['DURATION', 'REPLICATION', 'SHARD', 'DEFAULT']);
      stream.back();
      break;
    }
    found.add(option.kind);
  }
  const isDefault = found.has('DEFAULT');
  return { kind: 'alter retention policy', name, database, duration, replication, shardDuration, isDefault };
}

/** After the words before the name. */
export function parseDropOfDatabase(
  stream: TokenStream,
  kind: DropOfDatabaseStatement['kind'],
): DropOfDatabaseStatement {
  const name = stream.identifier();
  return { kind, name, database: parseOnDatabase(stream) };
}

/** After CREATE USER. */
export function parseCreateUser(stream: TokenStream): CreateUserStatement {
  const name = stream.identifier();
  stream.expect('WITH');
  stream.expect('PASSWORD');
  const password = stream.expect('string', 'string').text;
  const admin = stream.accept('WITH');
  if (admin) {
    stream.expect('ALL');
    stream.expect('PRIVILEGES');
  }
  return { kind: 'create user', name, password, admin };
}

/** After SET PASSWORD FOR. */
export function parseSetPassword(stream: TokenStream): SetPasswordStatement {
  const name = stream.identifier();
  stream.expect('=');
  return { kind: 'set password', name, password: stream.expect('string', 'string').text };
}

/** After GRANT or REVOKE. Without a database only all privileges can be meant. */
export function parseGrant(stream: TokenStream, kind: GrantStatement['kind']): GrantStatement {
  const preposition = kind === 'grant' ? 'TO' : 'FROM';
  const privilege = parsePrivilege(stream);
  const next = stream.read();
  const wholeServer = privilege === 'ALL PRIVILEGES';
  if (next.kind === 'ON') {
    const database = stream.identifier();
    stream.expect(preposition);
    return { kind, privilege, database, user: stream.identifier() };
  }
  if (next.kind !== preposition || !wholeServer) {
    throw stream.unexpected(next, wholeServer ? ['ON', preposition] : ['ON']);
  }
  return { kind, privilege, database: '', user: stream.identifier() };
}

function parsePrivilege(stream: TokenStream): Privilege {
  const token = stream.read();
  if (token.kind === 'READ' || token.kind === 'WRITE') return token.kind;
  if (token.kind !== 'ALL') throw stream.unexpected(token, ['READ', 'WRITE', 'ALL [PRIVILEGES]']);
  stream.accept('PRIVILEGES');
  return 'ALL PRIVILEGES';
}

/** After KILL QUERY. */
export function parseKillQuery(stream: TokenStream): KillQueryStatement {
  const id = parseUnsigned(stream);
  return { kind: 'kill query', id, host: stream.accept('ON') ? stream.identifier() : '' };
}

/** After DROP SHARD. */
export function parseShardId(stream: TokenStream): number {
  return Number(parseUnsigned(stream));
}

/** After DELETE or DROP SERIES. Neither takes another database or a retention policy. */
export function parseDelete(stream: TokenStream, kind: DeleteStatement['kind']): DeleteStatement {
  const next = stream.read();
  let sources: MeasurementSource[] = [];
  if (next.kind === 'FROM') {
    sources = parseMeasurements(stream);
    for (const { database, retentionPolicy } of sources.toReversed()) {
      if (retentionPolicy !== '') throw unsupported('retention policy');
      if (database !== '') throw unsupported('database');
    }
  } else {
    stream.back();
  }
  const condition = parseCondition(stream);
  if (condition === null && sources.length === 0) throw stream.unexpected(next, ['FROM', 'WHERE']);
  return { kind, sources, condition };
}

function unsupported(what: string): Error {
  return parseError(`${what} not supported at line 1, char 1`);
}

/** After CREATE or DROP SUBSCRIPTION. */
export function parseSubscription(stream: TokenStream, kind: SubscriptionStatement['kind']): SubscriptionStatement {
  const name = stream.identifier();
  const database = parseOnDatabase(stream);
  const dot = stream.scan();
  if (dot.kind !== '.') throw stream.unexpected(dot, ['.']);
  const retentionPolicy = stream.identifier();
  if (kind === 'drop subscription') return { kind, name, database, retentionPolicy, mode: '', destinations: [] };
  stream.expect('DESTINATIONS');
  const mode = stream.read();
  if (mode.kind !== 'ALL' && mode.kind !== 'ANY') throw stream.unexpected(mode, ['ALL', 'ANY']);
  const destinations: string[] = [];
  do {
    destinations.push(stream.expect('string', 'string').text);
  } while (stream.accept(','));
  return { kind, name, database, retentionPolicy, mode: mode.kind, destinations };
}

/** After CREATE CONTINUOUS QUERY. */
export function parseCreateContinuousQuery(stream: TokenStream): CreateContinuousQueryStatement {
  const name = stream.identifier();
  const database = parseOnDatabase(stream);
  const { every, span } = stream.accept('RESAMPLE') ? parseResample(stream) : { every: 0n, span: 0n };
  stream.expect('BEGIN');
  stream.expect('SELECT');
  const select = parseSelect(stream, true);
  const grouping = groupByInterval(select);
  const aggregates = select.fields.some(({ expression }) => containsCall(expression));
  if (aggregates && (grouping.interval === 0n || grouping.error !== '')) {
    // The token shown is the one before the one after the statement.
    stream.back();
    stream.back();
    const expected = grouping.error === '' ? [] : [grouping.error];
    throw stream.unexpected(stream.read(), ['GROUP BY time(...)', ...expected]);
  }
  stream.expect('END');
  if (grouping.error !== '') throw parseError(grouping.error);
  if (span !== 0n) {
    const least = every > grouping.interval ? every : grouping.interval;
    if (least > span) {
      const sizes = `must be a minimum of ${formatDuration(least)}, got ${formatDuration(span)}`;
      throw parseError(`FOR duration must be >= GROUP BY time duration: ${sizes}`);
    }
  }
  return { kind: 'create continuous query', name, database, resampleEvery: every, resampleFor: span, select };
}

/** After RESAMPLE: EVERY and FOR, at least one of them. */
function parseResample(stream: TokenStream): { every: bigint; span: bigint } {
  const every = stream.accept('EVERY') ? durationOf(stream, stream.read()) : 0n;
  const span = stream.accept('FOR') ? durationOf(stream, stream.read()) : 0n;
  if (every === 0n && span === 0n) throw stream.unexpected(stream.read(), ['EVERY', 'FOR']);
  return { every, span };
}

function groupByInterval(select: SelectStatement): { interval: bigint; error: string } {
  for (const dimension of select.dimensions) {
    if (dimension.kind !== 'call' || dimension.name !== 'time') continue;
    const count = dimension.arguments.length;
    if (count < 1 || count > 2) return { interval: 0n, error: 'time dimension expected 1 or 2 arguments' };
    const interval = dimension.arguments[0];
    if (interval.kind !== 'duration') return { interval: 0n, error: 'time dimension must have duration argument' };
    return { interval: interval.value, error: '' };
  }
  return { interval: 0n, error: '' };
}

function containsCall(expression: Expression): boolean {
  switch (expression.kind) {
    case 'call':
      return true;
    case 'binary':
      return containsCall(expression.left) || containsCall(expression.right);
    case 'parentheses':
      return containsCall(expression.inner);
    default:
      return false;
  }
}
