/**
 * The engine: databases over one write-ahead log, with the work that goes on behind them.
 *
 * A write is: batch → log → memtable (`commit`, synchronous), then `durable(lsn)`, then the acknowledgement. So the
 * order of the log is the order of the memtable, and whoever is told "written" is told the truth.
 */
import { AccessStore } from '../access/access-store.ts';
import { Batch } from '../batch/batch.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { type Clock, systemClock } from '../clock/clock.ts';
import { type LockFile, lockDirectory } from '../disk/lock-file.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { decodeBatch, encodeBatch } from '../wal/batch-codec.ts';
import { openWal } from '../wal/open-wal.ts';
import { BATCH, DEFINITIONS } from '../wal/record.ts';
import type { Wal } from '../wal/wal.ts';
import { Admissions } from './admissions.ts';
import { type Background, inlineBackground, workerBackground } from './background.ts';
import type { ContinuousQueryEntry, DatabaseSettings } from './catalog.ts';
import { Checkpointer } from './checkpointer.ts';
import type { Database } from './database.ts';
import { isInternalDatabase } from './internal-database.ts';
import { Maintenance } from './maintenance.ts';
import { newCounters } from './metrics.ts';
import {
  DEFAULT_FLUSH_INTERVAL_MS,
  DEFAULT_MEMTABLE_BYTES,
  DEFAULT_MERGE_BYTES_PER_SEC,
  DEFAULT_PARTITION_SEC,
  DEFAULT_RESERVE_BYTES,
  type EngineOptions,
  type Log,
  MAX_PARTITION_SEC,
  type ResolvedOptions,
} from './options.ts';
import { Refusals } from './refusals.ts';
import { type NewDatabase, Registry } from './registry.ts';
import { dropUnknownSeries, noteShapes } from './replayed-batch.ts';
import { FIRST_POLICY, isValidName, NAME_RULE, type PolicyChange, type RetentionPolicy } from './retention-policy.ts';
import { SpaceWatch } from './space-watch.ts';
import type { Instant } from './time.ts';
import { DEFAULT_WRITE_LIMITS } from './write-limits.ts';

/** The database that is meant when none is named. */
export const DEFAULT_DATABASE = 'default';

/** How many times the memtable limit may be used up before writes are refused rather than slowed. */
const HARD_LIMIT_FACTOR = 4;

export class Engine {
  readonly options: ResolvedOptions;
  readonly counters = newCounters();
  wal!: Wal;
  /** Users, tokens and what they may do. */
  readonly access: AccessStore;
  private readonly registry: Registry;
  readonly admissions: Admissions;
  readonly refusals: Refusals;
  private readonly background: Background;
  private readonly checkpointer: Checkpointer;
  readonly maintenance: Maintenance;
  private readonly lock: LockFile;
  private readonly encoded = new ByteWriter(1 << 16);
  /** Called after every sync of the log with its duration in s. */
  onSync: ((seconds: number) => void) | null = null;
  /** Called after every checkpoint with its duration in s. */
  onCheckpoint: ((seconds: number) => void) | null = null;
  /** Called when the disk has failed and the process must not go on. */
  onFatal: ((error: Error) => void) | null = null;
  private readonly space: SpaceWatch;
  /** Records were lost: what is left of the log must not be replayed again, as new ids would meet old ones in it. */
  private mustCheckpoint = false;
  private state: 'opening' | 'open' | 'closing' | 'closed' = 'opening';
  private closing: Promise<void> = Promise.resolve();

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.space = new SpaceWatch(options);
    const { fs, dataDir } = options;
    fs.makeDirectory(dataDir);
    this.lock = lockDirectory(fs, dataDir);
    try {
      this.access = new AccessStore(fs, dataDir, () => options.clock.nowMs());
      this.registry = new Registry(fs, dataDir, options.log, options);
      this.admissions = new Admissions(this.registry, options.writeLimits, options.clock);
      this.refusals = new Refusals(options.log, options.clock);
      this.background = options.inline ? inlineBackground(fs) : workerBackground();
      this.checkpointer = new Checkpointer(this, this.background);
      this.maintenance = new Maintenance(this, this.background);
    } catch (error) {
      this.lock.release();
      throw error;
    }
  }

  /** Replays the log and starts the work in the background. @internal */
  async start(): Promise<void> {
    try {
      this.wal = await this.replay();
      for (const database of this.registry.all()) database.replayed();
      if (this.mustCheckpoint) await this.checkpointer.run();
    } catch (error) {
      for (const database of this.registry.all()) database.close();
      this.lock.release();
      throw error;
    }
    this.state = 'open';
    for (const database of this.registry.all()) database.warmUp();
    this.checkSpace();
    this.checkpointer.start();
    this.maintenance.start();
    const { dataDir, log } = this.options;
    log('info', 'opened', { dataDir, databases: this.registry.size });
  }

  /** Whether writes and reads are possible. */
  get ready(): boolean {
    return this.writeRefusal === null;
  }

  /** Why writes are refused now; null while they are taken. */
  get writeRefusal(): string | null {
    try {
      this.assertWritable();
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Looks at the free space of the disk, and stops taking writes before it is full; takes them again when it is not. */
  checkSpace(): void {
    if (!this.space.look()) return;
    // Rows take less room in files than in the log, and what is past its time to live or the cap may go at once.
    this.checkpointer
      .run()
      .then(() => this.wal.removeSpares())
      .catch(() => {});
  }

  /** Bytes of all memtables. */
  get memtableBytes(): number {
    let bytes = 0;
    for (const database of this.registry.all()) bytes += database.memtableBytes;
    return bytes;
  }

  /** Names of databases, without those that belong to another. */
  databases(): string[] {
    return this.registry.names();
  }

  /** All databases with rows of their own: retention policies and what is kept along with samples too. */
  allDatabases(): Database[] {
    return [...this.registry.all()];
  }

  /** Whether a database has not been dropped since it was asked for. */
  holds(database: Database): boolean {
    return this.registry.withId(database.id) === database;
  }

  /** Whether there is a database of that name, though its default policy may be gone. */
  hasDatabase(name: string): boolean {
    return this.registry.has(name);
  }

  /**
   * The rows that a name means: `NAME` those of its default retention policy, `NAME/POLICY` those of another; undefined
   * when there is no such database or policy.
   */
  database(name: string): Database | undefined {
    return this.registry.find(name);
  }

  /**
   * The rows of a retention policy; '' is the default one.
   * @throws VarveError 'not_found' with InfluxDB's text.
   */
  resolve(name: string, policy = ''): Database {
    return this.registry.resolve(name, policy);
  }

  /**
   * As `database`, made when it does not exist; its existence is durable on return.
   * @throws VarveError 'not_found' for a policy that does not exist, 'bad_request' for a name that cannot be.
   */
  createDatabase(name: string, settings: NewDatabase = {}): Database {
    const existing = this.registry.find(name);
    if (existing !== undefined) return existing;
    const [owner, policy] = isInternalDatabase(name) ? [name] : name.split('/');
    if (this.registry.has(owner) || (policy ?? FIRST_POLICY) !== FIRST_POLICY) return this.registry.resolve(name);
    this.assertOpen();
    if (!isInternalDatabase(name) && !isValidName(owner)) {
      throw new VarveError('bad_request', `cannot create database ${JSON.stringify(owner)}: give it ${NAME_RULE}`);
    }
    return this.registry.create(owner, settings);
  }

  /** Age in ms at which a database's partitions are dropped; 0 keeps them for ever. */
  retentionMs(database: Database): number {
    return this.registry.retentionMs(database);
  }

  /** What was set for a database as a whole. Throws `not_found`. */
  settings(name: string): DatabaseSettings {
    return this.registry.owner(name).settings;
  }

  /** Changes settings of a database, retention being its default policy's; durable on return. Throws `not_found`. */
  alterDatabase(name: string, change: Partial<DatabaseSettings>): void {
    this.assertOpen();
    this.registry.alter(name, change);
    this.maintenance.wake();
  }

  /** Retention policies in the order of their creation. Throws `not_found`. */
  retentionPolicies(name: string): RetentionPolicy[] {
    return this.registry.policies(name);
  }

  /** The name of the default policy, which may be gone. Throws `not_found`. */
  defaultRetentionPolicy(name: string): string {
    return this.registry.defaultPolicy(name);
  }

  /** Adds a retention policy; durable on return. One that is the same already is fine. */
  createRetentionPolicy(name: string, policy: string, change: PolicyChange): void {
    this.assertOpen();
    this.registry.createPolicy(name, policy, change);
  }

  /** Changes a retention policy; durable on return. */
  alterRetentionPolicy(name: string, policy: string, change: PolicyChange): void {
    this.assertOpen();
    this.registry.alterPolicy(name, policy, change);
    this.maintenance.wake();
  }

  /** Removes a retention policy with its rows; one that does not exist is fine. */
  dropRetentionPolicy(name: string, policy: string): Promise<void> {
    return this.whenQuiet(() => this.registry.dropPolicy(name, policy));
  }

  /** Continuous queries of a database. Throws `not_found`. */
  continuousQueries(name: string): readonly ContinuousQueryEntry[] {
    return this.registry.continuousQueries(name);
  }

  /** Puts others in place of them; durable on return. */
  setContinuousQueries(name: string, queries: readonly ContinuousQueryEntry[]): void {
    this.assertOpen();
    this.registry.setContinuousQueries(name, queries);
  }

  /** Removes a database with all its data, and what belongs to it. Throws `not_found`. */
  dropDatabase(name: string): Promise<void> {
    return this.whenQuiet(() => {
      this.registry.owner(name);
      // First, so that a crash in between leaves nobody rights on another database of that name.
      this.access.forgetDatabase(name);
      this.registry.drop(name);
      this.admissions.forget(name);
    });
  }

  /** Does `work` in a turn in which neither a flush nor a merge is under way. */
  private async whenQuiet(work: () => void): Promise<void> {
    this.assertOpen();
    while (this.checkpointer.isRunning || this.maintenance.isRunning) {
      await this.checkpointer.idle();
      await this.maintenance.idle();
    }
    this.assertOpen();
    work();
  }

  /**
   * Writes rows to the log and makes them readable. Returns the LSN to await with `durable` before anything is
   * acknowledged. The batch may be reused on return.
   */
  commit(database: Database, batch: Batch): number {
    this.assertWritable();
    const definitions = database.index.drainDefinitions();
    if (definitions !== null) {
      try {
        this.wal.append(DEFINITIONS, database.id, definitions);
      } catch (error) {
        database.index.undrainDefinitions();
        throw error;
      }
    }
    if (batch.rows === 0) return this.wal.lastLsn;
    this.encoded.reset();
    encodeBatch(batch, database.index.shapes, this.encoded);
    const lsn = this.wal.append(BATCH, database.id, this.encoded.view8());
    database.apply(batch);
    this.counters.rows += batch.rows;
    this.counters.samples += batch.valueCount;
    this.checkpointer.wrote();
    return lsn;
  }

  /** Resolves when everything up to the LSN is as safe as the log's sync mode promises. */
  durable(lsn: number): Promise<void> {
    return this.wal.durable(lsn);
  }

  /**
   * Waits while memory is short, so that writers are slowed before they are refused.
   * @throws VarveError 'overloaded' beyond the hard limit, 'read_only' when the log cannot be written.
   */
  async admit(): Promise<void> {
    this.assertWritable();
    const bytes = this.memtableBytes;
    if (bytes < this.options.memtableBytes * 2) return;
    if (bytes > this.options.memtableBytes * HARD_LIMIT_FACTOR) {
      const text = 'cannot take writes now: flushing to disk does not keep up; try again';
      throw new VarveError('overloaded', text, { setting: 'memtable-size' });
    }
    try {
      await this.checkpointer.flushed();
    } catch (cause) {
      const { message } = cause as Error;
      const text = `cannot take writes now: memory is full and cannot be flushed: ${message}`;
      throw new VarveError('overloaded', text, { setting: 'memtable-size', cause });
    }
  }

  /**
   * Deletes rows of series between two instants, both inclusive. They are gone from every answer when this resolves,
   * and durably so; merges free their space later. Rows written meanwhile may stay.
   * @param select finds the series: their refs, sorted. It is asked again when refs have been released meanwhile, for
   * they may be another's by then.
   * @param then told of the refs in the very turn in which the rows are gone.
   */
  async deleteRows(
    database: Database,
    select: () => Int32Array,
    from: Instant,
    to: Instant,
    then: (refs: Int32Array) => void = () => {},
  ): Promise<void> {
    const { manifest, index } = database;
    const { releases } = index;
    let refs = select();
    if (refs.length === 0) return;
    await this.flush();
    this.assertOpen();
    // Dropped meanwhile: its rows are gone already.
    if (!this.holds(database)) return;
    if (index.releases !== releases) refs = select();
    if (refs.length === 0) return;
    const generation = Math.max(0, ...[...manifest.files.values()].map((file) => file.generation));
    const id = manifest.lastTombstone + 1;
    const flushedLsn = this.wal.checkpointLsn;
    manifest.commit({ addTombstones: [{ id, generation, refs: [...refs], from, to }], flushedLsn });
    this.maintenance.wake();
    then(refs);
  }

  /**
   * Drops all rows of the partition that begins at a time, s since the epoch, and the series that have no others. They
   * are gone, durably, when this resolves; rows written meanwhile may stay.
   */
  async dropPartition(database: Database, startSec: number): Promise<void> {
    await this.flush();
    await this.maintenance.dropPartition(database, startSec);
  }

  /** Turns all that is in memory into files. */
  async flush(): Promise<void> {
    await this.checkpointer.run();
  }

  /** Flushes, syncs and lets go of the directory. Several calls end together. */
  close(): Promise<void> {
    if (this.state !== 'open') return this.closing;
    this.closing = this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.state = 'closing';
    try {
      // What flushes and merges is not only told to stop: whatever began later would write into the files of who comes next.
      await this.maintenance.stop();
      await this.checkpointer.stop();
    } catch (error) {
      this.options.log('error', `cannot flush at shutdown: ${(error as Error).message}; the log keeps the rows`);
    }
    await this.background.close();
    await this.wal.close();
    for (const database of this.registry.all()) database.close();
    this.lock.release();
    this.state = 'closed';
  }

  /** @throws VarveError 'shutting_down' once it is being closed. */
  assertOpen(): void {
    if (this.state !== 'open') throw new VarveError('shutting_down', 'cannot take requests: the server is stopping');
  }

  private assertWritable(): void {
    this.assertOpen();
    this.wal.checkWritable();
    try {
      this.registry.settle();
    } catch (cause) {
      throw new VarveError('read_only', `cannot take writes: ${(cause as Error).message}`, { cause });
    }
    if (this.space.refusal !== null) throw new VarveError('read_only', this.space.refusal);
  }

  /** Opens the log and brings back what was not in files. Memory stays bounded: full memtables are flushed on the way. */
  private async replay(): Promise<Wal> {
    const { fs, dataDir, log, clock, walSync, walRecovery, memtableBytes } = this.options;
    const batch = new Batch();
    const lost = new Map<string, number>();
    let useless = 0;
    const started = performance.now();
    const { wal, report } = await openWal(
      fs,
      `${dataDir}/wal`,
      {
        mode: walSync,
        recovery: walRecovery,
        asyncIntervalMs: this.options.walAsyncIntervalMs,
        maxReplayAttempts: this.options.walReplayAttempts,
        segmentSizeBytes: this.options.walSegmentBytes,
        minimumLsn: Math.max(0, ...this.allDatabases().map(({ manifest }) => manifest.flushedLsn)),
        archiveDirectory: this.options.walArchiveDir,
        clock,
        onArchiveFailure: archiveComplaint(log, clock),
        onSync: (seconds) => this.onSync?.(seconds),
        onFatal: (error) => this.onFatal?.(error),
      },
      (lsn, type, databaseId, payload) => {
        const database = this.registry.withId(databaseId);
        // A database that was dropped since.
        if (database === undefined || lsn <= database.manifest.flushedLsn) return;
        try {
          if (type === DEFINITIONS) return database.index.applyDefinitions(payload);
          if (type === BATCH) decodeBatch(payload, database.index.shapes, batch);
          else throw new VarveError('corrupt', `record type ${type} is unknown to this build`);
        } catch (error) {
          if (!(error instanceof VarveError && error.code === 'corrupt')) throw error;
          if (walRecovery === 'strict') throw new VarveError('corrupt', `cannot replay the log: ${error.message}`);
          // It relies on definitions that were lost with a damaged record before it.
          useless++;
          return;
        }
        const unknown = dropUnknownSeries(database.index, batch);
        if (unknown > 0) lost.set(database.name, (lost.get(database.name) ?? 0) + unknown);
        noteShapes(database.index, batch);
        database.apply(batch);
        if (database.active.bytes > memtableBytes) return this.checkpointer.flushOne(database);
      },
    );
    const ms = Math.round(performance.now() - started);
    if (report.records > 0) log('info', 'replayed the log', { records: report.records, bytes: report.bytes, ms });
    if (useless > 0) log('error', 'lost records of the log that rely on lost ones', { records: useless });
    this.mustCheckpoint = useless > 0 || report.losses.length > 0;
    for (const [database, rows] of lost)
      log('error', 'lost rows in the log of series that the damaged index alone knew', { database, rows });
    if (report.cut !== null)
      log('info', 'cut a torn end off the log; nothing in it was acknowledged', { ...report.cut });
    for (const loss of report.losses) log('error', 'lost acknowledged records of the log', { ...loss });
    return wal;
  }
}

/** Tells that segments cannot be archived, once a minute: until they can be, the log grows. */
function archiveComplaint(log: Log, clock: Clock): (segment: string, error: Error) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (segment, error) => {
    if (clock.monotonicMs() - toldMs < 60_000) return;
    toldMs = clock.monotonicMs();
    log('error', `cannot archive segments of the log: ${error.message}; the log keeps them and grows`, { segment });
  };
}

/** Opens a data directory, replaying the log. Throws VarveError 'locked' while another process has it. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const partitionDurationSec = options.partitionDurationSec ?? DEFAULT_PARTITION_SEC;
  if (
    !(partitionDurationSec >= 1 && partitionDurationSec <= MAX_PARTITION_SEC && Number.isInteger(partitionDurationSec))
  ) {
    throw new VarveError('bad_request', `cannot use partitions of ${partitionDurationSec} s: allowed are 1 s to 90 d`);
  }
  const engine = new Engine({
    fs: nodeFileSystem,
    clock: systemClock,
    log: () => {},
    walSync: 'group',
    walRecovery: 'strict',
    walAsyncIntervalMs: 100,
    walReplayAttempts: 5,
    walSegmentBytes: 32 << 20,
    retentionMs: 0,
    walArchiveDir: null,
    mergeBytesPerSec: DEFAULT_MERGE_BYTES_PER_SEC,
    sizeCapBytes: 0,
    reserveBytes: DEFAULT_RESERVE_BYTES,
    memtableBytes: DEFAULT_MEMTABLE_BYTES,
    flushIntervalMs: DEFAULT_FLUSH_INTERVAL_MS,
    maintenanceIntervalMs: 30_000,
    inline: false,
    writeLimits: DEFAULT_WRITE_LIMITS,
    ...options,
    partitionDurationSec,
  });
  await engine.start();
  return engine;
}
