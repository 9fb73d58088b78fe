import { expect, test } from 'vitest';
import { openInMemory } from '../../engine/engine-in-memory.ts';
import { writeLines } from '../../ingest/write-lines.ts';
import { SeriesWalk } from './series-walk.ts';

test('a walk goes on behind its place when files and series go, and refs come to mean others', async () => {
  const engine = await openInMemory();
  const lines = (names: string[]) => names.map((name) => `m,k=${name} value=1 1000000000`).join('\n');
  await writeLines(engine, 'default', new TextEncoder().encode(lines(['b', 'd', 'f', 'h'])));
  const database = engine.database('default')!;
  const walk = new SeriesWalk(database, {
    startMs: 0,
    endMs: 5000,
    matchers: [{ name: '__name__', op: '=', value: 'm' }],
    func: '',
  });
  const next = () => {
    const found = walk.next();
    return found === null || found === 'later' ? found : found.labels.get('k');
  };
  expect(next()).toBe('b');
  walk.pause();
  await engine.flush();
  expect(next()).toBe('d');
  walk.pause();
  const gone = database.index.select('m', [{ key: 'k', op: '=~', value: 'b|d|f' }]);
  database.index.remove(gone);
  database.index.releaseRemoved();
  await writeLines(engine, 'default', new TextEncoder().encode(lines(['a', 'c', 'g'])));
  expect(next()).toBe('g');
  walk.pause();
  expect(next()).toBe('h');
  expect(next()).toBeNull();
  await engine.close();
});

test('many series without samples are looked at in turns, and too many are refused', async () => {
  const engine = await openInMemory();
  const lines = Array.from({ length: 5000 }, (_, i) => `m,k=${i} value=1 1000000000`);
  await writeLines(engine, 'default', new TextEncoder().encode(`${lines.join('\n')}\nm,k=z value=1 9000000000`));
  const query = {
    startMs: 8000,
    endMs: 9000,
    matchers: [{ name: '__name__', op: '=' as const, value: 'm' }],
    func: '',
  };
  const walk = new SeriesWalk(engine.database('default')!, query);
  const found: unknown[] = [];
  for (let next = walk.next(); next !== null; next = walk.next()) {
    found.push(next === 'later' ? next : next.labels.get('k'));
    walk.pause();
  }
  expect(found).toEqual(['later', 'later', 'z']);
  const limited = new SeriesWalk(engine.database('default')!, query, 5000);
  expect(() => limited.next()).toThrow('query selects 5001 series, which is more than the limit of 5000');
  await engine.close();
});
