/** Series that come and go: what they took comes back, on disk and in memory, and nothing is found under a wrong name. */
import { expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { hashBytes } from '../index/series-index.ts';
import type { Database } from './database.ts';
import { type Engine, openEngine } from './engine.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const DAY_MS = 86_400_000;
const SERIES = 100_000;
const GENERATIONS = 10;
const ROWS_PER_BATCH = 20_000;

const encoder = new TextEncoder();

function open(fs: MemoryFileSystem, clock: ManualClock): Promise<Engine> {
  return openEngine({
    dataDir: '/data',
    fs,
    clock,
    inline: true,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
    reserveBytes: 0,
    retentionMs: DAY_MS,
  });
}

/** One row for each series of a generation, at the clock's time; its value names the series. */
async function writeGeneration(engine: Engine, database: Database, generation: number, nowMs: number): Promise<void> {
  const { index } = database;
  const batch = new Batch();
  let lsn = 0;
  for (let i = 0; i < SERIES; i++) {
    const key = encoder.encode(`cpu,dc=dc${i % 10},pod=pod-${generation}-${i},region=r${i % 3}`);
    const ref = index.defineCanonical(key, 0, key.length, hashBytes(key, 0, key.length));
    const shape = index.transition(index.rootShape(index.measurementOf(ref)), encoder.encode('value'), 0, 5, FLOAT);
    batch.reserve(1);
    batch.values[batch.valueCount] = generation * SERIES + i;
    batch.valueStart[batch.rows] = batch.valueCount++;
    batch.series[batch.rows] = ref;
    batch.shape[batch.rows] = shape.id;
    batch.sec[batch.rows] = nowMs / 1000;
    batch.nano[batch.rows] = 0;
    batch.rows++;
    if (batch.rows === ROWS_PER_BATCH) {
      lsn = engine.commit(database, batch);
      batch.reset();
    }
  }
  await engine.durable(lsn);
}

function valuesOf(database: Database, pod: string): number[] {
  const values: number[] = [];
  for (const ref of database.index.select('cpu', [{ key: 'pod', op: '=', value: pod }])) {
    for (const { slice } of database.reader(MIN_INSTANT, MAX_INSTANT).read(ref, null)) {
      values.push(...slice.columns[0].values.subarray(0, slice.rows));
    }
  }
  return values;
}

it('ten generations of 100,000 series take the room of two', async () => {
  const fs = new MemoryFileSystem(1);
  const clock = new ManualClock(20 * DAY_MS);
  let engine = await open(fs, clock);
  let database = engine.createDatabase('default');
  const memory: number[] = [];
  const disk: number[] = [];
  const indexLog: number[] = [];
  for (let generation = 0; generation < GENERATIONS; generation++) {
    await writeGeneration(engine, database, generation, clock.nowMs());
    await engine.flush();
    for (let i = 0; i < SERIES; i += 9973) {
      expect(valuesOf(database, `pod-${generation}-${i}`)).toEqual([generation * SERIES + i]);
    }
    memory.push(database.index.memoryBytes);
    disk.push(fs.usedBytes());
    indexLog.push(fs.size(`${database.directory}/index.log`));
    // Half-way, all that is known of who is gone must also survive a restart.
    if (generation === GENERATIONS / 2) {
      await engine.close();
      engine = await open(fs, clock);
      database = engine.database('default')!;
    }
    clock.advance(3 * DAY_MS);
    await engine.maintenance.run();
    expect(database.index.seriesCount).toBe(0);
    expect(database.manifest.files.size).toBe(0);
    expect(fs.list(database.directory).filter((name) => name.endsWith('.tsm'))).toEqual([]);
    expect(valuesOf(database, `pod-${generation}-0`)).toEqual([]);
    expect(database.index.tagValueNames('pod')).toEqual([]);
  }
  expect(database.index.refLimit, 'refs are used again').toBeLessThanOrEqual(SERIES);
  expect(Math.max(...memory)).toBeLessThan(memory[0] * 2);
  expect(Math.max(...indexLog)).toBeLessThan(indexLog[0] * 3);
  expect(Math.max(...disk)).toBeLessThan(disk[0] * 2.5);
  await engine.close();
}, 120_000);
