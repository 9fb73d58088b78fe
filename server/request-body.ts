/** Bodies of web requests, which are small: those of writes come another way, see raw-routes.ts. */
import type { IncomingMessage } from 'node:http';
import { VarveError } from '../errors/errors.ts';
import { readBody, releaseBody } from '../ingest/body.ts';
import { type BodyShare, resizeShare } from './body-budget.ts';
import type { ServerState } from './state.ts';

/** As much as Go's servers, and so Prometheus and InfluxDB, take of a form. */
export const FORM_LIMIT_BYTES = 10 << 20;

/** Forms up to this long, as those of dashboards are, are taken however many writes are in flight. */
const SMALL_FORM_BYTES = 64 << 10;

/** Rests of bodies up to this long are read and thrown away, so that who sends them gets to read the answer. */
const MOST_DRAINED_BYTES = 32 << 20;
/** When the server has too much to do, throwing away more than this is work that it cannot spare. */
const MOST_DRAINED_WHEN_BUSY_BYTES = 1 << 20;

/**
 * Whether a connection has to be closed with the answer to a request that was refused before its body had come: when the
 * rest is long, of no known length, or slow. Otherwise the rest is thrown away as it comes.
 */
export function closesWith(request: IncomingMessage, error: VarveError): boolean {
  if (request.complete) return false;
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  const most = error.retryable ? MOST_DRAINED_WHEN_BUSY_BYTES : MOST_DRAINED_BYTES;
  if (error.code === 'too_slow' || !(announced <= most)) return true;
  request.resume();
  return false;
}

/**
 * Reads a form and does something with its bytes, which count among those in flight until that is done if they are many.
 * @throws VarveError as `readBody` does, and overloaded.
 */
export async function withForm<T>(
  { budget, config }: ServerState,
  request: IncomingMessage,
  use: (body: Uint8Array) => T | Promise<T>,
): Promise<T> {
  const share: BodyShare = { bytes: 0 };
  try {
    const body = await readBody(request, {
      maxBodyBytes: FORM_LIMIT_BYTES,
      maxDecodedBytes: FORM_LIMIT_BYTES,
      stallTimeoutMs: config.bodyStallMs,
      onArrival: (bytes) => {
        if (bytes > SMALL_FORM_BYTES) resizeShare(budget, share, bytes);
      },
    });
    const used = await use(body);
    releaseBody(body);
    return used;
  } finally {
    resizeShare(budget, share, 0);
  }
}

/** Throws `bad_request` for the text of a query that is too long to be one of a person or a dashboard. */
export function checkQueryLength(text: string, most: number): void {
  if (most === 0 || text.length <= most) return;
  const found = `it has ${text.length} characters, ${most} is the most (query-max-length)`;
  throw new VarveError('bad_request', `cannot read query: ${found}`);
}

function tooLarge(limitBytes: number): VarveError {
  return new VarveError('body_too_large', `cannot read body: more than ${limitBytes} bytes`);
}

/** The whole body. @throws VarveError body_too_large. */
export async function readAtMost(request: Request, limitBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // A body that is given up half-way takes the connection with it, and may take the answer, too.
  if (Number(request.headers.get('content-length') ?? 0) > limitBytes) throw tooLarge(limitBytes);
  if (request.body !== null) {
    for await (const part of request.body) {
      length += part.length;
      if (length > limitBytes) throw tooLarge(limitBytes);
      parts.push(part);
    }
  }
  return Buffer.concat(parts);
}
