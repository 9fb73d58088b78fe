/**
 * The writes. They are answered on the raw Node request, without web streams or a router: the body goes from the
 * socket's buffers to the parser in one step.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { VarveError } from '../errors/errors.ts';
import {
  type BodyEncoding,
  type BodyLimits,
  bodyEncoding,
  readBody,
  readPackedBody,
  releaseBody,
} from '../ingest/body.ts';
import { CHALLENGE } from './auth/challenge.ts';
import { type Access, authorize } from './auth/route-access.ts';
import { type BodyShare, checkRoom, resizeShare } from './body-budget.ts';
import { chooseDatabase } from './database-name.ts';
import { errorHeader } from './influx/influx-headers.ts';
import { asKnownError } from './known-error.ts';
import { closesWith } from './request-body.ts';
import { influxWriteRoutes } from './routes/influx-write.ts';
import { remoteFailureHeaders, remoteVersion, writeRemoteProtocol } from './routes/remote-write.ts';
import type { ServerState } from './state.ts';
import { isFull } from './write-load.ts';
import type { WriteAnswer, WriteRequest } from './write-request.ts';

export interface RawRoute {
  readonly path: string;
  readonly purpose: string;
  /** What it needs of who asks. */
  readonly access: Access;
  readonly encodings: readonly BodyEncoding[];
  /** What a body without Content-Encoding is taken for. */
  readonly assumedEncoding: BodyEncoding;
  /** `write` unpacks the body itself. */
  readonly takesPacked?: boolean;
  /** Looks at a request's head before its body is read; throws what refuses it. */
  checkHead?(headers: IncomingMessage['headers']): void;
  /** Headers of every answer but those to other methods. */
  headers?(state: ServerState, headers: IncomingMessage['headers']): Readonly<Record<string, string>>;
  /** Headers of the answer to a request that fails. */
  failureHeaders?(headers: IncomingMessage['headers']): Readonly<Record<string, string>>;
  /** The body of the answer to a request that fails; InfluxDB 1.x' shape unless given. */
  failureBody?(error: VarveError): string;
  /** Stores the body. What it throws is a failure. */
  write(state: ServerState, write: WriteRequest): Promise<WriteAnswer>;
}

export const RAW_ROUTES: readonly RawRoute[] = [
  ...influxWriteRoutes,
  {
    path: '/api/v1/write',
    access: 'write',
    purpose: 'Prometheus remote write 1.0 and 2.0 in (snappy, protobuf)',
    encodings: ['snappy'],
    assumedEncoding: 'snappy',
    takesPacked: true,
    checkHead: (headers) => void remoteVersion(headers),
    failureHeaders: remoteFailureHeaders,
    write: writeRemoteProtocol,
  },
];

const byPath = new Map(RAW_ROUTES.map((route) => [route.path, route]));

/** The write route of a path, or undefined when the path is not one. */
export function rawRoute(path: string): RawRoute | undefined {
  return byPath.get(path);
}

/** Answers one write. Never throws. */
export async function answerRaw(
  state: ServerState,
  route: RawRoute,
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
): Promise<void> {
  const cors = state.cors(request.headers.origin ?? null);
  for (const name in cors) response.setHeader(name, cors[name]);
  if (request.method !== 'POST') {
    answerOtherMethod(route, request, response);
    return;
  }
  const headers = route.headers?.(state, request.headers);
  for (const name in headers) response.setHeader(name, headers[name]);
  if (isFull(state.writes)) {
    answerFailure(state, route, request, response, state.writes.tooMany);
    return;
  }
  const share: BodyShare = { bytes: 0 };
  state.writes.active++;
  try {
    const engine = state.requireEngine();
    const caller = await state.auth.identify(engine.access, request, query);
    const parameters = new URLSearchParams(query);
    const database = chooseDatabase(state.databaseOf.get(request) ?? null, parameters);
    authorize(caller, route.access, database);
    route.checkHead?.(request.headers);
    const { bodyLimitBytes, bodyStallMs } = state.config;
    // What is announced and has not come holds no memory, so a slow sender takes nothing from others; but a body that
    // could never fit is refused before it is sent.
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced <= bodyLimitBytes) checkRoom(state.budget, announced);
    await engine.admit();
    request.headers['content-encoding'] ??= route.assumedEncoding;
    const limits = {
      maxBodyBytes: bodyLimitBytes,
      maxDecodedBytes: bodyLimitBytes,
      stallTimeoutMs: bodyStallMs,
      onArrival: (bytes: number) => resizeShare(state.budget, share, bytes),
    };
    const body = await readRouteBody(request, route, limits);
    resizeShare(state.budget, share, body.length);
    const answer = await route.write(state, { database, parameters, headers: request.headers, body });
    releaseBody(body);
    respond(response, answer);
  } catch (error) {
    answerFailure(state, route, request, response, withSetting(asKnownError(error, state.config.log)));
  } finally {
    resizeShare(state.budget, share, 0);
    state.writes.active--;
  }
}

async function readRouteBody(
  request: IncomingMessage,
  { encodings, takesPacked }: RawRoute,
  limits: BodyLimits,
): Promise<Uint8Array> {
  if (takesPacked !== true) return await readBody(request, limits, encodings);
  bodyEncoding(request.headers['content-encoding'], encodings);
  return await readPackedBody(request, limits);
}

function answerFailure(
  state: ServerState,
  route: RawRoute,
  request: IncomingMessage,
  response: ServerResponse,
  known: VarveError,
): void {
  if (closesWith(request, known)) response.setHeader('connection', 'close');
  noteRefusal(state, known);
  if (known.retryable) response.setHeader('retry-after', '1');
  if (known.code === 'unauthorized') response.setHeader('www-authenticate', CHALLENGE);
  else response.setHeader('x-influxdb-error', errorHeader(known.message));
  const failureHeaders = route.failureHeaders?.(request.headers);
  const body = route.failureBody?.(known) ?? `${JSON.stringify({ error: known.message })}\n`;
  respond(response, { status: known.status, body, headers: failureHeaders });
}

/** A body's reader knows how large one may be, but not by which setting. */
function withSetting(error: VarveError): VarveError {
  if (error.code !== 'body_too_large') return error;
  return new VarveError(error.code, `${error.message} (limit max-body-size)`, { setting: 'max-body-size' });
}

/** Counts requests that are refused as a whole for what the server has to bear. */
function noteRefusal({ refusals }: ServerState, { setting, message }: VarveError): void {
  if (setting !== null) refusals.note(setting, 1, message);
}

function answerOtherMethod(route: RawRoute, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.setHeader('allow', 'OPTIONS, POST');
  if (request.method === 'OPTIONS') {
    respond(response, { status: 204, body: '' });
  } else {
    const error = `cannot ${request.method} ${route.path}: use POST`;
    respond(response, { status: 405, body: `${JSON.stringify({ error })}\n` });
  }
}

function respond(response: ServerResponse, { status, body, headers }: WriteAnswer): void {
  if (response.destroyed || response.headersSent) return;
  for (const name in headers) response.setHeader(name, headers[name]);
  if (body === '') {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
