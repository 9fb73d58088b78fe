/** What the HTTP front answers, endpoint by endpoint, on a real server. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, instant } from './prometheus-client.ts';
import { encodeRemoteWrite } from './remote-write-request.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const { path: dataDir, remove } = temporaryDirectory('http');
let server: ServerProcess;
let url: string;

beforeAll(async () => {
  server = await startServer({ dataDir, args: ['--max-body-size', '1MiB'] });
  url = server.url;
});

afterAll(async () => {
  await server.stop();
  remove();
});

async function write(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url + path, { method: 'POST', body, headers });
}

describe('health', () => {
  test('/ping answers 204 with the version in headers, verbose with a body', async () => {
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(`${url}/ping`, { method });
      expect(response.status).toBe(204);
      expect(response.headers.get('x-influxdb-version')).toMatch(/^1\.8/);
    }
    const verbose = await fetch(`${url}/ping?verbose=true`);
    expect(verbose.status).toBe(200);
    expect(await verbose.json()).toHaveProperty('version');
  });

  test('/health, /-/healthy and /-/ready answer 200', async () => {
    const health = await fetch(`${url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ name: 'varve', status: 'pass' });
    expect((await fetch(`${url}/-/healthy`)).status).toBe(200);
    expect((await fetch(`${url}/-/ready`)).status).toBe(200);
    expect((await fetch(`${url}/-/ready`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('routing', () => {
  test('an unknown path lists what exists', async () => {
    const response = await fetch(`${url}/nowhere`);
    expect(response.status).toBe(404);
    const body = (await response.json()) as { paths: { path: string }[] };
    const paths = body.paths.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/write', '/api/v1/query', '/metrics']));
  });

  test('a wrong method is answered with Allow', async () => {
    const read = await fetch(`${url}/api/v1/query`, { method: 'DELETE' });
    expect(read.status).toBe(405);
    expect(read.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST');
    const written = await fetch(`${url}/write`);
    expect(written.status).toBe(405);
    expect(written.headers.get('allow')).toBe('OPTIONS, POST');
  });

  test('OPTIONS and cross-origin headers', async () => {
    const options = await fetch(`${url}/api/v1/query`, { method: 'OPTIONS' });
    expect(options.status).toBe(204);
    expect(options.headers.get('access-control-allow-origin')).toBe('*');
    expect((await fetch(`${url}/write`, { method: 'OPTIONS' })).status).toBe(204);
    expect((await fetch(`${url}/api/v1/query?query=1`)).headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('line protocol', () => {
  test('precision scales the timestamps', async () => {
    const times: [string, string][] = [
      ['ns', '1700000000000000000'],
      ['n', '1700000001000000000'],
      ['us', '1700000002000000'],
      ['u', '1700000003000000'],
      ['ms', '1700000004000'],
      ['s', '1700000005'],
      ['m', '28333334'],
      ['h', '472223'],
    ];
    for (const [precision, time] of times) {
      const response = await write(`/write?db=precision&precision=${precision}`, `p,unit=${precision} value=1 ${time}`);
      expect(response.status, precision).toBe(204);
    }
    const series = await instant(url, 'timestamp(p)', 1_700_002_800, 'precision');
    expect(series.map(({ metric }) => metric.unit)).toEqual(['h']);
    for (const [precision, sec] of [
      ['ns', 1_700_000_000],
      ['n', 1_700_000_001],
      ['us', 1_700_000_002],
      ['u', 1_700_000_003],
      ['ms', 1_700_000_004],
      ['s', 1_700_000_005],
      ['m', 1_700_000_040],
    ] as const) {
      const [one] = await instant(url, `timestamp(p{unit="${precision}"})`, 1_700_000_100, 'precision');
      expect(one.value?.[1], precision).toBe(String(sec));
    }
  });

  test('an unknown precision is refused', async () => {
    const response = await write('/write?precision=fortnight', 'p value=1 1');
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain('precision');
  });

  test('bad lines are named by number, column and cause, good ones are kept', async () => {
    const body = 'good value=1 100\nbad\ngood value=2 101\nalso_bad value=\ngood value=3 102\n';
    const response = await write('/write?db=partial&precision=s', body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/json');
    const { error } = (await response.json()) as { error: string };
    expect(error).toMatch(/line 2\b/);
    expect(error).toMatch(/line 4\b/);
    expect(error).toContain('column');
    const [series] = await instant(url, 'good[10s]', 102, 'partial');
    expect(series.values?.map(([, value]) => value)).toEqual(['1', '2', '3']);
  });

  test('a field of another type is refused and the rest is kept', async () => {
    expect((await write('/write?db=types&precision=s', 't value=1i 100')).status).toBe(204);
    const response = await write('/write?db=types&precision=s', 't value=1.5 101\nt value=2i 102');
    expect(response.status).toBe(400);
    expect(((await response.json()) as { error: string }).error).toContain('field type conflict');
    const [series] = await instant(url, 't[10s]', 102, 'types');
    expect(series.values?.map(([, value]) => value)).toEqual(['1', '2']);
  });

  test('gzip and chunked bodies', async () => {
    const zipped = await write('/write?db=bodies&precision=s', gzipSync('z value=1 100'), {
      'content-encoding': 'gzip',
    });
    expect(zipped.status).toBe(204);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('z val'));
        controller.enqueue(new TextEncoder().encode('ue=2 101'));
        controller.close();
      },
    });
    const chunked = await fetch(`${url}/write?db=bodies&precision=s`, {
      method: 'POST',
      body: stream,
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(204);
    const [series] = await instant(url, 'z[10s]', 101, 'bodies');
    expect(series.values).toHaveLength(2);
    expect((await write('/write', 'not gzip', { 'content-encoding': 'gzip' })).status).toBe(400);
    expect((await write('/write', 'x', { 'content-encoding': 'br' })).status).toBe(415);
  });

  test('a body past the limit is refused, declared, chunked or zipped', async () => {
    const line = `big value=1 100\n`;
    const body = line.repeat(Math.ceil((1.1 * 2 ** 20) / line.length));
    expect((await write('/write', body)).status).toBe(413);
    expect((await write('/write', gzipSync(body), { 'content-encoding': 'gzip' })).status).toBe(413);
    const answer = await instant(url, 'big', 100);
    expect(answer).toEqual([]);
  });

  test('an empty body is fine, as are comments and blank lines', async () => {
    expect((await write('/write', '')).status).toBe(204);
    expect((await write('/write', '# nothing\n\n\r\n')).status).toBe(204);
  });

  test('v2 writes go to their bucket', async () => {
    const response = await write('/api/v2/write?org=o&bucket=pail&precision=s', 'v2 value=7 100');
    expect(response.status).toBe(204);
    expect((await instant(url, 'v2', 100, 'pail'))[0].value?.[1]).toBe('7');
    expect(await instant(url, 'v2', 100)).toEqual([]);
  });

  test('without a timestamp, the server gives it', async () => {
    expect((await write('/write?db=now', 'n value=1')).status).toBe(204);
    const nowSec = Date.now() / 1000;
    const [series] = await instant(url, 'timestamp(n)', nowSec + 1, 'now');
    expect(Math.abs(Number(series.value?.[1]) - nowSec)).toBeLessThan(30);
  });
});

describe('databases', () => {
  test('are chosen by db or by path prefix, for writing and reading', async () => {
    expect((await write('/db/one/write?precision=s', 'd value=1 100')).status).toBe(204);
    expect((await write('/write?db=two&precision=s', 'd value=2 100')).status).toBe(204);
    expect((await write('/db/a%3Fb%20c/write?precision=s', 'd value=3 100')).status).toBe(204);
    const value = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      const body = (await response.json()) as { data: { result: { value: [number, string] }[] } };
      return body.data.result[0]?.value[1];
    };
    expect(await value('/db/one/api/v1/query?query=d&time=100')).toBe('1');
    expect(await value('/api/v1/query?db=one&query=d&time=100')).toBe('1');
    expect(await value('/db/two/api/v1/query?query=d&time=100')).toBe('2');
    expect(await value('/db/a%3Fb%20c/api/v1/query?query=d&time=100')).toBe('3');
    expect(await value('/api/v1/query?query=d&time=100')).toBeUndefined();
  });

  test('reading one that was never written gives nothing, not an error', async () => {
    expect(await instant(url, 'd', 100, 'never')).toEqual([]);
    const labels = await fetch(`${url}/db/never/api/v1/labels`);
    expect(await labels.json()).toEqual({ status: 'success', data: [] });
  });

  test('names cannot leave the data directory', async () => {
    for (const name of ['..', '.', '..\\etc']) {
      expect((await write(`/write?db=${encodeURIComponent(name)}`, 'd value=5 100')).status, name).toBe(400);
    }
    // What follows a slash names a retention policy, and there are none of these names.
    for (const name of ['../../etc', '../etc', '/', '/etc']) {
      expect((await write(`/write?db=${encodeURIComponent(name)}`, 'd value=5 100')).ok, name).toBe(false);
    }
    expect(readdirSync(join(dataDir, '..')).filter((name) => name === 'MANIFEST')).toEqual([]);
    expect((await write('/write?db=a%00b', 'd value=1 1')).status).toBe(400);
    expect((await write(`/write?db=${'x'.repeat(300)}`, 'd value=1 1')).status).toBe(400);
  });
});

describe('remote write', () => {
  test('samples are found under their labels, stale markers end their series', async () => {
    const stale = new Float64Array(new BigUint64Array([0x7ff0000000000002n]).buffer)[0];
    const body = encodeRemoteWrite([
      {
        labels: [
          ['__name__', 'http_requests_total'],
          ['job', 'api'],
        ],
        samples: [
          { timeMs: 1_700_000_000_000, value: 1 },
          { timeMs: 1_700_000_015_500, value: 2.5 },
        ],
      },
      {
        labels: [
          ['__name__', 'gone'],
          ['job', 'api'],
        ],
        samples: [
          { timeMs: 1_700_000_000_000, value: 1 },
          { timeMs: 1_700_000_015_000, value: stale },
        ],
      },
      { labels: [['__name__', 'old']], samples: [{ timeMs: -5000, value: 4 }] },
    ]);
    const response = await write('/api/v1/write', body, {
      'content-encoding': 'snappy',
      'content-type': 'application/x-protobuf',
    });
    expect(response.status).toBe(204);
    expect(await instant(url, 'http_requests_total', 1_700_000_016)).toEqual([
      { metric: { __name__: 'http_requests_total', job: 'api' }, value: [1_700_000_016, '2.5'] },
    ]);
    expect(await instant(url, 'gone', 1_700_000_014)).toHaveLength(1);
    expect(await instant(url, 'gone', 1_700_000_016)).toEqual([]);
    expect((await instant(url, 'old', -4))[0].value).toEqual([-4, '4']);
  });

  test('what is not a remote write request is refused', async () => {
    const protobuf = { 'content-type': 'application/x-protobuf' };
    expect((await write('/api/v1/write', 'not snappy', protobuf)).status).toBe(400);
    expect((await write('/api/v1/write', 'up 1', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});

describe('Prometheus API', () => {
  beforeAll(async () => {
    const lines = ['a', 'b'].flatMap((host) =>
      [0, 60, 120].map((sec) => `cpu,host=${host},zone=z busy=${sec + (host === 'a' ? 0 : 0.5)} ${1000 + sec}`),
    );
    const response = await write('/write?db=api&precision=s', lines.join('\n'));
    expect(response.status).toBe(204);
  });

  async function get(path: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${url}/db/api/api/v1/${path}`);
    return { status: response.status, body: await response.json() };
  }

  test('instant queries in all result types', async () => {
    expect((await get('query?query=1.5&time=10')).body).toEqual({
      status: 'success',
      data: { resultType: 'scalar', result: [10, '1.5'] },
    });
    expect((await get('query?query="text"&time=10')).body).toEqual({
      status: 'success',
      data: { resultType: 'string', result: [10, 'text'] },
    });
    expect((await get('query?query=sum(cpu_busy)&time=1120')).body).toEqual({
      status: 'success',
      data: { resultType: 'vector', result: [{ metric: {}, value: [1120, '240.5'] }] },
    });
    expect((await get('query?query=cpu_busy{host="a"}[1m]&time=1120')).body).toEqual({
      status: 'success',
      data: {
        resultType: 'matrix',
        result: [{ metric: { __name__: 'cpu_busy', host: 'a', zone: 'z' }, values: [[1120, '120']] }],
      },
    });
    expect((await get('query?query=absent_metric&time=1120')).body).toEqual({
      status: 'success',
      data: { resultType: 'vector', result: [] },
    });
  });

  test('times print as Prometheus prints them', async () => {
    const text = await (await fetch(`${url}/api/v1/query?query=vector(1.5e300)&time=1.5`)).text();
    expect(text).toBe(
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.500,"1.5e+300"]}]}}',
    );
    const special = await (await fetch(`${url}/api/v1/query?query=-Inf&time=-5`)).text();
    expect(special).toBe('{"status":"success","data":{"resultType":"scalar","result":[-5,"-Inf"]}}');
  });

  test('range queries, by GET and POST', async () => {
    const want = {
      status: 'success',
      data: {
        resultType: 'matrix',
        result: [
          {
            metric: { __name__: 'cpu_busy', host: 'b', zone: 'z' },
            values: [
              [1000, '0.5'],
              [1060, '60.5'],
              [1120, '120.5'],
            ],
          },
        ],
      },
    };
    const query = encodeURIComponent('cpu_busy{host="b"}');
    expect((await get(`query_range?query=${query}&start=1000&end=1120&step=60`)).body).toEqual(want);
    expect((await get(`query_range?query=${query}&start=1000&end=1120&step=1m`)).body).toEqual(want);
    const posted = await ask(`${url}/db/api`, 'query_range', {
      query: 'cpu_busy{host="b"}',
      start: '1970-01-01T00:16:40Z',
      end: '1120',
      step: '60',
    });
    expect(posted).toEqual(want);
  });

  test('series, labels and label values', async () => {
    const a = { __name__: 'cpu_busy', host: 'a', zone: 'z' };
    const b = { __name__: 'cpu_busy', host: 'b', zone: 'z' };
    expect((await get('series?match[]=cpu_busy&start=0&end=2000')).body).toEqual({ status: 'success', data: [a, b] });
    expect((await get('series?match[]={host="a"}&match[]=cpu_busy&start=0&end=2000')).body).toEqual({
      status: 'success',
      data: [a, b],
    });
    expect((await get('labels')).body).toEqual({ status: 'success', data: ['__name__', 'host', 'zone'] });
    expect((await get('labels?match[]=nothing')).body).toEqual({ status: 'success', data: [] });
    expect((await get('label/host/values')).body).toEqual({ status: 'success', data: ['a', 'b'] });
    expect((await get('label/host/values?match[]=cpu_busy{host!="a"}')).body).toEqual({
      status: 'success',
      data: ['b'],
    });
    expect((await get('label/__name__/values')).body).toEqual({ status: 'success', data: ['cpu_busy'] });
    expect((await get('label/absent/values')).body).toEqual({ status: 'success', data: [] });
  });

  test('status and metadata', async () => {
    expect((await get('status/buildinfo')).body).toMatchObject({
      status: 'success',
      data: { version: expect.any(String) },
    });
    expect((await get('status/runtimeinfo')).status).toBe(200);
    expect((await get('metadata')).body).toEqual({ status: 'success', data: {} });
  });

  test("errors have Prometheus' shape and words", async () => {
    const check = async (path: string, status: number, errorType: string, error: string | RegExp) => {
      const answer = await get(path);
      expect(answer, path).toEqual({
        status,
        body: { status: 'error', errorType, error: typeof error === 'string' ? error : expect.stringMatching(error) },
      });
    };
    await check('query?query=sum(', 400, 'bad_data', /^invalid parameter "query": 1:\d+: parse error: /);
    await check('query', 400, 'bad_data', /^invalid parameter "query": .*no expression found in input/);
    await check(
      'query?query=up&time=foo',
      400,
      'bad_data',
      'invalid parameter "time": invalid time value for \'time\': cannot parse "foo" to a valid timestamp',
    );
    await check(
      'query_range?query=1&start=0&end=10&step=0',
      400,
      'bad_data',
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
    await check(
      'query_range?query=1&start=10&end=0&step=1',
      400,
      'bad_data',
      'invalid parameter "end": end timestamp must not be before start time',
    );
    await check(
      'query_range?query=1&start=0&end=100000&step=1',
      400,
      'bad_data',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    );
    await check(
      'query_range?query=up[5m]&start=0&end=2&step=1',
      400,
      'bad_data',
      /invalid expression type "range vector"/,
    );
    await check('query_range?query=1&end=10&step=1', 400, 'bad_data', /cannot parse "" to a valid timestamp/);
    await check('series', 400, 'bad_data', 'no match[] parameter provided');
    await check(
      'series?match[]={}',
      400,
      'bad_data',
      /^invalid parameter "match\[\]": .*must contain at least one non-empty matcher/,
    );
    await check('query?query=1&timeout=foo', 400, 'bad_data', /cannot parse "foo" to a valid duration/);
    await check('query?query=cpu_busy%2Bon(zone)cpu_busy&time=1120', 422, 'execution', /many-to-many|duplicate series/);
  });

  test('large answers are compressed for those who accept it', async () => {
    const response = await fetch(`${url}/api/v1/query_range?query=time()&start=0&end=10000&step=1`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    const body = (await response.json()) as { data: { result: { values: unknown[] }[] } };
    expect(body.data.result[0].values).toHaveLength(10_001);
  });
});

test('/metrics counts what happened', async () => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(name));
    if (line === undefined) throw new Error(`no metric ${name}`);
    return Number(line.slice(line.lastIndexOf(' ') + 1));
  };
  expect(value('varve_http_requests_total{route="/write",method="POST",status="204"}')).toBeGreaterThan(5);
  expect(value('varve_ingest_values_total{protocol="line"}')).toBeGreaterThan(5);
  expect(value('varve_ingest_values_total{protocol="remote_write"}')).toBe(5);
  expect(value('varve_wal_bytes_written_total')).toBeGreaterThan(0);
  expect(value('varve_wal_syncs_total')).toBeGreaterThan(0);
  expect(value('varve_wal_sync_duration_seconds_count')).toBeGreaterThan(0);
  expect(value('varve_memtable_bytes')).toBeGreaterThan(0);
  expect(value('varve_query_duration_seconds_count{route="/api/v1/query"}')).toBeGreaterThan(0);
  expect(value('varve_write_amplification')).toBeGreaterThan(0);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(0);
});
