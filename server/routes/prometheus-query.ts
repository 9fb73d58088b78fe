/**
 * PromQL at one instant and over a grid of steps. Reading parameters and their errors follow Prometheus to the word;
 * the work is done by query/promql.
 */
import { companion } from '../../engine/internal-database.ts';
import { VarveError } from '../../errors/errors.ts';
import { evaluateDatabase } from '../../query/database-evaluation.ts';
import { goDuration, nsOfMs } from '../../query/go-math/go-duration.ts';
import { newStorageTrace, type StorageTrace } from '../../query/prometheus-storage.ts';
import type { QueryOptions, QueryTimes } from '../../query/promql/evaluate.ts';
import { sharedQueryWorkers } from '../../query/workers/pool.ts';
import { ARROW_TYPE, wantsArrow } from '../arrow/media-type.ts';
import {
  durationParameterMs,
  durationProblem,
  invalidParameter,
  limitParameter,
  parseApiDurationMs,
  requiredDurationParameterMs,
  requiredTimeParameterMs,
  timeParameterMs,
} from '../parameters.ts';
import { bytesAnswer, successBytes } from '../prometheus-response.ts';
import { type QueryTicket, shortened } from '../query-gate.ts';
import { type ResultFormat, type WrittenResult, writeResult } from '../query-result.ts';
import { sharedEvaluationThreads, type ThreadResult } from '../query-thread.ts';
import type { Route, RouteContext } from '../route.ts';

/** What a query needs to know of its request. */
export interface QueryCall
  extends Pick<RouteContext, 'config' | 'metrics' | 'engine' | 'queries' | 'caller' | 'database' | 'parameters'> {
  readonly path: string;
  /** The Accept header. */
  readonly accept: string | null;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/** An answer and its type. */
export interface QueryAnswer {
  readonly contentType: string;
  readonly body: Uint8Array;
}

async function instantQuery(context: QueryCall): Promise<QueryAnswer> {
  const { parameters } = context;
  const limit = limitParameter(parameters);
  const timeMs = timeParameterMs(parameters, 'time', Date.now());
  return run(context, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, { timeMs, limit, encoding: encodingOf(context) });
}

async function rangeQuery(context: QueryCall): Promise<QueryAnswer> {
  const { parameters, config } = context;
  const limit = limitParameter(parameters);
  const startMs = requiredTimeParameterMs(parameters, 'start');
  const endMs = requiredTimeParameterMs(parameters, 'end');
  if (endMs < startMs) throw invalidParameter('end', 'end timestamp must not be before start time');
  const stepMs = Math.trunc(requiredDurationParameterMs(parameters, 'step'));
  if (stepMs <= 0) {
    throw invalidParameter(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  }
  if ((endMs - startMs) / stepMs > config.rangePointsLimit) {
    const most = config.rangePointsLimit.toLocaleString('en-US');
    throw new VarveError(
      'bad_request',
      `exceeded maximum resolution of ${most} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    );
  }
  return run(context, { startMs, endMs, stepMs }, { timeMs: null, limit, encoding: encodingOf(context) });
}

function encodingOf({ accept }: QueryCall): ResultFormat['encoding'] {
  return wantsArrow(accept) ? 'arrow' : 'json';
}

/** Runs the query in its turn and answers. */
async function run(context: QueryCall, times: QueryTimes, format: ResultFormat): Promise<QueryAnswer> {
  const { database, parameters, path, signal, config } = context;
  const query = parameters.get('query') ?? '';
  const timeoutMs = queryTimeoutMs(context);
  const startedMs = performance.now();
  const origin = { query, database, path, signal, timeoutMs, owner: context.caller.rights.id };
  return context.queries.run(origin, async (ticket) => {
    const trace = newStorageTrace();
    const deadlineMs = startedMs + timeoutMs;
    const result = await evaluateQuery(context, times, format, ticket, deadlineMs, trace);
    const tookMs = performance.now() - startedMs;
    if (config.slowQueryMs > 0 && tookMs >= config.slowQueryMs) {
      const { totalSamples: samples, peakSamples } = result.stats;
      config.log.warn(
        {
          query: shortened(query),
          database,
          durationMs: Math.round(tookMs),
          samples,
          peakSamples,
          series: trace.series,
        },
        'slow query',
      );
    }
    if (format.encoding === 'arrow') return { contentType: ARROW_TYPE, body: result.data };
    return { contentType: 'application/json', body: answer(context, result, ticket, trace) };
  });
}

/** Parses and evaluates the `query` parameter. What is wrong with the expression is told as that parameter's fault. */
async function evaluateQuery(
  context: QueryCall,
  times: QueryTimes,
  format: ResultFormat,
  { signal }: QueryTicket,
  deadlineMs: number,
  trace: StorageTrace,
): Promise<WrittenResult> {
  const { engine, database, parameters, config } = context;
  const { queryMaxSamples: maxSamples, queryMaxSeries: maxSeries, queryMaxBytes: maxBytes } = config;
  const storage = {
    starts: companion(engine(), database, 'starts'),
    workers: sharedQueryWorkers(),
    signal,
    deadlineMs,
    maxSeries,
    maxBytes,
    trace,
  };
  const options: QueryOptions = {
    ...config.promql,
    lookbackMs: lookbackMs(parameters) || config.lookbackMs,
    // No time at all is over at once; to the evaluation, 0 is no limit.
    timeoutMs: Math.max(deadlineMs - performance.now(), Number.EPSILON),
    limits: { maxSeries, maxSamples: maxSamples > 0 ? maxSamples : Infinity },
    signal,
  };
  try {
    const query = parameters.get('query') ?? '';
    const threads = sharedEvaluationThreads();
    const done = await evaluateDatabase(engine().database(database), {
      query,
      times,
      options,
      storage,
      threads,
      format,
    });
    if ('result' in done) return await writeResult(done.result, format);
    const { counts, ...written } = done.answer as ThreadResult;
    trace.samplesRead += counts.samplesRead;
    trace.blocksRead += counts.blocksRead;
    trace.readMs += counts.readMs;
    trace.onThread = true;
    return written;
  } catch (error) {
    if (error instanceof VarveError && error.code === 'bad_request') throw invalidParameter('query', error.message);
    throw error;
  }
}

/** The answer, with statistics and a trace when they are asked for. */
function answer(
  { parameters }: QueryCall,
  result: WrittenResult,
  ticket: QueryTicket,
  storage: StorageTrace,
): Uint8Array {
  const { data, warnings, infos } = result;
  const wantsStats = (parameters.get('stats') ?? '') !== '';
  const stats = wantsStats ? `,"stats":${queryStats(result, ticket)}` : '';
  const trace = parameters.get('trace') === '1' ? { trace: traceOf(result, ticket, storage) } : {};
  return successBytes(data, { warnings, infos, ...trace }, stats);
}

/** Where the time went; ms. Reading and decoding outside of the window threads are part of evaluating. */
function traceOf({ stats, encodeMs }: WrittenResult, { waitedMs }: QueryTicket, storage: StorageTrace): unknown {
  const round = (ms: number) => Math.round(ms * 1000) / 1000;
  return {
    queueMs: round(waitedMs),
    selectMs: round(storage.selectMs),
    threadsMs: round(storage.threadMs),
    readMs: round(storage.readMs),
    evaluateMs: round(Math.max(0, stats.evaluateMs - storage.readMs)),
    encodeMs: round(encodeMs),
    selectors: storage.selectors,
    selectorsOnThreads: storage.spreadSelectors,
    evaluatedOnThread: storage.onThread,
    series: storage.series,
    blocksRead: storage.blocksRead,
    samplesRead: storage.samplesRead,
    samplesLookedAt: stats.totalSamples,
    samplesHeld: stats.peakSamples,
  };
}

/** Figures of a query as Prometheus names them; times are seconds. */
function queryStats({ stats }: WrittenResult, { waitedMs }: QueryTicket): string {
  const totalTime = (stats.fetchMs + stats.evaluateMs) / 1000;
  return JSON.stringify({
    timings: {
      evalTotalTime: totalTime,
      resultSortTime: 0,
      queryPreparationTime: stats.fetchMs / 1000,
      innerEvalTime: stats.evaluateMs / 1000,
      execQueueTime: waitedMs / 1000,
      execTotalTime: totalTime + waitedMs / 1000,
    },
    samples: { totalQueryableSamples: stats.totalSamples, peakSamples: stats.peakSamples },
  });
}

/** How long the query may take, by its own wish and the server's. */
function queryTimeoutMs({ parameters, config }: QueryCall): number {
  const askedMs = durationParameterMs(parameters, 'timeout', Infinity);
  if (askedMs <= 0) {
    const asked = `${askedMs < 0 ? '-' : ''}${goDuration(nsOfMs(Math.abs(askedMs)))}`;
    throw invalidParameter('timeout', `timeout must be positive, got ${asked}`);
  }
  return config.queryTimeoutMs > 0 ? Math.min(askedMs, config.queryTimeoutMs) : askedMs;
}

/** The `lookback_delta` parameter; 0 when the server's is to be used. */
function lookbackMs(parameters: URLSearchParams): number {
  const text = parameters.get('lookback_delta') ?? '';
  if (text === '') return 0;
  const ms = parseApiDurationMs(text);
  if (ms !== null) return Math.max(0, ms);
  throw new VarveError('bad_request', `error parsing lookback delta duration: ${durationProblem(text)}`);
}

/** The query routes by path: each gives its answer, and throws what goes wrong. */
export const PROMETHEUS_QUERIES: ReadonlyMap<string, (call: QueryCall) => Promise<QueryAnswer>> = new Map([
  ['/api/v1/query', timed('/api/v1/query', instantQuery)],
  ['/api/v1/query_range', timed('/api/v1/query_range', rangeQuery)],
]);

/** A query with the time it takes counted. */
function timed(
  path: string,
  answer: (call: QueryCall) => Promise<QueryAnswer>,
): (call: QueryCall) => Promise<QueryAnswer> {
  return async (call) => {
    const startedMs = performance.now();
    try {
      return await answer(call);
    } finally {
      call.metrics.querySeconds.observe({ route: path }, (performance.now() - startedMs) / 1000);
    }
  };
}

function route(path: string, purpose: string): Route {
  return {
    methods: ['GET', 'POST'],
    path,
    access: 'read',
    purpose,
    async handle(context) {
      const { signal, headers } = context.request;
      const accept = headers.get('accept');
      const { body, contentType } = await PROMETHEUS_QUERIES.get(path)!({ ...context, path, accept, signal });
      return bytesAnswer(body, contentType);
    },
  };
}

/** GET, and POST with a plain form, are answered on the raw request, see ../raw-queries.ts; this is for all else. */
export const prometheusQueryRoutes: readonly Route[] = [
  route('/api/v1/query', 'PromQL at one instant (query, time)'),
  route('/api/v1/query_range', 'PromQL over a range (query, start, end, step)'),
];
