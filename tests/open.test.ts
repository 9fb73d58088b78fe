/** The library as its users meet it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { open, type Varve } from '../open.ts';
import { temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const { path: dataDir, remove } = temporaryDirectory('open');
afterAll(remove);

/** The program that is the example of a page, against these sources. */
function exampleOf(page: string): string {
  const program = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, page), 'utf8'))?.[1] ?? '';
  expect(program).toContain("'varve'");
  return program.replace("'varve'", JSON.stringify(join(ROOT, 'open.ts')));
}

/** Runs it in an empty directory; what it prints, and what the page says that it does. */
function runExample(page: string): { printed: string; promised: string } {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const promised = /```text\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  const { path, remove } = temporaryDirectory('example');
  try {
    writeFileSync(join(path, 'example.ts'), exampleOf(page));
    return { printed: execFileSync(process.execPath, ['example.ts'], { cwd: path, encoding: 'utf8' }), promised };
  } finally {
    remove();
  }
}

test('the example of docs/library.md prints what the page says', () => {
  const { printed, promised } = runExample('docs/library.md');
  expect(printed).toBe(promised);
  expect(promised).toContain('attic 21.5');
});

test('the example of README.md prints what it says', () => {
  expect(runExample('README.md').printed).toBe('21.5\n');
});

async function valuesAt(db: Varve, promql: string, timeMs: number): Promise<number[]> {
  const { value } = await db.query(promql, { timeMs });
  if (value.kind !== 'vector') throw new Error(`a ${value.kind} came back`);
  return value.series.map((series) => series.values[0]);
}

test('writes, queries, and finds it all again', async () => {
  const db = await open({ dataDir });
  const outcome = await db.write('room,name=attic temperature=21.5 100\nroom,name=cellar temperature=12 100', {
    precision: 's',
  });
  expect(outcome).toMatchObject({ rows: 2, values: 2, rejected: 0 });
  expect(await valuesAt(db, 'avg(room_temperature)', 100_000)).toEqual([16.75]);
  const { value } = await db.queryRange('room_temperature', { startMs: 40_000, endMs: 160_000, stepMs: 60_000 });
  expect(value.kind === 'vector' && value.series.map(({ present }) => [...present])).toEqual([
    [0, 1, 1],
    [0, 1, 1],
  ]);
  await db.close();
  const again = await open({ dataDir });
  expect(await valuesAt(again, 'room_temperature{name="cellar"}', 100_000)).toEqual([12]);
  await again.close();
});

test('bad lines are named, good ones are kept', async () => {
  const db = await open({ dataDir });
  await expect(db.write('a value=1 100\nb\n', { precision: 's' })).rejects.toMatchObject({
    code: 'bad_line',
    message: expect.stringContaining('line 2'),
  });
  expect(await valuesAt(db, 'a', 100_000)).toEqual([1]);
  await db.close();
});

test('what cannot be meant is refused, and harms nothing that comes after it', async () => {
  const { path, remove: removeAll } = temporaryDirectory('open-refused');
  const db = await open({ dataDir: path });
  await db.write('m v=1');
  for (const name of ['', '..', '/autogen', 'a\u0000metadata', 'a\nb'])
    await expect(db.write('m v=1', { db: name }), name).rejects.toMatchObject({ code: 'bad_request' });
  for (const timeMs of [Number.NaN, Number.POSITIVE_INFINITY])
    await expect(db.query('m_v', { timeMs })).rejects.toMatchObject({ code: 'bad_request' });
  for (const [startMs, endMs, stepMs] of [
    [Number.NaN, 1, 1],
    [0, Number.NaN, 1],
    [0, 1, Number.NaN],
    [0, 1, 0],
  ])
    await expect(db.queryRange('m_v', { startMs, endMs, stepMs })).rejects.toMatchObject({ code: 'bad_request' });
  await expect(db.query('m_v', { timeoutMs: 1e-4 })).rejects.toMatchObject({ code: 'timeout' });
  const { value } = await db.query('m_v');
  expect(value).toMatchObject({ kind: 'vector', series: [{ values: Float64Array.of(1) }] });
  expect(db.databases()).toEqual(['default']);
  await db.close();
  removeAll();
});

test('one directory is open once; what is closed stays closed, however often', async () => {
  const { path, remove: removeAll } = temporaryDirectory('open-twice');
  const db = await open({ dataDir: path });
  await db.write('m v=1');
  await expect(open({ dataDir: path })).rejects.toMatchObject({ code: 'locked' });
  void db.close();
  // The second call waits for the end that the first one began.
  await db.close();
  await (await open({ dataDir: path })).close();
  await db.close();
  const shut = { code: 'shutting_down' };
  await expect(db.write('m v=2')).rejects.toMatchObject(shut);
  await expect(db.query('m_v')).rejects.toMatchObject(shut);
  await expect(db.queryRange('m_v', { startMs: 0, endMs: 1, stepMs: 1 })).rejects.toMatchObject(shut);
  await expect(db.influxql('SELECT * FROM m')).rejects.toMatchObject(shut);
  await expect(db.dropDatabase('default')).rejects.toMatchObject(shut);
  for (const use of [() => db.databases(), () => db.exportLines(), () => db.createDatabase('x')])
    expect(use).toThrow('it was closed');
  const again = await open({ dataDir: path });
  // Writes at once share one sync; each is there when it has resolved.
  await Promise.all(Array.from({ length: 100 }, (_, i) => again.write(`c,i=${i} v=${i}`)));
  const { value } = await again.query('count(c_v) + on() m_v');
  expect(value).toMatchObject({ kind: 'vector', series: [{ values: Float64Array.of(101) }] });
  await again.close();
  removeAll();
});

test('points are rows like any other', async () => {
  const db = await open({ dataDir });
  const outcome = await db.write(
    [
      { measurement: 'p', tags: { host: 'a b' }, fields: { load: 0.5, n: 2n ** 60n, up: true, text: 'x' }, time: 1000 },
      { measurement: 'p', tags: { host: 'a b' }, fields: { load: 1 }, time: 2_000_000_001n },
    ],
    { db: 'points' },
  );
  expect(outcome).toMatchObject({ rows: 2, values: 5 });
  await db.write(
    { measurement: 'p', tags: { host: 'c' }, fields: { load: 2 }, time: new Date(3000) },
    { db: 'points' },
  );
  const [{ series }] = await db.influxql('SELECT * FROM p', { db: 'points' });
  expect(series).toEqual([
    {
      name: 'p',
      tags: {},
      columns: ['time', 'host', 'load', 'n', 'text', 'up'],
      rows: [
        [1_000_000_000n, 'a b', 0.5, 2n ** 60n, 'x', true],
        [2_000_000_001n, 'a b', 1, null, null, null],
        [3_000_000_000n, 'c', 2, null, null, null],
      ],
    },
  ]);
  await expect(db.write({ measurement: 'p', fields: {} })).rejects.toMatchObject({ code: 'bad_request' });
  await db.close();
});

test('InfluxQL: statements, parameters, groups, pieces put together, errors', async () => {
  const db = await open({ dataDir });
  const lines: string[] = [];
  for (let i = 0; i < 25_000; i++) lines.push(`big,host=${i % 2 === 0 ? 'a' : 'b'} v=${i}i ${i}`);
  await db.write(lines.join('\n'), { db: 'q', precision: 's' });
  const results = await db.influxql('SHOW MEASUREMENTS; SELECT v FROM big GROUP BY host', { db: 'q', time: 'ms' });
  expect(results[0].series[0].rows).toEqual([['big']]);
  expect(results[1].series.map(({ tags, rows }) => [tags, rows.length, rows[12_499]])).toEqual([
    [{ host: 'a' }, 12_500, [24_998_000, 24_998]],
    [{ host: 'b' }, 12_500, [24_999_000, 24_999]],
  ]);
  const bound = await db.influxql('SELECT count(v) FROM big WHERE host =~ $hosts AND v >= $least AND time < $end', {
    db: 'q',
    params: { hosts: { regex: '^a$' }, least: 10n, end: '1970-01-01T00:01:40Z' },
  });
  expect(bound[0].series[0].rows[0][1]).toBe(45);
  await expect(db.influxql('SELECT v FROM nope..big')).rejects.toMatchObject({ code: 'not_found' });
  await expect(db.influxql('SELEC')).rejects.toMatchObject({ code: 'bad_request' });
  const stop = AbortSignal.abort();
  await expect(db.influxql('SELECT v FROM big', { db: 'q', signal: stop })).rejects.toMatchObject({ code: 'canceled' });
  await db.close();
});

test('databases are made, changed, listed, exported and dropped', async () => {
  const db = await open({ dataDir });
  db.createDatabase('kept', { retentionMs: 0, partitionDurationSec: 3600 });
  expect(() => db.createDatabase('kept')).toThrow('it exists');
  expect(() => db.createDatabase('a\u0000b')).toThrow('invalid name');
  db.alterDatabase('kept', { retentionMs: 10 * 365 * 86_400_000 });
  expect(db.engine.settings('kept')).toMatchObject({ partitionDurationSec: 3600, retentionMs: 315_360_000_000 });
  const now = Date.now() * 1e6;
  await db.write(`m,t=x f=1,g=2i ${now}\nm,t=y f=3 ${now}`, { db: 'kept' });
  const text = (options: object) => Buffer.concat([...db.exportLines({ db: 'kept', ...options })]).toString();
  expect(text({})).toBe(`m,t=x f=1,g=2i ${now}\nm,t=y f=3 ${now}\n`);
  expect(text({ match: ['m_f{t="x"}'] })).toBe(`m,t=x f=1 ${now}\n`);
  expect(text({ endMs: now / 1e6 - 1 })).toBe('');
  expect(() => db.exportLines({ db: 'nope' })).toThrow('not found');
  await db.dropDatabase('kept');
  expect(db.databases()).not.toContain('kept');
  await db.close();
});

test('the examples of the pages have the right types', () => {
  const { path, remove } = temporaryDirectory('example-types');
  try {
    const files = ['docs/library.md', 'README.md'].map((page, i) => {
      writeFileSync(join(path, `example${i}.ts`), exampleOf(page));
      return join(path, `example${i}.ts`);
    });
    writeFileSync(join(path, 'package.json'), '{"type":"module"}');
    const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'));
    const typeRoots = [join(ROOT, 'node_modules/@types')];
    writeFileSync(
      join(path, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { ...compilerOptions, rewriteRelativeImportExtensions: false, typeRoots },
        files,
      }),
    );
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', path], { encoding: 'utf8' });
    expect(stdout).toBe('');
  } finally {
    remove();
  }
});
