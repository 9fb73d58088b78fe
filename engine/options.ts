import type { Clock } from '../clock/clock.ts';
import type { FileSystem } from '../disk/file-system.ts';
import type { WriteLimits } from './write-limits.ts';

/** Where the engine tells what it does; `level` orders by how much it matters. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;

/** What `openEngine` takes. Everything but the directory has a default that works. */
export interface EngineOptions {
  dataDir: string;
  fs?: FileSystem;
  clock?: Clock;
  log?: Log;
  /** When a write is durable, see wal/README.md. Default 'group': before it is acknowledged. */
  walSync?: 'group' | 'always' | 'async' | 'none';
  /** With 'async' the time in ms between two syncs. Default 100. */
  walAsyncIntervalMs?: number;
  /** Replays of the log that may fail in a row before the next start is refused. Default 5. */
  walReplayAttempts?: number;
  /** 'strict' stops at damage in the middle of the log, 'skip' goes on behind it and reports the loss. */
  walRecovery?: 'strict' | 'skip';
  /** Segments of the log are copied there before they go; null keeps no copies. */
  walArchiveDir?: string | null;
  /** Size of a log segment in bytes. */
  walSegmentBytes?: number;
  /** Age in ms at which partitions are dropped, 0 keeps them; for databases without a retention of their own. */
  retentionMs?: number;
  /** For new databases: time range of a partition in s, at most 90 days. */
  partitionDurationSec?: number;
  /** Memtable bytes at which a flush starts. */
  memtableBytes?: number;
  /** Age in ms at which unflushed rows are flushed. */
  flushIntervalMs?: number;
  /** Bytes of data files over all databases beyond which the oldest partitions go; 0 is no cap. */
  sizeCapBytes?: number;
  /** Free disk bytes below which writes are refused until there is more; 0 turns the guard off. */
  reserveBytes?: number;
  /** What writers may add to databases that have no limits of their own. */
  writeLimits?: Readonly<WriteLimits>;
  /** Bytes per second that merges may write, so that they leave the disk to others; 0 is no limit. */
  mergeBytesPerSec?: number;
  /** How often compaction and retention look for work, ms; 0 leaves it to explicit calls. */
  maintenanceIntervalMs?: number;
  /** Flush and merge on this thread; what a test with a fault-injecting file system needs. Default false. */
  inline?: boolean;
}

export type ResolvedOptions = Required<EngineOptions>;

export const DEFAULT_MEMTABLE_BYTES = 20 << 20;
export const DEFAULT_RESERVE_BYTES = 64 << 20;
export const DEFAULT_MERGE_BYTES_PER_SEC = 64 << 20;
export const DEFAULT_FLUSH_INTERVAL_MS = 10 * 60_000;
export const DEFAULT_PARTITION_SEC = 86_400;
export const MAX_PARTITION_SEC = 90 * 86_400;
