/** Quiet, then ten times as much for a few seconds, then quiet again: nothing may fail, and it must be over when it is over. */
import { below, DURATION, write as writeOnce } from './target.ts';

const BASE = Number(__ENV.RATE ?? 5);

export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      exec: 'write',
      startRate: BASE,
      timeUnit: '1s',
      preAllocatedVUs: 50,
      maxVUs: 200,
      stages: [
        { target: BASE, duration: DURATION },
        { target: 10 * BASE, duration: '1s' },
        { target: 10 * BASE, duration: DURATION },
        { target: BASE, duration: '1s' },
        { target: BASE, duration: '2s' },
      ],
    },
    after: {
      executor: 'constant-arrival-rate',
      exec: 'after',
      rate: BASE,
      timeUnit: '1s',
      duration: DURATION,
      preAllocatedVUs: 10,
      startTime: __ENV.AFTER ?? '64s',
    },
  },
  thresholds: {
    writes_failed: ['count==0'],
    'http_req_duration{scenario:after}': [below(95, 500)],
  },
};

export function write(): void {
  writeOnce();
}

export function after(): void {
  writeOnce(1);
}
