/** The guards of queries over HTTP: limits, queue, cancellation, the list of running queries, the slow-query log, traces. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const HOSTS = 30;
const FIELDS = 10;
const ROWS = 5000;
const STEP_SEC = 10;
const START_SEC = 1_767_225_600;
const END_SEC = START_SEC + ROWS * STEP_SEC;

/** Sorts thousands of values for each of ten thousand windows of 300 series: minutes, unless somebody ends it. */
const ENDLESS = {
  query: 'sum(mad_over_time({__name__=~"guarded_.+"}[30000s]))',
  start: String(START_SEC),
  end: String(END_SEC),
  step: '5',
};

interface Active {
  id: string;
  query: string;
  state: string;
}

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what comes is looked at member by member
  body: any;
}

describe('guards of queries', () => {
  const { path: dataDir, remove } = temporaryDirectory('guards');
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServer({
      dataDir,
      args: ['--query-concurrency', '1', '--query-max-series', '400', '--query-max-samples', '1000000'].concat([
        '--query-max-memory',
        '20MiB',
        '--query-queue',
        '2',
        '--slow-query',
        '1ms',
      ]),
    });
    const lines: string[] = [];
    for (let row = 0; row < ROWS; row++) {
      for (let host = 0; host < HOSTS; host++) {
        const fields = Array.from({ length: FIELDS }, (_, f) => `f${f}=${(row * 7 + host * 3 + f * 11) % 101}i`);
        lines.push(`guarded,host=h${host} ${fields.join()} ${START_SEC + row * STEP_SEC}`);
      }
      if (row % 500 === 499) await write(lines.splice(0).join('\n'));
    }
    await write(Array.from({ length: 500 }, (_, i) => `many,id=${i} value=1 ${START_SEC}`).join('\n'));
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    remove();
  });

  async function write(body: string): Promise<void> {
    const response = await fetch(`${server.url}/write?precision=s`, { method: 'POST', body });
    expect(response.status).toBe(204);
  }

  async function ask(path: string, parameters: Record<string, string>, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(`${server.url}${path}?${new URLSearchParams(parameters)}`, init);
    return { status: response.status, body: await response.json() };
  }

  const query = (text: string, more: Record<string, string> = {}) =>
    ask('/api/v1/query', { query: text, time: String(END_SEC), ...more });

  async function active(): Promise<Active[]> {
    return (await ask('/api/v1/status/active_queries', {})).body.data;
  }

  async function until(condition: () => Promise<boolean>): Promise<void> {
    for (let i = 0; i < 500; i++) {
      if (await condition()) return;
      await sleep(10);
    }
    throw new Error('it did not come to that within 5 s');
  }

  const running = async () => (await active()).some(({ state }) => state === 'running');

  test('too many series', async () => {
    const { status, body } = await query('count(many)');
    expect(status).toBe(422);
    expect(body).toEqual({
      status: 'error',
      errorType: 'execution',
      error: 'query selects 500 series, which is more than the limit of 400',
    });
  });

  test('too many samples', async () => {
    const { status, body } = await query('{__name__=~"guarded_.+"}[50000s]');
    expect(status).toBe(422);
    expect(body.errorType).toBe('execution');
    expect(body.error).toBe('query processing would load too many samples into memory in query execution');
  });

  test('too much memory', async () => {
    const { status, body } = await ask('/api/v1/query_range', { ...ENDLESS, query: '{__name__=~"guarded_.+"}' });
    expect(status).toBe(422);
    expect(body.errorType).toBe('execution');
    expect(body.error).toMatch(/^query would need about \d+ MiB for 300 series, more than the limit of 20 MiB$/);
  });

  test('too many points per series', async () => {
    const { status, body } = await ask('/api/v1/query_range', { ...ENDLESS, step: '1' });
    expect(status).toBe(400);
    expect(body.errorType).toBe('bad_data');
    expect(body.error).toBe(
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    );
  });

  const endless = { ...ENDLESS, query: ENDLESS.query.replace('guarded_.+', 'guarded_f[0-6]') };

  test('a query that takes too long', async () => {
    const { status, body } = await ask('/api/v1/query_range', { ...endless, timeout: '300ms' });
    expect(status).toBe(503);
    expect(body.errorType).toBe('timeout');
    expect(body.error).toBe('query timed out in expression evaluation');
  });

  test('a query is listed and killed; others are answered while it runs', async () => {
    const killed = ask('/api/v1/query_range', endless);
    await until(running);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const [{ id, query: text }] = await active();
    expect(text).toBe(endless.query);
    const path = `/api/v1/status/active_queries/${id}`;
    expect((await ask(path, {}, { method: 'DELETE' })).status).toBe(200);
    const { status, body } = await killed;
    expect(status).toBe(499);
    expect(body.errorType).toBe('canceled');
    const gone = await ask(path, {}, { method: 'DELETE' });
    expect(gone.status).toBe(404);
    expect(gone.body.errorType).toBe('not_found');
  });

  // Evaluated as a whole on a thread: deviations of a subquery are nothing that threads could compute beforehand.
  const heavy = {
    query: 'sum(mad_over_time((guarded_f1 + 0)[30000s:5s]))',
    start: String(START_SEC + 30_000),
    end: String(END_SEC),
    step: '5',
  };

  test('a heavy evaluation is killed, and what else is asked meanwhile is answered', async () => {
    const killed = ask('/api/v1/query_range', heavy);
    let ended = false;
    void killed.then(() => {
      ended = true;
    });
    await until(running);
    for (let i = 0; i < 20; i++) {
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await write(`other,turn=${i} value=1 ${START_SEC}`);
      await sleep(20);
    }
    expect(ended).toBe(false);
    const [{ id }] = await active();
    expect((await ask(`/api/v1/status/active_queries/${id}`, {}, { method: 'DELETE' })).status).toBe(200);
    const { status, body } = await killed;
    expect(status).toBe(499);
    expect(body.error).toBe('query was canceled in expression evaluation');
    expect(await active()).toEqual([]);
  });

  test('a heavy evaluation ends when its client leaves, or its time is over', async () => {
    const leaving = new AbortController();
    const left = ask('/api/v1/query_range', heavy, { signal: leaving.signal }).catch((error: Error) => error.name);
    await until(running);
    leaving.abort();
    expect(await left).toBe('AbortError');
    await until(async () => (await active()).length === 0);
    const { status, body } = await ask('/api/v1/query_range', { ...heavy, timeout: '300ms' });
    expect(status).toBe(503);
    expect(body.error).toBe('query timed out in expression evaluation');
  });

  test('the queue: a query waits for its turn, or for as long as it may', async () => {
    const leaving = new AbortController();
    const left = ask('/api/v1/query_range', endless, { signal: leaving.signal }).catch((error: Error) => error.name);
    await until(running);
    const late = await query('vector(1)', { timeout: '100ms' });
    expect(late.status).toBe(503);
    expect(late.body.error).toBe('query timed out in query queue');
    const patient = query('vector(1)');
    await until(async () => (await active()).some(({ state }) => state === 'waiting'));
    // The client leaves, its query ends, and the next one is let in.
    leaving.abort();
    expect(await left).toBe('AbortError');
    expect((await patient).status).toBe(200);
    expect(await active()).toEqual([]);
  });

  test('a queue that is full: a further query is told to come again, and counted', async () => {
    const leaving = new AbortController();
    const left = ask('/api/v1/query_range', endless, { signal: leaving.signal }).catch((error: Error) => error.name);
    await until(running);
    const patient = [query('vector(1)'), query('vector(2)')];
    await until(async () => (await active()).filter(({ state }) => state === 'waiting').length === 2);
    const refused = await fetch(`${server.url}/api/v1/query?query=vector(3)`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    const { status, error } = (await refused.json()) as { status: string; error: string };
    expect({ status, error }).toEqual({
      status: 'error',
      error: 'cannot take query: 2 wait already (limit query-queue = 2), try again',
    });
    const influx = await fetch(`${server.url}/query?db=default&q=SELECT+f1+FROM+guarded+LIMIT+1`);
    expect(influx.status).toBe(503);
    expect(await influx.text()).toContain('limit query-queue = 2');
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('\nvarve_refusals_total{reason="query-queue"} 2\n');
    leaving.abort();
    expect(await left).toBe('AbortError');
    for (const answer of await Promise.all(patient)) expect(answer.status).toBe(200);
  });

  test('a trace tells where the time went', async () => {
    const { body } = await ask('/api/v1/query_range', {
      query: 'sum(rate(guarded_f1[5m]))',
      start: String(START_SEC),
      end: String(END_SEC),
      step: '250',
      trace: '1',
    });
    expect(body.status).toBe('success');
    expect(body.trace).toMatchObject({ selectors: 1, series: HOSTS, samplesRead: HOSTS * ROWS });
    for (const phase of ['queueMs', 'selectMs', 'threadsMs', 'readMs', 'evaluateMs', 'encodeMs']) {
      expect(body.trace[phase]).toBeGreaterThanOrEqual(0);
    }
    expect((await query('vector(1)')).body.trace).toBeUndefined();
  });

  test('slow queries are logged', async () => {
    await query('sum(sum_over_time(guarded_f2[50000s]))');
    await expect.poll(() => server.output()).toContain('"msg":"slow query"');
    await expect.poll(() => server.output()).toContain('sum(sum_over_time(guarded_f2[50000s]))');
  });

  test('the limits are among the flags', async () => {
    const { body } = await ask('/api/v1/status/flags', {});
    expect(body.data).toMatchObject({
      'query-concurrency': '1',
      'query-max-samples': '1000000',
      'query-max-series': '400',
    });
  });
});
