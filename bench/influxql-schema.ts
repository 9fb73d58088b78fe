/**
 * What statements about the schema cost over a million series, beside influxd over fewer of them (it takes minutes to load
 * a million, and much memory): `npm run bench -- influxql-schema`. The first run of each is told apart, since it sorts names.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startInfluxd } from '../tests/influxd-process.ts';
import { CARD_DEFAULTS, type CardWorkload, cardBodies } from './card-workload.ts';
import { postAll } from './client.ts';
import { processUsage } from './process-usage.ts';
import { startLoaded } from './promql-server.ts';
import { varve } from './server.ts';

export interface InfluxqlSchemaOptions {
  series: number;
  /** Series of influxd; 0 leaves it out. */
  peerSeries: number;
  keep: boolean;
}

export const INFLUXQL_SCHEMA_DEFAULTS: InfluxqlSchemaOptions = { series: 1_000_000, peerSeries: 100_000, keep: false };

const STATEMENTS = [
  'SHOW MEASUREMENTS',
  `SHOW MEASUREMENTS WHERE dc = 'dc-3'`,
  'SHOW TAG KEYS',
  `SHOW TAG KEYS WHERE dc = 'dc-3'`,
  'SHOW FIELD KEYS',
  'SHOW TAG VALUES WITH KEY = region',
  `SHOW TAG VALUES WITH KEY = service WHERE dc = 'dc-3' AND time > now() - 100000h`,
  'SHOW TAG VALUES WITH KEY = host LIMIT 100',
  `SHOW TAG VALUES WITH KEY = host WHERE dc = 'dc-3' LIMIT 100`,
  `SHOW TAG VALUES WITH KEY = host WHERE host =~ /^host_77/ LIMIT 100`,
  'SHOW TAG VALUES WITH KEY = host',
  'SHOW SERIES LIMIT 100',
  `SHOW SERIES WHERE dc = 'dc-3' LIMIT 100`,
  'SHOW SERIES',
  'SHOW SERIES CARDINALITY',
  'SHOW SERIES EXACT CARDINALITY',
  'SHOW TAG VALUES CARDINALITY WITH KEY = host',
  'SHOW TAG KEY CARDINALITY',
  'SHOW FIELD KEY CARDINALITY',
];

const RUNS = 3;

interface Times {
  firstMs: number;
  bestMs: number;
  bytes: number;
}

export async function benchInfluxqlSchema({ series, peerSeries, keep }: InfluxqlSchemaOptions): Promise<void> {
  const workload: CardWorkload = { ...CARD_DEFAULTS, series, rounds: 1 };
  const bodies = () => cardBodies(workload, 5000);
  const server = await startLoaded(varve, bodies, { name: `schema-${series}`, keep, connections: 2 });
  const ours: Times[] = [];
  try {
    for (const statement of STATEMENTS) ours.push(await timed(`${server.url}/query`, 'default', statement));
    const { peakRssBytes } = processUsage(server.pid);
    console.log(`varve: ${series} series, peak RSS ${(peakRssBytes / 1e6).toFixed(0)} MB`);
  } finally {
    await server.stop('SIGKILL');
    server.remove();
  }
  const theirs = peerSeries > 0 ? await peerTimes({ ...workload, series: peerSeries }) : null;
  console.log(`${''.padEnd(76)} varve first   best   answer${theirs === null ? '' : '   influxd first   best'}`);
  STATEMENTS.forEach((statement, i) => {
    const peer = theirs === null ? '' : `   ${ms(theirs[i].firstMs)} ${ms(theirs[i].bestMs)}`;
    const { firstMs, bestMs, bytes } = ours[i];
    console.log(
      `${statement.padEnd(76)} ${ms(firstMs)} ${ms(bestMs)} ${(bytes / 1e6).toFixed(2).padStart(6)} MB${peer}`,
    );
  });
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0).padStart(7)} ms`;
}

async function peerTimes(workload: CardWorkload): Promise<Times[]> {
  const directory = mkdtempSync(join(tmpdir(), 'varve-bench-influxd-'));
  const influxd = await startInfluxd(directory);
  try {
    await fetch(`${influxd.url}/query?q=CREATE+DATABASE+card`, { method: 'POST' });
    const started = performance.now();
    await postAll(`${influxd.url}/write?db=card`, cardBodies(workload, 5000), 2);
    console.log(
      `loaded influxd with ${workload.series} series in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
    const times: Times[] = [];
    for (const statement of STATEMENTS) times.push(await timed(`${influxd.url}/query`, 'card', statement));
    return times;
  } finally {
    await influxd.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timed(url: string, db: string, statement: string): Promise<Times> {
  const times: Times = { firstMs: 0, bestMs: Infinity, bytes: 0 };
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    const response = await fetch(`${url}?${new URLSearchParams({ db, q: statement })}`);
    const text = await response.text();
    const tookMs = performance.now() - started;
    if (response.status !== 200 || text.includes('"error"')) throw new Error(`${statement}: ${text.slice(0, 500)}`);
    if (run === 0) times.firstMs = tookMs;
    times.bestMs = Math.min(times.bestMs, tookMs);
    times.bytes = text.length;
  }
  return times;
}
