/**
 * What comes from who means no good, against a real server with small limits: each is refused with a status of 4xx and a text
 * that says why, the process lives, others are served meanwhile, and memory stays bounded.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import zlib from 'node:zlib';
import snappy from 'snappy';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const MIB = 1 << 20;
const BODY_LIMIT = 4 * MIB;
/** What the process may grow by in one test. Node keeps tens of MiB of garbage for later. */
const GROWTH_BYTES = 400 * MIB;

interface Answer {
  status: number;
  text: string;
}

describe('hostile input', () => {
  const { path: dataDir, remove } = temporaryDirectory('hostile');
  let server: ServerProcess;

  beforeAll(async () => {
    const limits = ['--max-body-size', '4MiB', '--max-inflight-size', '16MiB', '--query-timeout', '20s'];
    const patience = ['--head-timeout', '1s', '--body-stall-timeout', '1s'];
    server = await startServer({ dataDir, args: [...limits, ...patience, '--slow-query', '0'] });
    expect(
      (await post('/write', 'm,t=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab value=1')).status,
    ).toBe(204);
  });

  afterAll(async () => {
    expect(await server.stop(), server.output()).toBe(0);
    expect(server.output()).not.toContain('BUG');
    remove();
  });

  let rssBefore = 0;
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) * 1024;

  afterEach(async () => {
    // Others are served, still.
    const { status, text } = await get('/api/v1/query?query=m');
    expect(status).toBe(200);
    expect(text).toContain('"status":"success"');
    const now = rss();
    if (rssBefore > 0) expect(now - rssBefore).toBeLessThan(GROWTH_BYTES);
    rssBefore = Math.max(rssBefore, now);
  });

  async function ask(path: string, init: RequestInit): Promise<Answer> {
    const answer = await fetch(server.url + path, init);
    return { status: answer.status, text: await answer.text() };
  }
  const get = (path: string) => ask(path, {});
  const post = (
    path: string,
    body: string | Uint8Array<ArrayBuffer> | URLSearchParams,
    headers: Record<string, string> = {},
  ) => ask(path, { method: 'POST', body, headers });
  const form = (path: string, parameters: Record<string, string>) => post(path, new URLSearchParams(parameters));

  /** Bytes as they are, and what comes back until the server closes, or for so long. */
  function raw(
    pieces: readonly (string | Uint8Array)[],
    pauseMs = 0,
    patienceMs = 8_000,
  ): Promise<Answer & { closed: boolean }> {
    return new Promise((resolve) => {
      const socket = connect(server.port, '127.0.0.1');
      let text = '';
      let isOver = false;
      const end = (closed: boolean) => {
        isOver = true;
        clearTimeout(timer);
        socket.destroy();
        resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text, closed });
      };
      const timer = setTimeout(() => end(false), patienceMs);
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        // An answer that keeps the connection is whole when its body is.
        const [head, body] = text.split('\r\n\r\n');
        const length = /content-length: (\d+)/i.exec(head)?.[1];
        if (
          !/connection: close/i.test(head) &&
          body !== undefined &&
          length !== undefined &&
          body.length >= Number(length)
        )
          end(false);
      });
      socket.on('error', () => {});
      socket.on('close', () => end(true));
      void (async () => {
        for (const piece of pieces) {
          if (isOver) return;
          socket.write(piece);
          if (pauseMs > 0) await sleep(pauseMs);
        }
      })();
    });
  }

  function expectRefused(answer: Answer, what: string, statuses: readonly number[] = [400]): void {
    const shown = `${what}: ${answer.status} ${answer.text.slice(0, 300)}`;
    expect(statuses, shown).toContain(answer.status);
    expect(answer.text, shown).toMatch(/"error":"[^"]{10,}/);
    expect(answer.text.length, shown).toBeLessThan(20_000);
    expect(answer.text, shown).not.toContain('BUG');
    expect(answer.text, shown).not.toMatch(/ at .*\.(ts|js):\d+/);
  }

  test('bodies that unpack to far more than they are', async () => {
    const zeros = Buffer.alloc(256 * MIB);
    const bombs: [string, Uint8Array<ArrayBuffer>][] = [
      ['gzip', new Uint8Array(zlib.gzipSync(zeros))],
      ['deflate', new Uint8Array(zlib.deflateSync(zeros))],
      ['zstd', new Uint8Array(zlib.zstdCompressSync(zeros))],
    ];
    for (const [encoding, bomb] of bombs) {
      expect(bomb.length).toBeLessThan(BODY_LIMIT);
      for (const path of ['/write', '/api/v2/write?bucket=x', '/api/v3/write_lp?db=x']) {
        expectRefused(await post(path, bomb, { 'content-encoding': encoding }), `${encoding} ${path}`, [413]);
      }
      const type = 'application/x-www-form-urlencoded';
      for (const path of ['/query', '/api/v1/query']) {
        const answer = await post(path, bomb, { 'content-encoding': encoding, 'content-type': type });
        expectRefused(answer, `${encoding} ${path}`, [413]);
      }
    }
    // Many at once that are each within the limit: together they are beyond what may be in flight.
    const within = new Uint8Array(zlib.gzipSync(zeros.subarray(0, BODY_LIMIT - 1)));
    const crowd = Array.from({ length: 60 }, () => post('/write?db=crowd', within, { 'content-encoding': 'gzip' }));
    // NUL is a blank, so the ones that find room are empty. On a busy machine some heads are late.
    for (const { status, text } of await Promise.all(crowd)) expect([204, 408, 503], text).toContain(status);
    const snappyBomb = new Uint8Array(await snappy.compress(zeros.subarray(0, 64 * MIB)));
    expect(snappyBomb.length).toBeLessThan(BODY_LIMIT);
    expectRefused(await post('/api/v1/write', snappyBomb, { 'content-encoding': 'snappy' }), 'snappy write', [413]);
    expectRefused(await post('/api/v1/read', snappyBomb, { 'content-encoding': 'snappy' }), 'snappy read', [400, 413]);
    // A length of 4 GiB that is only claimed.
    const claim = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0);
    expectRefused(await post('/api/v1/write', claim, { 'content-encoding': 'snappy' }), 'snappy claim', [400, 413]);
    const damaged = new Uint8Array(zlib.gzipSync('m value=1')).subarray(0, 15) as Uint8Array<ArrayBuffer>;
    expectRefused(await post('/write', damaged, { 'content-encoding': 'gzip' }), 'half a gzip');
    expectRefused(await post('/write', damaged, { 'content-encoding': 'gzip, gzip, gzip' }), 'many encodings', [415]);
    expectRefused(await post('/write', damaged, { 'content-encoding': '__proto__' }), 'no encoding', [415]);
  });

  test('heads and bodies that come slowly are given up, while others are served', async () => {
    const slowHeads = Array.from({ length: 30 }, () =>
      raw(['GET /health HTTP/1.1\r\nhost: x\r\n', ...Array(40).fill('x: y\r\n')], 250, 15_000),
    );
    const head = 'POST /write HTTP/1.1\r\nhost: x\r\n';
    const announced = `content-length: ${BODY_LIMIT}\r\n\r\n`;
    const slowBodies = Array.from({ length: 30 }, () =>
      raw([`${head}${announced}`, ...Array(40).fill('m')], 250, 15_000),
    );
    const chunks = Array.from({ length: 30 }, () =>
      raw([`${head}transfer-encoding: chunked\r\n\r\n`, ...Array(40).fill('1\r\nm\r\n')], 250, 15_000),
    );
    // 30 announced bodies are more than all that may be in flight: what has not come takes nothing from others.
    await sleep(500);
    expect((await post('/write', 'during value=1')).status).toBe(204);
    expect((await get('/health')).status).toBe(200);
    for (const answer of await Promise.all([...slowHeads, ...slowBodies, ...chunks])) {
      expectRefused(answer, 'slow', [408]);
      expect(answer.closed).toBe(true);
    }
  });

  test('expressions that are nested deeply or very long', async () => {
    for (const count of [2_000, 100_000]) {
      const open = '('.repeat(count);
      const close = ')'.repeat(count);
      const promql = [
        `${open}1${close}`,
        open,
        `${'-'.repeat(count)}1`,
        `${'abs('.repeat(count)}m${close}`,
        `1${'^1'.repeat(count)}`,
        `m${'[5m:1m]'.repeat(count)}`,
        `{__name__=~"${open}a${close}"}`,
        `1${'+1'.repeat(count)}`,
        `${'('.repeat(400)}1${`${'+1'.repeat(count / 100)})`.repeat(400)}`,
        `m${' offset 1m'.repeat(count)}`,
      ];
      for (const query of promql) {
        for (const path of [
          '/api/v1/query',
          '/api/v1/format_query',
          '/api/v1/parse_query',
          '/api/v1/query_exemplars',
        ]) {
          expectRefused(await form(path, { query }), `${path} ${query.slice(0, 40)}`);
        }
      }
      const influxql = [
        `SELECT ${open}value${close} FROM m`,
        `SELECT ${open}`,
        `SELECT ${'abs('.repeat(count)}value${close} FROM m`,
        `SELECT * FROM ${'(SELECT * FROM '.repeat(count)}m${close}`,
        `SELECT * FROM m WHERE ${open}t = 'a'${close}`,
        `SELECT * FROM m WHERE t =~ /${open}a${close}/`,
        `SELECT value${'+1'.repeat(count * 2)} FROM m`,
        `SELECT * FROM m WHERE value = 1${' OR value = 1'.repeat(count * 2)}`,
      ];
      for (const q of influxql) expectRefused(await form('/query', { q }), `/query ${q.slice(0, 40)}`);
      for (const params of [
        '['.repeat(count),
        `${'{"a":'.repeat(count)}1${'}'.repeat(count)}`,
        `{"a":${'['.repeat(count)}${']'.repeat(count)}}`,
      ]) {
        expectRefused(
          await form('/query', { q: 'SELECT * FROM m WHERE t = $a', params }),
          `params ${params.slice(0, 20)}`,
        );
      }
      for (const body of ['['.repeat(count), `${'{"name":'.repeat(count)}1${'}'.repeat(count)}`]) {
        expectRefused(
          await post('/api/v2/buckets', body, { 'content-type': 'application/json' }),
          'buckets',
          [400, 422],
        );
      }
    }
    // Just below the parser's limits, where what comes behind it may run out of stack.
    for (const query of [
      `${'abs('.repeat(480)}m${'+1+1+1+1)'.repeat(480)}`,
      `${'-'.repeat(480)}m${'+1'.repeat(900)}`,
    ]) {
      for (const path of ['/api/v1/query', '/api/v1/format_query', '/api/v1/parse_query', '/api/v1/query_exemplars']) {
        expect([200, 400]).toContain((await form(path, { query })).status);
      }
    }
    const long = `m{t="${'x'.repeat(2 * MIB)}"}`;
    for (const path of ['/api/v1/query', '/api/v1/format_query'])
      expectRefused(await form(path, { query: long }), path);
    expectRefused(await form('/api/v1/series', { 'match[]': long }), 'match[]');
    expectRefused(await form('/query', { q: `SELECT * FROM m WHERE t = '${'x'.repeat(2 * MIB)}'` }), 'q');
    expectRefused(await form('/query', { q: 'SHOW DATABASES;'.repeat(200_000) }), 'statements');
    const huge = 'x'.repeat(12 * MIB);
    for (const path of ['/api/v1/query', '/api/v1/labels', '/api/v1/users', '/query']) {
      expectRefused(await form(path, { query: huge, q: huge }), path, [413]);
    }
    expectRefused(await post('/api/v2/buckets', JSON.stringify({ name: huge })), 'buckets', [413]);
    expectRefused(await post('/write', new Uint8Array(BODY_LIMIT + 1)), 'write', [413]);
    expectRefused(
      await raw(['POST /write HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n\r\n']),
      'announced',
      [413],
    );
  });

  test('regular expressions that take for ever elsewhere', async () => {
    const patterns = [
      '(a+)+$',
      '(a|a)*$',
      '(a|aa)+$',
      '(.*a){20}$',
      '((a{1,30}){1,30})$',
      '^(([a-z])+.)+[A-Z]([a-z])+$',
    ];
    for (const pattern of patterns) {
      const started = performance.now();
      const promql = await form('/api/v1/query', { query: `{t=~${JSON.stringify(pattern)}}` });
      const label = await form('/api/v1/query', {
        query: `label_replace(m, "x", "$1", "t", ${JSON.stringify(pattern)})`,
      });
      const tag = await form('/query', { q: `SELECT * FROM m WHERE t =~ /${pattern}/` });
      const measurement = await form('/query', { q: `SELECT * FROM /${pattern}/` });
      const show = await form('/query', { q: `SHOW TAG VALUES WITH KEY =~ /${pattern}/ WHERE t =~ /${pattern}/` });
      for (const { status } of [promql, label, tag, measurement, show]) expect([200, 400]).toContain(status);
      // Backtracking over 60 letters would not end in this life.
      expect(performance.now() - started).toBeLessThan(30_000);
    }
    expectRefused(await form('/api/v1/query', { query: '{t=~"((a{1,1000}){1,1000}){1,1000}"}' }), 'repetitions');
    expectRefused(
      await form('/query', { q: 'SELECT * FROM m WHERE t =~ /((a{1,1000}){1,1000}){1,1000}/' }),
      'repetitions',
    );
    expectRefused(await form('/api/v1/query', { query: '{t=~"(?=a)(?<!b)"}' }), 'look-around');
    expectRefused(await form('/query', { q: 'SELECT * FROM m WHERE t =~ /(a)\\1/' }), 'back reference');
  });

  test('short queries that ask for more than any memory holds', async () => {
    const nested = (call: (inner: string) => string, depth: number): string =>
      depth === 0 ? 'm' : call(nested(call, depth - 1));
    for (const query of [
      nested((inner) => `label_join(${inner}, "t", "", "t", "t")`, 60),
      nested((inner) => `label_replace(${inner}, "t", "$1$1", "t", "(.*)")`, 60),
      `label_replace(m, "x", "${'$0'.repeat(10_000)}", "t", ".*")`,
    ]) {
      expectRefused(await form('/api/v1/query', { query }), query.slice(0, 40), [422]);
    }
    const points = Array.from({ length: 50 }, (_, i) => `grow value=${i % 7} ${1_700_000_000 + 60 * i}`);
    expect((await post('/write?precision=s', points.join('\n'))).status).toBe(204);
    const bounds = 'time >= 1700000000s AND time < 1700003000s';
    for (const [q, limit] of [
      [`SELECT holt_winters(mean(value), 1000000000, 4) FROM grow WHERE ${bounds} GROUP BY time(1m)`, 'interval'],
      [`SELECT holt_winters(mean(value), 10, 1000000000) FROM grow WHERE ${bounds} GROUP BY time(1m)`, 'season'],
      ['SELECT holt_winters(mean(value), 10, 4) FROM grow GROUP BY time(1ns) fill(none)', 'interval'],
      [`SELECT mean(value) FROM grow WHERE ${bounds} GROUP BY time(1ns)`, 'max-select-buckets'],
      // Without a lower bound it is known only when the first point is.
      ['SELECT mean(value) FROM grow GROUP BY time(1ns)', 'max-select-buckets'],
      ['SELECT median(value) FROM grow GROUP BY time(1ns) LIMIT 1', 'max-select-buckets'],
      ['SELECT median(value) FROM grow GROUP BY time(1ns) ORDER BY time DESC', 'max-select-buckets'],
      ['SELECT cumulative_sum(mean(value)) FROM grow GROUP BY time(1u) fill(0)', 'max-select-buckets'],
    ]) {
      const { status, text } = await form('/query', { q });
      expect(status, q).toBe(200);
      expect(text, q).toMatch(new RegExp(`"error":"[a-z_ -]*${limit} limit exceeded: `));
    }
  });

  test('paths that lead elsewhere', async () => {
    const paths = [
      '/../../../../etc/passwd',
      '/ui/../../package.json',
      '/ui/..%2f..%2fpackage.json',
      '/ui/%2e%2e%2f%2e%2e%2fpackage.json',
      '/ui/..%5c..%5cpackage.json',
      '/ui/index.html%00.js',
      '/ui//etc/passwd',
      '/db/../../etc/passwd',
      '/static/..;/..;/etc/passwd',
    ];
    for (const path of paths) {
      const answer = await raw([`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`]);
      expect([400, 404], path).toContain(answer.status);
      expect(answer.text, path).not.toMatch(/root:|"dependencies"/);
    }
    const names = ['..', '../escape', 'a/../../escape', '/etc', 'a\u0000b', 'C:\\x', 'con\u0001', 'a'.repeat(300)];
    for (const name of names) {
      const { status } = await post(`/api/v2/write?bucket=${encodeURIComponent(name)}`, 'm value=1');
      // What is a name to line protocol is no path on disk, where directories have numbers.
      expect([204, 400, 404], name).toContain(status);
      expectRefused(await form('/api/v1/databases', { name }), `database ${name}`);
    }
    expect(readdirSync(dirname(dataDir)).filter((name) => name.includes('escape'))).toEqual([]);
    expect(readdirSync(join(dataDir, 'db')).every((name) => /^\d+$/.test(name))).toBe(true);
    expectRefused(await form('/query', { q: 'CREATE DATABASE ".."' }), 'CREATE DATABASE', [200]);
  });

  test('names that are members of every object', async () => {
    const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf'];
    for (const name of names) {
      expect((await post(`/write?db=${name}`, `${name},${name}=${name},t=x ${name}=1,value=2 1000000000`)).status).toBe(
        204,
      );
      const select = await form('/query', { q: `SELECT * FROM "${name}"`, db: name });
      expect(select.text).toContain(JSON.stringify(['time', ...[name, `${name}_1`, 't', 'value'].sort()]).slice(0, 8));
      expect(select.text, name).toContain(`"${name}"`);
      const promql = await form('/api/v1/query', { query: `{__name__="${name}_${name}"}`, db: name, time: '1' });
      const { data } = JSON.parse(promql.text) as { data: { result: { metric: Record<string, string> }[] } };
      expect(Object.entries(data.result[0].metric), promql.text).toContainEqual([name, name]);
      const series = await get(`/api/v1/series?db=${name}&match[]={t="x"}`);
      expect(JSON.parse(series.text).data.length).toBe(2);
      expect((await get(`/api/v1/label/${name}/values?db=${name}`)).text).toContain(`"${name}"`);
      const grouped = await form('/api/v1/query', { query: `sum by (${name}) ({t="x"})`, db: name, time: '1' });
      expect(grouped.text, name).toContain(`{"${name}":"${name}"}`);
      const bound = await form('/query', {
        q: `SELECT value FROM "${name}" WHERE "${name}"::tag = $${name === '__proto__' ? '__proto__' : name}`,
        db: name,
        params: `{"${name}":"${name}"}`,
      });
      expect(bound.text, name).toContain('"values":[["1970-01-01T00:00:01Z",2]]');
      expect((await get(`/api/v1/databases/${name}`)).status).toBe(200);
      expect([200, 400, 404]).toContain((await get(`/api/v1/metadata?metric=${name}&db=${name}`)).status);
      expect((await get(`/${name}`)).status).toBe(404);
      expect((await get(`/ui/${name}`)).status).toBe(404);
      expect([400, 405, 501]).toContain(
        (
          await raw([
            `${name.toUpperCase().replace(/_/g, '-')} /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
          ])
        ).status,
      );
    }
    const polluted =
      '{"name":"polluted","__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"retentionRules":[{"__proto__":{"everySeconds":1}}]}';
    await post('/api/v2/buckets', polluted, { 'content-type': 'application/json' });
    expect((await get('/api/v1/whoami')).text).toContain('"kind":"anonymous"');
    for (const name of names) expect((await get(`/api/v1/query?query=m&${name}=1&${name}[x]=2`)).status).toBe(200);
  });

  test('floods of headers, long addresses, many parameters', async () => {
    const head = 'GET /health HTTP/1.1\r\nhost: x\r\n';
    const many = Array.from({ length: 100_000 }, (_, i) => `h${i}: v\r\n`).join('');
    expectRefused(await raw([`${head}${many}\r\n`]), 'many headers', [431]);
    expectRefused(await raw([`${head}x: ${'a'.repeat(500_000)}\r\n\r\n`]), 'a long header', [431]);
    expectRefused(
      await raw([`GET /api/v1/query?query=${'1'.repeat(500_000)} HTTP/1.1\r\nhost: x\r\n\r\n`]),
      'a long address',
      [431],
    );
    const parameters = 'a=b&'.repeat(500_000);
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    expectRefused(await post('/api/v1/query', `${parameters}query=`, type), 'many parameters');
    expectRefused(await post('/query', `${parameters}q=`, type), 'many parameters');
    expectRefused(await post('/api/v1/series', `${'match[]=x&'.repeat(100_000)}limit=x`, type), 'many selectors');
    const boundary = { 'content-type': 'multipart/form-data; boundary=b' };
    expectRefused(
      await post('/query', '--b\r\nContent-Disposition: form-data; name="q"\r\n\r\n', boundary),
      'half a form',
    );
    expectRefused(await post('/query', `${'--b\r\n'.repeat(100_000)}`, boundary), 'a form of boundaries');
  });

  test('clients that leave in the middle of a long answer', async () => {
    for (let part = 0; part < 5; part++) {
      const line = (_: unknown, i: number) => `long,host=h${part}-${i},pod=${Math.imul(i, 0x9e3779b1)} value=${i}`;
      const lines = Array.from({ length: 20_000 }, line);
      expect((await post('/write?db=long', lines.join('\n'))).status).toBe(204);
    }
    const paths = [
      '/api/v1/series?match[]=long',
      '/api/v1/label/pod/values',
      '/query?q=SHOW%20SERIES',
      '/api/v1/export',
    ];
    for (const path of paths) {
      for (const encoding of ['gzip', 'zstd', 'deflate', 'identity']) {
        const url = `${server.url}/db/long${path}`;
        await new Promise<void>((resolve) => {
          const request = httpGet(url, { headers: { 'accept-encoding': encoding } }, (response) => {
            response.once('data', () => request.destroy());
            response.once('error', () => {});
          });
          request.once('error', () => {});
          request.once('close', () => resolve());
        });
      }
    }
  });

  test('requests that could be taken in two ways, or in none', async () => {
    const write = 'POST /write HTTP/1.1\r\nhost: x\r\n';
    const cases: Record<string, string> = {
      'two lengths': `${write}content-length: 9\r\ncontent-length: 5\r\n\r\nm value=1`,
      'a length and chunks': `${write}content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      'an encoding that is none': `${write}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
      'a negative length': `${write}content-length: -1\r\n\r\n`,
      'a length beyond all': `${write}content-length: 99999999999999999999999\r\n\r\n`,
      'a chunk that is none': `${write}transfer-encoding: chunked\r\n\r\nxyz\r\n`,
      'a NUL in a header': 'GET /health HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n',
      'a NUL in the path': 'GET /hea\0lth HTTP/1.1\r\nhost: x\r\n\r\n',
      'no HTTP': 'hello\r\n\r\n',
      TLS: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'no host': 'GET /health HTTP/1.1\r\n\r\n',
      'a host that is none': 'GET /api/v1/labels HTTP/1.1\r\nhost: [::\r\n\r\n',
      'a header before its name': 'GET /health HTTP/1.1\r\n host: x\r\n\r\n',
      'a star': 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n',
    };
    for (const [what, request] of Object.entries(cases))
      expectRefused(await raw([Buffer.from(request, 'latin1')]), what);
    // A second request hidden in the body of a refused one is not answered.
    const hidden = 'GET /api/v1/databases HTTP/1.1\r\nhost: x\r\n\r\n';
    const smuggled = await raw([`${write}content-length: ${hidden.length}\r\ncontent-length: 0\r\n\r\n${hidden}`]);
    expect(smuggled.text.match(/HTTP\/1\.1/g)?.length).toBe(1);
  });

  test('bytes that are no text', async () => {
    const lines = Buffer.concat([
      Buffer.from('bad,t='),
      Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
      Buffer.from(' value=1\ngood value=1\nnul,t=a\0b value=1\n'),
    ]);
    const { status, text } = await post('/write?db=bytes', new Uint8Array(lines));
    expect([204, 400], text).toContain(status);
    const answers = [
      await get('/api/v1/query?query=%ff%fe'),
      await get('/api/v1/query?query=m%00'),
      await get('/query?q=SELECT%20%ff%20FROM%20m%00'),
      await get('/api/v1/query?query=m&time=%00'),
      await get('/api/v1/labels?db=a%00b'),
      await get('/db/%ff/api/v1/labels'),
    ];
    for (const answer of answers) expectRefused(answer, 'no text');
    for (const path of ['/api/v1/label/%ff/values', '/api/v1/label/a%00b/values', '/api/v1/databases/%ff', '/%ff']) {
      expect([200, 400, 404], path).toContain((await get(path)).status);
    }
    const names = await get('/api/v1/series?db=bytes&match[]={__name__=~".%2B"}');
    // What was taken comes back as JSON that can be read.
    expect(JSON.parse(names.text).status).toBe('success');
    const noMessage = new Uint8Array(
      await snappy.compress(Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 37) % 256))),
    );
    expectRefused(await post('/api/v1/write', noMessage, { 'content-encoding': 'snappy' }), 'no message');
    expectRefused(await post('/api/v1/read', noMessage, { 'content-encoding': 'snappy' }), 'no message');
  });
});
