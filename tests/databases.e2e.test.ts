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
  for (const [method, verb] of [
    ['DELETE', 'drop'],
    ['PUT', 'change'],
  ]) {
    const refused = await fetch(`${second.url}/api/v1/databases/plant%201?retention=1d`, { method });
    const error = `cannot ${verb} database: the server needs --enable-admin-api for that`;
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ error })]);
  }
  expect((await ask(second, 'GET', '/none')).status).toBe(404);
  expect(await second.stop()).toBe(0);

  const third = await startServer({ dataDir, args });
  expect((await ask(third, 'DELETE', '/plant%201')).status).toBe(204);
  expect((await ask(third, 'DELETE', '/plant%201')).status).toBe(404);
  const left = (await ask(third, 'GET', '')).data as { name: string }[];
  expect(left.map(({ name }) => name)).not.toContain('plant 1');
  expect(await third.stop()).toBe(0);
});

test('retention policies are apart in every protocol', async () => {
  const server = await startServer({ dataDir: join(directory, 'policies') });
  const { url } = server;
  const influxql = async (q: string, more = '') => {
    const body = new URLSearchParams({ q, db: 'd' });
    const response = await fetch(`${url}/query?${more}`, { method: 'POST', body });
    const { results } = (await response.json()) as {
      results: { error?: string; series?: { values: unknown[][] }[] }[];
    };
    return results[0].error ?? results[0].series?.[0].values.map((row) => row[1]) ?? [];
  };
  const promql = async (path: string) => {
    const response = await fetch(`${url}${path}query=m_v`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result.map(({ value }) => Number(value[1]));
  };
  const write = (target: string, value: number) =>
    fetch(`${url}${target}`, { method: 'POST', body: `m v=${value}` }).then((response) => response.status);

  await influxql('CREATE DATABASE d');
  await influxql('CREATE RETENTION POLICY long ON d DURATION INF REPLICATION 1');
  expect(await write('/write?db=d', 1)).toBe(204);
  expect(await write('/write?db=d&rp=long', 2)).toBe(204);
  expect(await write('/api/v2/write?bucket=d/long', 3)).toBe(204);
  expect(await write('/write?db=d&rp=none', 4)).toBeGreaterThanOrEqual(400);

  expect(await influxql('SELECT v FROM m')).toEqual([1]);
  expect(await influxql('SELECT v FROM d.long.m')).toEqual([2, 3]);
  expect(await influxql('SELECT v FROM m', 'rp=long')).toEqual([2, 3]);
  expect(await influxql('SELECT v FROM none.m')).toBe('retention policy not found: none');
  expect(await promql('/api/v1/query?db=d&')).toEqual([1]);
  expect(await promql('/api/v1/query?db=d/long&')).toEqual([3]);
  expect(await promql('/db/d%2Flong/api/v1/query?')).toEqual([3]);
  expect(await promql('/api/v1/query?db=d/none&')).toEqual([]);

  await influxql('ALTER RETENTION POLICY long ON d DEFAULT');
  expect(await promql('/api/v1/query?db=d&')).toEqual([3]);
  await influxql('DROP RETENTION POLICY long ON d');
  expect(await influxql('SELECT v FROM m')).toBe('retention policy not found: long');
  expect(await influxql('SELECT v FROM autogen.m')).toEqual([1]);
  expect(await server.stop()).toBe(0);
});
