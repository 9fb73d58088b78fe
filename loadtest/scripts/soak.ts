/** The mixed load for long: memory, files and times have to stay where they were. */
import { dashboard } from './queries.ts';
import { below, write as writeOnce } from './target.ts';

const duration = __ENV.DURATION ?? '1h';

export const options = {
  scenarios: {
    write: {
      executor: 'constant-arrival-rate',
      exec: 'write',
      rate: Number(__ENV.RATE ?? 20),
      timeUnit: '1s',
      duration,
      preAllocatedVUs: 20,
    },
    query: { executor: 'constant-arrival-rate', exec: 'query', rate: 2, timeUnit: '1s', duration, preAllocatedVUs: 10 },
  },
  thresholds: {
    checks: ['rate==1'],
    writes_failed: ['count==0'],
    writes_refused: ['count==0'],
    write_duration: [below(99, 1000)],
    query_duration: [below(95, 1000)],
  },
};

export function write(): void {
  writeOnce();
}

export function query(): void {
  dashboard();
}
