import { VarveError } from '../errors/errors.ts';
import type { ServerConfig } from './config.ts';

/**
 * An error as one of the table: what is not in it is our fault, is logged with its stack and said to be a bug. Damaged
 * data is logged, too: whoever asked may not be who can mend it.
 */
export function asKnownError(error: unknown, log: ServerConfig['log']): VarveError {
  if (error instanceof VarveError) {
    if (error.code === 'corrupt') log.error(`${error.message}; 'varve doctor' tells what is lost and what to do`);
    return error;
  }
  // Parsers have limits of their own; what still is too deep for the stack is the request's fault.
  if (error instanceof RangeError && error.message.includes('call stack')) {
    return new VarveError('bad_request', 'cannot run request: it is nested too deeply', { cause: error });
  }
  log.error({ err: error }, 'BUG: a request failed in a way that has no place in the error table');
  const cause = error instanceof Error ? error.message : String(error);
  return new VarveError('internal', cause.startsWith('BUG:') ? cause : `BUG: ${cause}`, { cause: error });
}
