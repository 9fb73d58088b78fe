/**
 * PromQL queries, answered on the raw Node request: for a small query, web requests, streams and the router would cost
 * more than its evaluation. What comes and goes is what the routes in the table of app.ts say, to the byte.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { authorize } from './auth/route-access.ts';
import { bodyEncodingFor, packBytes } from './compression.ts';
import { chooseDatabase } from './database-name.ts';
import { asKnownError } from './known-error.ts';
import { errorHeaders, failureText } from './prometheus-response.ts';
import { checkQueryLength, closesWith, withForm } from './request-body.ts';
import { PROMETHEUS_QUERIES } from './routes/prometheus-query.ts';
import type { ServerState } from './state.ts';

const ONE_PIECE_BYTES = 32_768;

const PLAIN_FORM = 'application/x-www-form-urlencoded';

/** Whether a request is to be answered here: GET, and POST with a plain form. */
export function isRawQuery(path: string, { method, headers }: IncomingMessage): boolean {
  if (!PROMETHEUS_QUERIES.has(path)) return false;
  return method === 'GET' || (method === 'POST' && (headers['content-type'] ?? '').startsWith(PLAIN_FORM));
}

/** Answers one query. Never throws. */
export async function answerRawQuery(
  state: ServerState,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
): Promise<void> {
  state.routeOf.set(request, path);
  const leaving = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) leaving.abort();
  });
  try {
    const identified = state.auth.identify(state.requireEngine().access, request, query);
    // Each wait would put off what is there already.
    const caller = identified instanceof Promise ? await identified : identified;
    const parameters = request.method === 'POST' ? await readForm(state, request, query) : new URLSearchParams(query);
    const database = chooseDatabase(state.databaseOf.get(request) ?? null, parameters);
    authorize(caller, 'read', database);
    checkQueryLength(parameters.get('query') ?? '', state.config.queryMaxLength);
    const { body, contentType } = await PROMETHEUS_QUERIES.get(path)!({
      config: state.config,
      metrics: state.metrics,
      engine: state.requireEngine,
      queries: state.queries,
      database,
      caller,
      parameters,
      path,
      accept: request.headers.accept ?? null,
      signal: leaving.signal,
    });
    await respond(state, request, response, 200, { 'content-type': contentType }, body);
  } catch (error) {
    const known = asKnownError(error, state.config.log);
    const headers = { ...errorHeaders(known), ...(closesWith(request, known) ? { connection: 'close' } : {}) };
    await respond(state, request, response, known.status, headers, Buffer.from(failureText(known)));
  }
}

/** Parameters of the body, and behind them those of the URL. */
async function readForm(state: ServerState, request: IncomingMessage, query: string): Promise<URLSearchParams> {
  const parameters = await withForm(
    state,
    request,
    ({ buffer, byteOffset, length }) => new URLSearchParams(Buffer.from(buffer, byteOffset, length).toString()),
  );
  for (const [key, value] of new URLSearchParams(query)) parameters.append(key, value);
  return parameters;
}

async function respond(
  state: ServerState,
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Promise<void> {
  const all: Record<string, string | number> = { ...headers, ...state.cors(request.headers.origin ?? null) };
  all.vary = all.vary === undefined ? 'Accept-Encoding' : `Accept-Encoding, ${all.vary}`;
  let sent = body;
  const encoding = bodyEncodingFor(body.length, request.headers['accept-encoding'] as string | undefined);
  if (encoding !== null) {
    all['content-encoding'] = encoding;
    sent = await packBytes(body, encoding);
  }
  all['content-length'] = sent.length;
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, all);
  // A short text leaves in one piece with the head; each byte is one character of it.
  if (sent.length <= ONE_PIECE_BYTES)
    response.end(Buffer.from(sent.buffer, sent.byteOffset, sent.length).toString('latin1'), 'latin1');
  else response.end(sent);
}
