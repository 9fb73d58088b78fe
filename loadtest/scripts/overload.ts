/**
 * Three times as much as the server can take. It may refuse, with 429 or 503 and Retry-After; it may not fail, lie, grow
 * without bound, or need time to recover. The offered rate comes from `capacity`, which is run before.
 */
import { below, DURATION, write as writeOnce } from './target.ts';

const CAPACITY = Number(__ENV.CAPACITY_RPS);

export const options = {
  discardResponseBodies: true,
  scenarios: {
    overload: {
      executor: 'constant-arrival-rate',
      exec: 'overload',
      rate: Math.ceil(3 * CAPACITY),
      timeUnit: '1s',
      duration: DURATION,
      preAllocatedVUs: 200,
      maxVUs: 200,
    },
    after: {
      executor: 'constant-arrival-rate',
      exec: 'after',
      rate: Math.max(1, Math.floor(CAPACITY / 4)),
      timeUnit: '1s',
      duration: '10s',
      preAllocatedVUs: 20,
      maxVUs: 100,
      startTime: __ENV.AFTER,
    },
  },
  thresholds: {
    writes_failed: ['count==0'],
    checks: ['rate==1'],
    // Counted for itself, so that it can be compared with the capacity.
    'lines_acknowledged{scenario:overload}': ['count>0'],
    'http_req_duration{scenario:after}': [below(95, 1000)],
  },
};

export function overload(): void {
  writeOnce(1);
}

export function after(): void {
  writeOnce(2);
}
