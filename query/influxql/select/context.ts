/**
 * What a SELECT needs to know of its surroundings: the engine, whose data is meant, the time, and the guards.
 */
import type { Database } from '../../../engine/database.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { QueryWorkers } from '../../workers/pool.ts';

/** Guards of one statement; 0 is no limit. Texts of the errors are InfluxDB's. */
export interface SelectLimits {
  /** Points (rows × fields of a source) that may be looked at: max-select-point. */
  readonly maxSelectPoints: number;
  /** Series that may be selected: max-select-series. */
  readonly maxSelectSeries: number;
  /** Windows of GROUP BY time over all groups: max-select-buckets. */
  readonly maxSelectBuckets: number;
}

export const NO_SELECT_LIMITS: SelectLimits = { maxSelectPoints: 0, maxSelectSeries: 0, maxSelectBuckets: 0 };

export interface SelectContext {
  readonly engine: Engine;
  /** Of the request; '' when none was given. */
  readonly database: string;
  /** Of the request; '' is the database's default policy. */
  readonly retentionPolicy: string;
  /** What now() is, ns since the epoch: one instant for all statements of a request. */
  readonly nowNs: bigint;
  /** Aborted when the client leaves or the query is killed. */
  readonly signal: AbortSignal | null;
  readonly limits: SelectLimits;
  /** Threads for large scans; null does all on this one. */
  readonly workers: QueryWorkers | null;
  /** Rows of one series in one chunk of the answer, at most. */
  readonly chunkRows: number;
  /**
   * The engine's database for a policy ('' is the default one); null where both exist but nothing was ever written.
   * Throws `not_found` with InfluxDB's text otherwise.
   */
  resolve(database: string, retentionPolicy: string): Database | null;
  /** As `resolve`, for writing: the policy's engine database, made if need be. */
  resolveForWriting(database: string, retentionPolicy: string): Database;
}
