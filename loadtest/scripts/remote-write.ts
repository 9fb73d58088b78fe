/** Writers without a pause, by Prometheus' remote write: packed bodies that were made before. */

import exec from 'k6/execution';
import http from 'k6/http';
import { below, DURATION, note, URL } from './target.ts';

const SAMPLES = Number(__ENV.SAMPLES_PER_BODY);
const bodies: ArrayBuffer[] = [];
for (let i = 0; i < Number(__ENV.BODIES); i++) bodies.push(open(`${__ENV.BODY_DIRECTORY}/${i}.snappy`, 'b'));

export const options = {
  scenarios: { write: { executor: 'constant-vus', exec: 'remoteWrite', vus: 4, duration: DURATION } },
  thresholds: {
    writes_failed: ['count==0'],
    writes_refused: ['count==0'],
    lines_acknowledged: ['count>0'],
    write_duration: [below(99, 1000)],
  },
};

const headers = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
};

export function remoteWrite(): void {
  const i = exec.scenario.iterationInTest;
  note(http.post(`${URL}/api/v1/write`, bodies[i % bodies.length], { headers }), i < bodies.length ? SAMPLES : 0);
}
