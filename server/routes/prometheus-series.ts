/** Which series, label names and label values there are: what dashboards build their menus from. */
import { instantFromMs, MAX_INSTANT, MIN_INSTANT } from '../../engine/time.ts';
import { VarveError } from '../../errors/errors.ts';
import { type LabelScope, type Limited, labelNames, labelValues, seriesLabels } from '../../query/prometheus-labels.ts';
import { METRIC_NAME } from '../../query/promql/labels.ts';
import type { LabelMatcher } from '../../query/promql/matcher.ts';
import { parseMetricSelector } from '../../query/promql/parser/parser.ts';
import { invalidParameter, limitParameter, timeParameterMs } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

/** The selectors of all `match[]`. */
function selectors(parameters: URLSearchParams): (readonly LabelMatcher[])[] {
  return parameters.getAll('match[]').map((text) => {
    try {
      return parseMetricSelector(text).matchers;
    } catch (error) {
      if (error instanceof VarveError && error.code === 'bad_request') throw invalidParameter('match[]', error.message);
      throw error;
    }
  });
}

/** What to list, from the parameters that all three routes share. */
function scopeOf({ parameters }: RouteContext): LabelScope {
  const startMs = timeParameterMs(parameters, 'start', -Infinity);
  const endMs = timeParameterMs(parameters, 'end', Infinity);
  return {
    matcherSets: selectors(parameters),
    from: startMs === -Infinity ? MIN_INSTANT : instantFromMs(startMs),
    to: endMs === Infinity ? MAX_INSTANT : instantFromMs(endMs),
    limit: limitParameter(parameters),
  };
}

function listed<T>({ items, truncated }: Limited<T>, data: unknown = items): Response {
  return success(data, { warnings: truncated ? ['results truncated due to limit'] : [] });
}

function series(context: RouteContext): Response {
  const scope = scopeOf(context);
  if (scope.matcherSets.length === 0) throw new VarveError('bad_request', 'no match[] parameter provided');
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
  { methods: ['GET', 'POST'], path: '/api/v1/series', purpose: 'series that match[] selects', handle: series },
  { methods: ['GET', 'POST'], path: '/api/v1/labels', purpose: 'label names', handle: labels },
  {
    methods: ['GET'],
    path: '/api/v1/label/:name/values',
    purpose: `values of a label; ${METRIC_NAME} for the metrics`,
    handle: values,
  },
];
