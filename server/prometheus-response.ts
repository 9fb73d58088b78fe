/**
 * The envelope of the Prometheus API: `{"status":"success","data":…}` with warnings and infos, or
 * `{"status":"error","errorType":…,"error":…}` with the status Prometheus gives that kind of error.
 */
import type { ErrorCode, VarveError } from '../errors/errors.ts';

const ERROR_TYPES: Partial<Record<ErrorCode, string>> = {
  unprocessable: 'execution',
  not_found: 'not_found',
  timeout: 'timeout',
  canceled: 'canceled',
  overloaded: 'unavailable',
  read_only: 'unavailable',
  shutting_down: 'unavailable',
  too_many_requests: 'too_many_requests',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  corrupt: 'internal',
  internal: 'internal',
};

export interface Notes {
  warnings?: readonly string[];
  infos?: readonly string[];
}

const JSON_HEADERS = { 'content-type': 'application/json' };

const encoder = new TextEncoder();

/** A success with `data` as JSON.stringify writes it; without `data` when it is undefined. */
export function success(data: unknown, notes: Notes = {}): Response {
  if (data === undefined) return bytesAnswer(encoder.encode(`{"status":"success"${notesTail(notes)}`));
  return bytesAnswer(encoder.encode(`${successHead}${JSON.stringify(data)}${notesTail(notes)}`));
}

/** A success whose data is JSON already, as UTF-8 bytes. */
export function successBytes(data: Uint8Array, notes: Notes = {}): Response {
  const head = encoder.encode(successHead);
  const tail = encoder.encode(notesTail(notes));
  const body = new Uint8Array(head.length + data.length + tail.length);
  body.set(head);
  body.set(data, head.length);
  body.set(tail, head.length + data.length);
  return bytesAnswer(body);
}

function bytesAnswer(body: Uint8Array<ArrayBuffer>): Response {
  return new Response(body, { headers: { ...JSON_HEADERS, 'content-length': String(body.length) } });
}

const successHead = '{"status":"success","data":';

function notesTail(notes: Notes): string {
  const warnings = notes.warnings?.length ? `,"warnings":${JSON.stringify(notes.warnings)}` : '';
  const infos = notes.infos?.length ? `,"infos":${JSON.stringify(notes.infos)}` : '';
  return `${warnings}${infos}}`;
}

/** The answer to an error, in Prometheus' shape. */
export function failure(error: VarveError): Response {
  const body = { status: 'error', errorType: ERROR_TYPES[error.code] ?? 'bad_data', error: error.message };
  return new Response(JSON.stringify(body), { status: error.status, headers: errorHeaders(error) });
}

/** Headers of an error's answer: a retryable one says when to come back. */
export function errorHeaders(error: VarveError): Record<string, string> {
  return error.retryable ? { ...JSON_HEADERS, 'retry-after': '1' } : JSON_HEADERS;
}
