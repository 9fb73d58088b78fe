/**
 * Prometheus' HTTP API, request by request: Varve and Debian's Prometheus (2.42) hold the same remote-written samples and
 * are asked the same. Status and JSON have to be the same. Where 2.42 does not know what Prometheus 3 does, the request
 * stands in the second list, with what Prometheus 3 answers and why 2.42 does not.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { type PrometheusProcess, startPrometheus } from './prometheus-process.ts';
import { encodeRemoteWrite, type RemoteSeries } from './remote-write-request.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';

const START = 1_700_000_000;
const STEP = 15;
const STEPS = 60;
/** Where windows of 2.42, which are closed at both ends, hold the same samples: none lies at a whole second. */
const AT = START + 600;

/** `METHOD path?query`; a form body stands after a space. */
const SAME: readonly string[] = [
  // Results of every type, and numbers in every spelling.
  'GET query?query=1%2B1&time=0',
  `GET query?query=up&time=${AT}`,
  `GET query?query=up&time=${AT}.5`,
  `GET query?query=up&time=${AT}.0625`,
  `GET query?query=1&time=${AT}.5`,
  `GET query?query="text"&time=${AT}`,
  `GET query?query="a\\nb<%26>\\"é"&time=${AT}.25`,
  `GET query?query=up[1m]&time=${AT}`,
  `GET query?query=up[2m:30s]&time=${AT}`,
  `GET query?query=odd&time=${START + 10}`,
  `GET query?query=-odd&time=${START + 10}`,
  `GET query?query=odd*1e-3&time=${START + 10}`,
  'GET query?query=vector(1/0)&time=1',
  'GET query?query=-(0/0)&time=1',
  'GET query?query=-1/0&time=1',
  'GET query?query=1e21&time=1',
  'GET query?query=0.1%2B0.2&time=1',
  'GET query?query=1.7976931348623157e308&time=1',
  'GET query?query=5e-324&time=1',
  'GET query?query=vector(5e-324)&time=1',
  'GET query?query=vector(123456789012345678901234)&time=1',
  `GET query?query=sum(requests_total)by(job)&time=${AT}`,
  `GET query?query=sort_desc(requests_total)&time=${AT}`,
  `GET query?query=nothing&time=${AT}`,
  // Names are dropped at once, so that nothing is left to group by.
  `GET query?query=max(max_over_time(requests_total[1m]))by(__name__,job)&time=${AT}`,
  `GET query?query=max_over_time({__name__=~"up|requests_total"}[1m])&time=${AT}`,
  `GET query?query=label_replace(up,"new","$1-\u00fc","job","(.*)")&time=${AT}`,
  `POST query query=up&time=${AT}`,
  `POST query?time=${AT} query=up`,
  `GET query_range?query=up&start=${START}&end=${AT}&step=60`,
  `GET query_range?query=rate(requests_total[1m])&start=${START}&end=${AT}&step=1m`,
  `GET query_range?query=up&start=${START}.5&end=${AT}&step=37.5`,
  'GET query_range?query=1&start=0&end=1&step=0.25',
  'GET query_range?query=time()&start=-2&end=2&step=500ms',
  `GET query_range?query=nothing&start=${START}&end=${AT}&step=60`,
  `POST query_range query=up&start=${START}&end=${AT}&step=60`,
  // Times.
  'GET query?query=time()&time=2023-11-14T22:15:00Z',
  'GET query?query=time()&time=2023-11-14T22:15:00.123456%2B01:30',
  'GET query?query=time()&time=2023-11-14T22:15:00,5Z',
  'GET query?query=time()&time=2023-02-30T00:00:00Z',
  'GET query?query=time()&time=2023-11-14T24:15:00Z',
  'GET query?query=time()&time=2023-11-14t22:15:00z',
  'GET query?query=time()&time=2023-11-14',
  'GET query?query=time()&time=.5',
  'GET query?query=time()&time=-1.5',
  'GET query?query=time()&time=1e9',
  'GET query?query=time()&time=1_000',
  'GET query?query=time()&time=0x10',
  'GET query?query=time()&time=1.0005',
  'GET query?query=up&time=abc',
  // Parameters that are wrong or missing.
  'GET query',
  'GET query?query=up(',
  'GET query?query={}',
  'GET query?query=sum(1)',
  `GET query?query=up&time=${AT}&timeout=x`,
  `GET query?query=up&time=${AT}&timeout=10s`,
  'GET query_range?query=1&start=0&end=10&step=0',
  'GET query_range?query=1&start=0&end=10&step=-1',
  'GET query_range?query=1&start=10&end=0&step=1',
  'GET query_range?query=1&start=0&end=100000&step=1',
  'GET query_range?query=1&start=0&end=10',
  'GET query_range?query=1&end=10&step=1',
  'GET query_range?query=1&start=0&step=1',
  'GET query_range?query=1&start=0&end=1&step=1e30',
  'GET query_range?query=1&start=0&end=1&step=1m1h',
  'GET query_range?query=1&start=0&end=1&step=1&timeout=z',
  // Failures of an evaluation.
  `GET query?query=label_replace(up,"a","b","c","(")&time=${AT}`,
  `GET query?query=label_join(up,"","","a")&time=${AT}`,
  `GET query?query=label_replace(up,"job","x","instance",".*")%2Bon(job)up{instance="0"}&time=${AT}`,
  // Series and labels.
  'GET series',
  'GET series?match[]=up',
  'GET series?match[]=up&match[]=odd&match[]=up{job="a"}',
  'GET series?match[]={job=~"a|b",instance!="1"}',
  'GET series?match[]=nothing',
  'GET series?match[]={}',
  'GET series?match[]={a=""}',
  'GET series?match[]={a!~".%2B"}',
  'GET series?match[]=up{',
  'GET series?match[]=up[5m]',
  'GET series?match[]=sum(up)',
  'GET series?match[]=',
  'GET series?match[]=up&start=x',
  `GET series?match[]=up&start=${START}&end=${AT}`,
  `GET series?match[]=up&end=${START - 100_000}`,
  'POST series match[]=up',
  'GET labels',
  'GET labels?match[]=up',
  'GET labels?match[]=up&match[]=odd',
  'GET labels?match[]={',
  'GET labels?match[]={}',
  'GET labels?start=z',
  `GET labels?start=${START}&end=${AT}`,
  `GET labels?end=${START - 1_000_000}`,
  'POST labels match[]=odd',
  'GET label/job/values',
  'GET label/__name__/values',
  'GET label/__name__/values?match[]={job="a"}',
  'GET label/job/values?match[]=up{instance="1"}',
  'GET label/nothing/values',
  'GET label/job/values?match[]={',
  'GET label/job/values?match[]={}',
  'GET label/job/values?end=y',
  `GET label/job/values?start=${START}&end=${AT}`,
  `GET label/job/values?end=${START - 1_000_000}`,
  `GET label/__name__/values?end=${START - 1_000_000}`,
  // What was never sent.
  'GET metadata',
  'GET metadata?limit=x',
  'GET metadata?metric=up',
  'GET query_exemplars',
  'GET query_exemplars?query=up',
  'GET query_exemplars?query=1',
  'GET query_exemplars?query=up&start=5&end=1',
  'GET query_exemplars?query=up&start=q',
  'GET query_exemplars?query=up(',
  'GET targets/metadata',
  'GET targets/metadata?limit=x',
  'GET alertmanagers',
  'GET rules',
  'GET rules?type=x',
  'GET alerts',
  // Expressions as text.
  'GET format_query?query=sum(up)by(a)',
  'POST format_query query=up{a="b"}',
  'GET format_query?query=up(',
  'GET format_query',
  // Administration.
  'OPTIONS query',
  'POST admin/tsdb/delete_series',
  'POST admin/tsdb/delete_series?match[]={',
  'POST admin/tsdb/delete_series?match[]=up&start=z',
  'POST admin/tsdb/delete_series?match[]=nothing',
  'POST admin/tsdb/delete_series?match[]={}',
  `GET query?query=count({__name__!=""})&time=${START + 10}`,
  'POST admin/tsdb/clean_tombstones',
  'POST admin/tsdb/snapshot?skip_head=x',
];

interface Difference {
  request: string;
  why: string;
  status: number;
  /** Members that the answer must have. */
  answer: Record<string, unknown>;
}

const bad = (error: string) => ({ status: 'error', errorType: 'bad_data', error });

const DIFFERENT: readonly Difference[] = [
  {
    request: `GET query?query=up&time=${AT}&limit=2`,
    why: 'limit is of Prometheus 3',
    status: 200,
    answer: { warnings: ['results truncated due to limit'], data: { resultType: 'vector', result: { length: 2 } } },
  },
  {
    request: `GET query_range?query=up&start=${START}&end=${AT}&step=60&limit=1`,
    why: 'limit is of Prometheus 3',
    status: 200,
    answer: { warnings: ['results truncated due to limit'], data: { resultType: 'matrix', result: { length: 1 } } },
  },
  {
    request: 'GET query?query=up&limit=x',
    why: 'limit is of Prometheus 3',
    status: 400,
    answer: bad('invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'),
  },
  {
    request: 'GET series?match[]=up&limit=-1',
    why: 'limit is of Prometheus 3',
    status: 400,
    answer: bad('invalid parameter "limit": limit must be non-negative'),
  },
  {
    request: 'GET series?match[]=up&limit=1',
    why: 'limit is of Prometheus 3',
    status: 200,
    answer: {
      data: [{ __name__: 'up', instance: '0', job: 'a' }],
      warnings: ['results truncated due to limit'],
    },
  },
  {
    request: 'GET labels?limit=2',
    why: 'limit is of Prometheus 3',
    status: 200,
    answer: { data: ['__name__', 'i'], warnings: ['results truncated due to limit'] },
  },
  {
    request: 'GET label/instance/values?limit=2',
    why: 'limit is of Prometheus 3',
    status: 200,
    answer: { data: ['0', '1'], warnings: ['results truncated due to limit'] },
  },
  {
    request: `GET query?query=up&time=${START + 60 * 20}&lookback_delta=1m`,
    why: 'lookback_delta is of Prometheus 2.43',
    status: 200,
    answer: { data: { resultType: 'vector', result: [] } },
  },
  {
    request: 'GET query?query=up&lookback_delta=zz',
    why: 'lookback_delta is of Prometheus 2.43',
    status: 400,
    answer: bad('error parsing lookback delta duration: cannot parse "zz" to a valid duration'),
  },
  {
    request: `GET query?query=up&time=${AT}&timeout=0`,
    why: '3 does not begin without time',
    status: 400,
    answer: bad('invalid parameter "timeout": timeout must be positive, got 0s'),
  },
  {
    request: `GET query?query=rate(up[1m])&time=${AT}`,
    why: 'annotations are of Prometheus 2.48 and later',
    status: 200,
    answer: {
      infos: [
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "up" (1:6)',
      ],
    },
  },
  {
    request: `GET query?query=quantile(2,up)&time=${AT}`,
    why: 'annotations are of Prometheus 2.48 and later',
    status: 200,
    answer: { warnings: ['PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)'] },
  },
  {
    request: 'GET query_range?query=up(&start=0&end=1&step=1',
    why: '3 says which parameter it is, as for query',
    status: 400,
    answer: bad('invalid parameter "query": 1:4: parse error: unclosed left parenthesis'),
  },
  {
    request: 'GET query_range?query=up[1m]&start=0&end=10&step=1',
    why: '3 says which parameter it is, as for query',
    status: 400,
    answer: bad(
      'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    ),
  },
  {
    request: 'GET query_range?query=1&start=0&end=0.01&step=0.0004',
    why: '2.42 divides by zero',
    status: 400,
    answer: bad(
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ),
  },
  {
    request: 'GET query?query=1&time=1e10',
    why: '2.42 goes beyond what its nanoseconds hold',
    status: 200,
    answer: { data: { resultType: 'scalar', result: [10_000_000_000, '1'] } },
  },
  {
    request: 'GET query?query=1&time=NaN',
    why: '2.42 takes it for a time in 1677',
    status: 400,
    answer: bad(`invalid parameter "time": invalid time value for 'time': cannot parse "NaN" to a valid timestamp`),
  },
  {
    request: 'GET label/a-b/values',
    why: 'any UTF-8 names a label in Prometheus 3',
    status: 200,
    answer: { status: 'success', data: [] },
  },
  {
    request: 'GET label/U__a_2d_b/values',
    why: 'escaped names are of Prometheus 3',
    status: 200,
    answer: { status: 'success', data: [] },
  },
  {
    request: 'GET targets',
    why: 'droppedTargetCounts is of Prometheus 2.47',
    status: 200,
    answer: { data: { activeTargets: [], droppedTargets: [], droppedTargetCounts: {} } },
  },
  {
    request: 'GET parse_query?query=up',
    why: 'parse_query is of Prometheus 3',
    status: 200,
    answer: { data: { type: 'vectorSelector', name: 'up' } },
  },
  {
    request: 'GET parse_query?query=up(',
    why: 'parse_query is of Prometheus 3',
    status: 400,
    answer: bad('invalid parameter "query": 1:4: parse error: unclosed left parenthesis'),
  },
  {
    request: 'GET status/tsdb?limit=x',
    why: 'limit is of Prometheus 2.45',
    status: 400,
    answer: bad('limit must be a positive number'),
  },
];

function testSeries(): RemoteSeries[] {
  const series: RemoteSeries[] = [];
  const samples = (valueAt: (i: number) => number) =>
    Array.from({ length: STEPS }, (_, i) => ({ timeMs: (START + i * STEP) * 1000 + 7, value: valueAt(i) }));
  for (const job of ['a', 'b']) {
    for (const instance of ['0', '1', '2']) {
      const labels = (name: string): [string, string][] => [
        ['__name__', name],
        ['instance', instance],
        ['job', job],
      ];
      series.push({ labels: labels('up'), samples: samples((i) => i % 7) });
      const speed = Number(instance) + 1;
      series.push({ labels: labels('requests_total'), samples: samples((i) => i * speed + (job === 'a' ? 0.5 : 0)) });
    }
  }
  const odd = [NaN, Infinity, -Infinity, -0, 1e21, 1e-7, 123456789012345680000, 0.1, 1e300, 5e-324, -1.5];
  for (const [i, value] of odd.entries()) {
    series.push({
      labels: [
        ['__name__', 'odd'],
        ['i', String(i)],
      ],
      samples: [{ timeMs: START * 1000 + 7, value }],
    });
  }
  return series;
}

interface Answer {
  status: number;
  type: string | null;
  json: unknown;
}

async function ask(url: string, request: string): Promise<Answer> {
  const [, method, path, body] = /^(\w+) (\S+)(?: (.*))?$/s.exec(request)!;
  const response = await fetch(`${url}/api/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    json: text === '' ? null : (JSON.parse(text) as unknown),
  };
}

/** Vectors come in no order, unless a function sorts them. */
function withoutOrder(request: string, answer: Answer): Answer {
  const { data } = (answer.json ?? {}) as { data?: { resultType?: string; result: { metric: unknown }[] } };
  if (data?.resultType === 'vector' && !request.includes('sort')) {
    data.result.sort((a, b) => (JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1));
  }
  return answer;
}

/** What Prometheus 3 says otherwise than 2.42. */
function inNewWords({ json, ...rest }: Answer): Answer {
  const text = JSON.stringify(json)
    .replace("Invalid time value for '", "invalid time value for '")
    .replace(/1:1(: parse error: no expression found in input)/, 'unknown position$1')
    .replace(/1:1(: parse error: unexpected end of input)/, 'unknown position$1');
  return { ...rest, json: JSON.parse(text) as unknown };
}

describe.skipIf(!havePrograms('prometheus'))("the HTTP API beside Prometheus'", () => {
  const { path: directory, remove } = temporaryDirectory('prometheus-api');
  let server: ServerProcess;
  let prometheus: PrometheusProcess;

  beforeAll(async () => {
    prometheus = await startPrometheus(directory, ['--web.enable-admin-api']);
    server = await startServer({ dataDir: `${directory}/varve`, args: ['--enable-admin-api'] });
    const body = encodeRemoteWrite(testSeries());
    for (const { url } of [prometheus, server]) {
      const headers = { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' };
      const written = await fetch(`${url}/api/v1/write`, { method: 'POST', headers, body });
      expect(written.status).toBe(204);
    }
  });

  afterAll(async () => {
    await prometheus.stop();
    await server.stop();
    remove();
  });

  test.each(SAME)('%s', async (request) => {
    const theirs = inNewWords(withoutOrder(request, await ask(prometheus.url, request)));
    expect(withoutOrder(request, await ask(server.url, request))).toEqual(theirs);
  });

  test.each(DIFFERENT)('$request, where $why', async ({ request, status, answer }) => {
    const ours = await ask(server.url, request);
    expect(ours.json).toMatchObject(answer);
    expect(ours.status).toBe(status);
  });

  test('stats=all has the members of Prometheus', async () => {
    for (const request of [
      `GET query?query=up&time=${AT}&stats=all`,
      `GET query_range?query=up&start=${START}&end=${AT}&step=60&stats=all`,
    ]) {
      const [theirs, ours] = (await Promise.all([ask(prometheus.url, request), ask(server.url, request)])).map(
        ({ json }) => (json as { data: { stats: Record<string, Record<string, number>> } }).data.stats,
      );
      expect(Object.keys(ours)).toEqual(Object.keys(theirs));
      expect(Object.keys(ours.timings)).toEqual(Object.keys(theirs.timings));
      expect(Object.keys(ours.samples).sort()).toEqual(Object.keys(theirs.samples).sort());
      expect(ours.samples.totalQueryableSamples).toBe(theirs.samples.totalQueryableSamples);
      expect(Object.values(ours.timings).every((seconds) => seconds >= 0 && seconds < 10)).toBe(true);
    }
  });

  test('more than ten warnings are cut short', async () => {
    const parts = Array.from({ length: 13 }, (_, i) => `quantile(${i + 2},up)`);
    const { json } = await ask(server.url, `POST query time=${AT}&query=${encodeURIComponent(parts.join(' or '))}`);
    const { warnings } = json as { warnings: string[] };
    expect(warnings).toHaveLength(11);
    expect(warnings[10]).toBe('3 more warning annotations omitted');
  });
});
