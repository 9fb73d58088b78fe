/** Closing while others still want something: nothing goes on behind it in files that somebody else may have by then. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeLines } from '../ingest/write-lines.ts';
import { type Engine, openEngine } from './engine.ts';
import { takeSnapshot } from './snapshot.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const STOPPING = 'cannot take requests: the server is stopping';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'varve-closing-'));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

function open(): Promise<Engine> {
  return openEngine({ dataDir, reserveBytes: 0, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
}

async function write(engine: Engine, line: string): Promise<void> {
  await writeLines(engine, 'd', new TextEncoder().encode(line));
}

it('flushes and merges that wait while it closes are refused, and none begins behind it', async () => {
  const engine = await open();
  await write(engine, 'm f=1 1');
  const before = engine.counters.checkpoints;
  const asked = [engine.flush(), engine.flush(), engine.flush(), engine.maintenance.run(), engine.maintenance.run()];
  const ends = Promise.allSettled([...asked]);
  await engine.close();
  const refused = (await ends).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  for (const { reason } of refused) expect(reason.message).toBe(STOPPING);
  expect(refused.length).toBeGreaterThan(0);
  const { checkpoints } = engine.counters;
  expect(checkpoints).toBeGreaterThan(before);
  // Somebody else has the directory now. Nothing of the first one goes on in it.
  const other = await open();
  await expect(engine.flush()).rejects.toThrow(STOPPING);
  await expect(engine.maintenance.run()).rejects.toThrow(STOPPING);
  expect(engine.counters.checkpoints).toBe(checkpoints);
  await other.close();
});

it('a deletion, a snapshot and a drop that meet the close are done or refused, and the rows are there or not', async () => {
  const engine = await open();
  await write(engine, 'm f=1 1');
  const database = engine.database('d')!;
  const asked = Promise.allSettled([
    engine.flush(),
    engine.deleteRows(database, () => database.index.select('m', []), MIN_INSTANT, MAX_INSTANT),
    takeSnapshot(engine),
    engine.dropPartition(database, 0),
  ]);
  await engine.close();
  const [, deleted, , dropped] = await asked;
  const other = await open();
  const again = other.database('d')!;
  const rows = again.index
    .select('m', [])
    .reduce((sum, ref) => sum + again.reader(MIN_INSTANT, MAX_INSTANT).read(ref, null).length, 0);
  expect(rows).toBe(deleted.status === 'fulfilled' || dropped.status === 'fulfilled' ? 0 : 1);
  await other.close();
});

it('several calls of close end when the directory is free', async () => {
  const engine = await open();
  await write(engine, 'm f=1 1');
  void engine.close();
  await engine.close();
  const other = await open();
  await other.close();
});
