/**
 * A log under test: what was appended, what must come back, and a way through crashes. Payloads name themselves, so that
 * a record that was invented, doubled or mixed up shows.
 */
import type { Random } from '../bytes/random.ts';
import type { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { openWal, type ReplayReport } from './open-wal.ts';
import type { WalOptions } from './options.ts';
import type { Wal } from './wal.ts';

export const LOG_DIRECTORY = '/data/wal';

export interface SeenRecord {
  lsn: number;
  type: number;
  database: number;
  payload: string;
}

/** Opens the log, as a process that dies with the next `crash` or `kill`, and collects what it replays. */
export async function openAndCollect(
  fs: MemoryFileSystem,
  options: WalOptions = {},
): Promise<{ wal: Wal; report: ReplayReport; seen: SeenRecord[] }> {
  const seen: SeenRecord[] = [];
  fs.makeDirectory('/data');
  const opened = await openWal(
    fs.attach(),
    LOG_DIRECTORY,
    { retryIntervalMs: 0, segmentSizeBytes: 2048, ...options },
    (lsn, type, database, payload) => {
      seen.push({ lsn, type, database, payload: Buffer.from(payload).toString('latin1') });
    },
  );
  return { ...opened, seen };
}

/** A payload that holds its number and is of random length. */
export function randomPayload(random: Random, number: number): Uint8Array {
  const fill = random.chance(0.05) ? random.below(3000) : random.below(120);
  return Buffer.from(`${number}:${String.fromCharCode(97 + (number % 26)).repeat(fill)}`, 'latin1');
}
