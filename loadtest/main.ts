/**
 * `npm run loadtest -- NAME`: runs one script with the real k6 against a server on this machine.
 *
 * Without --url a server is started on a fresh directory and removed afterwards. When k6 is done, the server is asked how
 * many of the acknowledged values it has: fewer than were acknowledged is a failure, whatever k6 says.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { processUsage } from '../bench/process-usage.ts';
import { type ServerCommand, startServer, varve } from '../bench/server.ts';
import { findK6, installK6 } from './k6.ts';
import { writeRemoteBodies } from './remote-bodies.ts';

const NAMES = ['write', 'remote-write', 'query', 'mixed', 'spike', 'overload', 'soak'] as const;
type Name = (typeof NAMES)[number];

const USAGE = `usage: npm run loadtest -- NAME [--duration 30s] [--hosts 200] [--rate N] [--time-factor 1] [--memory 1024] [--url http://127.0.0.1:8086]
       npm run loadtest -- install

  write         line protocol, writers without a pause
  remote-write  Prometheus' remote write, the same
  query         a dashboard's requests
  mixed         steady writes beside dashboards
  spike         ten times the load for a while
  overload      three times what the server can take
  soak          the mixed load for long (--duration 1h)
  install       builds k6 (needs Go)

  --duration    how long the main part runs
  --hosts       lines per write, each of ten values
  --rate        writes per second, where a test has a rate
  --time-factor what the thresholds of times are multiplied by, for slow machines
  --memory      MiB of memory that the server may take at most
  --url         a running server instead of a fresh one; only on this machine
`;

const HERE = fileURLToPath(new URL('.', import.meta.url));
const FIELDS = 10;
const BODIES = 400;
const SAMPLES_PER_BODY = 2000;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    duration: { type: 'string' },
    hosts: { type: 'string', default: '200' },
    rate: { type: 'string' },
    'time-factor': { type: 'string', default: '1' },
    memory: { type: 'string', default: '1024' },
    url: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

interface Target {
  url: string;
  pid: number | null;
  remove(): Promise<void>;
}

/** Writes that the server of `overload` takes at once: far fewer than k6 sends, so that it has to refuse. */
const OVERLOAD_WRITES = '100';

/**
 * Commands that put the server and k6 on a core of their own each, so that the one that makes the load does not take from
 * the other what is measured; empty where that cannot be.
 */
function cores(name: Name): { server: string[]; k6: string[] } {
  const canPin = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;
  if (name !== 'overload' || !canPin) return { server: [], k6: [] };
  return { server: ['taskset', '-c', '0'], k6: ['taskset', '-c', '1'] };
}

/** The server that is started for a test. */
function serverFor(name: Name): ServerCommand {
  const [command, ...prefix] = [...cores(name).server, varve.command];
  const further = name === 'overload' ? ['--max-concurrent-writes', OVERLOAD_WRITES] : [];
  return { ...varve, command, args: (port, dataDir) => [...prefix, ...varve.args(port, dataDir), ...further] };
}

async function target(name: Name): Promise<Target> {
  if (values.url !== undefined) {
    const { hostname } = new URL(values.url);
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) {
      throw new Error(`cannot test ${values.url}: load goes to servers on this machine only`);
    }
    return { url: values.url, pid: null, remove: async () => {} };
  }
  const server = await startServer(serverFor(name));
  return {
    url: server.url,
    pid: server.pid,
    async remove() {
      await server.stop();
      server.remove();
    },
  };
}

interface K6Metric {
  values: Record<string, number>;
  thresholds?: Record<string, { ok: boolean }>;
}

interface K6Run {
  passed: boolean;
  metrics: Record<string, K6Metric>;
  seconds: number;
}

/** Runs a script; its output goes to the terminal. */
async function run(k6: readonly string[], script: string, environment: Record<string, string>): Promise<K6Run> {
  const directory = mkdtempSync(join(tmpdir(), 'varve-k6-'));
  const summary = join(directory, 'summary.json');
  const startedMs = performance.now();
  try {
    const variables = Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const path = join(HERE, 'scripts', `${script}.ts`);
    const [command, ...prefix] = k6;
    const child = spawn(command, [...prefix, 'run', '--quiet', '--summary-export', summary, ...variables, path], {
      stdio: 'inherit',
      env: { ...process.env, K6_NO_USAGE_REPORT: 'true' },
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    const seconds = (performance.now() - startedMs) / 1000;
    return { passed: code === 0, metrics: JSON.parse(readFileSync(summary, 'utf8')).metrics, seconds };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The `count` of a counter, in the summary's flat form. */
function countOf(metrics: K6Run['metrics'], name: string): number {
  return (metrics[name] as unknown as { count?: number } | undefined)?.count ?? 0;
}

/** Values that the server has in the database, counted by InfluxQL. */
async function countStored(url: string, name: Name): Promise<number> {
  const q = name === 'remote-write' ? 'SELECT count(value) FROM "loadtest"' : 'SELECT count(usage_user) FROM "cpu"';
  const response = await fetch(`${url}/query?${new URLSearchParams({ db: 'default', q })}`);
  const body = (await response.json()) as { results: { series?: { values: [string, number][] }[]; error?: string }[] };
  const [result] = body.results;
  if (result.error !== undefined) throw new Error(`cannot count back: ${result.error}`);
  return result.series?.[0].values[0][1] ?? 0;
}

async function loadtest(name: Name): Promise<boolean> {
  const found = findK6();
  if (found === null) {
    console.error('k6 is not installed. `npm run loadtest -- install` builds it (needs Go), or put k6 on the PATH.');
    return false;
  }
  const k6 = [...cores(name).k6, found];
  const server = await target(name);
  const bodies = mkdtempSync(join(tmpdir(), 'varve-bodies-'));
  try {
    const duration = values.duration ?? (name === 'soak' ? '1h' : '30s');
    const environment: Record<string, string> = {
      VARVE_URL: server.url,
      HOSTS: values.hosts,
      DURATION: duration,
      TIME_FACTOR: values['time-factor'],
      ...(values.rate === undefined ? {} : { RATE: values.rate }),
    };
    let expected = 0;
    if (name === 'remote-write') {
      writeRemoteBodies(bodies, BODIES, SAMPLES_PER_BODY);
      Object.assign(environment, {
        BODY_DIRECTORY: bodies,
        BODIES: String(BODIES),
        SAMPLES_PER_BODY: String(SAMPLES_PER_BODY),
      });
    }
    if (name === 'spike') environment.AFTER = `${2 * seconds(duration) + 4}s`;
    let passed = true;
    if (name === 'overload') {
      const measure = async (script: string, scenario: number): Promise<Throughput & K6Run> => {
        const cpuSec = server.pid === null ? 0 : processUsage(server.pid).cpuSec;
        const result = await run(k6, script, { ...environment, SCENARIO: String(scenario) });
        const lines = countOf(result.metrics, 'lines_acknowledged');
        expected += lines;
        const usedSec = server.pid === null ? Number.NaN : processUsage(server.pid).cpuSec - cpuSec;
        return { ...result, perSec: lines / seconds(duration), perCpuSec: lines / usedSec };
      };
      const before = await measure('capacity', 0);
      environment.CAPACITY_RPS = String(before.perSec / Number(values.hosts));
      environment.AFTER = `${seconds(duration) + 1}s`;
      console.log(`capacity: ${Math.round(before.perSec * FIELDS)} values/s; now three times that is offered`);
      const result = await measure('overload', 0);
      // Other work on the machine comes and goes: what the server could do then is between what it could before and after.
      const after = await measure('capacity', 3);
      const capacity = {
        perSec: (before.perSec + after.perSec) / 2,
        perCpuSec: (before.perCpuSec + after.perCpuSec) / 2,
      };
      passed = result.passed && judgeOverload(result, capacity, seconds(duration));
    } else {
      const result = await run(k6, name, environment);
      expected += countOf(result.metrics, 'lines_acknowledged');
      passed = result.passed;
    }
    const stored = await countStored(server.url, name);
    console.log(`acknowledged ${expected}, found ${stored}`);
    if (server.pid !== null) {
      const { peakRssBytes, cpuSec } = processUsage(server.pid);
      const peakMib = peakRssBytes / 2 ** 20;
      console.log(`server: ${peakMib.toFixed(0)} MiB at most, ${cpuSec.toFixed(1)} s of CPU`);
      if (peakMib > Number(values.memory)) {
        console.error(`the server took more than ${values.memory} MiB of memory`);
        passed = false;
      }
    }
    // A write whose answer was lost on the way may have been stored without k6 knowing.
    if (stored < expected) console.error(`LOST: ${expected - stored} acknowledged lines are not there`);
    if (!passed) console.error('a threshold was crossed');
    return passed && stored >= expected;
  } finally {
    rmSync(bodies, { recursive: true });
    await server.remove();
  }
}

/** Lines stored, by time and by the server's CPU time, s. */
interface Throughput {
  perSec: number;
  perCpuSec: number;
}

/**
 * Whether enough got through while too much was offered; tells how much of both. Where k6 could not send so much as the
 * server takes, because it had no CPU to do it with, the lines per second say nothing of the server: then those per second
 * of its CPU count.
 */
function judgeOverload({ metrics, perCpuSec }: K6Run & Throughput, capacity: Throughput, durationSec: number): boolean {
  const hosts = Number(values.hosts);
  const share = (part: number) => Math.round((100 * part) / capacity.perSec);
  const stored = countOf(metrics, 'lines_acknowledged{scenario:overload}') / durationSec;
  const sent = stored + (countOf(metrics, 'writes_refused') * hosts) / durationSec;
  const offered = sent + (countOf(metrics, 'dropped_iterations') * hosts) / durationSec;
  const perCpu = Math.round((100 * perCpuSec) / capacity.perCpuSec);
  console.log(
    `capacity ${Math.round(capacity.perSec * FIELDS)} values/s; of that, offered ${share(offered)} %, ` +
      `sent ${share(sent)} %, stored ${share(stored)} %; per second of the server's CPU, stored ${perCpu} %`,
  );
  if (sent >= 1.5 * capacity.perSec || Number.isNaN(perCpu)) return share(stored) >= 80;
  if (share(stored) < 80) console.log("k6 could not send enough: judged by the server's CPU");
  return share(stored) >= 80 || perCpu >= 80;
}

function seconds(duration: string): number {
  const match = /^(\d+)(s|m|h)$/.exec(duration);
  if (match === null) throw new Error(`cannot read duration '${duration}': give 30s, 5m or 1h`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h'];
}

const [name] = positionals;
if (values.help || name === undefined) {
  console.log(USAGE);
} else if (name === 'install') {
  process.exitCode = installK6() ? 0 : 1;
} else if (NAMES.includes(name as Name)) {
  process.exitCode = (await loadtest(name as Name)) ? 0 : 1;
} else {
  console.error(`unknown load test '${name}'\n\n${USAGE}`);
  process.exitCode = 2;
}
