/** The cpu workload as Prometheus would send it: remote write 1.0, one series per field, all tags as labels. */
import { compressSync } from 'snappy';
import { encodeRequest } from '../ingest/remote-encoder.ts';
import { CPU_FIELDS, CPU_START_SEC, CPU_STEP_SEC, type CpuWorkload, cpuSeriesKeys, cpuWalk } from './cpu-workload.ts';

export const REMOTE_HEADERS = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
};

/**
 * Bodies of `samplesPerBody` samples, in time order. A round of all series fills whole bodies, so a series is always in
 * the same one of a round.
 */
export function* remoteBodies(workload: CpuWorkload, samplesPerBody: number): Generator<{ body: Buffer }> {
  const labels = cpuSeriesKeys(workload).map((key) => {
    const pairs = key
      .split(',')
      .slice(1)
      .map((pair) => pair.split('=') as [string, string]);
    return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  });
  const walk = cpuWalk(workload);
  const series = labels.length * CPU_FIELDS.length;
  if (series % samplesPerBody !== 0) throw new Error(`${series} series do not fill bodies of ${samplesPerBody}`);
  for (let sec = 0; sec < workload.seconds; sec += CPU_STEP_SEC) {
    const ms = (CPU_START_SEC + sec) * 1000;
    for (let from = 0; from < series; from += samplesPerBody) {
      const part = Array.from({ length: samplesPerBody }, (_, i) => {
        const at = from + i;
        const name = `cpu_${CPU_FIELDS[at % CPU_FIELDS.length]}`;
        return {
          labels: [['__name__', name], ...labels[Math.floor(at / CPU_FIELDS.length)]] as [string, string][],
          samples: [{ value: Math.trunc(walk.values[at]), ms }],
        };
      });
      yield { body: compressSync(Buffer.from(encodeRequest(part))) };
    }
    walk.step();
  }
}
