/**
 * InfluxQL's parser: text in, statements out, by recursive descent over a stream of tokens.
 *
 * It accepts exactly what InfluxDB 1.x accepts and refuses the rest with the same message, because both are an interface
 * that clients and people know. The words that begin a statement are a table; every entry goes on from there.
 */
import type { Statement } from '../ast.ts';
import {
  parseAlterRetentionPolicy,
  parseCreateContinuousQuery,
  parseCreateDatabase,
  parseCreateRetentionPolicy,
  parseCreateUser,
  parseDelete,
  parseDropOfDatabase,
  parseGrant,
  parseKillQuery,
  parseSetPassword,
  parseShardId,
  parseSubscription,
} from './administration-parser.ts';
import { NO_PARAMETERS, type Parameters } from './parameters.ts';
import { parseSelect } from './select-parser.ts';
import {
  parseShowFieldKeys,
  parseShowKeyCardinality,
  parseShowMeasurementCardinality,
  parseShowMeasurements,
  parseShowModule,
  parseShowRetentionPolicies,
  parseShowSeries,
  parseShowTagKeys,
  parseShowTagValues,
} from './show-parser.ts';
import { TokenStream } from './token-stream.ts';

type Parse = (stream: TokenStream) => Statement;

/** What may follow, by keyword; the order is that of messages. */
interface Branch {
  readonly [word: string]: Branch | Parse;
}

const SHOW: Branch = {
  CONTINUOUS: { QUERIES: () => ({ kind: 'show continuous queries' }) },
  DATABASES: () => ({ kind: 'show databases' }),
  DIAGNOSTICS: (stream) => parseShowModule(stream, 'show diagnostics'),
  FIELD: { KEY: (stream) => parseShowKeyCardinality(stream, 'field key'), KEYS: parseShowFieldKeys },
  GRANTS: { FOR: (stream) => ({ kind: 'show grants', user: stream.identifier() }) },
  MEASUREMENT: parseShowMeasurementCardinality,
  MEASUREMENTS: parseShowMeasurements,
  QUERIES: () => ({ kind: 'show queries' }),
  RETENTION: { POLICIES: parseShowRetentionPolicies },
  SERIES: parseShowSeries,
  SHARD: { GROUPS: () => ({ kind: 'show shard groups' }) },
  SHARDS: () => ({ kind: 'show shards' }),
  STATS: (stream) => parseShowModule(stream, 'show stats'),
  SUBSCRIPTIONS: () => ({ kind: 'show subscriptions' }),
  TAG: {
    KEY: (stream) => parseShowKeyCardinality(stream, 'tag key'),
    KEYS: parseShowTagKeys,
    VALUES: parseShowTagValues,
  },
  USERS: () => ({ kind: 'show users' }),
};

const CREATE: Branch = {
  CONTINUOUS: { QUERY: parseCreateContinuousQuery },
  DATABASE: parseCreateDatabase,
  USER: parseCreateUser,
  RETENTION: { POLICY: parseCreateRetentionPolicy },
  SUBSCRIPTION: (stream) => parseSubscription(stream, 'create subscription'),
};

const DROP: Branch = {
  CONTINUOUS: { QUERY: (stream) => parseDropOfDatabase(stream, 'drop continuous query') },
  DATABASE: (stream) => ({ kind: 'drop database', name: stream.identifier() }),
  MEASUREMENT: (stream) => ({ kind: 'drop measurement', name: stream.identifier() }),
  RETENTION: { POLICY: (stream) => parseDropOfDatabase(stream, 'drop retention policy') },
  SERIES: (stream) => parseDelete(stream, 'drop series'),
  SHARD: (stream) => ({ kind: 'drop shard', id: parseShardId(stream) }),
  SUBSCRIPTION: (stream) => parseSubscription(stream, 'drop subscription'),
  USER: (stream) => ({ kind: 'drop user', name: stream.identifier() }),
};

const STATEMENTS: Branch = {
  SELECT: (stream) => parseSelect(stream, false),
  DELETE: (stream) => parseDelete(stream, 'delete'),
  SHOW: SHOW,
  CREATE: CREATE,
  DROP: DROP,
  EXPLAIN: (stream) => {
    const analyze = stream.accept('ANALYZE');
    stream.expect('SELECT');
    return { kind: 'explain', analyze, statement: parseSelect(stream, false) };
  },
  GRANT: (stream) => parseGrant(stream, 'grant'),
  REVOKE: (stream) => parseGrant(stream, 'revoke'),
  ALTER: { RETENTION: { POLICY: parseAlterRetentionPolicy } },
  SET: { PASSWORD: { FOR: parseSetPassword } },
  KILL: { QUERY: parseKillQuery },
};

/**
 * The statements of a query, in order; none for an empty one. Throws `bad_request` with InfluxDB's message, without the
 * `error parsing query: ` that its HTTP interface puts before it.
 */
export function parseStatements(text: string, parameters: Parameters = NO_PARAMETERS): Statement[] {
  const stream = new TokenStream(text, parameters);
  const statements: Statement[] = [];
  let separated = true;
  for (;;) {
    const token = stream.read();
    if (token.kind === 'EOF') return statements;
    if (token.kind === ';') {
      separated = true;
      continue;
    }
    if (!separated) throw stream.unexpected(token, [';']);
    stream.back();
    statements.push(parseStatement(stream));
    separated = false;
  }
}

function parseStatement(stream: TokenStream): Statement {
  let branch = STATEMENTS;
  for (;;) {
    const token = stream.read();
    const next = Object.hasOwn(branch, token.kind) ? branch[token.kind] : undefined;
    if (next === undefined) throw stream.unexpected(token, Object.keys(branch));
    if (typeof next === 'function') return next(stream);
    branch = next;
  }
}
