/** Agents that write at a steady rate while people look at dashboards. */
import { dashboard } from './queries.ts';
import { below, DURATION, write as writeOnce } from './target.ts';

export const options = {
  scenarios: {
    write: {
      executor: 'constant-arrival-rate',
      exec: 'write',
      rate: Number(__ENV.RATE ?? 40),
      timeUnit: '1s',
      duration: DURATION,
      preAllocatedVUs: 20,
    },
    query: { executor: 'constant-vus', exec: 'query', vus: 2, duration: DURATION },
  },
  thresholds: {
    checks: ['rate==1'],
    writes_failed: ['count==0'],
    writes_refused: ['count==0'],
    write_duration: [below(99, 1500)],
    query_duration: [below(95, 1500)],
  },
};

export function write(): void {
  writeOnce();
}

export function query(): void {
  dashboard();
}
