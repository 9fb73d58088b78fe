/** A real server in a child process, as a person would start it, for end-to-end tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './source-tree.ts';

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** All it printed so far, both streams. */
  output(): string;
  /** Sends a signal and waits for the end; the exit code, or null when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code when the process ends, however it does. */
  readonly exited: Promise<number | null>;
}

export interface StartOptions {
  dataDir: string;
  /** Further command-line arguments. */
  args?: string[];
  /** How long it may take until it is ready. */
  readyTimeoutMs?: number;
  /** Further variables of the environment. */
  env?: Readonly<Record<string, string>>;
  /** Where it is reached, when `args` say where it listens. */
  url?: string;
  /** How to see that it is up, where it is not asked over HTTP. */
  isListening?: () => Promise<boolean>;
  /** A limit of the process, as the shell's ulimit takes it: `-n 300` is open files, connections included. */
  ulimit?: string;
  /** Return as soon as it listens, ready or not. */
  skipReady?: boolean;
}

const MAIN = join(ROOT, 'cli/main.ts');

/** Runs the command line to its end. */
export async function runCommand(
  args: string[],
  options: { input?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env: { ...process.env, ...options.env } });
  child.stdin.end(options.input ?? '');
  const output = capture(child);
  const code = await ended(child);
  return { code, output: output() };
}

/** Starts a server on a free port and waits until it can write and read. */
export async function startServer(options: StartOptions): Promise<ServerProcess> {
  const port = await freePort();
  // The server's own metrics would stand beside what a test has written; one that wants them says so.
  const quiet = options.args?.includes('--internal-interval') ? [] : ['--internal-interval', '0'];
  const common = ['--listen', `127.0.0.1:${port}`, '--data', options.dataDir, ...quiet];
  const args = [MAIN, 'serve', ...common, ...(options.args ?? [])];
  const environment = { cwd: ROOT, env: { ...process.env, ...options.env } };
  const child =
    options.ulimit === undefined
      ? spawn(process.execPath, args, environment)
      : spawn('/bin/sh', ['-c', `ulimit ${options.ulimit} && exec "$0" "$@"`, process.execPath, ...args], environment);
  const output = capture(child);
  const exited = ended(child);
  let gone = false;
  // A test that fails half-way leaves no server behind.
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  void exited.then(() => {
    gone = true;
    process.off('exit', reap);
  });
  const url = options.url ?? `http://127.0.0.1:${port}`;
  const server: ServerProcess = {
    url,
    port,
    child,
    output,
    exited,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
  };
  const deadline = Date.now() + (options.readyTimeoutMs ?? 30_000);
  const path = options.skipReady ? '/health' : '/-/ready';
  const isUp = options.isListening ?? (() => answersOk(url + path));
  while (!(await isUp())) {
    if (gone) throw new Error(`the server ended before it was ready:\n${output()}`);
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the server was not ready in time:\n${output()}`);
    }
    await sleep(20);
  }
  return server;
}

export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function capture(child: ChildProcess): () => string {
  const parts: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => parts.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => parts.push(text));
  return () => parts.join('');
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A fresh directory and its removal. */
export function temporaryDirectory(name: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `varve-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
