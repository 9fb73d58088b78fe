/** Which series, label names and label values there are: what dashboards build their menus from. */
import { instantFromMs } from '../../engine/time.ts';
import { VarveError } from '../../errors/errors.ts';
import { type LabelScope, type Limited, labelNames, labelValues, seriesLabels } from '../../query/prometheus-labels.ts';
import { METRIC_NAME } from '../../query/promql/labels.ts';
import { limitParameter, timeParameterMs, withParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';
import { narrowSelectors } from '../selectors.ts';

/** What to list, from the parameters that all three routes share, looked at in Prometheus' order. */
function scopeOf({ parameters }: RouteContext, readSelectors = narrowSelectors): LabelScope {
  const limit = limitParameter(parameters);
  const startMs = timeParameterMs(parameters, 'start', -Infinity);
  const endMs = timeParameterMs(parameters, 'end', Infinity);
  return {
    matcherSets: readSelectors(parameters),
    from: startMs === -Infinity ? undefined : instantFromMs(startMs),
    to: endMs === Infinity ? undefined : instantFromMs(endMs),
    limit,
  };
}

function listed<T>({ items, truncated }: Limited<T>, data: unknown = items): Response {
  return success(data, { warnings: truncated ? ['results truncated due to limit'] : [] });
}

function series(context: RouteContext): Response {
  if (!context.parameters.has('match[]')) throw new VarveError('bad_request', 'no match[] parameter provided');
  const scope = scopeOf(context, (parameters) => withParameter('match[]', () => narrowSelectors(parameters)));
  const found = seriesLabels(context.engine().database(context.database), scope);
  const objects = found.items.map(({ names, values }) => Object.fromEntries(names.map((name, i) => [name, values[i]])));
  return listed(found, objects);
}

function labels(context: RouteContext): Response {
  return listed(labelNames(context.engine().database(context.database), scopeOf(context)));
}

function values(context: RouteContext): Response {
  const name = unescapeLabelName(context.pathParameter('name'));
  return listed(labelValues(context.engine().database(context.database), name, scopeOf(context)));
}

/** `U__` and hexadecimal code points between underscores spell a name that a path cannot hold. */
function unescapeLabelName(name: string): string {
  if (!name.startsWith('U__')) return name;
  return name
    .slice(3)
    .replace(/__|_([0-9a-fA-F]{1,6})_/g, (_, hex: string | undefined) =>
      hex === undefined ? '_' : String.fromCodePoint(Number.parseInt(hex, 16)),
    );
}

export const prometheusSeriesRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/series',
    access: 'read',
    purpose: 'series that match[] selects',
    handle: series,
  },
  { methods: ['GET', 'POST'], path: '/api/v1/labels', access: 'read', purpose: 'label names', handle: labels },
  {
    methods: ['GET'],
    path: '/api/v1/label/:name/values',
    access: 'read',
    purpose: `values of a label; ${METRIC_NAME} for the metrics`,
    handle: values,
  },
];
