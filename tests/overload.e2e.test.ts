/**
 * What a server does that is asked for too much: it refuses with answers that senders understand, counts and logs that,
 * and goes on serving everybody else.
 *
 * The flood of new series is small unless VARVE_FLOOD_SERIES says how many there are to be: 10000000 is the whole of it.
 */
import { connect } from 'node:net';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processUsage } from '../bench/process-usage.ts';
import { encodeRequest, encodeRequest2 } from '../ingest/remote-encoder.ts';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('overload');
afterAll(remove);

interface Answer {
  status: number;
  retryAfter: string | null;
  headers: Headers;
  text: string;
}

async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  return { status: response.status, retryAfter: response.headers.get('retry-after'), headers: response.headers, text };
}

/** Series `NAME{i="…"}` by remote write. */
function postRemote(url: string, version: 1 | 2, labels: [string, string][][]): Promise<Answer> {
  const series = labels.map((each) => ({ labels: each, samples: [{ value: 1, ms: 1_700_000_000_000 }] }));
  const message = version === 1 ? encodeRequest(series) : encodeRequest2(series);
  const type = version === 1 ? '' : ';proto=io.prometheus.write.v2.Request';
  return post(`${url}/api/v1/write`, Uint8Array.from(compressSync(Buffer.from(message))), {
    'content-encoding': 'snappy',
    'content-type': `application/x-protobuf${type}`,
  });
}

async function influxql(
  url: string,
  db: string,
  q: string,
): Promise<{ error?: string; series?: { values: unknown[][] }[] }> {
  const response = await fetch(`${url}/query?${new URLSearchParams({ db, q })}`, { method: 'POST' });
  return ((await response.json()) as { results: { error?: string; series?: { values: unknown[][] }[] }[] }).results[0];
}

async function count(url: string, db: string, from: string): Promise<unknown> {
  return (await influxql(url, db, `SELECT count(v) FROM ${from}`)).series?.[0].values[0][1] ?? 0;
}

/** Refusals so far, by reason; those that are 0 left out. */
async function refusals(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const found = [...text.matchAll(/^varve_refusals_total\{reason="([^"]+)"\} (\d+)$/gm)];
  expect(found.length).toBeGreaterThan(10);
  return Object.fromEntries(found.map(([, reason, n]) => [reason, Number(n)]).filter(([, n]) => n !== 0));
}

describe('limits of what is written', () => {
  let server: ServerProcess;
  let startMs = 0;
  beforeAll(async () => {
    startMs = Date.now();
    const limits = ['--max-series-per-database', '3', '--max-tags', '4', '--max-tag-value-size', '32'];
    const args = [...limits, '--max-body-size', '64KiB', '--enable-admin-api'];
    server = await startServer({ dataDir: `${directory}/limits`, args });
  });
  afterAll(() => server.stop());

  test('line protocol: series beyond the limit are named and refused in InfluxDB’s words, others beside them kept', async () => {
    const answer = await post(
      `${server.url}/write?db=lines`,
      'm,h=1 v=1 1\nm,h=2 v=1 1\nm,h=3 v=1 1\nm,h=4 v=1 1\nm,h=1 v=1 2\n',
    );
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({
      error: 'partial write: max-series-per-database limit exceeded: (3) (line 4, column 1) dropped=1',
      kept: 4,
      rejected: 1,
    });
    expect(await count(server.url, 'lines', 'm')).toBe(4);
    const other = await post(`${server.url}/write?db=elsewhere`, 'm,h=4 v=1 1');
    expect(other.status).toBe(204);
  });

  test('InfluxDB 2’s shape, and 3’s', async () => {
    await post(`${server.url}/write?db=shapes`, 'm,h=1 v=1 1\nm,h=2 v=1 1\nm,h=3 v=1 1');
    const v2 = await post(`${server.url}/api/v2/write?bucket=shapes&org=o`, 'm,h=9 v=1 1\nm,h=1 v=1 5');
    expect(v2.status).toBe(400);
    expect(JSON.parse(v2.text)).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('max-series-per-database'),
    });
    const v3 = await post(`${server.url}/api/v3/write_lp?db=shapes`, 'm,h=9 v=1 1\nm,h=1 v=1 6');
    expect(v3.status).toBe(400);
    expect(v3.text).toContain('max-series-per-database limit exceeded: (3)');
    expect(await count(server.url, 'shapes', 'm')).toBe(5);
  });

  test('numbers of tags and lengths name the setting', async () => {
    const { status, text } = await post(
      `${server.url}/write?db=parts`,
      `m,a=1,b=1,c=1,d=1,e=1 v=1\nm,a=${'x'.repeat(33)} v=1\nm v=1`,
    );
    expect(status).toBe(400);
    expect(text).toContain('too many tags: 5 (limit max-tags = 4) (line 1');
    expect(text).toContain('tag value is too long: 33 bytes (limit max-tag-value-size = 32) (line 2');
    expect(await count(server.url, 'parts', 'm')).toBe(1);
  });

  test.each([1, 2] as const)('remote write %i: 400 for what never will be taken, the rest stored', async (version) => {
    const url = `${server.url}/db/remote${version}`;
    const labels = ['1', '2', '3', '4'].map((i): [string, string][] => [
      ['__name__', 'up'],
      ['i', i],
    ]);
    const answer = await postRemote(url, version, labels);
    expect([answer.status, answer.retryAfter]).toEqual([400, null]);
    expect(answer.text).toContain('cannot store series up{i=\\"4\\"}: max-series-per-database limit exceeded: (3)');
    if (version === 2) expect(answer.headers.get('x-prometheus-remote-write-samples-written')).toBe('3');
    expect(
      (await influxql(server.url, `remote${version}`, 'SELECT count(value) FROM up')).series?.[0].values[0][1],
    ).toBe(3);
  });

  test('a rate is 429 with Retry-After in every protocol, and known series go on', async () => {
    const set = await fetch(`${server.url}/api/v1/databases?name=rate&max-new-series-per-sec=1&max-series=1000`, {
      method: 'POST',
    });
    expect([set.status, set.status === 200 ? '' : await set.text()]).toEqual([200, '']);
    const answer = await post(`${server.url}/write?db=rate`, 'm,h=1 v=1 1\nm,h=2 v=1 1\nm,h=1 v=1 2');
    expect([answer.status, answer.retryAfter]).toEqual([429, '1']);
    expect(answer.text).toContain('max-new-series-per-second limit exceeded: (1) (line 2, column 1) dropped=1');
    expect(await count(server.url, 'rate', 'm')).toBe(2);
    const many = Array.from({ length: 20 }, (_, i): [string, string][] => [
      ['__name__', 'up'],
      ['i', String(i)],
    ]);
    for (const version of [1, 2] as const) {
      const remote = await postRemote(`${server.url}/db/rate`, version, many);
      expect([remote.status, remote.retryAfter]).toEqual([429, '1']);
    }
    const v2 = await post(
      `${server.url}/api/v2/write?bucket=rate&org=o`,
      Array.from({ length: 20 }, (_, i) => `n,i=${i} v=1`).join('\n'),
    );
    expect([v2.status, v2.retryAfter, JSON.parse(v2.text).code]).toEqual([429, '1', 'too many requests']);
    // The same comes in when it comes again later.
    for (let tries = 0; (await post(`${server.url}/write?db=rate`, 'm,h=2 v=1 1')).status !== 204; tries++) {
      expect(tries).toBeLessThan(50);
      await sleep(200);
    }
  });

  test('INTO obeys', async () => {
    const lines = Array.from({ length: 5 }, (_, i) => `src,h=${i} v=1 ${i + 1}`).join('\n');
    await fetch(`${server.url}/api/v1/databases?name=source&max-series=100`, { method: 'POST' });
    expect((await post(`${server.url}/write?db=source`, lines)).status).toBe(204);
    await influxql(server.url, '', 'CREATE DATABASE target');
    const result = await influxql(server.url, 'source', 'SELECT v INTO target..dst FROM src GROUP BY h');
    expect(result.error).toBe('partial write: max-series-per-database limit exceeded: (3) dropped=2');
    expect(await count(server.url, 'target', 'dst')).toBe(3);
  });

  test('a body that is too large is 413', async () => {
    const { status, text } = await post(`${server.url}/write?db=lines`, `m v="${'x'.repeat(70_000)}"`);
    expect([status, JSON.parse(text).error]).toEqual([413, expect.stringContaining('65536')]);
  });

  test('all of it is counted by reason, and logged at most once a second', async () => {
    for (let i = 0; i < 200; i++) {
      expect((await post(`${server.url}/write?db=lines`, 'm,h=4 v=1 1\nm,h=5 v=1 1')).status).toBe(400);
    }
    const counted = await refusals(server.url);
    expect(counted).toMatchObject({ 'max-tags': 1, 'max-tag-value-size': 1, 'max-body-size': 1 });
    expect(counted['max-series-per-database']).toBeGreaterThanOrEqual(400);
    expect(counted['max-new-series-per-second']).toBeGreaterThanOrEqual(40);
    const logged = server
      .output()
      .split('\n')
      .filter((line) => line.includes('"reason":"max-series-per-database"'));
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.length).toBeLessThanOrEqual((Date.now() - startMs) / 1000 + 1);
  });
});

describe('load', () => {
  test('writes beyond max-concurrent-writes are 503 from their heads, and there is room again when one ends', async () => {
    const server = await startServer({ dataDir: `${directory}/writes`, args: ['--max-concurrent-writes', '1'] });
    // A write whose body does not come.
    const slow = connect(server.port, '127.0.0.1');
    slow.on('error', () => {});
    slow.write('POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nm v=1');
    while (!(await (await fetch(`${server.url}/metrics`)).text()).includes('\nvarve_writes_active 1\n'))
      await sleep(20);
    const answer = await post(`${server.url}/write`, 'm v=1 1');
    expect([answer.status, answer.retryAfter]).toEqual([503, '1']);
    expect(answer.text).toContain('limit max-concurrent-writes = 1');
    const remote = await postRemote(server.url, 2, [[['__name__', 'up']]]);
    expect([remote.status, remote.retryAfter]).toEqual([503, '1']);
    expect(remote.headers.get('x-prometheus-remote-write-samples-written')).toBe('0');
    const v2 = await post(`${server.url}/api/v2/write?bucket=b&org=o`, 'm v=1');
    expect([v2.status, v2.retryAfter, JSON.parse(v2.text).code]).toEqual([503, '1', 'unavailable']);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect((await refusals(server.url))['max-concurrent-writes']).toBeGreaterThanOrEqual(3);
    slow.destroy();
    for (let tries = 0; (await post(`${server.url}/write`, 'm v=1 1')).status !== 204; tries++) {
      expect(tries).toBeLessThan(100);
      await sleep(20);
    }
    expect(await server.stop()).toBe(0);
  });

  test('bodies beyond max-inflight-size are 503 before they are read', async () => {
    const server = await startServer({ dataDir: `${directory}/bytes`, args: ['--max-inflight-size', '1KiB'] });
    const answer = await post(`${server.url}/write`, `m v="${'x'.repeat(2000)}"`);
    expect([answer.status, answer.retryAfter]).toEqual([503, '1']);
    expect(answer.text).toContain('max-inflight-size');
    expect((await post(`${server.url}/write`, 'm v=1 1')).status).toBe(204);
    expect(await refusals(server.url)).toEqual({ 'max-inflight-size': 1 });
    expect(await server.stop()).toBe(0);
  });
});

const FLOOD_SERIES = Number(process.env.VARVE_FLOOD_SERIES ?? 60_000);
const IS_WHOLE = FLOOD_SERIES >= 10_000_000;
const WRITERS = 4;
const LINES_PER_BODY = 5000;

describe('a flood of new series', () => {
  test(`of ${FLOOD_SERIES} leaves the server answering, its memory bounded, other databases writable, and a restart fine`, async () => {
    // The whole flood meets the default limits; the small one a limit that is as far below it.
    const limit = IS_WHOLE ? 1_000_000 : FLOOD_SERIES / 10;
    const args = IS_WHOLE ? [] : ['--max-series-per-database', String(limit)];
    const dataDir = `${directory}/flood`;
    const first = await startServer({ dataDir, args });
    const pid = first.child.pid as number;
    expect((await post(`${first.url}/write?db=calm`, 'm,h=0 v=1 1')).status).toBe(204);
    const before = processUsage(pid).rssBytes;

    let flooding = true;
    let statuses: Record<number, number> = {};
    const flood = async (writer: number) => {
      for (let at = writer * LINES_PER_BODY; at < FLOOD_SERIES; at += WRITERS * LINES_PER_BODY) {
        let body = '';
        for (let i = at; i < at + LINES_PER_BODY; i++)
          body += `cpu,host=host-${i},pod=pod-${i % 1000},region=eu v=${i} 1700000000\n`;
        const { status } = await post(`${first.url}/write?db=flooded&precision=s`, body);
        statuses = { ...statuses, [status]: (statuses[status] ?? 0) + 1 };
      }
    };
    const health: number[] = [];
    const calm = async () => {
      for (let i = 1; flooding; i++) {
        const startMs = performance.now();
        expect((await fetch(`${first.url}/health`)).status).toBe(200);
        health.push(performance.now() - startMs);
        expect((await post(`${first.url}/write?db=calm`, `m,h=${i % 100} v=1 ${i + 1}`)).status).toBe(204);
        expect(await count(first.url, 'calm', 'm')).toBe(i + 1);
        await sleep(50);
      }
    };
    const watching = calm();
    const startMs = performance.now();
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => flood(writer)));
    const seconds = (performance.now() - startMs) / 1000;
    flooding = false;
    await watching;
    expect(health.length).toBeGreaterThan(0);

    // Some bodies came in whole, at most one for each writer in part, the rest not at all: all of these say so.
    expect(Object.keys(statuses)).toEqual(['204', '400']);
    expect(await count(first.url, 'flooded', 'cpu')).toBe(limit);
    expect((await refusals(first.url))['max-series-per-database']).toBe(FLOOD_SERIES - limit);
    const { peakRssBytes, rssBytes, cpuSec } = processUsage(pid);
    const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
    health.sort((a, b) => a - b);
    console.log(
      `flood: ${FLOOD_SERIES} series in ${seconds.toFixed(1)} s, ${cpuSec.toFixed(1)} s of CPU; resident ${mib(before)} MiB before, ${mib(rssBytes)} after, ${mib(peakRssBytes)} at most; /health in ${health[health.length >> 1].toFixed(0)} ms, ${health[health.length - 1].toFixed(0)} at most`,
    );
    expect(peakRssBytes).toBeLessThan((IS_WHOLE ? 2048 : 600) * 2 ** 20);
    // A known series of the flooded database is still taken.
    expect(
      (await post(`${first.url}/write?db=flooded&precision=s`, 'cpu,host=host-0,pod=pod-0,region=eu v=1 1700000060'))
        .status,
    ).toBe(204);
    expect(await first.stop()).toBe(0);

    const second = await startServer({ dataDir, args, readyTimeoutMs: 120_000 });
    expect(await count(second.url, 'flooded', 'cpu')).toBe(limit + 1);
    expect(await count(second.url, 'calm', 'm')).toBe(health.length + 1);
    expect((await post(`${second.url}/write?db=flooded&precision=s`, 'cpu,host=new v=1 1700000060')).status).toBe(400);
    expect((await post(`${second.url}/write?db=calm`, 'm,h=new v=1 1')).status).toBe(204);
    console.log(`flood: after a restart ${mib(processUsage(second.child.pid as number).peakRssBytes)} MiB at most`);
    expect(await second.stop()).toBe(0);
  }, 3_600_000);
});
