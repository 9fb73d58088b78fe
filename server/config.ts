/** What the HTTP front can be told. Its values come from config/settings.ts, by cli/serve.ts. */
import type { Logger } from 'pino';
import type { SelectLimits } from '../query/influxql/select/context.ts';
import type { QueryOptions } from '../query/promql/evaluate.ts';
import type { AuthMode } from './auth/authenticator.ts';
import type { TlsFiles } from './tls.ts';

/** What of PromQL is off by default, as it is in Prometheus. */
export type PromqlFeatures = Pick<QueryOptions, 'delayedNameRemoval' | 'typeAndUnitLabels'>;

/** Everything about the HTTP front that can be set. Sizes are bytes, times are ms. */
export interface ServerConfig {
  /** The program's version, shown by /ping, /health and build information. */
  version: string;
  /** The largest body of one write, after decompression. */
  bodyLimitBytes: number;
  /** Bodies of all writes under way together; past it, writes are answered 503 with Retry-After. */
  inflightLimitBytes: number;
  /** Writes under way at once; past it, they are answered as above. 0: no limit. */
  writeConcurrency: number;
  /** How far back an instant selector looks for a sample. */
  lookbackMs: number;
  /** How long a query may run, unless its `timeout` parameter asks for less. */
  queryTimeoutMs: number;
  /** Queries that may run at once; the others wait. 0: no limit. */
  queryConcurrency: number;
  /** Queries that may wait; past it, they are answered 503 with Retry-After. 0: no limit. */
  queryQueue: number;
  /** Samples that one query may hold at once; 0: no limit. */
  queryMaxSamples: number;
  /** Series that one selector may yield; 0: no limit. */
  queryMaxSeries: number;
  /** Memory that one selector may need, by an estimate made before it is read; 0: no limit. */
  queryMaxBytes: number;
  /** A query that takes longer is logged; 0: none is. */
  slowQueryMs: number;
  /** Points per series that one range query may return. */
  rangePointsLimit: number;
  /** What one SELECT of InfluxQL may look at. */
  selectLimits: SelectLimits;
  /** Rows in one answer to InfluxQL that is not chunked; 0: no limit. */
  rowLimit: number;
  promql: PromqlFeatures;
  /** RE2 that an origin must match whole for its pages to read answers. */
  corsOrigin: string;
  /** Whether requests have to say who sends them. */
  authMode: AuthMode;
  /** Whether /metrics is for everybody, all the same. */
  publicMetrics: boolean;
  /** The database that rules read and write: who may not read it does not see them. */
  rulesDatabase: string;
  /** Files of HTTPS; null is HTTP. */
  tls: TlsFiles | null;
  /** How long the head of a request may take to arrive. */
  headTimeoutMs: number;
  /** How long it may take until the next few KiB of a body arrive. */
  bodyStallMs: number;
  /** The longest text of one query, in characters. */
  queryMaxLength: number;
  /** How long a whole request may take to arrive. */
  requestTimeoutMs: number;
  /** How long a connection without requests stays open. */
  keepAliveMs: number;
  /** Whether series may be deleted and snapshots taken over HTTP. */
  adminApi: boolean;
  /** The settings as /api/v1/status/flags shows them, by the names of the command line. */
  flags: Readonly<Record<string, string>>;
  log: Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;
}
