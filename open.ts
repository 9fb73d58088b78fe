/**
 * Varve inside a Node program: the same engine, parsers and queries as the server's, without HTTP. docs/library.md
 * explains it with an example.
 *
 * One process has one data directory; `open` fails when another has it. Close it: what is in memory is flushed then,
 * though acknowledged writes are in the log either way.
 */
import { systemClock } from './clock/clock.ts';
import { DEFAULT_DATABASE, type Engine, openEngine } from './engine/engine.ts';
import { companion } from './engine/internal-database.ts';
import type { EngineOptions } from './engine/options.ts';
import { databaseNotFound, isValidName } from './engine/retention-policy.ts';
import { instantFromMs } from './engine/time.ts';
import { VarveError } from './errors/errors.ts';
import { errorText, type LineOutcome, tookAll } from './ingest/line-outcome.ts';
import { type Point, pointLines } from './ingest/point-lines.ts';
import { parsePrecision } from './ingest/timestamp.ts';
import { writeLines } from './ingest/write-lines.ts';
import { EVERYTHING, exportLines } from './query/export-lines.ts';
import { executeStatements } from './query/influxql/execute.ts';
import { NO_PARAMETERS, parseParameters } from './query/influxql/parser/parameters.ts';
import { parseStatements } from './query/influxql/parser/parser.ts';
import { collectRows, type InfluxResult, type TimeForm } from './query/influxql/rows.ts';
import { NO_SELECT_LIMITS } from './query/influxql/select/context.ts';
import { NO_RUNNING_QUERIES, newStatementContext } from './query/influxql/statement-context.ts';
import { prometheusQuerier } from './query/prometheus-storage.ts';
import { evaluate, type QueryResult, type QueryTimes } from './query/promql/evaluate.ts';
import { parseMetricSelector } from './query/promql/parser/parser.ts';

export type { EngineOptions, Log } from './engine/options.ts';
export { type ErrorCode, VarveError } from './errors/errors.ts';
export type { LineError, LineOutcome } from './ingest/line-outcome.ts';
export { type Point, pointLines } from './ingest/point-lines.ts';
export type { ResultMessage } from './query/influxql/result.ts';
export type { InfluxResult, InfluxSeries, InfluxValue, TimeForm } from './query/influxql/rows.ts';
export type { QueryResult, QueryStats } from './query/promql/evaluate.ts';
export type { Labels } from './query/promql/labels.ts';
export type {
  Grid,
  MatrixValue,
  PointSeries,
  ScalarValue,
  SeriesColumn,
  StringValue,
  Value,
  VectorValue,
} from './query/promql/value.ts';

export interface WriteOptions {
  /** Database, or `database/policy`; `default` unless given. A database is made by the first write to it. */
  db?: string;
  /** Unit of the timestamps of lines: n, ns, u, us, ms, s, m, h; nanoseconds unless given. Points have their own. */
  precision?: string;
}

export interface QueryOptions {
  /** Database, or `database/policy`; `default` unless given. */
  db?: string;
  /** Time of evaluation, ms since the epoch; now unless given. */
  timeMs?: number;
  /** How long the evaluation may take; without end unless given. */
  timeoutMs?: number;
  /** How far back an instant selector looks for a sample, ms; 5 minutes unless given. */
  lookbackMs?: number;
}

export interface RangeOptions extends Omit<QueryOptions, 'timeMs'> {
  /** First and last step, ms since the epoch, and the time between two. */
  startMs: number;
  endMs: number;
  stepMs: number;
}

export interface InfluxQLOptions {
  /** Database, or `database/policy`; `default` unless given. */
  db?: string;
  /** Stops the statements, which then throw `canceled`; a long one looks at it now and then. */
  signal?: AbortSignal;
  /** Values for the `$name`s of the text. Numbers with a fraction and bigints keep their kind; see docs/library.md. */
  params?: Readonly<Record<string, ParameterValue>>;
  /** What times in rows are; 'ns' unless given. */
  time?: TimeForm;
}

/** A value bound to a `$name`; an object names its kind, as in `{ regex: '^a' }` or `{ duration: '1h' }`. */
export type ParameterValue = string | boolean | number | bigint | Readonly<Record<string, string | number>>;

export interface ExportOptions {
  db?: string;
  /** Selectors of PromQL series, any of which may match; all series unless given. */
  match?: readonly string[];
  /** From and to, both included, ms since the epoch. */
  startMs?: number;
  endMs?: number;
}

/** How a database keeps its data; what is not given is the default of `open`. */
export interface DatabaseOptions {
  /** Age in ms at which partitions are dropped; 0 keeps them for ever. */
  retentionMs?: number;
  /** Time range of a partition in s, at most 90 days; fixed once there are rows. */
  partitionDurationSec?: number;
  /** Bytes of files beyond which the oldest partitions go; 0 is no cap. */
  sizeCapBytes?: number;
}

export interface Varve {
  /** The engine underneath, for what is not wrapped here. */
  readonly engine: Engine;
  /**
   * Stores line protocol, or points; resolves when they are durable.
   * @throws VarveError `bad_line` naming the bad lines; the good ones are stored all the same. `bad_request` for a point
   * that line protocol cannot say; nothing is stored then.
   */
  write(data: string | Uint8Array | Point | readonly Point[], options?: WriteOptions): Promise<LineOutcome>;
  /** Evaluates PromQL at one instant. The result holds columns: `value.series[i].values[0]` for a vector. */
  query(promql: string, options?: QueryOptions): Promise<QueryResult>;
  /** Evaluates PromQL at every step: `value.series[i].values[step]`, where `present[step]` is 1. */
  queryRange(promql: string, options: RangeOptions): Promise<QueryResult>;
  /**
   * Runs InfluxQL statements in order; a result for each.
   * @throws VarveError of the first statement that fails. Those before it have been run.
   */
  influxql(text: string, options?: InfluxQLOptions): Promise<InfluxResult[]>;
  /**
   * Rows as line protocol, every value exact, in pieces of whole lines; each is the caller's. NaN and infinities, which
   * line protocol cannot say, are left out.
   */
  exportLines(options?: ExportOptions): Iterable<Uint8Array>;
  /** Names of databases. */
  databases(): string[];
  /** Makes a database, durable on return. Throws `bad_request` when it is there. */
  createDatabase(name: string, options?: DatabaseOptions): void;
  /** Changes how a database keeps its data. Throws `not_found`. */
  alterDatabase(name: string, options: DatabaseOptions): void;
  /** Removes a database with all its data. Throws `not_found`. */
  dropDatabase(name: string): Promise<void>;
  /** Flushes, syncs and lets go of the directory. All other calls throw `shutting_down` from then on; closing again is fine. */
  close(): Promise<void>;
}

/** Rows that InfluxQL takes in one go; they are put together again. */
const CHUNK_ROWS = 10_000;

const encoder = new TextEncoder();

/** Opens a data directory, creating it when it does not exist. Throws `locked` when a process has it. */
export async function open(options: EngineOptions): Promise<Varve> {
  const engine = await openEngine(options);
  let closed: Promise<void> | null = null;
  const opened = (): Engine => {
    if (closed !== null) throw new VarveError('shutting_down', 'cannot use the database: it was closed');
    return engine;
  };
  return {
    engine,
    async write(data, { db = DEFAULT_DATABASE, precision } = {}) {
      opened();
      const [name] = db.split('/', 1);
      if (!isValidName(name)) throw new VarveError('bad_request', `cannot write to database ${db}: invalid name`);
      const isLines = typeof data === 'string' || data instanceof Uint8Array;
      const text = isLines ? data : pointLines(Array.isArray(data) ? data : [data as Point]);
      const body = typeof text === 'string' ? encoder.encode(text) : text;
      const outcome = await writeLines(engine, db, body, { precision: parsePrecision(isLines ? precision : 'ns') });
      if (!tookAll(outcome)) throw new VarveError('bad_line', errorText(outcome));
      return outcome;
    },
    async query(promql, { timeMs = Date.now(), ...rest } = {}) {
      checkTimes({ timeMs });
      return evaluatePromQL(opened(), promql, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, rest);
    },
    async queryRange(promql, { startMs, endMs, stepMs, ...rest }) {
      checkTimes({ startMs, endMs, stepMs });
      if (stepMs <= 0) throw new VarveError('bad_request', `cannot query a range with a step of ${stepMs} ms`);
      return evaluatePromQL(opened(), promql, { startMs, endMs, stepMs }, rest);
    },
    influxql: async (text, influxOptions = {}) => runStatements(opened(), text, influxOptions),
    exportLines: (exportOptions = {}) => exportRows(opened(), exportOptions),
    databases: () => opened().databases(),
    createDatabase(name, settings = {}) {
      if (!isValidName(name)) throw new VarveError('bad_request', `cannot create database ${name}: invalid name`);
      if (opened().hasDatabase(name)) throw new VarveError('bad_request', `cannot create database ${name}: it exists`);
      engine.createDatabase(name, settings);
    },
    alterDatabase: (name, settings) => opened().alterDatabase(name, settings),
    dropDatabase: async (name) => opened().dropDatabase(name),
    close() {
      closed ??= engine.close();
      return closed;
    },
  };
}

/** Throws `bad_request` for a time that is none. */
function checkTimes(times: Readonly<Record<string, number>>): void {
  for (const [name, ms] of Object.entries(times)) {
    if (!Number.isFinite(ms))
      throw new VarveError('bad_request', `cannot query with ${name} = ${ms}: give milliseconds`);
  }
}

function evaluatePromQL(
  engine: Engine,
  promql: string,
  times: QueryTimes,
  { db = DEFAULT_DATABASE, ...options }: Omit<QueryOptions, 'timeMs'>,
): Promise<QueryResult> {
  const querier = prometheusQuerier(engine.database(db), { starts: companion(engine, db, 'starts') });
  return evaluate(promql, times, querier, options);
}

async function runStatements(
  engine: Engine,
  text: string,
  { db = DEFAULT_DATABASE, params, time = 'ns', signal }: InfluxQLOptions,
): Promise<InfluxResult[]> {
  if (signal?.aborted) throw new VarveError('canceled', 'cannot run statements: they were canceled');
  const statements = parseStatements(
    text,
    params === undefined ? NO_PARAMETERS : parseParameters(parametersJson(params)),
  );
  const [database, retentionPolicy = ''] = db.split('/');
  const now = systemClock.now();
  const context = newStatementContext({
    engine,
    database,
    retentionPolicy,
    nowNs: BigInt(now.sec) * 1_000_000_000n + BigInt(now.nano),
    signal: signal ?? null,
    limits: NO_SELECT_LIMITS,
    workers: null,
    chunkRows: CHUNK_ROWS,
    queries: NO_RUNNING_QUERIES,
    assumedDatabase: DEFAULT_DATABASE,
  });
  let failure: unknown = null;
  const parts = executeStatements(statements, context, {
    chunkRows: Infinity,
    readOnly: false,
    describe(error) {
      failure = error;
      return (error as Error).message || 'failed';
    },
  });
  return collectRows(parts, statements.length, time, () => {
    throw failure;
  });
}

/** Bigints are whole numbers in it, which JSON.stringify does not write. */
function parametersJson(params: Readonly<Record<string, ParameterValue>>): string {
  const members = Object.entries(params).map(
    ([name, value]) => `${JSON.stringify(name)}:${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
}

function exportRows(
  engine: Engine,
  { db = DEFAULT_DATABASE, match, startMs, endMs }: ExportOptions,
): Iterable<Uint8Array> {
  const database = engine.database(db);
  if (database === undefined) throw databaseNotFound(db);
  const selectors = match === undefined ? null : match.map((text) => parseMetricSelector(text).matchers);
  return exportLines(database, selectors, {
    from: startMs === undefined ? EVERYTHING.from : instantFromMs(startMs),
    to: endMs === undefined ? EVERYTHING.to : instantFromMs(endMs),
  });
}
