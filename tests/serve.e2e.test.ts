/** The command line and its life: start, lock, refusals that say what to do, stop. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { instant } from './prometheus-client.ts';
import { freePort, runCommand, sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('serve');
afterAll(remove);

test('--version and --help', async () => {
  expect(await runCommand(['--version'])).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  const help = await runCommand(['serve', '--help']);
  expect(help.code).toBe(0);
  expect(help.output).toContain('--wal-sync');
  expect(help.output).toContain('Examples:');
});

test('wrong usage exits with 2 and says what would be right', async () => {
  const wrong = await runCommand(['serve', '--listen', 'nowhere']);
  expect(wrong.code).toBe(2);
  expect(wrong.output).toContain('--listen: give HOST:PORT');
  expect((await runCommand(['dance'])).code).toBe(2);
});

test('settings come from a file too, and config check says where from, or what is wrong', async () => {
  const path = join(directory, 'varve.yml');
  writeFileSync(path, 'retention: 30d\nmerge-rate: 5MiB\n');
  const right = await runCommand(['config', 'check', '--config', path, '--retention', '31d']);
  expect(right.code).toBe(0);
  expect(right.output).toMatch(/^retention +31d +\(flag\)$/m);
  expect(right.output).toMatch(/^merge-rate +5MiB +\(file\)$/m);
  writeFileSync(path, 'retenton: 30d\n');
  for (const command of [['config', 'check'], ['serve']]) {
    const wrong = await runCommand([...command, '--config', path]);
    expect(wrong.code).toBe(2);
    expect(wrong.output).toContain(`${path}:1: there is no setting 'retenton'; is it 'retention'?`);
  }
});

test('SIGTERM finishes, flushes and exits with 0, and the data is there after', async () => {
  const dataDir = join(directory, 'term');
  const first = await startServer({ dataDir });
  const response = await fetch(`${first.url}/write?precision=s`, { method: 'POST', body: 'room temperature=21.5 100' });
  expect(response.status).toBe(204);
  expect(await first.stop('SIGTERM')).toBe(0);
  const second = await startServer({ dataDir });
  expect(await instant(second.url, 'room_temperature', 100)).toEqual([
    { metric: { __name__: 'room_temperature' }, value: [100, '21.5'] },
  ]);
  expect(await second.stop('SIGINT')).toBe(0);
});

test('SIGHUP, as a reload by systemd sends it, ends nothing where there is nothing to read again', async () => {
  const server = await startServer({ dataDir: join(directory, 'hup') });
  server.child.kill('SIGHUP');
  for (let i = 0; i < 5; i++) {
    await sleep(50);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  }
  expect(await server.stop()).toBe(0);
});

test('requests under way are finished when it stops', async () => {
  const dataDir = join(directory, 'under-way');
  const server = await startServer({ dataDir });
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      feed = controller;
    },
  });
  const encoder = new TextEncoder();
  const writing = fetch(`${server.url}/write?precision=s`, { method: 'POST', body, duplex: 'half' } as RequestInit);
  feed?.enqueue(encoder.encode('slow value=1 100\n'));
  await sleep(200);
  const stopped = server.stop('SIGTERM');
  await sleep(200);
  feed?.enqueue(encoder.encode('slow value=2 101\n'));
  feed?.close();
  expect((await writing).status).toBe(204);
  expect(await stopped).toBe(0);
  const again = await startServer({ dataDir });
  expect((await instant(again.url, 'slow[10s]', 101))[0]?.values).toHaveLength(2);
  await again.stop();
});

test('a second server on the same directory is refused with 3', async () => {
  const dataDir = join(directory, 'lock');
  const server = await startServer({ dataDir });
  const second = await runCommand(['serve', '--listen', '127.0.0.1:0', '--data', dataDir]);
  expect(second.code).toBe(3);
  expect(second.output).toMatch(/lock|in use|another/i);
  expect(second.output).toContain(dataDir);
  await server.stop('SIGKILL');
  // A killed process leaves no lock behind.
  const after = await startServer({ dataDir });
  expect(await after.stop()).toBe(0);
});

test('a port in use is refused with 4 before the data is touched', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const dataDir = join(directory, 'port');
  const refused = await runCommand(['serve', '--listen', `127.0.0.1:${port}`, '--data', dataDir]);
  expect(refused.code).toBe(4);
  expect(refused.output).toContain('--listen');
  other.close();
});

test('a data directory that is a file is refused with 3', async () => {
  const dataDir = join(directory, 'file');
  writeFileSync(dataDir, 'not a directory');
  const refused = await runCommand(['serve', '--listen', '127.0.0.1:0', '--data', dataDir]);
  expect(refused.code).toBe(3);
  expect(refused.output).toContain(dataDir);
  rmSync(dataDir);
  mkdirSync(dataDir);
});

test('the curl lines it prints at the start work as they are', async () => {
  const server = await startServer({ dataDir: join(directory, 'greeting') });
  const lines = [...server.output().matchAll(/curl .+/g)].map(([line]) => line.replace('curl', 'curl -sSf'));
  expect(lines).toHaveLength(2);
  execFileSync('sh', ['-c', lines[0]]);
  const answer = execFileSync('sh', ['-c', lines[1]]).toString();
  expect(JSON.parse(answer).data.result[0]).toMatchObject({
    metric: { __name__: 'room_temperature', name: 'attic' },
    value: [expect.any(Number), '21.5'],
  });
  await server.stop();
});
