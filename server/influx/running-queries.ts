/** The query gate as statements see it: SHOW QUERIES and KILL QUERY. */
import type { Rights } from '../../access/rights.ts';
import type { Statement } from '../../query/influxql/ast.ts';
import { printStatement } from '../../query/influxql/print-statement.ts';
import type { RunningQueries } from '../../query/influxql/statement-context.ts';
import type { QueryGate } from '../query-gate.ts';

export function runningQueries(gate: QueryGate, rights: Rights): RunningQueries {
  return {
    list() {
      const nowMs = Date.now();
      return gate.listFor(rights).map(({ id, query, database, startMs, killed }) => ({
        id: BigInt(id),
        text: query,
        database,
        ageMs: nowMs - startMs,
        status: killed ? 'killed' : 'running',
      }));
    },
    kill: (id) => gate.kill(String(id)),
  };
}

/**
 * A request's text for lists and logs. Where statements hold passwords it is their canonical texts, which do not: no
 * spelling, comment or quoting lets one through.
 */
export function listedText(text: string, statements: readonly Statement[]): string {
  const isSecret = statements.some(({ kind }) => kind === 'create user' || kind === 'set password');
  return isSecret ? statements.map(printStatement).join('; ') : text;
}
