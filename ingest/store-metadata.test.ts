import { expect, it } from 'vitest';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { openEngine } from '../engine/engine.ts';
import { storeMetadata } from './store-metadata.ts';

it('who repeats metadata that another still waits for waits for it, too', async () => {
  const engine = await openEngine({
    dataDir: '/data',
    fs: new MemoryFileSystem(1),
    inline: true,
    reserveBytes: 0,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
  });
  const database = engine.createDatabase('d');
  const metadata = [{ metric: 'm', type: 'counter', help: 'how many', unit: '' }];
  const lsn = storeMetadata(engine, database, metadata);
  expect(lsn).toBeGreaterThan(0);
  expect(storeMetadata(engine, database, metadata)).toBe(lsn);
  await engine.durable(lsn);
  expect(storeMetadata(engine, database, metadata)).toBe(0);
  await engine.close();
});
