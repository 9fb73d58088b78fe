import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../disk/memory-file-system.ts';
import { openEngine } from '../../engine/engine.ts';
import { writeLines } from '../../ingest/write-lines.ts';
import { SeriesWalk } from './series-walk.ts';

test('a walk goes on behind its place when files and series go, and refs come to mean others', async () => {
  const engine = await openEngine({
    dataDir: '/data',
    fs: new MemoryFileSystem(),
    inline: true,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
  });
  const lines = (names: string[]) => names.map((name) => `m,k=${name} value=1 1000000000`).join('\n');
  await writeLines(engine, 'default', new TextEncoder().encode(lines(['b', 'd', 'f', 'h'])));
  const database = engine.database('default')!;
  const walk = new SeriesWalk(database, {
    startMs: 0,
    endMs: 5000,
    matchers: [{ name: '__name__', op: '=', value: 'm' }],
    func: '',
  });
  const next = () => walk.next()?.labels.get('k');
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
  expect(next()).toBeUndefined();
  await engine.close();
});
