/** What makes rows go: their age, the size cap, deletes; and what keeps new ones out: a disk that is nearly full. */
import { describe, expect, it, vi } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { Random } from '../bytes/random.ts';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import type { Engine } from './engine.ts';
import { openInMemory } from './engine-in-memory.ts';
import { defineSeries, readSeries, seriesNames } from './history-rows.ts';
import type { EngineOptions, Log } from './options.ts';

const DAY_SEC = 86_400;
const NOW_SEC = 100 * DAY_SEC;

interface Bench {
  fs: MemoryFileSystem;
  clock: ManualClock;
  engine: Engine;
  /** Closes the engine and opens what it left. */
  restart(): Promise<Engine>;
}

async function setUp(options: Partial<EngineOptions> = {}): Promise<Bench> {
  const fs = new MemoryFileSystem(1);
  const clock = new ManualClock(NOW_SEC * 1000);
  const open = () => openInMemory({ fs, clock, ...options });
  const bench: Bench = {
    fs,
    clock,
    engine: await open(),
    async restart() {
      await bench.engine.close();
      bench.engine = await open();
      return bench.engine;
    },
  };
  return bench;
}

/** Writes `value` at each of these times, s since the epoch; durable on return. */
async function write(engine: Engine, series: string, times: number[], value = 1, name = 'default'): Promise<void> {
  const database = engine.createDatabase(name);
  const { index } = database;
  const batch = new Batch();
  const ref = defineSeries(database, series);
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), new Uint8Array([0x66]), 0, 1, FLOAT);
  for (const sec of times) {
    batch.reserve(1);
    batch.values[batch.valueCount] = value;
    batch.valueStart[batch.rows] = batch.valueCount++;
    batch.series[batch.rows] = ref;
    batch.shape[batch.rows] = shape.id;
    batch.sec[batch.rows] = sec;
    batch.nano[batch.rows] = 0;
    batch.rows++;
  }
  await engine.durable(engine.commit(database, batch));
}

/** Times of a series' rows, s since the epoch. */
function timesOf(engine: Engine, series: string, name = 'default'): number[] {
  return [...readSeries(engine.database(name), series).keys()].map((time) => Number(time / 1_000_000_000n));
}

function dataFiles(fs: MemoryFileSystem): string[] {
  return fs.list('/data/db/1').filter((name) => name.endsWith('.tsm'));
}

describe('time to live', () => {
  it('drops whole partitions once their last instant is too old, and series with their last row', async () => {
    const { fs, clock, engine } = await setUp({ retentionMs: 10 * DAY_SEC * 1000 });
    await write(engine, 'old', [NOW_SEC - 9 * DAY_SEC, NOW_SEC - 9 * DAY_SEC + 5]);
    await write(engine, 'new', [NOW_SEC - 9 * DAY_SEC, NOW_SEC]);
    await engine.flush();
    clock.advance(2 * DAY_SEC * 1000 - 1);
    await engine.maintenance.run();
    expect(timesOf(engine, 'old'), 'its partition may still be young').toHaveLength(2);
    clock.advance(1);
    await engine.maintenance.run();
    expect(timesOf(engine, 'new')).toEqual([NOW_SEC]);
    expect(timesOf(engine, 'old')).toEqual([]);
    expect(seriesNames(engine.database('default')!)).toEqual(['new']);
    expect(dataFiles(fs)).toHaveLength(1);
    expect(engine.counters.partitionsDropped).toBe(1);
    await engine.close();
  });

  it('is each database’s own', async () => {
    const { clock, engine } = await setUp();
    engine.createDatabase('short', { retentionMs: DAY_SEC * 1000 });
    await write(engine, 's', [NOW_SEC], 1, 'short');
    await write(engine, 's', [NOW_SEC]);
    await engine.flush();
    clock.advance(3 * DAY_SEC * 1000);
    await engine.maintenance.run();
    expect(timesOf(engine, 's', 'short')).toEqual([]);
    expect(timesOf(engine, 's')).toEqual([NOW_SEC]);
    await engine.close();
  });

  it('drops rows that were too old when they came, and takes others of the same series', async () => {
    const bench = await setUp({ retentionMs: DAY_SEC * 1000 });
    await write(bench.engine, 's', [NOW_SEC - 50 * DAY_SEC]);
    await bench.engine.flush();
    await bench.engine.maintenance.run();
    await write(bench.engine, 's', [NOW_SEC]);
    const engine = await bench.restart();
    expect(timesOf(engine, 's')).toEqual([NOW_SEC]);
    await engine.close();
  });
});

it('beyond the size cap the oldest partitions go, over all databases, and never the newest of one', async () => {
  const { fs, engine } = await setUp({ sizeCapBytes: 1 });
  for (const day of [4, 3, 2, 1, 0]) await write(engine, 's', [NOW_SEC - day * DAY_SEC]);
  await write(engine, 't', [NOW_SEC - 20 * DAY_SEC], 1, 'other');
  await engine.flush();
  expect(dataFiles(fs)).toHaveLength(5);
  await engine.maintenance.run();
  expect(timesOf(engine, 's')).toEqual([NOW_SEC]);
  expect(timesOf(engine, 't', 'other')).toEqual([NOW_SEC - 20 * DAY_SEC]);
  expect(dataFiles(fs)).toHaveLength(1);
  await engine.close();
});

describe('a disk that is nearly full', () => {
  it('stops writes before it is full, serves reads, and takes writes again', async () => {
    const { fs, engine } = await setUp({ reserveBytes: 10_000 });
    await write(engine, 's', [NOW_SEC]);
    fs.capacityBytes = fs.usedBytes() + 9_999;
    engine.checkSpace();
    expect(engine.ready).toBe(false);
    await expect(write(engine, 's', [NOW_SEC + 1])).rejects.toMatchObject({ code: 'read_only', retryable: true });
    await expect(engine.admit()).rejects.toMatchObject({ code: 'read_only' });
    expect(timesOf(engine, 's')).toEqual([NOW_SEC]);
    fs.capacityBytes = fs.usedBytes() + 11_000;
    engine.checkSpace();
    expect(engine.ready, 'not at once: it must not flap').toBe(false);
    fs.capacityBytes = fs.usedBytes() + 13_000;
    engine.checkSpace();
    expect(engine.ready).toBe(true);
    await write(engine, 's', [NOW_SEC + 2]);
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 2]);
    await engine.close();
  });

  it('that does not tell how full it is stops nothing, and is complained of once', async () => {
    const complaints: string[] = [];
    const log: Log = (level, text) => {
      if (level === 'error') complaints.push(text);
    };
    const { fs, engine } = await setUp({ flushIntervalMs: 60_000, log });
    const looks = vi.spyOn(fs, 'freeBytes').mockImplementation(() => {
      throw new Error('EIO: i/o error, statfs');
    });
    await vi.waitFor(() => expect(looks.mock.calls.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(complaints).toEqual(['cannot learn how full the disk is: EIO: i/o error, statfs']);
    expect(engine.ready).toBe(true);
    looks.mockRestore();
    await write(engine, 's', [NOW_SEC]);
    await engine.close();
  });

  it('that is full for the log is read-only, loses nothing acknowledged, and recovers without being told', async () => {
    const bench = await setUp();
    const { fs } = bench;
    await write(bench.engine, 's', [NOW_SEC]);
    fs.capacityBytes = fs.usedBytes() + 3;
    await expect(write(bench.engine, 's', [NOW_SEC + 1])).rejects.toMatchObject({ code: 'read_only' });
    await expect(write(bench.engine, 's', [NOW_SEC + 2])).rejects.toMatchObject({ code: 'read_only' });
    expect(bench.engine.ready).toBe(false);
    await expect(bench.engine.flush()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(timesOf(bench.engine, 's')).toContain(NOW_SEC);
    fs.capacityBytes = Number.POSITIVE_INFINITY;
    await expect.poll(() => bench.engine.ready, { timeout: 5000 }).toBe(true);
    await write(bench.engine, 's', [NOW_SEC + 3]);
    const engine = await bench.restart();
    const times = timesOf(engine, 's');
    expect(times).toContain(NOW_SEC);
    expect(times).toContain(NOW_SEC + 3);
    await engine.close();
  });

  it('a flush that fails leaves its rows readable and no files behind', async () => {
    const { fs, engine } = await setUp();
    await write(engine, 's', [NOW_SEC]);
    fs.fail('sync', { within: '.tsm' });
    await expect(engine.flush()).rejects.toMatchObject({ code: 'EIO' });
    fs.fail('sync', { within: 'MANIFEST' });
    await expect(engine.flush()).rejects.toMatchObject({ code: 'EIO' });
    expect(timesOf(engine, 's')).toEqual([NOW_SEC]);
    await write(engine, 's', [NOW_SEC + 1]);
    await engine.flush();
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 1]);
    expect(dataFiles(fs).length, 'the file of the failed edit is gone').toBe(
      engine.database('default')!.manifest.files.size,
    );
    expect(engine.counters.flushErrors).toBe(2);
    await engine.close();
  });
});

describe('deleted rows', () => {
  const at = (sec: number) => ({ sec, nano: 0 });

  it('are hidden at once, in memory and in files, stay so, and rows written later are there', async () => {
    const bench = await setUp();
    let { engine } = bench;
    await write(engine, 's', [NOW_SEC, NOW_SEC + 1, NOW_SEC + 2]);
    await engine.flush();
    await write(engine, 's', [NOW_SEC + 1, NOW_SEC + 3], 2);
    await write(engine, 't', [NOW_SEC + 1]);
    const database = engine.database('default')!;
    const ref = Int32Array.of(defineSeries(database, 's'));
    await engine.deleteRows(database, () => ref, at(NOW_SEC + 1), at(NOW_SEC + 2));
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 3]);
    expect(timesOf(engine, 't'), 'another series').toEqual([NOW_SEC + 1]);
    await write(engine, 's', [NOW_SEC + 2], 9);
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 2, NOW_SEC + 3]);
    engine = await bench.restart();
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 2, NOW_SEC + 3]);
    await engine.maintenance.run();
    expect(engine.database('default')!.manifest.tombstones.size, 'the files are rid of them').toBe(0);
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 2, NOW_SEC + 3]);
    engine = await bench.restart();
    expect(timesOf(engine, 's')).toEqual([NOW_SEC, NOW_SEC + 2, NOW_SEC + 3]);
    await engine.close();
  });

  it('give their space back, and series without rows leave', async () => {
    const { fs, engine } = await setUp();
    const random = new Random(1);
    await write(
      engine,
      'large',
      Array.from({ length: 5000 }, () => NOW_SEC + random.below(80_000)),
      0.1,
    );
    await write(engine, 'small', [NOW_SEC]);
    await engine.flush();
    const size = () => dataFiles(fs).reduce((sum, name) => sum + fs.size(`/data/db/1/${name}`), 0);
    const before = size();
    const database = engine.database('default')!;
    await engine.deleteRows(database, () => Int32Array.of(defineSeries(database, 'large')), at(0), at(NOW_SEC * 2));
    expect(timesOf(engine, 'large')).toEqual([]);
    await engine.maintenance.run();
    expect(seriesNames(database)).toEqual(['small']);
    expect(size()).toBeLessThan(before / 2);
    expect(timesOf(engine, 'small')).toEqual([NOW_SEC]);
    await engine.close();
  });

  it('do not hide rows of later files that have the numbers of files that were dropped', async () => {
    const bench = await setUp();
    let { engine } = bench;
    await write(engine, 's', [NOW_SEC - DAY_SEC]);
    await engine.flush();
    await write(engine, 's', [NOW_SEC]);
    const database = engine.database('default')!;
    const ref = Int32Array.of(defineSeries(database, 's'));
    await engine.deleteRows(database, () => ref, at(0), at(NOW_SEC + DAY_SEC));
    // The newest file goes, and the deletion stays for the sake of the older one.
    await engine.dropPartition(database, Math.floor(NOW_SEC / DAY_SEC) * DAY_SEC);
    engine = await bench.restart();
    expect(engine.database('default')!.manifest.tombstones.size).toBe(1);
    await write(engine, 's', [NOW_SEC - DAY_SEC + 1]);
    await engine.flush();
    expect(timesOf(engine, 's')).toEqual([NOW_SEC - DAY_SEC + 1]);
    await engine.close();
  });

  it('of everything leave no file', async () => {
    const { fs, engine } = await setUp();
    await write(engine, 's', [NOW_SEC]);
    const database = engine.database('default')!;
    await engine.deleteRows(database, () => Int32Array.of(defineSeries(database, 's')), at(0), at(NOW_SEC * 2));
    await engine.maintenance.run();
    expect(dataFiles(fs)).toEqual([]);
    expect(database.index.seriesCount).toBe(0);
    await engine.close();
  });
});
