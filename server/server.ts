/**
 * The HTTP server: one listener that hands writes to the raw routes and the rest to hono.
 *
 * It listens before the data is open, so that a port in use is found before anything is touched, and that health can be
 * asked during a long recovery. Until `attach` everything but health answers 503.
 *
 * Stopping: no new connections, requests under way are finished (until a deadline), idle connections are closed.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { systemClock } from '../clock/clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Log } from '../engine/options.ts';
import { Refusals } from '../engine/refusals.ts';
import { VarveError } from '../errors/errors.ts';
import type { RuleManager } from '../rules/manager.ts';
import { createApp } from './app.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import type { BodyBudget } from './body-budget.ts';
import { answerClientError, targetProblem } from './client-error.ts';
import type { ServerConfig } from './config.ts';
import { compileCors } from './cors.ts';
import { splitDatabasePath } from './database-name.ts';
import { addLoadMetrics } from './load-metrics.ts';
import { createServerMetrics } from './metrics.ts';
import { QueryGate } from './query-gate.ts';
import { addQueryMetrics } from './query-metrics.ts';
import { answerRawQuery, isRawQuery } from './raw-queries.ts';
import { answerRaw, rawRoute } from './raw-routes.ts';
import { answerInfluxQuery, INFLUX_QUERY_PATH } from './routes/influx-query.ts';
import { addRuleMetrics } from './rule-metrics.ts';
import { type SelfMetrics, storeSelfMetrics } from './self-metrics.ts';
import type { ServerState } from './state.ts';
import { readTlsPair, reloadTls, TLS_OPTIONS, type TlsFiles } from './tls.ts';
import { LOAD_REASONS, newWriteLoad } from './write-load.ts';

/** How often connections are looked through for requests that take too long to arrive. */
const CHECK_INTERVAL_MS = 5_000;
/** Request line and headers: long queries in a URL fit, floods do not. */
const MOST_HEAD_BYTES = 64 << 10;
const HANDSHAKE_TIMEOUT_MS = 20_000;

export interface VarveServer {
  readonly http: Server | HttpsServer;
  /** Reads the certificate and key again; those from before stay in use when the new ones are wrong. */
  reloadTls(): void;
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
  const log: Log = (level, message, fields) => config.log[level](fields ?? {}, message);
  const refusals = new Refusals(log, systemClock, LOAD_REASONS);
  const metrics = createServerMetrics(
    () => engine,
    () => budget.heldBytes,
  );
  const state: ServerState = {
    config,
    metrics,
    budget,
    writes: newWriteLoad(config.writeConcurrency),
    refusals,
    cors: compileCors(config.corsOrigin),
    auth: createAuthenticator(config.authMode),
    routeOf: new WeakMap(),
    databaseOf: new WeakMap(),
    queries: new QueryGate(config.queryConcurrency, config.queryQueue, ({ message }) =>
      refusals.note('query-queue', 1, message),
    ),
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
  addLoadMetrics(metrics.registry, state, () => engine);
  const answerOther = getRequestListener(createApp(state).fetch, { overrideGlobalObjects: false });

  const options = {
    keepAliveTimeout: config.keepAliveMs,
    headersTimeout: config.headTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, config.headTimeoutMs),
    maxHeaderSize: MOST_HEAD_BYTES,
    // Said below, with words.
    requireHostHeader: false,
  };
  const answer: RequestListener = (request, response) => {
    observe(state, request, response);
    if (closing) response.setHeader('connection', 'close');
    const url = request.url ?? '/';
    // HTTP 1.0 knows no hosts; who asks for health by it does not have to.
    if (request.httpVersionMinor === 0) request.headers.host ??= 'localhost';
    const problem = targetProblem(url, request.headers.host);
    if (problem !== null) {
      response.writeHead(400, { 'content-type': 'application/json', connection: 'close' });
      response.end(`${JSON.stringify({ error: problem })}\n`);
      return;
    }
    const question = url.indexOf('?');
    let path = question < 0 ? url : url.slice(0, question);
    const query = question < 0 ? '' : url.slice(question + 1);
    if (path.startsWith('/db/')) {
      try {
        const split = splitDatabasePath(path);
        if (split.database !== null) {
          // The page's own files have relative names.
          if (!path.endsWith('/') && split.path === '/') {
            response.writeHead(308, { location: `./${path.slice('/db/'.length)}/` });
            response.end();
            return;
          }
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
  };
  const https = config.tls === null ? null : createTlsServer(config.tls, options, answer);
  const http = https ?? createHttpServer(options, answer);
  const tls = https === null || config.tls === null ? null : reloadTls(https, config.tls, config.log);
  http.setTimeout(0);
  http.on('clientError', answerClientError);

  return {
    http,
    listen: (host, port) => listen(http, host, port),
    reloadTls: () => tls?.reload(),
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
      tls?.stop();
      await drain(http, deadlineMs);
    },
  };
}

/** Throws an error that says what is wrong with the certificate or the key. */
function createTlsServer(files: TlsFiles, options: ServerOptions, answer: RequestListener): HttpsServer {
  const { cert, key } = readTlsPair(files);
  return createHttpsServer({ ...TLS_OPTIONS, ...options, cert, key, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, answer);
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

function listen(http: Server | HttpsServer, host: string | undefined, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.removeListener('error', reject);
      resolve(http.address() as AddressInfo);
    });
  });
}

async function drain(http: Server | HttpsServer, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => http.close(() => resolve()));
  http.closeIdleConnections();
  const deadline = setTimeout(() => http.closeAllConnections(), deadlineMs);
  // A connection that was busy at first becomes idle when its request ends; nobody else closes it then.
  const sweep = setInterval(() => http.closeIdleConnections(), 50);
  await closed;
  clearTimeout(deadline);
  clearInterval(sweep);
}
