/**
 * Where rules read and write: samples of PromQL series at the time of an evaluation, durable when `append` resolves, and
 * stale markers for series that are no longer produced.
 *
 * A later write wins over an earlier one here, so a marker must not land on a series that another rule has taken over:
 * it is left out where the series has a sample at its time or after it.
 */
import type { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import type { Database } from '../engine/database.ts';
import type { Engine } from '../engine/engine.ts';
import { companion } from '../engine/internal-database.ts';
import { countRefusal, type RefusalCounts } from '../engine/refusals.ts';
import type { SeriesAdmission } from '../engine/series-admission.ts';
import { instantFromMs, MAX_INSTANT } from '../engine/time.ts';
import { VarveError } from '../errors/errors.ts';
import { giveBatch, takeBatch } from '../ingest/batch-pool.ts';
import { prometheusQuerier } from '../query/prometheus-storage.ts';
import { type Labels, METRIC_NAME } from '../query/promql/labels.ts';
import { MemoryQuerier } from '../query/promql/memory-querier.ts';
import type { Querier } from '../query/promql/querier.ts';
import { sharedQueryWorkers } from '../query/workers/pool.ts';

/** One sample that a rule made. */
export interface RuleSample {
  readonly labels: Labels;
  readonly value: number;
}

export interface RuleStorage {
  querier(): Querier;
  /**
   * Stores samples, and stale markers for other series, at one time. Resolves when they are durable.
   * @throws VarveError limit_exceeded when series of some samples may not come in; the others are stored.
   */
  append(timeMs: number, samples: readonly RuleSample[], stale: readonly Labels[]): Promise<void>;
}

const encoder = new TextEncoder();
const FIELD = encoder.encode('value');
const STALE_LOW = 2;
const STALE_HIGH = 0x7ff00000;

/** Rules over a database of the engine; it is made by the first result. */
export function engineStorage(engine: Engine, databaseName: string): RuleStorage {
  return {
    querier: () =>
      prometheusQuerier(engine.database(databaseName), {
        starts: companion(engine, databaseName, 'starts'),
        workers: sharedQueryWorkers(),
      }),
    async append(timeMs, samples, stale) {
      if (samples.length === 0 && stale.length === 0) return;
      await engine.admit();
      const database = engine.createDatabase(databaseName);
      const door = engine.admissions.of(database);
      const refusals: RefusalCounts = new Map();
      const batch = takeBatch();
      let lsn = 0;
      try {
        const written = new Set<number>();
        for (const { labels, value } of samples) {
          const row = appendRow(database, door, batch, labels, timeMs, refusals);
          if (row < 0) continue;
          written.add(batch.series[row]);
          batch.values[batch.valueStart[row]] = value;
        }
        if (stale.length > 0) appendStale(database, batch, stale, timeMs, written);
        if (batch.rows > 0) lsn = engine.commit(database, batch);
      } finally {
        giveBatch(batch);
      }
      if (lsn > 0) await engine.durable(lsn);
      if (refusals.size === 0) return;
      engine.refusals.noteAll(refusals, databaseName);
      const [{ count, text }] = refusals.values();
      throw new VarveError('limit_exceeded', `cannot store ${count} of ${samples.length} samples: ${text}`);
    },
  };
}

function appendStale(
  database: Database,
  batch: Batch,
  stale: readonly Labels[],
  timeMs: number,
  written: ReadonlySet<number>,
): void {
  const reader = database.reader(instantFromMs(timeMs), MAX_INSTANT);
  for (const labels of stale) {
    // What ends has been there, and so is not new.
    const row = appendRow(database, null, batch, labels, timeMs);
    const ref = batch.series[row];
    const slot = batch.valueStart[row];
    if (written.has(ref) || reader.read(ref, ['value']).length > 0) {
      batch.rows = row;
      batch.valueCount = slot;
      continue;
    }
    batch.bits[2 * slot] = STALE_LOW;
    batch.bits[2 * slot + 1] = STALE_HIGH;
  }
}

/** Adds a row with one float, whose value is still to be set. Its number; -1 when its series may not come in. */
function appendRow(
  database: Database,
  door: SeriesAdmission | null,
  batch: Batch,
  labels: Labels,
  timeMs: number,
  refusals: RefusalCounts = new Map(),
): number {
  const { index } = database;
  const parts = {
    measurement: encoder.encode(labels.metricName),
    tagKeys: [] as Uint8Array[],
    tagValues: [] as Uint8Array[],
  };
  for (let i = 0; i < labels.size; i++) {
    if (labels.names[i] === METRIC_NAME) continue;
    parts.tagKeys.push(encoder.encode(labels.names[i]));
    parts.tagValues.push(encoder.encode(labels.values[i]));
  }
  const { measurement, tagKeys, tagValues } = parts;
  const ref = door === null ? index.define(measurement, tagKeys, tagValues) : door.resolve(parts);
  if (typeof ref !== 'number') {
    countRefusal(refusals, ref);
    return -1;
  }
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), FIELD, 0, FIELD.length, FLOAT);
  index.noteShape(ref, shape.id);
  batch.reserve(1);
  const row = batch.rows++;
  const sec = Math.floor(timeMs / 1000);
  batch.series[row] = ref;
  batch.shape[row] = shape.id;
  batch.sec[row] = sec;
  batch.nano[row] = Math.round((timeMs - sec * 1000) * 1e6);
  batch.valueStart[row] = batch.valueCount++;
  return row;
}

/** Rules over series in memory, for unit tests of rules. */
export class MemoryStorage implements RuleStorage {
  readonly series = new MemoryQuerier();
  /** [labels] time of the last sample. */
  private readonly lastMs = new Map<string, number>();

  querier(): Querier {
    return this.series;
  }

  add(labels: Labels, timeMs: number, value: number | 'stale'): void {
    this.series.add(labels, { timeMs, value });
    const last = this.lastMs.get(labels.key) ?? Number.NEGATIVE_INFINITY;
    this.lastMs.set(labels.key, Math.max(last, timeMs));
  }

  async append(timeMs: number, samples: readonly RuleSample[], stale: readonly Labels[]): Promise<void> {
    for (const { labels, value } of samples) this.add(labels, timeMs, value);
    for (const labels of stale) {
      if ((this.lastMs.get(labels.key) ?? Number.NEGATIVE_INFINITY) < timeMs) this.add(labels, timeMs, 'stale');
    }
  }
}
