/** What the storage settings of a real server do: sync modes, flushes by age, the merge rate, the size cap. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { instant } from './prometheus-client.ts';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('storage-settings');
afterAll(remove);

const DAY_SEC = 86_400;
const FIRST_DAY_SEC = 20_000 * DAY_SEC;

/** Lines of one series; digits of the values that do not compress. */
function lines(name: string, firstSec: number, count: number): string {
  const out: string[] = [];
  for (let i = 0; i < count; i++) out.push(`${name} v=${Math.random()} ${firstSec + i}`);
  return out.join('\n');
}

async function write(server: ServerProcess, body: string): Promise<void> {
  const response = await fetch(`${server.url}/write?precision=s`, { method: 'POST', body });
  expect([response.status, await response.text()]).toEqual([204, '']);
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const found = new RegExp(`^${name} (.+)$`, 'm').exec(page);
  if (found === null) throw new Error(`there is no metric ${name}`);
  return Number(found[1]);
}

/** Names and sizes of all files of all databases. */
function dataFiles(dataDir: string, ending: string): { name: string; bytes: number }[] {
  return readdirSync(join(dataDir, 'db'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => ({ name, bytes: statSync(join(dataDir, 'db', name), { throwIfNoEntry: false })?.size ?? 0 }));
}

async function countOf(server: ServerProcess, selector: string, atSec: number): Promise<number> {
  const [sample] = await instant(server.url, `sum(count_over_time(${selector}[${DAY_SEC}s]))`, atSec);
  return sample === undefined ? 0 : Number(sample.value?.[1]);
}

describe('--wal-sync', () => {
  const WRITES = 6;

  test.each(['group', 'always', 'async', 'none'])('%s keeps all rows over a clean stop', async (mode) => {
    const dataDir = join(directory, mode);
    const args = ['--wal-sync', mode];
    const first = await startServer({ dataDir, args });
    const before = await metric(first, 'varve_wal_syncs_total');
    for (let i = 0; i < WRITES; i++) await write(first, lines('m', FIRST_DAY_SEC + i * 10, 10));
    const syncs = (await metric(first, 'varve_wal_syncs_total')) - before;
    if (mode === 'always' || mode === 'group') expect(syncs).toBeGreaterThanOrEqual(WRITES);
    if (mode === 'none') expect(syncs).toBe(0);
    expect(await first.stop()).toBe(0);
    const second = await startServer({ dataDir, args });
    expect(await countOf(second, 'm_v', FIRST_DAY_SEC + 100)).toBe(WRITES * 10);
    await second.stop();
  });

  test('always and group keep what was acknowledged over kill -9', async () => {
    for (const mode of ['always', 'group']) {
      const dataDir = join(directory, `${mode}-killed`);
      const args = ['--wal-sync', mode];
      const first = await startServer({ dataDir, args });
      await Promise.all([1, 2, 3, 4].map((i) => write(first, lines('m', FIRST_DAY_SEC + i * 10, 10))));
      await first.stop('SIGKILL');
      const second = await startServer({ dataDir, args });
      expect(await countOf(second, 'm_v', FIRST_DAY_SEC + 100)).toBe(40);
      await second.stop();
    }
  });
});

test('--flush-interval turns rows into files by their age, and the log behind them is let go', async () => {
  const dataDir = join(directory, 'age');
  const server = await startServer({ dataDir, args: ['--flush-interval', '500ms'] });
  await write(server, lines('m', FIRST_DAY_SEC, 10));
  expect(await metric(server, 'varve_wal_oldest_unflushed_seconds')).toBeGreaterThan(0);
  while (dataFiles(dataDir, '.tsm').length === 0) await sleep(20);
  while ((await metric(server, 'varve_wal_oldest_unflushed_seconds')) > 0) await sleep(20);
  await server.stop('SIGKILL');
  const again = await startServer({ dataDir });
  expect(await countOf(again, 'm_v', FIRST_DAY_SEC + 100)).toBe(10);
  await again.stop();
});

describe('--merge-rate', () => {
  const RATE_BYTES = 24 << 10;
  const ROWS = 2500;
  const dataDir = join(directory, 'merge');

  /** Writes files until the planner has one merge of four to do. */
  async function writeFiles(server: ServerProcess): Promise<void> {
    for (let i = 0; i < 4; i++) {
      await write(server, lines(`m,s=${i}`, FIRST_DAY_SEC, ROWS));
      const flushes = await metric(server, 'varve_flushes_total');
      while ((await metric(server, 'varve_flushes_total')) === flushes) await sleep(20);
    }
  }

  test('is kept, writing and reading go on meanwhile, and a kill in the middle loses nothing', async () => {
    const args = ['--flush-interval', '100ms', '--merge-rate', String(RATE_BYTES)];
    const first = await startServer({ dataDir, args });
    await writeFiles(first);
    while (dataFiles(dataDir, '.tmp').length === 0) await sleep(5);
    expect(await countOf(first, 'm_v', FIRST_DAY_SEC + ROWS)).toBe(4 * ROWS);
    await first.stop('SIGKILL');
    expect(dataFiles(dataDir, '.tmp')).not.toEqual([]);

    const startedMs = performance.now();
    const second = await startServer({ dataDir, args });
    expect(await countOf(second, 'm_v', FIRST_DAY_SEC + ROWS)).toBe(4 * ROWS);
    while ((await metric(second, 'varve_compactions_total')) === 0) {
      await write(second, `other v=1 ${FIRST_DAY_SEC}`);
      await sleep(50);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const mergedBytes = await metric(second, 'varve_compaction_bytes_total');
    // Random values take eight bytes each, so there is something to limit; a slow machine only makes it slower.
    expect(mergedBytes).toBeGreaterThan(4 * ROWS * 6);
    expect(mergedBytes / seconds).toBeLessThan(RATE_BYTES * 1.2);
    expect(await countOf(second, 'm_v', FIRST_DAY_SEC + ROWS)).toBe(4 * ROWS);
    expect(await second.stop()).toBe(0);
  });
});

test('--size-cap drops the oldest days, and the newest stay', async () => {
  const dataDir = join(directory, 'cap');
  const CAP_BYTES = 60_000;
  const DAYS = 6;
  const ROWS = 3000;
  const first = await startServer({ dataDir });
  for (let day = 0; day < DAYS; day++) await write(first, lines('m', FIRST_DAY_SEC + day * DAY_SEC, ROWS));
  expect(await first.stop()).toBe(0);
  const total = () => dataFiles(dataDir, '.tsm').reduce((sum, { bytes }) => sum + bytes, 0);
  expect(total()).toBeGreaterThan(2 * CAP_BYTES);

  const second = await startServer({ dataDir, args: ['--size-cap', String(CAP_BYTES)] });
  while (total() > CAP_BYTES) await sleep(50);
  const kept = dataFiles(dataDir, '.tsm').length;
  expect(kept).toBeGreaterThan(0);
  for (let day = 0; day < DAYS; day++) {
    const count = await countOf(second, 'm_v', FIRST_DAY_SEC + day * DAY_SEC + ROWS);
    expect([day, count]).toEqual([day, day < DAYS - kept ? 0 : ROWS]);
  }
  await second.stop();
});
