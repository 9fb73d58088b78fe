/**
 * The package as a user gets it: packed, installed with npm somewhere else together with what it depends on, used as a
 * library with types, as a command by npx, and with the page that it serves.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answersOk, freePort, sleep } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const directory = mkdtempSync(join(tmpdir(), 'varve-package-'));
const installed = join(directory, 'node_modules/varve');

const run = (command: string, args: string[], cwd = directory) =>
  execFileSync(command, args, { cwd, encoding: 'utf8' });

beforeAll(() => {
  const packed = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', directory], ROOT));
  writeFileSync(join(directory, 'package.json'), '{"name":"elsewhere","private":true,"type":"module"}');
  run('npm', ['install', '--silent', '--prefer-offline', '--no-audit', '--no-fund', `./${packed[0].filename}`]);
}, 300_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('holds compiled files, types, the page and the kernel, and no sources or tests', () => {
  const files = readdirSync(installed, { recursive: true }).map(String);
  const made = ['dist/ui/dist/index.html', 'dist/ingest/kernel/remote-kernel.wasm'];
  expect(files).toEqual(expect.arrayContaining(['dist/open.js', 'dist/open.d.ts', ...made]));
  expect(files.filter((name) => /(?<!\.d)\.ts$|\.test\.|^(?:ui|tests|bench)\//.test(name))).toEqual([]);
});

it('is a library that writes, queries and flushes on its background thread', () => {
  writeFileSync(
    join(directory, 'use.mjs'),
    `import { open } from 'varve';
     const db = await open({ dataDir: 'data' });
     await db.write('room,name=attic temperature=21.5 1700000000000000000');
     const { value } = await db.query('room_temperature * 2', { timeMs: 1700000000000 });
     await db.close();
     console.log(value.series[0].values[0]);`,
  );
  expect(run(process.execPath, ['use.mjs']).trim()).toBe('43');
  expect(readdirSync(join(directory, 'data/db/1')).some((name) => name.endsWith('.tsm'))).toBe(true);
});

it('has types, which a strict compiler takes and which find mistakes', () => {
  const compile = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    const strict = ['--strict', '--noEmit', '--skipLibCheck', 'false', '--types', 'node'];
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types')];
    const modern = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable,dom'];
    try {
      return run(process.execPath, [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        ...strict,
        ...types,
        ...modern,
        name,
      ]);
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  const use = (dataDir: string) => `import { open } from 'varve';
    const db = await open({ dataDir: ${dataDir} });
    await db.write('m v=1');
    const answer = await db.query('m_v');
    console.log(answer.value.kind);
    await db.close();`;
  expect(compile('right.mts', use("'data'"))).toBe('');
  expect(compile('wrong.mts', use('5'))).toContain("Type 'number' is not assignable to type 'string'");
}, 60_000);

it('is a command, with a server that has the page', async () => {
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  expect(run('npx', ['--no-install', 'varve', '--version']).trim()).toBe(version);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ['--no-install', 'varve', 'serve', '--listen', `127.0.0.1:${port}`, '--data', 'served'];
  // A group of its own, as npx starts a shell and that the server.
  const child = spawn('npx', args, { cwd: directory, stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for (let i = 0; !(await answersOk(`${url}/-/ready`)); i++) {
      if (i === 600) throw new Error('the server does not start');
      await sleep(100);
    }
    const page = await fetch(`${url}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg))"/g)].map(
      ([, path]) => new URL(path, `${url}/`),
    );
    expect(assets.length).toBeGreaterThan(1);
    for (const asset of assets) {
      const response = await fetch(asset);
      expect(response.status, String(asset)).toBe(200);
      expect((await response.text()).length).toBeGreaterThan(0);
    }
    await fetch(`${url}/write`, { method: 'POST', body: 'm v=1' });
    const answer = await (await fetch(`${url}/api/v1/query?query=m_v`)).json();
    expect(answer).toMatchObject({ status: 'success', data: { result: [{ value: [expect.any(Number), '1'] }] } });
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await ended;
  }
}, 90_000);
