/**
 * The tree of an InfluxQL statement, as the parser makes it and `print.ts` writes it.
 *
 * Nodes are plain data, never changed once made; a pass that rewrites a statement (wildcards, conditions, casts) makes new
 * ones. Integers, durations and instants are 64-bit and so bigint here: they occur once per query, not once per row.
 */

/** What a `::cast` names; `anyField` is `::field`. */
export type CastType = 'float' | 'integer' | 'unsigned' | 'string' | 'boolean' | 'tag' | 'anyField';

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '=~'
  | '!~'
  | 'AND'
  | 'OR';

export interface VariableNode {
  readonly kind: 'variable';
  /** Of a field, a tag or `time`; dots are part of it. */
  readonly name: string;
  readonly cast: CastType | null;
}

export interface CallNode {
  readonly kind: 'call';
  /** In lower case. */
  readonly name: string;
  readonly arguments: readonly Expression[];
}

export interface BinaryNode {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export interface ParenthesesNode {
  readonly kind: 'parentheses';
  readonly inner: Expression;
}

/** `*`, `*::field`, `*::tag`. */
export interface WildcardNode {
  readonly kind: 'wildcard';
  readonly only: 'field' | 'tag' | null;
}

/** `DISTINCT field` without parentheses; `distinct(field)` is a call. */
export interface DistinctNode {
  readonly kind: 'distinct';
  readonly field: string;
}

export interface RegexNode {
  readonly kind: 'regex';
  /** Go's syntax, with `\/` already turned into `/`. */
  readonly pattern: string;
}

export type LiteralNode =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'unsigned'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** ns. */
  | { readonly kind: 'duration'; readonly value: bigint }
  /** ns since the epoch; comes from reduction, never from the parser. */
  | { readonly kind: 'time'; readonly value: bigint }
  | { readonly kind: 'nil' };

export type Expression =
  | VariableNode
  | CallNode
  | BinaryNode
  | ParenthesesNode
  | WildcardNode
  | DistinctNode
  | RegexNode
  | LiteralNode;

/** One item between SELECT and FROM. */
export interface SelectField {
  readonly expression: Expression;
  /** '' when there is no AS. */
  readonly alias: string;
}

/** `db.rp.name`, any of whose first two may be missing; a name or a regex, and neither for `INTO db.rp.:MEASUREMENT`. */
export interface MeasurementSource {
  readonly kind: 'measurement';
  readonly database: string;
  readonly retentionPolicy: string;
  readonly name: string;
  readonly regex: RegexNode | null;
}

export interface SubquerySource {
  readonly kind: 'subquery';
  readonly statement: SelectStatement;
}

export type Source = MeasurementSource | SubquerySource;

export type Fill =
  | { readonly kind: 'null' | 'none' | 'previous' | 'linear' }
  | { readonly kind: 'number'; readonly value: number | bigint };

export interface SortField {
  /** '' is time. */
  readonly name: string;
  readonly ascending: boolean;
}

export interface IntoTarget {
  readonly measurement: MeasurementSource;
  /** `:MEASUREMENT`: the source's own name. */
  readonly backReference: boolean;
}

export interface SelectStatement {
  readonly kind: 'select';
  readonly fields: readonly SelectField[];
  readonly into: IntoTarget | null;
  readonly sources: readonly Source[];
  readonly condition: Expression | null;
  /** Tags, regexes, wildcards and `time(…)` calls, in the order in which they were written. */
  readonly dimensions: readonly Expression[];
  /** Null when there is no fill(): which is null for aggregates. */
  readonly fill: Fill | null;
  readonly orderBy: readonly SortField[];
  readonly limit: number;
  readonly offset: number;
  readonly seriesLimit: number;
  readonly seriesOffset: number;
  /** IANA name of tz(), or null for UTC. */
  readonly timezone: string | null;
}

interface Page {
  readonly limit: number;
  readonly offset: number;
}

interface SeriesPage extends Page {
  readonly seriesLimit: number;
  readonly seriesOffset: number;
}

interface Filtered {
  /** '' is the request's database. */
  readonly database: string;
  readonly sources: readonly MeasurementSource[];
  readonly condition: Expression | null;
}

/** `WITH KEY =`, `!=`, `=~`, `!~` or `IN`. */
export interface TagKeyCondition {
  readonly operator: '=' | '!=' | '=~' | '!~' | 'IN';
  readonly names: readonly string[];
  readonly regex: RegexNode | null;
}

/** `WITH MEASUREMENT = name` or `=~ /regex/`, here also with `ON *.*` parts as wildcards. */
export interface ShowMeasurementsStatement extends Filtered, Page {
  readonly kind: 'show measurements';
  /** The `WITH MEASUREMENT` part. */
  readonly source: MeasurementSource | null;
  readonly orderBy: readonly SortField[];
}

export interface ShowSeriesStatement extends Filtered, Page {
  readonly kind: 'show series';
  readonly orderBy: readonly SortField[];
}

export interface ShowTagKeysStatement extends Filtered, SeriesPage {
  readonly kind: 'show tag keys';
  readonly orderBy: readonly SortField[];
}

export interface ShowTagValuesStatement extends Filtered, Page {
  readonly kind: 'show tag values';
  readonly keys: TagKeyCondition;
  readonly orderBy: readonly SortField[];
}

export interface ShowFieldKeysStatement extends Page {
  readonly kind: 'show field keys';
  readonly database: string;
  readonly sources: readonly MeasurementSource[];
  readonly orderBy: readonly SortField[];
}

/** SHOW … CARDINALITY. */
export interface ShowCardinalityStatement extends Filtered, Page {
  readonly kind: 'show cardinality';
  readonly of: 'series' | 'measurement' | 'tag key' | 'tag values' | 'field key';
  readonly exact: boolean;
  /** Of tag values only. */
  readonly keys: TagKeyCondition | null;
  readonly dimensions: readonly Expression[];
}

/** SHOW statements without operands. */
export interface ShowListStatement {
  readonly kind:
    | 'show databases'
    | 'show users'
    | 'show queries'
    | 'show shards'
    | 'show shard groups'
    | 'show continuous queries'
    | 'show subscriptions';
}

export interface ShowModuleStatement {
  readonly kind: 'show stats' | 'show diagnostics';
  /** FOR 'module'; '' is all. */
  readonly module: string;
}

export interface ShowRetentionPoliciesStatement {
  readonly kind: 'show retention policies';
  readonly database: string;
}

export interface ShowGrantsStatement {
  readonly kind: 'show grants';
  readonly user: string;
}

/** What CREATE and ALTER say of a retention policy; null is not said. Durations in ns, 0 is for ever (INF). */
export interface RetentionPolicySpec {
  readonly duration: bigint | null;
  readonly replication: number | null;
  readonly shardDuration: bigint | null;
}

export interface CreateDatabaseStatement {
  readonly kind: 'create database';
  readonly name: string;
  /** WITH …; null when there is none. */
  readonly policy: (RetentionPolicySpec & { readonly name: string }) | null;
}

export interface RetentionPolicyStatement extends RetentionPolicySpec {
  readonly kind: 'create retention policy' | 'alter retention policy';
  readonly name: string;
  readonly database: string;
  readonly isDefault: boolean;
}

/** Statements that end something by its name. */
export interface DropNamedStatement {
  readonly kind: 'drop database' | 'drop measurement' | 'drop user';
  readonly name: string;
}

export interface DropOfDatabaseStatement {
  readonly kind: 'drop retention policy' | 'drop continuous query';
  readonly name: string;
  readonly database: string;
}

export interface DropShardStatement {
  readonly kind: 'drop shard';
  readonly id: number;
}

/** DROP SERIES takes no time, DELETE does. */
export interface DeleteStatement {
  readonly kind: 'drop series' | 'delete';
  readonly sources: readonly MeasurementSource[];
  readonly condition: Expression | null;
}

export interface CreateUserStatement {
  readonly kind: 'create user';
  readonly name: string;
  readonly password: string;
  readonly admin: boolean;
}

export interface SetPasswordStatement {
  readonly kind: 'set password';
  readonly name: string;
  readonly password: string;
}

export type Privilege = 'READ' | 'WRITE' | 'ALL PRIVILEGES';

export interface GrantStatement {
  readonly kind: 'grant' | 'revoke';
  readonly privilege: Privilege;
  /** '' is of the whole server: admin. */
  readonly database: string;
  readonly user: string;
}

export interface KillQueryStatement {
  readonly kind: 'kill query';
  readonly id: bigint;
  readonly host: string;
}

export interface ExplainStatement {
  readonly kind: 'explain';
  readonly analyze: boolean;
  readonly statement: SelectStatement;
}

export interface CreateContinuousQueryStatement {
  readonly kind: 'create continuous query';
  readonly name: string;
  readonly database: string;
  /** ns; 0 is not said. */
  readonly resampleEvery: bigint;
  readonly resampleFor: bigint;
  readonly select: SelectStatement;
}

export interface SubscriptionStatement {
  readonly kind: 'create subscription' | 'drop subscription';
  readonly name: string;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly mode: 'ALL' | 'ANY' | '';
  readonly destinations: readonly string[];
}

export type Statement =
  | SelectStatement
  | ShowMeasurementsStatement
  | ShowSeriesStatement
  | ShowTagKeysStatement
  | ShowTagValuesStatement
  | ShowFieldKeysStatement
  | ShowCardinalityStatement
  | ShowListStatement
  | ShowModuleStatement
  | ShowRetentionPoliciesStatement
  | ShowGrantsStatement
  | CreateDatabaseStatement
  | RetentionPolicyStatement
  | DropNamedStatement
  | DropOfDatabaseStatement
  | DropShardStatement
  | DeleteStatement
  | CreateUserStatement
  | SetPasswordStatement
  | GrantStatement
  | KillQueryStatement
  | ExplainStatement
  | CreateContinuousQueryStatement
  | SubscriptionStatement;
