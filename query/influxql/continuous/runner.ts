/**
 * Runs the continuous queries of all databases when they are due. Queries run one after the other, in the order of
 * databases and of their creation; one that fails is not tried again before it is due again.
 *
 * When each last ran is noted in a file, so that after a restart the windows that ended meanwhile are covered. (InfluxDB
 * forgets it, and so leaves a gap wherever a restart falls on the end of a window.) What the file says may be older than
 * the truth: then some windows are computed once more, which writes the same points.
 */
import type { Clock } from '../../../clock/clock.ts';
import type { ContinuousQueryEntry } from '../../../engine/catalog.ts';
import type { Engine } from '../../../engine/engine.ts';
import { OneAtATime } from '../../../engine/one-at-a-time.ts';
import type { QueryWorkers } from '../../workers/pool.ts';
import type { CreateContinuousQueryStatement } from '../ast.ts';
import { executeStatements } from '../execute.ts';
import { parseStatements } from '../parser/parser.ts';
import { NO_SELECT_LIMITS } from '../select/context.ts';
import { NO_RUNNING_QUERIES, newStatementContext } from '../statement-context.ts';
import { LastRuns } from './last-runs.ts';
import { dueRun, type Timing, timingOf } from './schedule.ts';
import { withTimeRange } from './time-range.ts';

/** Rows of one piece of a result that is written. */
const CHUNK_ROWS = 10_000;

export interface ContinuousOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly workers: QueryWorkers | null;
  /** How often is looked for queries that are due, ms. */
  readonly intervalMs: number;
}

/** A query as parsed; null where its text is wrong, or where it has no windows. */
interface Parsed {
  readonly statement: CreateContinuousQueryStatement;
  readonly timing: Timing;
}

export class ContinuousQueries {
  private readonly options: ContinuousOptions;
  private readonly parsed = new Map<string, Parsed | null>();
  private readonly lastRuns: LastRuns;
  /** By database, name and text: the error that was logged last, so that it is logged once. */
  private readonly complaints = new Map<string, string>();
  private timer: NodeJS.Timeout | null = null;
  private readonly runs = new OneAtATime();
  private readonly stopping = new AbortController();

  constructor(options: ContinuousOptions) {
    this.options = options;
    const { fs, dataDir, log } = options.engine.options;
    this.lastRuns = new LastRuns(fs, dataDir, log);
  }

  start(): void {
    this.timer = setInterval(() => {
      if (!this.runs.isRunning) this.tick().catch(() => {});
    }, this.options.intervalMs);
    this.timer.unref();
  }

  /** No further query begins, and the one under way is cancelled. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.stopping.abort();
    await this.runs.end(async () => this.lastRuns.save());
  }

  /** Runs all queries that are due now. */
  async tick(): Promise<void> {
    await this.runs.run(() => this.runDue());
  }

  private async runDue(): Promise<void> {
    const { engine } = this.options;
    const seen = new Set<string>();
    const texts = new Set<string>();
    for (const database of engine.databases()) {
      if (!engine.hasDatabase(database)) continue;
      for (const query of engine.continuousQueries(database)) {
        if (this.stopping.signal.aborted) return;
        const key = `${database}\u0000${query.name}\u0000${query.text}`;
        seen.add(key);
        texts.add(query.text);
        await this.runIfDue(key, database, query);
      }
    }
    this.lastRuns.keep(seen);
    for (const key of this.complaints.keys()) if (!seen.has(key)) this.complaints.delete(key);
    for (const text of this.parsed.keys()) if (!texts.has(text)) this.parsed.delete(text);
    this.lastRuns.saveSometimes(this.options.clock.monotonicMs());
  }

  private async runIfDue(key: string, database: string, { name, text }: ContinuousQueryEntry): Promise<void> {
    const { engine, clock } = this.options;
    const { log } = engine.options;
    try {
      const parsed = this.parse(text);
      if (parsed === null) return;
      const { sec, nano } = clock.now();
      const nowNs = BigInt(sec) * 1_000_000_000n + BigInt(nano);
      const run = dueRun(parsed.timing, this.lastRuns.get(key), nowNs);
      if (run === null) return;
      this.lastRuns.set(key, run.last);
      if (run.range === null) return;
      const startedMs = clock.monotonicMs();
      await this.write(parsed.statement, database, run.range, nowNs);
      engine.counters.continuousQueries++;
      this.complaints.delete(key);
      const durationMs = Math.round(clock.monotonicMs() - startedMs);
      log('debug', 'ran a continuous query', { database, name, durationMs });
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      engine.counters.continuousQueryErrors++;
      const { message } = error as Error;
      if (this.complaints.get(key) === message) return;
      this.complaints.set(key, message);
      log('error', `cannot run continuous query ${name}: ${message}`, { database });
    }
  }

  private parse(text: string): Parsed | null {
    let parsed = this.parsed.get(text);
    if (parsed === undefined) {
      const [statement] = parseStatements(text);
      if (statement.kind !== 'create continuous query') throw new Error(`BUG: ${text} is no continuous query`);
      const timing = timingOf(statement);
      parsed = timing === null ? null : { statement, timing };
      this.parsed.set(text, parsed);
    }
    return parsed;
  }

  /** Runs the query over a range of time; what it selects is durable in its target when this resolves. */
  private async write(
    { select }: CreateContinuousQueryStatement,
    database: string,
    { start, end }: { start: bigint; end: bigint },
    nowNs: bigint,
  ): Promise<void> {
    const { engine, workers } = this.options;
    const context = newStatementContext({
      engine,
      database,
      retentionPolicy: '',
      nowNs,
      signal: this.stopping.signal,
      limits: NO_SELECT_LIMITS,
      workers,
      chunkRows: CHUNK_ROWS,
      queries: NO_RUNNING_QUERIES,
      assumedDatabase: null,
    });
    const options = {
      chunkRows: Infinity,
      readOnly: false,
      describe: (error: unknown): string => (error as Error).message,
    };
    for await (const { error } of executeStatements([withTimeRange(select, start, end)], context, options)) {
      if (error !== '') throw new Error(error);
    }
  }
}
