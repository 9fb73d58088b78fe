/**
 * Continuous queries beside a real influxd, and in a real server.
 *
 * Influxd logs every run with the time that it covers. The same queries are given the instants at which it ran, and must
 * be due then, over the same time.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dueRun, type Run, type Timing, timingOf } from '../query/influxql/continuous/schedule.ts';
import { parseStatements } from '../query/influxql/parser/parser.ts';
import { startInfluxd } from './influxd-process.ts';
import { havePrograms } from './peers.ts';
import { sleep, startServer, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('continuous');
afterAll(remove);

const RUNS = 40;

/** Name → RESAMPLE, GROUP BY and time zone. */
const QUERIES: Readonly<Record<string, readonly [resample: string, dimension: string, timezone?: string]>> = {
  each: ['', 'time(1s)'],
  two: ['', 'time(2s)'],
  shifted: ['', 'time(2s, 500ms)'],
  negative: ['', 'time(3s, -1s)'],
  wide: ['', 'time(2s, 7s)'],
  often: ['RESAMPLE EVERY 1s', 'time(3s)'],
  late: ['RESAMPLE FOR 4s', 'time(1s)'],
  both: ['RESAMPLE EVERY 2s FOR 6s', 'time(1s)'],
  uneven: ['RESAMPLE EVERY 3s FOR 5s', 'time(2s)'],
  seldom: ['RESAMPLE EVERY 3s', 'time(1s)'],
  zone: ['', 'time(1s)', "tz('Asia/Kathmandu')"],
  days: ['RESAMPLE EVERY 1s', 'time(1d)', "tz('Asia/Kathmandu')"],
  weeks: ['RESAMPLE EVERY 2s FOR 30d', 'time(1w, 1d)', "tz('America/New_York')"],
};

function textOf(name: string): string {
  const [resample, dimension, timezone = ''] = QUERIES[name];
  return `CREATE CONTINUOUS QUERY ${name} ON d ${resample} BEGIN SELECT mean(v) INTO x FROM m GROUP BY ${dimension} ${timezone} END`;
}

function timing(name: string): Timing {
  const [statement] = parseStatements(textOf(name));
  if (statement.kind !== 'create continuous query') throw new Error(`${name} is no continuous query`);
  return timingOf(statement) as Timing;
}

interface LoggedRun {
  readonly name: string;
  /** When it was logged: a little after the instant that it was reckoned with. All in ns since the epoch. */
  readonly at: bigint;
  readonly start: bigint;
  readonly end: bigint;
}

/** ns of a time with up to nine decimals. */
function nsOf(text: string): bigint {
  const [seconds, fraction = ''] = text.replace('Z', '').split('.');
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function loggedRuns(log: string): LoggedRun[] {
  const pattern = /^ts=(\S+) .*msg="Executing continuous query" .*name=(\w+) .*start=(\S+) end=(\S+)$/gm;
  return [...log.matchAll(pattern)].map(([, at, name, start, end]) => ({
    name,
    at: nsOf(at),
    start: nsOf(start),
    end: nsOf(end),
  }));
}

/** The run at one of the instants that influxd may have meant: the one at which it logged, or a little before. */
function runAt(of: Timing, last: bigint | null, { at, start, end }: LoggedRun): Run | null {
  const candidates = [0n, 1n, 3n, 10n, 30n, 100n, 300n].map((ms) => dueRun(of, last, at - ms * 1_000_000n));
  return candidates.find((run) => run?.range?.start === start && run.range.end === end) ?? null;
}

describe.skipIf(!havePrograms('influxd'))('beside influxd', () => {
  test('every run is due when influxd runs it, and covers the same time', async () => {
    const logPath = join(directory, 'influxd.log');
    const influxd = await startInfluxd(directory, {
      logPath,
      environment: { INFLUXDB_LOGGING_LEVEL: 'info', INFLUXDB_CONTINUOUS_QUERIES_RUN_INTERVAL: '250ms' },
    });
    const ask = async (q: string) => {
      const response = await fetch(`${influxd.url}/query`, { method: 'POST', body: new URLSearchParams({ q }) });
      expect(await response.text(), q).not.toContain('error');
    };
    await ask('CREATE DATABASE d');
    for (const name of Object.keys(QUERIES)) await ask(textOf(name));
    const seen = () => loggedRuns(readFileSync(logPath, 'utf8'));
    while (new Set(seen().map(({ name }) => name)).size < Object.keys(QUERIES).length || seen().length < RUNS) {
      await sleep(250);
    }
    await influxd.stop();

    const runs = seen();
    const lastRuns = new Map<string, bigint>();
    for (const logged of runs) {
      const of = timing(logged.name);
      // A first run that covers nothing is not logged. It fell on some instant between the start and this one.
      const last = lastRuns.get(logged.name) ?? null;
      let run = runAt(of, last, logged);
      if (run === null && last === null) {
        for (let earlier = 250n; run === null && earlier <= 4000n; earlier += 250n) {
          const first = dueRun(of, null, logged.at - earlier * 1_000_000n) as Run;
          if (first.range === null) run = runAt(of, first.last, logged);
        }
      }
      const shown = { ...logged, last };
      expect(
        run,
        `${logged.name}: ${JSON.stringify(shown, (_, v) => (typeof v === 'bigint' ? String(v) : v))}`,
      ).not.toBeNull();
      lastRuns.set(logged.name, (run as Run).last);
    }
    expect(runs.length).toBeGreaterThanOrEqual(RUNS);
  }, 60_000);
});

test('a server runs its continuous queries, before and after a restart', async () => {
  const dataDir = join(directory, 'data');
  const args = ['--continuous-query-interval', '100ms'];
  let server = await startServer({ dataDir, args });
  const ask = async (q: string) => {
    const body = new URLSearchParams({ q, db: 'd' });
    const response = await fetch(`${server.url}/query`, { method: 'POST', body });
    const { results } = (await response.json()) as {
      results: { error?: string; series?: { values: unknown[][] }[] }[];
    };
    if (results[0].error !== undefined) throw new Error(results[0].error);
    return results[0].series?.[0].values ?? [];
  };
  const write = async (value: number) => {
    const response = await fetch(`${server.url}/write?db=d`, { method: 'POST', body: `m v=${value}` });
    expect(response.status).toBe(204);
  };
  const until = async (holds: () => Promise<boolean>) => {
    while (!(await holds())) await sleep(100);
  };
  await ask('CREATE DATABASE d');
  await ask(
    'CREATE CONTINUOUS QUERY q ON d RESAMPLE FOR 1h BEGIN SELECT count(v) INTO seen FROM m GROUP BY time(1s) fill(none) END',
  );
  await write(1);
  await write(2);
  await until(async () => (await ask('SELECT sum(count) FROM seen'))[0]?.[1] === 2);
  expect(await server.stop()).toBe(0);

  server = await startServer({ dataDir, args });
  await write(3);
  await until(async () => (await ask('SELECT sum(count) FROM seen'))[0]?.[1] === 3);
  expect(await server.stop()).toBe(0);
}, 60_000);
