/** The catalog on disk: what older builds wrote is read, and what this one writes stays as it is. */
import { expect, it } from 'vitest';
import type { FileSystem } from '../disk/file-system.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { Catalog } from './catalog.ts';
import { openInMemory } from './engine-in-memory.ts';

const GOLDEN_1 =
  '{"version":1,"crc32c":2720760071,"content":"{\\"nextId\\":4,\\"databases\\":[{\\"id\\":1,\\"name\\":\\"default\\",\\"settings\\":{\\"partitionDurationSec\\":86400,\\"retentionMs\\":null}},{\\"id\\":3,\\"name\\":\\"a/b\\",\\"settings\\":{\\"partitionDurationSec\\":3600,\\"retentionMs\\":5000}}]}"}\n';

const GOLDEN_2 =
  '{"version":2,"crc32c":1876480774,"content":"{\\"nextId\\":3,\\"databases\\":[{\\"id\\":1,\\"name\\":\\"m\\",\\"settings\\":{\\"partitionDurationSec\\":86400,\\"retentionMs\\":null,\\"sizeCapBytes\\":1000000},\\"policies\\":[{\\"name\\":\\"autogen\\",\\"id\\":1,\\"replication\\":1,\\"shardDurationMs\\":604800000},{\\"name\\":\\"week\\",\\"id\\":2,\\"replication\\":1,\\"shardDurationMs\\":86400000}],\\"defaultPolicy\\":\\"week\\",\\"continuousQueries\\":[{\\"name\\":\\"q\\",\\"text\\":\\"CREATE CONTINUOUS QUERY q ON m BEGIN SELECT mean(v) INTO w FROM c GROUP BY time(1m) END\\"}]},{\\"id\\":2,\\"name\\":\\"m\\\\u0000policy:week\\",\\"settings\\":{\\"partitionDurationSec\\":86400,\\"retentionMs\\":604800000}}]}"}\n';

function diskWith(text: string): MemoryFileSystem {
  const fs = new MemoryFileSystem(1);
  fs.makeDirectory('/data/db');
  const file = fs.create('/data/CATALOG');
  file.write(new TextEncoder().encode(text));
  file.syncNow();
  file.close();
  return fs;
}

const textOf = (fs: MemoryFileSystem) => new TextDecoder().decode(fs.readFile('/data/CATALOG'));

const open = (fs: FileSystem, extra = {}) => openInMemory({ fs, ...extra });

it('version 1: every database has the one policy that it began with, and keeps its name and settings', async () => {
  const fs = diskWith(GOLDEN_1);
  const engine = await open(fs, { retentionMs: 7_200_000 });
  expect(engine.databases()).toEqual(['default', 'a/b']);
  expect(engine.resolve('default', 'autogen').id).toBe(1);
  expect(engine.retentionPolicies('default')).toMatchObject([
    { name: 'autogen', retentionMs: 7_200_000, shardDurationMs: 3_600_000, replication: 1, isDefault: true },
  ]);
  // Names with a slash are refused now; one that there is already goes on.
  expect(engine.database('a/b')?.settings).toEqual({ partitionDurationSec: 3600, retentionMs: 5000 });
  expect(engine.createDatabase('a/b').id).toBe(3);
  expect(textOf(fs), 'reading changes nothing').toBe(GOLDEN_1);
  engine.createRetentionPolicy('a/b', 'long', { retentionMs: 0 });
  expect(JSON.parse(textOf(fs)).version).toBe(2);
  expect(engine.resolve('a/b', 'long').id).toBe(4);
  await engine.close();
});

it('version 2: policies, settings and continuous queries', async () => {
  const fs = diskWith(GOLDEN_2);
  const catalog = new Catalog(fs, '/data');
  catalog.replace(catalog.content);
  expect(textOf(fs)).toBe(GOLDEN_2);
  const engine = await open(fs);
  expect(engine.databases()).toEqual(['m']);
  expect(engine.database('m')?.id).toBe(2);
  expect(engine.database('m/autogen')?.id).toBe(1);
  expect(engine.settings('m').sizeCapBytes).toBe(1_000_000);
  expect(engine.continuousQueries('m').map(({ name }) => name)).toEqual(['q']);
  await engine.close();
});

it('another version, a wrong checksum and what is no JSON are refused by the name of the file', () => {
  expect(() => new Catalog(diskWith(GOLDEN_2.replace('"version":2', '"version":3')), '/data')).toThrow(
    'cannot read /data/CATALOG: version 3, this build knows 1 to 2',
  );
  expect(() => new Catalog(diskWith(GOLDEN_2.replace('week', 'weak')), '/data')).toThrow(
    'cannot read /data/CATALOG: wrong checksum',
  );
  expect(() => new Catalog(diskWith(GOLDEN_2.replace('"version"', 'version"')), '/data')).toThrow(
    'cannot read /data/CATALOG: it is damaged',
  );
});

it('a change that failed is not there after the next start, and nothing is acknowledged before that is sure', async () => {
  const fs = new MemoryFileSystem(1);
  const engine = await open(fs);
  engine.createDatabase('kept');
  fs.fail('syncDirectory', { within: '/data', times: 2 });
  await expect(engine.dropDatabase('kept')).rejects.toMatchObject({ code: 'EIO' });
  fs.fail('syncDirectory', { within: '/data', times: 1 });
  await expect(engine.admit()).rejects.toMatchObject({ code: 'read_only', retryable: true });
  fs.heal();
  await engine.admit();
  fs.crash();
  fs.remove('/data/LOCK');
  const next = await open(fs.attach());
  expect(next.databases()).toEqual(['kept']);
  await next.close();
});
