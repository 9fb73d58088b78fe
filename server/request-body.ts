/** Bodies of web requests, which are small: those of writes come another way, see raw-routes.ts. */
import { VarveError } from '../errors/errors.ts';

/** As much as Go's servers, and so Prometheus and InfluxDB, take of a form. */
export const FORM_LIMIT_BYTES = 10 << 20;

/** Throws `bad_request` for the text of a query that is too long to be one of a person or a dashboard. */
export function checkQueryLength(text: string, most: number): void {
  if (most === 0 || text.length <= most) return;
  const found = `it has ${text.length} characters, ${most} is the most (query-max-length)`;
  throw new VarveError('bad_request', `cannot read query: ${found}`);
}

/** The whole body. @throws VarveError body_too_large. */
export async function readAtMost(request: Request, limitBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (request.body !== null) {
    for await (const part of request.body) {
      length += part.length;
      if (length > limitBytes) {
        throw new VarveError('body_too_large', `cannot read body: more than ${limitBytes} bytes`);
      }
      parts.push(part);
    }
  }
  return Buffer.concat(parts);
}
