/** Many writers over little memory, on a real disk: those that were slowed go on together, and each finds all its rows. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import type { Database } from './database.ts';
import { type Engine, openEngine } from './engine.ts';
import { defineSeries } from './history-rows.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const DAY_SEC = 86_400;

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'varve-slowed-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** Appends one row a second to a series, the value of each being a number that no other row has. */
function fill(batch: Batch, database: Database, series: number, firstSec: number, rows: number): void {
  const { index } = database;
  const ref = defineSeries(database, `writer ${series}`);
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), new Uint8Array([0x66]), 0, 1, FLOAT);
  batch.reset();
  for (let i = 0; i < rows; i++) {
    batch.reserve(1);
    batch.values[batch.valueCount] = valueAt(series, firstSec + i);
    batch.valueStart[batch.rows] = batch.valueCount++;
    batch.series[batch.rows] = ref;
    batch.shape[batch.rows] = shape.id;
    batch.sec[batch.rows] = DAY_SEC + firstSec + i;
    batch.nano[batch.rows++] = 0;
  }
}

function valueAt(series: number, sec: number): number {
  return series * 1e6 + sec + 0.5;
}

/** Every row of every writer is there once, and nothing else is. */
function expectAll(database: Database, writers: number, rows: number): void {
  const reader = database.reader(MIN_INSTANT, MAX_INSTANT);
  for (let series = 0; series < writers; series++) {
    const want = Float64Array.from({ length: rows }, (_, sec) => valueAt(series, sec));
    const slices = reader.read(defineSeries(database, `writer ${series}`), null);
    const got = slices.flatMap(({ slice }) => [...slice.columns[0].values]);
    expect(Float64Array.from(got)).toEqual(want);
  }
}

it('flushes what is in memory once when two ask for it in one turn', async () => {
  const engine = await openEngine({ dataDir, reserveBytes: 0, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
  const database = engine.createDatabase('default');
  const batch = new Batch();
  fill(batch, database, 0, 0, 100);
  await engine.durable(engine.commit(database, batch));
  await Promise.all([engine.flush(), engine.flush()]);
  expect(engine.counters.flushes).toBe(1);
  expect(database.manifest.files.size).toBe(1);
  expectAll(database, 1, 100);
  await engine.close();
});

it('keeps every row of writers that were slowed by full memory', async () => {
  const writers = 8;
  const bodies = 20;
  const rowsPerBody = 2000;
  const options = { dataDir, reserveBytes: 0, flushIntervalMs: 0, maintenanceIntervalMs: 0 };
  const engine = await openEngine({ ...options, memtableBytes: 1 << 20 });
  const database = engine.createDatabase('default');
  const write = async (running: Engine, series: number) => {
    const batch = new Batch();
    for (let body = 0; body < bodies; body++) {
      await running.admit();
      fill(batch, database, series, body * rowsPerBody, rowsPerBody);
      await running.durable(running.commit(database, batch));
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, series) => write(engine, series)));
  expect(engine.counters.flushes).toBeGreaterThan(3);
  expectAll(database, writers, bodies * rowsPerBody);
  await engine.close();
  const again = await openEngine(options);
  expectAll(again.database('default')!, writers, bodies * rowsPerBody);
  await again.close();
});
