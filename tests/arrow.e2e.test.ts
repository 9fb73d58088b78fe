/** Arrow answers of a real server: what pyarrow reads is what JSON says; errors stay JSON. */
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePythonModule, runPython } from './python.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { ROOT } from './source-tree.ts';

const ARROW = 'application/vnd.apache.arrow.stream';
const START_SEC = 1_700_000_000;
const SERIES = 100;

const { path: dataDir, remove } = temporaryDirectory('arrow');
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ dataDir });
  const lines = [
    `cpu,host=a,zone=north load=0.1,n=9223372036854775807i,u=18446744073709551615u,up=true,note="x" ${START_SEC}000000001`,
    `cpu,host=b load=-1e-300,n=-5i,note="zürich" ${START_SEC}000000002`,
    `cpu,host=b up=false ${START_SEC + 1}000000000`,
    `disk,host=a used=1i -999999999`,
  ];
  for (let i = 0; i < SERIES; i++) {
    for (let minute = 0; minute < 100; minute++)
      lines.push(`m,host=h${i} value=${i * 1000 + minute} ${START_SEC + minute * 60}000000000`);
  }
  const written = await fetch(`${server.url}/write`, { method: 'POST', body: lines.join('\n') });
  expect(written.status).toBe(204);
});

afterAll(async () => {
  await server?.stop();
  remove();
});

function urlOf(path: string, parameters: Record<string, string | number>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) search.set(name, String(value));
  return `${server.url}${path}?${search}`;
}

const RANGE = { start: START_SEC, end: START_SEC + 5999, step: 0.6 };

describe.skipIf(!havePythonModule('pyarrow'))('pyarrow', () => {
  const script = join(ROOT, 'tests/arrow-client.py');
  const read = async (...args: string[]) =>
    (await runPython(script, ...args))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('PromQL', async () => {
    const time = START_SEC + 1;
    const at = START_SEC * 1000;
    const [instant, range, scalar, raw, nothing, truncated] = await read(
      urlOf('/api/v1/query', { query: 'cpu_load', time }),
      urlOf('/api/v1/query_range', { query: 'sum(cpu_n < 0) by (host)', start: START_SEC, end: time, step: 1 }),
      urlOf('/api/v1/query', { query: '1/3', time }),
      urlOf('/api/v1/query', { query: 'cpu_up[1m]', time }),
      urlOf('/api/v1/query', { query: 'nothing', time }),
      urlOf('/api/v1/query', { query: 'm', time, limit: 2 }),
    );
    const words = 'dictionary<values=string, indices=int8, ordered=0>';
    expect(instant).toEqual({
      types: { time: 'timestamp[ms, tz=UTC]', value: 'double', __name__: words, host: words, zone: words },
      metadata: { resultType: 'vector' },
      columns: {
        time: [at + 1000, at + 1000],
        value: ['0.1', '-1e-300'],
        __name__: ['cpu_load', 'cpu_load'],
        host: ['a', 'b'],
        zone: ['north', null],
      },
    });
    expect(range.columns).toEqual({ time: [at, at + 1000], value: ['-5.0', '-5.0'], host: ['b', 'b'] });
    expect(scalar.columns).toEqual({ time: [at + 1000], value: ['0.3333333333333333'] });
    expect(raw.metadata.resultType).toBe('matrix');
    expect(raw.columns).toMatchObject({ time: [at, at + 1000], value: ['1.0', '0.0'], host: ['a', 'b'] });
    expect(nothing).toMatchObject({ types: { time: 'timestamp[ms, tz=UTC]', value: 'double' }, columns: { time: [] } });
    expect(truncated.columns.value).toHaveLength(2);
    expect(JSON.parse(truncated.metadata.warnings)).toEqual(['results truncated due to limit']);
  });

  test('a large range, evaluated on a thread, has every point of the JSON', async () => {
    const url = urlOf('/api/v1/query_range', { query: 'm * 1', ...RANGE, trace: 1 });
    const { data, trace } = (await (await fetch(url)).json()) as {
      data: { result: { values: [number, string][] }[] };
      trace: { evaluatedOnThread: boolean };
    };
    expect(trace.evaluatedOnThread).toBe(true);
    let rows = 0;
    let sum = 0;
    for (const { values } of data.result) {
      rows += values.length;
      for (const [, value] of values) sum += Number(value);
    }
    const [[arrowRows, arrowSum]] = await read('--count', url);
    expect(arrowRows).toBe(rows);
    expect(rows).toBeGreaterThan(900_000);
    expect(Number(arrowSum)).toBe(sum);
  });

  test('InfluxQL', async () => {
    const at = BigInt(START_SEC) * 1_000_000_000n;
    const [all, grouped, before, shown, zoned] = await read(
      urlOf('/query', { q: 'SELECT * FROM cpu' }),
      urlOf('/query', { q: 'SELECT mean(load), count(n) FROM cpu GROUP BY host', pretty: 'true' }),
      urlOf('/query', { q: 'SELECT used FROM disk', epoch: 's' }),
      urlOf('/query', { q: 'SHOW FIELD KEYS FROM disk' }),
      urlOf('/query', { q: "SELECT load FROM cpu WHERE host = 'a' TZ('Europe/Berlin')" }),
    );
    expect(all.types).toEqual({
      name: 'dictionary<values=string, indices=int8, ordered=0>',
      time: 'timestamp[ns, tz=UTC]',
      host: 'string',
      load: 'double',
      n: 'int64',
      note: 'string',
      u: 'uint64',
      up: 'bool',
      zone: 'string',
    });
    // Numbers of 64 bits do not fit JSON, so these are compared as what the nearest doubles are.
    expect(all.columns).toEqual({
      name: ['cpu', 'cpu', 'cpu'],
      time: [at + 1n, at + 2n, at + 1_000_000_000n].map(Number),
      host: ['a', 'b', 'b'],
      load: ['0.1', '-1e-300', null],
      n: [Number(2n ** 63n - 1n), -5, null],
      note: ['x', 'zürich', null],
      u: [Number(2n ** 64n - 1n), null, null],
      up: [true, null, false],
      zone: ['north', null, null],
    });
    expect(grouped.columns).toMatchObject({ host: ['a', 'b'], mean: ['0.1', '-1e-300'], count: [1, 1] });
    expect(before.columns.time).toEqual([-999_999_999]);
    expect(shown.columns).toEqual({ name: ['disk'], fieldKey: ['used'], fieldType: ['integer'] });
    expect(zoned.types.time).toBe('timestamp[ns, tz=Europe/Berlin]');
  });
});

test('the same by POST, and as any other type when that is liked better', async () => {
  const body = new URLSearchParams({ query: 'cpu_load', time: String(START_SEC + 1) });
  const ask = (accept: string) =>
    fetch(`${server.url}/api/v1/query`, { method: 'POST', body, headers: { accept, 'accept-encoding': 'gzip' } });
  const arrow = await ask(ARROW);
  expect(arrow.headers.get('content-type')).toBe(ARROW);
  expect(tableFromIPC(new Uint8Array(await arrow.arrayBuffer())).numRows).toBe(2);
  expect((await ask(`application/json, ${ARROW};q=0.1`)).headers.get('content-type')).toBe('application/json');
  const form = new FormData();
  form.append('query', 'cpu_load');
  form.append('time', String(START_SEC + 1));
  const multipart = await fetch(`${server.url}/api/v1/query`, {
    method: 'POST',
    body: form,
    headers: { accept: ARROW },
  });
  expect(multipart.headers.get('content-type')).toBe(ARROW);
  expect(tableFromIPC(new Uint8Array(await multipart.arrayBuffer())).numRows).toBe(2);
});

test.each([
  ['/api/v1/query', { query: 'sum(' }, 400, 'unclosed left parenthesis'],
  ['/query', { q: 'SELEC' }, 400, 'error parsing query'],
  ['/query', { q: 'SELECT v FROM nope..cpu' }, 400, 'database not found'],
  ['/query', { q: 'SELECT load FROM cpu; SELECT used FROM disk' }, 400, 'one statement'],
])('errors are JSON: %s %j', async (path, parameters, status, message) => {
  const answer = await fetch(urlOf(path, parameters), { headers: { accept: ARROW } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/json']);
  expect(((await answer.json()) as { error: string }).error).toContain(message);
});
