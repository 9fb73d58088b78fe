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
  /** Infinity: no limit. */
  readonly limit: number;
  /** Made once: a thousand a second must not cost a thousand stack traces. */
  readonly tooMany: VarveError;
}

/** @param limit 0: no limit. */
export function newWriteLoad(limit: number): WriteLoad {
  const text = `cannot accept write: ${limit} are under way (limit max-concurrent-writes = ${limit}), try again`;
  const tooMany = new VarveError('overloaded', text, { setting: 'max-concurrent-writes' });
  return { active: 0, limit: limit > 0 ? limit : Infinity, tooMany };
}

/** Whether there is no room for one more write. */
export function isFull({ active, limit }: WriteLoad): boolean {
  return active >= limit;
}
