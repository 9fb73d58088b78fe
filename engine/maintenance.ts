/**
 * What keeps the files in order, one step at a time: drops whole partitions (past their retention, or the oldest when
 * the directory is over its cap), merges files as the planner says, and rewrites files with deleted rows.
 *
 * A merge reads its inputs, writes one file beside them, and a single manifest edit swaps it in. Until then a crash
 * leaves the inputs live and a leftover file; after it, the inputs are the leftovers. Either way nothing is lost.
 */
import { planMerges } from '../compaction/planner.ts';
import { isExpired } from '../retention/expired.ts';
import { type PartitionSize, partitionsOverCap } from '../retention/size-cap.ts';
import type { Background } from './background.ts';
import type { Database } from './database.ts';
import { removeDeadSeries } from './dead-series.ts';
import type { Engine } from './engine.ts';
import { fileName } from './file-name.ts';
import { ownerOf } from './internal-database.ts';
import type { FileEntry } from './manifest.ts';
import { touches } from './merge.ts';
import { OneAtATime } from './one-at-a-time.ts';

export class Maintenance {
  private readonly engine: Engine;
  private readonly background: Background;
  private timer: NodeJS.Timeout | null = null;
  private readonly runs = new OneAtATime();
  private stopped = false;
  private readonly failed = new Set<string>();

  constructor(engine: Engine, background: Background) {
    this.engine = engine;
    this.background = background;
  }

  start(): void {
    const { maintenanceIntervalMs } = this.engine.options;
    if (maintenanceIntervalMs === 0) return;
    this.timer = setInterval(() => this.wake(), maintenanceIntervalMs);
    this.timer.unref();
    this.wake();
  }

  /** Ends the work that repeats, and what waits; a merge under way is given up, as the next start can do it again. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.background.abandonMerge();
    await this.runs.end(async () => {});
  }

  /** Looks for work now, unless that is being done already or left to explicit calls. */
  wake(): void {
    if (this.stopped || this.runs.isRunning || this.engine.options.maintenanceIntervalMs === 0) return;
    this.run().catch(() => {});
  }

  get isRunning(): boolean {
    return this.runs.isRunning;
  }

  /** Resolves when the run under way, if any, has ended. */
  async idle(): Promise<void> {
    await this.runs.idle();
  }

  /**
   * Does all the work there is now.
   * @param force also puts every partition whose window has passed into one cold file, without waiting for late rows.
   */
  async run(force = false): Promise<void> {
    await this.runs.run(() => this.everything(force));
  }

  /** Drops the rows that are in files of one partition, durably, when no merge is under way. */
  async dropPartition(database: Database, startSec: number): Promise<void> {
    await this.runs.run(() => this.dropFiles(database, startSec));
  }

  private async dropFiles(database: Database, startSec: number): Promise<void> {
    if (!this.engine.allDatabases().includes(database)) return;
    const files = [...database.manifest.files.values()].filter((file) => file.partitionStartSec === startSec);
    if (!this.dropPartitions(database, files, 'as asked')) return;
    // Their rows must not come back from the log when its checkpoint is lost.
    database.edit({ flushedLsn: this.engine.wal.checkpointLsn });
    await removeDeadSeries(this.engine, database);
  }

  private async everything(force: boolean): Promise<void> {
    const dropped = new Set<Database>();
    for (const database of this.engine.allDatabases()) if (this.dropExpired(database)) dropped.add(database);
    for (const database of this.dropOverCap()) dropped.add(database);
    for (const database of this.engine.allDatabases()) {
      while (!this.stopped && (await this.mergeOnce(database, force))) {
        // One merge may make room for the next.
      }
      if (this.retireTombstones(database)) dropped.add(database);
    }
    for (const database of dropped) if (!this.stopped) await removeDeadSeries(this.engine, database);
  }

  private dropExpired(database: Database): boolean {
    const nowMs = this.engine.options.clock.nowMs();
    const files = [...database.manifest.files.values()];
    const expired = files.filter((entry) => isExpired(entry, this.engine.retentionMs(database), nowMs));
    return this.dropPartitions(database, expired, 'past their retention');
  }

  /** Keeps within the caps: of each database that has one, over its policies, then of the whole directory. */
  private dropOverCap(): Database[] {
    const { engine } = this;
    const touched = engine.databases().flatMap((name) => {
      const capBytes = engine.settings(name).sizeCapBytes ?? 0;
      if (capBytes === 0) return [];
      const own = engine.allDatabases().filter((each) => ownerOf(each.name) === name);
      return this.dropBeyond(own, capBytes, 'beyond the size cap of their database');
    });
    return [...touched, ...this.dropBeyond(engine.allDatabases(), engine.options.sizeCapBytes, 'beyond the size cap')];
  }

  private dropBeyond(databases: readonly Database[], capBytes: number, why: string): Database[] {
    if (capBytes === 0) return [];
    const partitions = new Map<string, PartitionSize & { of: Database; files: FileEntry[] }>();
    for (const of of databases) {
      for (const file of of.manifest.files.values()) {
        const { partitionStartSec, partitionDurationSec, sizeBytes } = file;
        const key = `${of.id}/${partitionStartSec}`;
        let partition = partitions.get(key);
        if (partition === undefined) {
          partition = { database: of.name, of, partitionStartSec, partitionDurationSec, sizeBytes: 0, files: [] };
          partitions.set(key, partition);
        }
        partition.sizeBytes += sizeBytes;
        partition.files.push(file);
      }
    }
    const over = partitionsOverCap([...partitions.values()], capBytes);
    return over.filter(({ of, files }) => this.dropPartitions(of, files, why)).map(({ of }) => of);
  }

  private dropPartitions(database: Database, files: FileEntry[], why: string): boolean {
    if (files.length === 0) return false;
    this.replace(database, files, null);
    const partitions = [...new Set(files.map((entry) => entry.partitionStartSec))];
    this.engine.counters.partitionsDropped += partitions.length;
    this.engine.options.log('info', `dropped partitions ${why}`, { database: database.name, partitions });
    return true;
  }

  /** Runs the most useful merge. False when there is none. */
  private async mergeOnce(database: Database, force: boolean): Promise<boolean> {
    const { clock, log } = this.engine.options;
    const { manifest } = database;
    const files = [...manifest.files.values()];
    const plans = planMerges(files, clock.nowMs(), { force });
    const plan = plans.find(({ inputs }) => !this.failed.has(inputs.join())) ?? this.planRewrite(database, files);
    if (plan === undefined) return false;
    const inputs = plan.inputs.map((name) => manifest.files.get(name)!);
    const { partitionStartSec, partitionDurationSec } = inputs[0];
    try {
      const merged = await this.background.merge({
        directory: database.directory,
        database: database.name,
        indexEpoch: database.index.epoch,
        partitionStartSec,
        partitionDurationSec,
        inputs,
        name: fileName(partitionStartSec, database.takeGeneration()),
        level: plan.level,
        cold: plan.cold,
        tombstones: [...manifest.tombstones.values()].filter((t) => inputs.some((input) => touches(t, input))),
        lastTombstone: manifest.lastTombstone,
        bytesPerSec: this.engine.options.mergeBytesPerSec,
        nowMs: clock.nowMs(),
      });
      this.replace(database, inputs, merged);
      this.engine.counters.merges++;
      this.engine.counters.mergeBytes += merged?.sizeBytes ?? 0;
    } catch (error) {
      if (this.stopped) return false;
      this.engine.counters.mergeErrors++;
      log('error', `cannot merge files of ${database.name}: ${(error as Error).message}; they stay as they are`);
      const { code } = error as { code?: string };
      if (code === 'ENOSPC' || code === 'EDQUOT') throw error;
      // What one merge cannot read must not keep the others from running.
      this.failed.add(plan.inputs.join());
    }
    return true;
  }

  /** A file with deleted rows in it, to be rewritten without them. */
  private planRewrite(
    database: Database,
    files: FileEntry[],
  ): { inputs: string[]; level: number; cold: boolean } | undefined {
    const tombstones = [...database.manifest.tombstones.values()];
    const file = files.find((entry) => !this.failed.has(entry.name) && tombstones.some((t) => touches(t, entry)));
    return file === undefined ? undefined : { inputs: [file.name], level: file.level, cold: file.cold };
  }

  /** Forgets tombstones whose rows no file holds any more. Whether there were any. */
  private retireTombstones(database: Database): boolean {
    const { manifest } = database;
    const files = [...manifest.files.values()];
    const done = [...manifest.tombstones.values()].filter((t) => !files.some((entry) => touches(t, entry)));
    if (done.length === 0) return false;
    manifest.commit({ removeTombstones: done.map((t) => t.id) });
    return true;
  }

  private replace(database: Database, old: FileEntry[], merged: FileEntry | null): void {
    database.edit({ add: merged === null ? [] : [merged], remove: old.map((entry) => entry.name) });
  }
}
