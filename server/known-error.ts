import { VarveError } from '../errors/errors.ts';
import type { ServerConfig } from './config.ts';

/** An error as one of the table: what is not in it is our fault, is logged with its stack and said to be a bug. */
export function asKnownError(error: unknown, log: ServerConfig['log']): VarveError {
  if (error instanceof VarveError) return error;
  log.error({ err: error }, 'BUG: a request failed in a way that has no place in the error table');
  const cause = error instanceof Error ? error.message : String(error);
  return new VarveError('internal', cause.startsWith('BUG:') ? cause : `BUG: ${cause}`, { cause: error });
}
