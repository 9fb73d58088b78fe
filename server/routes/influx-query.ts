/**
 * InfluxQL over HTTP, as InfluxDB 1.x answers it: parameters in the URL, a form or a multipart form, several statements,
 * JSON, CSV or MessagePack, whole or in chunks. One thing differs on purpose: without a database, `default` is meant.
 */
import { VarveError } from '../../errors/errors.ts';
import type { Statement } from '../../query/influxql/ast.ts';
import { NO_PARAMETERS, parseParameters } from '../../query/influxql/parser/parameters.ts';
import { parseStatements } from '../../query/influxql/parser/parser.ts';
import { AnswerBytes } from '../influx/answer-bytes.ts';
import { type AnswerFormat, chooseFormat } from '../influx/answer-format.ts';
import { errorHeader, requestIdHeaders, versionHeaders } from '../influx/influx-headers.ts';
import { withoutPasswords } from '../influx/running-queries.ts';
import { answerStatements, runStatements } from '../influx/statement-run.ts';
import { asKnownError } from '../known-error.ts';
import type { Route, RouteContext } from '../route.ts';

const PATH = '/query';

async function influxQuery(context: RouteContext): Promise<Response> {
  const { config, request, parameters, metrics } = context;
  const isPretty = new URL(request.url).searchParams.get('pretty') === 'true';
  const format = chooseFormat(request.headers.get('accept'), isPretty);
  const headers = {
    'content-type': format.contentType,
    ...versionHeaders(config.version),
    ...requestIdHeaders((name) => request.headers.get(name)),
  };
  const endTimer = metrics.querySeconds.startTimer({ route: PATH });
  try {
    const text = (parameters.get('q') ?? '').trim();
    if (text === '') throw new VarveError('bad_request', 'missing required parameter "q"');
    const run = { statements: parse(text, parameters.get('params') ?? ''), text: withoutPasswords(text), format };
    if (parameters.get('async') !== 'true') return await answerStatements(context, run, headers, endTimer);
    const failed = (error: unknown) => config.log.warn({ query: run.text, err: error }, 'an asynchronous query failed');
    runStatements(context, run, endTimer).catch(failed);
    return new Response(null, { status: 204, headers });
  } catch (error) {
    endTimer();
    return refusal(asKnownError(error, config.log), format, headers);
  }
}

function parse(text: string, parameters: string): Statement[] {
  const bound = parameters === '' ? NO_PARAMETERS : parseParameters(parameters);
  try {
    return parseStatements(text, bound);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'bad_request')) throw error;
    throw new VarveError('bad_request', `error parsing query: ${error.message}`, { cause: error });
  }
}

function refusal(error: VarveError, format: AnswerFormat, headers: Readonly<Record<string, string>>): Response {
  const bytes = new AnswerBytes();
  format.error(bytes, error.message);
  const body = bytes.take();
  return new Response(body, {
    status: error.status,
    headers: {
      ...headers,
      'content-length': String(body.length),
      'x-influxdb-error': errorHeader(error.message),
      ...(error.retryable ? { 'retry-after': '1' } : {}),
    },
  });
}

export const influxQueryRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: PATH,
    purpose: 'InfluxQL, as InfluxDB 1.x takes it (q, db, rp, epoch, chunked, pretty, params)',
    handle: influxQuery,
  },
];
