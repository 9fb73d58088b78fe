/**
 * What keeps the files in order, one step at a time: drops whole partitions (past their retention, or the oldest when
 * the directory is over its cap), merges files as the planner says, and rewrites files with deleted rows.
 *
 * A merge reads its inputs, writes one file beside them, and a single manifest edit swaps it in. Until then a crash
 * leaves the inputs live and a leftover file; after it, the inputs are the leftovers. Either way nothing is lost.
 */
import { planMerges } from '../compaction/planner.ts';
import { isExpired } from '../retention/expired.ts';
import { partitionsOverCap } from '../retention/size-cap.ts';
import type { Background } from './background.ts';
import type { Database } from './database.ts';
import { removeDeadSeries } from './dead-series.ts';
import type { Engine } from './engine.ts';
import { fileName } from './file-name.ts';
import type { FileEntry } from './manifest.ts';
import { touches } from './merge.ts';

export class Maintenance {
  private readonly engine: Engine;
  private readonly background: Background;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
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

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Looks for work now, unless that is being done already or left to explicit calls. */
  wake(): void {
    if (this.stopped || this.running !== null || this.engine.options.maintenanceIntervalMs === 0) return;
    this.run().catch(() => {});
  }

  /** Resolves when the run under way, if any, has ended. */
  async idle(): Promise<void> {
    await this.running?.catch(() => {});
  }

  /**
   * Does all the work there is now.
   * @param force also puts every partition whose window has passed into one cold file, without waiting for late rows.
   */
  async run(force = false): Promise<void> {
    await this.idle();
    this.running = this.everything(force).finally(() => {
      this.running = null;
    });
    await this.running;
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

  private dropOverCap(): Database[] {
    const { sizeCapBytes } = this.engine.options;
    if (sizeCapBytes === 0) return [];
    const partitions = new Map<
      string,
      { database: string; sizeBytes: number } & Pick<FileEntry, 'partitionStartSec' | 'partitionDurationSec'>
    >();
    for (const database of this.engine.allDatabases()) {
      for (const { partitionStartSec, partitionDurationSec, sizeBytes } of database.manifest.files.values()) {
        const key = `${database.id}/${partitionStartSec}`;
        const known = partitions.get(key);
        if (known !== undefined) known.sizeBytes += sizeBytes;
        else partitions.set(key, { database: database.name, partitionStartSec, partitionDurationSec, sizeBytes });
      }
    }
    const touched: Database[] = [];
    for (const { database: name, partitionStartSec } of partitionsOverCap([...partitions.values()], sizeCapBytes)) {
      const database = this.engine.database(name)!;
      const files = [...database.manifest.files.values()].filter(
        (file) => file.partitionStartSec === partitionStartSec,
      );
      if (this.dropPartitions(database, files, 'beyond the size cap')) touched.push(database);
    }
    return touched;
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
