/**
 * What storage costs: bytes on disk, memory, CPU and start times, for this server and VictoriaMetrics side by side.
 *
 * One server of each kind takes the cpu workload, then the card workload (a million new series); another takes the ETT
 * data. Sizes are of all files in the data directory after a clean stop, when all merging has been done.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { keptBodies } from './body-file.ts';
import { CARD_DEFAULTS, cardBodies } from './card-workload.ts';
import { postAll } from './client.ts';
import { cpuSamples } from './cpu-workload.ts';
import { directoryBytes, keptCpuBodies } from './ingest.ts';
import { processUsage } from './process-usage.ts';
import { type RunningServer, type ServerCommand, startServer, varve, victoriaMetrics } from './server.ts';

/** Hourly measurements of electricity transformers, as line protocol; not part of the repository, see README.md. */
const ETT_PATH = new URL('../../shared/data/ett.lp.gz', import.meta.url);
const ETT_SAMPLES = 243_880;
const LINES_PER_BODY = 5000;
const CONNECTIONS = 2;

interface Figures {
  cpuBytesPerSample: number;
  ettBytesPerSample: number;
  cardBytesPerSeries: number;
  cpuPeakRssMb: number;
  cardRssMb: number;
  cardCpuSec: number;
  readySec: number;
  writtenPerSample: number;
}

interface Peer {
  command: ServerCommand;
  /** Brings the files of a running server into their final form, and leaves it stopped. */
  settle(server: RunningServer): Promise<void>;
}

const PEERS: Peer[] = [
  {
    command: varve,
    async settle(server) {
      await server.stop();
      execFileSync(process.execPath, [varve.args(0, server.dataDir)[0], 'compact', '--data', server.dataDir]);
    },
  },
  {
    command: victoriaMetrics,
    async settle(server) {
      await fetch(`${server.url}/internal/force_flush`);
      await fetch(`${server.url}/internal/force_merge`);
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const page = await (await fetch(`${server.url}/metrics`)).text();
        const active = [...page.matchAll(/^vm_active_(?:force_)?merges(?:\{.*\})? (\d+)/gm)];
        if (active.every((match) => match[1] === '0')) break;
      }
      await server.stop();
    },
  },
];

async function measureCpuAndCard({ command, settle }: Peer, hours: number, figures: Figures): Promise<void> {
  const workload = { hosts: 400, seconds: hours * 3600, seed: 42 };
  const samples = cpuSamples(workload);
  let server = await startServer(command);
  try {
    await postAll(`${server.url}/write`, keptCpuBodies(workload, LINES_PER_BODY), CONNECTIONS);
    const afterCpu = processUsage(server.pid);
    figures.cpuPeakRssMb = afterCpu.peakRssBytes / 1e6;
    await settle(server);
    const cpuBytes = directoryBytes(server.dataDir);
    figures.cpuBytesPerSample = cpuBytes / samples;
    figures.writtenPerSample = (afterCpu.writtenBytes + cpuBytes) / samples;

    server = await startServer(command, server.dataDir);
    const before = processUsage(server.pid);
    const bodies = keptBodies('card', () => cardBodies(CARD_DEFAULTS, LINES_PER_BODY));
    await postAll(`${server.url}/write`, bodies, CONNECTIONS);
    const after = processUsage(server.pid);
    figures.cardCpuSec = after.cpuSec - before.cpuSec;
    figures.cardRssMb = after.rssBytes / 1e6;
    await settle(server);
    figures.cardBytesPerSeries = (directoryBytes(server.dataDir) - cpuBytes) / CARD_DEFAULTS.series;

    const started = performance.now();
    server = await startServer(command, server.dataDir);
    figures.readySec = (performance.now() - started) / 1000;
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
}

async function measureEtt({ command, settle }: Peer, figures: Figures): Promise<void> {
  if (!existsSync(ETT_PATH)) return;
  const text = gunzipSync(await readFile(ETT_PATH))
    .toString()
    .split('\n');
  const bodies: { body: Buffer }[] = [];
  for (let i = 0; i < text.length; i += LINES_PER_BODY) {
    bodies.push({ body: Buffer.from(`${text.slice(i, i + LINES_PER_BODY).join('\n')}\n`) });
  }
  const server = await startServer(command);
  try {
    await postAll(`${server.url}/write`, bodies[Symbol.iterator](), 1);
    await settle(server);
    figures.ettBytesPerSample = directoryBytes(server.dataDir) / ETT_SAMPLES;
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
}

const ROWS: { name: string; key: keyof Figures; digits: number }[] = [
  { name: 'disk, cpu, bytes/sample', key: 'cpuBytesPerSample', digits: 3 },
  { name: 'disk, ett, bytes/sample', key: 'ettBytesPerSample', digits: 2 },
  { name: 'disk, card, bytes per new series', key: 'cardBytesPerSeries', digits: 1 },
  { name: 'RSS peak while ingesting cpu, MB', key: 'cpuPeakRssMb', digits: 0 },
  { name: 'RSS with card ingested, MB', key: 'cardRssMb', digits: 0 },
  { name: 'CPU-seconds for card (3 M lines)', key: 'cardCpuSec', digits: 1 },
  { name: 'ready after a clean stop, cpu + card, s', key: 'readySec', digits: 2 },
  { name: 'bytes written per sample, cpu, merges included', key: 'writtenPerSample', digits: 2 },
];

export async function benchStorage(hours: number): Promise<void> {
  const all: { name: string; figures: Figures }[] = [];
  for (const peer of PEERS) {
    const figures: Figures = {
      cpuBytesPerSample: Number.NaN,
      ettBytesPerSample: Number.NaN,
      cardBytesPerSeries: Number.NaN,
      cpuPeakRssMb: Number.NaN,
      cardRssMb: Number.NaN,
      cardCpuSec: Number.NaN,
      readySec: Number.NaN,
      writtenPerSample: Number.NaN,
    };
    try {
      await measureEtt(peer, figures);
      await measureCpuAndCard(peer, hours, figures);
      all.push({ name: peer.command.name, figures });
    } catch (error) {
      console.log(`${peer.command.name} is left out: ${(error as Error).message}`);
    }
  }
  console.log(
    `storage: cpu = 400 hosts × 10 fields × ${hours} h, card = 1 M series × 3 rounds, ett = ${ETT_SAMPLES} values`,
  );
  console.log(`  ${''.padEnd(48)}${all.map(({ name }) => name.padStart(18)).join('')}`);
  for (const { name, key, digits } of ROWS) {
    console.log(`  ${name.padEnd(48)}${all.map(({ figures }) => figures[key].toFixed(digits).padStart(18)).join('')}`);
  }
}
