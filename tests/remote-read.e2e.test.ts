/**
 * Remote read of a real server: by direct requests, by Debian's Prometheus that has no data of its own and answers
 * queries out of Varve's, and against the streams of a Prometheus that holds the same samples.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeXorChunk } from '../query/remote-read/xor-chunk.ts';
import { havePrograms } from './peers.ts';
import { instant, range, type Series } from './prometheus-client.ts';
import {
  decodeSamples,
  decodeStream,
  encodeReadRequest,
  postRead,
  type ReadQuestion,
  type ReadSeries,
  SAMPLES,
  STREAMED,
} from './remote-read-client.ts';
import { encodeRemoteWrite, type RemoteSeries } from './remote-write-request.ts';
import { answersOk, freePort, type ServerProcess, sleep, startServer, temporaryDirectory } from './server-process.ts';

const SERIES = 12;
const POINTS = 500;
const STEP_MS = 5000;
/** A time no sample's distance of which is a whole number of steps, the samples beginning at it. */
const BASE_MS = Math.floor(Date.now() / 60_000) * 60_000 - 50 * 60_000 + 137;
const END_MS = BASE_MS + POINTS * STEP_MS;
const STALE = new Float64Array(BigUint64Array.of(0x7ff0000000000002n).buffer)[0];

/** Counters, gauges and one series that went stale, at times that jitter a little. */
function workload(): RemoteSeries[] {
  const all: RemoteSeries[] = [];
  for (let s = 0; s < SERIES; s++) {
    const samples: RemoteSeries['samples'] = [];
    for (let i = 0; i < POINTS; i++) {
      const jitter = s % 3 === 0 ? 0 : (i * 7919 + s) % 11;
      const value = s % 2 === 0 ? i * (s + 1) : Math.sin(i / 20) * 100 + s;
      samples.push({ timeMs: BASE_MS + i * STEP_MS + jitter, value: s === 5 && i === POINTS - 1 ? STALE : value });
    }
    const labels: [string, string][] = [
      ['__name__', s % 2 === 0 ? 'lake_total' : 'lake_level'],
      ['job', s < 6 ? 'north' : 'south'],
      ['station', `s${String(s).padStart(2, '0')}`],
    ];
    all.push({ labels, samples });
  }
  return all;
}

async function write(url: string, series: readonly RemoteSeries[]): Promise<void> {
  const headers = {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '0.1.0',
  };
  const response = await fetch(`${url}/api/v1/write`, { method: 'POST', headers, body: encodeRemoteWrite(series) });
  if (!response.ok) throw new Error(`write: ${response.status} ${await response.text()}`);
}

const everything: ReadQuestion = { startMs: BASE_MS, endMs: END_MS, matchers: [[2, '__name__', 'lake_.*']] };

/** What was written, as remote read gives it. */
function written(series: RemoteSeries): Omit<ReadSeries, 'chunks'> {
  return {
    labels: series.labels.map((label) => label.join('=')),
    timesMs: series.samples.map((sample) => sample.timeMs),
    bits: [...new BigUint64Array(Float64Array.from(series.samples, (sample) => sample.value).buffer)],
  };
}

function withoutChunks({ labels, timesMs, bits }: ReadSeries): Omit<ReadSeries, 'chunks'> {
  return { labels, timesMs, bits };
}

describe('remote read', () => {
  const { path: directory, remove } = temporaryDirectory('remote-read');
  const all = workload();
  const inOrder = [...all].map(written).sort((a, b) => (a.labels.join() < b.labels.join() ? -1 : 1));
  let server: ServerProcess;
  let url: string;

  beforeAll(async () => {
    server = await startServer({ dataDir: join(directory, 'varve') });
    url = `${server.url}/db/lake`;
    await write(url, all);
  });

  afterAll(async () => {
    await server?.stop();
    remove();
  });

  test('samples: every series in the order of its labels, every bit', async () => {
    const response = await postRead(url, encodeReadRequest([everything], [SAMPLES]));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-protobuf');
    expect(response.headers.get('content-encoding')).toBe('snappy');
    const [series] = await decodeSamples(response);
    expect(series.map(withoutChunks)).toEqual(inOrder);
  });

  test('a client that does not say what it accepts gets samples', async () => {
    const response = await postRead(url, encodeReadRequest([everything], []));
    expect(response.headers.get('content-type')).toBe('application/x-protobuf');
    expect((await decodeSamples(response))[0]).toHaveLength(SERIES);
  });

  test('the first of the accepted types that is known is taken', async () => {
    const response = await postRead(url, encodeReadRequest([everything], [7, STREAMED, SAMPLES]));
    expect(response.headers.get('content-type')).toBe(
      'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
    );
    const { results } = await decodeStream(response);
    expect(results[0].map(withoutChunks)).toEqual(inOrder);
    for (const { chunks } of results[0]) {
      for (const chunk of chunks) expect((chunk[0] << 8) | chunk[1]).toBeLessThanOrEqual(120);
    }
    expect((await postRead(url, encodeReadRequest([everything], [7]))).status).toBe(400);
  });

  test('several queries, each with its matchers and its inclusive range', async () => {
    const from = BASE_MS + 100 * STEP_MS;
    const one: ReadQuestion = {
      startMs: from,
      endMs: from + 10 * STEP_MS,
      matchers: [
        [0, '__name__', 'lake_total'],
        [1, 'job', 'south'],
        [3, 'station', 's0[24]'],
      ],
    };
    const none: ReadQuestion = { ...one, matchers: [[0, '__name__', 'sea_level']] };
    const body = [none, one, { ...one, func: 'series' }];
    const [nothing, some, labels] = await decodeSamples(await postRead(url, encodeReadRequest(body, [SAMPLES])));
    expect(nothing).toEqual([]);
    expect(some.map(({ labels: found, timesMs }) => [found[2], timesMs.length])).toEqual([['station=s00', 11]]);
    expect(some[0].timesMs[0]).toBe(from);
    expect(labels.map(({ labels: found, timesMs }) => [found[2], timesMs.length])).toEqual([['station=s00', 0]]);

    const { results } = await decodeStream(await postRead(url, encodeReadRequest(body, [STREAMED])));
    expect(results.map((series) => series.map(withoutChunks))).toEqual([
      [],
      some.map(withoutChunks),
      labels.map(withoutChunks),
    ]);
  });

  test('a database that does not exist answers, and holds nothing', async () => {
    const body = encodeReadRequest([everything], [SAMPLES]);
    expect(await decodeSamples(await postRead(`${server.url}/db/nowhere`, body))).toEqual([[]]);
    const streamed = await postRead(`${server.url}/db/nowhere`, encodeReadRequest([everything], [STREAMED]));
    expect((await streamed.arrayBuffer()).byteLength).toBe(0);
  });

  test('what is not a request is refused', async () => {
    expect((await postRead(url, new TextEncoder().encode('hello'))).status).toBe(400);
    const bad = encodeReadRequest([{ ...everything, matchers: [[2, '__name__', '(']] }], []);
    expect((await postRead(url, bad)).status).toBe(400);
    expect((await fetch(`${url}/api/v1/read`)).status).toBe(405);
  });

  test('a client that leaves in the middle of a stream leaves nothing behind', async () => {
    const abort = new AbortController();
    const questions = new Array<ReadQuestion>(2000).fill(everything);
    const response = await postRead(url, encodeReadRequest(questions, [STREAMED]), abort.signal);
    const reader = response.body!.getReader();
    await reader.read();
    abort.abort();
    await reader.read().catch(() => {});
    expect((await postRead(url, encodeReadRequest([everything], [STREAMED]))).status).toBe(200);
  });

  test('it passes the gate of queries and keeps to their limits', async () => {
    const { path: dataDir, remove: removeData } = temporaryDirectory('remote-read-limits');
    const start = async (...args: string[]) => {
      const limited = await startServer({ dataDir, args });
      const read = (type: number, signal?: AbortSignal) =>
        postRead(limited.url, encodeReadRequest(new Array<ReadQuestion>(300).fill(everything), [type]), signal);
      return { limited, read };
    };
    const failure = async (response: Response) => [
      response.status,
      ((await response.json()) as { error: string }).error,
    ];
    try {
      let { limited, read } = await start('--query-max-series', String(SERIES - 1));
      await write(limited.url, all);
      const tooMany = [422, `query selects ${SERIES} series, which is more than the limit of ${SERIES - 1}`];
      expect(await failure(await read(SAMPLES))).toEqual(tooMany);
      expect(await failure(await read(STREAMED))).toEqual(tooMany);
      await limited.stop();

      ({ limited, read } = await start('--query-max-samples', '100'));
      expect(await failure(await read(SAMPLES))).toEqual([400, 'exceeded sample limit (100)']);
      expect((await read(STREAMED)).status).toBe(200);
      await limited.stop();

      ({ limited, read } = await start('--query-max-memory', '100KiB'));
      const [status, error] = await failure(await read(SAMPLES));
      expect(status).toBe(422);
      expect(error).toBe('remote read would need more than the limit of 102400 bytes');
      await limited.stop();

      ({ limited, read } = await start('--query-timeout', '1ms'));
      expect(await failure(await read(SAMPLES))).toEqual([503, 'remote read timed out']);
      await limited.stop();

      ({ limited, read } = await start('--query-concurrency', '1'));
      const leaving = new AbortController();
      const stream = (await read(STREAMED, leaving.signal)).body!.getReader();
      await stream.read();
      const active = async () => (await fetch(`${limited.url}/api/v1/status/active_queries`)).json();
      const [{ id, state }] = ((await active()) as { data: { id: string; state: string }[] }).data;
      expect(state).toBe('running');
      const late = await fetch(`${limited.url}/api/v1/query?query=1&timeout=50ms`);
      expect(await failure(late)).toEqual([503, 'query timed out in query queue']);
      await fetch(`${limited.url}/api/v1/status/active_queries/${id}`, { method: 'DELETE' });
      expect((await fetch(`${limited.url}/api/v1/query?query=1`)).status).toBe(200);
      const rest = (async () => {
        while (!(await stream.read()).done);
      })();
      await expect(rest).rejects.toThrow();

      // And the place is free again when the client leaves by itself.
      const second = await read(STREAMED, leaving.signal);
      await second.body!.getReader().read();
      leaving.abort();
      expect((await fetch(`${limited.url}/api/v1/query?query=1`)).status).toBe(200);
      await limited.stop();
    } finally {
      removeData();
    }
  }, 60_000);

  // biome-ignore-start lint/suspicious/noDuplicateTestHooks: these belong to the inner group.
  describe.skipIf(!havePrograms('prometheus'))('with a real Prometheus', () => {
    const children: ChildProcess[] = [];
    let through: string;
    let oracle: string;

    beforeAll(async () => {
      through = await startPrometheus('through', { remote_read: [{ url: `${url}/api/v1/read`, read_recent: true }] });
      oracle = await startPrometheus('oracle', {});
      await write(oracle, all);
    });

    afterAll(() => {
      for (const child of children) child.kill('SIGKILL');
    });
    // biome-ignore-end lint/suspicious/noDuplicateTestHooks: see above.

    async function startPrometheus(name: string, config: object): Promise<string> {
      const port = await freePort();
      const file = join(directory, `${name}.json`);
      writeFileSync(file, JSON.stringify(config));
      children.push(
        spawn(
          'prometheus',
          [
            `--config.file=${file}`,
            `--storage.tsdb.path=${join(directory, name)}`,
            `--web.listen-address=127.0.0.1:${port}`,
            '--web.enable-remote-write-receiver',
            '--log.level=error',
          ],
          { stdio: 'ignore' },
        ),
      );
      const deadline = Date.now() + 20_000;
      while (!(await answersOk(`http://127.0.0.1:${port}/-/ready`))) {
        if (Date.now() > deadline) throw new Error(`prometheus ${name} was not ready in time`);
        await sleep(50);
      }
      return `http://127.0.0.1:${port}`;
    }

    const bySeries = (a: Series, b: Series) => (JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1);

    test('a Prometheus without data answers out of what lies only here', async () => {
      // 2 s behind a sample: no window begins or ends on one, where Prometheus 2 and 3 differ.
      const atSec = (BASE_MS + 300 * STEP_MS + 2000) / 1000;
      for (const query of [
        'lake_total',
        'lake_level{job="south"}',
        'sum by (job) (rate(lake_total[2m]))',
        'max_over_time(lake_level[10m])',
        'count({__name__=~"lake_.*"})',
      ]) {
        const asked = (await instant(through, query, atSec)).sort(bySeries);
        expect(asked.length, query).toBeGreaterThan(0);
        expect(asked, query).toEqual((await instant(url, query, atSec)).sort(bySeries));
      }
      const ranges = (await range(through, 'lake_level', atSec - 600, atSec, 30)).sort(bySeries);
      expect(ranges).toHaveLength(SERIES / 2);
      expect(ranges).toEqual((await range(url, 'lake_level', atSec - 600, atSec, 30)).sort(bySeries));
    });

    test('it finds the series, too', async () => {
      const parameters = new URLSearchParams({
        'match[]': 'lake_level',
        start: `${BASE_MS / 1000}`,
        end: `${END_MS / 1000}`,
      });
      const answer = await (await fetch(`${through}/api/v1/series?${parameters}`)).json();
      expect((answer as { data: unknown[] }).data).toHaveLength(SERIES / 2);
    });

    test('it sees a series end at its stale marker', async () => {
      const query = 'lake_level{station="s05"}';
      expect(await instant(through, query, (END_MS - STEP_MS) / 1000)).toHaveLength(1);
      expect(await instant(through, query, END_MS / 1000)).toEqual([]);
      expect(await instant(url, query, END_MS / 1000)).toEqual([]);
    });

    test('streams hold what a Prometheus streams of the same samples, and our encoder makes its very bytes', async () => {
      const body = encodeReadRequest([everything], [STREAMED]);
      const ours = (await decodeStream(await postRead(url, body))).results[0];
      const theirs = (await decodeStream(await postRead(oracle, body))).results[0];
      expect(ours.map(withoutChunks)).toEqual(theirs.map(withoutChunks));
      let chunks = 0;
      // How many samples it puts into a chunk is its own decision; ours hold at most 120.
      let longer = 0;
      for (const { timesMs, bits, chunks: sent } of theirs) {
        const times = Float64Array.from(timesMs);
        const words = new Uint32Array(BigUint64Array.from(bits).buffer);
        let from = 0;
        for (const chunk of sent) {
          const count = (chunk[0] << 8) | chunk[1];
          if (count > 120) longer++;
          else {
            // Older versions leave an empty byte behind a stream that ends with a byte.
            const own = encodeXorChunk(times, words, from, from + count).slice();
            expect([own, Uint8Array.of(...own, 0)]).toContainEqual(chunk);
            chunks++;
          }
          from += count;
        }
      }
      expect(chunks + longer).toBeGreaterThanOrEqual(SERIES);
    });

    test('samples are what a Prometheus answers', async () => {
      const body = encodeReadRequest([everything], [SAMPLES]);
      const ours = await decodeSamples(await postRead(url, body));
      expect(ours).toEqual(await decodeSamples(await postRead(oracle, body)));
    });
  });
});
