/**
 * Lines and samples per second and core through the real series index.
 *
 *     node ingest/line-parser.bench.ts
 *
 * cpu: 400 hosts, 10 integer fields that walk at random in 0–100, 10 tags, as the TSBS cpu-only workload has them;
 * requests of 5,000 lines. `shuffled` has the hosts of each round in another order, so that few series are foreseen;
 * `floats` has measured values of 16 and 17 digits; `one field` has a million known series with one short value each,
 * `shuffled` in two orders by turns.
 */
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { type LineOutcome, newLineOutcome } from './line-outcome.ts';
import { parseLines } from './line-parser.ts';
import { cpuMs, newRandom, type Random } from './random.ts';

const LINES_PER_REQUEST = 5000;
const FIELDS = 'user system idle nice iowait irq softirq steal guest guest_nice'
  .split(' ')
  .map((name) => `usage_${name}`);
const REGIONS = ['us-west-1', 'us-east-1', 'eu-central-1', 'ap-southeast-2', 'sa-east-1'];
const OPTIONS = { nowSec: 1767225600, nowNano: 0 };

function cpuTags(host: number, random: Random): string {
  const region = random.pick(REGIONS);
  return (
    `cpu,hostname=host_${host},region=${region},datacenter=${region}${random.pick(['a', 'b', 'c'])},rack=${random.below(100)}` +
    `,os=Ubuntu1${random.pick(['5.10', '6.04LTS', '6.10'])},arch=${random.pick(['x64', 'x86'])}` +
    `,team=${random.pick(['NYC', 'LON', 'CHI', 'SF'])},service=${random.below(20)},service_version=${random.below(2)}` +
    `,service_environment=${random.pick(['staging', 'production', 'test'])}`
  );
}

/** Requests of the cpu workload. */
function cpuRequests(hosts: number, rounds: number, shuffled: boolean): Uint8Array[] {
  const random = newRandom('cpu', 1);
  const tags = Array.from({ length: hosts }, (_, host) => cpuTags(host, random));
  const values = tags.map(() => FIELDS.map(() => random.below(101)));
  const lines: string[] = [];
  const order = tags.map((_, i) => i);
  for (let round = 0; round < rounds; round++) {
    if (shuffled) order.sort(() => random.unit() - 0.5);
    for (const host of order) {
      const walk = values[host];
      for (let i = 0; i < walk.length; i++) walk[i] = Math.max(0, Math.min(100, walk[i] + random.below(3) - 1));
      const fields = FIELDS.map((name, i) => `${name}=${walk[i]}i`).join(',');
      lines.push(`${tags[host]} ${fields} ${1767225600 + round * 10}000000000\n`);
    }
  }
  return toRequests(lines);
}

function floatRequests(): Uint8Array[] {
  const random = newRandom('floats', 1);
  const names = ['HUFL', 'HULL', 'MUFL', 'MULL', 'LUFL', 'LULL', 'OT'];
  const lines: string[] = [];
  for (let i = 0; i < 40000; i++) {
    const fields = names.map((name) => `${name}=${Math.fround(random.unit() * 30)}`).join(',');
    lines.push(`ett,station=ETTh${i % 2} ${fields} ${1467331200 + (i >> 1) * 3600}000000000\n`);
  }
  return toRequests(lines);
}

const random = newRandom('one field', 1);

function oneFieldRequests(series: number, shuffled: boolean): Uint8Array[] {
  const lines = Array.from(
    { length: series },
    (_, i) =>
      `mem,host=host_${i >> 4},id=${i},region=${REGIONS[i % 5]},rack=${i % 77} used=${random.below(1000)} 1767225600000000000\n`,
  );
  if (shuffled) {
    for (let i = lines.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [lines[i], lines[j]] = [lines[j], lines[i]];
    }
  }
  return toRequests(lines);
}

function toRequests(lines: string[]): Uint8Array[] {
  const requests: Uint8Array[] = [];
  for (let i = 0; i < lines.length; i += LINES_PER_REQUEST) {
    requests.push(new Uint8Array(Buffer.from(lines.slice(i, i + LINES_PER_REQUEST).join(''))));
  }
  return requests;
}

function measure(what: string, requests: Uint8Array[], rounds: number): void {
  const index = new SeriesIndex();
  const batch = new Batch();
  const bytes = requests.reduce((sum, request) => sum + request.length, 0);
  let total = 0;
  let outcome: LineOutcome = newLineOutcome();
  // The first third warms up.
  for (let round = -(rounds >> 1); round <= rounds; round++) {
    outcome = newLineOutcome();
    const start = cpuMs();
    for (const request of requests) {
      batch.reset();
      parseLines(request, 0, request.length, index, batch, OPTIONS, outcome);
    }
    const ms = cpuMs() - start;
    if (round === -(rounds >> 1))
      console.log(`${what.padEnd(30)} first, ${outcome.newSeries} new series: ${ms.toFixed(0)} ms`);
    if (round > 0) total += ms;
  }
  if (outcome.rejected > 0) throw new Error(`BUG: ${outcome.rejected} lines were rejected`);
  const ms = total / rounds;
  const lines = (outcome.rows / ms / 1e3).toFixed(2);
  const samples = (outcome.values / ms / 1e3).toFixed(1);
  console.log(`${what.padEnd(30)} ${lines} M lines/s  ${samples} M samples/s  ${(bytes / ms / 1e3).toFixed(0)} MB/s`);
}

measure('cpu, 400 hosts', cpuRequests(400, 125, false), 60);
measure('cpu, 400 hosts, shuffled', cpuRequests(400, 125, true), 60);
measure('cpu, 4,000 hosts, shuffled', cpuRequests(4000, 12, true), 60);
measure('floats of 15–17 digits', floatRequests(), 60);
measure('one field, 1 M series', oneFieldRequests(1000000, false), 4);
measure('one field, 1 M series, shuffled', oneFieldRequests(1000000, true).concat(oneFieldRequests(1000000, true)), 2);
