/**
 * Ingest of the cpu workload by line protocol, durable, into a fresh server: rate, CPU, memory, bytes.
 *
 * The bodies are made while others travel, on this process' own time; what is charged to the server is what the
 * kernel counted for it. The rate is believed only when all samples are counted back.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keptBodies } from './body-file.ts';
import { postAll, quantile } from './client.ts';
import { CPU_FIELDS, CPU_START_SEC, type CpuWorkload, cpuBodies, cpuSamples } from './cpu-workload.ts';
import { processUsage } from './process-usage.ts';
import { startServer, varve } from './server.ts';

export interface IngestOptions {
  hosts: number;
  hours: number;
  linesPerBody: number;
  connections: number;
}

export const INGEST_DEFAULTS: IngestOptions = { hosts: 400, hours: 6, linesPerBody: 5000, connections: 2 };

/** Bytes of all files below a directory. */
export function directoryBytes(path: string): number {
  let bytes = 0;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

/** The value of a metric without labels on a /metrics page. */
async function metric(url: string, name: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const line = page.split('\n').find((text) => text.startsWith(`${name} `));
  if (line === undefined) throw new Error(`${url}/metrics has no ${name}`);
  return Number(line.slice(name.length + 1));
}

/** Counts all values of the cpu workload's first `seconds` through PromQL; a field of which there are none counts as 0. */
export async function countSamples(url: string, seconds: number): Promise<number> {
  let total = 0;
  for (const field of CPU_FIELDS) {
    const parameters = new URLSearchParams({
      query: `sum(count_over_time(cpu_${field}[${seconds}s]))`,
      time: String(CPU_START_SEC + seconds - 1),
    });
    const response = await fetch(`${url}/api/v1/query?${parameters}`);
    const answer = (await response.json()) as { data?: { result?: { value: [number, string] }[] } };
    total += Number(answer.data?.result?.[0]?.value[1] ?? 0);
  }
  return total;
}

/** The workload's bodies, kept in a file. */
export function keptCpuBodies(workload: CpuWorkload, linesPerBody: number): Generator<{ body: Buffer }> {
  const { hosts, seconds, seed } = workload;
  return keptBodies(`cpu-${hosts}-${seconds}-${seed}-${linesPerBody}`, () => cpuBodies(workload, linesPerBody));
}

export async function benchIngest(options: IngestOptions): Promise<void> {
  const workload = { hosts: options.hosts, seconds: options.hours * 3600, seed: 42 };
  const samples = cpuSamples(workload);
  console.log(
    `cpu workload: ${options.hosts} hosts × ${CPU_FIELDS.length} fields × ${options.hours} h at 10 s = ` +
      `${(samples / 1e6).toFixed(2)} M samples; ${options.connections} connections × ${options.linesPerBody} lines`,
  );
  const bodies = keptCpuBodies(workload, options.linesPerBody);
  const server = await startServer(varve);
  try {
    const before = processUsage(server.pid);
    const outcome = await postAll(`${server.url}/write`, bodies, options.connections);
    const after = processUsage(server.pid);
    const cpuSec = after.cpuSec - before.cpuSec;
    const walBytes = await metric(server.url, 'varve_wal_bytes_written_total');
    const counted = await countSamples(server.url, workload.seconds);
    if (counted !== samples) throw new Error(`sent ${samples} samples, counted ${counted} back`);
    const peak = processUsage(server.pid).peakRssBytes;
    await server.stop();
    const row = (name: string, value: string) => console.log(`  ${name.padEnd(44)} ${value}`);
    row('samples/s (wall)', `${(samples / outcome.wallSec / 1e6).toFixed(2)} M`);
    row('samples per server CPU-second', `${(samples / cpuSec / 1e6).toFixed(2)} M`);
    row(
      'latency of a request p50 / p99',
      `${quantile(outcome.latenciesMs, 0.5).toFixed(1)} / ${quantile(outcome.latenciesMs, 0.99).toFixed(1)} ms`,
    );
    row('peak RSS', `${(peak / 1e6).toFixed(0)} MB`);
    row('WAL bytes/sample', (walBytes / samples).toFixed(2));
    row('bytes written/sample', ((after.writtenBytes - before.writtenBytes) / samples).toFixed(2));
    row(
      'disk bytes/sample after flush, all data files',
      (directoryBytes(join(server.dataDir, 'db')) / samples).toFixed(3),
    );
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
}
