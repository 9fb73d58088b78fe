/**
 * One request of InfluxQL statements on its way through the gate: it waits for its turn, runs, and its answer leaves whole
 * when it is small, as a stream when it is not. Its place inside the gate is held until the last byte is on its way.
 */
import { systemClock } from '../../clock/clock.ts';
import type { Statement } from '../../query/influxql/ast.ts';
import { executeStatements } from '../../query/influxql/execute.ts';
import { newStatementContext } from '../../query/influxql/statement-context.ts';
import { sharedQueryWorkers } from '../../query/workers/pool.ts';
import { DEFAULT_DATABASE } from '../database-name.ts';
import { asKnownError } from '../known-error.ts';
import type { RouteContext } from '../route.ts';
import type { AnswerFormat } from './answer-format.ts';
import { answerPieces } from './answer-stream.ts';
import { parseEpoch } from './epoch.ts';
import { runningQueries } from './running-queries.ts';

const DEFAULT_CHUNK_ROWS = 10_000;

/** How long a query that was canceled waits for a client that does not read, ms. */
const STALLED_MS = 1_000;

export interface StatementRequest {
  readonly statements: readonly Statement[];
  /** The statements as they are listed and logged. */
  readonly text: string;
  readonly format: AnswerFormat;
}

/** A request inside the gate. */
interface Run {
  readonly pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Aborted when the client leaves, the query is killed, or its time is over. */
  readonly signal: AbortSignal;
  /** Leaves the gate; must be called, and may be several times. */
  finish(): void;
}

/** Answers a request. @param ended called once when nothing of it runs any more. */
export async function answerStatements(
  context: RouteContext,
  request: StatementRequest,
  headers: Readonly<Record<string, string>>,
  ended: () => void,
): Promise<Response> {
  const run = await start(context, request, context.request.signal, ended);
  try {
    const first = await run.pieces.next();
    const second = first.done === true ? first : await run.pieces.next();
    if (second.done !== true) return new Response(streamOf([first.value, second.value], run), { headers });
    run.finish();
    const body: Uint8Array<ArrayBuffer> = first.value ?? new Uint8Array(0);
    return new Response(body, { headers: { ...headers, 'content-length': String(body.length) } });
  } catch (error) {
    run.finish();
    throw error;
  }
}

/** Runs a request for whose answer nobody waits. */
export async function runStatements(
  context: RouteContext,
  request: StatementRequest,
  ended: () => void,
): Promise<void> {
  const run = await start(context, request, new AbortController().signal, ended);
  try {
    for await (const _ of run.pieces) {
      // Only what the statements do is wanted.
    }
  } finally {
    run.finish();
  }
}

async function start(
  context: RouteContext,
  request: StatementRequest,
  clientSignal: AbortSignal,
  ended: () => void,
): Promise<Run> {
  const { config, parameters } = context;
  const { text, statements, format } = request;
  const [database, retentionPolicy = ''] = context.database.split('/');
  const timeoutMs = config.queryTimeoutMs > 0 ? config.queryTimeoutMs : Infinity;
  const startedMs = performance.now();
  const pass = await context.queries.pass({ query: text, database, path: '/query', signal: clientSignal, timeoutMs });
  const timeout = new AbortController();
  const leftMs = timeoutMs - (performance.now() - startedMs);
  const timer = leftMs === Infinity ? undefined : setTimeout(() => timeout.abort(), Math.max(0, leftMs));
  const signal = AbortSignal.any([pass.ticket.signal, timeout.signal]);
  const isChunked = parameters.get('chunked') === 'true';
  const chunkRows = isChunked ? chunkSize(parameters.get('chunk_size')) : Infinity;
  const now = systemClock.now();
  const statementContext = newStatementContext({
    engine: context.engine(),
    database,
    retentionPolicy,
    nowNs: BigInt(now.sec) * 1_000_000_000n + BigInt(now.nano),
    signal,
    limits: config.selectLimits,
    workers: sharedQueryWorkers(),
    chunkRows: Math.min(chunkRows, DEFAULT_CHUNK_ROWS),
    queries: runningQueries(context.queries),
    assumedDatabase: DEFAULT_DATABASE,
  });
  const parts = executeStatements(statements, statementContext, {
    chunkRows,
    readOnly: context.request.method === 'GET',
    describe(error) {
      if (timeout.signal.aborted) return 'query-timeout limit exceeded';
      if (signal.aborted) return 'query interrupted';
      return asKnownError(error, config.log).message;
    },
  });
  const epoch = parseEpoch(parameters.get('epoch'));
  let isOver = false;
  return {
    pieces: answerPieces(parts, { format, epoch, isChunked, rowLimit: config.rowLimit }),
    signal,
    finish() {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      pass.leave();
      const tookMs = performance.now() - startedMs;
      if (config.slowQueryMs > 0 && tookMs >= config.slowQueryMs) {
        config.log.warn({ query: text, database, durationMs: Math.round(tookMs) }, 'slow query');
      }
      ended();
    },
  };
}

/** As InfluxDB reads `chunk_size`: what is not a number above 0 is as if it was not there. */
function chunkSize(text: string | null): number {
  const rows = /^[+-]?\d+$/.test(text ?? '') ? Number(text) : 0;
  return rows > 0 ? rows : DEFAULT_CHUNK_ROWS;
}

function streamOf(ready: Uint8Array<ArrayBuffer>[], run: Run): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isPulling = false;
  const drop = () => {
    run.finish();
    return run.pieces.return(undefined);
  };
  return new ReadableStream({
    start(controller) {
      // A canceled query says so in its answer, unless nobody reads that: then its connection is all that is left of it.
      const onAbort = () => {
        setTimeout(() => {
          if (isPulling) return;
          controller.error(new Error('query interrupted'));
          void drop();
        }, STALLED_MS).unref();
      };
      run.signal.addEventListener('abort', onAbort, { once: true });
    },
    async pull(controller) {
      const next = ready.shift();
      if (next !== undefined) {
        controller.enqueue(next);
        return;
      }
      isPulling = true;
      const { done, value } = await run.pieces.next();
      isPulling = false;
      if (done !== true) {
        controller.enqueue(value);
        return;
      }
      run.finish();
      controller.close();
    },
    async cancel() {
      await drop();
    },
  });
}
