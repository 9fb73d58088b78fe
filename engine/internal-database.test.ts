import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { openInMemory } from './engine-in-memory.ts';
import { companion, companionName, createCompanion, isInternalDatabase } from './internal-database.ts';

const open = (fs: MemoryFileSystem) => openInMemory({ fs });

test('a companion is found by its owner, hidden from listings, and gone with it', async () => {
  const fs = new MemoryFileSystem();
  let engine = await open(fs);
  const owner = engine.createDatabase('metrics', { retentionMs: 5000 });
  expect(companion(engine, 'metrics', 'exemplars')).toBeUndefined();
  const exemplars = createCompanion(engine, owner, 'exemplars');
  expect(createCompanion(engine, owner, 'exemplars')).toBe(exemplars);
  expect(exemplars.settings).toEqual(owner.settings);
  // Metadata lies at time 0, which no retention may reach.
  expect(createCompanion(engine, owner, 'metadata').settings.retentionMs).toBe(0);
  expect(engine.databases()).toEqual(['metrics']);

  await engine.close();
  engine = await open(fs);
  expect(companion(engine, 'metrics', 'exemplars')?.name).toBe(companionName('metrics', 'exemplars'));
  expect(isInternalDatabase(companionName('metrics', 'exemplars'))).toBe(true);
  expect(isInternalDatabase('metrics')).toBe(false);

  await engine.dropDatabase('metrics');
  expect(engine.allDatabases()).toEqual([]);
  await engine.close();
});
