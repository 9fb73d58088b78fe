/** The query gate as statements see it: SHOW QUERIES and KILL QUERY. */
import type { RunningQueries } from '../../query/influxql/statement-context.ts';
import type { QueryGate } from '../query-gate.ts';

export function runningQueries(gate: QueryGate): RunningQueries {
  return {
    list() {
      const nowMs = Date.now();
      return gate.list().map(({ id, query, database, startMs, killed }) => ({
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

/** A request's text without the passwords in it, for lists and logs. */
export function withoutPasswords(text: string): string {
  return text.replace(
    /(\bwith\s+password\s+|\bset\s+password\s+for[^=]*=\s*)(?:'(?:\\.|[^'\\])*'?|"(?:\\.|[^"\\])*"?)/gi,
    '$1[REDACTED]',
  );
}
