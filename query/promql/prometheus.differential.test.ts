/**
 * Random expressions over random data, answered by a real Prometheus and by this engine, compared. The Prometheus is what
 * Debian ships (2.42), so only what it knows is asked for, and never where it differs on purpose: its ranges include
 * their left end, so no sample and no subquery step lies on the end of a range.
 *
 * VARVE_SEED chooses the seed, VARVE_DIFFERENTIAL_QUERIES how many expressions are tried.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress } from 'snappy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { evaluate } from './evaluate.ts';
import { ExpressionGenerator, type Random, seededRandom } from './expression-generator.ts';
import { type Labels, labelsFromPairs } from './labels.ts';
import { MemoryQuerier, type MemorySample } from './memory-querier.ts';
import { labelsFromObject } from './promqltest.ts';

const PROMETHEUS = '/usr/bin/prometheus';
const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const QUERIES = Number(process.env.VARVE_DIFFERENTIAL_QUERIES ?? 3000);
const TIME_LIMIT_MS = 45_000;

const START_MS = 1_700_000_000_000;
const SCRAPE_MS = 15_000;
const SCRAPES = 400;

interface TestSeries {
  readonly labels: Labels;
  readonly samples: MemorySample[];
}

/** Counters and gauges of all kinds; every sample lies 7 ms behind a whole second. */
function randomSeries(random: Random): TestSeries[] {
  const series: TestSeries[] = [];
  const add = (pairs: [string, string][], next: (i: number) => number | 'stale' | null) => {
    const samples: MemorySample[] = [];
    const phaseMs = 1000 * random.below(15) + 7;
    for (let i = 0; i < SCRAPES; i++) {
      const value = next(i);
      if (value !== null) samples.push({ timeMs: START_MS + i * SCRAPE_MS + phaseMs, value });
    }
    series.push({ labels: labelsFromPairs(pairs), samples });
  };
  for (const job of ['a', 'b']) {
    for (const instance of ['x', 'y', 'z']) {
      const labels = (name: string): [string, string][] => [
        ['__name__', name],
        ['job', job],
        ['instance', instance],
      ];
      // Resets, but no gaps: 2.42 extrapolates to zero differently behind a gap.
      let count = random.below(1000);
      add(labels('resetting_total'), () => {
        count = random.chance(0.04) ? random.below(5) : count + random.below(40);
        return count;
      });
      let high = 1e7 + random.below(1000);
      add(labels('sparse_total'), () => {
        high += random.below(100) / 4;
        return random.chance(0.15) ? null : random.chance(0.03) ? 'stale' : high;
      });
      let level = 0;
      add(labels('walk'), () => {
        level += random.next() - 0.5;
        return random.chance(0.05) ? null : level;
      });
      add(labels('odd'), () =>
        random.pick([1, 2, 3, 2, 1, -5, 0.25, 1e6, Number.NaN, Infinity, -Infinity, 'stale' as const, null, 7, 7]),
      );
      if (instance !== 'z') add(labels('steps'), (i) => Math.floor(i / 7) % 5);
      for (const le of ['0.1', '1', '10', '+Inf']) {
        let bucket = 0;
        add([...labels('latency_bucket'), ['le', le]], () => {
          bucket += random.below(le === '+Inf' ? 20 : 8);
          return bucket;
        });
      }
    }
  }
  return series;
}

function varint(value: number | bigint): number[] {
  let rest = BigInt(value);
  const bytes: number[] = [];
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

function field(number: number, bytes: readonly number[]): number[] {
  return [(number << 3) | 2, ...varint(bytes.length), ...bytes];
}

/** A remote-write request (version 1) of one sample per series. */
function writeRequest(batch: readonly { labels: Labels; sample: MemorySample }[]): Buffer {
  const text = (value: string) => [...Buffer.from(value)];
  const parts: number[] = [];
  for (const { labels, sample } of batch) {
    const entry: number[] = [];
    labels.names.forEach((name, i) => {
      entry.push(...field(1, [...field(1, text(name)), ...field(2, text(labels.values[i]!))]));
    });
    const value = Buffer.alloc(8);
    if (sample.value === 'stale') value.writeBigUInt64LE(0x7ff0000000000002n);
    else value.writeDoubleLE(sample.value);
    entry.push(...field(2, [9, ...value, 16, ...varint(sample.timeMs)]));
    parts.push(...field(1, entry));
  }
  return Buffer.from(parts);
}

interface Answer {
  status: string;
  error?: string;
  data?: { resultType: string; result: unknown };
}

/** series key → time ms → value */
type Points = Map<string, Map<number, number>>;

function parseValue(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

function pointsOfAnswer(data: NonNullable<Answer['data']>): Points {
  const points: Points = new Map();
  if (data.resultType === 'scalar') {
    const [time, value] = data.result as [number, string];
    return new Map([['', new Map([[Math.round(time * 1000), parseValue(value)]])]]);
  }
  for (const series of data.result as {
    metric: Record<string, string>;
    value?: [number, string];
    values?: [number, string][];
  }[]) {
    const list = series.values ?? [series.value!];
    const values = new Map(list.map(([time, value]) => [Math.round(time * 1000), parseValue(value)]));
    points.set(labelsFromObject(series.metric).key, values);
  }
  return points;
}

async function ownPoints(
  querier: MemoryQuerier,
  query: string,
  times: { startMs: number; endMs: number; stepMs: number },
): Promise<Points> {
  const { value, grid } = await evaluate(query, times, querier);
  const points: Points = new Map();
  if (value.kind === 'scalar') {
    points.set('', new Map([...value.values].map((v, i) => [grid.startMs + i * grid.stepMs, v])));
  } else if (value.kind === 'vector') {
    for (const { labels, values, present } of value.series) {
      const own = new Map<number, number>();
      for (let i = 0; i < grid.count; i++) if (present[i] === 1) own.set(grid.startMs + i * grid.stepMs, values[i]!);
      points.set(labels.key, own);
    }
  }
  return points;
}

/** Values that come from long sums of numbers of very different size may differ in the last digits. */
function close(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)) || Math.abs(a - b) < 1e-9;
}

function difference(own: Points, theirs: Points): string | null {
  const show = (key: string) => key.replaceAll('\u0000', ' ');
  for (const [key, values] of theirs) {
    const mine = own.get(key);
    if (mine === undefined) return `missing series ${show(key)}`;
    for (const [time, value] of values) {
      const got = mine.get(time);
      if (got === undefined) return `missing ${show(key)} at ${time}`;
      if (!close(got, value)) return `${show(key)} at ${time}: ${got}, Prometheus says ${value}`;
    }
    if (mine.size !== values.size) return `surplus points of ${show(key)}`;
  }
  for (const key of own.keys()) if (!theirs.has(key)) return `surplus series ${show(key)}`;
  return null;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

if (!existsSync(PROMETHEUS)) {
  describe.skip(`differential test: ${PROMETHEUS} is not there`, () => {
    it('compares with Prometheus', () => {});
  });
} else {
  describe(`against Prometheus, seed ${SEED}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'promql-differential-'));
    const querier = new MemoryQuerier();
    let server: ChildProcess;
    let url = '';

    beforeAll(async () => {
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
      server = spawn(
        PROMETHEUS,
        [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          '--storage.tsdb.retention.time=100y',
          `--web.listen-address=127.0.0.1:${port}`,
          '--web.enable-remote-write-receiver',
        ],
        { stdio: 'ignore' },
      );
      for (let i = 0; ; i++) {
        const ready = await fetch(`${url}/-/ready`).then(
          (response) => response.ok,
          () => false,
        );
        if (ready) break;
        if (i > 200) throw new Error('Prometheus does not start');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const series = randomSeries(seededRandom(SEED));
      const all = series.flatMap(({ labels, samples }) => samples.map((sample) => ({ labels, sample })));
      for (const { labels, sample } of all) querier.add(labels, sample);
      all.sort((a, b) => a.sample.timeMs - b.sample.timeMs);
      for (let i = 0; i < all.length; i += 2000) {
        const response = await fetch(`${url}/api/v1/write`, {
          method: 'POST',
          headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' },
          body: new Uint8Array(await compress(writeRequest(all.slice(i, i + 2000)))),
        });
        if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
      }
    }, 60_000);

    afterAll(() => {
      server?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });

    it(
      'answers the same',
      async () => {
        const random = seededRandom(SEED + 1);
        const generator = new ExpressionGenerator(random, {
          legacy: true,
          metrics: ['resetting_total', 'sparse_total', 'walk', 'odd', 'steps', 'latency_bucket', 'nothing'],
          counters: ['resetting_total', 'sparse_total', 'latency_bucket'],
          distinct: ['walk'],
          finite: ['resetting_total', 'sparse_total', 'walk', 'steps'],
          labels: { job: ['a', 'b'], instance: ['x', 'y', 'z'] },
          unitSeconds: 10,
          timestamps: [START_MS / 1000 + 2901, START_MS / 1000 + 4701],
        });
        const deadlineMs = Date.now() + TIME_LIMIT_MS;
        const failures: string[] = [];
        let compared = 0;
        let errors = 0;
        const compareOne = async () => {
          const query = generator.expression(1 + random.below(4));
          const isRange = random.chance(0.5);
          // An odd second: ranges are whole, subquery steps even multiples of ten seconds.
          const startMs = START_MS + 1000 * (2401 + 10 * random.below(300));
          const stepMs = 10_000 * (1 + random.below(12));
          const times = isRange
            ? { startMs, endMs: startMs + stepMs * (1 + random.below(20)), stepMs }
            : { startMs, endMs: startMs, stepMs: 0 };
          const parameters = new URLSearchParams(
            isRange
              ? {
                  query,
                  start: `${times.startMs / 1000}`,
                  end: `${times.endMs / 1000}`,
                  step: `${stepMs / 1000}`,
                }
              : { query, time: `${startMs / 1000}` },
          );
          const path = isRange ? 'query_range' : 'query';
          const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: parameters });
          const answer = (await response.json()) as Answer;
          const where = `${path} ${parameters.toString()}\n  ${query}`;
          let own: Points;
          try {
            own = await ownPoints(querier, query, times);
          } catch (error) {
            errors++;
            const message = error instanceof Error ? error.message : `${error}`;
            // Older versions miss many-to-one matches of which a comparison drops all but one.
            if (answer.status === 'success' && !message.startsWith('multiple matches')) {
              failures.push(`${where}\n  failed: ${message}`);
            }
            return;
          }
          compared++;
          if (answer.status !== 'success') {
            // Older versions refuse to negate what has the same labels at different steps.
            if (answer.error?.includes('same labelset') && query.includes('-(')) return;
            failures.push(`${where}\n  Prometheus failed: ${answer.error}`);
            return;
          }
          const found = difference(own, pointsOfAnswer(answer.data!));
          if (found !== null) failures.push(`${where}\n  ${found}`);
        };
        for (let done = 0; done < QUERIES && Date.now() < deadlineMs && failures.length < 10; done += 8) {
          await Promise.all(Array.from({ length: 8 }, compareOne));
        }
        console.log(`seed ${SEED}: ${compared} answers compared, ${errors} errors on both sides`);
        expect(failures, `seed ${SEED}`).toEqual([]);
      },
      TIME_LIMIT_MS + 15_000,
    );
  });
}
