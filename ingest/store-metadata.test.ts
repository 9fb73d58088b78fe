import { expect, it } from 'vitest';
import { openInMemory } from '../engine/engine-in-memory.ts';
import { storeMetadata } from './store-metadata.ts';

it('who repeats metadata that another still waits for waits for it, too', async () => {
  const engine = await openInMemory();
  const database = engine.createDatabase('d');
  const metadata = [{ metric: 'm', type: 'counter', help: 'how many', unit: '' }];
  const lsn = storeMetadata(engine, database, metadata);
  expect(lsn).toBeGreaterThan(0);
  expect(storeMetadata(engine, database, metadata)).toBe(lsn);
  await engine.durable(lsn);
  expect(storeMetadata(engine, database, metadata)).toBe(0);
  await engine.close();
});
