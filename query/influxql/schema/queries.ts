/** SHOW QUERIES and KILL QUERY. */
import { VarveError } from '../../../errors/errors.ts';
import { goDuration, nsOfMs } from '../../go-math/go-duration.ts';
import type { KillQueryStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { emptyAnswer, listAnswer, rowSeries } from './answers.ts';

export function showQueries({ queries }: StatementContext): StatementAnswer {
  const rows = queries.list().map(({ id, text, database, ageMs, status }) => {
    return [id, text, database, goDuration(rounded(nsOfMs(ageMs))), status];
  });
  return listAnswer([rowSeries('', ['qid', 'query', 'database', 'duration', 'status'], rows)]);
}

/** Whole seconds, ms or µs, whichever is the largest that is not too long. */
function rounded(ns: bigint): bigint {
  for (const unit of [1_000_000_000n, 1_000_000n, 1000n]) if (ns >= unit) return ns - (ns % unit);
  return ns;
}

/** There is one host, so the one that a statement names is not looked at. */
export function killQuery({ id }: KillQueryStatement, { queries }: StatementContext): StatementAnswer {
  if (!queries.kill(id)) throw new VarveError('not_found', `no such query id: ${id}`);
  return emptyAnswer();
}
