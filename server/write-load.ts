/**
 * How many writes are under way, and when that is too many for one more: told from a request's head, before anything is
 * read or parsed, so that a refusal costs next to nothing and those that were let in go on.
 */
import { VarveError } from '../errors/errors.ts';

/** Reasons for which requests are refused as a whole, in metrics and logs: the settings that are behind them. */
export const LOAD_REASONS: readonly string[] = [
  'max-body-size',
  'max-inflight-size',
  'max-concurrent-writes',
  'memtable-size',
  'query-queue',
];

export interface WriteLoad {
  /** Writes whose heads have come and that are not answered. */
  active: number;
  /** 0: no limit. */
  readonly limit: number;
}

/**
 * Lets a write in; who got in must leave with `leaveWrite`.
 * @throws VarveError overloaded
 */
export function enterWrite(load: WriteLoad): void {
  if (load.limit > 0 && load.active >= load.limit) {
    throw new VarveError(
      'overloaded',
      `cannot accept write: ${load.active} are under way (limit max-concurrent-writes = ${load.limit}), try again`,
      { setting: 'max-concurrent-writes' },
    );
  }
  load.active++;
}

export function leaveWrite(load: WriteLoad): void {
  load.active--;
}
