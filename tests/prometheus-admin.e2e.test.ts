/**
 * The rest of Prometheus' API of a real server: federation against a real Prometheus, status, deletion and snapshots,
 * packed answers, origins.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { instant } from './prometheus-client.ts';
import { encodeRemoteWrite, type RemoteSeries } from './remote-write-request.ts';
import { answersOk, freePort, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const NOW_MS = Math.floor(Date.now() / 1000) * 1000;
const NOW = String(NOW_MS / 1000);
const STALE = new Float64Array(BigUint64Array.of(0x7ff0000000000002n).buffer)[0];

const { path: directory, remove } = temporaryDirectory('prometheus-admin');
const dataDir = join(directory, 'varve');
const children: ChildProcess[] = [];
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    dataDir,
    args: ['--enable-admin-api', '--cors-origin', 'https?://(one|two)\\.example'],
  });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server?.stop();
  remove();
});

async function write(url: string, series: readonly RemoteSeries[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, { method: 'POST', body: encodeRemoteWrite(series) });
  expect(response.status).toBe(204);
}

function series(name: string, labels: Record<string, string>, ...values: number[]): RemoteSeries {
  const pairs: [string, string][] = [['__name__', name], ...Object.entries(labels)];
  pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const samples = values.map((value, i) => ({ timeMs: NOW_MS - (values.length - 1 - i) * 1000 - 20_000, value }));
  return { labels: pairs, samples };
}

describe('federation', () => {
  const all = [
    series('fed_load', { host: 'a' }, 1, 1.5),
    series('fed_load', { host: 'b', instance: 'x' }, 1e21, 12345678),
    series('fed_gone', { host: 'a' }, 1, STALE),
    series('fed_text', { host: 'say "hi"\\\n' }, 0.00001),
    series('fed_up', {}, Number.NaN),
    series('fed_inf', { job: 'z', zone: 'q' }, Number.POSITIVE_INFINITY),
    series('other', {}, 1),
  ];

  test('the newest samples as text, without what is stale', async () => {
    const url = `${server.url}/db/federation`;
    await write(url, all);
    const response = await fetch(`${url}/federate?${new URLSearchParams({ 'match[]': '{__name__=~"fed_.*"}' })}`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text).toContain(`# TYPE fed_load untyped\nfed_load{host="a",instance=""} 1.5 ${NOW_MS - 20_000}\n`);
    expect(text).not.toContain('fed_gone');
    expect(text).not.toContain('other');
    expect((await fetch(`${url}/federate?match[]=a(`)).status).toBe(400);
    expect(await (await fetch(`${url}/federate`)).text()).toBe('');
  });

  test.skipIf(!havePrograms('prometheus'))('it is the text of a real Prometheus', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    writeFileSync(join(directory, 'prometheus.yml'), '{}');
    const args = ['--config.file', join(directory, 'prometheus.yml'), '--storage.tsdb.path', join(directory, 'oracle')];
    args.push(`--web.listen-address=127.0.0.1:${port}`, '--web.enable-remote-write-receiver', '--log.level=error');
    children.push(spawn('prometheus', args, { stdio: 'ignore' }));
    const deadline = Date.now() + 20_000;
    while (!(await answersOk(`${url}/-/ready`))) {
      if (Date.now() > deadline) throw new Error('prometheus was not ready in time');
      await sleep(50);
    }
    await write(url, all);
    const query = new URLSearchParams([
      ['match[]', '{__name__=~"fed_.*"}'],
      ['match[]', 'fed_load'],
    ]);
    const theirs = await (await fetch(`${url}/federate?${query}`)).text();
    expect(theirs).toContain('fed_inf');
    expect(await (await fetch(`${server.url}/db/federation/federate?${query}`)).text()).toBe(theirs);
  });
});

describe('status', () => {
  test('where the series are', async () => {
    const url = `${server.url}/db/status`;
    await write(url, [
      series('metric_a', { job: 'x', host: '1' }, 1),
      series('metric_a', { job: 'x', host: '2' }, 1),
      series('metric_b', { job: 'y', host: '22' }, 1, 2),
    ]);
    const answer = (await (await fetch(`${url}/api/v1/status/tsdb?limit=2`)).json()) as { data: object };
    expect(answer.data).toEqual({
      headStats: {
        numSeries: 3,
        numLabelPairs: 7,
        chunkCount: 0,
        minTime: NOW_MS - 21_000,
        maxTime: NOW_MS - 20_000,
      },
      seriesCountByMetricName: [
        { name: 'metric_a', value: 2 },
        { name: 'metric_b', value: 1 },
      ],
      labelValueCountByLabelName: [
        { name: 'host', value: 3 },
        { name: '__name__', value: 2 },
      ],
      memoryInBytesByLabelName: [
        { name: '__name__', value: 24 },
        { name: 'host', value: 4 },
      ],
      seriesCountByLabelValuePair: [
        { name: '__name__=metric_a', value: 2 },
        { name: 'job=x', value: 2 },
      ],
    });
    expect((await fetch(`${url}/api/v1/status/tsdb?limit=0`)).status).toBe(400);
  });

  test('settings, and what Prometheus has that this has none of', async () => {
    const get = async (path: string) =>
      ((await (await fetch(`${server.url}/api/v1/${path}`)).json()) as { data: unknown }).data;
    expect(await get('status/flags')).toMatchObject({ 'enable-admin-api': 'true', 'query-timeout': '2m' });
    expect(await get('status/config')).toMatchObject({ yaml: expect.stringContaining('wal-sync: group') });
    expect(await get('status/walreplay')).toEqual({ min: 0, max: 0, current: 0 });
    expect(await get('targets')).toEqual({ activeTargets: [], droppedTargets: [], droppedTargetCounts: {} });
    expect(await get('alertmanagers')).toEqual({ activeAlertmanagers: [], droppedAlertmanagers: [] });
    expect(await get('format_query?query=sum(rate(a[5m]))by(b)')).toBe('sum by (b) (rate(a[5m]))');
    expect(await get('parse_query?query=a')).toMatchObject({ type: 'vectorSelector', name: 'a' });
  });
});

describe('deletion and snapshots', () => {
  const admin = (path: string, db: string, parameters: [string, string][] = [], method = 'POST') =>
    fetch(`${server.url}/db/${db}/api/v1/admin/tsdb/${path}?${new URLSearchParams(parameters)}`, { method });
  const count = async (db: string, query: string) => (await instant(server.url, query, NOW, db)).length;

  test('deleted series are gone, others and other times stay', async () => {
    await write(`${server.url}/db/deletion`, [
      series('doomed', { job: 'a' }, 1, 2, 3),
      series('doomed', { job: 'b' }, 1, 2, 3),
      series('spared', { job: 'a' }, 1, 2, 3),
    ]);
    expect((await admin('delete_series', 'deletion', [['match[]', 'doomed{job="a"}']])).status).toBe(204);
    expect(await count('deletion', 'doomed')).toBe(1);
    expect(await count('deletion', 'spared')).toBe(1);
    const upTo = String((NOW_MS - 21_000) / 1000);
    const last: [string, string][] = [
      ['match[]', 'doomed'],
      ['match[]', 'spared'],
      ['end', upTo],
    ];
    expect((await admin('delete_series', 'deletion', last, 'PUT')).status).toBe(204);
    const left = await instant(server.url, 'count_over_time({__name__=~"doomed|spared"}[5m])', NOW, 'deletion');
    expect(left.map(({ value }) => value?.[1])).toEqual(['1', '1']);
    expect((await admin('clean_tombstones', 'deletion')).status).toBe(204);
    expect(await count('deletion', '{__name__=~"doomed|spared"}')).toBe(2);
    expect((await admin('delete_series', 'deletion')).status).toBe(400);
    expect((await admin('delete_series', 'deletion', [['match[]', 'a(']])).status).toBe(400);
    expect((await admin('delete_series', 'deletion', [], 'GET')).status).toBe(405);
  });

  test('one field of several in a row is not deleted with the others', async () => {
    await fetch(`${server.url}/write?db=rows`, { method: 'POST', body: 'cpu,host=a usage=1,idle=2,note="x"' });
    const one = await admin('delete_series', 'rows', [['match[]', 'cpu_usage']]);
    expect(one.status).toBe(400);
    expect(await one.text()).toContain('cpu_idle lies in the same rows');
    expect((await admin('delete_series', 'rows', [['match[]', '{__name__=~"cpu_.*"}']])).status).toBe(204);
    expect(await instant(server.url, 'cpu_usage', Date.now() / 1000, 'rows')).toEqual([]);
  });

  test('a server starts on a snapshot and has what was there, and later writes are not in it', async () => {
    await write(`${server.url}/db/snapshots`, [series('kept', { job: 'a' }, 1, 2)]);
    const response = await admin('snapshot', 'snapshots');
    const { data } = (await response.json()) as { data: { name: string } };
    expect(data.name).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{16}$/);
    await write(`${server.url}/db/snapshots`, [series('later', {}, 1)]);
    const other = await startServer({ dataDir: join(dataDir, 'snapshots', data.name) });
    try {
      expect((await instant(other.url, 'kept', NOW, 'snapshots'))[0].value?.[1]).toBe('2');
      expect(await instant(other.url, 'later', NOW, 'snapshots')).toEqual([]);
      // It is a data directory like any other: it takes writes, and neither server sees the other's.
      await write(`${other.url}/db/snapshots`, [series('elsewhere', {}, 1)]);
      expect(await instant(other.url, 'elsewhere', NOW, 'snapshots')).toHaveLength(1);
      expect(await count('snapshots', 'elsewhere')).toBe(0);
    } finally {
      await other.stop();
    }
    expect(await count('snapshots', 'kept')).toBe(1);
    expect((await admin('snapshot', 'snapshots', [['skip_head', 'perhaps']])).status).toBe(400);
  });

  test('all of it is off by default', async () => {
    const plain = await startServer({ dataDir: join(directory, 'plain') });
    try {
      for (const path of ['delete_series?match[]=a', 'clean_tombstones', 'snapshot']) {
        const answer = await fetch(`${plain.url}/api/v1/admin/tsdb/${path}`, { method: 'POST' });
        expect(answer.status).toBe(503);
        expect(await answer.json()).toEqual({
          status: 'error',
          errorType: 'unavailable',
          error: 'admin APIs disabled',
        });
      }
    } finally {
      await plain.stop();
    }
  });
});

describe('packed answers', () => {
  /** Without fetch's own unpacking. */
  function raw(path: string, acceptEncoding?: string): Promise<{ encoding: string | undefined; body: Buffer }> {
    const headers = acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding };
    return new Promise((resolve, reject) => {
      const asked = request(server.url + path, { headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(parts) }),
        );
        response.on('error', reject);
      });
      asked.on('error', reject).end();
    });
  }

  const large = `/api/v1/query_range?query=vector(1)&start=0&end=10000&step=1`;

  test('as the client prefers; the same bytes in all', async () => {
    const { body: plain, encoding } = await raw(large);
    expect(encoding).toBeUndefined();
    expect(plain.length).toBeGreaterThan(100_000);
    for (const [accepted, wanted, unpack] of [
      ['gzip', 'gzip', zlib.gunzipSync],
      ['gzip, deflate, br, zstd', 'zstd', zlib.zstdDecompressSync],
      ['zstd;q=0.5, gzip', 'gzip', zlib.gunzipSync],
      ['deflate', 'deflate', zlib.inflateSync],
      ['*', 'zstd', zlib.zstdDecompressSync],
    ] as const) {
      const answer = await raw(large, accepted);
      expect(answer.encoding, accepted).toBe(wanted);
      expect(unpack(answer.body).equals(plain)).toBe(true);
      expect(answer.body.length).toBeLessThan(plain.length / 3);
    }
  });

  test('never when not accepted, or not worth it', async () => {
    for (const accepted of ['identity', 'br', 'gzip;q=0', '*;q=0'])
      expect((await raw(large, accepted)).encoding).toBeUndefined();
    expect((await raw('/api/v1/query?query=1', 'gzip')).encoding).toBeUndefined();
  });

  test('text that comes without a length is packed as it goes', async () => {
    const metrics = await raw('/metrics', 'gzip');
    expect(metrics.encoding).toBe('gzip');
    expect(zlib.gunzipSync(metrics.body).toString()).toContain('varve_rows_total');
  });
});

test('only pages of the configured origins may read', async () => {
  const allowed = async (origin: string, init: RequestInit = {}, path = '/api/v1/query?query=1') =>
    (await fetch(server.url + path, { ...init, headers: { origin } })).headers.get('access-control-allow-origin');
  expect(await allowed('https://one.example')).toBe('https://one.example');
  expect(await allowed('http://two.example', { method: 'OPTIONS' })).toBe('http://two.example');
  expect(await allowed('https://one.example', { method: 'POST', body: 'm v=1' }, '/write')).toBe('https://one.example');
  expect(await allowed('https://one.example.evil')).toBeNull();
  expect(await allowed('https://evil.example', { method: 'POST', body: 'm v=1' }, '/write')).toBeNull();
});
