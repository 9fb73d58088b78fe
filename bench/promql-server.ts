/** Data for query benchmarks: loads a workload into a server, once, and starts it again on what it left on disk. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postAll } from './client.ts';
import { type RunningServer, type ServerCommand, startServer, varve } from './server.ts';

export interface LoadOptions {
  /** Names the workload; data of another name is not reused. */
  name: string;
  /** Keeps the data for the next run, or uses what one has kept. */
  keep: boolean;
  connections: number;
  /** Samples that the server must hold in the end, and how to count them; without it nothing is counted. */
  check?: { samples: number; count(url: string): Promise<number> };
}

/** Starts the server on the workload, which is on disk and merged; loads it when it is not kept from before. */
export async function startLoaded(
  server: ServerCommand,
  makeBodies: () => Iterator<{ body: Buffer }>,
  options: LoadOptions,
): Promise<RunningServer> {
  const directory = join(tmpdir(), `varve-bench-${server.name}-${options.name}`);
  if (!options.keep || !existsSync(directory)) {
    rmSync(directory, { recursive: true, force: true });
    const loading = `${directory}.loading`;
    rmSync(loading, { recursive: true, force: true });
    mkdirSync(loading);
    await load(server, loading, makeBodies(), options.connections);
    renameSync(loading, directory);
  }
  const running = await startServer(server, directory);
  try {
    await checkSamples(running, options.check);
  } catch (error) {
    await running.stop('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    ...running,
    remove() {
      if (!options.keep) running.remove();
    },
  };
}

/** Throws when the server does not show every sample that it was sent. */
async function checkSamples({ name, url }: RunningServer, check: LoadOptions['check']): Promise<void> {
  if (check === undefined) return;
  const counted = await check.count(url);
  if (counted !== check.samples) throw new Error(`${name} was sent ${check.samples} samples and shows ${counted}`);
  console.log(`${name} shows all ${counted} samples after a restart`);
}

async function load(
  server: ServerCommand,
  directory: string,
  bodies: Iterator<{ body: Buffer }>,
  connections: number,
): Promise<void> {
  const started = performance.now();
  const running = await startServer(server, directory);
  try {
    await postAll(`${running.url}/write`, bodies, connections);
    if (server !== varve) {
      await (await fetch(`${running.url}/internal/force_flush`)).text();
      await (await fetch(`${running.url}/internal/force_merge`)).text();
      await mergesEnded(running.url);
    }
  } finally {
    await running.stop();
  }
  if (server === varve) compactVarve(directory);
  console.log(`loaded ${server.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

const LOOK_MS = 100;
/** Its metrics are up to a second old. */
const IDLE_MS = 2_500;

/**
 * Waits until VictoriaMetrics merges nothing and has nothing left to write. A forced merge begins and goes on after the
 * request for it is answered, and VictoriaMetrics 1.79.5, stopped meanwhile, panics and loses what it had not yet written.
 */
async function mergesEnded(url: string): Promise<void> {
  const busy = /^vm_(?:active_merges|active_force_merges|pending_rows)(?:\{.*\})? (?!0$)/m;
  let idleSince = performance.now();
  while (performance.now() - idleSince < IDLE_MS) {
    const page = await (await fetch(`${url}/metrics`)).text();
    if (busy.test(page)) idleSince = performance.now();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** What the server would do over time, done now. */
function compactVarve(directory: string): void {
  const main = new URL('../cli/main.ts', import.meta.url).pathname;
  const { status, stderr } = spawnSync(process.execPath, [main, 'compact', '--data', directory], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot compact ${directory}: ${stderr}`);
}
