/**
 * `npm run bench -- recovery`: how long a start takes after kill -9 with many samples only in the log, and in what memory.
 *
 * 1. A server with the default settings takes the samples: the memory that running needs.
 * 2. Another one, told not to flush, takes them too and is killed: all are in its log alone.
 * 3. A server with the default settings opens that. Time counts from the start of the process until it is ready.
 * 4. Every sample must be there.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { postAll } from './client.ts';
import { CPU_FIELDS, CPU_STEP_SEC, type CpuWorkload, cpuSamples } from './cpu-workload.ts';
import { countSamples, directoryBytes, keptCpuBodies } from './ingest.ts';
import { type ProcessUsage, processUsage } from './process-usage.ts';
import { type RunningServer, type ServerCommand, startServer, varve } from './server.ts';

const HOSTS = 400;
const LINES_PER_BODY = 5000;
const TARGET_READY_SEC = 5;

const unflushed: ServerCommand = {
  ...varve,
  args: (port, dataDir) => [...varve.args(port, dataDir), '--memtable-size', '2GiB', '--flush-interval', '24h'],
};

/** @param samples field values, rounded down to whole steps of all hosts. */
export async function benchRecovery(samples: number): Promise<void> {
  const steps = Math.floor(samples / HOSTS / CPU_FIELDS.length);
  const workload: CpuWorkload = { hosts: HOSTS, seconds: steps * CPU_STEP_SEC, seed: 1 };
  const total = cpuSamples(workload);
  console.log(`${total} samples of the cpu workload, ${HOSTS} hosts`);

  const usual = await startServer(varve);
  await ingest(usual, workload);
  const running = processUsage(usual.pid);
  await usual.stop('SIGKILL');
  usual.remove();
  console.log(`running      ${mib(running.peakRssBytes)} MiB at most, with default settings`);

  const writer = await startServer(unflushed);
  try {
    await ingest(writer, workload);
    const files = dataFiles(writer.dataDir);
    if (files > 0) throw new Error(`${files} data files were written: the log is not all there is`);
    await writer.stop('SIGKILL');
    const logBytes = directoryBytes(join(writer.dataDir, 'wal'));
    console.log(`log          ${mib(logBytes)} MiB, ${(logBytes / total).toFixed(2)} B per sample`);
    await recover(writer.dataDir, workload, total, running);
  } finally {
    await writer.stop('SIGKILL');
    writer.remove();
  }
}

async function recover(dataDir: string, workload: CpuWorkload, total: number, running: ProcessUsage): Promise<void> {
  const started = performance.now();
  const server = await startServer(varve, dataDir);
  const readySec = (performance.now() - started) / 1000;
  try {
    const usage = processUsage(server.pid);
    console.log(`ready after  ${readySec.toFixed(2)} s, target ${TARGET_READY_SEC} s`);
    console.log(`replaying    ${mib(usage.peakRssBytes)} MiB at most, ${usage.cpuSec.toFixed(1)} s of CPU`);
    console.log(`against      ${(usage.peakRssBytes / running.peakRssBytes).toFixed(2)} of running`);
    console.log(`data files   ${dataFiles(dataDir)}, written on the way`);
    const found = await countSamples(server.url, workload.seconds);
    console.log(`found        ${found} of ${total} samples`);
    if (found !== total) process.exitCode = 1;
  } finally {
    await server.stop('SIGKILL');
  }
}

async function ingest(server: RunningServer, workload: CpuWorkload): Promise<void> {
  await postAll(`${server.url}/write`, keptCpuBodies(workload, LINES_PER_BODY), 1);
}

function dataFiles(dataDir: string): number {
  return readdirSync(dataDir, { recursive: true }).filter((name) => String(name).endsWith('.tsm')).length;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
