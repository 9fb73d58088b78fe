/** Databases over HTTP: made, described, changed and dropped, and what is set outlives a restart. */
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('databases');
afterAll(remove);

async function ask(server: ServerProcess, method: string, path: string): Promise<{ status: number; data: unknown }> {
  const response = await fetch(`${server.url}/api/v1/databases${path}`, { method });
  const text = await response.text();
  return { status: response.status, data: text === '' ? null : JSON.parse(text).data };
}

test('a database is made, described, changed and dropped', async () => {
  const dataDir = join(directory, 'data');
  const args = ['--enable-admin-api'];
  const first = await startServer({ dataDir, args });
  const settings = 'retention=30d&partition-duration=6h&size-cap=2GiB&max-series=1000';
  const made = await ask(first, 'POST', `?name=plant%201&${settings}`);
  expect(made).toMatchObject({
    status: 200,
    data: {
      name: 'plant 1',
      retentionMs: 30 * 86_400_000,
      retentionIsDefault: false,
      partitionDurationSec: 21_600,
      sizeCapBytes: 2 ** 31,
      limits: { maxSeries: 1000, maxNewSeriesPerSec: null },
      retentionPolicies: [{ name: 'autogen', retentionMs: 30 * 86_400_000, isDefault: true }],
      series: 0,
    },
  });
  expect((await ask(first, 'POST', `?name=plant%201`)).status, 'it exists').toBe(400);
  for (const wrong of ['name=a/b', 'name=', 'name=x&retention=soon', 'name=x&size-cap=-1', 'name=x&max-series=0']) {
    expect((await ask(first, 'POST', `?${wrong}`)).status, wrong).toBe(400);
  }
  expect((await ask(first, 'PUT', '/plant%201?max-new-series-per-sec=5&size-cap=none')).data).toMatchObject({
    sizeCapBytes: 0,
    limits: { maxSeries: 1000, maxNewSeriesPerSec: 5 },
  });
  expect((await ask(first, 'PUT', '/plant%201?partition-duration=1h')).status, 'there are no rows').toBe(200);
  const write = { method: 'POST', body: 'm v=1' };
  expect((await fetch(`${first.url}/write?db=plant%201`, write)).status).toBe(204);
  expect((await ask(first, 'PUT', '/plant%201?partition-duration=2h')).status, 'there are').toBe(400);
  expect((await ask(first, 'PUT', '/none?retention=1d')).status).toBe(404);
  expect(await first.stop()).toBe(0);

  const second = await startServer({ dataDir });
  expect((await ask(second, 'GET', '/plant%201')).data).toMatchObject({
    partitionDurationSec: 3600,
    limits: { maxSeries: 1000, maxNewSeriesPerSec: 5 },
  });
  expect((await ask(second, 'DELETE', '/plant%201')).status, 'without --enable-admin-api').toBe(503);
  expect((await ask(second, 'GET', '/none')).status).toBe(404);
  expect(await second.stop()).toBe(0);

  const third = await startServer({ dataDir, args });
  expect((await ask(third, 'DELETE', '/plant%201')).status).toBe(204);
  expect((await ask(third, 'DELETE', '/plant%201')).status).toBe(404);
  const left = (await ask(third, 'GET', '')).data as { name: string }[];
  expect(left.map(({ name }) => name)).not.toContain('plant 1');
  expect(await third.stop()).toBe(0);
});
