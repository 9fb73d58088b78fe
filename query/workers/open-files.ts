/**
 * Data files that a thread has open. They stay open for a while after they were last asked for, as the next query often
 * reads the same, and what was decoded of a file is remembered for as long as it is open.
 */
import { nodeFileSystem } from '../../disk/node-file-system.ts';
import { openTsm, type TsmFile } from '../../tsm/reader.ts';

/** A dashboard asks again within this time. A file that a merge has replaced keeps its space until nobody has it open. */
const CLOSE_AFTER_MS = 30_000;
const MAX_OPEN_FILES = 800;

interface OpenFile {
  readonly file: TsmFile;
  askedMs: number;
}

const files = new Map<string, OpenFile>();
let closeTimer: NodeJS.Timeout | undefined;

/** Names of data files are never used again, so an open one is the right one. Throws ENOENT for one that has gone. */
export function openFile(path: string): TsmFile {
  let open = files.get(path);
  if (open === undefined) {
    open = { file: openTsm(nodeFileSystem, path), askedMs: 0 };
    files.set(path, open);
  }
  open.askedMs = performance.now();
  return open.file;
}

/** To be called when a job has ended: its files may be closed when nobody asks for them again, and too many at once. */
export function closeFilesLater(): void {
  for (const [path, { file }] of files) {
    if (files.size <= MAX_OPEN_FILES) break;
    file.close();
    files.delete(path);
  }
  if (closeTimer !== undefined || files.size === 0) return;
  closeTimer = setTimeout(closeUnused, CLOSE_AFTER_MS / 4);
  closeTimer.unref();
}

/** Runs between jobs, which do not let others in while they read. */
function closeUnused(): void {
  const beforeMs = performance.now() - CLOSE_AFTER_MS;
  for (const [path, { file, askedMs }] of files) {
    if (askedMs > beforeMs) continue;
    file.close();
    files.delete(path);
  }
  closeTimer = undefined;
  closeFilesLater();
}
