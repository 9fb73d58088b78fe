/** What Prometheus' clients ask about the server itself before they send queries. */
import { availableParallelism, hostname } from 'node:os';
import { sees } from '../../access/rights.ts';
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

function runtimeInfo({ engine, config, caller }: RouteContext): Response {
  return success({
    startTime: startTime.toISOString(),
    CWD: process.cwd(),
    hostname: hostname(),
    serverTime: new Date().toISOString(),
    reloadConfigSuccess: true,
    lastConfigTime: startTime.toISOString(),
    corruptionCount: 0,
    goroutineCount: process.getActiveResourcesInfo().length,
    GOMAXPROCS: availableParallelism(),
    GOMEMLIMIT: Math.min(process.constrainedMemory() || Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    GOGC: '',
    GODEBUG: '',
    storageRetention: config.flags.retention ?? '',
    databases: engine()
      .databases()
      .filter((name) => sees(caller.rights, name)),
    nodeVersion: process.version,
  });
}

export const prometheusStatusRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/status/buildinfo',
    access: 'known',
    purpose: 'version of the API',
    handle: buildInfo,
  },
  {
    methods: ['GET'],
    path: '/api/v1/status/runtimeinfo',
    access: 'known',
    purpose: 'uptime and databases',
    handle: runtimeInfo,
  },
];
