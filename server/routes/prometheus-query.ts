/**
 * PromQL at one instant and over a grid of steps. Reading parameters and their errors follow Prometheus to the word;
 * the work is done by query/promql.
 */
import { VarveError } from '../../errors/errors.ts';
import { prometheusQuerier } from '../../query/prometheus-storage.ts';
import { evaluateQuery, type QueryOptions } from '../../query/promql/evaluate.ts';
import type { Expr } from '../../query/promql/parser/ast.ts';
import { valueTypeOf } from '../../query/promql/parser/ast.ts';
import { parseExpression } from '../../query/promql/parser/parser.ts';
import { gridOf } from '../../query/promql/value.ts';
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
  const options = queryOptions(context);
  const expr = parseQuery(parameters);
  const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
  const { value, warnings, infos } = await evaluateQuery(expr, times, querierOf(context), options);
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
  const options = queryOptions(context);
  const expr = parseQuery(parameters);
  const type = valueTypeOf(expr);
  if (type !== 'scalar' && type !== 'vector') {
    const shown = type === 'matrix' ? 'range vector' : type;
    throw invalidParameter(
      'query',
      `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`,
    );
  }
  const times = { startMs, endMs, stepMs };
  const { value, warnings, infos } = await evaluateQuery(expr, times, querierOf(context), options);
  return successBytes(rangeResult(value, gridOf(startMs, endMs, stepMs)), { warnings, infos });
}

/** The expression of the `query` parameter. */
function parseQuery(parameters: URLSearchParams): Expr {
  try {
    return parseExpression(parameters.get('query') ?? '');
  } catch (error) {
    if (error instanceof VarveError && error.code === 'bad_request') throw invalidParameter('query', error.message);
    throw error;
  }
}

function querierOf({ engine, database }: RouteContext) {
  return prometheusQuerier(engine().database(database));
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
