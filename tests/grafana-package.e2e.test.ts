/** Grafana's own Prometheus client (@grafana/prometheus) asks a real server; see grafana-package.ts. */
import { join } from 'node:path';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EncodedSeries, encodeRequest2 } from '../ingest/remote-encoder.ts';
import {
  type Frame,
  type GrafanaDatasource,
  type GrafanaPackage,
  haveGrafanaPackage,
  loadGrafanaPackage,
} from './grafana-package.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const END_MS = Math.floor(Date.now() / 15_000) * 15_000;
const START_MS = END_MS - 3_600_000;
const COUNTER = 1;

const names = (choices: { text: string }[]) => choices.map(({ text }) => text);

describe.skipIf(!haveGrafanaPackage)('@grafana/prometheus', () => {
  const { path: directory, remove } = temporaryDirectory('grafana-package');
  let server: ServerProcess;
  let grafana: GrafanaPackage;
  let datasource: GrafanaDatasource;
  let requests: string[];
  let range: object;

  beforeAll(async () => {
    server = await startServer({ dataDir: join(directory, 'varve') });
    const written = await fetch(`${server.url}/db/metrics/api/v1/write`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
        'content-encoding': 'snappy',
      },
      body: Uint8Array.from(compressSync(Buffer.from(encodeRequest2(testSeries())))),
    });
    expect(written.status).toBe(204);
    grafana = loadGrafanaPackage();
    range = grafana.timeRange(START_MS, END_MS);
    ({ datasource, requests } = grafana.open({ url: `${server.url}/db/metrics`, intervalMs: 15_000 }));
  }, 60_000);

  afterAll(async () => {
    await server.stop();
    remove();
  });

  function testSeries(): EncodedSeries[] {
    return ['api', 'web'].flatMap((job) =>
      ['200', '500'].map(
        (code): EncodedSeries => ({
          labels: [
            ['__name__', 'http_requests_total'],
            ['code', code],
            ['job', job],
          ],
          samples: Array.from({ length: 240 }, (_, i) => ({ value: i * 15, ms: START_MS + (i + 1) * 15_000 })),
          metadata: { type: COUNTER, help: 'Requests that were served.', unit: 'requests' },
        }),
      ),
    );
  }

  /** The frames of a request's last answer. */
  function run(targets: object[]): Promise<Frame[]> {
    const request = {
      requestId: 'Q1',
      app: 'explore',
      range,
      interval: '15s',
      intervalMs: 15_000,
      maxDataPoints: 1000,
      scopedVars: {},
      targets,
    };
    return new Promise((resolve, reject) => {
      let frames: Frame[] = [];
      datasource.query(request).subscribe({
        next: (answer: { data: Frame[]; error?: unknown }) => {
          if (answer.error !== undefined) reject(answer.error);
          frames = answer.data;
        },
        error: reject,
        complete: () => resolve(frames),
      });
    });
  }

  test('"Save & test": a query, and which product it is', async () => {
    requests.length = 0;
    expect(await datasource.testDatasource()).toMatchObject({ status: 'success' });
    // The kind is asked with POST first, and with GET when the server refuses that.
    expect(requests).toEqual([
      'POST api/v1/query 1+1',
      'POST api/v1/status/buildinfo 405',
      'GET api/v1/status/buildinfo 200',
    ]);
  });

  test('Explore opens: rules, exemplars, metrics, labels, metadata', async () => {
    await datasource.init();
    expect(datasource.exemplarsAvailable).toBe(true);
    const { languageProvider } = datasource;
    await languageProvider.start(range);
    expect(languageProvider.retrieveMetrics()).toEqual(['http_requests_total']);
    expect(languageProvider.retrieveLabelKeys()).toEqual(['__name__', 'code', 'job']);
    expect(await languageProvider.queryMetricsMetadata()).toMatchObject({
      http_requests_total: { type: 'counter', help: 'Requests that were served.' },
    });
  });

  test('the builder’s menus', async () => {
    const { languageProvider } = datasource;
    const api = '{__name__="http_requests_total",job="api"}';
    expect(await languageProvider.queryLabelKeys(range, api)).toEqual(['__name__', 'code', 'job']);
    expect(await languageProvider.queryLabelValues(range, 'code', api)).toEqual(['200', '500']);
    expect(names(await datasource.getTagKeys({ timeRange: range, filters: [] }))).toContain('job');
    expect(names(await datasource.getTagValues({ key: 'job', timeRange: range, filters: [] }))).toEqual(['api', 'web']);
  });

  test.each([
    ['label_values(job)', ['api', 'web']],
    ['label_values(http_requests_total{code="500"}, job)', ['api', 'web']],
    ['label_names()', ['__name__', 'code', 'job']],
    ['metrics(^http_)', ['http_requests_total']],
    ['query_result(count(http_requests_total))', [expect.stringMatching(/^\{\} 4 \d+$/)]],
    [
      'http_requests_total{job="web"}',
      ['http_requests_total{code="200",job="web"}', 'http_requests_total{code="500",job="web"}'],
    ],
  ])('variable %s', async (query, expected) => {
    expect(names(await datasource.metricFindQuery(query, { range }))).toEqual(expected);
  });

  test('panels: over a range, at an instant, both', async () => {
    const expr = 'sum by (job) (rate(http_requests_total[$__rate_interval]))';
    requests.length = 0;
    const frames = await run([
      { refId: 'A', expr, range: true },
      { refId: 'B', expr, range: true, instant: true, format: 'table' },
    ]);
    expect(requests).toEqual(['query_range A', 'query_range B', 'query B-Instant']);
    const drawn = frames.filter(({ refId }) => refId === 'A');
    expect(drawn.map(({ fields }) => fields[1].labels)).toEqual([{ job: 'api' }, { job: 'web' }]);
    for (const { fields } of drawn) expect(fields[1].values.at(-1)).toBeCloseTo(2);
  });
});
