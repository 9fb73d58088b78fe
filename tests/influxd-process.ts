/** A real InfluxDB 1.x in a child process, on free ports, in an empty directory, that tells nobody of itself. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersOk, freePort, sleep } from './server-process.ts';

export interface InfluxdProcess {
  readonly url: string;
  stop(): Promise<void>;
}

export interface InfluxdOptions {
  /** Settings beyond the usual, as InfluxDB's variables: `INFLUXDB_SECTION_NAME`. */
  environment?: Readonly<Record<string, string>>;
  /** A file for all that it logs. */
  logPath?: string;
}

/** Starts Debian's influxd on `directory`/influxd, which keeps its data from one start to the next. */
export async function startInfluxd(directory: string, options: InfluxdOptions = {}): Promise<InfluxdProcess> {
  // It cannot choose ports itself, and another process may take those that were free a moment ago.
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToStart(directory, options);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function tryToStart(directory: string, { environment, logPath }: InfluxdOptions): Promise<InfluxdProcess> {
  const [port, rpcPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const home = join(directory, 'influxd');
  mkdirSync(home, { recursive: true });
  const configuration = join(home, 'influxdb.conf');
  writeFileSync(
    configuration,
    `reporting-enabled = false
bind-address = "127.0.0.1:${rpcPort}"
[meta]
dir = ${JSON.stringify(join(home, 'meta'))}
[data]
dir = ${JSON.stringify(join(home, 'data'))}
wal-dir = ${JSON.stringify(join(home, 'wal'))}
query-log-enabled = false
[monitor]
store-enabled = false
[subscriber]
enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
[logging]
level = "error"
`,
  );
  // It reads series in as many groups as it has threads, and of rows of one time some answers then take any. With a
  // thread for each series there is nothing to choose.
  const env = { ...process.env, GOMAXPROCS: '16', ...environment };
  const log = logPath === undefined ? 'ignore' : openSync(logPath, 'a');
  const child = spawn('influxd', ['-config', configuration], { stdio: ['ignore', log, log], env });
  if (typeof log === 'number') closeSync(log);
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const deadline = Date.now() + 30_000;
  while (!(await answersOk(`${url}/ping`))) {
    if (Date.now() > deadline || child.exitCode !== null) {
      child.kill('SIGKILL');
      process.off('exit', reap);
      throw new Error('influxd does not start');
    }
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
