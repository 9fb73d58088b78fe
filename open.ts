/**
 * Varve inside a Node program: the same engine, parsers and queries as the server's, without HTTP.
 *
 * One process has one data directory; `open` fails when another has it. Close it: what is in memory is flushed then,
 * though acknowledged writes are in the log either way.
 */
import { DEFAULT_DATABASE, type Engine, openEngine } from './engine/engine.ts';
import { companion } from './engine/internal-database.ts';
import type { EngineOptions } from './engine/options.ts';
import { VarveError } from './errors/errors.ts';
import { errorText, type LineOutcome, tookAll } from './ingest/line-outcome.ts';
import { parsePrecision } from './ingest/timestamp.ts';
import { writeLines } from './ingest/write-lines.ts';
import { prometheusQuerier } from './query/prometheus-storage.ts';
import { evaluate, type QueryResult } from './query/promql/evaluate.ts';

export type { EngineOptions } from './engine/options.ts';
export { VarveError } from './errors/errors.ts';
export type { LineOutcome } from './ingest/line-outcome.ts';
export type { QueryResult } from './query/promql/evaluate.ts';

export interface WriteOptions {
  /** Database; `default` unless given. Made by the first write to it. */
  db?: string;
  /** Unit of the timestamps: n, ns, u, us, ms, s, m, h; nanoseconds unless given. */
  precision?: string;
}

export interface QueryOptions {
  db?: string;
  /** Time of evaluation, ms since the epoch; now unless given. */
  timeMs?: number;
}

export interface RangeOptions {
  db?: string;
  startMs: number;
  endMs: number;
  stepMs: number;
}

export interface Varve {
  /** The engine underneath, for what is not wrapped here. */
  readonly engine: Engine;
  /**
   * Stores lines of line protocol; resolves when they are durable.
   * @throws VarveError `bad_line` naming the bad lines; the good ones are stored all the same.
   */
  write(lines: string | Uint8Array, options?: WriteOptions): Promise<LineOutcome>;
  /** Evaluates PromQL at one instant. The result holds columns: `value.series[i].values[0]` for a vector. */
  query(promql: string, options?: QueryOptions): Promise<QueryResult>;
  /** Evaluates PromQL at every step: `value.series[i].values[step]`, where `present[step]` is 1. */
  queryRange(promql: string, options: RangeOptions): Promise<QueryResult>;
  /** Flushes, syncs and lets go of the directory. */
  close(): Promise<void>;
}

const encoder = new TextEncoder();

/** Opens a data directory, creating it when it does not exist. */
export async function open(options: EngineOptions): Promise<Varve> {
  const engine = await openEngine(options);
  return {
    engine,
    async write(lines, { db = DEFAULT_DATABASE, precision } = {}) {
      const body = typeof lines === 'string' ? encoder.encode(lines) : lines;
      const outcome = await writeLines(engine, db, body, { precision: parsePrecision(precision) });
      if (!tookAll(outcome)) throw new VarveError('bad_line', errorText(outcome));
      return outcome;
    },
    query(promql, { db = DEFAULT_DATABASE, timeMs = Date.now() } = {}) {
      const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
      return evaluate(
        promql,
        times,
        prometheusQuerier(engine.database(db), { starts: companion(engine, db, 'starts') }),
      );
    },
    queryRange(promql, { db = DEFAULT_DATABASE, startMs, endMs, stepMs }) {
      return evaluate(
        promql,
        { startMs, endMs, stepMs },
        prometheusQuerier(engine.database(db), { starts: companion(engine, db, 'starts') }),
      );
    },
    close: () => engine.close(),
  };
}
