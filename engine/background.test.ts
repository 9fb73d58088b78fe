/** What the background thread does at once and what it puts off, on a real disk with merges slowed down. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { Random } from '../bytes/random.ts';
import { type Engine, openEngine } from './engine.ts';
import { defineSeries, readSeries } from './history-rows.ts';

/** So slow that the merge of the files below takes minutes. */
const SLOW_BYTES_PER_SEC = 1000;
const ROWS = 4000;
const DAY_SEC = 86_400;
const random = new Random(7);

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'varve-background-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

/** Durable on return. */
async function write(engine: Engine, series: string, firstSec: number): Promise<void> {
  const database = engine.createDatabase('default');
  const { index } = database;
  const batch = new Batch();
  const ref = defineSeries(database, series);
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), new Uint8Array([0x66]), 0, 1, FLOAT);
  for (let i = 0; i < ROWS; i++) {
    batch.reserve(1);
    batch.values[batch.valueCount] = random.unit();
    batch.valueStart[batch.rows] = batch.valueCount++;
    batch.series[batch.rows] = ref;
    batch.shape[batch.rows] = shape.id;
    batch.sec[batch.rows] = firstSec + i;
    batch.nano[batch.rows++] = 0;
  }
  await engine.durable(engine.commit(database, batch));
}

it('flushes during a slow merge, gives the merge up when it stops, and has every row afterwards', async () => {
  const options = { dataDir, reserveBytes: 0, flushIntervalMs: 0 };
  const engine = await openEngine({ ...options, maintenanceIntervalMs: 0, mergeBytesPerSec: SLOW_BYTES_PER_SEC });
  const database = engine.createDatabase('default');
  // Two files of one day that has passed: with force they are merged.
  await write(engine, 'a', DAY_SEC);
  await engine.flush();
  await write(engine, 'b', DAY_SEC);
  await engine.flush();
  const before = [...database.manifest.files.keys()];
  expect(before).toHaveLength(2);
  let merged = false;
  const merge = engine.maintenance.run(true).then(() => {
    merged = true;
  });

  await write(engine, 'c', DAY_SEC);
  await engine.flush();
  expect(merged).toBe(false);
  expect(database.manifest.files.size).toBe(3);

  await engine.close();
  await merge;
  const again = await openEngine({ ...options, maintenanceIntervalMs: 0 });
  const files = again.database('default')!.manifest.files;
  expect([...files.keys()]).toEqual(expect.arrayContaining(before));
  await again.maintenance.run(true);
  expect(files.size).toBe(1);
  for (const series of ['a', 'b', 'c']) {
    expect(readSeries(again.database('default'), series).size).toBe(ROWS);
  }
  await again.close();
});
