/** Retention policies: apart in every way, durable, and gone with all their rows. */
import { describe, expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import type { Database } from './database.ts';
import { deleteRowsAndSeries } from './drop-series.ts';
import { type Engine, openEngine } from './engine.ts';
import { defineSeries, readSeries, seriesNames } from './history-rows.ts';
import { companion, createCompanion } from './internal-database.ts';
import { isValidName } from './retention-policy.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_SEC = (100 * DAY_MS) / 1000;

function open(fs: MemoryFileSystem, clock = new ManualClock(NOW_SEC * 1000)): Promise<Engine> {
  return openEngine({
    dataDir: '/data',
    fs: fs.attach(),
    clock,
    inline: true,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
    reserveBytes: 0,
  });
}

async function write(engine: Engine, database: Database, series: string, sec: number, value = 1): Promise<void> {
  const { index } = database;
  const batch = new Batch();
  const ref = defineSeries(database, series);
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), new Uint8Array([0x66]), 0, 1, FLOAT);
  batch.reserve(1);
  batch.values[batch.valueCount] = value;
  batch.valueStart[0] = batch.valueCount++;
  batch.series[0] = ref;
  batch.shape[0] = shape.id;
  batch.sec[0] = sec;
  batch.nano[0] = 0;
  batch.rows = 1;
  await engine.durable(engine.commit(database, batch));
}

const directories = (fs: MemoryFileSystem) => fs.list('/data/db');

async function reopen(fs: MemoryFileSystem, how: 'kill' | 'crash', clock?: ManualClock): Promise<Engine> {
  fs[how]();
  fs.remove('/data/LOCK');
  return open(fs, clock);
}

describe('retention policies', () => {
  it('have rows, index and time to live of their own', async () => {
    const fs = new MemoryFileSystem(1);
    const clock = new ManualClock(NOW_SEC * 1000);
    let engine = await open(fs, clock);
    engine.createDatabase('m');
    engine.createRetentionPolicy('m', 'short', { retentionMs: DAY_MS });
    await write(engine, engine.resolve('m'), 'a', NOW_SEC);
    await write(engine, engine.resolve('m', 'short'), 'b', NOW_SEC);
    expect(engine.databases()).toEqual(['m']);
    engine = await reopen(fs, 'kill', clock);
    expect(seriesNames(engine.database('m')!)).toEqual(['a']);
    expect(seriesNames(engine.database('m/short')!)).toEqual(['b']);
    await engine.flush();
    clock.advance(3 * DAY_MS);
    await engine.maintenance.run();
    expect(seriesNames(engine.database('m')!)).toEqual(['a']);
    expect(seriesNames(engine.database('m/short')!)).toEqual([]);
    await engine.close();
  });

  it('cut their rows as their shards are, as far as partitions can be so long', async () => {
    const engine = await open(new MemoryFileSystem(1));
    engine.createDatabase('m');
    const partitionOf = (policy: string) => engine.resolve('m', policy).partitionDurationSec;
    engine.createRetentionPolicy('m', 'hours', { retentionMs: DAY_MS });
    engine.createRetentionPolicy('m', 'days', { retentionMs: 30 * DAY_MS });
    engine.createRetentionPolicy('m', 'asked', { shardDurationMs: 30 * DAY_MS });
    engine.createRetentionPolicy('m', 'long', { shardDurationMs: 400 * DAY_MS });
    expect(['autogen', 'hours', 'days', 'asked', 'long'].map(partitionOf)).toEqual([
      86_400,
      3600,
      86_400,
      30 * 86_400,
      90 * 86_400,
    ]);
    expect(engine.retentionPolicies('m').map(({ shardDurationMs }) => shardDurationMs / DAY_MS)).toEqual([
      7,
      1 / 24,
      1,
      30,
      400,
    ]);
    engine.alterRetentionPolicy('m', 'hours', { shardDurationMs: 2 * HOUR_MS });
    expect(partitionOf('hours'), 'there are no rows yet').toBe(7200);
    await write(engine, engine.resolve('m', 'hours'), 's', NOW_SEC);
    engine.alterRetentionPolicy('m', 'hours', { shardDurationMs: 3 * HOUR_MS });
    expect(partitionOf('hours'), 'rows are cut by it').toBe(7200);
    expect(engine.retentionPolicies('m')[1].shardDurationMs).toBe(3 * HOUR_MS);
    await engine.close();
  });

  it('that are dropped take their rows along, the first one too, and a new one of the name is empty', async () => {
    const fs = new MemoryFileSystem(1);
    let engine = await open(fs);
    const first = engine.createDatabase('m');
    engine.createRetentionPolicy('m', 'two', {});
    await write(engine, first, 'a', NOW_SEC);
    await write(engine, engine.resolve('m', 'two'), 'b', NOW_SEC);
    createCompanion(engine, first, 'starts');
    const kept = createCompanion(engine, engine.resolve('m', 'two'), 'starts');
    await engine.flush();
    await engine.dropRetentionPolicy('m', 'autogen');
    await engine.dropRetentionPolicy('m', 'autogen');
    expect(() => engine.resolve('m')).toThrow('retention policy not found: autogen');
    expect(engine.database('m'), 'there is no default').toBeUndefined();
    expect(companion(engine, 'm/two', 'starts')).toBe(kept);
    engine = await reopen(fs, 'crash');
    expect(() => engine.createDatabase('m')).toThrow('retention policy not found: autogen');
    engine.createRetentionPolicy('m', 'autogen', {});
    expect(seriesNames(engine.resolve('m'))).toEqual([]);
    expect(seriesNames(engine.resolve('m', 'two'))).toEqual(['b']);
    engine.alterRetentionPolicy('m', 'two', { makeDefault: true });
    engine = await reopen(fs, 'crash');
    expect(seriesNames(engine.resolve('m'))).toEqual(['b']);
    await engine.dropDatabase('m');
    expect(directories(fs)).toEqual([]);
    expect(() => engine.resolve('m', 'two')).toThrow('database not found: m');
    await engine.close();
  });

  it('that are dropped while somebody reads them are empty, not missing their files', async () => {
    const engine = await open(new MemoryFileSystem(1));
    const first = engine.createDatabase('m');
    await write(engine, first, 's', NOW_SEC);
    await engine.flush();
    await write(engine, first, 's', NOW_SEC + 1);
    expect(readSeries(first, 's').size).toBe(2);
    await engine.dropDatabase('m');
    expect(readSeries(first, 's').size).toBe(0);
    await engine.close();
  });

  it('lose series with their last row, whichever policy is the default', async () => {
    const engine = await open(new MemoryFileSystem(1));
    const first = engine.createDatabase('m');
    engine.createRetentionPolicy('m', 'two', { makeDefault: true });
    await write(engine, first, 's', NOW_SEC);
    const ref = Int32Array.of(defineSeries(first, 's'));
    await deleteRowsAndSeries(engine, first, () => ref, MIN_INSTANT, MAX_INSTANT);
    expect(seriesNames(first)).toEqual([]);
    await engine.close();
  });

  it('are kept as long as what comes beside their samples, but for metadata', async () => {
    const engine = await open(new MemoryFileSystem(1));
    const first = engine.createDatabase('m');
    const exemplars = createCompanion(engine, first, 'exemplars');
    const metadata = createCompanion(engine, first, 'metadata');
    engine.alterRetentionPolicy('m', 'autogen', { retentionMs: 30 * DAY_MS, shardDurationMs: 0 });
    const kept = [first, exemplars, metadata].map((each) => engine.retentionMs(each) / DAY_MS);
    expect(kept).toEqual([30, 30, 0]);
    await engine.close();
  });
});

describe('names', () => {
  it('lead to a policy behind a slash, in writes as in reads', async () => {
    const engine = await open(new MemoryFileSystem(1));
    expect(engine.createDatabase('fresh/autogen').name).toBe('fresh');
    expect(() => engine.createDatabase('fresh/other')).toThrow('retention policy not found: other');
    expect(() => engine.createDatabase('new/other')).toThrow('database not found: new');
    expect(engine.database('new')).toBeUndefined();
    await engine.close();
  });

  it('are what InfluxDB takes', () => {
    const taken = ['a', 'ü x', 'a.b', '...', 'a-b', '日本', '"', 'a%', '😀'];
    const refused = ['', '.', '..', 'a/b', 'a\\b', 'a\tb', 'a\u00a0b', 'a\u0000', '\u200b', 'ä'.repeat(101)];
    expect(taken.filter((name) => !isValidName(name))).toEqual([]);
    expect(refused.filter(isValidName)).toEqual([]);
  });

  it('are checked by whatever makes a database, a write too', async () => {
    const engine = await open(new MemoryFileSystem(1));
    for (const name of ['..', 'a\\b', 'x'.repeat(201)]) {
      expect(() => engine.createDatabase(name)).toThrow('cannot create database');
      expect(engine.hasDatabase(name)).toBe(false);
    }
    await engine.close();
  });
});

describe('a drop that is cut short', () => {
  it('at any call that changes the disk leaves the database whole or nothing of it', async () => {
    for (let n = 0; n < 40; n++) {
      const fs = new MemoryFileSystem(n);
      let engine = await open(fs);
      const gone = engine.createDatabase('gone');
      await write(engine, gone, 's', NOW_SEC);
      createCompanion(engine, gone, 'starts');
      engine.createRetentionPolicy('gone', 'two', {});
      await write(engine, engine.createDatabase('kept'), 's', NOW_SEC);
      await engine.flush();
      fs.failFrom(n);
      await engine.dropDatabase('gone').catch(() => {});
      engine = await reopen(fs, n % 2 === 0 ? 'kill' : 'crash');
      expect(readSeries(engine.database('kept'), 's').size).toBe(1);
      const isThere = engine.hasDatabase('gone');
      expect(directories(fs), `call ${n}`).toHaveLength(isThere ? 4 : 1);
      if (isThere) expect(readSeries(engine.database('gone'), 's').size).toBe(1);
      await engine.close();
    }
  });

  it('leaves directories that the next start removes, but none that the catalog cannot know', async () => {
    const fs = new MemoryFileSystem(1);
    let engine = await open(fs);
    await write(engine, engine.createDatabase('gone'), 's', NOW_SEC);
    await engine.flush();
    fs.fail('remove', { within: '/data/db/1', times: 1 });
    await engine.dropDatabase('gone');
    await engine.close();
    expect(directories(fs)).toEqual(['1']);
    // What a catalog from a backup knows nothing of.
    fs.makeDirectory('/data/db/7');
    engine = await open(fs);
    expect(directories(fs)).toEqual(['7']);
    expect(engine.createDatabase('new').id, 'its id is never given').toBe(8);
    await engine.close();
  });
});

it('a database has its own size cap, over all its policies', async () => {
  const engine = await open(new MemoryFileSystem(1));
  engine.createDatabase('small', { sizeCapBytes: 1 });
  engine.createRetentionPolicy('small', 'two', {});
  engine.createDatabase('large');
  for (const name of ['small', 'small/two', 'large'])
    for (const day of [2, 1, 0]) await write(engine, engine.database(name)!, 's', NOW_SEC - day * 86_400);
  await engine.flush();
  await engine.maintenance.run();
  const rows = (name: string) => readSeries(engine.database(name), 's').size;
  expect([rows('small'), rows('small/two'), rows('large')]).toEqual([1, 1, 3]);
  engine.alterDatabase('small', { sizeCapBytes: 0 });
  expect(engine.settings('small').sizeCapBytes).toBe(0);
  await engine.close();
});
