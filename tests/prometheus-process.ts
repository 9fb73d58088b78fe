/** A real Prometheus in a child process that scrapes nothing and takes remote writes. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersOk, freePort, sleep } from './server-process.ts';

export interface PrometheusProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** A Prometheus 3 besides Debian's, for what only that knows: VARVE_PROMETHEUS_3 names its program. */
export const PROMETHEUS_3 = process.env.VARVE_PROMETHEUS_3;

/** All of Prometheus 3's language. @param delayed whether it drops names at the end of a query. */
export function prometheus3Flags(delayed: boolean): string[] {
  const features = ['experimental-functions', 'duration-expr', 'extended-range-selectors', 'binop-fill-modifiers'];
  if (delayed) features.push('delayed-name-removal');
  return [`--enable-feature=${features.map((feature) => `promql-${feature}`).join()}`];
}

/** Starts a Prometheus, Debian's unless another is named, in an empty directory below `directory`. */
export async function startPrometheus(
  directory: string,
  args: readonly string[] = [],
  program = 'prometheus',
): Promise<PrometheusProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const home = join(directory, 'prometheus');
  mkdirSync(home);
  writeFileSync(join(home, 'prometheus.yml'), 'global: {}\n');
  const child = spawn(
    program,
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      ...args,
    ],
    { stdio: 'ignore' },
  );
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const deadline = Date.now() + 30_000;
  while (!(await answersOk(`${url}/-/ready`))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error('Prometheus does not start');
    await sleep(50);
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', reap);
    },
  };
}
