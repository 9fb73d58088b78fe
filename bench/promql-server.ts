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
  return {
    ...running,
    remove() {
      if (!options.keep) running.remove();
    },
  };
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
    }
  } finally {
    await running.stop();
  }
  if (server === varve) compactVarve(directory);
  console.log(`loaded ${server.name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** What the server would do over time, done now. */
function compactVarve(directory: string): void {
  const main = new URL('../cli/main.ts', import.meta.url).pathname;
  const { status, stderr } = spawnSync(process.execPath, [main, 'compact', '--data', directory], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot compact ${directory}: ${stderr}`);
}
