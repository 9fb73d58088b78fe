/** What senders told beside samples: exemplars and metadata, in Prometheus' shapes. */
import { companion } from '../../engine/internal-database.ts';
import { VarveError } from '../../errors/errors.ts';
import { findExemplars, selectorsOf } from '../../query/exemplars.ts';
import { findMetadata } from '../../query/metadata.ts';
import type { Labels } from '../../query/promql/labels.ts';
import { formatSampleValue } from '../../query/promql/number-format.ts';
import { parseExpression } from '../../query/promql/parser/parser.ts';
import { timeParameterMs } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

function queryExemplars({ engine, database, parameters }: RouteContext): Response {
  const startMs = timeParameterMs(parameters, 'start', -Infinity);
  const endMs = timeParameterMs(parameters, 'end', Infinity);
  if (endMs < startMs) throw new VarveError('bad_request', 'end timestamp must not be before start timestamp');
  const selectors = selectorsOf(parseExpression(parameters.get('query') ?? ''));
  if (selectors.length === 0) return new Response(null, { status: 204 });
  const found = findExemplars(companion(engine(), database, 'exemplars'), selectors, startMs, endMs);
  return success(
    found.map(({ labels, exemplars }) => ({
      seriesLabels: labelsObject(labels),
      exemplars: exemplars.map(({ labels: own, value, timeMs }) => ({
        labels: own,
        value: formatSampleValue(value),
        timestamp: timeMs / 1000,
      })),
    })),
  );
}

function labelsObject({ names, values }: Labels): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

function metadata({ engine, database, parameters }: RouteContext): Response {
  const limit = wholeNumber(parameters, 'limit');
  // One entry per metric is all there ever is, so this limit can only be checked.
  wholeNumber(parameters, 'limit_per_metric');
  const found = findMetadata(companion(engine(), database, 'metadata'), parameters.get('metric') ?? '', limit);
  return success(
    Object.fromEntries([...found].map(([metric, { type, help, unit }]) => [metric, [{ type, unit, help }]])),
  );
}

/** A whole number, −1 when the parameter is absent. */
function wholeNumber(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name);
  if (text === null || text === '') return -1;
  if (!/^[+-]?\d+$/.test(text)) throw new VarveError('bad_request', `${name} must be a number`);
  return Number(text);
}

export const prometheusExemplarRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/query_exemplars',
    access: 'read',
    purpose: 'exemplars of the series in an expression (query, start, end)',
    handle: queryExemplars,
  },
  {
    methods: ['GET'],
    path: '/api/v1/metadata',
    access: 'read',
    purpose: 'type, help and unit of metrics (metric, limit)',
    handle: metadata,
  },
];
