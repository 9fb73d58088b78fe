/**
 * InfluxQL over HTTP, as InfluxDB 1.x answers it: parameters in the URL, a form or a multipart form, several statements,
 * JSON, CSV or MessagePack, whole or in chunks. One thing differs on purpose: without a database, `default` is meant.
 *
 * It is answered on the raw Node request, as small queries take less time than web requests and a router would. A small
 * answer leaves in one piece, any other as it is made, no faster than the client reads.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import zlib from 'node:zlib';
import { founderRights, type Rights } from '../../access/rights.ts';
import { VarveError } from '../../errors/errors.ts';
import type { Statement } from '../../query/influxql/ast.ts';
import { parseParameters } from '../../query/influxql/parser/parameters.ts';
import { parseStatements } from '../../query/influxql/parser/parser.ts';
import { parsedStatements } from '../../query/influxql/parser/statement-cache.ts';
import { authorizeStatements } from '../../query/influxql/privileges.ts';
import type { Caller } from '../auth/authenticator.ts';
import { CHALLENGE } from '../auth/challenge.ts';
import { noAdmin } from '../auth/route-access.ts';
import { type AnswerEncoding, bodyEncodingFor, chooseEncoding, packBytes } from '../compression.ts';
import { chooseDatabase } from '../database-name.ts';
import { AnswerBytes } from '../influx/answer-bytes.ts';
import { chooseFormat } from '../influx/answer-format.ts';
import { errorHeader, requestIdHeaders, versionHeaders } from '../influx/influx-headers.ts';
import { listedText } from '../influx/running-queries.ts';
import { type StatementRequest, type StatementRun, startStatements } from '../influx/statement-run.ts';
import { asKnownError } from '../known-error.ts';
import { multipartParameters } from '../parameters.ts';
import { shortened } from '../query-gate.ts';
import { checkQueryLength, closesWith, withForm } from '../request-body.ts';
import type { Route } from '../route.ts';
import type { ServerState } from '../state.ts';

export const INFLUX_QUERY_PATH = '/query';

/** How long a query that was canceled waits for a client that does not read, ms. */
const STALLED_MS = 1_000;

const ONE_PIECE_BYTES = 32_768;

type Headers = Record<string, string | number>;

/** Answers one GET or POST. Never throws. */
export async function answerInfluxQuery(
  state: ServerState,
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
): Promise<void> {
  const { config } = state;
  state.routeOf.set(request, INFLUX_QUERY_PATH);
  const leaving = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) leaving.abort();
  });
  const header = (name: string) => (request.headers[name] as string | undefined) ?? null;
  const urlParameters = new URLSearchParams(query);
  const format = chooseFormat(header('accept'), urlParameters.get('pretty') === 'true');
  const headers: Headers = {
    'content-type': format.contentType,
    ...versionHeaders(config.version),
    ...requestIdHeaders(header),
    ...state.cors(header('origin')),
  };
  headers.vary = headers.vary === undefined ? 'Accept-Encoding' : `Accept-Encoding, ${headers.vary}`;
  const endTimer = state.metrics.querySeconds.startTimer({ route: INFLUX_QUERY_PATH });
  try {
    const engine = state.requireEngine();
    const caller = await state.auth.identify(engine.access, request, query);
    const parameters = await readParameters(state, request, urlParameters);
    const text = (parameters.get('q') ?? '').trim();
    if (text === '') throw new VarveError('bad_request', 'missing required parameter "q"');
    checkQueryLength(text, config.queryMaxLength);
    checkQueryLength(parameters.get('params') ?? '', config.queryMaxLength);
    const statements = parse(text, parameters.get('params') ?? '');
    const database = chooseDatabase(state.databaseOf.get(request) ?? null, parameters);
    const rights = statementRights(caller, statements, database);
    const run: StatementRequest = {
      config,
      queries: state.queries,
      engine,
      database,
      rights,
      parameters,
      statements,
      text: listedText(text, statements),
      format,
      readOnly: request.method === 'GET',
      leaving,
    };
    if (parameters.get('async') === 'true') {
      runInBackground({ ...run, leaving: new AbortController() });
      response.writeHead(204, headers).end();
    } else await send(await startStatements(run), request, response, headers);
  } catch (error) {
    const known = asKnownError(error, config.log);
    const bytes = new AnswerBytes();
    format.error(bytes, known.message);
    headers['content-type'] = format.errorContentType ?? format.contentType;
    if (known.code === 'unauthorized') headers['www-authenticate'] = CHALLENGE;
    else headers['x-influxdb-error'] = errorHeader(known.message);
    if (known.retryable) headers['retry-after'] = '1';
    if (closesWith(request, known)) headers.connection = 'close';
    await sendWhole(bytes.take(), known.status, request, response, headers);
  } finally {
    endTimer();
  }
}

/** Parameters of the body, when it is a form, and behind them those of the URL. */
async function readParameters(
  state: ServerState,
  request: IncomingMessage,
  urlParameters: URLSearchParams,
): Promise<URLSearchParams> {
  if (request.method !== 'POST') return urlParameters;
  const type = request.headers['content-type'] ?? '';
  const isMultipart = /^multipart\/form-data/i.test(type);
  if (!isMultipart && !/^application\/x-www-form-urlencoded/i.test(type)) {
    request.resume();
    return urlParameters;
  }
  const parameters = await withForm(state, request, (body) =>
    isMultipart
      ? multipartParameters(new Response(new Uint8Array(body), { headers: { 'content-type': type } }))
      : new URLSearchParams(Buffer.from(body.buffer, body.byteOffset, body.length).toString()),
  );
  for (const [key, value] of urlParameters) parameters.append(key, value);
  return parameters;
}

function parse(text: string, parameters: string): readonly Statement[] {
  const bound = parameters === '' ? null : parseParameters(parameters);
  try {
    return bound === null ? parsedStatements(text) : parseStatements(text, bound);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'bad_request')) throw error;
    throw new VarveError('bad_request', `error parsing query: ${error.message}`, { cause: error });
  }
}

/** What the caller may do, which covers all that the statements need. Throws `forbidden`. */
function statementRights(caller: Caller, statements: readonly Statement[], database: string): Rights {
  const [first] = statements;
  if (caller.mayMakeFirstAdmin) {
    if (first?.kind === 'create user' && first.admin) return founderRights();
    throw noAdmin();
  }
  authorizeStatements(statements, caller.rights, database.split('/', 1)[0]);
  return caller.rights;
}

/** Runs statements for whose answer nobody waits. */
async function runInBackground(request: StatementRequest): Promise<void> {
  const { config, text } = request;
  let run: StatementRun | null = null;
  try {
    run = await startStatements(request);
    for await (const _ of run.pieces) {
      // Only what the statements do is wanted.
    }
  } catch (error) {
    config.log.warn({ query: shortened(text), err: error }, 'an asynchronous query failed');
  } finally {
    run?.finish();
  }
}

/** Sends an answer as it is made. */
async function send(
  run: StatementRun,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Headers,
): Promise<void> {
  const { pieces } = run;
  try {
    const first = await pieces.next();
    const second = first.done === true ? first : await pieces.next();
    if (second.done === true) {
      await sendWhole(first.value ?? new Uint8Array(0), 200, request, response, headers);
      return;
    }
    const encoding = chooseEncoding((request.headers['accept-encoding'] as string | undefined) ?? null);
    if (encoding !== null) headers['content-encoding'] = encoding;
    if (response.destroyed) return;
    response.writeHead(200, headers);
    const sink = encoding === null ? response : packInto(response, encoding);
    const stopStalling = dropWhenStalled(run, response);
    sink.write(first.value);
    let next: IteratorResult<Uint8Array<ArrayBuffer>> = second;
    while (next.done !== true) {
      if (!sink.write(next.value)) await drained(sink, response);
      if (response.destroyed) break;
      next = await pieces.next();
    }
    stopStalling();
    sink.end();
  } finally {
    await pieces.return(undefined);
    run.finish();
  }
}

/** A stream that packs what it is given, and sends on at once what it makes of each piece. */
function packInto(response: ServerResponse, encoding: AnswerEncoding): NodeJS.WritableStream {
  const options = { level: 3, flush: zlib.constants.Z_SYNC_FLUSH };
  const packer =
    encoding === 'zstd'
      ? zlib.createZstdCompress({ flush: zlib.constants.ZSTD_e_flush })
      : encoding === 'gzip'
        ? zlib.createGzip(options)
        : zlib.createDeflate(options);
  packer.pipe(response);
  return packer;
}

/** Resolves when more may be written, or nobody is there to read it. */
async function drained(sink: NodeJS.WritableStream, response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once('close', onClose);
  try {
    await once(sink, 'drain', { signal: gone.signal });
  } catch {
    // The client has left, which the caller sees.
  } finally {
    response.off('close', onClose);
  }
}

/** A canceled query says so in its answer, unless its client does not read that: then it loses its connection. */
function dropWhenStalled({ signal }: StatementRun, response: ServerResponse): () => void {
  const onAbort = () => {
    const before = response.socket?.bytesWritten;
    const look = () => {
      if (!response.writableFinished && response.socket?.bytesWritten === before) response.destroy();
    };
    setTimeout(look, STALLED_MS).unref();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

async function sendWhole(
  body: Uint8Array,
  status: number,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Headers,
): Promise<void> {
  let sent = body;
  const encoding = bodyEncodingFor(body.length, request.headers['accept-encoding'] as string | undefined);
  if (encoding !== null) {
    headers['content-encoding'] = encoding;
    sent = await packBytes(body, encoding);
  }
  headers['content-length'] = sent.length;
  if (response.headersSent) {
    // A part of an answer is out, and no error can follow it any more: an end that is cut off is not taken for the whole.
    response.destroy();
    return;
  }
  if (response.destroyed) return;
  response.writeHead(status, headers);
  // A short text leaves in one piece with the head; each byte is one character of it.
  if (sent.length <= ONE_PIECE_BYTES)
    response.end(Buffer.from(sent.buffer, sent.byteOffset, sent.length).toString('latin1'), 'latin1');
  else response.end(sent);
}

/** GET and POST are answered above before the router is asked; what is left for it is to refuse the others. */
export const influxQueryRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: INFLUX_QUERY_PATH,
    // Each statement says what it needs.
    access: 'known',
    purpose: 'InfluxQL, as InfluxDB 1.x takes it (q, db, rp, epoch, chunked, pretty, params)',
    handle: () => new Response(null, { status: 405, headers: { allow: 'GET, OPTIONS, POST' } }),
  },
];
