/** Liveness and readiness, in the spellings that InfluxDB's and Prometheus' clients ask for. */
import { INFLUX_VERSION, requestIdHeaders, versionHeaders } from '../influx/influx-headers.ts';
import type { Route, RouteContext } from '../route.ts';

function ping({ parameters, config, request }: RouteContext): Response {
  const headers = {
    'content-type': 'application/json',
    ...versionHeaders(config.version),
    ...requestIdHeaders((name) => request.headers.get(name)),
  };
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
  {
    methods: ['GET'],
    path: '/ping',
    access: 'public',
    purpose: 'alive? 204 and the version in a header',
    handle: ping,
  },
  { methods: ['GET'], path: '/health', access: 'public', purpose: 'alive? JSON', handle: health },
  {
    methods: ['GET'],
    path: '/-/healthy',
    access: 'public',
    purpose: 'alive?',
    handle: () => new Response('Varve is healthy.\n'),
  },
  { methods: ['GET'], path: '/-/ready', access: 'public', purpose: 'able to write and read?', handle: readiness },
];
