/** The commands that talk to a running server: write, query, export, db. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand, type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const { path: directory, remove } = temporaryDirectory('commands');
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ dataDir: join(directory, 'data'), args: ['--enable-admin-api'] });
});

afterAll(async () => {
  await server.stop();
  remove();
});

function command(...args: string[]): Promise<{ code: number | null; output: string }> {
  return runCommand([...args, '--url', server.url]);
}

/** Runs a command with something to read on stdin. */
async function withInput(input: string, ...args: string[]): Promise<number | null> {
  const child = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), ...args, '--url', server.url], { cwd: ROOT });
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', resolve));
}

const LINES = [
  'all,host=a\\ b,x=\\= f=1.5,i=-9223372036854775808i,u=18446744073709551615u,b=true,s="quoted \\"text\\" \\\\ ä" -1500000001',
  'all,host=a\\ b,x=\\= f=-0,odd\\ field=1e+300 1700000000123456789',
  'other v=3i 1700000000000000000',
];

test('write takes stdin and files, packed ones too, and names bad lines without losing the good ones', async () => {
  expect(await withInput(`${LINES[0]}\n`, 'write', '--db', 'moved')).toBe(0);
  const path = join(directory, 'rest.lp.gz');
  writeFileSync(path, gzipSync(`${LINES.slice(1).join('\n')}\nnot a line\n`));
  const written = await command('write', '--db', 'moved', path);
  expect(written.code).toBe(1);
  expect(written.output).toContain('not a line');
  const missing = await command('write', join(directory, 'nowhere.lp'));
  expect(missing).toMatchObject({ code: 1, output: expect.stringContaining('cannot read') });
});

test('export gives back every value, and writing it elsewhere gives the same again', async () => {
  const exported = await command('export', '--db', 'moved');
  expect(exported.code).toBe(0);
  expect(exported.output.trimEnd().split('\n').sort()).toEqual([...LINES].sort());
  const path = join(directory, 'out.lp.gz');
  expect((await command('export', '--db', 'moved', '-o', path)).code).toBe(0);
  expect(gunzipSync(readFileSync(path)).toString()).toBe(exported.output);
  expect((await command('write', '--db', 'again', path)).code).toBe(0);
  expect((await command('export', '--db', 'again')).output.split('\n').sort()).toEqual(
    exported.output.split('\n').sort(),
  );
  const some = await command('export', '--db', 'moved', '--match', 'all_f', '--start', '1700000000');
  expect(some.output).toBe('all,host=a\\ b,x=\\= f=-0 1700000000123456789\n');
  expect((await command('export', '--db', 'nowhere')).code).toBe(1);
});

test('query prints PromQL and InfluxQL as a table, CSV and JSON', async () => {
  const at = ['--db', 'moved', '--time', '1700000000'];
  expect((await command('query', 'other_v + 1', ...at)).output).toBe(
    'time                      value\n------------------------  -----\n2023-11-14T22:13:20.000Z      4\n',
  );
  expect((await command('query', 'other_v', ...at, '--format', 'csv')).output).toBe(
    '__name__,time,value\nother_v,2023-11-14T22:13:20.000Z,3\n',
  );
  expect(JSON.parse((await command('query', 'other_v', ...at, '--format', 'json')).output).status).toBe('success');
  const influx = await command('query', 'SELECT v FROM other', '--db', 'moved');
  expect(influx.output).toContain('2023-11-14T22:13:20Z  3');
  expect(await command('query', 'sum(', ...at)).toMatchObject({
    code: 1,
    output: expect.stringContaining('parse error'),
  });
});

test('db makes, lists, changes and drops databases', async () => {
  expect((await command('db', 'create', 'short', '--retention', '30d')).code).toBe(0);
  expect((await command('db', 'create', 'short')).output).toContain('it exists');
  expect((await command('db', 'list')).output).toMatch(/^short +0 +0 +0 +30d/m);
  expect((await command('db', 'alter', 'short', '--retention', 'forever')).code).toBe(0);
  const listed = JSON.parse((await command('db', 'list', '--json')).output) as { name: string; retentionMs: number }[];
  expect(listed.find(({ name }) => name === 'short')?.retentionMs).toBe(0);
  expect((await command('db', 'drop', 'short')).output).toContain('--yes');
  expect((await command('db', 'drop', 'short', '--yes')).code).toBe(0);
  expect((await command('db', 'list')).output).not.toContain('short');
});

test('no server is a clear error', async () => {
  const { code, output } = await runCommand(['query', 'up', '--url', 'http://127.0.0.1:1']);
  expect(code).toBe(1);
  expect(output).toContain('cannot reach http://127.0.0.1:1');
});
