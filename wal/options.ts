/** What the log can be told. */
import type { Clock } from '../clock/clock.ts';

/**
 * When a record counts as durable: `group`, after an fdatasync shared by all that wait; `always`, after one of its own;
 * `async`, once it is in the page cache, with an fdatasync every interval; `none`, once it is in the page cache.
 */
export type SyncMode = 'group' | 'always' | 'async' | 'none';

export interface WalOptions {
  mode?: SyncMode;
  /** What to do about damaged records that were durable: `strict` stops the start, `skip` goes on without them. */
  recovery?: 'strict' | 'skip';
  /** A segment is closed before it grows beyond this. A larger record gets one of its own. */
  segmentSizeBytes?: number;
  /** In `async` mode the time between two syncs: what a power loss can take. */
  asyncIntervalMs?: number;
  /** Time between two attempts to write when the disk is full; 0 leaves it to `retry()`. */
  retryIntervalMs?: number;
  /** Closed segments that are kept to be overwritten, at most. */
  spareSegments?: number;
  /** Closed segments are copied there, and only then removed. */
  archiveDirectory?: string | null;
  /** Replays that may fail in a row before the start is refused. */
  maxReplayAttempts?: number;
  /** LSNs up to here were used before, though the log may have lost them. */
  minimumLsn?: number;
  clock?: Clock;
  /** Called after each sync with the seconds it took. */
  onSync?: (seconds: number) => void;
  /** Called for every segment that could not be copied into the archive; it stays in the log and is tried again. */
  onArchiveFailure?: (segment: string, error: Error) => void;
  /** Called once when the disk has failed so that nothing can be promised any more. The process should stop. */
  onFatal?: (error: Error) => void;
}

export const WAL_DEFAULTS = {
  mode: 'group',
  recovery: 'strict',
  segmentSizeBytes: 32 * 1024 * 1024,
  asyncIntervalMs: 100,
  retryIntervalMs: 1000,
  spareSegments: 1,
  archiveDirectory: null,
  maxReplayAttempts: 5,
  minimumLsn: 0,
} as const;
