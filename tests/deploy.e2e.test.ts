/**
 * What deploy/ has, as far as it can be run without a container engine: the compose file's parts fit together, its scripts make
 * users that may do what they need and no more, its Prometheus writes and its Grafana reads, systemd takes the unit. With
 * VARVE_LONG=1 the Dockerfile's steps are run, too, and the server from them on a read-only root filesystem.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { buildImage, parseDockerfile, runArguments, type Stage } from './dockerfile.ts';
import { askInfluxql, type DataSource, runPromql } from './grafana-backend.ts';
import { havePrograms } from './peers.ts';
import { answersOk, freePort, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const DEPLOY = join(ROOT, 'deploy');

const healthyOrDone = z.strictObject({ condition: z.enum(['service_healthy', 'service_completed_successfully']) });

/** The part of the compose specification that is used, and nothing else. */
const composeFile = z.strictObject({
  name: z.string(),
  services: z.record(
    z.string(),
    z.strictObject({
      build: z.string().optional(),
      image: z.string(),
      entrypoint: z.array(z.string()).optional(),
      command: z.array(z.string()).optional(),
      environment: z.record(z.string(), z.string()).optional(),
      secrets: z.array(z.string()).optional(),
      volumes: z.array(z.string()).optional(),
      ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
      pid: z.literal('host').optional(),
      read_only: z.boolean().optional(),
      cap_drop: z.tuple([z.literal('ALL')]),
      security_opt: z.array(z.literal('no-new-privileges:true')).optional(),
      stop_grace_period: z.string().optional(),
      restart: z.enum(['no', 'unless-stopped']),
      healthcheck: z.strictObject({ disable: z.literal(true) }).optional(),
      depends_on: z.record(z.string(), healthyOrDone).optional(),
    }),
  ),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
  volumes: z.record(z.string(), z.null()),
});

const compose = composeFile.parse(parseYaml(readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8')));
const { path: directory, remove } = temporaryDirectory('deploy');
const secrets = join(directory, 'secrets');
const secretOf = (name: string) => readFileSync(join(secrets, name), 'utf8').trim();

beforeAll(() => {
  execFileSync(join(DEPLOY, 'make-secrets.sh'), [secrets]);
});

afterAll(remove);

async function until(isTrue: () => Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(100);
  }
}

describe('compose.yaml', () => {
  const services = Object.entries(compose.services);

  test('secrets, volumes and services that are named are there', () => {
    const made = readdirSync(secrets).sort();
    expect(Object.keys(compose.secrets).sort()).toEqual(made);
    for (const [name, { secrets: used = [], volumes = [], depends_on: needed = {} }] of services) {
      for (const secret of used) expect(Object.keys(compose.secrets), name).toContain(secret);
      for (const other of Object.keys(needed)) expect(Object.keys(compose.services), name).toContain(other);
      for (const [source] of volumes.map((volume) => volume.split(':'))) {
        if (source.startsWith('.')) expect(existsSync(resolve(DEPLOY, source)), source).toBe(true);
        else if (!source.startsWith('/')) expect(Object.keys(compose.volumes), name).toContain(source);
      }
    }
  });

  test('Grafana finds provisioning, dashboards and the password where its files say', () => {
    const { volumes = [], environment = {}, secrets: used = [] } = compose.services.grafana;
    const providers = parseYaml(readFileSync(join(DEPLOY, 'grafana/provisioning/dashboards/varve.yaml'), 'utf8'));
    expect(volumes).toContain(`./grafana/dashboards:${providers.providers[0].options.path}:ro`);
    const datasources = readFileSync(join(DEPLOY, 'grafana/provisioning/datasources/varve.yaml'), 'utf8');
    for (const [, name] of datasources.matchAll(/\$\{(\w+)\}/g)) expect(environment).toHaveProperty(name);
    const files = new Set([...datasources.matchAll(/\$__file\{\/run\/secrets\/(\w+)\}/g)].map(([, name]) => name));
    for (const name of files) expect(used).toContain(name);
    expect(files.size).toBeGreaterThan(0);
  });

  test('the server’s settings are settings', () => {
    const documented = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
    const image = parseDockerfile(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).find(({ name }) => name === 'ENV');
    const names = [
      ...Object.keys(compose.services.varve.environment ?? {}),
      ...(image?.text.match(/VARVE_\w+/g) ?? []),
    ];
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) expect(documented).toContain(`\`${name}\``);
  });

  test('the image’s context leaves secrets and what is made here out', () => {
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['deploy/secrets', 'node_modules', 'dist', 'data', '.git']));
  });
});

describe('make-secrets.sh', () => {
  test('makes passwords once, in a directory that nobody else can enter', () => {
    expect(statSync(secrets).mode & 0o777).toBe(0o700);
    const before = readdirSync(secrets).map(secretOf);
    expect(new Set(before).size).toBe(4);
    for (const password of before) expect(password.length).toBeGreaterThanOrEqual(32);
    execFileSync(join(DEPLOY, 'make-secrets.sh'), [secrets]);
    expect(readdirSync(secrets).map(secretOf)).toEqual(before);
  });
});

describe('the servers of compose.yaml', () => {
  let server: ServerProcess;

  beforeAll(async () => {
    // As the container starts it, with the command `varve` on the PATH.
    const passwordFile = join(secrets, 'varve_admin');
    const args = ['--admin-user', 'admin', '--admin-password-file', passwordFile, '--internal-interval', '1s'];
    server = await startServer({ dataDir: join(directory, 'data'), args });
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'varve'), `#!/bin/sh\nexec ${process.execPath} ${join(ROOT, 'cli/main.ts')} "$@"\n`);
    chmodSync(join(bin, 'varve'), 0o755);
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, VARVE_URL: server.url, SECRETS: secrets };
    // The second run finds everything there.
    for (let run = 0; run < 2; run++) execFileSync('/bin/sh', [join(DEPLOY, 'make-users.sh')], { env, stdio: 'pipe' });
  }, 120_000);

  afterAll(async () => {
    await server.stop();
  });

  const status = async (user: string, path: string, init: RequestInit = {}) => {
    const authorization = `Basic ${Buffer.from(`${user}:${secretOf(`varve_${user}`)}`).toString('base64')}`;
    return (await fetch(server.url + path, { ...init, headers: { authorization } })).status;
  };

  test('each may do what it needs, and no more', async () => {
    const query = '/api/v1/query?query=vector(1)';
    const write = { method: 'POST', body: 'm v=1' };
    expect(await status('prometheus', '/write?db=prometheus', write)).toBe(204);
    expect(await status('prometheus', `/db/prometheus${query}`)).toBe(403);
    expect(await status('prometheus', '/write?db=telegraf', write)).toBe(403);
    for (const database of ['prometheus', 'telegraf', '_internal']) {
      expect(await status('grafana', `/db/${database}${query}`)).toBe(200);
      expect(await status('grafana', `/write?db=${database}`, write)).toBe(403);
    }
    expect(await status('grafana', '/query?q=DROP%20DATABASE%20prometheus', { method: 'POST' })).toBe(403);
    expect((await fetch(server.url + query)).status).toBe(401);
  });

  const grafana = (path: string, database?: string): DataSource => ({
    url: server.url + path,
    intervalMs: 1000,
    database,
    user: compose.services.grafana.environment?.VARVE_USER,
    password: secretOf('varve_grafana'),
  });

  test('Grafana comes in by every data source', async () => {
    const toMs = Date.now();
    const range = { fromMs: toMs - 60_000, toMs };
    const ready = await runPromql(grafana('/db/_internal'), 'varve_ready', range, { instant: true });
    expect(ready.map(({ value }) => value?.[1])).toEqual(['1']);
    expect(await runPromql(grafana('/db/prometheus'), 'vector(1)', range, { instant: true })).toHaveLength(1);
    expect(await askInfluxql(grafana('', 'telegraf'), 'SHOW measurements')).toEqual([{ statement_id: 0 }]);
  });

  test.skipIf(!havePrograms('prometheus', 'promtool'))(
    'Prometheus writes, as its file says',
    async () => {
      const port = await freePort();
      const config = join(directory, 'prometheus.yml');
      const text = readFileSync(join(DEPLOY, 'prometheus.yml'), 'utf8')
        .replace('http://varve:8086', server.url)
        .replace('/run/secrets/varve_prometheus', join(secrets, 'varve_prometheus'))
        .replace('localhost:9090', `127.0.0.1:${port}`)
        .replace('scrape_interval: 15s', 'scrape_interval: 1s');
      writeFileSync(config, text);
      execFileSync('promtool', ['check', 'config', config], { stdio: 'pipe' });
      const storage = `--storage.tsdb.path=${join(directory, 'prometheus')}`;
      const listen = `--web.listen-address=127.0.0.1:${port}`;
      const child = spawn('prometheus', [`--config.file=${config}`, storage, listen], { stdio: 'ignore' });
      try {
        const arrived = async () => {
          const toMs = Date.now();
          const up = 'up{job="prometheus"} == 1';
          const range = { fromMs: toMs - 60_000, toMs };
          return (await runPromql(grafana('/db/prometheus'), up, range, { instant: true })).length === 1;
        };
        await until(arrived, 60_000, 'what Prometheus scrapes of itself is there');
      } finally {
        await endOf(child);
      }
    },
    90_000,
  );
});

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('close', () => done());
    if (child.exitCode !== null) done();
    child.kill('SIGTERM');
  });
}

test.skipIf(!havePrograms('systemd-analyze'))('systemd takes the unit', () => {
  const unit = join(DEPLOY, 'varve.service');
  // It ends with another code for anything that it does not know or like.
  execFileSync('systemd-analyze', ['verify', '--man=no', unit], { stdio: 'pipe' });
});

const mayBuild = process.env.VARVE_LONG === '1' && havePrograms('bwrap', 'setpriv') && canIsolate();
if (!mayBuild) console.warn('skipped: the Dockerfile’s steps (they need VARVE_LONG=1, root and namespaces)');

/** In some containers not even root may make namespaces. */
function canIsolate(): boolean {
  if (process.getuid?.() !== 0) return false;
  return spawnSync('bwrap', ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', 'true']).status === 0;
}

describe.skipIf(!mayBuild)('the image', () => {
  let image: Stage;

  beforeAll(() => {
    const home = join(directory, 'image');
    mkdirSync(home);
    chmodSync(directory, 0o755);
    chmodSync(home, 0o755);
    image = buildImage(ROOT, home);
  }, 600_000);

  test('is small, and has nothing that only building needs', () => {
    const app = readdirSync(join(image.root, 'app')).sort();
    expect(app).toEqual(['LICENSE', 'dist', 'healthcheck.mjs', 'node_modules', 'package.json']);
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const modules = join(image.root, 'app/node_modules');
    // npm leaves the empty folders of scopes behind.
    const isEmpty = (name: string) => readdirSync(join(modules, name)).length === 0;
    const installed = readdirSync(modules).filter((name) => name.startsWith('.') || !isEmpty(name));
    for (const name of Object.keys(dependencies)) expect(installed).toContain(name.split('/')[0]);
    for (const name of ['typescript', 'vite', 'vitest', 'playwright-core', '@biomejs']) {
      expect(installed).not.toContain(name);
    }
    const kibibytes = Number(execFileSync('du', ['-sk', join(image.root, 'app')], { encoding: 'utf8' }).split('\t')[0]);
    expect(kibibytes).toBeLessThan(64 * 1024);
  });

  test('serves as another user on a read-only root, is healthy, stops when asked', async () => {
    const port = await freePort();
    const environment = {
      VARVE_LISTEN: `:${port}`,
      ...compose.services.varve.environment,
    };
    const options = { readOnly: true, mounts: { '/run/secrets': secrets }, environment };
    chmodSync(secrets, 0o755);
    mkdirSync(join(image.root, 'run/secrets'), { recursive: true });
    const command = [...image.entrypoint, ...image.command];
    const child = spawn('bwrap', runArguments(image, command, options), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const inside = (words: string[]) =>
      execFileSync('bwrap', runArguments(image, words, options), {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    try {
      const url = `http://127.0.0.1:${port}`;
      await until(() => answersOk(`${url}/-/ready`), 60_000, `ready; it says: ${output}`).catch((error) => {
        throw new Error(`${error.message}${output}`);
      });
      inside(image.healthcheck);
      expect(inside(['id', '-u']).trim()).toBe('10001');
      expect(() => inside(['touch', '/app/file'])).toThrow(/Read-only file system/);
      expect(statSync(join(image.root, 'data')).uid).toBe(10001);
      const authorization = `Basic ${Buffer.from(`admin:${secretOf('varve_admin')}`).toString('base64')}`;
      const headers = { authorization };
      expect((await fetch(`${url}/write?db=d`, { method: 'POST', body: 'm v=1', headers })).status).toBe(204);
      expect(await (await fetch(`${url}/query?db=d&q=select%20v%20from%20m`, { headers })).text()).toContain(',1]');
      expect((await fetch(`${url}/query?q=show%20databases`)).status).toBe(401);
      const page = await (await fetch(`${url}/`)).text();
      expect(page).toContain('<script');
    } finally {
      // bwrap stays outside and does not pass signals on.
      const pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0];
      process.kill(Number(pid), 'SIGTERM');
      await new Promise((done) => {
        child.once('close', done);
      });
    }
    expect(child.exitCode ?? child.signalCode, output).toBe(0);
    expect(output).not.toMatch(/EROFS|EACCES|read-only/i);
    expect(() => inside(image.healthcheck)).toThrow();
  }, 120_000);
});
