/**
 * The same small scenario again and again, dying at the first call that changes the disk, at the second, and so on, until
 * it gets through: no moment of a write, flush, checkpoint, merge, delete or restart is left out.
 */
import { expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { Random } from '../bytes/random.ts';
import { ManualClock } from '../clock/clock.ts';
import { type FaultKind, MemoryFileSystem } from '../disk/memory-file-system.ts';
import { type Engine, openEngine } from './engine.ts';
import { Model } from './history-model.ts';
import { defineSeries, fillRandomly, readSeries, seriesNames } from './history-rows.ts';

const DAY_MS = 86_400_000;
const START_MS = 20 * DAY_MS;
const SERIES = ['0', '1', '2'];
const MUTATING: FaultKind[] = ['create', 'write', 'sync', 'syncDirectory', 'rename', 'remove', 'truncate'];

class Scenario {
  readonly disk: MemoryFileSystem;
  readonly model = new Model();
  private readonly random = new Random(3);
  private readonly clock = new ManualClock(START_MS);
  engine: Engine | null = null;

  /** @param seed of what a power loss keeps. */
  constructor(seed: number) {
    this.disk = new MemoryFileSystem(seed);
  }

  async open(): Promise<Engine> {
    this.engine = await openEngine({
      dataDir: '/data',
      fs: this.disk.attach(),
      clock: this.clock,
      inline: true,
      flushIntervalMs: 0,
      maintenanceIntervalMs: 0,
      reserveBytes: 0,
      walSegmentBytes: 1024,
      retentionMs: 5 * DAY_MS,
    });
    return this.engine;
  }

  private async write(engine: Engine): Promise<void> {
    const database = engine.createDatabase('default');
    const batch = new Batch();
    const rows = fillRandomly(batch, this.random, database, SERIES, this.clock.nowMs());
    const lsn = engine.commit(database, batch);
    for (const { series, time, values } of rows) this.model.write('default', series, time, values);
    await engine.durable(lsn);
    this.model.settle();
  }

  private async delete(engine: Engine, series: string): Promise<void> {
    const database = engine.database('default')!;
    const sec = START_MS / 1000 - 2 * 86_400;
    const [min, max] = [BigInt(sec) * 1_000_000_000n, BigInt(this.clock.nowMs()) * 1_000_000n];
    const to = { sec: this.clock.nowMs() / 1000, nano: 0 };
    const ref = Int32Array.of(defineSeries(database, series));
    try {
      await engine.deleteRows(database, () => ref, { sec, nano: 0 }, to);
    } catch (error) {
      this.model.doubt('default', series, min, max);
      throw error;
    }
    this.model.delete('default', series, min, max);
  }

  /** Writes, flushes, merges, deletes, retention and a restart. Throws where the disk fails. */
  async run(): Promise<void> {
    let engine = await this.open();
    for (let round = 0; round < 2; round++) {
      await this.write(engine);
      await this.write(engine);
      await engine.flush();
    }
    await engine.maintenance.run(true);
    await this.delete(engine, '1');
    await this.write(engine);
    await engine.maintenance.run(true);
    await engine.close();
    // The end of a clean stop hides what went wrong: whoever asks finds the log failed, and the disk as it was.
    engine = await this.open();
    await this.write(engine);
    this.clock.advance(6 * DAY_MS);
    await this.write(engine);
    await engine.flush();
    await engine.maintenance.run(true);
    await this.write(engine);
    await engine.close();
  }

  /** Compares what a new engine finds. */
  async verify(): Promise<string | null> {
    this.disk.remove('/data/LOCK');
    const engine = await this.open();
    const database = engine.database('default');
    const isExpired = (_database: string, time: bigint) => Number(time / 1_000_000n) <= this.clock.nowMs() - 4 * DAY_MS;
    const names = database === undefined ? [] : seriesNames(database);
    for (const series of new Set([...this.model.seriesOf('default'), ...names])) {
      const found = readSeries(database, series);
      const difference = this.model.differences('default', series, found, { isExpired, crashed: true });
      if (difference !== null) return difference;
    }
    // It goes on working, and a clean stop keeps what it adopted.
    this.model.adopt((_database, series) => readSeries(database, series));
    await this.write(engine);
    await engine.maintenance.run(true);
    await engine.close();
    return null;
  }
}

/** Calls of the whole scenario that change the disk. */
async function countCalls(): Promise<number> {
  const scenario = new Scenario(0);
  const before = callsOf(scenario.disk);
  await scenario.run();
  return callsOf(scenario.disk) - before;
}

function callsOf(disk: MemoryFileSystem): number {
  return MUTATING.reduce((sum, kind) => sum + disk.calls[kind], 0);
}

/**
 * Runs the scenario until its n-th changing call, which fails as do all after it, as of a process that is gone; then
 * the process, or the power, goes, and a new engine looks at the disk.
 */
async function dieAt(n: number, how: 'kill' | 'crash'): Promise<string | null> {
  const scenario = new Scenario(n);
  scenario.disk.failFrom(n);
  try {
    await scenario.run();
  } catch {
    // Whatever the failing disk made of it.
  }
  scenario.disk[how]();
  return scenario.verify();
}

for (const how of ['kill', 'crash'] as const) {
  it(`survives a ${how} at every call`, async () => {
    const calls = await countCalls();
    expect(calls).toBeGreaterThan(100);
    for (let n = 0; n <= calls; n++) {
      const difference = await dieAt(n, how).catch((error: Error) => error.stack ?? error.message);
      expect(difference, `${how} at call ${n} of ${calls}`).toBeNull();
    }
  }, 600_000);
}
