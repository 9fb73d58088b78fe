/**
 * Every server beside every other: the same bodies from the same client into fresh directories, rounds interleaved, so
 * that what else the machine does meets all of them. `npm run bench -- all`.
 *
 * A rate counts only when all values are found afterwards.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { keptBodies } from './body-file.ts';
import { type PostOutcome, postAll, quantile } from './client.ts';
import { type CpuWorkload, cpuBodies, cpuSamples } from './cpu-workload.ts';
import { directoryBytes, keptCpuBodies } from './ingest.ts';
import { PEERS, type Peer, type Protocol } from './peers.ts';
import { processUsage } from './process-usage.ts';
import { REMOTE_HEADERS, remoteBodies } from './remote-bodies.ts';
import { type Machine, type Results, type Row, reportPage } from './report.ts';
import { startServer } from './server.ts';
import { benchWriteLatency, type WriteLatency } from './write-latency.ts';

export interface AllOptions {
  /** Rounds over all servers; figures are medians. */
  rounds: number;
  /** Writes docs/benchmarks.md and its plots. */
  document: boolean;
  /** Only workloads whose names have this in them. */
  only: string;
}

export const ALL_DEFAULTS: AllOptions = { rounds: 3, document: false, only: '' };

const SEED = 42;
const RESULTS = new URL('./results/', import.meta.url);

interface Workload {
  readonly name: string;
  readonly title: string;
  readonly protocol: Protocol;
  readonly cpu: CpuWorkload;
  readonly connections: number;
  bodies(): Iterator<{ body: Buffer }>;
}

const LINES: CpuWorkload = { hosts: 400, seconds: 6 * 3600, seed: SEED };
const REMOTE: CpuWorkload = { hosts: 1000, seconds: 8000, seed: SEED };
const SMALL: CpuWorkload = { hosts: 400, seconds: 1000, seed: SEED };
const SAMPLES_PER_BODY = 5000;

const WORKLOADS: readonly Workload[] = [
  {
    name: 'line',
    title: 'Line protocol: 2 connections × 5,000 lines of ten values',
    protocol: 'line',
    cpu: LINES,
    connections: 2,
    bodies: () => keptCpuBodies(LINES, 5000),
  },
  {
    name: 'remote',
    title: 'Prometheus remote write 1.0: 2 connections × 5,000 samples, eleven labels each',
    protocol: 'remote',
    cpu: REMOTE,
    connections: 2,
    bodies: () =>
      keptBodies(`remote-${REMOTE.hosts}-${REMOTE.seconds}-${SEED}`, () => remoteBodies(REMOTE, SAMPLES_PER_BODY)),
  },
  {
    name: 'single',
    title: 'Line protocol: 64 connections × 1 line of ten values',
    protocol: 'line',
    cpu: SMALL,
    connections: 64,
    bodies: () => keptBodies(`single-${SMALL.hosts}-${SMALL.seconds}-${SEED}`, () => cpuBodies(SMALL, 1)),
  },
];

/** One round of one workload on one server. */
async function measure(workload: Workload, peer: Peer): Promise<Row> {
  const server = await startServer(peer.command);
  try {
    const target = await peer.writeUrl(server, workload.protocol);
    const before = processUsage(server.pid);
    const headers = workload.protocol === 'remote' ? REMOTE_HEADERS : {};
    const outcome = await send(target, workload, headers);
    const after = processUsage(server.pid);
    const samples = cpuSamples(workload.cpu);
    const counted = await peer.count(server, workload.cpu.seconds);
    if (counted !== samples) throw new Error(`${peer.command.name} was sent ${samples} values and shows ${counted}`);
    const { peakRssBytes } = processUsage(server.pid);
    await server.stop();
    return {
      server: peer.command.name,
      samplesPerSec: samples / outcome.wallSec,
      requestsPerSec: outcome.requests / outcome.wallSec,
      samplesPerCpuSec: samples / (after.cpuSec - before.cpuSec),
      p50Ms: quantile(outcome.latenciesMs, 0.5),
      p99Ms: quantile(outcome.latenciesMs, 0.99),
      peakRssMb: peakRssBytes / 1e6,
      writtenPerSample: (after.writtenBytes - before.writtenBytes) / samples,
      diskPerSample: directoryBytes(server.dataDir) / samples,
    };
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
}

/**
 * Remote write has each connection send its own share of the series, as Prometheus' shards do: otherwise two connections
 * would deliver one series out of order, which a real Prometheus refuses.
 */
async function send(target: string, workload: Workload, headers: Record<string, string>): Promise<PostOutcome> {
  const { protocol, connections } = workload;
  if (protocol === 'line') return postAll(target, workload.bodies(), connections, headers);
  const started = performance.now();
  const shares = await Promise.all(
    Array.from({ length: connections }, (_, share) => postAll(target, everyNth(workload, share), 1, headers)),
  );
  const latenciesMs = Float64Array.from(shares.flatMap((outcome) => [...outcome.latenciesMs])).sort();
  return { requests: latenciesMs.length, wallSec: (performance.now() - started) / 1000, latenciesMs };
}

function* everyNth({ bodies, connections }: Workload, share: number): Generator<{ body: Buffer }> {
  const all = bodies();
  let n = 0;
  for (let next = all.next(); !next.done; next = all.next()) if (n++ % connections === share) yield next.value;
}

/** The median of a figure over rounds; of an even number, the larger one in the middle. */
function medianOf<T>(rounds: readonly T[], pick: (round: T) => number): number {
  return rounds.map(pick).sort((a, b) => a - b)[rounds.length >> 1];
}

function medianLatency(rounds: readonly WriteLatency[]): WriteLatency {
  return {
    idleP50Ms: medianOf(rounds, (round) => round.idleP50Ms),
    idleP99Ms: medianOf(rounds, (round) => round.idleP99Ms),
    busyP50Ms: medianOf(rounds, (round) => round.busyP50Ms),
    busyP99Ms: medianOf(rounds, (round) => round.busyP99Ms),
    queries: medianOf(rounds, (round) => round.queries),
  };
}

function medianRow(rows: readonly Row[]): Row {
  const median = (pick: (row: Row) => number) => medianOf(rows, pick);
  return {
    server: rows[0].server,
    samplesPerSec: median((row) => row.samplesPerSec),
    requestsPerSec: median((row) => row.requestsPerSec),
    samplesPerCpuSec: median((row) => row.samplesPerCpuSec),
    p50Ms: median((row) => row.p50Ms),
    p99Ms: median((row) => row.p99Ms),
    peakRssMb: median((row) => row.peakRssMb),
    writtenPerSample: median((row) => row.writtenPerSample),
    diskPerSample: median((row) => row.diskPerSample),
  };
}

export async function benchAll({ rounds, document, only }: AllOptions): Promise<void> {
  if (document && only !== '') throw new Error('the page has all workloads: leave out --only or --document');
  const results: Results = { machine: machineOf(), rounds, workloads: [], writeLatency: null };
  const workloads = WORKLOADS.filter(({ name }) => name.includes(only));
  if (workloads.length === 0 && !'latency'.includes(only)) {
    throw new Error(`no workload is named ${only}: there are ${WORKLOADS.map(({ name }) => name).join(', ')}, latency`);
  }
  for (const workload of workloads) {
    const peers = PEERS.filter(
      ({ takes, command }) => takes.includes(workload.protocol) && isInstalled(command.command),
    );
    const rows = new Map<string, Row[]>(peers.map(({ command }) => [command.name, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const peer of peers) {
        process.stderr.write(`${workload.name}, round ${round} of ${rounds}: ${peer.command.name}            \r`);
        rows.get(peer.command.name)?.push(await measure(workload, peer));
      }
    }
    const { name, title, cpu } = workload;
    results.workloads.push({ name, title, samples: cpuSamples(cpu), rows: [...rows.values()].map(medianRow) });
    printWorkload(results.workloads[results.workloads.length - 1]);
  }
  if ('latency'.includes(only)) {
    const measured: WriteLatency[] = [];
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`latency, round ${round} of ${rounds}            \r`);
      measured.push(await benchWriteLatency());
    }
    results.writeLatency = medianLatency(measured);
    console.log(
      `\np99 of a 5,000-line write: ${results.writeLatency.idleP99Ms.toFixed(1)} ms idle, ` +
        `${results.writeLatency.busyP99Ms.toFixed(1)} ms beside heavy queries, flushes and merges`,
    );
  }
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL('all.json', RESULTS), `${JSON.stringify(results, null, 2)}\n`);
  if (document) writePage(results);
}

function printWorkload({ title, samples, rows }: Results['workloads'][number]): void {
  console.log(`\n${title}; ${(samples / 1e6).toFixed(2)} M values            `);
  const line = (cells: string[]) =>
    console.log(
      `  ${cells[0].padEnd(18)}${cells
        .slice(1)
        .map((cell) => cell.padStart(13))
        .join('')}`,
    );
  line(['', 'M values/s', 'ratio', 'M/CPU-s', 'ratio', 'p50 ms', 'p99 ms', 'RSS MB', 'written B', 'disk B']);
  const [own] = rows;
  for (const row of rows) {
    line([
      row.server,
      (row.samplesPerSec / 1e6).toFixed(3),
      (own.samplesPerSec / row.samplesPerSec).toFixed(2),
      (row.samplesPerCpuSec / 1e6).toFixed(3),
      (own.samplesPerCpuSec / row.samplesPerCpuSec).toFixed(2),
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      row.peakRssMb.toFixed(0),
      row.writtenPerSample.toFixed(2),
      row.diskPerSample.toFixed(2),
    ]);
  }
}

function writePage(results: Results): void {
  const { page, plots } = reportPage(results);
  const docs = new URL('../docs/', import.meta.url);
  mkdirSync(new URL('images/', docs), { recursive: true });
  for (const [name, image] of plots) writeFileSync(new URL(`images/${name}`, docs), image);
  writeFileSync(new URL('benchmarks.md', docs), page);
}

function isInstalled(command: string): boolean {
  if (command === process.execPath) return true;
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`${command} is not installed and left out`);
    return false;
  }
}

function machineOf(): Machine {
  const versionOf = (command: string, ...args: string[]): string => {
    try {
      const text = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? 'unknown';
    } catch {
      return 'not installed';
    }
  };
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGib: totalmem() / 2 ** 30,
    date: new Date().toISOString().slice(0, 10),
    versions: {
      Node: process.version.slice(1),
      VictoriaMetrics: versionOf('dpkg-query', '-W', 'victoria-metrics'),
      InfluxDB: versionOf('influxd', 'version'),
      Prometheus: versionOf('prometheus', '--version'),
    },
  };
}
