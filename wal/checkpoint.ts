/**
 * The CHECKPOINT file: the LSN up to which everything is in files of its own, so that replay starts behind it. Replaced
 * as a whole; wal/README.md draws its 24 bytes.
 */
import { crc32c } from '../bytes/crc32c.ts';
import { readFileIfExists, replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';

const CHECKPOINT_FILE = 'CHECKPOINT';
const MAGIC = 'VARVECKP';
const VERSION = 1;
const SIZE_BYTES = 24;

export function writeCheckpoint(fs: FileSystem, directory: string, lsn: number): void {
  const bytes = new Uint8Array(SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, VERSION, true);
  view.setBigUint64(12, BigInt(lsn), true);
  view.setUint32(20, crc32c(bytes.subarray(0, 20)), true);
  replaceFile(fs, `${directory}/${CHECKPOINT_FILE}`, bytes);
}

/** The LSN of the checkpoint, 0 when there is none yet, null when the file is damaged. */
export function readCheckpoint(fs: FileSystem, directory: string): number | null {
  const bytes = readFileIfExists(fs, `${directory}/${CHECKPOINT_FILE}`);
  if (bytes === null) return 0;
  if (bytes.length !== SIZE_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(20, true) !== crc32c(bytes.subarray(0, 20))) return null;
  if (view.getUint32(8, true) !== VERSION) return null;
  return Number(view.getBigUint64(12, true));
}
