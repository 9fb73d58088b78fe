/** Starts a server to be measured on 127.0.0.1, waits until it answers, and ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RunningServer {
  name: string;
  url: string;
  pid: number;
  dataDir: string;
  /** Ends the process with a signal and waits for it. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Removes the data. */
  remove(): void;
}

export interface ServerCommand {
  name: string;
  command: string;
  args(port: number, dataDir: string): string[];
  readyPath: string;
}

/** This project's server, in its default, durable mode. */
export const varve: ServerCommand = {
  name: 'varve',
  command: process.execPath,
  args: (port, dataDir) => [
    new URL('../cli/main.ts', import.meta.url).pathname,
    'serve',
    '--listen',
    `127.0.0.1:${port}`,
    '--data',
    dataDir,
    // The card workload alone has a million.
    '--max-series-per-database',
    '2000000',
    // What the server measures of itself is no part of a workload.
    '--internal-interval',
    '0',
  ],
  readyPath: '/-/ready',
};

export const victoriaMetrics: ServerCommand = {
  name: 'victoria-metrics',
  command: 'victoria-metrics',
  args: (port, dataDir) => [
    `-httpListenAddr=127.0.0.1:${port}`,
    `-storageDataPath=${dataDir}`,
    '-retentionPeriod=100y',
    '-loggerLevel=ERROR',
    '-search.disableCache',
  ],
  readyPath: '/health',
};

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Starts the server on `dataDir`, or on a fresh directory, and resolves once `readyPath` answers 2xx. */
export async function startServer(server: ServerCommand, dataDir?: string): Promise<RunningServer> {
  const port = await freePort();
  const directory = dataDir ?? mkdtempSync(join(tmpdir(), `bench-${server.name}-`));
  const child: ChildProcess = spawn(server.command, server.args(port, directory), {
    stdio: ['ignore', 'ignore', process.env.BENCH_VERBOSE ? 'inherit' : 'ignore'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`${server.name} ended with code ${child.exitCode} before it was ready`);
    try {
      const response = await fetch(url + server.readyPath);
      await response.arrayBuffer();
      if (response.ok) break;
    } catch {
      // Not listening yet.
    }
    if (Date.now() > deadline) throw new Error(`${server.name} was not ready after 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    name: server.name,
    url,
    pid: child.pid!,
    dataDir: directory,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
