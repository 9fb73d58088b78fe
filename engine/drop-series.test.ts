/** Series that lose their last row leave the index at once, for good, and their refs are used again only when it is safe. */
import { expect, it } from 'vitest';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { parsePrecision } from '../ingest/timestamp.ts';
import { writeLines } from '../ingest/write-lines.ts';
import type { Database } from './database.ts';
import { examine } from './doctor.ts';
import { deleteRowsAndSeries } from './drop-series.ts';
import type { Engine } from './engine.ts';
import { openInMemory } from './engine-in-memory.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const DAY_SEC = 86_400;
const NOW_SEC = 20 * DAY_SEC;

function open(fs: MemoryFileSystem): Promise<Engine> {
  return openInMemory({ fs, clock: new ManualClock(NOW_SEC * 1000) });
}

/** The same disk after the process was killed. */
async function afterKill(fs: MemoryFileSystem): Promise<Engine> {
  fs.kill();
  fs.remove('/data/LOCK');
  return open(fs);
}

async function write(engine: Engine, ...lines: string[]): Promise<Database> {
  const { rejected } = await writeLines(engine, 'd', new TextEncoder().encode(lines.join('\n')), {
    precision: parsePrecision('s'),
  });
  if (rejected > 0) throw new Error(`${rejected} lines were rejected`);
  return engine.database('d')!;
}

function keys({ index }: Database): string[] {
  return [...index.select(null, [])].map((ref) => new TextDecoder().decode(index.seriesKey(ref))).sort();
}

function rowCount(database: Database, key: string): number {
  const ref = [...database.index.select(null, [])].find(
    (each) => new TextDecoder().decode(database.index.seriesKey(each)) === key,
  );
  if (ref === undefined) return 0;
  const parts = database.reader(MIN_INSTANT, MAX_INSTANT).read(ref, null);
  return parts.reduce((sum, { slice }) => sum + slice.times.length, 0);
}

/** Deletes between two seconds; all time when they are left out. */
async function drop(engine: Engine, measurement: string, fromSec?: number, toSec?: number): Promise<void> {
  const database = engine.database('d')!;
  const from = fromSec === undefined ? MIN_INSTANT : { sec: fromSec, nano: 0 };
  const to = toSec === undefined ? MAX_INSTANT : { sec: toSec, nano: 0 };
  await deleteRowsAndSeries(engine, database, () => database.index.select(measurement, []), from, to);
}

it('series without rows are gone at once, and after a kill', async () => {
  const fs = new MemoryFileSystem(1);
  const engine = await open(fs);
  const database = await write(engine, `a,t=1 f=1 ${NOW_SEC}`, `a,t=2 f=1 ${NOW_SEC}`, `b f=1 ${NOW_SEC}`);
  await drop(engine, 'a');
  expect(keys(database)).toEqual(['b']);
  expect(database.index.measurementNames()).toEqual(['b']);
  const again = await afterKill(fs);
  expect(keys(again.database('d')!)).toEqual(['b']);
  await again.close();
  expect(examine(fs, '/data', { repair: false }).findings).toEqual([]);
});

it('a series with rows outside of the range stays, in files or in memory', async () => {
  const fs = new MemoryFileSystem(2);
  const engine = await open(fs);
  // The same partition, another one, and none but the deleted rows.
  await write(
    engine,
    `a,t=same f=1 ${NOW_SEC}`,
    `a,t=same f=2 ${NOW_SEC + 60}`,
    `a,t=other f=1 ${NOW_SEC}`,
    `a,t=other f=2 ${NOW_SEC - 3 * DAY_SEC}`,
    `a,t=none f=1 ${NOW_SEC + 1}`,
  );
  await drop(engine, 'a', NOW_SEC, NOW_SEC + 30);
  const database = engine.database('d')!;
  expect(keys(database)).toEqual(['a,t=other', 'a,t=same']);
  expect(rowCount(database, 'a,t=same')).toBe(1);
  expect(rowCount(database, 'a,t=other')).toBe(1);
  // A second deletion takes what the first one left.
  await drop(engine, 'a', NOW_SEC + 31, NOW_SEC + 90);
  expect(keys(database)).toEqual(['a,t=other']);
  await engine.close();
});

it('rows that are written while the deletion waits keep their series', async () => {
  const engine = await open(new MemoryFileSystem(3));
  await write(engine, `a f=1 ${NOW_SEC}`);
  const dropping = drop(engine, 'a');
  await write(engine, `a f=2 ${NOW_SEC + 1}`);
  await dropping;
  const database = engine.database('d')!;
  await engine.flush();
  const count = rowCount(database, 'a');
  expect(keys(database)).toEqual(count > 0 ? ['a'] : []);
  await engine.close();
});

it('a measurement that was dropped begins anew: other types, no old fields, no old rows', async () => {
  const fs = new MemoryFileSystem(4);
  let engine = await open(fs);
  await write(engine, `a f=1,g=2 ${NOW_SEC}`);
  await expect(write(engine, `a f="text" ${NOW_SEC}`)).rejects.toThrow('rejected');
  await drop(engine, 'a');
  await write(engine, `a f="text" ${NOW_SEC + 1}`);
  const check = (database: Database) => {
    const { index } = database;
    const fields = index.fieldsOfMeasurement(index.measurementId('a')).map((id) => index.fields[id].name);
    expect(fields).toEqual(['f']);
    expect(rowCount(database, 'a')).toBe(1);
    expect([...index.promNames().keys()]).toEqual([]);
  };
  check(engine.database('d')!);
  engine = await afterKill(fs);
  check(engine.database('d')!);
  await write(engine, `a f="more" ${NOW_SEC + 2}`);
  expect(rowCount(engine.database('d')!, 'a')).toBe(2);
  await engine.close();
  engine = await open(fs);
  expect(rowCount(engine.database('d')!, 'a')).toBe(2);
  await engine.close();
});

it('a measurement that was dropped and not written since may have other types after a restart', async () => {
  const fs = new MemoryFileSystem(5);
  let engine = await open(fs);
  await write(engine, `a f=1 ${NOW_SEC}`);
  await drop(engine, 'a');
  await engine.close();
  engine = await open(fs);
  await write(engine, `a f=true ${NOW_SEC}`);
  expect(rowCount(engine.database('d')!, 'a')).toBe(1);
  await engine.close();
});

it('refs of dropped series are used again when no file holds them any more, not before', async () => {
  const fs = new MemoryFileSystem(6);
  let engine = await open(fs);
  await write(engine, `a,t=1 f=1 ${NOW_SEC}`, `b,t=1 f=1 ${NOW_SEC}`);
  const [old] = engine.database('d')!.index.select('a', []);
  await drop(engine, 'a');
  await write(engine, `c,t=1 f=5 ${NOW_SEC}`);
  expect([...engine.database('d')!.index.select('c', [])]).not.toContain(old);
  // After a restart the ref is only a hole in the index, and still in a file.
  await engine.close();
  engine = await open(fs);
  await write(engine, `d,t=1 f=5 ${NOW_SEC}`);
  expect([...engine.database('d')!.index.select('d', [])]).not.toContain(old);
  await engine.maintenance.run();
  await write(engine, `e,t=1 f=7 ${NOW_SEC}`);
  const database = engine.database('d')!;
  expect([...database.index.select('e', [])]).toEqual([old]);
  expect(rowCount(database, 'e,t=1')).toBe(1);
  await engine.close();
});

it('a partition that is dropped takes its rows, and series without others', async () => {
  const fs = new MemoryFileSystem(7);
  const engine = await open(fs);
  await write(engine, `a f=1 ${NOW_SEC}`, `b f=1 ${NOW_SEC}`, `b f=2 ${NOW_SEC - 2 * DAY_SEC}`);
  await engine.dropPartition(engine.database('d')!, NOW_SEC);
  expect(keys(engine.database('d')!)).toEqual(['b']);
  expect(rowCount(engine.database('d')!, 'b')).toBe(1);
  const again = await afterKill(fs);
  expect(keys(again.database('d')!)).toEqual(['b']);
  await again.close();
});

it('a deletion that waits does not take the rows of a series that got a ref meanwhile', async () => {
  const engine = await open(new MemoryFileSystem(9));
  const database = await write(engine, `a f=1 ${NOW_SEC}`);
  await engine.flush();
  const [ref] = database.index.select('a', []);
  await write(engine, `c f=1 ${NOW_SEC}`);
  const flush = engine.flush();
  // It waits for the flush, and then for one of its own.
  const deleting = engine.deleteRows(database, () => database.index.select('a', []), MIN_INSTANT, MAX_INSTANT);
  // What retention does when the last file of a series goes: see dead-series.ts.
  database.edit({ remove: [...database.manifest.files.keys()] });
  database.index.remove(Int32Array.of(ref));
  database.index.releaseRemoved();
  const writing = write(engine, `b f=1 ${NOW_SEC}`);
  expect([...database.index.select('b', [])], 'it has the ref that was a').toEqual([ref]);
  await Promise.all([flush, deleting, writing]);
  expect(rowCount(database, 'b')).toBe(1);
  await engine.close();
});
