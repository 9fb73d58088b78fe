/**
 * PromQL over the cpu workload on disk, over HTTP, beside VictoriaMetrics with the same data: `npm run bench -- promql`.
 *
 * The queries of both are interleaved, so that what else the machine does meets both. Answers are compared, so that the
 * times are for right ones: values to 1e-9; only of rate(), which VictoriaMetrics means differently, the points are
 * counted instead. No result is cached on either side. CPU time is of all threads, by the kernel's count; on a machine
 * that does other things, too, it says more than the clock.
 */
import { Agent, request } from 'node:http';
import { quantile } from './client.ts';
import { CPU_FIELDS, CPU_START_SEC, cpuSamples } from './cpu-workload.ts';
import { countSamples, keptCpuBodies } from './ingest.ts';
import { processUsage } from './process-usage.ts';
import { startLoaded } from './promql-server.ts';
import { type RunningServer, varve, victoriaMetrics } from './server.ts';

export interface PromqlOptions {
  hosts: number;
  hours: number;
  /** Runs of each query on each server. */
  runs: number;
  /** Keeps the loaded data in the temporary directory, and uses what is there. */
  keep: boolean;
}

export const PROMQL_DEFAULTS: PromqlOptions = { hosts: 400, hours: 24, runs: 21, keep: false };

interface BenchQuery {
  name: string;
  query: string;
  startSec: number;
  endSec: number;
  stepSec: number;
  /** Largest ratio of times that is good enough. */
  goal: number;
  /** False: only the number of series and points is compared. */
  sameValues: boolean;
}

const HOUR = 3600;
/** Runs on each server before time is taken: both serve from memory then what they keep there, and run compiled code. */
const WARM_UPS = 10;
/** Quick queries are repeated for this long before: compiling takes more than ten of them. */
const WARM_UP_MS = 2_000;

function queriesOf(hours: number): BenchQuery[] {
  const unaligned = CPU_START_SEC + Math.min(6, hours / 4) * HOUR + 1234;
  const eight = [1, 7, 42, 63, 101, 202, 303, 399].map((host) => `host_${host}`).join('|');
  return [
    {
      name: 'double-groupby-all: 10 fields, 12 h by 1 h',
      query: 'avg(avg_over_time({__name__=~"cpu_.*"}[1h])) by (__name__,hostname)',
      startSec: unaligned,
      endSec: unaligned + 12 * HOUR,
      stepSec: HOUR,
      goal: 0.5,
      sameValues: true,
    },
    {
      name: 'double-groupby-1: 1 field, 12 h by 1 h',
      query: 'avg(avg_over_time(cpu_usage_user[1h])) by (__name__,hostname)',
      startSec: unaligned,
      endSec: unaligned + 12 * HOUR,
      stepSec: HOUR,
      goal: 0.5,
      sameValues: true,
    },
    {
      name: 'cpu-max-all-8: 10 fields, 8 hosts, 8 h by 1 h',
      query: `max(max_over_time({__name__=~"cpu_.*",hostname=~"${eight}"}[1h])) by (__name__)`,
      startSec: unaligned,
      endSec: unaligned + 8 * HOUR,
      stepSec: HOUR,
      goal: 1,
      sameValues: true,
    },
    {
      name: 'single-groupby-1-1-1: 1 host, 1 h by 1 m',
      query: 'max(max_over_time(cpu_usage_user{hostname="host_1"}[1m])) by (__name__)',
      startSec: unaligned,
      endSec: unaligned + HOUR,
      stepSec: 60,
      goal: 1,
      sameValues: true,
    },
    {
      name: 'rate: 1 field, 400 hosts, 24 h by 1 m',
      query: 'sum by (hostname)(rate(cpu_usage_user[5m]))',
      startSec: CPU_START_SEC,
      endSec: CPU_START_SEC + hours * HOUR,
      stepSec: 60,
      goal: 1,
      sameValues: false,
    },
  ];
}

interface MatrixSeries {
  metric: Record<string, string>;
  values: [number, string][];
}

interface RangeAnswer {
  status: string;
  error?: string;
  data?: { result: MatrixSeries[] };
}

const agent = new Agent({ keepAlive: true });

/** GETs a path and resolves with the body once all of it is there. */
export function get(url: string): Promise<{ status: number; body: Buffer; ms: number }> {
  return new Promise((resolve, reject) => {
    const sent = performance.now();
    const outgoing = request(url, { agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks), ms: performance.now() - sent }),
      );
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function rangeUrl(server: RunningServer, { query, startSec, endSec, stepSec }: BenchQuery): string {
  const parameters = new URLSearchParams({
    query,
    start: String(startSec),
    end: String(endSec),
    step: String(stepSec),
    nocache: '1',
  });
  return `${server.url}/api/v1/query_range?${parameters}`;
}

function parseAnswer(name: string, { status, body }: { status: number; body: Buffer }): MatrixSeries[] {
  const answer = JSON.parse(body.toString()) as RangeAnswer;
  if (status !== 200 || answer.data === undefined) throw new Error(`${name} answered ${status}: ${answer.error}`);
  return answer.data.result;
}

/** Throws where two answers differ. A name that one side drops (it is the same for all series) is not looked at. */
function compareAnswers(query: BenchQuery, mine: MatrixSeries[], theirs: MatrixSeries[]): void {
  const named = mine.every((series) => series.metric.__name__ !== undefined);
  const keyOf = ({ metric }: MatrixSeries) =>
    JSON.stringify(
      Object.entries(metric)
        .filter(([name]) => named || name !== '__name__')
        .sort(),
    );
  const byKey = new Map(theirs.map((series) => [keyOf(series), series]));
  const fail = (why: string) => {
    throw new Error(`answers to ${query.query} differ: ${why}`);
  };
  if (byKey.size !== mine.length) fail(`${mine.length} series against ${byKey.size}`);
  for (const series of mine) {
    const other = byKey.get(keyOf(series));
    if (other === undefined) fail(`only one has ${keyOf(series)}`);
    if (!query.sameValues) continue;
    if (series.values.length !== other!.values.length)
      fail(`${keyOf(series)}: ${series.values.length} points against ${other!.values.length}`);
    series.values.forEach(([time, text], i) => {
      const [otherTime, otherText] = other!.values[i];
      const value = Number(text);
      const far = Math.abs(value - Number(otherText)) > 1e-9 * Math.max(1, Math.abs(value));
      if (time !== otherTime || far) fail(`${keyOf(series)}: ${time} ${text} against ${otherTime} ${otherText}`);
    });
  }
}

function countPoints(answer: MatrixSeries[]): number {
  return answer.reduce((sum, series) => sum + series.values.length, 0);
}

export async function benchPromql(options: PromqlOptions): Promise<void> {
  const workload = { hosts: options.hosts, seconds: options.hours * HOUR, seed: 42 };
  console.log(
    `cpu workload: ${options.hosts} hosts × ${CPU_FIELDS.length} fields × ${options.hours} h at 10 s = ` +
      `${(cpuSamples(workload) / 1e6).toFixed(2)} M samples on disk; median (p90) of ${options.runs} runs in ms`,
  );
  const load = {
    name: `cpu-${options.hosts}-${options.hours}`,
    keep: options.keep,
    connections: 2,
    check: { samples: cpuSamples(workload), count: (url: string) => countSamples(url, workload.seconds) },
  };
  const bodies = () => keptCpuBodies(workload, 5000);
  const servers: RunningServer[] = [];
  try {
    for (const command of [varve, victoriaMetrics]) servers.push(await startLoaded(command, bodies, load));
    const [mine, theirs] = servers;
    console.log(
      `${''.padEnd(48)} ${'varve'.padStart(16)} ${'victoria-metrics'.padStart(17)}   ratio   goal                 CPU ms   answer`,
    );
    for (const query of queriesOf(options.hours)) await measure(query, mine, theirs, options.runs);
    await measureHealth(queriesOf(options.hours)[0], mine);
    for (const server of servers) {
      console.log(`${server.name}: peak RSS ${(processUsage(server.pid).peakRssBytes / 1e6).toFixed(0)} MB`);
    }
  } finally {
    agent.destroy();
    for (const server of servers) {
      await server.stop('SIGKILL');
      server.remove();
    }
  }
}

async function measure(query: BenchQuery, mine: RunningServer, theirs: RunningServer, runs: number): Promise<void> {
  const first = parseAnswer(mine.name, await get(rangeUrl(mine, query)));
  const other = parseAnswer(theirs.name, await get(rangeUrl(theirs, query)));
  compareAnswers(query, first, other);
  const warmMs = performance.now();
  for (let run = 0; run < WARM_UPS || performance.now() - warmMs < WARM_UP_MS; run++) {
    for (const server of [mine, theirs]) await get(rangeUrl(server, query));
  }
  const cpuBefore = [mine, theirs].map(({ pid }) => processUsage(pid).cpuSec);
  const times = [new Float64Array(runs), new Float64Array(runs)];
  for (let run = 0; run < runs; run++) {
    times[0][run] = (await get(rangeUrl(mine, query))).ms;
    times[1][run] = (await get(rangeUrl(theirs, query))).ms;
  }
  const cpuMs = [mine, theirs].map(({ pid }, i) => ((processUsage(pid).cpuSec - cpuBefore[i]) * 1000) / runs);
  for (const list of times) list.sort();
  const shown = (list: Float64Array) => `${quantile(list, 0.5).toFixed(1)} (${quantile(list, 0.9).toFixed(1)})`;
  const ratio = quantile(times[0], 0.5) / quantile(times[1], 0.5);
  console.log(
    `${query.name.padEnd(48)} ${shown(times[0]).padStart(16)} ${shown(times[1]).padStart(17)}   ` +
      `${ratio.toFixed(2).padStart(5)}   ≤ ${query.goal}${ratio <= query.goal ? '       ' : ' MISSED'}  ` +
      `${cpuMs
        .map((ms) => ms.toFixed(1))
        .join(' / ')
        .padStart(15)}   ` +
      `${first.length} series, ${countPoints(first)} points (${countPoints(other)})`,
  );
}

/** The slowest answer of /health while a heavy query runs again and again. */
async function measureHealth(query: BenchQuery, server: RunningServer): Promise<void> {
  let running = true;
  const heavy = (async () => {
    for (let i = 0; i < 5; i++) await get(rangeUrl(server, query));
    running = false;
  })();
  const latencies: number[] = [];
  while (running) {
    latencies.push((await get(`${server.url}/health`)).ms);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await heavy;
  const sorted = Float64Array.from(latencies).sort();
  console.log(
    `/health while the first query runs: median ${quantile(sorted, 0.5).toFixed(1)} ms, ` +
      `slowest ${quantile(sorted, 1).toFixed(1)} ms of ${sorted.length}`,
  );
}
