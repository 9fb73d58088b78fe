/** Writers without a pause, by line protocol. */
import { below, DURATION, write as writeOnce } from './target.ts';

export const options = {
  scenarios: { write: { executor: 'constant-vus', exec: 'write', vus: 4, duration: DURATION } },
  thresholds: {
    writes_failed: ['count==0'],
    writes_refused: ['count==0'],
    lines_acknowledged: ['count>0'],
    write_duration: [below(99, 1000)],
  },
};

export function write(): void {
  writeOnce();
}
