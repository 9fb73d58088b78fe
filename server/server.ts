/**
 * The HTTP server: one listener that hands writes to the raw routes and the rest to hono.
 *
 * It listens before the data is open, so that a port in use is found before anything is touched, and that health can be
 * asked during a long recovery. Until `attach` everything but health answers 503.
 *
 * Stopping: no new connections, requests under way are finished (until a deadline), idle connections are closed.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Engine } from '../engine/engine.ts';
import { VarveError } from '../errors/errors.ts';
import type { RuleManager } from '../rules/manager.ts';
import { createApp } from './app.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import type { BodyBudget } from './body-budget.ts';
import type { ServerConfig } from './config.ts';
import { compileCors } from './cors.ts';
import { splitDatabasePath } from './database-name.ts';
import { createServerMetrics } from './metrics.ts';
import { QueryGate } from './query-gate.ts';
import { addQueryMetrics } from './query-metrics.ts';
import { answerRawQuery, isRawQuery } from './raw-queries.ts';
import { answerRaw, rawRoute } from './raw-routes.ts';
import { answerInfluxQuery, INFLUX_QUERY_PATH } from './routes/influx-query.ts';
import { addRuleMetrics } from './rule-metrics.ts';
import { type SelfMetrics, storeSelfMetrics } from './self-metrics.ts';
import type { ServerState } from './state.ts';

/** Longer than the 60 s in which Prometheus and most proxies reuse a connection, so that they never meet one closing. */
const KEEP_ALIVE_MS = 75_000;

export interface VarveServer {
  readonly http: Server;
  /** Listens; port 0 picks a free one. Throws Node's error when it cannot. */
  listen(host: string | undefined, port: number): Promise<AddressInfo>;
  /** From now on, requests are served from this engine. It stays the caller's to close. */
  attach(engine: Engine): void;
  /** From now on, these rules are listed and counted. They stay the caller's to stop. */
  attachRules(rules: RuleManager): void;
  /** From now on, the server's own metrics are stored in its database `_internal`. */
  attachSelfMetrics(settings: { intervalMs: number; retentionMs: number }): void;
  /** Stops accepting, waits for requests under way up to the deadline, then drops what is left. */
  close(deadlineMs: number): Promise<void>;
}

export function createServer(config: ServerConfig): VarveServer {
  let engine: Engine | undefined;
  let rules: RuleManager | null = null;
  let selfMetrics: SelfMetrics | null = null;
  let closing = false;
  const budget: BodyBudget = { heldBytes: 0, limitBytes: config.inflightLimitBytes };
  const metrics = createServerMetrics(
    () => engine,
    () => budget.heldBytes,
  );
  const state: ServerState = {
    config,
    metrics,
    budget,
    cors: compileCors(config.corsOrigin),
    auth: createAuthenticator(config.authMode),
    routeOf: new WeakMap(),
    databaseOf: new WeakMap(),
    queries: new QueryGate(config.queryConcurrency),
    rules: () => rules,
    ready: () => engine?.ready === true && !closing,
    notReady() {
      if (closing) return 'the server is stopping';
      return engine === undefined ? 'it is opening its data' : engine.writeRefusal;
    },
    requireEngine() {
      if (engine === undefined) {
        throw new VarveError('overloaded', 'cannot serve yet: the server is opening its data, try again soon');
      }
      return engine;
    },
  };
  addQueryMetrics(metrics.registry, state.queries);
  const answerOther = getRequestListener(createApp(state).fetch, { overrideGlobalObjects: false });

  const http = createHttpServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    observe(state, request, response);
    if (closing) response.setHeader('connection', 'close');
    const url = request.url ?? '/';
    const question = url.indexOf('?');
    let path = question < 0 ? url : url.slice(0, question);
    const query = question < 0 ? '' : url.slice(question + 1);
    if (path.startsWith('/db/')) {
      try {
        const split = splitDatabasePath(path);
        if (split.database !== null) {
          path = split.path;
          state.databaseOf.set(request, split.database);
          request.url = question < 0 ? path : `${path}?${query}`;
        }
      } catch (error) {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: (error as Error).message }));
        return;
      }
    }
    const route = rawRoute(path);
    if (route !== undefined) {
      state.routeOf.set(request, route.path);
      void answerRaw(state, route, request, response, query);
    } else if (path === INFLUX_QUERY_PATH && (request.method === 'GET' || request.method === 'POST')) {
      void answerInfluxQuery(state, request, response, query);
    } else if (isRawQuery(path, request)) {
      void answerRawQuery(state, path, request, response, query);
    } else {
      void answerOther(request, response);
    }
  });
  http.setTimeout(0);

  return {
    http,
    listen: (host, port) => listen(http, host, port),
    attach(opened) {
      engine = opened;
      opened.onSync = (seconds) => metrics.walSyncSeconds.observe(seconds);
      opened.onCheckpoint = (seconds) => metrics.checkpointSeconds.observe(seconds);
    },
    attachRules(running) {
      rules = running;
      addRuleMetrics(metrics.registry, running);
    },
    attachSelfMetrics(settings) {
      selfMetrics = storeSelfMetrics(state.requireEngine(), metrics.registry, settings, config.log);
    },
    async close(deadlineMs) {
      closing = true;
      await selfMetrics?.stop();
      await drain(http, deadlineMs);
    },
  };
}

/** Counts and times a request when its answer ends. */
function observe(state: ServerState, request: IncomingMessage, response: ServerResponse): void {
  const startMs = performance.now();
  response.once('close', () => {
    const route = state.routeOf.get(request) ?? 'other';
    const status = response.headersSent ? String(response.statusCode) : 'aborted';
    state.metrics.requests.inc({ route, method: request.method ?? '', status });
    state.metrics.requestSeconds.observe({ route }, (performance.now() - startMs) / 1000);
  });
}

function listen(http: Server, host: string | undefined, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.removeListener('error', reject);
      resolve(http.address() as AddressInfo);
    });
  });
}

async function drain(http: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => http.close(() => resolve()));
  http.closeIdleConnections();
  const deadline = setTimeout(() => http.closeAllConnections(), deadlineMs);
  // A connection that was busy at first becomes idle when its request ends; nobody else closes it then.
  const sweep = setInterval(() => http.closeIdleConnections(), 50);
  await closed;
  clearTimeout(deadline);
  clearInterval(sweep);
}
