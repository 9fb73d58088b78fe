/**
 * PromQL at one instant and over a grid of steps. Reading parameters and their errors follow Prometheus to the word;
 * the work is done by query/promql.
 */
import { companion } from '../../engine/internal-database.ts';
import { VarveError } from '../../errors/errors.ts';
import { prometheusQuerier } from '../../query/prometheus-storage.ts';
import { evaluate, type QueryOptions, type QueryResult, type QueryTimes } from '../../query/promql/evaluate.ts';
import {
  durationParameterMs,
  invalidParameter,
  requiredDurationParameterMs,
  requiredTimeParameterMs,
  timeParameterMs,
} from '../parameters.ts';
import { instantResult, rangeResult } from '../prometheus-json.ts';
import { successBytes } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

async function instantQuery(context: RouteContext): Promise<Response> {
  const { parameters } = context;
  const timeMs = timeParameterMs(parameters, 'time', Date.now());
  const { value, warnings, infos } = await run(context, { startMs: timeMs, endMs: timeMs, stepMs: 0 });
  return successBytes(instantResult(value, timeMs), { warnings, infos });
}

async function rangeQuery(context: RouteContext): Promise<Response> {
  const { parameters, config } = context;
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
    const limit = config.rangePointsLimit.toLocaleString('en-US');
    throw new VarveError(
      'bad_request',
      `exceeded maximum resolution of ${limit} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    );
  }
  const { value, grid, warnings, infos } = await run(context, { startMs, endMs, stepMs });
  return successBytes(rangeResult(value, grid), { warnings, infos });
}

/** Parses and evaluates the `query` parameter. What is wrong with the expression is told as that parameter's fault. */
async function run(context: RouteContext, times: QueryTimes): Promise<QueryResult> {
  const { engine, database, parameters } = context;
  const options = queryOptions(context);
  const querier = prometheusQuerier(engine().database(database), companion(engine(), database, 'starts'));
  try {
    return await evaluate(parameters.get('query') ?? '', times, querier, options);
  } catch (error) {
    if (error instanceof VarveError && error.code === 'bad_request') throw invalidParameter('query', error.message);
    throw error;
  }
}

/** Lookback, time limit and cancellation. A client that leaves takes its query with it. */
function queryOptions({ parameters, config, request }: RouteContext): QueryOptions {
  const timeoutMs = Math.min(durationParameterMs(parameters, 'timeout', Infinity), config.queryTimeoutMs);
  return {
    lookbackMs: durationParameterMs(parameters, 'lookback_delta', config.lookbackMs),
    timeoutMs,
    signal: request.signal,
  };
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
