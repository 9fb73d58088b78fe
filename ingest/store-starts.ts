/**
 * Start times of samples (when a counter began to count), as remote write 2.0 sends them: rows of the companion database
 * `starts`, at the time of the sample, where there is one. They are times of their own, so they compress to little:
 * most series have one start for very many samples.
 */
import type { Batch } from '../batch/batch.ts';
import { INTEGER } from '../batch/field-type.ts';
import type { Database } from '../engine/database.ts';
import type { Engine } from '../engine/engine.ts';
import { createCompanion } from '../engine/internal-database.ts';
import { giveBatch, takeBatch } from './batch-pool.ts';
import { appendRow, mirrorSeries } from './companion-rows.ts';
import type { SampleStarts } from './remote-outcome.ts';

/**
 * Stores the start times of a batch's rows.
 * @returns the LSN to wait for, 0 when there was nothing to store.
 */
export function storeStarts(engine: Engine, owner: Database, samples: Batch, starts: SampleStarts): number {
  if (starts.rows.length === 0) return 0;
  const target = createCompanion(engine, owner, 'starts');
  const batch = takeBatch();
  let mirrored = -1;
  let ref = -1;
  try {
    for (let i = 0; i < starts.rows.length; i++) {
      const row = starts.rows[i];
      if (samples.series[row] !== mirrored) {
        mirrored = samples.series[row];
        ref = mirrorSeries(owner.index, mirrored, target.index);
      }
      const { sec, nano } = { sec: samples.sec[row], nano: samples.nano[row] };
      appendRow(target.index, batch, ref, sec, nano, [{ name: 'start', type: INTEGER, value: starts.startsMs[i] }]);
    }
    return engine.commit(target, batch);
  } finally {
    giveBatch(batch);
  }
}
