/**
 * The envelope of the Prometheus API: `{"status":"success","data":…}` with warnings and infos, or
 * `{"status":"error","errorType":…,"error":…}` with the status Prometheus gives that kind of error.
 */

import type { ErrorCode, VarveError } from '../errors/errors.ts';
import { CHALLENGE } from './auth/challenge.ts';

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
  /** What becomes the member `trace`. */
  trace?: unknown;
}

/** Warnings, and infos, that one answer shows. */
const MOST_NOTES = 10;

const JSON_HEADERS = { 'content-type': 'application/json' };

const encoder = new TextEncoder();

/** A success with `data` as JSON.stringify writes it; without `data` when it is undefined. */
export function success(data: unknown, notes: Notes = {}): Response {
  if (data === undefined) return bytesAnswer(encoder.encode(`{"status":"success"${notesTail(notes)}`));
  return bytesAnswer(encoder.encode(`${successHead}${JSON.stringify(data)}${notesTail(notes)}`));
}

/**
 * The body of a success whose data is JSON already: an object as UTF-8 bytes. Its memory is the body's from then on, and
 * what fits around it there is not copied.
 * @param members more members of the object, as `,"name":value`.
 */
export function successBytes(data: Uint8Array<ArrayBuffer>, notes: Notes = {}, members = ''): Uint8Array<ArrayBuffer> {
  const head = successHeadBytes;
  const tail = encoder.encode(`${members}}${notesTail(notes)}`);
  const { buffer, byteOffset, length } = data;
  if (byteOffset >= head.length && byteOffset + length - 1 + tail.length <= buffer.byteLength) {
    const around = new Uint8Array(buffer, byteOffset - head.length, head.length + length - 1 + tail.length);
    around.set(head);
    around.set(tail, around.length - tail.length);
    return around;
  }
  const body = new Uint8Array(head.length + data.length - 1 + tail.length);
  body.set(head);
  body.set(data, head.length);
  body.set(tail, body.length - tail.length);
  return body;
}

/** The answer that a body is. */
export function bytesAnswer(body: Uint8Array, contentType = 'application/json'): Response {
  return new Response(body as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': contentType, 'content-length': String(body.length) },
  });
}

const successHead = '{"status":"success","data":';
const successHeadBytes = encoder.encode(successHead);
/** What successBytes puts in front of the data. */
export const ENVELOPE_HEAD_BYTES = successHeadBytes.length;

function notesTail(notes: Notes): string {
  const warnings = notes.warnings?.length ? `,"warnings":${JSON.stringify(shown(notes.warnings, 'warning'))}` : '';
  const infos = notes.infos?.length ? `,"infos":${JSON.stringify(shown(notes.infos, 'info'))}` : '';
  const trace = notes.trace === undefined ? '' : `,"trace":${JSON.stringify(notes.trace)}`;
  return `${warnings}${infos}${trace}}`;
}

/** The first of many notes, and how many more there are. */
function shown(notes: readonly string[], kind: string): readonly string[] {
  if (notes.length <= MOST_NOTES) return notes;
  return [...notes.slice(0, MOST_NOTES), `${notes.length - MOST_NOTES} more ${kind} annotations omitted`];
}

/** The answer to an error, in Prometheus' shape. */
export function failure(error: VarveError): Response {
  return new Response(failureText(error), { status: error.status, headers: errorHeaders(error) });
}

/** Its body. */
export function failureText(error: VarveError): string {
  return JSON.stringify({ status: 'error', errorType: ERROR_TYPES[error.code] ?? 'bad_data', error: error.message });
}

/** Headers of an error's answer: a retryable one says when to come back. */
export function errorHeaders(error: VarveError): Record<string, string> {
  if (error.code === 'unauthorized') return { ...JSON_HEADERS, 'www-authenticate': CHALLENGE };
  return error.retryable ? { ...JSON_HEADERS, 'retry-after': '1' } : JSON_HEADERS;
}
