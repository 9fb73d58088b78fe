/**
 * The hono application: everything but the writes. One table of routes makes the router, the list that an unknown path
 * is answered with, and the `Allow` of a wrong method.
 */

import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { ANYBODY, type Caller } from './auth/authenticator.ts';
import { type Access, accessOf, authorize } from './auth/route-access.ts';
import { packAnswer } from './compression.ts';
import { chooseDatabase } from './database-name.ts';
import { v2Failure } from './influx/v2-failure.ts';
import { asKnownError } from './known-error.ts';
import { readParameters } from './parameters.ts';
import { errorHeaders, failure } from './prometheus-response.ts';
import { RAW_ROUTES } from './raw-routes.ts';
import { checkQueryLength } from './request-body.ts';
import type { Method, Route, RouteContext } from './route.ts';
import { activeQueryRoutes } from './routes/active-queries.ts';
import { databaseRoutes } from './routes/databases.ts';
import { exportRoutes } from './routes/export.ts';
import { healthRoutes } from './routes/health.ts';
import { influxQueryRoutes } from './routes/influx-query.ts';
import { influxV2Routes } from './routes/influx-v2.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { pageRoutes } from './routes/page.ts';
import { prometheusAdminRoutes } from './routes/prometheus-admin.ts';
import { prometheusExemplarRoutes } from './routes/prometheus-exemplars.ts';
import { prometheusExpressionRoutes } from './routes/prometheus-expression.ts';
import { prometheusFederateRoutes } from './routes/prometheus-federate.ts';
import { prometheusQueryRoutes } from './routes/prometheus-query.ts';
import { prometheusRulesRoutes } from './routes/prometheus-rules.ts';
import { prometheusSeriesRoutes } from './routes/prometheus-series.ts';
import { prometheusStatusRoutes } from './routes/prometheus-status.ts';
import { prometheusTargetRoutes } from './routes/prometheus-targets.ts';
import { remoteReadRoutes } from './routes/remote-read.ts';
import { storageStatusRoutes } from './routes/storage-status.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';
import type { ServerState } from './state.ts';

/** Everything that is answered here. */
export const ROUTES: readonly Route[] = [
  ...pageRoutes,
  ...healthRoutes,
  ...metricsRoutes,
  ...influxQueryRoutes,
  ...influxV2Routes,
  ...prometheusQueryRoutes,
  ...activeQueryRoutes,
  ...prometheusSeriesRoutes,
  ...prometheusStatusRoutes,
  ...storageStatusRoutes,
  ...prometheusTargetRoutes,
  ...prometheusRulesRoutes,
  ...prometheusExpressionRoutes,
  ...prometheusExemplarRoutes,
  ...prometheusFederateRoutes,
  ...prometheusAdminRoutes,
  ...databaseRoutes,
  ...userRoutes,
  ...tokenRoutes,
  ...exportRoutes,
  ...remoteReadRoutes,
];

type Environment = { Bindings: HttpBindings };

export function createApp(state: ServerState): Hono<Environment> {
  const app = new Hono<Environment>();
  app.use(async (c, next) => {
    await next();
    const answer = c.req.method === 'HEAD' ? c.res : await packAnswer(c.res, c.req.header('accept-encoding') ?? null);
    if (answer !== c.res) {
      c.res = undefined;
      c.res = answer;
    }
    const cors = state.cors(c.req.header('origin') ?? null);
    for (const name in cors) c.res.headers.append(name, cors[name]);
  });
  for (const route of ROUTES) {
    app.all(route.path, async (c) => {
      state.routeOf.set(c.env.incoming, route.path);
      const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
      if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow: allow(route.methods) } });
      if (!route.methods.includes(method as Method)) return wrongMethod(c.req.method, route);
      const access = accessOf(route.access, c.req.method);
      const caller = await identify(state, access, c.env.incoming);
      const parameters = await readParameters(c.req.raw);
      for (const name of ['query', 'match[]']) {
        for (const text of parameters.getAll(name)) checkQueryLength(text, state.config.queryMaxLength);
      }
      const context: RouteContext = {
        config: state.config,
        metrics: state.metrics,
        engine: state.requireEngine,
        queries: state.queries,
        rules: state.rules(),
        ready: state.ready,
        notReady: state.notReady,
        caller,
        database: chooseDatabase(state.databaseOf.get(c.env.incoming) ?? null, parameters),
        parameters,
        request: c.req.raw,
        pathParameter: (name) => c.req.param(name) ?? '',
      };
      authorize(caller, access, route.accessDatabase?.(context) ?? context.database);
      return route.handle(context);
    });
  }
  app.notFound((c) => unknownPath(c.req.path));
  app.onError((error, c) => {
    const known = asKnownError(error, state.config.log);
    if (c.req.path.startsWith('/api/v1/')) return failure(known);
    if (c.req.path.startsWith('/api/v2/')) {
      return new Response(v2Failure(known), { status: known.status, headers: errorHeaders(known) });
    }
    return Response.json({ error: known.message }, { status: known.status, headers: errorHeaders(known) });
  });
  return app;
}

/** Who asks; anybody, where nobody is asked who they are. */
function identify(state: ServerState, access: Access, request: IncomingMessage): Caller | Promise<Caller> {
  const isOpen = access === 'public' || (access === 'metrics' && state.config.publicMetrics);
  if (isOpen || state.config.authMode === 'false') return ANYBODY;
  const url = request.url ?? '';
  const question = url.indexOf('?');
  return state.auth.identify(state.requireEngine().access, request, question < 0 ? '' : url.slice(question + 1));
}

function allow(methods: readonly Method[]): string {
  return ['OPTIONS', ...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].sort().join(', ');
}

function wrongMethod(method: string, route: Route): Response {
  const allowed = allow(route.methods);
  return Response.json(
    { error: `cannot ${method} ${route.path}: use ${allowed}` },
    { status: 405, headers: { allow: allowed } },
  );
}

function unknownPath(path: string): Response {
  const paths = [
    ...RAW_ROUTES.map((route) => ({ path: route.path, methods: ['POST'], purpose: route.purpose })),
    ...ROUTES.map(({ path: known, methods, purpose }) => ({ path: known, methods, purpose })),
  ];
  return Response.json(
    { error: `cannot find ${path}: no such path (each of these also works behind /db/NAME)`, paths },
    { status: 404 },
  );
}
