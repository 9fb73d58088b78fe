import { expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { type Engine, openEngine } from './engine.ts';
import { takeSnapshot } from './snapshot.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const open = (fs: MemoryFileSystem, dataDir = '/data') =>
  openEngine({ dataDir, fs, inline: true, flushIntervalMs: 0, maintenanceIntervalMs: 0 });

/** One row `m,k=<tag> v=<value>` at a second. */
function write(engine: Engine, tag: string, sec: number, value: number): void {
  const database = engine.createDatabase('default');
  const { index } = database;
  const ref = index.define(bytes('m'), [bytes('k')], [bytes(tag)]);
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), bytes('v'), 0, 1, FLOAT);
  if (index.lastShape[ref] !== shape.id) index.noteShape(ref, shape.id);
  const batch = new Batch();
  batch.reserve(1);
  batch.series[0] = ref;
  batch.shape[0] = shape.id;
  batch.sec[0] = sec;
  batch.values[0] = value;
  batch.valueCount = 1;
  batch.rows = 1;
  engine.commit(database, batch);
}

/** All values by tag, in the order of their times. */
function read(engine: Engine): Record<string, number[]> {
  const database = engine.database('default');
  if (database === undefined) return {};
  const reader = database.reader(MIN_INSTANT, MAX_INSTANT);
  const found: Record<string, number[]> = {};
  for (const ref of database.index.select(null, [])) {
    const parts = reader.read(ref, ['v']);
    if (parts.length > 0)
      found[database.index.tags(ref).values[0]] = parts.flatMap((part) => [...part.slice.columns[0].values]);
  }
  return found;
}

test('a snapshot is whole after a loss of power, and what comes later is not in it', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const fs = new MemoryFileSystem(seed);
    const engine = await open(fs);
    write(engine, 'a', 10, 1);
    write(engine, 'a', 100_000, 2);
    await engine.flush();
    write(engine, 'b', 20, 3);
    const name = await takeSnapshot(engine);
    write(engine, 'a', 10, 100);
    write(engine, 'c', 30, 4);
    await engine.flush();
    await engine.maintenance.run(true);
    fs.crash();
    const other = await open(fs, `/data/snapshots/${name}`);
    expect(read(other), `seed ${seed}`).toEqual({ a: [1, 2], b: [3] });
    write(other, 'd', 40, 5);
    await other.close();
    const again = await open(fs, `/data/snapshots/${name}`);
    expect(read(again)).toEqual({ a: [1, 2], b: [3], d: [5] });
    await again.close();
  }
});

test('without memory: what was in files', async () => {
  const fs = new MemoryFileSystem();
  const engine = await open(fs);
  write(engine, 'a', 10, 1);
  await engine.flush();
  write(engine, 'b', 20, 2);
  const name = await takeSnapshot(engine, { skipMemory: true });
  const other = await open(fs, `/data/snapshots/${name}`);
  expect(read(other)).toEqual({ a: [1] });
  await other.close();
  await engine.close();
});

test('of deleted rows none comes back', async () => {
  const fs = new MemoryFileSystem();
  const engine = await open(fs);
  write(engine, 'a', 10, 1);
  write(engine, 'b', 10, 2);
  const database = engine.database('default')!;
  await engine.deleteRows(
    database,
    () => database.index.select(null, [{ key: 'k', op: '=', value: 'a' }]),
    MIN_INSTANT,
    MAX_INSTANT,
  );
  const other = await open(fs, `/data/snapshots/${await takeSnapshot(engine)}`);
  expect(read(other)).toEqual({ b: [2] });
  await other.close();
  await engine.close();
});

test('files are copied where they cannot be linked, and nothing is left of a snapshot that fails', async () => {
  const fs = new MemoryFileSystem();
  const engine = await open(fs);
  write(engine, 'a', 10, 1);
  await engine.flush();
  fs.fail('link', { code: 'EPERM' });
  const name = await takeSnapshot(engine);
  const other = await open(fs, `/data/snapshots/${name}`);
  expect(read(other)).toEqual({ a: [1] });
  await other.close();

  fs.fail('create', { code: 'ENOSPC', within: 'snapshots' });
  await expect(takeSnapshot(engine)).rejects.toThrow('ENOSPC');
  expect(fs.list('/data/snapshots')).toEqual([name]);
  write(engine, 'b', 10, 2);
  expect(read(engine)).toEqual({ a: [1], b: [2] });
  await engine.close();
});
