/** As much as a few writers without a pause get through: what `overload` triples. */
import { DURATION, write as writeOnce } from './target.ts';

export const options = {
  discardResponseBodies: true,
  scenarios: { capacity: { executor: 'constant-vus', exec: 'capacity', vus: 8, duration: DURATION } },
  thresholds: { writes_failed: ['count==0'], lines_acknowledged: ['count>0'] },
};

export function capacity(): void {
  writeOnce(Number(__ENV.SCENARIO ?? 0));
}
