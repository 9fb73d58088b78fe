/** Where the server listens and how: HTTPS with certificates that change, and never to all the world without asking who comes. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { freePort, runCommand, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const scratch = temporaryDirectory('listening');
afterAll(() => scratch.remove());

/** Waits until something holds. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`in vain waited until ${what}`);
    await sleep(50);
  }
}

describe.skipIf(!havePrograms('openssl'))('HTTPS', () => {
  const at = (name: string) => join(scratch.path, name);
  let server: ServerProcess;
  let port = 0;

  function makePair(name: string): void {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'],
        ...['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)],
      ],
      { stdio: 'ignore' },
    );
  }

  function install(certificate: string, key: string): void {
    for (const [from, to] of [
      [certificate, 'live.pem'],
      [key, 'live.key'],
    ]) {
      cpSync(at(from), at(`${to}.new`));
      renameSync(at(`${to}.new`), at(to));
    }
  }

  /** The name in the certificate that a new connection is shown. */
  function shownName(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.end();
      });
      socket.once('error', reject);
    });
  }

  function get(path: string, agent: Agent): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest({ host: '127.0.0.1', port, path, agent }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
      });
      request.once('error', reject).end();
    });
  }

  beforeAll(async () => {
    for (const name of ['first', 'second', 'third']) makePair(name);
    install('first.pem', 'first.key');
    port = await freePort();
    server = await startServer({
      dataDir: at('data'),
      args: ['--tls-certificate', at('live.pem'), '--tls-key', at('live.key'), '--listen', `127.0.0.1:${port}`],
      url: `https://127.0.0.1:${port}`,
      // The certificate vouches for itself; that it is the right one is what the test looks at.
      isListening: async () => (await shownName().catch(() => '')) !== '',
    });
  });

  afterAll(async () => {
    await server?.stop();
  });

  test('answers by TLS with the certificate, and not without TLS', async () => {
    const agent = new Agent({ ca: readFileSync(at('first.pem')) });
    await until('it is ready', async () => (await get('/-/ready', agent)) === 200);
    await expect.poll(() => server.output()).toContain(`https://127.0.0.1:${port}`);
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
    agent.destroy();
  });

  test('files that change are used for new connections, while open ones go on', async () => {
    const agent = new Agent({ ca: readFileSync(at('first.pem')), keepAlive: true, maxSockets: 1 });
    expect(await get('/health', agent)).toBe(200);
    install('second.pem', 'second.key');
    await until('the new certificate is shown', async () => (await shownName()) === 'second');
    // A new connection would not trust the second certificate.
    expect(await get('/health', agent)).toBe(200);
    agent.destroy();
  });

  test('a key that does not fit, and nonsense, leave the pair from before in use, and are logged', async () => {
    install('third.pem', 'first.key');
    await until('it is logged', () => server.output().includes('it is not the one of certificate'));
    expect(await shownName()).toBe('second');
    writeFileSync(at('live.pem'), 'no certificate');
    await until('it is logged', () => server.output().includes('cannot use certificate'));
    expect(await shownName()).toBe('second');
    await expect.poll(() => server.output()).toContain('stays in use');
  });

  test('SIGHUP reads the files again', async () => {
    const before = server.output().split('the TLS certificate was replaced').length;
    install('third.pem', 'third.key');
    server.child.kill('SIGHUP');
    await until('the certificate is shown', async () => (await shownName()) === 'third');
    expect(server.output().split('the TLS certificate was replaced').length).toBeGreaterThan(before);
  });

  test('a start with a key that does not fit is refused', async () => {
    const { code, output } = await runCommand([
      ...['serve', '--listen', '127.0.0.1:0', '--data', at('never')],
      ...['--tls-certificate', at('first.pem'), '--tls-key', at('second.key')],
    ]);
    expect(code).toBe(2);
    expect(output).toContain('it is not the one of certificate');
  });
});

describe('without authentication', () => {
  const serveAt = (address: string, name: string, ...more: string[]) =>
    runCommand(['serve', '--listen', address, '--data', join(scratch.path, name), ...more]);

  test('an address that others reach is refused, with what to do', async () => {
    for (const address of [':0', '[::]:0']) {
      const { code, output } = await serveAt(address, 'refused');
      expect(code, address).toBe(2);
      expect(output).toContain('refused to listen');
      expect(output).toContain('varve user create admin --admin');
      expect(output).toContain('--allow-anonymous-remote-access');
    }
    expect((await serveAt(':0', 'refused', '--auth-enabled', 'false')).output).toContain('refused to listen');
  });

  test('who began to make the first administrator before there was one, and goes on behind it, is refused', async () => {
    const dataDir = join(scratch.path, 'slow-founder');
    const server = await startServer({ dataDir, args: ['--auth-enabled', 'true'] });
    const user = (name: string) => new URLSearchParams({ name, password: 'x', admin: 'true' }).toString();
    const query = new URLSearchParams({ q: `CREATE USER eve WITH PASSWORD 'x' WITH ALL PRIVILEGES` }).toString();
    /** Sends all but the last byte of a body, and that when it is told to; the status of the answer. */
    const begin = (path: string, body: string) => {
      const request = httpRequest({
        port: server.port,
        host: '127.0.0.1',
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length },
      });
      request.write(body.slice(0, -1));
      return async () => {
        request.end(body.slice(-1));
        const [response] = await once(request, 'response');
        response.resume();
        return response.statusCode;
      };
    };
    const others = [begin('/api/v1/users', user('eve')), begin('/query', query)];
    await sleep(200);
    const body = new URLSearchParams(user('root'));
    expect((await fetch(`${server.url}/api/v1/users`, { method: 'POST', body })).status).toBe(200);
    await Promise.all(others.map((end) => end()));
    const headers = { authorization: `Basic ${btoa('root:x')}` };
    const { data } = (await (await fetch(`${server.url}/api/v1/users`, { headers })).json()) as { data: object[] };
    expect(data).toEqual([{ name: 'root', admin: true, grants: [] }]);
    await server.stop();
  });

  test('the first administrator comes from the environment, and lets the server listen everywhere', async () => {
    const dataDir = join(scratch.path, 'first-admin');
    const port = await freePort();
    const secret = 'from the environment';
    const args = ['--listen', `:${port}`, '--admin-user', 'root'];
    const start = (env: Record<string, string>) => startServer({ dataDir, args, env, url: `http://127.0.0.1:${port}` });
    let server = await start({ VARVE_ADMIN_PASSWORD: secret });
    const whoami = async (password: string) =>
      (await fetch(`${server.url}/api/v1/whoami`, { headers: { authorization: `Basic ${btoa(`root:${password}`)}` } }))
        .status;
    expect(await whoami(secret)).toBe(200);
    expect((await fetch(`${server.url}/api/v1/databases`)).status).toBe(401);
    expect(server.output()).not.toContain(secret);
    await server.stop();
    // Who is there already keeps the password that was set.
    server = await start({ VARVE_ADMIN_PASSWORD: 'another' });
    expect(await whoami(secret)).toBe(200);
    expect(await whoami('another')).toBe(401);
    // Dropping everybody does not open a server that the world can reach.
    const drop = await fetch(`${server.url}/api/v1/users/root`, {
      method: 'DELETE',
      headers: { authorization: `Basic ${btoa(`root:${secret}`)}` },
    });
    expect(drop.status).toBe(204);
    expect((await fetch(`${server.url}/api/v1/databases`)).status).toBe(401);
    // Nor does it let the next one who comes be the administrator.
    const body = new URLSearchParams({ name: 'eve', password: 'x', admin: 'true' });
    expect((await fetch(`${server.url}/api/v1/users`, { method: 'POST', body })).status).toBe(401);
    const form = { q: `CREATE USER eve WITH PASSWORD 'x' WITH ALL PRIVILEGES` };
    const asked = await fetch(`${server.url}/query`, { method: 'POST', body: new URLSearchParams(form) });
    expect(asked.status).toBe(401);
    await server.stop();
    expect((await serveAt(':0', 'no-password', '--admin-user', 'root')).output).toContain('VARVE_ADMIN_PASSWORD');
  });
});

test('where there are tokens, but no administrator, nobody may become one', async () => {
  const dataDir = join(scratch.path, 'tokens-only');
  const made = await runCommand(['token', 'create', '--write', 'telegraf', '--data', dataDir]);
  expect(made.output).toMatch(/^varve_/);
  const server = await startServer({ dataDir });
  const body = new URLSearchParams({ name: 'eve', password: 'x', admin: 'true' });
  for (const authorization of ['', `Token ${made.output.trim()}`, `Basic ${btoa('eve:x')}`]) {
    const answer = await fetch(`${server.url}/api/v1/users`, { method: 'POST', body, headers: { authorization } });
    expect(answer.status, authorization).toBe(authorization.startsWith('Token') ? 403 : 401);
  }
  await server.stop();
});

describe('varve user and varve token', () => {
  test('work on a data directory, then on the server that has it', async () => {
    const dataDir = join(scratch.path, 'commands');
    const create = await runCommand(['user', 'create', 'root', '--admin', '--data', dataDir], { input: 'first\n' });
    expect(create).toEqual({ code: 0, output: '' });
    const server = await startServer({ dataDir });
    const offline = await runCommand(['user', 'list', '--data', dataDir]);
    expect(offline.code).toBe(1);
    expect(offline.output).toContain('leave out --data');
    const env = { VARVE_URL: server.url, VARVE_USERNAME: 'root', VARVE_PASSWORD: 'first' };
    const run = (args: string[], input = '') => runCommand(args, { env, input });
    expect((await run(['db', 'create', 'telegraf'])).code).toBe(0);
    expect(await run(['user', 'create', 'ann'], 'of ann')).toEqual({ code: 0, output: '' });
    expect((await run(['user', 'grant', 'ann', 'telegraf', 'read'])).code).toBe(0);
    expect((await run(['user', 'grant', 'ann', 'missing', 'read'])).output).toContain('database not found: missing');
    expect((await run(['user', 'list'])).output).toContain('ann   no     telegraf:read');
    const { output } = await run(['token', 'create', '--write', 'telegraf', '--description', 'agent']);
    const headers = { authorization: `Token ${output.trim()}` };
    const write = (body: string) => fetch(`${server.url}/write?db=telegraf`, { method: 'POST', headers, body });
    expect((await write('m value=1')).status).toBe(204);
    const listed = await run(['token', 'list']);
    expect(listed.output).toContain('telegraf:write');
    const id = /^[0-9a-f]{12}/m.exec(listed.output)?.[0] as string;
    expect((await run(['token', 'revoke', id])).code).toBe(0);
    expect((await write('m value=1')).status).toBe(401);
    expect((await run(['user', 'password', 'root'], 'second\n')).code).toBe(0);
    expect((await run(['user', 'list'])).output).toContain('authorization failed');
    env.VARVE_PASSWORD = 'second';
    expect((await run(['user', 'drop', 'ann'])).code).toBe(0);
    expect((await run(['user', 'list'])).output).not.toContain('ann');
    await server.stop();
  }, 240_000);
});
