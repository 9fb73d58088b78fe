/**
 * Random histories of an engine over a disk that fails, against a naive model: what the tests of the engine are made of.
 *
 * A history writes, overwrites, deletes, flushes, merges, makes and drops retention policies, lets days go by, fills the disk, makes calls fail, kills the
 * process and the power, and damages what is on disk. Every engine life gets its own view of the disk, so that what a
 * dead one still has under way cannot help its successor. Found rows are compared where things may go wrong: after
 * every start, after flushes and merges, and at the end.
 */
import { Batch } from '../batch/batch.ts';
import { Random } from '../bytes/random.ts';
import { ManualClock } from '../clock/clock.ts';
import { type FaultKind, MemoryFileSystem } from '../disk/memory-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { isExpired } from '../retention/expired.ts';
import type { Database } from './database.ts';
import { deleteRowsAndSeries } from './drop-series.ts';
import { type Engine, openEngine } from './engine.ts';
import { tryDamage } from './history-damage.ts';
import { type Allowance, Model } from './history-model.ts';
import { defineSeries, FIELD_NAMES, fillRandomly, readSeries, seriesNames } from './history-rows.ts';
import type { EngineOptions } from './options.ts';
import type { Instant } from './time.ts';

const DATA = '/data';
const DAY_SEC = 86_400;
const START_MS = 20 * DAY_SEC * 1000;
const RETENTION_MS = 5 * DAY_SEC * 1000;
/** Names, and the shortest that partitions may be, s. The others are retention policies of one database. */
const DATABASES: [name: string, partitionDurationSec: number][] = [
  ['default', DAY_SEC],
  ['other/autogen', DAY_SEC / 4],
  ['other/kept', DAY_SEC / 4],
];
const SHARD_MS = (DAY_SEC / 4) * 1000;
const FAULTS: FaultKind[] = ['create', 'write', 'sync', 'syncDirectory', 'read', 'rename', 'remove', 'truncate'];
const PLACES = ['', '', '.tsm', 'MANIFEST', 'index.log', '/wal/', 'CHECKPOINT', 'CATALOG', '/db/'];

/** A difference from the model: the history has failed. */
export class HistoryFailure extends Error {}

/** One engine after the other on one disk, their model, and the steps a history is made of. */
export class History {
  readonly fs: MemoryFileSystem;
  readonly clock = new ManualClock(START_MS);
  readonly random: Random;
  readonly model = new Model();
  readonly steps: string[] = [];
  engine!: Engine;
  private readonly options: Partial<EngineOptions>;
  private readonly batch = new Batch();
  private fatal: Error | null = null;
  /** Whether the log ends in a mark, which tells damage from a write that a power loss tore. */
  private logIsMarked = true;
  /** Databases whose drop failed or was cut short: the next start has all of one, or nothing. */
  private readonly droppedPerhaps = new Set<string>();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.fs = new MemoryFileSystem(seed);
    this.options = {
      // So small that every commit starts a flush, or so large that none does.
      memtableBytes: this.random.chance(0.1) ? 1 : 32 << 20,
      walSync: this.random.chance(0.1) ? 'always' : 'group',
      walSegmentBytes: this.random.pick([1024, 4096, 65536]),
    };
  }

  /** What every engine of this history is opened with. */
  optionsOn(fs: MemoryFileSystem): EngineOptions {
    return {
      dataDir: DATA,
      fs: fs.attach(),
      clock: this.clock,
      inline: true,
      flushIntervalMs: 0,
      maintenanceIntervalMs: 0,
      reserveBytes: 0,
      retentionMs: RETENTION_MS,
      ...this.options,
    };
  }

  async open(): Promise<void> {
    this.fatal = null;
    this.engine = await openEngine(this.optionsOn(this.fs));
    this.engine.onFatal = (error) => {
      this.fatal = error;
    };
  }

  /** One random step. */
  async step(): Promise<void> {
    const choice = this.random.below(1000);
    if (choice < 520) await this.write();
    else if (choice < 620) await this.checked('flush', () => this.engine.flush());
    else if (choice < 700) await this.maintain();
    else if (choice < 740) await this.overlapping();
    else if (choice < 770) await this.checked('delete', () => this.delete());
    else if (choice < 785) await this.changePolicies();
    else if (choice < 820) await this.daysGoBy();
    else if (choice < 850) await this.fullDisk();
    else if (choice < 900) await this.failingDisk();
    else if (choice < 925) await this.restart();
    else await this.die(this.random.chance(0.5) ? 'kill' : 'power loss');
    if (this.fatal !== null) await this.die('kill', 'after a fatal error');
  }

  /** The end: everything is there, and after a last restart too. */
  async end(): Promise<void> {
    this.check();
    await this.restart();
    await this.engine.close();
  }

  /** Compares everything. Throws HistoryFailure when something differs. */
  check(crashed = false): void {
    const allow: Allowance = { isExpired: (database, time) => this.isExpired(database, time), crashed };
    for (const [name] of DATABASES) {
      const database = this.engine.database(name);
      const names = database === undefined ? [] : seriesNames(database);
      if (new Set(names).size !== names.length) throw new HistoryFailure(`${name}: a series is there twice`);
      for (const series of new Set([...this.model.seriesOf(name), ...names])) {
        const found = readSeries(database, series);
        const difference = this.model.differences(name, series, found, allow);
        if (difference !== null) throw new HistoryFailure(difference);
        if (database !== undefined && this.random.chance(0.1)) this.checkPart(database, series, found);
      }
    }
  }

  /** Reading some fields of a time range gives that part of the whole. */
  private checkPart(database: Database, series: string, whole: ReturnType<typeof readSeries>): void {
    const fields = FIELD_NAMES.filter(() => this.random.chance(0.5));
    if (fields.length === 0) fields.push('f');
    const sec = Math.floor(this.clock.nowMs() / 1000) - this.random.below(4 * DAY_SEC);
    const from = { sec, nano: 0 };
    const to = { sec: sec + this.random.below(2 * DAY_SEC), nano: 123_456_789 };
    const part = readSeries(database, series, fields, from, to);
    const textOf = (row: Map<string, string>) =>
      [...row]
        .filter(([field]) => fields.includes(field))
        .sort()
        .join();
    const want: string[] = [];
    for (const [time, row] of whole) {
      const inside =
        time >= BigInt(from.sec) * 1_000_000_000n && time <= BigInt(to.sec) * 1_000_000_000n + 123_456_789n;
      if (inside && textOf(row) !== '') want.push(`${time} ${textOf(row)}`);
    }
    const got = [...part].map(([time, row]) => `${time} ${textOf(row)}`);
    if (got.join('\n') !== want.join('\n')) {
      throw new HistoryFailure(`${series}, ${fields} of ${from.sec} … ${to.sec}: ${got} instead of ${want}`);
    }
  }

  /** Whether retention may have dropped a row. */
  private isExpired(database: string, time: bigint): boolean {
    const duration = DATABASES.find(([name]) => name === database)![1];
    const sec = Number(time / 1_000_000_000n);
    const endSec = (Math.floor(sec / duration) + 1) * duration;
    return endSec * 1000 + RETENTION_MS <= this.clock.nowMs();
  }

  private async checked(what: string, action: () => Promise<void>): Promise<void> {
    this.steps.push(what);
    await action();
    if (this.random.chance(0.3)) this.check();
  }

  private async maintain(force = this.random.chance(0.3)): Promise<void> {
    const files = () => this.engine.allDatabases().flatMap(({ manifest }) => [...manifest.files.values()]);
    const before = new Set(files());
    await this.checked(force ? 'compact' : 'maintain', () => this.engine.maintenance.run(force));
    for (const entry of files()) {
      const stays = before.has(entry) && isExpired(entry, RETENTION_MS, this.clock.nowMs());
      if (stays) throw new HistoryFailure(`${entry.name} has expired and is still there`);
    }
  }

  /** Series that are written now: some for ever, some that come and go with the days. */
  private seriesNow(): string[] {
    const day = Math.floor(this.clock.nowMs() / 1000 / DAY_SEC);
    return ['0', '1', '2', '3', `${day}a`, `${day}b`, `${day}c`];
  }

  /** Writes random rows. Throws when the disk is full or has failed. */
  private async write(wait = this.random.chance(0.8)): Promise<void> {
    const [name] = this.random.pick(DATABASES);
    const database = this.make(name);
    const rows = fillRandomly(this.batch, this.random, database, this.seriesNow(), this.clock.nowMs());
    let lsn = this.engine.commit(database, this.batch);
    for (const { series, time, values } of rows) this.model.write(name, series, time, values);
    const again = this.random.chance(0.05);
    if (again) lsn = this.engine.commit(database, this.batch);
    this.steps.push(`write ${rows.length} rows to ${name}${again ? ' twice' : ''}${wait ? '' : ', not waited for'}`);
    if (!wait) return;
    await this.engine.durable(lsn);
    this.logIsMarked = true;
    this.model.settle();
  }

  /** A database or retention policy, made when it does not exist. */
  private make(name: string): Database {
    const existing = this.engine.database(name);
    if (existing !== undefined) return existing;
    const [owner, policy] = name.split('/');
    const partitionDurationSec = DATABASES.find(([each]) => each === name)![1];
    if (!this.engine.hasDatabase(owner)) this.engine.createDatabase(owner, { partitionDurationSec });
    if (policy !== undefined && this.engine.database(name) === undefined) {
      this.engine.createRetentionPolicy(owner, policy, { retentionMs: RETENTION_MS, shardDurationMs: SHARD_MS });
    }
    // What it throws when the disk fails is the disk's error.
    return this.engine.resolve(name);
  }

  /** Drops a policy or a whole database, sometimes dying in the midst of it, or changes one. */
  private async changePolicies(mayDie = true): Promise<void> {
    const { engine, random } = this;
    if (!engine.hasDatabase('other')) return;
    const policy = random.pick(['autogen', 'kept']);
    if (random.chance(0.3) && engine.database(`other/${policy}`) !== undefined) {
      this.steps.push(`change policy ${policy}`);
      engine.alterRetentionPolicy('other', policy, {
        shardDurationMs: SHARD_MS * (1 + random.below(2)),
        makeDefault: random.chance(0.5),
      });
      return;
    }
    const whole = random.chance(0.3);
    const names = whole ? ['other/autogen', 'other/kept'] : [`other/${policy}`];
    this.steps.push(`drop ${whole ? 'other' : names}`);
    const flushing = random.chance(0.3) ? engine.flush().catch(() => {}) : null;
    const dropping = whole ? engine.dropDatabase('other') : engine.dropRetentionPolicy('other', policy);
    for (const name of names) this.droppedPerhaps.add(name);
    if (mayDie && random.chance(0.3)) {
      dropping.catch(() => {});
      for (let turns = random.below(4); turns > 0; turns--) await Promise.resolve();
      return this.die(random.chance(0.5) ? 'kill' : 'power loss', 'in the midst of it');
    }
    await dropping;
    await flushing;
    this.forgetDropped();
  }

  /** What was dropped perhaps, and is gone, is forgotten; what is there must be there as it was. */
  private forgetDropped(): void {
    for (const name of this.droppedPerhaps) if (this.engine.database(name) === undefined) this.model.forget(name);
    this.droppedPerhaps.clear();
  }

  /** Flushes, merges and writes at the same time; sometimes the process dies in the midst of it. */
  private async overlapping(): Promise<void> {
    this.steps.push('flush, maintain and write at the same time');
    if (this.random.chance(0.5)) await this.daysGoBy();
    const work = [this.engine.maintenance.run(this.random.chance(0.3))];
    if (this.random.chance(0.5)) work.push(this.engine.flush());
    const ended = Promise.allSettled(work);
    for (let n = this.random.below(4); n > 0; n--) {
      for (let turns = this.random.below(20); turns > 0; turns--) await Promise.resolve();
      await this.write(false);
    }
    if (this.random.chance(0.4)) {
      for (let turns = this.random.below(12); turns > 0; turns--) await Promise.resolve();
      await this.die('kill', 'in the midst of it');
      return;
    }
    for (const result of await ended) if (result.status === 'rejected') throw result.reason;
    this.check();
  }

  private async delete(): Promise<void> {
    const [name] = this.random.pick(DATABASES);
    const database = this.engine.database(name);
    if (database === undefined) return;
    const series = this.random.pick(this.random.chance(0.5) ? this.seriesNow() : ['0', ...seriesNames(database)]);
    const ref = defineSeries(database, series);
    const sec = Math.floor(this.clock.nowMs() / 1000) - this.random.below(3 * DAY_SEC);
    const to = { sec: sec + this.random.below(this.random.chance(0.5) ? 20 * DAY_SEC : 2 * DAY_SEC), nano: 5 };
    const min = BigInt(sec) * 1_000_000_000n;
    const max = BigInt(to.sec) * 1_000_000_000n + 5n;
    const deleteAll = this.random.chance(0.7) ? deleteRowsAndSeries : deleteRowsOnly;
    try {
      await deleteAll(this.engine, database, () => Int32Array.of(ref), { sec, nano: 0 }, to);
    } catch (error) {
      this.model.doubt(name, series, min, max);
      throw error;
    }
    this.model.settle();
    this.model.delete(name, series, min, max);
  }

  private async daysGoBy(): Promise<void> {
    const days = 1 + this.random.below(4);
    this.steps.push(`${days} days go by`);
    this.clock.advance(days * DAY_SEC * 1000);
  }

  /** The disk fills up: writes are refused, nothing is lost, and with room again all goes on. */
  private async fullDisk(): Promise<void> {
    this.steps.push('the disk fills up');
    this.fs.capacityBytes = this.fs.usedBytes() + this.random.below(3000);
    await this.amidFaults(3 + this.random.below(4), (error) => {
      const { code } = error as { code?: string };
      return code === 'ENOSPC' || (error instanceof VarveError && error.code === 'read_only');
    });
    this.check();
    const dies = this.random.chance(0.3);
    this.fs.capacityBytes = Number.POSITIVE_INFINITY;
    if (dies) return this.die(this.random.chance(0.5) ? 'kill' : 'power loss');
    this.steps.push('there is room again');
    // The log tries by itself, once a second of real time.
    if (!this.engine.wal.retry()) throw new HistoryFailure('the log does not recover from a full disk');
    await this.write();
    await this.engine.flush();
    this.check();
  }

  /** Calls of the disk fail, once or more often. Then the process goes on or dies. */
  private async failingDisk(): Promise<void> {
    const kind = this.random.pick(FAULTS);
    const within = this.random.pick(PLACES);
    const after = this.random.below(5);
    const times = this.random.chance(0.7) ? 1 : 1000;
    this.steps.push(`${times} × EIO: ${kind} ${within} after ${after}`);
    this.fs.fail(kind, { within, after, times });
    await this.amidFaults(4, (error) => this.fatal !== null || isRefusedByDisk(error));
    this.fs.heal();
    if (this.fatal !== null || this.random.chance(0.4)) {
      return this.die(this.random.chance(0.5) ? 'kill' : 'power loss', 'after EIO');
    }
    this.check();
  }

  /** Does things that may fail. Any other error than the allowed ones is a failure. */
  private async amidFaults(count: number, isAllowed: (error: unknown) => boolean): Promise<void> {
    for (let n = 0; n < count && this.fatal === null; n++) {
      try {
        const choice = this.random.below(10);
        if (choice < 5) await this.write();
        else if (choice < 7) await this.checkless('flush', () => this.engine.flush());
        else if (choice < 9) await this.checkless('maintain', () => this.engine.maintenance.run());
        else if (this.random.chance(0.4)) await this.changePolicies(false);
        else await this.checkless('delete', () => this.delete());
      } catch (error) {
        if (!isAllowed(error)) throw error;
        this.steps.push(`(${(error as Error).message})`);
      }
    }
  }

  private async checkless(what: string, action: () => Promise<void>): Promise<void> {
    this.steps.push(what);
    await action();
  }

  private async restart(): Promise<void> {
    this.steps.push('restart');
    await this.engine.close();
    this.fs.kill();
    await this.start('clean stop');
  }

  private async die(how: 'kill' | 'power loss', why = ''): Promise<void> {
    this.steps.push(`${how} ${why}`.trim());
    if (how === 'kill') this.fs.kill();
    else this.fs.crash();
    await this.start(how);
  }

  /** Opens what is on disk, after damage was tried out on a copy of it. */
  private async start(end: 'clean stop' | 'kill' | 'power loss'): Promise<void> {
    this.fs.remove(`${DATA}/LOCK`);
    if (end === 'power loss') this.logIsMarked = false;
    if (this.random.chance(0.1)) {
      const failure = await tryDamage(
        this,
        DATABASES,
        (database, time) => this.isExpired(database, time),
        this.logIsMarked,
        this.droppedPerhaps,
      );
      if (failure !== null) throw new HistoryFailure(failure);
    }
    if (this.random.chance(0.1)) await this.dieStarting();
    await this.open();
    this.forgetDropped();
    this.check(end !== 'clean stop');
    this.model.adopt((database, series) => readSeries(this.engine.database(database), series));
  }

  /** A start that is cut short by a failing disk. */
  private async dieStarting(): Promise<void> {
    const kind = this.random.pick(['write', 'sync', 'rename', 'syncDirectory', 'create'] as const);
    this.fs.fail(kind, { after: this.random.below(8), times: 1000 });
    this.steps.push(`a start while the disk fails: ${kind}`);
    try {
      await this.open();
    } catch (error) {
      this.steps.push(`(${(error as Error).message})`);
    }
    if (this.random.chance(0.5)) this.fs.kill();
    else {
      this.fs.crash();
      this.logIsMarked = false;
    }
    this.fs.heal();
    this.fs.remove(`${DATA}/LOCK`);
  }
}

/** Whether a call failed because the disk did, or because the catalog on it is in doubt. */
function isRefusedByDisk(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code === 'EIO' || (code === 'read_only' && cause?.code === 'EIO');
}

/** Deletes rows and leaves it to maintenance to find series without any. */
function deleteRowsOnly(
  engine: Engine,
  database: Database,
  select: () => Int32Array,
  from: Instant,
  to: Instant,
): Promise<void> {
  return engine.deleteRows(database, select, from, to);
}
