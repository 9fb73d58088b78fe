/**
 * Beside the real thing: Debian's Prometheus scrapes a real node_exporter, remote-writes to Varve, and both are asked
 * the same questions at instants that both have. The answers must be the same.
 *
 * Prometheus 2 takes the sample at the left end of a range and Prometheus 3 does not, so instants are chosen that no
 * sample's time lies a whole number of seconds away from. VARVE_LONG=1 runs for two minutes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { instant, range, type Series, sampleValue } from './prometheus-client.ts';
import { answersOk, freePort, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const RUN_SEC = process.env.VARVE_LONG === '1' ? 120 : 30;

/**
 * No window may begin before the first scrape: where a young counter's does, Prometheus 2 and 3 extrapolate differently.
 * The longest window is 15 s, and the first scrapes come within 3 s.
 */
const WARM_UP_SEC = 19;

const QUERIES = [
  'up',
  'node_load1',
  'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
  'node_cpu_seconds_total',
  'node_cpu_seconds_total{mode!~"idle|iowait"}',
  'rate(node_cpu_seconds_total{mode="idle"}[10s])',
  'sum by (mode) (rate(node_cpu_seconds_total[15s]))',
  'irate(node_context_switches_total[10s])',
  'increase(prometheus_tsdb_head_samples_appended_total[12s])',
  'delta(node_memory_MemFree_bytes[10s])',
  'topk(3, sum by (mode) (node_cpu_seconds_total))',
  'avg without (cpu, mode) (node_cpu_seconds_total)',
  'count(node_scrape_collector_success)',
  'min by (job) (scrape_duration_seconds)',
  'max_over_time(scrape_samples_scraped[10s])',
  'quantile(0.9, node_scrape_collector_duration_seconds)',
  'avg_over_time(node_load1[10s])',
  'count_over_time(up[10s])',
  'sum(rate(node_cpu_seconds_total[10s] offset 3s))',
  'node_network_receive_bytes_total * on (instance, device) group_left (operstate) node_network_info',
  'sum by (job) (up) > bool 0',
  'abs(node_timex_offset_seconds) + time() * 0',
  'histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[15s])))',
];

/** What Varve's PromQL does not have yet; the list is to become empty. */
const LATER: readonly string[] = [];

const ready = havePrograms('prometheus', 'prometheus-node-exporter');

describe.skipIf(!ready)('beside a real Prometheus', () => {
  const { path: directory, remove } = temporaryDirectory('prometheus');
  const children: ChildProcess[] = [];
  let server: ServerProcess;
  let prometheusUrl: string;
  /** Instants, in seconds, with samples on both sides of them everywhere. */
  let instants: number[] = [];

  beforeAll(
    async () => {
      server = await startServer({ dataDir: join(directory, 'varve') });
      const exporterPort = await freePort();
      const prometheusPort = await freePort();
      prometheusUrl = `http://127.0.0.1:${prometheusPort}`;
      children.push(
        spawn('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${exporterPort}`], { stdio: 'ignore' }),
      );
      const config = join(directory, 'prometheus.yml');
      writeFileSync(
        config,
        JSON.stringify({
          global: { scrape_interval: '1s', scrape_timeout: '900ms' },
          scrape_configs: [
            { job_name: 'node', static_configs: [{ targets: [`127.0.0.1:${exporterPort}`] }] },
            { job_name: 'prometheus', static_configs: [{ targets: [`127.0.0.1:${prometheusPort}`] }] },
          ],
          remote_write: [
            {
              url: `${server.url}/db/prom/api/v1/write`,
              queue_config: { batch_send_deadline: '500ms', max_shards: 2 },
            },
          ],
        }),
      );
      children.push(
        spawn(
          'prometheus',
          [
            `--config.file=${config}`,
            `--storage.tsdb.path=${join(directory, 'prometheus')}`,
            `--web.listen-address=127.0.0.1:${prometheusPort}`,
          ],
          { stdio: 'ignore' },
        ),
      );
      await until(() => answersOk(`${prometheusUrl}/-/ready`), 30_000, 'Prometheus is ready');
      const firstSec = Date.now() / 1000;
      await sleep(RUN_SEC * 1000);
      instants = await chooseInstants(firstSec);
    },
    RUN_SEC * 1000 + 120_000,
  );

  afterAll(async () => {
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((done) => {
            child.once('close', () => done());
            child.kill('SIGTERM');
          }),
      ),
    );
    await server.stop();
    remove();
  });

  const varveUrl = () => `${server.url}/db/prom`;

  /** Seconds after the warm-up, moved to where no scrape of any target falls, that Varve has been sent. */
  async function chooseInstants(firstSec: number): Promise<number[]> {
    const lastSec = Math.floor(Date.now() / 1000) - 2;
    await until(
      async () => {
        const series = await instant(varveUrl(), 'min(timestamp(up))', Date.now() / 1000);
        return series.length === 1 && Number(series[0].value?.[1]) > lastSec + 1;
      },
      60_000,
      'Varve has been sent what Prometheus scraped',
    );
    const fractions = (await instant(prometheusUrl, 'timestamp(up)', lastSec)).map(
      ({ value }) => Number(value?.[1]) % 1,
    );
    expect(fractions).toHaveLength(2);
    const fraction = farthestFraction(fractions);
    const from = Math.floor(firstSec) + WARM_UP_SEC;
    const chosen: number[] = [];
    for (let i = 0; i < 12; i++) chosen.push(Math.floor(from + ((lastSec - 1 - from) * i) / 11) + fraction);
    return chosen;
  }

  for (const query of QUERIES.filter((query) => !LATER.includes(query))) {
    test(`${query}`, async () => {
      let series = 0;
      for (const sec of instants) {
        const want = await instant(prometheusUrl, query, sec.toFixed(3));
        const got = await instant(varveUrl(), query, sec.toFixed(3));
        compare(got, want, query);
        series += want.length;
      }
      const [first, last] = [instants[0], instants[instants.length - 1]];
      const want = await range(prometheusUrl, query, first, last, 1);
      compare(await range(varveUrl(), query, first, last, 1), want, query);
      expect(series, 'the query has answers').toBeGreaterThan(0);
    });
  }

  test('label names and values are the same', async () => {
    for (const path of ['labels', 'label/__name__/values', 'label/mode/values', 'label/job/values']) {
      const names = async (url: string) => {
        const response = await fetch(`${url}/api/v1/${path}`);
        return ((await response.json()) as { data: string[] }).data;
      };
      expect(await names(varveUrl()), path).toEqual(await names(prometheusUrl));
    }
  });
});

/** The fraction of a second, on a grid of 1/20, that is farthest from all of the given ones around the circle. */
function farthestFraction(fractions: readonly number[]): number {
  let best = 0;
  let bestDistance = -1;
  for (let i = 0; i < 20; i++) {
    const candidate = i / 20;
    const distance = Math.min(
      ...fractions.map((fraction) => {
        const apart = Math.abs(candidate - fraction);
        return Math.min(apart, 1 - apart);
      }),
    );
    if (distance > bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** The same series with the same times, and values that differ by no more than the order of additions can make. */
function compare(got: readonly Series[], want: readonly Series[], query: string): void {
  const key = ({ metric }: Series) => JSON.stringify(Object.entries(metric).sort());
  const byKey = new Map(got.map((series) => [key(series), series]));
  expect([...byKey.keys()].sort(), query).toEqual(want.map(key).sort());
  for (const expected of want) {
    const actual = byKey.get(key(expected)) as Series;
    const wantPoints = expected.values ?? [expected.value as [number, string]];
    const gotPoints = actual.values ?? [actual.value as [number, string]];
    expect(gotPoints.map(([sec]) => sec)).toEqual(wantPoints.map(([sec]) => sec));
    for (let i = 0; i < wantPoints.length; i++) {
      const [a, b] = [sampleValue(gotPoints[i][1]), sampleValue(wantPoints[i][1])];
      if (Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b))) continue;
      throw new Error(
        `${query} at ${wantPoints[i][0]} of ${key(expected)}: ${gotPoints[i][1]}, not ${wantPoints[i][1]}`,
      );
    }
  }
}

async function until(condition: () => Promise<boolean>, timeoutMs: number, what: string): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${what}`);
    await sleep(200);
  }
}
