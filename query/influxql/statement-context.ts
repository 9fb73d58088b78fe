/** What every statement may use, beyond what a SELECT needs. */
import { EVERYTHING, type Rights } from '../../access/rights.ts';
import { VarveError } from '../../errors/errors.ts';
import type { SelectContext } from './select/context.ts';

/** A request that waits or runs. */
export interface RunningQuery {
  readonly id: bigint;
  readonly text: string;
  /** '' is none. */
  readonly database: string;
  /** How long ago it came, ms. */
  readonly ageMs: number;
  readonly status: 'running' | 'killed';
}

/** The requests that run now, as SHOW QUERIES lists and KILL QUERY ends them. */
export interface RunningQueries {
  list(): readonly RunningQuery[];
  /** False when there is none of that id. */
  kill(id: bigint): boolean;
}

export const NO_RUNNING_QUERIES: RunningQueries = { list: () => [], kill: () => false };

export interface StatementContext extends SelectContext {
  /** What the asker may do; lists show what this covers. */
  readonly rights: Rights;
  readonly queries: RunningQueries;
  /** The database that the request names; '' where it names none, or only the assumed one. */
  readonly namedDatabase: string;
}

export interface ContextOptions extends Omit<SelectContext, 'resolve' | 'resolveForWriting'> {
  readonly queries: RunningQueries;
  /** Absent: everything. */
  readonly rights?: Rights;
  /** This database is there, and empty, before anything is written to it; null for none. */
  readonly assumedDatabase: string | null;
}

export function newStatementContext({ assumedDatabase, ...options }: ContextOptions): StatementContext {
  const { engine } = options;
  const named = (database: string): string => {
    const name = database === '' ? options.database : database;
    if (name === '') throw new VarveError('bad_request', 'database name required');
    return name;
  };
  const policyOf = (policy: string): string => (policy === '' ? options.retentionPolicy : policy);
  return {
    ...options,
    rights: options.rights ?? EVERYTHING,
    namedDatabase: options.database === assumedDatabase ? '' : options.database,
    resolve(database, policy) {
      const name = named(database);
      if (name === assumedDatabase && !engine.hasDatabase(name)) return null;
      return engine.resolve(name, policyOf(policy));
    },
    resolveForWriting(database, policy) {
      const name = named(database);
      if (name === assumedDatabase && !engine.hasDatabase(name)) engine.createDatabase(name);
      return engine.resolve(name, policyOf(policy));
    },
  };
}
