/**
 * Opens a log: replays what is in it, puts it in order, and makes it ready to append.
 */
import { TEMPORARY_SUFFIX } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { directoryOf } from '../disk/path.ts';
import { VarveError } from '../errors/errors.ts';
import { readCheckpoint } from './checkpoint.ts';
import { WAL_DEFAULTS, type WalOptions } from './options.ts';
import { gapRecord, rewriteSegment } from './repair.ts';
import { type Cut, type Loss, type RecordHandler, Replay, type ReplayResult } from './replay.ts';
import { beginReplay, endReplay, failReplay } from './replay-attempts.ts';
import { listSegments, type SegmentName } from './segment.ts';
import { SegmentStore } from './segment-store.ts';
import { Wal } from './wal.ts';

/** What the replay found. */
export interface ReplayReport {
  /** Records handed out, and their bytes. */
  records: number;
  bytes: number;
  segments: number;
  checkpointLsn: number;
  /** The CHECKPOINT file was damaged, so everything that is left was replayed. */
  checkpointDamaged: boolean;
  /** Durable records that are gone; only when told to skip. */
  losses: Loss[];
  /** What was cut off the end, none of it durable; null when the log ended whole. */
  cut: Cut | null;
}

/**
 * Replays the log in `directory` (created when it is not there) and opens it. `onRecord` gets every record behind the
 * checkpoint, in the order of their LSNs, each once. Throws `corrupt` when durable records are damaged and `recovery` is
 * `strict`, or when too many replays have failed.
 */
export async function openWal(
  fs: FileSystem,
  directory: string,
  options: WalOptions,
  onRecord: RecordHandler,
): Promise<{ wal: Wal; report: ReplayReport }> {
  const recovery = options.recovery ?? WAL_DEFAULTS.recovery;
  if (!fs.exists(directory)) {
    fs.makeDirectory(directory);
    fs.syncDirectory(directoryOf(directory));
  }
  for (const name of fs.list(directory)) if (name.endsWith(TEMPORARY_SUFFIX)) fs.remove(`${directory}/${name}`);
  const { segments, spares } = listSegments(fs, directory);
  const guarded = segments.length > 0;
  if (guarded) beginReplay(fs, directory, recovery, options.maxReplayAttempts ?? WAL_DEFAULTS.maxReplayAttempts);
  let opened: { wal: Wal; report: ReplayReport };
  try {
    opened = await replayAndOpen(fs, directory, { ...options, recovery }, segments, spares, onRecord);
  } catch (error) {
    if (guarded) noteFailure(fs, directory, error as Error);
    throw error;
  }
  if (guarded) endReplay(fs, directory);
  return opened;
}

function noteFailure(fs: FileSystem, directory: string, error: Error): void {
  try {
    failReplay(fs, directory, error.message);
  } catch {
    // The disk has failed, and the first error says more.
  }
}

async function replayAndOpen(
  fs: FileSystem,
  directory: string,
  options: WalOptions & { recovery: 'strict' | 'skip' },
  segments: SegmentName[],
  spares: string[],
  onRecord: RecordHandler,
): Promise<{ wal: Wal; report: ReplayReport }> {
  const { recovery } = options;
  const checkpoint = readCheckpoint(fs, directory);
  if (checkpoint === null && recovery === 'strict') {
    throw new VarveError(
      'corrupt',
      `cannot replay the log: ${directory}/CHECKPOINT is damaged. Start with --wal-recovery=skip to replay all that is left`,
    );
  }
  const checkpointLsn = checkpoint ?? (segments.length > 0 ? segments[0].firstLsn - 1 : 0);
  const replay = new Replay(fs, directory, segments, { checkpointLsn, recovery, onRecord });
  const result = await replay.run();
  const store = new SegmentStore(
    fs,
    directory,
    {
      segmentSizeBytes: options.segmentSizeBytes ?? WAL_DEFAULTS.segmentSizeBytes,
      spareSegments: options.spareSegments ?? WAL_DEFAULTS.spareSegments,
      archiveDirectory: options.archiveDirectory ?? null,
      onArchiveFailure: options.onArchiveFailure ?? (() => {}),
    },
    spares,
  );
  const nextLsn = settle(fs, directory, options, result, store, checkpointLsn);
  const wal = new Wal(fs, directory, store, options, { nextLsn, checkpointLsn });
  const { records, bytes, losses, cut } = result;
  const report = {
    records,
    bytes,
    segments: result.segments.length,
    checkpointLsn,
    checkpointDamaged: checkpoint === null,
    losses,
    cut,
  };
  return { wal, report };
}

/** Makes the directory hold exactly what was replayed, durably, with an active segment at its end. Returns the next LSN. */
function settle(
  fs: FileSystem,
  directory: string,
  options: WalOptions,
  result: ReplayResult,
  store: SegmentStore,
  checkpointLsn: number,
): number {
  const sizes = new Map<string, number>();
  for (const rewrite of result.rewrites) sizes.set(rewrite.segment.path, rewriteSegment(fs, directory, rewrite));
  // From the last one on, so that what a crash leaves of them still follows the rest.
  for (const segment of result.cutOff.reverse()) fs.remove(segment.path);
  const kept = result.segments.map(({ segment, usedBytes, sizeBytes }) => {
    const rewritten = sizes.get(segment.path);
    return { ...segment, usedBytes: rewritten ?? usedBytes, fileBytes: rewritten ?? sizeBytes };
  });
  const last = kept.at(-1);
  if (last !== undefined && last.fileBytes > last.usedBytes) {
    fs.truncate(last.path, last.usedBytes);
    last.fileBytes = last.usedBytes;
  }
  for (const segment of kept) {
    const file = fs.openAppend(segment.path);
    file.syncNow();
    file.close();
  }
  fs.syncDirectory(directory);
  for (const segment of result.obsolete) {
    const sizeBytes = fs.size(segment.path);
    store.adopt({ ...segment, lastLsn: checkpointLsn, usedBytes: sizeBytes, fileBytes: sizeBytes });
  }
  for (let i = 0; i + 1 < kept.length; i++) store.adopt({ ...kept[i], lastLsn: kept[i + 1].firstLsn - 1 });
  const segmentSizeBytes = options.segmentSizeBytes ?? WAL_DEFAULTS.segmentSizeBytes;
  const nextLsn = Math.max(result.nextLsn, checkpointLsn + 1, (options.minimumLsn ?? 0) + 1);
  if (last !== undefined && nextLsn === result.nextLsn && last.usedBytes < segmentSizeBytes) {
    store.reopen(last.firstLsn, last.path);
  } else {
    // An empty one may have the very name of the new one.
    if (last !== undefined && last.firstLsn < result.nextLsn) store.adopt({ ...last, lastLsn: result.nextLsn - 1 });
    beginBehind(store, result.nextLsn, nextLsn, checkpointLsn);
  }
  store.drop(checkpointLsn);
  return nextLsn;
}

/** Begins a segment for `nextLsn`; LSNs from `fromLsn` on that are skipped and not behind the checkpoint become a gap. */
function beginBehind(store: SegmentStore, fromLsn: number, nextLsn: number, checkpointLsn: number): void {
  const firstLsn = Math.max(fromLsn, Math.min(nextLsn, checkpointLsn + 1));
  store.begin(firstLsn);
  if (firstLsn < nextLsn) store.write(gapRecord(firstLsn, firstLsn, nextLsn - 1));
}
