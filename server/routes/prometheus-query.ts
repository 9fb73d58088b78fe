/**
 * PromQL at one instant and over a grid of steps. Reading parameters and their errors follow Prometheus to the word;
 * the work is done by query/promql.
 */
import { companion } from '../../engine/internal-database.ts';
import { VarveError } from '../../errors/errors.ts';
import { prometheusQuerier } from '../../query/prometheus-storage.ts';
import { evaluate, type QueryOptions, type QueryResult, type QueryTimes } from '../../query/promql/evaluate.ts';
import { sharedQueryWorkers } from '../../query/workers/pool.ts';
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
import { instantResult, rangeResult } from '../prometheus-json.ts';
import { successBytes } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

async function instantQuery(context: RouteContext): Promise<Response> {
  const { parameters } = context;
  const limit = limitParameter(parameters);
  const timeMs = timeParameterMs(parameters, 'time', Date.now());
  const result = await run(context, { startMs: timeMs, endMs: timeMs, stepMs: 0 });
  return answer(context, result, limit, () => instantResult(result.value, timeMs));
}

async function rangeQuery(context: RouteContext): Promise<Response> {
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
  const result = await run(context, { startMs, endMs, stepMs });
  return answer(context, result, limit, () => rangeResult(result.value, result.grid));
}

/** The answer with the first `limit` series (0: all), and with statistics when they are asked for. */
function answer(context: RouteContext, result: QueryResult, limit: number, write: () => Uint8Array): Response {
  const { value, infos } = result;
  const warnings = [...result.warnings];
  if (limit > 0 && (value.kind === 'vector' || value.kind === 'matrix') && value.series.length > limit) {
    value.series.length = limit;
    warnings.push('results truncated due to limit');
  }
  const wantsStats = (context.parameters.get('stats') ?? '') !== '';
  return successBytes(write(), { warnings, infos }, wantsStats ? `,"stats":${queryStats(result)}` : '');
}

/** Figures of a query as Prometheus names them; times are seconds. */
function queryStats({ stats }: QueryResult): string {
  const totalTime = (stats.fetchMs + stats.evaluateMs) / 1000;
  return JSON.stringify({
    timings: {
      evalTotalTime: totalTime,
      resultSortTime: 0,
      queryPreparationTime: stats.fetchMs / 1000,
      innerEvalTime: stats.evaluateMs / 1000,
      execQueueTime: 0,
      execTotalTime: totalTime,
    },
    samples: { totalQueryableSamples: stats.totalSamples, peakSamples: stats.peakSamples },
  });
}

/** Parses and evaluates the `query` parameter. What is wrong with the expression is told as that parameter's fault. */
async function run(context: RouteContext, times: QueryTimes): Promise<QueryResult> {
  const { engine, database, parameters } = context;
  const options = queryOptions(context);
  const querier = prometheusQuerier(engine().database(database), {
    starts: companion(engine(), database, 'starts'),
    workers: sharedQueryWorkers(),
  });
  try {
    return await evaluate(parameters.get('query') ?? '', times, querier, options);
  } catch (error) {
    if (error instanceof VarveError && error.code === 'bad_request') throw invalidParameter('query', error.message);
    throw error;
  }
}

/** Lookback, time limit and cancellation. A client that leaves takes its query with it. */
function queryOptions({ parameters, config, request }: RouteContext): QueryOptions {
  // No time at all is over at once; to the evaluation, 0 is no limit.
  const askedMs = Math.max(durationParameterMs(parameters, 'timeout', Infinity), Number.EPSILON);
  return {
    ...config.promql,
    lookbackMs: lookbackMs(parameters) || config.lookbackMs,
    timeoutMs: config.queryTimeoutMs > 0 ? Math.min(askedMs, config.queryTimeoutMs) : askedMs,
    signal: request.signal,
  };
}

/** The `lookback_delta` parameter; 0 when the server's is to be used. */
function lookbackMs(parameters: URLSearchParams): number {
  const text = parameters.get('lookback_delta') ?? '';
  if (text === '') return 0;
  const ms = parseApiDurationMs(text);
  if (ms !== null) return Math.max(0, ms);
  throw new VarveError('bad_request', `error parsing lookback delta duration: ${durationProblem(text)}`);
}

/** The route's handler, with the time it takes counted. */
function timed(path: string, handle: (context: RouteContext) => Promise<Response>): Route['handle'] {
  return async (context) => {
    const end = context.metrics.querySeconds.startTimer({ route: path });
    try {
      return await handle(context);
    } finally {
      end();
    }
  };
}

export const prometheusQueryRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/query',
    purpose: 'PromQL at one instant (query, time)',
    handle: timed('/api/v1/query', instantQuery),
  },
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/query_range',
    purpose: 'PromQL over a range (query, start, end, step)',
    handle: timed('/api/v1/query_range', rangeQuery),
  },
];
