/** The library as its users meet it. */
import { afterAll, expect, test } from 'vitest';
import { open, type Varve } from '../open.ts';
import { temporaryDirectory } from './server-process.ts';

const { path: dataDir, remove } = temporaryDirectory('open');
afterAll(remove);

async function valuesAt(db: Varve, promql: string, timeMs: number): Promise<number[]> {
  const { value } = await db.query(promql, { timeMs });
  if (value.kind !== 'vector') throw new Error(`a ${value.kind} came back`);
  return value.series.map((series) => series.values[0]);
}

test('writes, queries, and finds it all again', async () => {
  const db = await open({ dataDir });
  const outcome = await db.write('room,name=attic temperature=21.5 100\nroom,name=cellar temperature=12 100', {
    precision: 's',
  });
  expect(outcome).toMatchObject({ rows: 2, values: 2, rejected: 0 });
  expect(await valuesAt(db, 'avg(room_temperature)', 100_000)).toEqual([16.75]);
  const { value } = await db.queryRange('room_temperature', { startMs: 40_000, endMs: 160_000, stepMs: 60_000 });
  expect(value.kind === 'vector' && value.series.map(({ present }) => [...present])).toEqual([
    [0, 1, 1],
    [0, 1, 1],
  ]);
  await db.close();
  const again = await open({ dataDir });
  expect(await valuesAt(again, 'room_temperature{name="cellar"}', 100_000)).toEqual([12]);
  await again.close();
});

test('bad lines are named, good ones are kept', async () => {
  const db = await open({ dataDir });
  await expect(db.write('a value=1 100\nb\n', { precision: 's' })).rejects.toMatchObject({
    code: 'bad_line',
    message: expect.stringContaining('line 2'),
  });
  expect(await valuesAt(db, 'a', 100_000)).toEqual([1]);
  await db.close();
});
