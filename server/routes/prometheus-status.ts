/** What Prometheus' clients ask about the server itself before they send queries. */
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

/** Grafana picks features by this version: the API is Prometheus 3's. */
const PROMETHEUS_VERSION = '3.5.0';

const startTime = new Date();

function buildInfo({ config }: RouteContext): Response {
  return success({
    version: PROMETHEUS_VERSION,
    revision: `varve-${config.version}`,
    branch: 'varve',
    buildUser: '',
    buildDate: '',
    goVersion: '',
    application: 'Varve',
  });
}

function runtimeInfo({ engine }: RouteContext): Response {
  return success({
    startTime: startTime.toISOString(),
    CWD: process.cwd(),
    serverTime: new Date().toISOString(),
    reloadConfigSuccess: true,
    lastConfigTime: startTime.toISOString(),
    corruptionCount: 0,
    databases: engine().databases(),
    nodeVersion: process.version,
  });
}

export const prometheusStatusRoutes: readonly Route[] = [
  { methods: ['GET'], path: '/api/v1/status/buildinfo', purpose: 'version of the API', handle: buildInfo },
  { methods: ['GET'], path: '/api/v1/status/runtimeinfo', purpose: 'uptime and databases', handle: runtimeInfo },
  { methods: ['GET'], path: '/api/v1/metadata', purpose: 'types of metrics (none kept)', handle: () => success({}) },
];
