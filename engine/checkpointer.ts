/**
 * Checkpoints turn what is in memory into files and let the log go:
 *
 *   1. note the last LSN and freeze every memtable: all at or below it is in the frozen ones;
 *   2. save what is new in every index, so that the refs in files mean something without the log;
 *   3. write the frozen memtables to files on the background thread, and add the files to the manifests;
 *   4. move the log's checkpoint to the noted LSN, behind which segments are recycled.
 *
 * A crash anywhere in between replays rows that are in files already, with the same result: the same rows win.
 * When step 3 fails (a full disk), the frozen memtables stay, readable and in the log, and the next run takes them up.
 */
import type { Background } from './background.ts';
import type { Database } from './database.ts';
import type { Engine } from './engine.ts';
import { OneAtATime } from './one-at-a-time.ts';

const RETRY_MS = 5_000;
const TICK_MS = 500;

export class Checkpointer {
  private readonly engine: Engine;
  private readonly background: Background;
  private timer: NodeJS.Timeout | null = null;
  private readonly runs = new OneAtATime();
  private pausedUntilMs = 0;
  private oldestUnflushedMs: number | null = null;

  constructor(engine: Engine, background: Background) {
    this.engine = engine;
    this.background = background;
  }

  start(): void {
    if (this.engine.options.flushIntervalMs === 0) return;
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.timer.unref();
  }

  /** One last checkpoint; there is none after it, whoever waits for one. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.runs.end(() => this.checkpoint());
  }

  /** Seconds since the oldest row arrived that is not in a file, 0 when there is none. */
  get oldestUnflushedSec(): number {
    if (this.oldestUnflushedMs === null) return 0;
    return (this.engine.options.clock.monotonicMs() - this.oldestUnflushedMs) / 1000;
  }

  /** Called after every commit: starts a run when memory is full. */
  wrote(): void {
    this.oldestUnflushedMs ??= this.engine.options.clock.monotonicMs();
    if (this.runs.isRunning || this.activeBytes() < this.engine.options.memtableBytes) return;
    if (this.engine.options.clock.monotonicMs() < this.pausedUntilMs) return;
    this.run().catch(() => {});
  }

  get isRunning(): boolean {
    return this.runs.isRunning;
  }

  /** Resolves when the run under way, if any, has ended. Never rejects. */
  async idle(): Promise<void> {
    await this.runs.idle();
  }

  /** Resolves once memory has been given back, by the run under way or by a new one. */
  async flushed(): Promise<void> {
    await this.runs.join(() => this.checkpoint());
  }

  /** One checkpoint of everything written so far. Rejects when a file cannot be written; nothing is lost then. */
  async run(): Promise<void> {
    await this.runs.run(() => this.checkpoint());
  }

  /** Flushes one database while the log is being replayed, so that memory stays bounded. */
  async flushOne(database: Database): Promise<void> {
    database.freeze();
    await this.write(database);
  }

  private tick(): void {
    this.engine.checkSpace();
    if (this.runs.isRunning || this.engine.options.clock.monotonicMs() < this.pausedUntilMs) return;
    if (this.oldestUnflushedSec * 1000 >= this.engine.options.flushIntervalMs) this.run().catch(() => {});
  }

  private activeBytes(): number {
    let bytes = 0;
    for (const database of this.engine.allDatabases()) {
      if (database.active.rows > 0) bytes += database.active.bytes;
    }
    return bytes;
  }

  /** Steps 2 and 3 for one database. */
  private async write(database: Database): Promise<void> {
    const { clock } = this.engine.options;
    const { counters } = this.engine;
    database.saveIndex();
    for (const memtable of [...database.frozen]) {
      const entries = await this.background.flush(database.flushJob(memtable, clock.nowMs()));
      database.flushed(memtable, entries);
      counters.flushes++;
      for (const entry of entries) counters.flushBytes += entry.sizeBytes;
    }
  }

  private async checkpoint(): Promise<void> {
    const { engine } = this;
    const { clock, log } = engine.options;
    const startedMs = clock.monotonicMs();
    const lsn = engine.wal.lastLsn;
    this.oldestUnflushedMs = null;
    const databases = engine.allDatabases();
    for (const database of databases) database.freeze();
    try {
      for (const database of databases) {
        await this.write(database);
      }
      engine.wal.checkpoint(lsn);
    } catch (error) {
      engine.counters.flushErrors++;
      this.oldestUnflushedMs = startedMs;
      this.pausedUntilMs = clock.monotonicMs() + RETRY_MS;
      log('error', `cannot flush: ${(error as Error).message}; the rows stay in memory and in the log`);
      throw error;
    }
    engine.counters.checkpoints++;
    engine.onCheckpoint?.((clock.monotonicMs() - startedMs) / 1000);
    engine.maintenance.wake();
  }
}
