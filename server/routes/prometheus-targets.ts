/** What Prometheus tells of its targets and Alertmanagers: nothing is scraped here, so those of targets are empty. */
import { VarveError } from '../../errors/errors.ts';
import { parseMetricSelector } from '../../query/promql/parser/parser.ts';
import { withParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

function targets({ parameters }: RouteContext): Response {
  const state = (parameters.get('state') ?? '').toLowerCase();
  const showsDropped = state === '' || state === 'any' || state === 'dropped';
  return success({ activeTargets: [], droppedTargets: [], droppedTargetCounts: showsDropped ? {} : null });
}

function targetMetadata({ parameters }: RouteContext): Response {
  if (!/^([+-]?\d+)?$/.test(parameters.get('limit') ?? '')) {
    throw new VarveError('bad_request', 'limit must be a number');
  }
  const matchTarget = parameters.get('match_target') ?? '';
  if (matchTarget !== '') withParameter('match_target', () => parseMetricSelector(matchTarget));
  return success([]);
}

export const prometheusTargetRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/targets',
    access: 'known',
    purpose: 'scrape targets (none: data is pushed)',
    handle: targets,
  },
  {
    methods: ['GET'],
    path: '/api/v1/targets/metadata',
    access: 'known',
    purpose: 'metadata by scrape target (none)',
    handle: targetMetadata,
  },
  {
    methods: ['GET'],
    path: '/api/v1/scrape_pools',
    access: 'known',
    purpose: 'scrape pools (none)',
    handle: () => success({ scrapePools: [] }),
  },
  {
    methods: ['GET'],
    path: '/api/v1/alertmanagers',
    access: 'known',
    purpose: 'Alertmanagers that alerts are sent to',
    handle: ({ rules, caller, config }) =>
      success({
        activeAlertmanagers:
          (caller.rights.may('read', config.rulesDatabase) ? rules : null)?.notifier.endpoints.map((url) => ({
            url,
          })) ?? [],
        droppedAlertmanagers: [],
      }),
  },
];
