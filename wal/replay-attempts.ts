/**
 * The guard against a crash loop: a small file counts the replays that began and did not end well. Without it a record
 * that brings the process down is replayed by the supervisor's restarts for ever. Another recovery mode starts afresh.
 */
import { readFileIfExists, replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';

const ATTEMPTS_FILE = 'REPLAY-ATTEMPTS';

interface Attempts {
  count: number;
  recovery: string;
  /** How the last one ended, where it could still say so. */
  reason: string;
}

/** Counts one more attempt, durably. Throws a `corrupt` error when `limit` of them have failed. */
export function beginReplay(fs: FileSystem, directory: string, recovery: string, limit: number): void {
  const path = `${directory}/${ATTEMPTS_FILE}`;
  const before = readAttempts(fs, path);
  const attempts = before?.recovery === recovery ? before : { count: 0, recovery, reason: '' };
  if (attempts.count >= limit) {
    const reason = attempts.reason === '' ? 'the process died during each' : attempts.reason;
    throw new VarveError(
      'corrupt',
      `cannot replay the log: the last ${attempts.count} attempts failed (${reason}). ` +
        `Remove the cause, then remove ${path} to try again${recovery === 'skip' ? '' : ', or start with --wal-recovery=skip'}`,
    );
  }
  save(fs, path, { ...attempts, count: attempts.count + 1, reason: '' });
}

/** Notes why the attempt that was begun failed. */
export function failReplay(fs: FileSystem, directory: string, reason: string): void {
  const path = `${directory}/${ATTEMPTS_FILE}`;
  const attempts = readAttempts(fs, path);
  if (attempts !== null) save(fs, path, { ...attempts, reason });
}

export function endReplay(fs: FileSystem, directory: string): void {
  fs.remove(`${directory}/${ATTEMPTS_FILE}`);
}

function save(fs: FileSystem, path: string, attempts: Attempts): void {
  replaceFile(fs, path, new TextEncoder().encode(`${JSON.stringify(attempts)}\n`));
}

function readAttempts(fs: FileSystem, path: string): Attempts | null {
  const bytes = readFileIfExists(fs, path);
  if (bytes === null) return null;
  try {
    const attempts = JSON.parse(new TextDecoder().decode(bytes)) as Attempts;
    return Number.isInteger(attempts.count) ? attempts : null;
  } catch {
    return null;
  }
}
