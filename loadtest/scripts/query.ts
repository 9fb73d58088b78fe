/** Dashboards that are looked at by several people, over an hour of data that is written first. */
import http from 'k6/http';
import { dashboard } from './queries.ts';
import { below, body, DURATION, HOSTS, note, URL } from './target.ts';

const STEP_SEC = 10;

export const options = {
  scenarios: { query: { executor: 'constant-vus', exec: 'query', vus: 4, duration: DURATION } },
  thresholds: { checks: ['rate==1'], query_duration: [below(95, 1000)], writes_failed: ['count==0'] },
};

export function setup(): void {
  for (let second = 0; second < 3600; second += STEP_SEC) {
    note(http.post(`${URL}/write?precision=s`, body(second)), HOSTS);
  }
}

export function query(): void {
  dashboard();
}
