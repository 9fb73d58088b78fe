/**
 * Metadata of metrics (type, help, unit): one row per metric in the companion database `metadata`, at time 0, so the
 * last that was written is the one that counts.
 *
 * Senders repeat it all the time, version 2 of the protocol with every series, so what was stored last is remembered and
 * only changes are written. After a start everything is written once.
 */
import type { Database } from '../engine/database.ts';
import type { Engine } from '../engine/engine.ts';
import { createCompanion } from '../engine/internal-database.ts';
import { countRefusal, type RefusalCounts } from '../engine/refusals.ts';
import { giveBatch, takeBatch } from './batch-pool.ts';
import { appendRow } from './companion-rows.ts';
import type { MetricMetadata } from './remote-outcome.ts';

/** The longest help or unit that is kept, in UTF-16 units. */
const LONGEST_TEXT = 16_384;

const encoder = new TextEncoder();

/** What was stored of a database's metrics, and the LSN up to which that is. */
const stored = new WeakMap<Database, { readonly known: Map<string, string>; lsn: number }>();

/** Series of a histogram or summary whose names have one of these belong to the metric without it. */
const PARTS: Readonly<Record<string, RegExp>> = {
  histogram: /_(?:bucket|count|sum)$/,
  gaugehistogram: /_(?:bucket|gcount|gsum)$/,
  summary: /_(?:count|sum)$/,
};

/**
 * Stores what is new among the metadata of a request.
 * @returns the LSN to wait for: also for what another has stored and still waits for; 0 when all is safe.
 */
export function storeMetadata(engine: Engine, owner: Database, metadata: readonly MetricMetadata[]): number {
  if (metadata.length === 0) return 0;
  const target = createCompanion(engine, owner, 'metadata');
  let state = stored.get(target);
  if (state === undefined) {
    state = { known: new Map(), lsn: 0 };
    stored.set(target, state);
  }
  const { known } = state;
  const door = engine.admissions.of(target);
  const refusals: RefusalCounts = new Map();
  const changes = new Map<string, string>();
  const batch = takeBatch();
  try {
    for (const { metric, type, help, unit } of metadata) {
      const family = metric.replace(PARTS[type] ?? /$^/, '') || metric;
      const content = JSON.stringify([type, help, unit]);
      if (known.get(family) === content || changes.get(family) === content) continue;
      const ref = door.resolve({ measurement: encoder.encode(family), tagKeys: [], tagValues: [] });
      // It is told to nobody but the log: samples are worth more than what is said of them.
      if (typeof ref !== 'number') {
        countRefusal(refusals, ref);
        continue;
      }
      changes.set(family, content);
      appendRow(target.index, batch, ref, 0, 0, [
        { name: 'type', text: type },
        { name: 'help', text: help.slice(0, LONGEST_TEXT) },
        { name: 'unit', text: unit.slice(0, LONGEST_TEXT) },
      ]);
    }
    engine.refusals.noteAll(refusals, owner.name);
    if (changes.size > 0) {
      state.lsn = engine.commit(target, batch);
      for (const [metric, content] of changes) known.set(metric, content);
    }
    return state.lsn > engine.wal.durableLsn ? state.lsn : 0;
  } finally {
    giveBatch(batch);
  }
}
