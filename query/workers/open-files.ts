/** Data files that a thread has open. They stay open for a while between jobs, as the next one often reads the same. */
import { nodeFileSystem } from '../../disk/node-file-system.ts';
import { openTsm, type TsmFile } from '../../tsm/reader.ts';

/** A file that a merge has replaced keeps its space until nobody has it open. */
const CLOSE_AFTER_MS = 2_000;

const files = new Map<string, TsmFile>();
let closeTimer: NodeJS.Timeout | undefined;

/** Names of data files are never used again, so an open one is the right one. Throws ENOENT for one that has gone. */
export function openFile(path: string): TsmFile {
  let file = files.get(path);
  if (file === undefined) {
    file = openTsm(nodeFileSystem, path);
    files.set(path, file);
  }
  return file;
}

/** To be called when a job begins: files stay open until `closeFilesLater`. */
export function keepFiles(): void {
  clearTimeout(closeTimer);
}

/** To be called when a job has ended. */
export function closeFilesLater(): void {
  closeTimer = setTimeout(closeAll, CLOSE_AFTER_MS);
  closeTimer.unref();
}

function closeAll(): void {
  for (const file of files.values()) file.close();
  files.clear();
}
