/**
 * Bytes of request bodies that are in memory now, over all writes and forms, against the most that may be. Past it they are
 * refused with a retryable error, so that a crowd of large bodies costs a bounded amount of memory.
 */
import { VarveError } from '../errors/errors.ts';

export interface BodyBudget {
  heldBytes: number;
  readonly limitBytes: number;
}

/** What one request holds of the budget. */
export interface BodyShare {
  bytes: number;
}

/** @throws VarveError overloaded when the budget does not have so many bytes now. */
export function checkRoom(budget: BodyBudget, bytes: number): void {
  if (budget.heldBytes + bytes <= budget.limitBytes) return;
  throw new VarveError(
    'overloaded',
    `cannot accept body: bodies in flight would be more than ${budget.limitBytes} bytes (limit max-inflight-size), try again`,
    { setting: 'max-inflight-size' },
  );
}

/**
 * Makes a request's share `bytes` large, as its body is announced, read or unpacked.
 * @throws VarveError overloaded when the budget does not have it; the share stays as it was.
 */
export function resizeShare(budget: BodyBudget, share: BodyShare, bytes: number): void {
  const more = bytes - share.bytes;
  if (more > 0) checkRoom(budget, more);
  budget.heldBytes += more;
  share.bytes = bytes;
}
