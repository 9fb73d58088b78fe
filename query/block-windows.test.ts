/** Windows out of block statistics are, bit by bit, what the functions give over all samples. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, type Varve } from '../open.ts';
import { prometheusQuerier } from './prometheus-storage.ts';
import { evaluate, type QueryTimes } from './promql/evaluate.ts';
import type { Querier, SeriesSet } from './promql/querier.ts';
import { type SampleReader as Reader, SampleReader } from './sample-reader.ts';

const DAY = 86_400;
const START_SEC = 20_000 * DAY;
const DAYS = 6;
const STEP_SEC = 60;
const directory = mkdtempSync(join(tmpdir(), 'varve-blocks-'));
let varve: Varve;

function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Fields have one type each. */
const FIELDS: Record<string, string> = { counter: 'n', flag: 'f' };

/** What each series is like; each has rows of its own, so that none makes another's sparse. */
function valuesAt(random: () => number) {
  let counter = 0;
  let smooth = 1;
  let tenths = 7;
  let wide = 0;
  return (row: number): Record<string, string> => {
    counter = random() < 0.001 ? Math.floor(random() * 5) : counter + Math.floor(random() * 20);
    tenths = random() < 0.001 ? 1 : tenths + Math.floor(random() * 20);
    smooth += random();
    wide += 2 ** 44;
    return {
      counter: `${counter}i`,
      whole: String(Math.floor(random() * 1000) + 1),
      zeros: row % 97 === 0 ? '-0.0' : String(row % 3),
      decimal: (random() * 100 - 50).toFixed(2),
      tenths: (tenths / 10).toFixed(1),
      smooth: String(smooth),
      flag: String(random() < 0.5),
      steady: String(row + 1),
      wide: String(wide),
      holes: row % 1000 === 77 ? 'NaN' : String(row % 50),
    };
  };
}

async function writeDays(fromRow: number, toRow: number, next: ReturnType<typeof valuesAt>, jitter: () => number) {
  const lines: string[] = [];
  for (let row = fromRow; row < toRow; row++) {
    const ms = (START_SEC + row * STEP_SEC) * 1000;
    for (const [kind, value] of Object.entries(next(row))) {
      // Line protocol knows no NaN.
      if (value === 'NaN') continue;
      lines.push(`s,kind=${kind} ${FIELDS[kind] ?? 'v'}=${value} ${ms}`);
      if (kind === 'whole') lines.push(`s,kind=jitter v=${value} ${ms + Math.floor(jitter() * 20_000)}`);
    }
  }
  await varve.write(lines.join('\n'), { precision: 'ms' });
}

beforeAll(async () => {
  varve = await open({ dataDir: directory, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
  const next = valuesAt(randomSource(11));
  const jitter = randomSource(12);
  const rows = (DAYS * DAY) / STEP_SEC;
  const perDay = DAY / STEP_SEC;
  for (let row = 0; row < rows - perDay / 2; row += perDay)
    await writeDays(row, Math.min(rows, row + perDay), next, jitter);
  await varve.engine.flush();
  await varve.engine.maintenance.run(true);
  // Rows in memory, in a partition that has some in files; and a sample on a day before, so that its file does not stand alone.
  await varve.write(
    `s,kind=counter n=5i ${(START_SEC + 2 * DAY + 30) * 1000}\ns,kind=whole v=9 ${(START_SEC + 5 * DAY + 1) * 1000}`,
    { precision: 'ms' },
  );
}, 120_000);

afterAll(async () => {
  await varve.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The same storage, without windows of its own. */
function withoutWindows(querier: Querier): Querier {
  return {
    async select(matchers, range) {
      const set: SeriesSet = { ...(await querier.select(matchers, range)) };
      delete set.windows;
      return set;
    },
  };
}

async function ask(query: string, times: QueryTimes, querier: Querier) {
  const { value, stats } = await evaluate(query, times, querier);
  if (value.kind !== 'vector') throw new Error(`a ${value.kind}`);
  const series = value.series.map(({ labels, values, present }) => ({
    labels: labels.toString(),
    present: [...present],
    bits: [...new BigUint64Array(values.slice().buffer)].filter((_, i) => present[i] === 1),
  }));
  return { series, samples: stats.totalSamples };
}

const FUNCTIONS = [
  ...['count', 'present', 'min', 'max', 'first', 'last', 'sum', 'avg', 'ts_of_first', 'ts_of_last'].map(
    (name) => `${name}_over_time`,
  ),
  ...['rate', 'increase', 'delta', 'stddev_over_time', 'changes'],
];

const GRIDS: Record<string, QueryTimes> = {
  'all at once': { startMs: (START_SEC + 6 * DAY) * 1000, endMs: (START_SEC + 6 * DAY) * 1000, stepMs: 0 },
  'unaligned days': {
    startMs: (START_SEC + 3 * DAY) * 1000 + 12_345,
    endMs: (START_SEC + 6 * DAY) * 1000,
    stepMs: 7_200_000,
  },
  'aligned days': {
    startMs: (START_SEC + 2 * DAY) * 1000 - 1,
    endMs: (START_SEC + 6 * DAY) * 1000,
    stepMs: DAY * 1000,
  },
};

test.each(FUNCTIONS)('%s', async (name) => {
  const querier = prometheusQuerier(varve.engine.database('default'));
  for (const [grid, times] of Object.entries(GRIDS)) {
    for (const range of ['1d', '2d', '100d', '90m']) {
      const query = `${name}({__name__=~"s_.",kind=~".+"}[${range}])`;
      const plain = await ask(query, times, withoutWindows(querier));
      expect(plain.series.length, `${query} ${grid}`).toBeGreaterThan(0);
      expect(await ask(query, times, querier), `${query} ${grid}`).toEqual(plain);
    }
  }
});

test('blocks that are covered are not decoded', async () => {
  let decoded = 0;
  const { pieces } = SampleReader.prototype;
  SampleReader.prototype.pieces = function (this: Reader, ...args) {
    const found = pieces.apply(this, args);
    for (const piece of found ?? []) if (piece.statistics === null) decoded += piece.rows;
    return found;
  };
  try {
    const querier = prometheusQuerier(varve.engine.database('default'));
    const times = GRIDS['all at once'];
    for (const name of ['count_over_time', 'sum_over_time', 'max_over_time', 'rate']) {
      decoded = 0;
      const { samples } = await ask(`${name}({__name__="s_v",kind="steady"}[100d])`, times, querier);
      expect(samples).toBe((DAYS * DAY) / STEP_SEC);
      expect(decoded, name).toBe(0);
    }
    await ask('sum_over_time({__name__="s_v",kind="smooth"}[100d])', times, querier);
    expect(decoded).toBe((DAYS * DAY) / STEP_SEC);
  } finally {
    SampleReader.prototype.pieces = pieces;
  }
});
