/** Errors as InfluxDB 2.x words them. */
import type { VarveError } from '../../errors/errors.ts';

const CODES = new Map([
  [400, 'invalid'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not found'],
  [413, 'request too large'],
  [422, 'unprocessable entity'],
  [429, 'too many requests'],
  [503, 'unavailable'],
]);

/** The body of an answer, with the member that InfluxDB 1.8 has at the same paths. */
export function v2Failure({ status, message }: Pick<VarveError, 'status' | 'message'>, details: object = {}): string {
  return `${JSON.stringify({ code: CODES.get(status) ?? 'internal error', message, error: message, ...details })}\n`;
}
