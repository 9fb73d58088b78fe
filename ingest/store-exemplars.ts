/**
 * Exemplars: kept as rows of the companion database `exemplars`.
 *
 * Several exemplars of one series can have the same time in ms. A row's time is in ns, so the place within the ms is
 * taken from a checksum of the exemplar: different ones lie side by side, and one that is sent again falls on itself.
 */
import { FLOAT } from '../batch/field-type.ts';
import { crc32c } from '../bytes/crc32c.ts';
import type { Database } from '../engine/database.ts';
import type { Engine } from '../engine/engine.ts';
import { createCompanion } from '../engine/internal-database.ts';
import { giveBatch, takeBatch } from './batch-pool.ts';
import { appendRow, mirrorSeries, splitMs } from './companion-rows.ts';
import type { Exemplar, RemoteOutcome } from './remote-outcome.ts';
import { addSeriesError, seriesText } from './remote-series.ts';

/** Characters of all label names and values of one exemplar, as OpenMetrics allows them. */
const MAX_LABEL_CHARACTERS = 128;

const NANOS_PER_MS = 1_000_000;

const encoder = new TextEncoder();

/**
 * Stores the exemplars of a request. Those that cannot be kept leave the outcome.
 * @param report whether what cannot be kept becomes an error of the request.
 * @returns the LSN to wait for, 0 when there was nothing to store.
 */
export function storeExemplars(engine: Engine, owner: Database, outcome: RemoteOutcome, report: boolean): number {
  if (outcome.exemplars.length === 0) return 0;
  const kept: Exemplar[] = [];
  for (const exemplar of outcome.exemplars) {
    const fault = exemplarFault(exemplar);
    if (fault === null) kept.push(exemplar);
    else if (report) addSeriesError(outcome, () => seriesText(owner.index, exemplar.ref), fault);
  }
  outcome.exemplars = kept;
  if (kept.length === 0) return 0;
  const target = createCompanion(engine, owner, 'exemplars');
  const batch = takeBatch();
  try {
    for (const { ref, labels, value, timestampMs } of kept) {
      const text = JSON.stringify(Object.fromEntries(labels.filter((label) => label[1] !== '')));
      const { sec, nano } = splitMs(timestampMs);
      const place = crc32c(encoder.encode(text), crc32c(new Uint8Array(Float64Array.of(value).buffer))) % NANOS_PER_MS;
      appendRow(target.index, batch, mirrorSeries(owner.index, ref, target.index), sec, nano + place, [
        { name: 'value', type: FLOAT, value },
        { name: 'labels', text },
      ]);
    }
    return engine.commit(target, batch);
  } finally {
    giveBatch(batch);
  }
}

function exemplarFault({ labels, timestampMs }: Exemplar): string | null {
  let characters = 0;
  for (const [name, value] of labels) characters += [...name].length + [...value].length;
  if (characters > MAX_LABEL_CHARACTERS) {
    return `label length for exemplar exceeds maximum of ${MAX_LABEL_CHARACTERS} UTF-8 characters`;
  }
  try {
    splitMs(timestampMs);
    return null;
  } catch (error) {
    return `exemplar: ${(error as Error).message}`;
  }
}
