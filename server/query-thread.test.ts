/** Whole evaluations on a thread write what the main thread would have, byte by byte, whatever happens meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open, type Varve } from '../open.ts';
import { evaluateDatabase } from '../query/database-evaluation.ts';
import { newStorageTrace, type StorageOptions } from '../query/prometheus-storage.ts';
import type { QueryTimes } from '../query/promql/evaluate.ts';
import { type EvaluationThreads, evaluationThreads } from '../query/workers/evaluation-threads.ts';
import { type QueryWorkers, queryWorkers } from '../query/workers/pool.ts';
import { writeResult } from './query-result.ts';
import type { ThreadResult } from './query-thread.ts';

const START_SEC = 1_767_225_600;
const directory = mkdtempSync(join(tmpdir(), 'varve-thread-'));
const threads = evaluationThreads(new URL('./query-thread.ts', import.meta.url), 2);
const workers = queryWorkers(2);
let varve: Varve;

function lines(fromSec: number, rows: number): string {
  const all: string[] = [];
  for (let row = 0; row < rows; row++) {
    const ms = (fromSec + row * 10) * 1000;
    for (let host = 0; host < 7; host++) {
      if ((row * 31 + host * 17) % 11 === 0) continue;
      const value = Math.sin(row * host) * 1000;
      all.push(`m,host=h${host},zone=z\\ ${host % 2} f=${value.toFixed(3)},i=${(row * host) % 1000}i ${ms}`);
      all.push(`up,instance=é${host},Ab=x,job=a\\,b value=${host} ${ms}`);
    }
    // Two fields with one name, one series of both; and a tag that is called as the name.
    all.push(`a_b c=${row} ${ms}`, `a b_c=${-row} ${ms + 1}`, `odd,__name__=other value=${row} ${ms}`);
  }
  return all.join('\n');
}

beforeAll(async () => {
  varve = await open({ dataDir: directory, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
  const write = (fromSec: number, rows: number) => varve.write(lines(fromSec, rows), { precision: 'ms' });
  await write(START_SEC + 80_000, 500);
  await varve.engine.flush();
  await write(START_SEC + 83_000, 200);
  await varve.engine.flush();
  await write(START_SEC + 85_000, 300);
}, 60_000);

afterAll(async () => {
  await threads.close();
  await workers.close();
  await varve.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Way {
  threads?: EvaluationThreads | null;
  storage?: StorageOptions;
}

async function ask(query: string, times: QueryTimes, { threads: on = null, storage = {} }: Way = {}) {
  const format = { timeMs: times.stepMs === 0 ? times.startMs : null, limit: 20, encoding: 'json' as const };
  const done = await evaluateDatabase(varve.engine.database('default'), {
    query,
    times,
    options: {},
    storage,
    threads: on,
    threadValues: 0,
    format,
  });
  const onThread = 'answer' in done;
  const written = onThread ? (done.answer as ThreadResult) : await writeResult(done.result, format);
  const { data, warnings, infos, stats } = written;
  return { onThread, text: Buffer.from(data).toString(), warnings, infos, samples: stats.totalSamples };
}

const range = { startMs: (START_SEC + 80_500) * 1000 + 123, endMs: (START_SEC + 88_500) * 1000, stepMs: 67_000 };
const atMs = (START_SEC + 86_000) * 1000;
const instant = { startMs: atMs, endMs: atMs, stepMs: 0 };

const QUERIES = [
  'm_f',
  'up',
  '{__name__=~".+"}',
  'sum by (zone) (rate(m_i[5m]))',
  'a_b_c',
  'odd',
  '{__name__="odd"} * 2',
  'max_over_time(sum by (host) (m_f)[10m:1m])',
  'topk(3, m_f)',
  'm_f * on (host) group_left m_i',
  'quantile_over_time(0.9, m_f[10m])',
  'histogram_quantile(0.9, m_f)',
  'label_replace(up, "x", "$1", "instance", "(.*)")',
  'absent(nothing) + 1',
  'scalar(up{instance="é1"})',
  'count(up) by (job)',
];

describe('on a thread as on the main one', () => {
  test.each(QUERIES)('%s', async (query) => {
    for (const times of [range, instant]) {
      const here = await ask(query, times);
      const there = await ask(query, times, { threads });
      const both = await ask(query, times, { threads, storage: { workers, spreadSamples: 0 } });
      expect(here.onThread).toBe(false);
      expect(there).toEqual({ ...here, onThread: true });
      expect(both).toEqual({ ...here, onThread: true });
    }
  });

  test('raw points', async () => {
    for (const query of ['m_f[20m]', 'm_i[5m:1m]', '"text"', '1.5']) {
      expect(await ask(query, instant, { threads })).toEqual({ ...(await ask(query, instant)), onThread: true });
    }
  });

  test('errors', async () => {
    for (const query of ['m_f + m_f + on () m_i', 'label_replace(up, "x", "$1", "instance", "(")']) {
      const errors = await Promise.all(
        [null, threads].map((on) =>
          ask(query, range, { threads: on }).catch(({ code, message }) => ({ code, message })),
        ),
      );
      expect(errors[0]).toHaveProperty('message');
      expect(errors[1]).toEqual(errors[0]);
    }
  });
});

describe('what may happen meanwhile', () => {
  const heavy = 'sum(quantile_over_time(0.5, {__name__=~".+"}[1h:1s]))';

  test('it is killed', async () => {
    const signal = { aborted: false };
    const killed = ask(heavy, { ...range, stepMs: 1000 }, { threads, storage: { signal } });
    setTimeout(() => {
      signal.aborted = true;
    }, 50);
    await expect(killed).rejects.toMatchObject({
      code: 'canceled',
      message: 'query was canceled in expression evaluation',
    });
    // The threads are there for the next one.
    expect((await ask('up', range, { threads })).onThread).toBe(true);
  });

  test('its time is over', async () => {
    const late = ask(heavy, { ...range, stepMs: 1000 }, { threads, storage: { deadlineMs: performance.now() + 50 } });
    await expect(late).rejects.toMatchObject({ code: 'timeout', message: 'query timed out in expression evaluation' });
  });

  test('more than there are threads wait for their turn', async () => {
    const here = await ask('m_f', range);
    const all = await Promise.all(Array.from({ length: 9 }, () => ask('m_f', range, { threads })));
    for (const one of all) expect(one).toEqual({ ...here, onThread: true });
  });

  test('a merge removes the files that were planned to be read', async () => {
    const here = await ask('sum(rate(m_i[5m]))', range);
    let runs = 0;
    // One that has none of the files open.
    const fresh = evaluationThreads(new URL('./query-thread.ts', import.meta.url), 1);
    const merging: EvaluationThreads = {
      ...fresh,
      async run(request, ends) {
        if (runs++ === 0) await varve.engine.maintenance.run(true);
        return fresh.run(request, ends);
      },
    };
    expect(await ask('sum(rate(m_i[5m]))', range, { threads: merging })).toEqual({ ...here, onThread: true });
    expect(runs).toBe(2);
    await fresh.close();
  });

  test('a merge removes the files that windows were planned to be read from', async () => {
    await varve.write(lines(START_SEC + 83_000, 200), { precision: 'ms' });
    await varve.engine.flush();
    const here = await ask('sum(rate(m_i[5m]))', range);
    let runs = 0;
    const fresh = queryWorkers(2);
    const merging: QueryWorkers = {
      ...fresh,
      async run(job) {
        if (runs++ === 0) await varve.engine.maintenance.run(true);
        return fresh.run(job);
      },
    };
    const trace = newStorageTrace();
    const storage = { workers: merging, spreadSamples: 0, trace };
    expect(await ask('sum(rate(m_i[5m]))', range, { storage })).toEqual(here);
    expect(runs).toBe(2);
    expect(trace.spreadSelectors).toBe(1);
    await fresh.close();
  });
});
