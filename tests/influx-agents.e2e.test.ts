/**
 * What Telegraf's InfluxDB output and Grafana's InfluxDB data source send, request by request as their sources have it, to
 * Varve and, where it is installed, to influxd: both have to answer the same.
 */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const directory = temporaryDirectory('influx-agents');
const isPeerThere = havePrograms('influxd');
let influxd: InfluxdProcess | null = null;
let varve: ServerProcess;

/** 2023-11-14T22:00:00Z */
const START_MS = 1_700_000_000_000 - 800_000;

interface Answer {
  status: number;
  type: string | null;
  body: string;
}

async function ask(url: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url + path, init);
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

/** Asks Varve, and influxd for the same answer. */
async function same(path: string, init: RequestInit = {}): Promise<Answer> {
  const ours = await ask(varve.url, path, init);
  if (influxd !== null) expect(ours).toEqual(await ask(influxd.url, path, init));
  return ours;
}

beforeAll(async () => {
  [influxd, varve] = await Promise.all([
    isPeerThere ? startInfluxd(directory.path) : null,
    startServer({ dataDir: join(directory.path, 'varve'), args: ['--wal-sync', 'none', '--internal-interval', '0'] }),
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([influxd?.stop(), varve.stop()]);
  directory.remove();
});

describe('Telegraf, [[outputs.influxdb]]', () => {
  const agent = { 'user-agent': 'Telegraf/1.32.0 Go/1.23.0' };
  const metrics = Array.from({ length: 60 }, (_, i) => {
    const time = `${START_MS + i * 10_000}000000`;
    return [
      `cpu,cpu=cpu-total,host=web01 usage_idle=${90 - (i % 7)},usage_user=${i % 5}.25 ${time}`,
      `cpu,cpu=cpu0,host=web01 usage_idle=${80 - (i % 3)},usage_user=${i % 4} ${time}`,
      `cpu,cpu=cpu-total,host=web02 usage_idle=${70 + (i % 2)},usage_user=1 ${time}`,
      `disk,device=sda1,fstype=ext4,host=web01,path=/ free=${1000 - i}i,used_percent=${i / 2} ${time}`,
      `system,host=web01 load1=0.5,uptime=${i}i,uptime_format="1 day,  ${i}:00" ${time}`,
    ].join('\n');
  }).join('\n');

  test('makes its database first', async () => {
    const answer = await same('/query', {
      method: 'POST',
      headers: { ...agent, 'content-type': 'application/x-www-form-urlencoded' },
      body: `q=${encodeURIComponent('CREATE DATABASE "telegraf"')}`,
    });
    expect(answer.body).toBe('{"results":[{"statement_id":0}]}\n');
  });

  test('writes, packed with gzip, and with the settings that add parameters', async () => {
    const headers = { ...agent, 'content-type': 'text/plain; charset=utf-8' };
    const packed = { ...headers, 'content-encoding': 'gzip' };
    const body = gzipSync(metrics);
    expect((await same('/write?db=telegraf', { method: 'POST', headers: packed, body })).status).toBe(204);
    expect((await same('/write?consistency=any&db=telegraf', { method: 'POST', headers, body: metrics })).status).toBe(
      204,
    );
    const policy = '/write?consistency=all&db=telegraf&rp=autogen';
    expect((await same(policy, { method: 'POST', headers: packed, body })).status).toBe(204);
  });

  test('is told what it looks for when something is wrong', async () => {
    const write = async (query: string, body: string) => {
      const answers = [await ask(varve.url, `/write?${query}`, { method: 'POST', headers: agent, body })];
      if (influxd !== null) answers.push(await ask(influxd.url, `/write?${query}`, { method: 'POST', body }));
      return answers;
    };
    for (const [query, body, status, what] of [
      ['db=telegraf&rp=nope', 'm v=1', 500, 'retention policy not found'],
      ['db=telegraf', 'm v=', 400, 'unable to parse'],
      ['db=telegraf', `cpu,host=web01 usage_idle="text" ${START_MS}000000`, 400, 'partial write: field type conflict'],
    ] as const) {
      for (const answer of await write(query, body)) {
        expect(answer.status).toBe(status);
        expect((JSON.parse(answer.body) as { error: string }).error).toContain(what);
      }
    }
    await same('/query', {
      method: 'POST',
      body: new URLSearchParams({ q: 'CREATE RETENTION POLICY d ON telegraf DURATION 1d REPLICATION 1' }),
    });
    for (const answer of await write('db=telegraf&rp=d', 'm v=1 1')) {
      expect(answer).toMatchObject({ status: 400 });
      expect(answer.body).toContain('partial write: points beyond retention policy dropped=1');
    }
  });
});

describe("Grafana's InfluxDB data source", () => {
  const END_MS = START_MS + 600_000;
  const range = `time >= ${START_MS}ms and time <= ${END_MS}ms`;

  const get = (query: string, db = 'telegraf') => same(`/query?${new URLSearchParams({ db, epoch: 'ms', q: query })}`);
  const post = (query: string, db = 'telegraf') =>
    same(`/query?${new URLSearchParams({ db, epoch: 'ms' })}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ q: query }),
    });

  test('tests its connection', async () => {
    expect((await get('SHOW measurements')).body).toContain('[["cpu"],["disk"],["system"]]');
    expect((await get('SHOW RETENTION POLICIES on "telegraf"')).body).toContain('"autogen"');
    expect((await get('SHOW TAG KEYS')).body).toContain('"fstype"');
    expect((await get('SHOW measurements', 'nope')).body).toBe('{"results":[{"statement_id":0}]}\n');
  });

  test.each([
    ['measurements that have a text in them', 'SHOW MEASUREMENTS WITH MEASUREMENT =~ /(?i)CP/ LIMIT 100'],
    ['measurements with a tag', `SHOW MEASUREMENTS WHERE "host" = 'web02' LIMIT 100`],
    ['fields', 'SHOW FIELD KEYS FROM "cpu"'],
    ['fields of a policy', 'SHOW FIELD KEYS FROM "autogen"."disk"'],
    ['fields of everything', 'SHOW FIELD KEYS'],
    ['tags', 'SHOW TAG KEYS FROM "cpu"'],
    ['tags where others are set', `SHOW TAG KEYS FROM "cpu" WHERE "host" = 'web01'`],
    ['values of a tag', 'SHOW TAG VALUES FROM "cpu" WITH KEY = "host"'],
    ['values of a tag where others are set', `SHOW TAG VALUES FROM "cpu" WITH KEY = "cpu" WHERE "host" =~ /^web01$/`],
    ['values of a tag anywhere', 'SHOW TAG VALUES WITH KEY = "host"'],
    ['values of a tag, filtered by themselves', `SHOW TAG VALUES FROM "cpu" WITH KEY = "host" WHERE "host" =~ /.*1/`],
    ['series', 'SHOW SERIES FROM "disk"'],
    ['a variable of field values', 'SELECT DISTINCT("free") FROM (SELECT "free" FROM "disk" LIMIT 2)'],
  ])('asks for menus and variables: %s', async (_, query) => {
    const { status, body } = await get(query);
    expect(status).toBe(200);
    expect(body).toContain('"values"');
    expect((await post(query)).body).toBe(body);
  });

  test.each([
    [
      'null',
      `SELECT mean("usage_idle") FROM "cpu" WHERE ("host" =~ /^web0[12]$/) AND ${range} GROUP BY time(30s) fill(null)`,
    ],
    ['none', `SELECT mean("usage_idle") FROM "cpu" WHERE ${range} GROUP BY time(7s), "host" fill(none)`],
    [
      'previous',
      `SELECT last("usage_user") FROM "cpu" WHERE "cpu" = 'cpu-total' AND ${range} GROUP BY time(3s), "host"::tag fill(previous)`,
    ],
    [
      'linear',
      `SELECT max("usage_user") FROM "cpu" WHERE "cpu"::tag != 'cpu0' AND ${range} GROUP BY time(4s) fill(linear)`,
    ],
    ['a number', `SELECT count("usage_user") FROM "autogen"."cpu" WHERE ${range} GROUP BY time(5s) fill(0)`],
  ])('draws panels, filling with %s', async (_, query) => {
    expect((await get(query)).body).toMatch(/"values":\[\[16999\d{8},/);
    await post(query);
  });

  test('asks for several panels at once', async () => {
    const queries = [
      `SELECT mean("usage_idle") AS "idle", percentile("usage_user", 95) FROM "cpu" WHERE ${range} GROUP BY time(1m), "host" fill(null)`,
      `SELECT non_negative_derivative(mean("used_percent"), 1s) * -1 FROM "disk" WHERE ${range} GROUP BY time(20s) fill(null)`,
      `SELECT "uptime", "uptime_format" FROM "system" WHERE ${range} ORDER BY time DESC LIMIT 5`,
      `SELECT "usage_idle" FROM "nothing" WHERE ${range}`,
      `SELECT moving_average(max("used_percent"), 3), mean("free") FROM "disk" WHERE ${range} GROUP BY time(1m), * tz('Europe/Berlin')`,
    ];
    const { results } = JSON.parse((await get(queries.join(';'))).body) as { results: { series?: unknown[] }[] };
    expect(results.map(({ series }) => series?.length ?? 0)).toEqual([2, 1, 1, 0, 1]);
    await post(queries.join(';'));
  });

  test('asks for annotations and logs', async () => {
    await get(`SELECT uptime_format FROM "system" WHERE ${range} ORDER BY time DESC LIMIT 1000`);
    await get(`select uptime_format, host from "system" where ${range} limit 2`);
  });

  test('shows errors as they are', async () => {
    expect((await get(`SELECT nope("a") FROM "cpu" WHERE ${range}`)).body).toContain('undefined function nope()');
    const refused = await get('SELECT mean("a" FROM cpu');
    expect([refused.status, refused.type]).toEqual([400, 'application/json']);
    await get('SELECT "a" FROM "cpu" WHERE time >= now() - 1h; SELECT nope("a") FROM "cpu"');
  });
});
