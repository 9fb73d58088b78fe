/**
 * InfluxDB's HTTP API beside a real influxd: the same requests to both, and the same statuses, headers and bytes back.
 * What 1.8 does otherwise than Debian's 1.6 is asked of Varve alone.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InfluxdProcess, startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const LINES = `cpu,host=a f=1.5,i=3i,b=true,s="x,y\\"z
l" 1000000000
cpu,host=b f=1e21,i=-9223372036854775808i,b=false,s="<&> é \u2028 " 1500000000000000001
cpu,host=b f=1e-7,i=9223372036854775807i -1500000000000000001
cpu,host=c f=100000000000000000000,g=123456789.125 0
e\\ sc,t\\ a\\=g=v\\,\\ x,b=\\"q v="\u0001\b\f / \\\\" 1`;

const manyRows = Array.from({ length: 25_000 }, (_, i) => `big v=${i} ${i}`).join('\n');

interface Asked {
  /** Of the URL's query. */
  query?: Record<string, string>;
  form?: Record<string, string>;
  multipart?: Record<string, string>;
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
}

const q = (text: string, more: Record<string, string> = {}): Asked => ({ query: { db: 'd', q: text, ...more } });
const accept = (type: string, asked: Asked): Asked => ({ ...asked, headers: { ...asked.headers, accept: type } });
const chunked = (rows: string, asked: Asked): Asked => ({
  ...asked,
  query: { ...asked.query, chunked: 'true', chunk_size: rows },
});

const EVERYTHING = 'select * from cpu';
const BY_HOST = 'select * from cpu group by host';
const SCHEMA = 'show measurements; show tag keys; show series; show field keys; show tag values with key = host';
const BAD_SECOND = 'show measurements; select f from nope..cpu; show measurements; show databases';

/** What both are asked, by why it is. */
const SAME: Record<string, Asked> = {
  'rows of every type': q(EVERYTHING),
  'groups with tags': q(BY_HOST),
  'names that need escapes': q('select * from "e sc" group by *'),
  'several statements, some without rows': q(`${BY_HOST}; select f from nothing; show measurements`),
  'an error stops the statements behind it': q(BAD_SECOND),
  'an error in the last statement is told': q('show measurements; select f from nope..cpu'),
  'an error in chunks': chunked('10', q(BAD_SECOND)),
  'no statement at all': q(';;'),
  'a comment before it': q(' -- show\nshow measurements'),
  ...Object.fromEntries(
    ['ns', 'u', 'ms', 's', 'm', 'h', 'fortnight', ' ms '].map((epoch) => [
      `times in '${epoch}'`,
      q('select f from cpu', { epoch }),
    ]),
  ),
  pretty: q(BY_HOST, { pretty: 'true' }),
  'pretty is true or nothing': q('select f from cpu', { pretty: '1' }),
  'pretty chunks': chunked('2', q('select f from cpu', { pretty: 'true' })),
  'a pretty refusal': q('selec', { pretty: 'true' }),
  'pretty, and nothing to show': q(';', { pretty: 'true' }),
  'chunks of one row': chunked('1', q(`${BY_HOST}; select f from cpu`)),
  'chunks that divide the rows evenly': chunked('2', q('select f from cpu')),
  'chunks of a wrong size': chunked('x', q('select f from cpu')),
  'chunks of no size': chunked('-1', q('select f from cpu')),
  'chunked is true or nothing': q('select f from cpu', { chunked: '1', chunk_size: '1' }),
  'chunks of the schema': chunked('1', q(SCHEMA)),
  'chunks of many rows': chunked('7000', q('select v from big')),
  'chunks by default': q('select v from big', { chunked: 'true' }),
  CSV: accept('text/csv', q(`${BY_HOST}; show measurements; ${EVERYTHING}`)),
  'CSV with an epoch': accept('text/csv', q(EVERYTHING, { epoch: 's' })),
  'CSV of names that need quotes': accept('text/csv', q('select * from "e sc" group by *')),
  'CSV in chunks': accept('text/csv', chunked('2', q(`${BY_HOST}; show field keys`))),
  'CSV without rows': accept('text/csv', q('select f from nothing')),
  'a refusal in CSV': accept('text/csv', q('selec', {})),
  'an error in CSV': accept('text/csv', q('select f from nope..cpu')),
  MessagePack: accept('application/x-msgpack', q(`${EVERYTHING}; show measurements; ${BY_HOST}`)),
  'MessagePack with an epoch': accept('application/x-msgpack', q(EVERYTHING, { epoch: 'ns' })),
  'MessagePack in chunks': accept('application/x-msgpack', chunked('2', q(EVERYTHING))),
  'an error in MessagePack': accept('application/x-msgpack', q('select f from nope..cpu')),
  'a refusal in MessagePack': accept('application/x-msgpack', q('selec')),
  'MessagePack of many rows': accept('application/x-msgpack', chunked('20000', q('select v from big'))),
  'anything accepted is JSON': accept('*/*', q('select f from cpu')),
  'something unknown accepted is JSON': accept('image/png', q('select f from cpu')),
  'no q': { query: { db: 'd' } },
  'an empty q': q(''),
  'a q of blanks': q('  \n'),
  'no q in a POST': { method: 'POST' },
  'a database that does not exist': q('select f from cpu', { db: 'nope' }),
  'a policy that does not exist': q('select f from cpu', { rp: 'nope' }),
  'the policy that does': q('select f from cpu', { rp: 'autogen' }),
  'the first of two values': { ...q('select f from cpu'), path: '/query?db=d' },
  'a form': { form: { db: 'd', q: EVERYTHING, epoch: 'ms' } },
  'a form wins over the URL': { ...q('show measurements'), form: { q: 'select f from cpu' } },
  'a form of no known type': { method: 'POST', body: 'q=show databases', headers: { 'content-type': 'text/plain' } },
  'a multipart form': { multipart: { db: 'd', q: 'select f from cpu limit 1; select f from cpu limit 2' } },
  'writing by GET is warned of': q(
    'create database d2; drop database d2; select f into m2 from cpu; drop measurement m2',
  ),
  'writing by POST is not': { form: { db: 'd', q: 'create database d2; drop database d2' } },
  'a parameter': q('select f from cpu where host = $h', { params: '{"h":"a"}' }),
  'parameters of every type': q('select f from cpu where f = $f and i = $i and b = $b', {
    params: '{"f":1.5,"i":3,"b":true}',
  }),
  'a duration and a regex as parameters': q('select f from cpu where time > $t and host =~ $r', {
    params: '{"t":{"duration":"1ns"},"r":{"regex":"[ab]"}}',
  }),
  'an identifier as a parameter': q('select $n from cpu', { params: '{"n":{"identifier":"f"}}' }),
  'a parameter that is missing': q('select f from cpu where host = $h', { params: '{"x":1}' }),
  'no parameters where one is used': q('select f from cpu where host = $h'),
  'parameters that are no object': q('select f from cpu where host = $h', { params: '[1]' }),
  'a parameter that is a list': q('select f from cpu where host = $h', { params: '{"h":[1]}' }),
  'a parameter that is null': q('select f from cpu where host = $h', { params: '{"h":null}' }),
  'a parameter of an unknown type': q('select f from cpu where host = $h', { params: '{"h":{"a":1}}' }),
  'statements that do not parse': q('show measurements; selec'),
  'nobody waits for the answer': q('show measurements', { async: 'true' }),
  'a write': { method: 'POST', path: '/write?db=d', body: 'w v=1 1' },
  'an empty write': { method: 'POST', path: '/write?db=d', body: '' },
  'a write to a policy that does not exist': { method: 'POST', path: '/write?db=d&rp=nope', body: 'w v=1 1' },
  'a write with a consistency': { method: 'POST', path: '/write?db=d&consistency=quorum', body: 'w v=1 1' },
  'a write with a wrong consistency': { method: 'POST', path: '/write?db=d&consistency=foo', body: 'w v=1 1' },
  ping: { path: '/ping' },
  'ping by HEAD': { path: '/ping', method: 'HEAD' },
};

/** Headers that have to be the same. */
const HEADERS = ['content-type', 'x-influxdb-error'];

interface Answer {
  status: number;
  headers: Record<string, string | null>;
  body: string;
}

describe.skipIf(!havePrograms('influxd'))('beside influxd', () => {
  const directory = temporaryDirectory('influx-http');
  let influxd: InfluxdProcess;
  let varve: ServerProcess;

  beforeAll(async () => {
    [influxd, varve] = await Promise.all([
      startInfluxd(directory.path),
      startServer({ dataDir: `${directory.path}/varve`, args: ['--wal-sync', 'none'] }),
    ]);
    for (const { url } of [influxd, varve]) {
      await fetch(`${url}/query`, { method: 'POST', body: new URLSearchParams({ q: 'CREATE DATABASE d' }) });
      for (const body of [LINES, manyRows]) {
        expect((await fetch(`${url}/write?db=d`, { method: 'POST', body })).status).toBe(204);
      }
    }
  }, 60_000);

  afterAll(async () => {
    await Promise.all([influxd.stop(), varve.stop()]);
    directory.remove();
  });

  async function ask(url: string, asked: Asked): Promise<Answer & { all: Headers }> {
    const target = new URL(asked.path ?? '/query', url);
    for (const [name, value] of Object.entries(asked.query ?? {})) target.searchParams.append(name, value);
    let body: RequestInit['body'] = asked.body;
    if (asked.form !== undefined) body = new URLSearchParams(asked.form);
    if (asked.multipart !== undefined) {
      const form = new FormData();
      for (const [name, value] of Object.entries(asked.multipart)) {
        form.append(name, name === 'q' ? new Blob([value]) : value);
      }
      body = form;
    }
    const method = asked.method ?? (body === undefined ? 'GET' : 'POST');
    const response = await fetch(target, { method, body, headers: asked.headers });
    return {
      status: response.status,
      headers: Object.fromEntries(HEADERS.map((name) => [name, response.headers.get(name)])),
      body: Buffer.from(await response.arrayBuffer()).toString('latin1'),
      all: response.headers,
    };
  }

  test.each(Object.entries(SAME))('%s', async (_, asked) => {
    const { all: theirHeaders, ...theirs } = await ask(influxd.url, asked);
    const { all: ourHeaders, ...ours } = await ask(varve.url, asked);
    expect(ours).toEqual(theirs);
    for (const headers of [theirHeaders, ourHeaders]) {
      expect(headers.get('x-influxdb-version')).toMatch(/^1\./);
      expect(headers.get('request-id')).toBe(headers.get('x-request-id'));
      expect(headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("a request's own id comes back", async () => {
    for (const name of ['x-request-id', 'request-id']) {
      for (const { url } of [influxd, varve]) {
        const { all } = await ask(url, { ...q('show measurements'), headers: { [name]: 'mine' } });
        expect([all.get('request-id'), all.get('x-request-id')]).toEqual(['mine', 'mine']);
      }
    }
  });

  test('many rows, not chunked: the same rows; that the answer is whole is said as 1.8 does', async () => {
    const rows = async (url: string) => {
      const { body } = await ask(url, q('select v from big'));
      return (JSON.parse(body) as { results: { series: { values: unknown[]; partial?: boolean }[] }[] }).results[0];
    };
    const [theirs, ours] = [await rows(influxd.url), await rows(varve.url)];
    expect(ours.series[0].values).toEqual(theirs.series[0].values);
    expect(ours.series[0].values.length).toBe(25_000);
    expect(ours.series[0].partial).toBeUndefined();
  });

  test('/ping tells the version when asked to', async () => {
    const { status, body } = await ask(varve.url, { path: '/ping?verbose=true' });
    expect([status, JSON.parse(body)]).toEqual([200, { version: '1.8.10' }]);
  });

  test('without a database, default is meant', async () => {
    expect((await ask(varve.url, { query: { q: 'select * from nothing' } })).body).toBe(
      '{"results":[{"statement_id":0}]}\n',
    );
    await ask(varve.url, { method: 'POST', path: '/write', body: 'here v=1 1' });
    const { body } = await ask(varve.url, { query: { q: 'select * from here', epoch: 'ns' } });
    expect(body).toBe(
      '{"results":[{"statement_id":0,"series":[{"name":"here","columns":["time","v"],"values":[[1,1]]}]}]}\n',
    );
  });

  test('an answer too large to be held leaves as it is made', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `large v=${i}i ${i}`).join('\n');
    await ask(varve.url, { method: 'POST', path: '/write?db=d', body: lines });
    const { body, all } = await ask(varve.url, q('select v from large'));
    expect(all.get('content-length')).toBeNull();
    const [result] = (JSON.parse(body) as { results: { series: { values: [string, number][] }[] }[] }).results;
    expect(result.series.length).toBe(1);
    expect(result.series[0].values.every(([, value], i) => value === i)).toBe(true);
    expect(result.series[0].values.length).toBe(200_000);
  }, 30_000);

  test('a client that leaves ends its query', async () => {
    const leaving = new AbortController();
    const target = `${varve.url}/query?db=d&chunked=true&q=${encodeURIComponent('select v from large, large, large, large')}`;
    const response = await fetch(target, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    const deadline = Date.now() + 10_000;
    for (;;) {
      const { body } = await ask(varve.url, q('show queries'));
      if (!body.includes('select v from large')) break;
      expect(Date.now()).toBeLessThan(deadline);
      await sleep(20);
    }
  }, 20_000);
});

describe('queries that take long', () => {
  const directory = temporaryDirectory('influx-long');
  let varve: ServerProcess;
  /** Two thousand groups of fifty thousand windows. */
  const LONG = 'SELECT count(v) FROM m WHERE time >= 0 AND time < 50s GROUP BY time(1ms), t fill(0)';

  beforeAll(async () => {
    varve = await startServer({ dataDir: directory.path, args: ['--wal-sync', 'none', '--query-timeout', '3s'] });
    const lines = Array.from({ length: 2000 }, (_, i) => `m,t=${i} v=${i} ${i * 1000}`).join('\n');
    expect((await fetch(`${varve.url}/write?db=d`, { method: 'POST', body: lines })).status).toBe(204);
  }, 60_000);

  afterAll(async () => {
    await varve.stop();
    directory.remove();
  });

  const ask = (text: string, init: RequestInit = {}) =>
    fetch(`${varve.url}/query?${new URLSearchParams({ db: 'd', q: text, chunked: 'true' })}`, init);

  test('are stopped by --query-timeout, and say so', async () => {
    const text = await (await ask(LONG)).text();
    expect(text.slice(-100)).toContain('"error":"query-timeout limit exceeded"}]}\n');
  }, 30_000);

  test('are listed and killed, and say so', async () => {
    const answer = (await ask(LONG)).text();
    let id: string | undefined;
    while (id === undefined) {
      const listed = await (await ask('SHOW QUERIES')).text();
      expect(listed).toContain('SHOW QUERIES');
      [, id] = /\[(\d+),"SELECT count/.exec(listed) ?? [];
    }
    expect(await (await ask(`KILL QUERY ${id}`, { method: 'POST' })).text()).toBe('{"results":[{"statement_id":0}]}\n');
    expect((await answer).slice(-100)).toContain('"error":"query interrupted"}]}\n');
    expect(await (await ask(`KILL QUERY ${id}`, { method: 'POST' })).text()).toContain(
      `"error":"no such query id: ${id}"`,
    );
  }, 30_000);

  test('let health and writes through', async () => {
    const leaving = new AbortController();
    const answer = ask(LONG, { signal: leaving.signal }).then((response) => response.text());
    for (let i = 0; i < 5; i++) {
      expect((await fetch(`${varve.url}/ping`)).status).toBe(204);
      expect((await fetch(`${varve.url}/write?db=d`, { method: 'POST', body: 'n v=1' })).status).toBe(204);
    }
    leaving.abort();
    await expect(answer).rejects.toThrow();
  }, 30_000);

  test('do not outlive a client that does not read', async () => {
    const stalled = await ask(LONG);
    const reader = stalled.body?.getReader();
    await reader?.read();
    for (;;) {
      if (!(await (await ask('SHOW QUERIES')).text()).includes('SELECT count')) break;
      await sleep(100);
    }
    await reader?.cancel().catch(() => {});
  }, 30_000);
});

describe('limits', () => {
  const directory = temporaryDirectory('influx-limits');
  let varve: ServerProcess;

  beforeAll(async () => {
    const args = ['--wal-sync', 'none', '--max-row-limit', '3', '--max-select-series', '2'];
    varve = await startServer({ dataDir: directory.path, args });
    const body = 'm,t=a v=1 1\nm,t=a v=2 2\nm,t=b v=3 3\nm,t=b v=4 4\nn v=5 5\nn,t=a v=5 5\nn,t=b v=5 5';
    expect((await fetch(`${varve.url}/write?db=d`, { method: 'POST', body })).status).toBe(204);
  }, 60_000);

  afterAll(async () => {
    await varve.stop();
    directory.remove();
  });

  async function body(text: string, more: Record<string, string> = {}): Promise<string> {
    const query = new URLSearchParams({ db: 'd', q: text, epoch: 'ns', ...more });
    return (await fetch(`${varve.url}/query?${query}`)).text();
  }

  test('rows beyond --max-row-limit are left out, and the series says so', async () => {
    expect(await body('select v from m group by t; select v from m')).toBe(
      '{"results":[{"statement_id":0,"series":[' +
        '{"name":"m","tags":{"t":"a"},"columns":["time","v"],"values":[[1,1],[2,2]]},' +
        '{"name":"m","tags":{"t":"b"},"columns":["time","v"],"values":[[3,3]],"partial":true}]}]}\n',
    );
  });

  test('chunks have no row limit', async () => {
    const text = await body('select v from m', { chunked: 'true' });
    expect(text).toContain('[[1,1],[2,2],[3,3],[4,4]]');
  });

  test('a SELECT over more series than --max-select-series is refused', async () => {
    expect(await body('select v from n')).toContain('"error":"max-select-series limit exceeded: (3/2)"');
  });
});
