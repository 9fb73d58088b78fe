/** `varve import influx`: from a real influxd with every type, interrupted and resumed; and from exported files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { runCommand, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const directory = temporaryDirectory('import');
let varve: ServerProcess;

beforeAll(async () => {
  const args = ['--wal-sync', 'none', '--internal-interval', '0'];
  varve = await startServer({ dataDir: join(directory.path, 'varve'), args });
}, 60_000);

afterAll(async () => {
  await varve.stop();
  directory.remove();
});

async function query(url: string, q: string, db = ''): Promise<string> {
  const response = await fetch(`${url}/query`, { method: 'POST', body: new URLSearchParams({ q, db, epoch: 'ns' }) });
  return response.text();
}

function importFrom(source: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const state = join(directory.path, 'state');
  return runCommand(['import', 'influx', source, '--to', varve.url, '--state', state, ...args]);
}

/** Every type and edge of it, names that need escapes, the ends of time. Lines of policies by database. */
const DATA: [database: string, policy: string, lines: string][] = [
  [
    'all',
    'autogen',
    `types,host=a f=1.5,i=3i,b=true,s="x,y\\"z
l" 1000000000
types,host=a f=-0,i=-9223372036854775808i,b=false,s="" 1000000001
types,host=b f=1e21,i=9223372036854775807i,s="<&> é 😀 \\\\" -1500000000000000001
types,host=c f=5e-324 0
types f=1.7976931348623157e308,host="a field like a tag" 7
ends v=1 -9223372036854775806
ends v=2 9223372036854775806
we\\ ird\\,m\\=,a\\ b=c\\,d\\=e,k=x"y,u=é fi\\ eld="a b",i=5i,"q"=t 1600000000000000000
dots.and/slashes v=1 1`,
  ],
  ['all', 'other policy', 'types,host=a f=99 1600000000000000000'],
  ['all', 'month', 'recent v=1i'],
  ['odd-one', 'its own', 'm v=1 1'],
];

describe.skipIf(!havePrograms('influxd'))('from a running influxd', () => {
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    influxd = await startInfluxd(directory.path);
    await query(
      influxd.url,
      'CREATE DATABASE "all"; CREATE RETENTION POLICY "other policy" ON "all" DURATION INF REPLICATION 1 SHARD DURATION 30d DEFAULT; ' +
        'CREATE RETENTION POLICY month ON "all" DURATION 2592001s REPLICATION 1; ' +
        'CREATE DATABASE "odd-one" WITH DURATION INF REPLICATION 1 NAME "its own"; CREATE DATABASE bare; CREATE DATABASE large',
    );
    for (const [db, rp, body] of DATA) {
      const written = await fetch(`${influxd.url}/write?${new URLSearchParams({ db, rp })}`, { method: 'POST', body });
      expect(written.status).toBe(204);
    }
  }, 60_000);

  afterAll(() => influxd.stop());

  test('a dry source is said to be none', async () => {
    const nobody = await importFrom('http://127.0.0.1:1');
    expect([nobody.code, nobody.output]).toEqual([1, expect.stringContaining('cannot reach http://127.0.0.1:1')]);
    const missing = await importFrom(influxd.url, '--database', 'nope');
    expect([missing.code, missing.output]).toEqual([1, expect.stringContaining("has no database 'nope'")]);
    expect(existsSync(join(directory.path, 'state')), 'what did not begin is not in the way of another').toBe(false);
  });

  test('databases, policies, and every value', async () => {
    const { code, output } = await importFrom(
      influxd.url,
      '--database',
      'all',
      '--database',
      'odd-one',
      '--database',
      'bare',
    );
    expect([code, output]).toEqual([0, expect.stringContaining('imported 12 lines')]);
    expect(existsSync(join(directory.path, 'state'))).toBe(false);
    const statements = [
      'SHOW RETENTION POLICIES ON "all"',
      'SHOW RETENTION POLICIES ON "odd-one"',
      'SHOW RETENTION POLICIES ON bare',
      'SHOW SERIES ON "all"',
      'SELECT * FROM "all".autogen./.*/ GROUP BY *',
      // By name: InfluxDB's wildcard finds the tags of other policies' measurements, too.
      'SELECT * FROM "all"."other policy".types GROUP BY host',
      'SELECT * FROM "all".month.recent',
      ...['autogen', '"other policy"', 'month'].map((policy) => `SHOW FIELD KEYS ON "all" FROM ${policy}./.*/`),
      'SELECT * FROM "odd-one"../.*/ GROUP BY *',
    ];
    for (const statement of statements) {
      const answer = await query(varve.url, statement);
      expect(answer).toBe(await query(influxd.url, statement));
      expect(answer).toContain('"values"');
    }
  }, 60_000);

  test('a field that has several types', async () => {
    await query(influxd.url, 'CREATE DATABASE mixed');
    // InfluxDB keeps a type per shard, that is per week.
    const lines = [
      'v=1.5,w=1i 1',
      'v=2i,w=t 1600000000000000000',
      'v="three",w=f 1500000000000000000',
      'v=true 1400000000000000000',
    ];
    const body = lines.map((line) => `m ${line}`).join('\n');
    expect((await fetch(`${influxd.url}/write?db=mixed`, { method: 'POST', body })).status).toBe(204);
    const { code, output } = await importFrom(influxd.url, '--database', 'mixed');
    expect(code).toBe(0);
    expect(output).toContain('mixed.autogen.m: field v has several types');
    expect(await query(varve.url, 'SELECT * FROM m', 'mixed')).toBe(
      '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v","v_boolean","v_string","w","w_boolean"],"values":[' +
        '[1,1.5,null,null,1,null],[1400000000000000000,null,true,null,null,null],' +
        '[1500000000000000000,null,null,"three",null,false],[1600000000000000000,2,null,null,null,true]]}]}]}\n',
    );
  }, 60_000);

  test('stopped in the middle, it goes on where it was', async () => {
    const shards = 12;
    for (let week = 0; week < shards; week++) {
      const rows = Array.from(
        { length: 20_000 },
        (_, i) => `${i % 2 ? 'b' : 'a'},host=h${i % 50} v=${i}i,w=${i / 8} ${week * 604_800 + i}`,
      );
      const target = `${influxd.url}/write?db=large&precision=s`;
      expect((await fetch(target, { method: 'POST', body: rows.join('\n') })).status).toBe(204);
    }
    const state = join(directory.path, 'state');
    const args = ['import', 'influx', influxd.url, '--to', varve.url, '--state', state, '--database', 'large'];
    const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), ...args], {
      cwd: ROOT,
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const pieces = () => (existsSync(state) ? readFileSync(state, 'utf8').split('\n').length - 2 : 0);
    while (pieces() < 3) await sleep(5);
    child.kill('SIGKILL');
    await ended;
    const done = pieces();
    expect(done).toBeLessThan(2 * shards);
    const other = await importFrom(join(ROOT, 'package.json'));
    expect([other.code, other.output]).toEqual([1, expect.stringContaining('belongs to another import')]);
    const { code, output } = await importFrom(influxd.url, '--database', 'large');
    expect([code, output]).toEqual([0, expect.stringContaining(`going on: ${done} pieces are done`)]);
    expect(output).toContain(`imported ${10_000 * (2 * shards - done)} lines`);
    for (const statement of ['SELECT count(*), sum(*) FROM a, b', 'SELECT last(*) FROM a, b GROUP BY host']) {
      expect(await query(varve.url, statement, 'large')).toBe(await query(influxd.url, statement, 'large'));
    }
  }, 120_000);
});

describe('from exported files', () => {
  const EXPORT = `# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z
# DDL
CREATE DATABASE exported WITH NAME autogen
CREATE DATABASE exported WITH NAME two words
# DML
# CONTEXT-DATABASE:exported
# CONTEXT-RETENTION-POLICY:autogen
# writing tsm data
cpu,host=a f=1.5 1000
cpu,host=a i=3i 1000
cpu,host=a s="x # y
# CONTEXT-DATABASE:evil
z\\" \\\\" 1000
cpu,host=a"b b=true 1000
# writing wal data
# CONTEXT-RETENTION-POLICY:two words
cpu,host=a f=2.5 1000
`;
  const rows = (...values: string[]) => values.map((value) => `"values":[${value}]`);

  test('a directory of them, packed and not', async () => {
    const home = join(directory.path, 'exported');
    mkdirSync(join(home, 'inner'), { recursive: true });
    writeFileSync(join(home, '1.lp.gz'), gzipSync(EXPORT));
    writeFileSync(join(home, 'inner', '2.lp'), '# DML\n# CONTEXT-DATABASE: plain\nm v=1 1\nm v=2 2');
    const { code, output } = await importFrom(home);
    expect([code, output]).toEqual([0, expect.stringContaining('imported')]);
    const answer = await query(
      varve.url,
      'SELECT * FROM exported.autogen.cpu; SELECT * FROM exported."two words".cpu; SELECT v FROM plain..m',
    );
    for (const part of rows(
      '[1000,null,1.5,"a",3,"x # y\\n# CONTEXT-DATABASE:evil\\nz\\" \\\\"],[1000,true,null,"a\\"b",null,null]',
      '[1000,2.5,"a"]',
      '[1,1],[2,2]',
    )) {
      expect(answer).toContain(part);
    }
    expect(await query(varve.url, 'SHOW DATABASES')).not.toContain('evil');
  });

  test('lines that are refused are told of, the others are there', async () => {
    const file = join(directory.path, 'bad.lp');
    writeFileSync(file, 'm v=1 1\nm v=x 2\nm v=3 3\n');
    const homeless = await importFrom(file);
    expect([homeless.code, homeless.output]).toEqual([1, expect.stringContaining('give one with --database')]);
    const { code, output } = await importFrom(file, '--database', 'partly');
    expect([code, output]).toEqual([1, expect.stringContaining("unable to parse 'm v=x 2'")]);
    expect(await query(varve.url, 'SELECT v FROM m', 'partly')).toContain('"values":[[1,1],[3,3]]');
  });

  test('what an earlier run has sent is passed over', async () => {
    const file = join(directory.path, 'long.lp');
    const line = (i: number) => `long,host=${i % 9} v=${i}i,s="${'x'.repeat(80)}" ${i}\n`;
    const text = `# DML\n# CONTEXT-DATABASE:long\n${Array.from({ length: 120_000 }, (_, i) => line(i)).join('')}`;
    writeFileSync(file, text);
    const state = join(directory.path, 'state');
    const sent = text.indexOf('long,host=1 v=60004i');
    const head = JSON.stringify({ varveImport: 1, source: file, target: varve.url });
    // As a run leaves it that was killed behind its second piece, in the middle of noting the third.
    writeFileSync(state, `${head}\n${JSON.stringify({ note: file, value: sent })}\n{"note":"${file}","va`);
    const { code } = await importFrom(file);
    expect(code).toBe(0);
    expect(await query(varve.url, 'SELECT max(v) FROM long', 'long')).toContain('119999]');
    const [, first] = /"values":\[\[(\d+),/.exec(await query(varve.url, 'SELECT v FROM long LIMIT 1', 'long')) ?? [];
    expect(Number(first)).toBeGreaterThan(0);
    expect(Number(first)).toBeLessThanOrEqual(60_004);
  }, 60_000);
});
