/** Bodies of Prometheus' remote write 1.0, packed, as files that k6 can send. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeRemoteWrite } from '../tests/remote-write-request.ts';

const START_MS = 1_700_000_000_000;

/** Writes `0.snappy`, `1.snappy`, …: each has one sample of each series, at a second of its own. */
export function writeRemoteBodies(directory: string, bodies: number, samplesPerBody: number): void {
  for (let b = 0; b < bodies; b++) {
    const series = Array.from({ length: samplesPerBody }, (_, i) => ({
      labels: [
        ['__name__', 'loadtest'],
        ['instance', `host-${i % 100}:9100`],
        ['job', 'node'],
        ['n', String(i)],
      ] as [string, string][],
      samples: [{ timeMs: START_MS + b * 1000, value: (i * 31 + b * 7) % 1000 }],
    }));
    writeFileSync(join(directory, `${b}.snappy`), encodeRemoteWrite(series));
  }
}
