/**
 * Copies a closed segment into the archive directory, piece by piece so that the event loop goes on, and durably. A file
 * is there under its own name only when it is complete.
 */
import { TEMPORARY_SUFFIX } from '../disk/atomic-file.ts';
import type { FileSystem } from '../disk/file-system.ts';

const PIECE_BYTES = 1024 * 1024;

export async function archiveSegment(
  fs: FileSystem,
  segment: { name: string; path: string; usedBytes: number },
  archiveDirectory: string,
): Promise<void> {
  fs.makeDirectory(archiveDirectory);
  const path = `${archiveDirectory}/${segment.name}`;
  const from = fs.openRead(segment.path);
  try {
    const to = fs.create(path + TEMPORARY_SUFFIX);
    try {
      for (let at = 0; at < segment.usedBytes; at += PIECE_BYTES) {
        to.write(from.read(at, Math.min(PIECE_BYTES, segment.usedBytes - at)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await to.sync();
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
  fs.rename(path + TEMPORARY_SUFFIX, path);
  fs.syncDirectory(archiveDirectory);
}
