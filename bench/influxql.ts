/**
 * InfluxQL over the cpu workload on disk, over HTTP, beside influxd with the same data: `npm run bench -- influxql`.
 *
 * The queries are those of TSBS's cpu-only case, written out. Both servers get them in turns, so that what else the machine
 * does meets both, and answers are compared: equal to the last digit, but for the order of rows of one time. Nothing is
 * cached on either side as an answer. Times are medians over a kept-alive connection, the whole body read.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InfluxdProcess, startInfluxd } from '../tests/influxd-process.ts';
import { postAll, quantile } from './client.ts';
import { CPU_FIELDS, CPU_START_SEC, cpuSamples } from './cpu-workload.ts';
import { keptCpuBodies } from './ingest.ts';
import { startLoaded } from './promql-server.ts';
import { varve } from './server.ts';

export interface InfluxqlOptions {
  hosts: number;
  hours: number;
  /** Runs of each query on each server; slow ones have fewer. */
  runs: number;
  /** Keeps the loaded data in the temporary directory, and uses what is there. */
  keep: boolean;
  /** Only queries whose names have this in them. */
  only: string;
}

export const INFLUXQL_DEFAULTS: InfluxqlOptions = { hosts: 400, hours: 24, runs: 15, keep: false, only: '' };

interface BenchQuery {
  name: string;
  text: string;
  /** How many times as fast as influxd is good enough. */
  goal: number;
}

const HOUR = 3600;

function at(sec: number): string {
  return `'${new Date(sec * 1000).toISOString()}'`;
}

/** TSBS draws hosts and the start of each range at random; here they are fixed, and starts lie beside whole hours. */
function queriesOf(hosts: number, hours: number): BenchQuery[] {
  const startSec = CPU_START_SEC + Math.floor(Math.min(6, hours / 4) * HOUR) + 1234;
  const during = (length: number) => `time >= ${at(startSec)} AND time < ${at(startSec + length * HOUR)}`;
  const of = (fn: string, count: number) =>
    CPU_FIELDS.slice(0, count)
      .map((field) => `${fn}(${field})`)
      .join(', ');
  const eight = [1, 7, 42, 63, 101, 202, 303, 399].map((host) => `hostname = 'host_${host % hosts}'`).join(' OR ');
  const one = `hostname = 'host_1'`;
  // One that is busy in this range.
  const busy = `hostname = 'host_${42 % hosts}'`;
  return [
    {
      name: 'single-groupby-1-1-1',
      text: `SELECT ${of('max', 1)} FROM cpu WHERE ${one} AND ${during(1)} GROUP BY time(1m)`,
      goal: 5,
    },
    {
      name: 'single-groupby-5-8-1',
      text: `SELECT ${of('max', 5)} FROM cpu WHERE (${eight}) AND ${during(1)} GROUP BY time(1m)`,
      goal: 5,
    },
    {
      name: 'cpu-max-all-8',
      text: `SELECT ${of('max', 10)} FROM cpu WHERE (${eight}) AND ${during(8)} GROUP BY time(1h)`,
      goal: 5,
    },
    ...[1, 5, 10].map((count) => ({
      name: `double-groupby-${count === 10 ? 'all' : count}`,
      text: `SELECT ${of('mean', count)} FROM cpu WHERE ${during(12)} GROUP BY time(1h), hostname`,
      goal: 10,
    })),
    { name: 'lastpoint', text: 'SELECT * FROM cpu GROUP BY hostname ORDER BY time DESC LIMIT 1', goal: 5 },
    {
      name: 'groupby-orderby-limit',
      text: `SELECT ${of('max', 1)} FROM cpu WHERE time < ${at(startSec + 6 * HOUR)} GROUP BY time(1m) LIMIT 5`,
      goal: 5,
    },
    { name: 'high-cpu-1', text: `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${busy} AND ${during(12)}`, goal: 5 },
    { name: 'high-cpu-all', text: `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${during(12)}`, goal: 5 },
  ];
}

const agent = new Agent({ keepAlive: true });

/** GETs a path and resolves with the body once all of it is there. */
function get(url: string): Promise<{ body: Buffer; ms: number }> {
  return new Promise((resolve, reject) => {
    const sent = performance.now();
    const outgoing = request(url, { agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ body: Buffer.concat(chunks), ms: performance.now() - sent }));
      answer.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const DATABASE = 'default';

function urlOf(server: { url: string }, text: string): string {
  return `${server.url}/query?${new URLSearchParams({ db: DATABASE, epoch: 'ns', q: text })}`;
}

interface Answer {
  results: { error?: string; series?: { tags?: Record<string, string>; columns: string[]; values: unknown[][] }[] }[];
}

/** One line per row, sorted: rows of one time have no order. */
function rowsOf(name: string, { body }: { body: Buffer }): string[] {
  const [result] = (JSON.parse(body.toString()) as Answer).results;
  if (result.error !== undefined) throw new Error(`${name}: ${result.error}`);
  const rows: string[] = [];
  for (const { tags, columns, values } of result.series ?? []) {
    for (const row of values) rows.push(JSON.stringify([tags, columns, row]));
  }
  return rows.sort();
}

/** Throws where two answers differ. */
function compare(name: string, mine: string[], theirs: string[]): void {
  if (mine.length !== theirs.length) throw new Error(`${name}: ${mine.length} rows against ${theirs.length}`);
  mine.forEach((row, i) => {
    if (row !== theirs[i]) throw new Error(`${name}: answers differ: ${row} against ${theirs[i]}`);
  });
}

export async function benchInfluxql(options: InfluxqlOptions): Promise<void> {
  const { hosts, hours, keep, runs, only } = options;
  const workload = { hosts, seconds: hours * HOUR, seed: 42 };
  console.log(
    `cpu workload: ${hosts} hosts × ${CPU_FIELDS.length} fields × ${hours} h at 10 s = ` +
      `${(cpuSamples(workload) / 1e6).toFixed(2)} M values on disk; medians in ms`,
  );
  const bodies = () => keptCpuBodies(workload, 5000);
  const mine = await startLoaded(varve, bodies, { name: `cpu-${hosts}-${hours}`, keep, connections: 2 });
  let theirs: InfluxdProcess | null = null;
  const peerDirectory = join(tmpdir(), `varve-bench-influxd-cpu-${hosts}-${hours}`);
  try {
    theirs = await startLoadedPeer(peerDirectory, bodies, keep);
    console.log(
      `${''.padEnd(24)} ${'varve'.padStart(9)} ${'influxd'.padStart(9)}   times as fast   goal          rows`,
    );
    const queries = queriesOf(hosts, hours).filter(({ name }) => name.includes(only));
    for (const query of queries) await measure(query, mine, theirs, runs);
  } finally {
    agent.destroy();
    await mine.stop('SIGKILL');
    mine.remove();
    await theirs?.stop();
    if (!keep) rmSync(peerDirectory, { recursive: true, force: true });
  }
}

/** Runs before time is taken: compiled code is what a server runs. */
const WARM_UPS = 2000;
/** Of a slow query there are fewer runs: about so much time is spent on it. */
const QUERY_BUDGET_MS = 10_000;
const WARM_UP_BUDGET_MS = 2_000;

async function measure({ name, text, goal }: BenchQuery, mine: { url: string }, theirs: { url: string }, runs: number) {
  const first = rowsOf(name, await get(urlOf(mine, text)));
  const other = await get(urlOf(theirs, text));
  compare(name, first, rowsOf(name, other));
  const count = Math.max(3, Math.min(runs, Math.round(QUERY_BUDGET_MS / other.ms)));
  const warmUps = Math.max(3, Math.min(WARM_UPS, Math.round(WARM_UP_BUDGET_MS / other.ms)));
  for (let run = 0; run < warmUps; run++) for (const server of [mine, theirs]) await get(urlOf(server, text));
  const times = [new Float64Array(count), new Float64Array(count)];
  for (let run = 0; run < count; run++) {
    times[0][run] = (await get(urlOf(mine, text))).ms;
    times[1][run] = (await get(urlOf(theirs, text))).ms;
  }
  const [ours, peer] = times.map((list) => quantile(list.sort(), 0.5));
  const ratio = peer / ours;
  console.log(
    `${name.padEnd(24)} ${ours.toFixed(ours < 10 ? 2 : 0).padStart(9)} ${peer.toFixed(peer < 10 ? 2 : 0).padStart(9)}   ` +
      `${ratio.toFixed(1).padStart(13)}   ≥ ${String(goal).padEnd(3)}${ratio >= goal ? '       ' : ' MISSED'}  ${first.length}`,
  );
}

/** Data is written to files soon, so that both servers read files. */
const PEER_SETTINGS = {
  GOMAXPROCS: '2',
  INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION: '2s',
  INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION: '5s',
};
const PEER_SETTLES_MS = 30_000;

async function startLoadedPeer(
  directory: string,
  makeBodies: () => Iterator<{ body: Buffer }>,
  keep: boolean,
): Promise<InfluxdProcess> {
  if (!keep || !existsSync(directory)) {
    const loading = `${directory}.loading`;
    for (const each of [directory, loading]) rmSync(each, { recursive: true, force: true });
    mkdirSync(loading);
    const started = performance.now();
    const peer = await startInfluxd(loading, { environment: PEER_SETTINGS });
    try {
      await fetch(`${peer.url}/query?${new URLSearchParams({ q: `CREATE DATABASE "${DATABASE}"` })}`, {
        method: 'POST',
      });
      await postAll(`${peer.url}/write?db=${DATABASE}`, makeBodies(), 2);
      await new Promise((resolve) => setTimeout(resolve, PEER_SETTLES_MS));
    } finally {
      await peer.stop();
    }
    renameSync(loading, directory);
    console.log(`loaded influxd in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  return await startInfluxd(directory, { environment: PEER_SETTINGS });
}
