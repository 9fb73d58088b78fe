/** Liveness and readiness, in the spellings that InfluxDB's and Prometheus' clients ask for. */
import type { Route, RouteContext } from '../route.ts';

/** Clients of InfluxDB 1.x read the version to learn which API they meet, so it names the API that is spoken. */
const INFLUX_VERSION = '1.8.10';

export function versionHeaders(version: string): Record<string, string> {
  return { 'x-influxdb-version': INFLUX_VERSION, 'x-influxdb-build': `Varve ${version}` };
}

function ping({ parameters, config }: RouteContext): Response {
  const headers = versionHeaders(config.version);
  const verbose = parameters.get('verbose');
  if (verbose === null || verbose === '' || verbose === '0' || verbose === 'false') {
    return new Response(null, { status: 204, headers });
  }
  return Response.json({ version: INFLUX_VERSION }, { headers });
}

function health({ notReady, config }: RouteContext): Response {
  const why = notReady();
  const body = {
    name: 'varve',
    status: 'pass',
    message: why === null ? 'ready for queries and writes' : `alive, not ready: ${why}`,
    version: config.version,
    checks: [],
  };
  return Response.json(body, { headers: versionHeaders(config.version) });
}

function readiness({ notReady }: RouteContext): Response {
  const why = notReady();
  if (why === null) return new Response('Varve is ready.\n');
  return new Response(`Varve is not ready: ${why}\n`, {
    status: 503,
    headers: { 'retry-after': '1' },
  });
}

export const healthRoutes: readonly Route[] = [
  { methods: ['GET'], path: '/ping', purpose: 'alive? 204 and the version in a header', handle: ping },
  { methods: ['GET'], path: '/health', purpose: 'alive? JSON', handle: health },
  { methods: ['GET'], path: '/-/healthy', purpose: 'alive?', handle: () => new Response('Varve is healthy.\n') },
  { methods: ['GET'], path: '/-/ready', purpose: 'able to write and read?', handle: readiness },
];
