/**
 * Remote write 2.0 of a real server, and what comes beside samples in both versions: exemplars and metadata, through
 * restarts; answers as the specification gives them, so that senders repeat what they should.
 */
import { join } from 'node:path';
import { compressSync } from 'snappy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type EncodedSeries,
  encodeRequest,
  encodeRequest2,
  integerField,
  message,
  textField,
} from '../ingest/remote-encoder.ts';
import { instant, range } from './prometheus-client.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const TYPE_1 = 'application/x-protobuf;proto=prometheus.WriteRequest';
const TYPE_2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';
const NOW_MS = Math.floor(Date.now() / 1000) * 1000 - 60_000;
const NOW = String(NOW_MS / 1000);

const { path: directory, remove } = temporaryDirectory('remote-write-2');
const dataDir = join(directory, 'varve');
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ dataDir });
});

afterAll(async () => {
  await server?.stop();
  remove();
});

interface Answer {
  status: number;
  written: (string | null)[];
  body: string;
  headers: Headers;
}

async function post(request: Uint8Array, headers: Record<string, string>, db = 'default'): Promise<Answer> {
  const body = Uint8Array.from(compressSync(Buffer.from(request)));
  const response = await fetch(`${server.url}/db/${db}/api/v1/write`, { method: 'POST', headers, body });
  const written = ['samples', 'histograms', 'exemplars'].map((kind) =>
    response.headers.get(`x-prometheus-remote-write-${kind}-written`),
  );
  return { status: response.status, written, body: await response.text(), headers: response.headers };
}

function post2(series: EncodedSeries[], db = 'default'): Promise<Answer> {
  return post(
    encodeRequest2(series),
    { 'content-type': TYPE_2, 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '2.0.0' },
    db,
  );
}

async function api(path: string, parameters: Record<string, string> = {}, db = 'default'): Promise<unknown> {
  const response = await fetch(`${server.url}/db/${db}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  return await response.json();
}

const trace = (id: string): [string, string][] => [['trace_id', id]];

describe('version 2.0', () => {
  test('samples are stored and counted in the headers', async () => {
    const answer = await post2([
      {
        labels: [
          ['__name__', 'two_total'],
          ['job', 'a'],
        ],
        samples: [
          { value: 1, ms: NOW_MS - 1000 },
          { value: 2, ms: NOW_MS },
        ],
      },
      {
        labels: [
          ['__name__', 'two_total'],
          ['job', 'b'],
        ],
        samples: [{ value: 5, ms: NOW_MS }],
      },
    ]);
    expect(answer).toMatchObject({ status: 204, written: ['3', '0', '0'], body: '' });
    const series = await instant(server.url, 'two_total', NOW);
    expect(series.map(({ metric, value }) => [metric.job, value?.[1]])).toEqual([
      ['a', '2'],
      ['b', '5'],
    ]);
  });

  test('native histograms are refused with the reason, samples beside them kept', async () => {
    const answer = await post2([
      { labels: [['__name__', 'beside_histogram']], samples: [{ value: 7, ms: NOW_MS }] },
      { labels: [['__name__', 'native_histogram']], samples: [], histograms: 2 },
    ]);
    expect(answer).toMatchObject({ status: 400, written: ['1', '0', '0'] });
    expect(answer.body).toContain('native histograms are not supported: 2 samples dropped');
    expect(answer.headers.get('retry-after')).toBeNull();
    expect(await instant(server.url, 'beside_histogram', NOW)).toHaveLength(1);
  });

  test('a bad series does not stop the good ones, and the headers say how many those were', async () => {
    const answer = await post2([
      { labels: [['job', 'nameless']], samples: [{ value: 1, ms: NOW_MS }] },
      {
        labels: [['__name__', 'good']],
        samples: [{ value: 1, ms: NOW_MS }],
        exemplars: [{ labels: trace('x'), value: 1, ms: NOW_MS }],
      },
    ]);
    expect(answer).toMatchObject({ status: 400, written: ['1', '0', '1'] });
    expect(answer.body).toContain('no label __name__');
  });

  test('damage stores nothing and says so', async () => {
    const answer = await post(Uint8Array.of(0x2a, 0xff), { 'content-type': TYPE_2, 'content-encoding': 'snappy' });
    expect(answer).toMatchObject({ status: 400, written: ['0', '0', '0'] });
  });
});

describe('negotiation', () => {
  const sample: EncodedSeries = { labels: [['__name__', 'negotiated']], samples: [{ value: 1, ms: NOW_MS }] };

  test('version 1.0 without parameter, with its name, and without any type; no headers of 2.0 then', async () => {
    for (const headers of [{ 'content-type': 'application/x-protobuf' }, { 'content-type': TYPE_1 }, {}]) {
      const answer = await post(encodeRequest([sample]), headers as Record<string, string>);
      expect(answer).toMatchObject({ status: 204, written: [null, null, null] });
    }
  });

  test('other messages, types and encodings are 415', async () => {
    for (const headers of [
      { 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v3.Request', 'content-encoding': 'snappy' },
      { 'content-type': 'application/json', 'content-encoding': 'snappy' },
      { 'content-type': TYPE_2, 'content-encoding': 'zstd' },
    ]) {
      const answer = await post(encodeRequest2([sample]), headers);
      expect(answer, JSON.stringify(headers)).toMatchObject({ status: 415, written: ['0', '0', '0'] });
    }
  });
});

describe('beside the samples', () => {
  const exemplar = (id: string, value: number, offsetMs: number) => ({
    labels: trace(id),
    value,
    ms: NOW_MS + offsetMs,
  });

  test('exemplars and metadata of both versions, through a restart', async () => {
    const db = 'beside';
    const first: EncodedSeries = {
      labels: [
        ['__name__', 'latency_bucket'],
        ['le', '0.5'],
      ],
      samples: [{ value: 3, ms: NOW_MS }],
      exemplars: [exemplar('one', 0.25, 0), exemplar('two', 0.125, 0), exemplar('three', 0.5, 1234)],
      metadata: { type: 3, help: 'How long it took.', unit: 'seconds' },
    };
    expect(await post2([first], db)).toMatchObject({ status: 204, written: ['1', '0', '3'] });
    // Sent again: it is the same exemplar.
    expect((await post2([first], db)).status).toBe(204);
    const metadata = message(
      3,
      integerField(1, 1),
      textField(2, 'hits_total'),
      textField(4, 'Hits.'),
      textField(5, ''),
    );
    const second: EncodedSeries = {
      labels: [
        ['__name__', 'hits_total'],
        ['job', 'web'],
      ],
      samples: [{ value: 9, ms: NOW_MS }],
      exemplars: [exemplar('four', 1, 500)],
    };
    expect((await post(encodeRequest([second], [metadata]), { 'content-type': TYPE_1 }, db)).status).toBe(204);

    const wanted = [
      {
        seriesLabels: { __name__: 'hits_total', job: 'web' },
        exemplars: [{ labels: { trace_id: 'four' }, value: '1', timestamp: (NOW_MS + 500) / 1000 }],
      },
      {
        seriesLabels: { __name__: 'latency_bucket', le: '0.5' },
        exemplars: expect.arrayContaining([
          { labels: { trace_id: 'one' }, value: '0.25', timestamp: NOW_MS / 1000 },
          { labels: { trace_id: 'two' }, value: '0.125', timestamp: NOW_MS / 1000 },
          { labels: { trace_id: 'three' }, value: '0.5', timestamp: (NOW_MS + 1234) / 1000 },
        ]),
      },
    ];
    const kinds = {
      hits_total: [{ type: 'counter', help: 'Hits.', unit: '' }],
      latency: [{ type: 'histogram', help: 'How long it took.', unit: 'seconds' }],
    };
    const check = async () => {
      const query = 'sum(rate(latency_bucket[5m])) / sum(hits_total)';
      const range = { start: NOW, end: String(NOW_MS / 1000 + 2) };
      const found = (await api('query_exemplars', { query, ...range }, db)) as { data: { exemplars: unknown[] }[] };
      expect(found).toEqual({ status: 'success', data: wanted });
      expect(found.data.map(({ exemplars }) => exemplars.length)).toEqual([1, 3]);
      expect(await api('query_exemplars', { query, start: '1', end: '2' }, db)).toEqual({
        status: 'success',
        data: [],
      });
      expect(await api('metadata', {}, db)).toEqual({ status: 'success', data: kinds });
      expect(await api('metadata', { metric: 'latency' }, db)).toEqual({
        status: 'success',
        data: { latency: kinds.latency },
      });
      expect(Object.keys(((await api('metadata', { limit: '1' }, db)) as { data: object }).data)).toEqual([
        'hits_total',
      ]);
    };
    await check();
    await server.stop('SIGKILL');
    server = await startServer({ dataDir });
    await check();
    await server.stop();
    server = await startServer({ dataDir });
    await check();
  });

  test('start times of samples count as resets, also out of files', async () => {
    // A counter that never falls, but began anew now and then: what its start times say, in ms before each sample.
    const before = [30_000, 60_000, 59_999, 1000, 1].flatMap((first) => [first, first + 60_000, first + 120_000]);
    const samples = before.map((offset, i) => {
      const ms = (i + 2) * 60_000;
      return { value: i * 60, ms, startMs: ms - offset };
    });
    const plain = samples.map(({ value, ms }) => ({ value, ms }));
    const answer = await post2(
      [
        {
          labels: [
            ['__name__', 'cumulative'],
            ['type', 'starts'],
          ],
          samples,
        },
        {
          labels: [
            ['__name__', 'cumulative'],
            ['type', 'plain'],
          ],
          samples: plain,
        },
      ],
      'starts',
    );
    expect(answer.body).toBe('');
    expect(answer).toMatchObject({ status: 204, written: ['30', '0', '0'] });
    const check = async () => {
      const found = await range(`${server.url}/db/starts`, 'increase(cumulative[5m])', 420, 900, 60);
      const values = Object.fromEntries(
        found.map((series) => [series.metric.type, series.values!.map((point) => Number(point[1]))]),
      );
      expect(values).toEqual({
        plain: [300, 300, 300, 300, 300, 300, 300, 300, 300],
        starts: [420, 780, 675, 675, 1275, 1080, 900, 1725, 1440],
      });
      // They are no metric of their own.
      expect(await api('label/__name__/values', {}, 'starts')).toMatchObject({ data: ['cumulative'] });
    };
    await check();
    await server.stop();
    server = await startServer({ dataDir });
    await check();
  });

  test('the last metadata wins', async () => {
    const series = (help: string): EncodedSeries => ({
      labels: [['__name__', 'renamed']],
      samples: [{ value: 1, ms: NOW_MS }],
      metadata: { type: 2, help, unit: '' },
    });
    await post2([series('before')], 'renames');
    await post2([series('after')], 'renames');
    expect(await api('metadata', {}, 'renames')).toMatchObject({
      data: { renamed: [{ help: 'after', type: 'gauge' }] },
    });
  });

  test('an exemplar whose labels are too long is refused by version 2.0 alone', async () => {
    const series: EncodedSeries = {
      labels: [['__name__', 'long_exemplar']],
      samples: [{ value: 1, ms: NOW_MS }],
      exemplars: [{ labels: trace('x'.repeat(130)), value: 1, ms: NOW_MS }],
    };
    const answer = await post2([series]);
    expect(answer).toMatchObject({ status: 400, written: ['1', '0', '0'] });
    expect(answer.body).toContain('128');
    expect((await post(encodeRequest([series]), { 'content-type': TYPE_1 })).status).toBe(204);
  });

  test('errors of the parameters', async () => {
    expect(await api('query_exemplars', { query: 'a', start: '2', end: '1' })).toMatchObject({ errorType: 'bad_data' });
    expect(await api('query_exemplars', { query: 'a(' })).toMatchObject({ status: 'error', errorType: 'bad_data' });
    expect((await fetch(`${server.url}/api/v1/query_exemplars?query=1`)).status).toBe(204);
    expect(await api('metadata', { limit: 'x' })).toMatchObject({ error: 'limit must be a number' });
  });

  test('what is kept beside a database is no database of its own to clients', async () => {
    const info = (await api('status/runtimeinfo')) as { data: { databases: string[] } };
    expect(info.data.databases.filter((name) => name.includes('\u0000'))).toEqual([]);
    expect((await fetch(`${server.url}/db/default%00exemplars/api/v1/labels`)).status).toBe(400);
  });
});

test('--type-and-unit-labels: metadata becomes labels, and counters are told by them', async () => {
  const labelled = await startServer({ dataDir: join(directory, 'labelled'), args: ['--type-and-unit-labels'] });
  try {
    const sample = { value: 1, ms: NOW_MS };
    const body = encodeRequest2([
      { labels: [['__name__', 'steps']], samples: [sample], metadata: { type: 1, help: 'h', unit: 'metres' } },
      // What the sender says in labels gives way to the metadata.
      {
        labels: [
          ['__name__', 'depth'],
          ['__type__', 'counter'],
          ['zone', 'a'],
        ],
        samples: [sample],
        metadata: { type: 2, help: '', unit: '' },
      },
      { labels: [['__name__', 'plain']], samples: [sample] },
    ]);
    const written = await fetch(`${labelled.url}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-type': TYPE_2, 'content-encoding': 'snappy' },
      body: Uint8Array.from(compressSync(Buffer.from(body))),
    });
    expect(await written.text()).toBe('');
    expect(written.status).toBe(204);
    const metrics = (await instant(labelled.url, '{__name__!=""}', NOW)).map(({ metric }) => metric);
    expect(metrics).toEqual(
      expect.arrayContaining([
        { __name__: 'steps', __type__: 'counter', __unit__: 'metres' },
        { __name__: 'depth', __type__: 'gauge', zone: 'a' },
        { __name__: 'plain' },
      ]),
    );
    const query = encodeURIComponent('rate(steps[5m]) or rate(depth[5m])');
    const answer = (await (await fetch(`${labelled.url}/api/v1/query?query=${query}&time=${NOW}`)).json()) as {
      infos?: string[];
    };
    expect(answer.infos?.filter((info) => info.includes('"steps"')) ?? []).toEqual([]);
  } finally {
    await labelled.stop();
  }
});
