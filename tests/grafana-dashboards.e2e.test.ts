/**
 * The dashboards of deploy/grafana, opened as Grafana opens them: every variable has choices and every query brings numbers.
 * Node exporter's data is a real node_exporter's, scraped by a real Prometheus that writes on to Varve; Telegraf's are lines
 * as its plugins write them; Varve's are the server's own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import {
  askPrometheus,
  type DataSource,
  fillIn,
  runInfluxql,
  runPromql,
  type TimeRange,
  type Variables,
} from './grafana-backend.ts';
import { DASHBOARDS, type Dashboard, hasNumbers, openVariables, readDashboard } from './grafana-dashboard.ts';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { freePort, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';
import { telegrafLines } from './telegraf-lines.ts';

const GRAFANA = join(ROOT, 'deploy/grafana');

/** Windows of $__rate_interval are four scrapes long, and must be full before anything is asked. */
const SCRAPES = 8;

const haveNode = havePrograms('prometheus', 'prometheus-node-exporter');
const { path: directory, remove } = temporaryDirectory('dashboards');
const children: ChildProcess[] = [];
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ dataDir: join(directory, 'varve'), args: ['--internal-interval', '1s'] });
}, 60_000);

afterAll(async () => {
  await Promise.all(children.map(ended));
  await server.stop();
  remove();
});

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('close', () => done());
    if (child.exitCode !== null) done();
    child.kill('SIGTERM');
  });
}

/** The last fifteen minutes: a panel of 1,000 pixels then has a step of a second. */
function lastMinutes(): TimeRange {
  const toMs = Date.now();
  return { fromMs: toMs - 15 * 60_000, toMs };
}

/** A panel or an annotation, and a query of it that brought nothing. */
async function withoutNumbers(
  opened: Dashboard,
  source: DataSource,
  range: TimeRange,
  variables: Variables,
): Promise<string[]> {
  const missing: string[] = [];
  const look = async (title: string, query: { expr?: string; query?: string; instant?: boolean }) => {
    const language = query.expr === undefined ? 'influxql' : 'promql';
    const text = fillIn(query.expr ?? query.query ?? '', variables, language);
    const series =
      language === 'promql'
        ? await runPromql(source, text, range, { instant: query.instant })
        : await runInfluxql(source, text, range);
    if (!hasNumbers(series)) missing.push(`${title}: ${text}`);
  };
  for (const { title, targets = [] } of opened.panels) {
    for (const target of targets) await look(title, target);
  }
  for (const { name, expr, query } of opened.annotations.list) await look(`annotation ${name}`, { expr, query });
  return missing;
}

describe('files', () => {
  const datasources = z.strictObject({
    apiVersion: z.literal(1),
    datasources: z.array(
      z.strictObject({
        name: z.string(),
        uid: z.string(),
        type: z.enum(['prometheus', 'influxdb']),
        access: z.literal('proxy'),
        basicAuth: z.literal(true),
        basicAuthUser: z.literal('$' + '{VARVE_USER}'),
        url: z.string(),
        isDefault: z.boolean().optional(),
        editable: z.boolean(),
        jsonData: z.record(z.string(), z.unknown()),
        secureJsonData: z.strictObject({ basicAuthPassword: z.string() }),
      }),
    ),
  });
  const provisioned = datasources.parse(readYaml('datasources/varve.yaml')).datasources;

  test('every dashboard is checked here', () => {
    const files = readdirSync(join(GRAFANA, 'dashboards'));
    expect(files.sort()).toEqual(DASHBOARDS.map((name) => `${name}.json`));
  });

  test('dashboards stand on data sources that are provisioned', () => {
    const kinds = new Map(provisioned.map(({ uid, type }) => [uid, type]));
    for (const name of DASHBOARDS) {
      const choice = readDashboard(name).templating.list.find(({ type }) => type === 'datasource');
      const { value } = (choice as unknown as { current: { value: string } }).current;
      expect(kinds.get(value), name).toBe(choice?.query);
    }
    expect(provisioned.filter(({ isDefault }) => isDefault)).toHaveLength(1);
  });

  test('panels have an id of their own and lie beside one another', () => {
    for (const name of DASHBOARDS) {
      const { panels } = readDashboard(name);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = new Set<string>();
      for (const { gridPos, title } of panels) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(cells.has(`${x},${y}`), `${name}: ${title} lies on another panel`).toBe(false);
            cells.add(`${x},${y}`);
          }
        }
      }
    }
  });

  test('the version that is said to be there is the server’s', async () => {
    const { version } = (await askPrometheus(sourceOf('default'), 'api/v1/status/buildinfo', {}, 'GET')) as {
      version: string;
    };
    for (const { type, jsonData } of provisioned) {
      if (type === 'prometheus') expect(jsonData.prometheusVersion).toBe(version);
    }
  });
});

function readYaml(path: string): unknown {
  return parseYaml(readFileSync(join(GRAFANA, 'provisioning', path), 'utf8'));
}

function sourceOf(database: string): DataSource {
  return { url: `${server.url}/db/${database}`, intervalMs: 1000 };
}

describe.skipIf(!haveNode)('Node exporter', () => {
  const source = () => sourceOf('prometheus');

  beforeAll(async () => {
    const [exporter, prometheus] = [await freePort(), await freePort()];
    const config = join(directory, 'prometheus.yml');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', scrape_timeout: '1s' },
        scrape_configs: [{ job_name: 'node', static_configs: [{ targets: [`127.0.0.1:${exporter}`] }] }],
        remote_write: [{ url: `${source().url}/api/v1/write`, queue_config: { batch_send_deadline: '500ms' } }],
      }),
    );
    const listen = (port: number) => `--web.listen-address=127.0.0.1:${port}`;
    const storage = `--storage.tsdb.path=${join(directory, 'prometheus')}`;
    children.push(
      spawn('prometheus-node-exporter', [listen(exporter)], { stdio: 'ignore' }),
      spawn('prometheus', [`--config.file=${config}`, storage, listen(prometheus)], { stdio: 'ignore' }),
    );
    const deadline = Date.now() + 90_000;
    for (;;) {
      const up = await runPromql(source(), `count_over_time(up{job="node"}[1m])`, lastMinutes(), { instant: true });
      if (Number(up[0]?.value?.[1]) >= SCRAPES) return;
      if (Date.now() > deadline) throw new Error('Prometheus does not write what it scrapes');
      await sleep(250);
    }
  }, 120_000);

  test('every query brings numbers', async () => {
    const dashboard = readDashboard('node-exporter');
    const range = lastMinutes();
    const variables = await openVariables(dashboard, source(), range);
    expect(variables.get('instance')).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await withoutNumbers(dashboard, source(), range, variables)).toEqual([]);
  }, 60_000);
});

describe('Telegraf system', () => {
  let influxd: InfluxdProcess | null = null;
  let range: TimeRange;
  const dashboard = readDashboard('telegraf-system');
  const sourceAt = (url: string): DataSource => ({ url, intervalMs: 10_000, database: 'telegraf' });

  beforeAll(async () => {
    range = lastMinutes();
    const lines = telegrafLines({ ...range, intervalMs: 10_000 });
    if (havePrograms('influxd')) influxd = await startInfluxd(directory);
    for (const url of [server.url, ...(influxd === null ? [] : [influxd.url])]) {
      await fetch(`${url}/query?q=CREATE%20DATABASE%20telegraf`, { method: 'POST' });
      const written = await fetch(`${url}/write?db=telegraf&consistency=any`, { method: 'POST', body: lines });
      expect(written.status).toBe(204);
    }
  }, 60_000);

  afterAll(async () => {
    await influxd?.stop();
  });

  test('every query brings numbers', async () => {
    const source = sourceAt(server.url);
    const variables = await openVariables(dashboard, source, range);
    expect(variables).toEqual(
      new Map<string, unknown>([
        ['host', 'web-01.example'],
        ['interface', ['eth0', 'lo']],
        ['path', ['/', '/var/lib/data']],
      ]),
    );
    expect(await withoutNumbers(dashboard, source, range, variables)).toEqual([]);
  }, 60_000);

  test('every answer is influxd’s', async () => {
    if (influxd === null) return;
    const [ours, theirs] = [sourceAt(server.url), sourceAt(influxd.url)];
    const variables = await openVariables(dashboard, ours, range);
    expect(await openVariables(dashboard, theirs, range)).toEqual(variables);
    const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ query }) => query));
    for (const query of [...queries, ...dashboard.annotations.list.map((one) => one.query)]) {
      const text = fillIn(query ?? '', variables, 'influxql');
      expect(await runInfluxql(ours, text, range), text).toEqual(await runInfluxql(theirs, text, range));
    }
  }, 60_000);
});

describe('Varve', () => {
  /** Some of everything that is counted: writes, a refused line, queries, an error. */
  async function keepBusy(): Promise<void> {
    for (let i = 0; i < SCRAPES; i++) {
      await fetch(`${server.url}/write`, { method: 'POST', body: `busy,host=a n=${i}i\nbusy,host= n=` });
      await fetch(`${server.url}/api/v1/query?query=busy_n`);
      await fetch(`${server.url}/api/v1/query?query=busy_n(`);
      await fetch(`${server.url}/query?q=SELECT%20n%20FROM%20busy`);
      await sleep(700);
    }
  }

  test('every query brings numbers', async () => {
    const source = sourceOf('_internal');
    const dashboard = readDashboard('varve');
    const busy = keepBusy();
    let missing: string[] = [];
    // A counter of something that has just happened for the first time has a rate from its second value on.
    const deadline = Date.now() + 60_000;
    do {
      await Promise.race([busy, sleep(2000)]);
      const range = lastMinutes();
      const variables = await openVariables(dashboard, source, range);
      expect(variables.get('job')).toBe('varve');
      missing = await withoutNumbers(dashboard, source, range, variables);
    } while (missing.length > 0 && Date.now() < deadline);
    await busy;
    expect(missing).toEqual([]);
  }, 120_000);
});
