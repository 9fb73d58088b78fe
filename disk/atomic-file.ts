/**
 * Small files that are replaced as a whole: after a crash a reader finds the old content or the new one, never a mix.
 */
import type { FileSystem } from './file-system.ts';
import { directoryOf } from './path.ts';

/** The suffix of a file on its way to be renamed; one that is found at start is left from a crash and may be removed. */
export const TEMPORARY_SUFFIX = '.tmp';

/**
 * Replaces `path` by these bytes, durably: write beside it, sync, rename, sync the directory.
 * @param mode permissions of the new file, where they are not to be the usual ones.
 */
export function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array, mode?: number): void {
  const temporary = path + TEMPORARY_SUFFIX;
  const file = fs.create(temporary, mode);
  try {
    file.write(bytes);
    file.syncNow();
  } finally {
    file.close();
  }
  fs.rename(temporary, path);
  fs.syncDirectory(directoryOf(path));
}

/** The content of a small file, or null when it is not there. */
export function readFileIfExists(fs: FileSystem, path: string): Uint8Array | null {
  return fs.exists(path) ? fs.readFile(path) : null;
}
