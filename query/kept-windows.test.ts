/** Windows over columns that are kept decoded are, bit by bit, what the functions give over all samples. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, type Varve } from '../open.ts';
import { prometheusQuerier } from './prometheus-storage.ts';
import { evaluate, type QueryOptions, type QueryTimes } from './promql/evaluate.ts';
import type { SeriesSet } from './promql/querier.ts';
import { SampleReader } from './sample-reader.ts';

const DAY = 86_400;
const START_SEC = 20_000 * DAY;
const ROWS = 12_960;
const STEP_SEC = 10;
const directory = mkdtempSync(join(tmpdir(), 'varve-kept-'));
const { kept } = SampleReader.prototype;
let keptReads = 0;
let varve: Varve;

beforeAll(async () => {
  varve = await open({ dataDir: directory, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
  let state = 3;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const lines: string[] = [];
  for (let row = 0; row < ROWS; row++) {
    const sec = START_SEC + DAY / 2 + row * STEP_SEC;
    lines.push(`s,kind=percent v=${Math.floor(random() * 101)} ${sec}`);
    lines.push(`s,kind=wide v=${Math.floor(random() * 60_000) - 30_000} ${sec}`);
    lines.push(`s,kind=zero v=0 ${sec}`);
    lines.push(`s,kind=fraction v=${random()} ${sec}`);
    if (random() < 0.7) lines.push(`s,kind=gaps v=${Math.floor(random() * 9)} ${sec + Math.floor(random() * 10)}`);
  }
  await varve.write(lines.join('\n'), { precision: 's' });
  await varve.engine.flush();
  await varve.engine.maintenance.run(true);
  SampleReader.prototype.kept = function (...args) {
    const found = kept.apply(this, args);
    if (found !== null) keptReads++;
    return found;
  };
}, 120_000);

afterAll(async () => {
  SampleReader.prototype.kept = kept;
  await varve.close();
  rmSync(directory, { recursive: true, force: true });
});

async function ask(query: string, times: QueryTimes, { windows }: { windows: boolean }, options: QueryOptions = {}) {
  const querier = prometheusQuerier(varve.engine.database('default'));
  const { value, stats } = await evaluate(
    query,
    times,
    {
      async select(matchers, range) {
        const set: SeriesSet = { ...(await querier.select(matchers, range)) };
        if (!windows) delete set.windows;
        return set;
      },
    },
    options,
  );
  if (value.kind !== 'vector') throw new Error(`a ${value.kind}`);
  const series = value.series.map(({ labels, values, present }) => ({
    labels: labels.toString(),
    present: [...present],
    bits: [...new BigUint64Array(values.slice().buffer)].filter((_, i) => present[i] === 1),
  }));
  return { series, samples: stats.totalSamples, peak: stats.peakSamples };
}

const FUNCTIONS = ['sum_over_time', 'avg_over_time', 'min_over_time', 'max_over_time'];

/** Two partitions, their seam in some windows; windows apart, side by side and one over the other; few and many. */
const GRIDS: readonly [range: string, stepSec: number][] = [
  ['1h', 3600],
  ['1h', 600],
  ['1m', 60],
  ['10s', 300],
  ['7h', 4000],
  ['2d', 7200],
];

test.each(FUNCTIONS)('%s', async (name) => {
  for (const [range, stepSec] of GRIDS) {
    const startMs = (START_SEC + DAY / 2 + 1234) * 1000;
    const times = { startMs, endMs: startMs + 1.4 * DAY * 1000, stepMs: stepSec * 1000 };
    const query = `${name}(s_v[${range}])`;
    // This keeps the columns.
    const plain = await ask(query, times, { windows: false });
    keptReads = 0;
    expect(await ask(query, times, { windows: true }), `${query} by ${stepSec} s`).toEqual(plain);
    expect(keptReads, `${query} by ${stepSec} s`).toBe(4);
  }
});

test('windows of too many samples are refused as they are when samples are read', async () => {
  const startMs = (START_SEC + DAY) * 1000;
  const times = { startMs, endMs: startMs + 7200_000, stepMs: 3_600_000 };
  const query = 'sum_over_time(s_v{kind="percent"}[1h])';
  const tight = { limits: { maxSamples: 300 } };
  for (const windows of [false, true]) {
    await expect(ask(query, times, { windows }, tight)).rejects.toThrow('too many samples');
    await ask(query, times, { windows });
  }
});
