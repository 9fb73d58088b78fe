/** What Prometheus tells of its targets and Alertmanagers: nothing is scraped here, so those of targets are empty. */
import { VarveError } from '../../errors/errors.ts';
import { success } from '../prometheus-response.ts';
import type { Route } from '../route.ts';

export const prometheusTargetRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/targets',
    purpose: 'scrape targets (none: data is pushed)',
    handle: () => success({ activeTargets: [], droppedTargets: [], droppedTargetCounts: {} }),
  },
  {
    methods: ['GET'],
    path: '/api/v1/targets/metadata',
    purpose: 'metadata by scrape target (none)',
    handle() {
      throw new VarveError('not_found', 'specified metadata not found');
    },
  },
  {
    methods: ['GET'],
    path: '/api/v1/scrape_pools',
    purpose: 'scrape pools (none)',
    handle: () => success({ scrapePools: [] }),
  },
  {
    methods: ['GET'],
    path: '/api/v1/alertmanagers',
    purpose: 'Alertmanagers that alerts are sent to',
    handle: ({ rules }) =>
      success({
        activeAlertmanagers: rules?.notifier.endpoints.map((url) => ({ url })) ?? [],
        droppedAlertmanagers: [],
      }),
  },
];
