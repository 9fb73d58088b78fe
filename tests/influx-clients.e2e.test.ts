/**
 * Clients of InfluxDB as people have them, each doing its work on Varve: Debian's `influx` shell, npm's `influx` and
 * `@influxdata/influxdb-client`, PyPI's `influxdb`. Where influxd is installed it gets the same from them, and what they say
 * of both has to be the same.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HttpError, InfluxDB as InfluxDB2, Point } from '@influxdata/influxdb-client';
import { FieldType, InfluxDB, type IPoint } from 'influx';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { havePythonModule, python } from './python.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const directory = temporaryDirectory('influx-clients');
const isPeerThere = havePrograms('influxd');
let influxd: InfluxdProcess | null = null;
let varve: ServerProcess;

/** As influxd is here: no database of the server's own metrics, and users do not turn authentication on. */
const SETTINGS = ['--wal-sync', 'none', '--internal-interval', '0', '--auth-enabled', 'false'];

/** The servers that a client is tried on, Varve last. */
function servers(): { name: string; url: string; port: string }[] {
  const urls = [...(influxd === null ? [] : [['influxd', influxd.url]]), ['varve', varve.url]];
  return urls.map(([name, url]) => ({ name, url, port: new URL(url).port }));
}

/** Does the same on each server and expects the same of each. */
async function same<T>(work: (server: { url: string; port: string }) => Promise<T>): Promise<T> {
  const results: T[] = [];
  for (const server of servers()) results.push(await work(server));
  expect(results[results.length - 1]).toEqual(results[0]);
  return results[0];
}

beforeAll(async () => {
  [influxd, varve] = await Promise.all([
    isPeerThere ? startInfluxd(directory.path) : null,
    startServer({ dataDir: join(directory.path, 'varve'), args: SETTINGS }),
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([influxd?.stop(), varve.stop()]);
  directory.remove();
});

describe.skipIf(!havePrograms('influx'))("Debian's influx shell", () => {
  const shell = (port: string, ...args: string[]) => run('influx', ['-host', '127.0.0.1', '-port', port, ...args]);

  test('statements, in every format', async () => {
    const { output } = await same(async ({ port }) => {
      await shell(port, '-execute', 'CREATE DATABASE shell');
      const outputs: string[] = [];
      for (const statement of [
        'insert cpu,host=a load=1.5,up=true,name="a b",n=3i 1700000000000000000',
        'insert into autogen cpu,host=b load=2 1700000001000000000',
      ]) {
        const { code, output } = await shell(port, '-database', 'shell', '-execute', statement);
        expect([code, output]).toEqual([0, '']);
      }
      for (const format of ['column', 'csv', 'json']) {
        for (const precision of ['rfc3339', 'ns', 'ms', 's', 'h']) {
          const { output } = await shell(
            port,
            ...['-database', 'shell', '-format', format, '-precision', precision],
            ...['-execute', 'SELECT * FROM cpu; SELECT mean(load) FROM cpu GROUP BY host; SHOW MEASUREMENTS'],
          );
          outputs.push(output);
        }
      }
      return { output: outputs.join('\n') };
    });
    expect(output).toContain('2023-11-14T22:13:20Z');
    expect(output).toContain('cpu,host=b,0,2');
  });

  test('errors, and the exit code', async () => {
    const result = await same(async ({ port }) => [
      await shell(port, '-execute', 'SELEC'),
      await shell(port, '-execute', 'SELECT f FROM nope..cpu'),
    ]);
    expect(result.every(({ code }) => code === 1)).toBe(true);
    // Of lines that are refused more is told than InfluxDB does.
    for (const { port } of servers()) {
      const conflict = 'insert cpu load="text" 1700000000000000000';
      expect((await shell(port, '-database', 'shell', '-execute', conflict)).output).toContain('field type conflict');
      const { output } = await shell(port, '-database', 'shell', '-execute', 'insert cpu');
      expect(output).toContain('missing fields');
    }
  });

  test('-import of a file', async () => {
    const file = join(directory.path, 'import.txt');
    writeFileSync(
      file,
      '# DDL\nCREATE DATABASE imported WITH NAME month\n# DML\n# CONTEXT-DATABASE: imported\n' +
        '# CONTEXT-RETENTION-POLICY: month\ncpu,host=a v=1 1\ncpu,host=b v=2 2\n',
    );
    await same(async ({ port }) => {
      const { code } = await shell(port, '-import', '-path', file, '-precision', 'ns');
      const { output } = await shell(port, '-execute', 'SELECT * FROM imported.month.cpu');
      expect(output).toContain('b    2');
      return { code, output };
    });
  });
});

test("npm's influx", async () => {
  const { rows } = await same(async ({ port }) => {
    const client = new InfluxDB({
      host: '127.0.0.1',
      port: Number(port),
      database: 'node',
      schema: [
        {
          measurement: 'times',
          fields: { ms: FieldType.INTEGER, path: FieldType.STRING, ok: FieldType.BOOLEAN, load: FieldType.FLOAT },
          tags: ['host'],
        },
      ],
    });
    expect((await client.ping(5000)).every(({ online }) => online)).toBe(true);
    await client.createDatabase('node');
    await client.createRetentionPolicy('short', { database: 'node', duration: '2d', replication: 1 });
    const points: IPoint[] = [0, 1, 2].map((i) => ({
      measurement: 'times',
      tags: { host: i === 1 ? 'b c' : 'a' },
      fields: { ms: i, path: `/"${i}"`, ok: i > 0, load: i + 0.5 },
      timestamp: new Date(1_700_000_000_000 + i),
    }));
    await client.writePoints(points);
    const old = { fields: { v: 1 }, timestamp: new Date(1) };
    const tooOld = await client
      .writeMeasurement('plain', [old], { retentionPolicy: 'short' })
      .catch((error: Error) => /points beyond retention policy dropped=1/.test(error.message));
    await client.writeMeasurement('plain', [{ fields: { v: 1 } }], { retentionPolicy: 'short' });
    const rows = await client.query('SELECT * FROM times');
    const groups = await client.query('SELECT sum(ms) FROM times GROUP BY host');
    const several = await client.queryRaw('SELECT count(v) FROM short.plain; SHOW FIELD KEYS', { precision: 'ms' });
    const bound = await client.query('SELECT load FROM times WHERE host = $host', { placeholders: { host: 'b c' } });
    const names = [
      await client.getMeasurements(),
      await client.getSeries(),
      await client.showRetentionPolicies('node'),
    ];
    const failure = await client.query('SELECT bad(ms) FROM times').catch((error: Error) => error.message);
    await client.createUser('npm', 'secret', false);
    await client.grantPrivilege('npm', 'READ', 'node');
    const users = await client.getUsers();
    await client.dropUser('npm');
    await client.dropMeasurement('times');
    const left = await client.getMeasurements();
    await client.dropDatabase('node');
    const databases = await client.getDatabaseNames();
    return {
      rows: rows.map((row) => ({ ...(row as object) })),
      groups: groups.groups(),
      more: [tooOld, several, [...bound], ...names, failure, [...users], left, databases.includes('node')],
    };
  });
  expect(rows.length).toBe(3);
  expect(rows[1]).toMatchObject({ host: 'b c', load: 1.5, ms: 1, ok: true, path: '/"1"' });
}, 30_000);

describe('@influxdata/influxdb-client', () => {
  async function query(text: string, db: string): Promise<string> {
    const parameters = new URLSearchParams({ q: text, db, epoch: 'ns' });
    return (await fetch(`${varve.url}/query?${parameters}`)).text();
  }

  test('points, packed with gzip, in each precision', async () => {
    const client = new InfluxDB2({ url: varve.url, token: 'any' });
    for (const [precision, time] of [
      ['ns', '1700000000000000000'],
      ['us', '1700000000000000'],
      ['ms', '1700000000000'],
      ['s', '1700000000'],
    ] as const) {
      const api = client.getWriteApi('organization', 'v2', precision, { gzipThreshold: 0, maxRetries: 0 });
      api.useDefaultTags({ precision });
      api.writePoint(new Point('p').intField('n', 1).floatField('f', 0.5).stringField('s', 'a "b"').timestamp(time));
      await api.close();
    }
    const answer = await query('SELECT f, n, s FROM p GROUP BY precision', 'v2');
    for (const precision of ['ns', 'us', 'ms', 's']) {
      expect(answer).toContain(
        `"tags":{"precision":"${precision}"},"columns":["time","f","n","s"],` +
          '"values":[[1700000000000000000,0.5,1,"a \\"b\\""]]',
      );
    }
  });

  test('a bucket is a database and a policy; one that does not exist is an error', async () => {
    await query('CREATE DATABASE v2rp; CREATE RETENTION POLICY week ON v2rp DURATION 7d REPLICATION 1', '');
    const client = new InfluxDB2({ url: varve.url, token: 'any' });
    const write = async (bucket: string, line: string) => {
      const failures: Error[] = [];
      const writeFailed = async (error: Error) => void failures.push(error);
      const api = client.getWriteApi('organization', bucket, 'ns', { maxRetries: 0, writeFailed });
      api.writeRecord(line);
      await api.close();
      return failures[0] ?? null;
    };
    const now = `${Date.now()}000000`;
    expect(await write('v2rp/week', `p v=1 ${now}`)).toBeNull();
    expect(await query('SELECT count(v) FROM week.p', 'v2rp')).toContain('[0,1]');
    const missing = (await write('v2rp/nope', `p v=1 ${now}`)) as HttpError;
    expect([missing.statusCode, missing.code, missing.message]).toEqual([
      404,
      'not found',
      'retention policy not found: nope',
    ]);
    const bad = (await write('v2rp/week', 'p v=x')) as HttpError;
    expect(bad.statusCode).toBe(400);
    expect(bad.message).toContain("unable to parse 'p v=x'");
  });

  test('Flux is refused, and what to use instead is said', async () => {
    const api = new InfluxDB2({ url: varve.url, token: 'any' }).getQueryApi('organization');
    await expect(api.collectRows('from(bucket: "v2")')).rejects.toThrow(/Flux is not supported: query with InfluxQL/);
  });

  test('buckets are listed, found, made and dropped', async () => {
    const call = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${varve.url}${path}`, {
        method,
        headers: { 'content-type': 'application/json', authorization: 'Token any' },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : (JSON.parse(text) as Record<string, unknown>) };
    };
    const { orgs } = (await call('GET', '/api/v2/orgs?org=mine')).body as { orgs: { id: string; name: string }[] };
    expect(orgs.map(({ name }) => name)).toEqual(['mine']);
    const retentionRules = [{ type: 'expire', everySeconds: 86_400 }];
    const made = await call('POST', '/api/v2/buckets', { orgID: orgs[0].id, name: 'pail', retentionRules });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'pail', rp: 'autogen', retentionRules });
    const again = await call('POST', '/api/v2/buckets', { name: 'pail' });
    expect([again.status, again.body?.message]).toEqual([422, 'bucket with name pail already exists']);
    expect((await call('POST', '/api/v2/buckets', { name: 'pail/more' })).status).toBe(201);
    const found = (await call('GET', '/api/v2/buckets?name=pail/more')).body as { buckets: { id: string }[] };
    expect(found.buckets.length).toBe(1);
    expect((await call('GET', '/api/v2/buckets?name=none')).status).toBe(404);
    expect((await call('GET', `/api/v2/buckets/${found.buckets[0].id}`)).body).toMatchObject({ name: 'pail/more' });
    expect((await call('DELETE', `/api/v2/buckets/${found.buckets[0].id}`)).status).toBe(204);
    expect(await query('SHOW RETENTION POLICIES ON pail', '')).not.toContain('more');
    expect((await call('DELETE', `/api/v2/buckets/${(made.body as { id: string }).id}`)).status).toBe(204);
    expect(await query('SHOW DATABASES', '')).not.toContain('pail');
  });
});

describe("InfluxDB 3's write_lp", () => {
  const write = async (query: string, body: string) => {
    const response = await fetch(`${varve.url}/api/v3/write_lp?${query}`, { method: 'POST', body });
    return { status: response.status, body: await response.text() };
  };
  const rows = async (text: string) => {
    const parameters = new URLSearchParams({ db: 'v3', q: text, epoch: 'ns' });
    return (await fetch(`${varve.url}/query?${parameters}`)).text();
  };

  test('the precision is guessed for each line, or said by its long name', async () => {
    const times = ['1700000000', '1700000000001', '1700000000002000', '1700000000003000000', '-1700000000'];
    const lines = times.map((time, i) => `guess v=${i}i ${time}`);
    expect((await write('db=v3', lines.join('\n'))).status).toBe(204);
    expect((await write('db=v3&precision=millisecond&no_sync=true', 'guess v=9i 4')).status).toBe(204);
    const values = [
      '[-1700000000000000000,4]',
      '[4000000,9]',
      ...[0, 1, 2, 3].map((i) => `[170000000000${i}000000,${i}]`),
    ];
    expect(await rows('SELECT v FROM guess')).toContain(`"values":[${values.join(',')}]`);
  });

  test('bad lines are named, and stop the others when that is asked for', async () => {
    const body = 'part v=1 1\npart v=x 2\npart v=3 3';
    const all = await write('db=v3&precision=ns&accept_partial=false', body);
    expect([all.status, JSON.parse(all.body)]).toEqual([
      400,
      {
        error: 'parsing failed for write_lp endpoint',
        data: { original_line: 'part v=x 2', line_number: 2, error_message: 'invalid boolean' },
      },
    ]);
    expect(await rows('SELECT v FROM part')).toBe('{"results":[{"statement_id":0}]}\n');
    const some = await write('db=v3&precision=ns', body);
    expect(some.status).toBe(400);
    expect((JSON.parse(some.body) as { data: unknown[] }).data.length).toBe(1);
    expect(await rows('SELECT v FROM part')).toContain('"values":[[1,1],[3,3]]');
  });
});

describe.skipIf(!havePythonModule('influxdb'))("PyPI's influxdb", () => {
  test('all that it can do', { timeout: 60_000 }, async () => {
    const output = await same(async ({ port }) => {
      const { code, output } = await run(python(), [join(ROOT, 'tests/influxdb-client.py'), port]);
      expect([code, output]).toEqual([0, expect.stringContaining('"none left"')]);
      return output;
    });
    expect(output).toContain('["groups", [[["cpu", {"host": "a b"}], [{"b": true, "f": 1.5, "i": 3,');
  });
});

/** Runs a program to its end, without blocking this one. */
function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const parts: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => parts.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => parts.push(text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: parts.join('') }));
  });
}
