/**
 * The cpu workload: what TSBS calls cpu-only. Hosts with ten tags report ten integer fields every ten seconds; every
 * field is a random walk (steps of a standard normal distribution) clamped to 0 … 100.
 */
import { normalSource, randomSource } from './random.ts';

const FIELDS = [
  'usage_user',
  'usage_system',
  'usage_idle',
  'usage_nice',
  'usage_iowait',
  'usage_irq',
  'usage_softirq',
  'usage_steal',
  'usage_guest',
  'usage_guest_nice',
];
const REGIONS = ['us-east-1', 'us-west-1', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-southeast-1', 'sa-east-1'];
const SYSTEMS = ['Ubuntu16.10', 'Ubuntu16.04LTS', 'Ubuntu15.10'];
const TEAMS = ['SF', 'NYC', 'LON', 'CHI'];
const ENVIRONMENTS = ['production', 'staging', 'test'];

/** 2026-01-01T00:00:00Z, s since the epoch. */
export const CPU_START_SEC = 1767225600;
export const CPU_STEP_SEC = 10;

export interface CpuWorkload {
  hosts: number;
  seconds: number;
  seed: number;
}

export const CPU_FIELDS: readonly string[] = FIELDS;

/** Field values in a workload. */
export function cpuSamples(workload: CpuWorkload): number {
  return workload.hosts * FIELDS.length * Math.floor(workload.seconds / CPU_STEP_SEC);
}

/** The tags of every host, in line protocol, host number h at index h. */
export function cpuSeriesKeys(workload: CpuWorkload): string[] {
  const random = randomSource(workload.seed);
  const pick = (list: string[]) => list[Math.floor(random() * list.length)];
  const keys: string[] = [];
  for (let host = 0; host < workload.hosts; host++) {
    const region = pick(REGIONS);
    keys.push(
      `cpu,hostname=host_${host},region=${region},datacenter=${region}${pick(['a', 'b', 'c'])},` +
        `rack=${Math.floor(random() * 100)},os=${pick(SYSTEMS)},arch=${pick(['x64', 'x86'])},team=${pick(TEAMS)},` +
        `service=${Math.floor(random() * 20)},service_version=${Math.floor(random() * 2)},` +
        `service_environment=${pick(ENVIRONMENTS)}`,
    );
  }
  return keys;
}

/**
 * Steps the walks once per call: `values[host * 10 + field]`, unrounded. What is sent is `Math.trunc` of them.
 */
export function cpuWalk(workload: CpuWorkload): { values: Float64Array; step(): void } {
  const random = randomSource(workload.seed + 1);
  const normal = normalSource(random);
  const values = new Float64Array(workload.hosts * FIELDS.length);
  for (let i = 0; i < values.length; i++) values[i] = random() * 100;
  return {
    values,
    step() {
      for (let i = 0; i < values.length; i++) values[i] = Math.min(100, Math.max(0, values[i] + normal()));
    },
  };
}

/** Yields bodies of `linesPerBody` lines of line protocol, in time order, host by host. */
export function* cpuBodies(workload: CpuWorkload, linesPerBody: number): Generator<{ body: Buffer; lines: number }> {
  const keys = cpuSeriesKeys(workload);
  const walk = cpuWalk(workload);
  let parts: string[] = [];
  for (let sec = 0; sec < workload.seconds; sec += CPU_STEP_SEC) {
    const stamp = `${CPU_START_SEC + sec}000000000\n`;
    for (let host = 0; host < workload.hosts; host++) {
      let line = `${keys[host]} `;
      for (let f = 0; f < FIELDS.length; f++) {
        line += `${f === 0 ? '' : ','}${FIELDS[f]}=${Math.trunc(walk.values[host * FIELDS.length + f])}i`;
      }
      parts.push(`${line} ${stamp}`);
      if (parts.length === linesPerBody) {
        yield { body: Buffer.from(parts.join('')), lines: parts.length };
        parts = [];
      }
    }
    walk.step();
  }
  if (parts.length > 0) yield { body: Buffer.from(parts.join('')), lines: parts.length };
}
