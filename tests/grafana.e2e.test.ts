/**
 * What Grafana's Prometheus data source asks: when it is set up and tested, when Explore opens, while a query is built,
 * when it runs, and for annotations and alert lists. The data source points at a database, as `URL/db/NAME`; requests are
 * POSTs with form bodies where Grafana prefers them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EncodedSeries, encodeRequest2 } from '../ingest/remote-encoder.ts';
import { runPromql } from './grafana-backend.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const END = Math.floor(Date.now() / 1000);
const START = END - 3600;
const COUNTER = 1;

const { path: directory, remove } = temporaryDirectory('grafana');
let server: ServerProcess;

beforeAll(async () => {
  const rules = join(directory, 'rules.yml');
  writeFileSync(
    rules,
    `groups:
  - name: web
    interval: 1h
    rules:
      - record: job:requests:rate5m
        expr: sum by (job) (rate(http_requests_total[5m]))
      - alert: NoRequests
        expr: absent(http_requests_total)
        for: 10m
        labels: {severity: page}
        annotations: {summary: nothing comes in}
`,
  );
  server = await startServer({
    dataDir: join(directory, 'varve'),
    args: ['--rules', rules, '--rules-database', 'metrics'],
  });
  const body = Uint8Array.from(compressSync(Buffer.from(encodeRequest2(testSeries()))));
  const written = await fetch(`${server.url}/db/metrics/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      'content-encoding': 'snappy',
    },
    body,
  });
  expect(written.status).toBe(204);
});

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
        samples: Array.from({ length: 240 }, (_, i) => ({ value: i * 15, ms: (START + i * 15) * 1000 })),
        exemplars: [{ labels: [['trace_id', `${job}-${code}`]], value: 0.25, ms: (START + 60) * 1000 }],
        metadata: { type: COUNTER, help: 'Requests that were served.', unit: 'requests' },
      }),
    ),
  );
}

/** A request as Grafana's backend sends it: it understands gzip, and identifies itself. */
async function request(method: 'GET' | 'POST', path: string, parameters: [string, string][] = []): Promise<unknown> {
  const form = new URLSearchParams(parameters).toString();
  const url = `${server.url}/db/metrics${path}${method === 'GET' && form !== '' ? `?${form}` : ''}`;
  const response = await fetch(url, {
    method,
    headers: {
      'user-agent': 'Grafana/12.1.0',
      'accept-encoding': 'gzip',
      ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    },
    ...(method === 'POST' ? { body: form } : {}),
  });
  expect(response.status, `${method} ${path}`).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  const answer = (await response.json()) as { status: string; data: unknown };
  expect(answer.status).toBe('success');
  return answer.data;
}

const range: [string, string][] = [
  ['start', String(START)],
  ['end', String(END)],
];

describe('set-up', () => {
  test('"Save & test" runs 1+1', async () => {
    const data = await request('POST', '/api/v1/query', [
      ['query', '1+1'],
      ['time', `${END}.123`],
    ]);
    expect(data).toEqual({ resultType: 'scalar', result: [END + 0.123, '2'] });
  });

  test('since version 8, it runs it in 1970', async () => {
    const data = await request('POST', '/api/v1/query', [
      ['query', '1+1'],
      ['time', '4'],
    ]);
    expect(data).toEqual({ resultType: 'scalar', result: [4, '2'] });
  });

  test('whether there are exemplars', async () => {
    expect(await request('POST', '/api/v1/query_exemplars', [['query', 'test'], ...range])).toEqual([]);
  });

  test('with POST first, where only GET will do: it is told to try that', async () => {
    for (const path of ['status/buildinfo', 'rules', 'alerts']) {
      const response = await fetch(`${server.url}/db/metrics/api/v1/${path}`, { method: 'POST', body: '' });
      expect(response.status, path).toBe(405);
      expect(response.headers.get('allow')).toContain('GET');
      await response.arrayBuffer();
    }
  });

  test('the kind and version of the server are asked for', async () => {
    const data = await request('GET', '/api/v1/status/buildinfo');
    expect(data).toMatchObject({ version: expect.stringMatching(/^3\.\d+\.\d+$/) });
    // `features` would make it another product's.
    expect(data).not.toHaveProperty('features');
  });

  test('whether it has rules, with and without alerts', async () => {
    const data = await request('GET', '/api/v1/rules');
    expect(data).toMatchObject({
      groups: [
        {
          name: 'web',
          rules: [
            { type: 'recording', name: 'job:requests:rate5m', health: expect.any(String) },
            { type: 'alerting', name: 'NoRequests', labels: { severity: 'page' }, state: expect.any(String) },
          ],
        },
      ],
    });
    expect(await request('GET', '/api/v1/alerts')).toHaveProperty('alerts');
  });
});

describe('Explore opens', () => {
  test('metrics, labels and metadata fill the menus', async () => {
    const limit: [string, string] = ['limit', '40000'];
    expect(await request('GET', '/api/v1/label/__name__/values', [...range, limit])).toContain('http_requests_total');
    expect(await request('POST', '/api/v1/labels', [...range, limit])).toEqual(
      expect.arrayContaining(['__name__', 'code', 'job']),
    );
    expect(await request('GET', '/api/v1/labels', range)).toEqual(await request('POST', '/api/v1/labels', range));
    expect(await request('GET', '/api/v1/metadata', [['limit', '5000']])).toEqual({
      http_requests_total: [{ type: 'counter', unit: 'requests', help: 'Requests that were served.' }],
    });
    expect(await request('GET', '/api/v1/metadata', [['metric', 'http_requests_total']])).toHaveProperty(
      'http_requests_total',
    );
  });
});

describe('a query is built', () => {
  const metric: [string, string] = ['match[]', '{__name__="http_requests_total"}'];
  const quoted: [string, string] = ['match[]', '{"http_requests_total", job="api"}'];

  test('labels and values of the metric', async () => {
    expect(await request('POST', '/api/v1/labels', [...range, metric])).toEqual(['__name__', 'code', 'job']);
    expect(await request('GET', '/api/v1/label/job/values', [...range, metric])).toEqual(['api', 'web']);
    expect(await request('GET', '/api/v1/label/code/values', [...range, quoted, ['limit', '1']])).toEqual(['200']);
    expect(await request('GET', '/api/v1/label/job/values', [...range, ['match[]', '{job=~"w.*"}']])).toEqual(['web']);
  });

  test('series, as template variables and old versions ask', async () => {
    const series = await request('POST', '/api/v1/series', [...range, quoted]);
    expect(series).toEqual([
      { __name__: 'http_requests_total', code: '200', job: 'api' },
      { __name__: 'http_requests_total', code: '500', job: 'api' },
    ]);
    expect(await request('GET', '/api/v1/series', [...range, quoted])).toEqual(series);
  });

  test('the expression is laid out and taken apart', async () => {
    const query: [string, string] = ['query', 'sum(rate(http_requests_total[5m]))by(job)'];
    expect(await request('POST', '/api/v1/format_query', [query])).toContain('sum by (job) (');
    expect(await request('POST', '/api/v1/parse_query', [query])).toMatchObject({ type: 'aggregation', op: 'sum' });
  });
});

describe('a query runs', () => {
  const query: [string, string] = ['query', 'sum by (job) (rate(http_requests_total{job=~"api|web"}[1m0s]))'];

  test('over a range, with a fraction of a second in the step and parameters of Grafana only', async () => {
    const parameters: [string, string][] = [
      query,
      ...range,
      ['step', '15.000'],
      ['timeout', '30s'],
      ['__ignore_usage__', ''],
    ];
    const data = await request('POST', '/api/v1/query_range', parameters);
    expect(data).toMatchObject({
      resultType: 'matrix',
      result: [{ metric: { job: 'api' } }, { metric: { job: 'web' } }],
    });
    const { values } = (data as { result: { values: [number, string][] }[] }).result[0];
    expect(values.length).toBeGreaterThan(200);
    expect(Number(values[10][1])).toBeCloseTo(2);
  });

  test('at an instant, for tables', async () => {
    const data = await request('POST', '/api/v1/query', [query, ['time', String(END - 60)]]);
    expect(data).toMatchObject({ resultType: 'vector', result: [{ value: [END - 60, expect.any(String)] }, {}] });
  });

  test('for annotations: a value for each minute, on the minute', async () => {
    const source = { url: `${server.url}/db/metrics`, intervalMs: 60_000 };
    const times = { fromMs: START * 1000 + 1, toMs: END * 1000 };
    const expression = 'changes(http_requests_total{job="api",code="500"}[$__interval]) > 0';
    const [{ values = [] }, ...others] = await runPromql(source, expression, times, { maxDataPoints: 100 });
    expect(others).toEqual([]);
    expect(values.length).toBeGreaterThan(50);
    for (const [time, changes] of values) {
      expect(time % 60).toBe(0);
      expect(Number(changes)).toBeGreaterThan(0);
    }
  });

  test('exemplars lie over the graph', async () => {
    const parameters: [string, string][] = [['query', 'rate(http_requests_total{job="api"}[1m])'], ...range];
    const data = await request('POST', '/api/v1/query_exemplars', parameters);
    expect(data).toMatchObject([
      {
        seriesLabels: { __name__: 'http_requests_total', code: '200', job: 'api' },
        exemplars: [{ labels: { trace_id: 'api-200' }, value: '0.25', timestamp: START + 60 }],
      },
      { seriesLabels: { code: '500' } },
    ]);
    expect(await request('GET', '/api/v1/query_exemplars', [...parameters])).toEqual(data);
  });

  test('a mistake is answered with a text to show', async () => {
    const response = await fetch(`${server.url}/db/metrics/api/v1/query_range`, {
      method: 'POST',
      body: new URLSearchParams([['query', 'rate(http_requests_total)'], ...range, ['step', '15']]),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      status: 'error',
      errorType: 'bad_data',
      error:
        'invalid parameter "query": 1:6: parse error: expected type range vector in call to function "rate", got instant vector',
    });
  });

  test('answers are packed when Grafana says it can unpack them', async () => {
    const url = `${server.url}/db/metrics/api/v1/query_range?${new URLSearchParams([query, ...range, ['step', '15']])}`;
    const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
    const text = await plain.text();
    // fetch unpacks by itself.
    const packed = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(await packed.text()).toBe(text);
  });
});
