/**
 * One request of InfluxQL statements on its way through the gate: it waits for its turn, runs, and yields its answer in
 * pieces. Its place inside the gate is held until it is finished.
 */
import type { Rights } from '../../access/rights.ts';
import { systemClock } from '../../clock/clock.ts';
import type { Engine } from '../../engine/engine.ts';
import { DEFAULT_DATABASE } from '../../engine/engine.ts';
import type { Statement } from '../../query/influxql/ast.ts';
import { executeStatements } from '../../query/influxql/execute.ts';
import { newStatementContext } from '../../query/influxql/statement-context.ts';
import { sharedQueryWorkers } from '../../query/workers/pool.ts';
import type { ServerConfig } from '../config.ts';
import { asKnownError } from '../known-error.ts';
import { type QueryGate, shortened } from '../query-gate.ts';
import type { AnswerFormat } from './answer-format.ts';
import { answerPieces } from './answer-stream.ts';
import { parseEpoch } from './epoch.ts';
import { runningQueries } from './running-queries.ts';

const DEFAULT_CHUNK_ROWS = 10_000;

export interface StatementRequest {
  readonly config: ServerConfig;
  readonly queries: QueryGate;
  readonly engine: Engine;
  /** `NAME` or `NAME/POLICY`. */
  readonly database: string;
  /** What the asker may do; looked at before. */
  readonly rights: Rights;
  readonly parameters: URLSearchParams;
  readonly statements: readonly Statement[];
  /** The statements as they are listed and logged. */
  readonly text: string;
  readonly format: AnswerFormat;
  /** The request may only read. */
  readonly readOnly: boolean;
  /** Aborted when the client leaves; a query whose time is over aborts it, too. */
  readonly leaving: AbortController;
}

export interface StatementRun {
  readonly pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Aborted when the client leaves, the query is killed, or its time is over. */
  readonly signal: AbortSignal;
  /** Leaves the gate. Must be called, and may be several times. */
  finish(): void;
}

/** Enters the gate. Throws `timeout` or `canceled` when its turn does not come in time. */
export async function startStatements(request: StatementRequest): Promise<StatementRun> {
  const { config, parameters, text, format, engine, leaving } = request;
  const slash = request.database.indexOf('/');
  const database = slash < 0 ? request.database : request.database.slice(0, slash);
  const retentionPolicy = slash < 0 ? '' : request.database.slice(slash + 1);
  const timeoutMs = config.queryTimeoutMs > 0 ? config.queryTimeoutMs : Infinity;
  const startedMs = performance.now();
  const owner = request.rights.id;
  const origin = { query: text, database, path: '/query', signal: leaving.signal, timeoutMs, owner };
  const { ticket, leave } = await request.queries.pass(origin);
  const { signal } = ticket;
  let isLate = false;
  const onLate = () => {
    isLate = true;
    leaving.abort();
  };
  const timer = timeoutMs === Infinity ? undefined : setTimeout(onLate, Math.max(0, timeoutMs - ticket.waitedMs));
  const isChunked = parameters.get('chunked') === 'true';
  const chunkRows = isChunked ? chunkSize(parameters.get('chunk_size')) : Infinity;
  const now = systemClock.now();
  const context = newStatementContext({
    engine,
    database,
    retentionPolicy,
    nowNs: BigInt(now.sec) * 1_000_000_000n + BigInt(now.nano),
    signal,
    limits: config.selectLimits,
    workers: sharedQueryWorkers(),
    chunkRows: Math.min(chunkRows, DEFAULT_CHUNK_ROWS),
    queries: runningQueries(request.queries, request.rights),
    rights: request.rights,
    assumedDatabase: DEFAULT_DATABASE,
  });
  const parts = executeStatements(request.statements, context, {
    chunkRows,
    readOnly: request.readOnly,
    describe(error) {
      if (isLate) return 'query-timeout limit exceeded';
      if (signal.aborted) return 'query interrupted';
      return asKnownError(error, config.log).message;
    },
  });
  let isOver = false;
  return {
    pieces: answerPieces(parts, {
      format,
      epoch: parseEpoch(parameters.get('epoch')),
      isChunked,
      rowLimit: config.rowLimit,
    }),
    signal,
    finish() {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      leave();
      const tookMs = performance.now() - startedMs;
      if (config.slowQueryMs > 0 && tookMs >= config.slowQueryMs) {
        config.log.warn({ query: shortened(text), database, durationMs: Math.round(tookMs) }, 'slow query');
      }
    },
  };
}

/** As InfluxDB reads `chunk_size`: what is not a number above 0 is as if it was not there. */
function chunkSize(text: string | null): number {
  const rows = /^[+-]?\d+$/.test(text ?? '') ? Number(text) : 0;
  return rows > 0 ? rows : DEFAULT_CHUNK_ROWS;
}
