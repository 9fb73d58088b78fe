/** What threads compute is what the main thread would have, bit by bit. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, type Varve } from '../../open.ts';
import { prometheusQuerier, type StorageOptions } from '../prometheus-storage.ts';
import { evaluate } from '../promql/evaluate.ts';
import { queryWorkers } from './pool.ts';

const START_SEC = 1_767_225_600;
const directory = mkdtempSync(join(tmpdir(), 'varve-spread-'));
const workers = queryWorkers(2);
let varve: Varve;

/** A small generator: the same data each time. */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = randomSource(5);

function lines(fromSec: number, rows: number): string {
  const all: string[] = [];
  for (let row = 0; row < rows; row++) {
    for (let host = 0; host < 12; host++) {
      if (random() < 0.1) continue;
      const fields = [`i=${Math.floor(random() * 100)}i`, `f=${(random() * 10 - 5).toFixed(5)}`];
      if (random() < 0.7) fields.push(`sparse=${random()}`);
      if (host % 3 === 0) fields.push(`flag=${random() < 0.5}`);
      fields.push(`wide=${(2n ** 53n + BigInt(Math.floor(random() * 1000))).toString()}i`);
      all.push(`m,host=h${host} ${fields.join()} ${(fromSec + row * 10) * 1000 + Math.floor(random() * 9)}`);
    }
  }
  return all.join('\n');
}

beforeAll(async () => {
  varve = await open({ dataDir: directory, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
  const write = (fromSec: number, rows: number) => varve.write(lines(fromSec, rows), { precision: 'ms' });
  // Two days in files, one of them overlapping another, and the rest in memory.
  await write(START_SEC + 80_000, 1200);
  await varve.engine.flush();
  await write(START_SEC + 85_000, 300);
  await varve.engine.flush();
  await write(START_SEC + 90_000, 400);
}, 60_000);

afterAll(async () => {
  await workers.close();
  await varve.close();
  rmSync(directory, { recursive: true, force: true });
});

async function ask(query: string, options: StorageOptions) {
  const times = { startMs: (START_SEC + 80_500) * 1000 + 123, endMs: (START_SEC + 94_500) * 1000, stepMs: 67_000 };
  const { value, stats } = await evaluate(query, times, prometheusQuerier(varve.engine.database('default'), options));
  if (value.kind !== 'vector') throw new Error(`a ${value.kind}`);
  const series = value.series.map(({ labels, values, present }) => ({
    labels: labels.toString(),
    present: [...present],
    bits: [...new BigUint64Array(values.slice().buffer)].filter((_, i) => present[i] === 1),
  }));
  return { series, samples: stats.totalSamples };
}

test.each([
  'sum by (__name__, host) (rate({__name__=~"m_.*"}[5m]))',
  'avg by (__name__) (avg_over_time({__name__=~"m_.*"}[10m]))',
  'sum_over_time(m_f[30m])',
  'last_over_time({__name__=~"m_.*"}[3m] offset 7m)',
  'stddev_over_time(m_sparse[20m])',
  'increase(m_wide[15m])',
  'last_over_time(m_flag[90s])',
  'changes(m_i[1h]) > 5',
  'mad_over_time(m_f[5m])',
  'quantile_over_time(0.9, m_f[5m])',
  'count_over_time(m_f[20m] @ end())',
  'rate(m_f[5m] smoothed)',
  'max_over_time(sum(rate(m_i[2m]))[10m:1m])',
])('%s', async (query) => {
  const alone = await ask(query, {});
  const spread = await ask(query, { workers, spreadSamples: 0 });
  expect(alone.series.length).toBeGreaterThan(0);
  expect(spread).toEqual(alone);
});

test('an aborted query ends on its threads, too', async () => {
  const ended = ask('sum_over_time(m_f[30m])', { workers, spreadSamples: 0, signal: { aborted: true } });
  await expect(ended).resolves.toBeDefined();
});
