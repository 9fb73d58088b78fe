/**
 * The real disk: the file-system interface over Node's synchronous calls.
 *
 * Writes are positional, at the offset that the handle has counted itself, so that what a failed write left behind is
 * overwritten by the next one and never stays in the middle of a file. `sync` runs fdatasync on libuv's pool, which
 * keeps the event loop free for as long as the disk takes.
 */
import * as nodeFs from 'node:fs';
import type { FileSystem, ReadableFile, WritableFile } from './file-system.ts';
import { directoryOf } from './path.ts';

function openReadable(path: string): ReadableFile {
  const fd = nodeFs.openSync(path, 'r');
  let open = true;
  const size = nodeFs.fstatSync(fd).size;
  return {
    path,
    size,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > size) {
        throw new RangeError(`cannot read ${length} bytes at ${offset} of ${path}: it has ${size}`);
      }
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const n = nodeFs.readSync(fd, bytes, done, length - done, offset + done);
        if (n === 0) throw new RangeError(`cannot read ${length} bytes at ${offset} of ${path}: it has shrunk`);
        done += n;
      }
      return bytes;
    },
    close() {
      if (!open) return;
      open = false;
      nodeFs.closeSync(fd);
    },
  };
}

function writable(path: string, fd: number, start: number): WritableFile {
  let open = true;
  let size = start;
  return {
    path,
    get size() {
      return size;
    },
    write(bytes) {
      let done = 0;
      while (done < bytes.length) {
        done += nodeFs.writeSync(fd, bytes, done, bytes.length - done, size + done);
      }
      size += bytes.length;
    },
    sync() {
      return new Promise((resolve, reject) => {
        nodeFs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
      });
    },
    syncNow() {
      nodeFs.fdatasyncSync(fd);
    },
    close() {
      if (!open) return;
      open = false;
      nodeFs.closeSync(fd);
    },
  };
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/**
 * Makes a directory and those above it that are missing. Node's own way of doing so never ends where the system lets
 * nobody make one, as below /proc.
 */
function makeDirectories(path: string): void {
  try {
    nodeFs.mkdirSync(path);
  } catch (error) {
    if (nodeFs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = directoryOf(path);
    if (!isMissing(error) || nodeFs.existsSync(parent)) throw error;
    makeDirectories(parent);
    makeDirectories(path);
  }
}

/** The machine's own file system. Paths are used as given. */
export const nodeFileSystem: FileSystem = {
  makeDirectory(path) {
    makeDirectories(path);
  },
  list(path) {
    try {
      return nodeFs.readdirSync(path).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  exists(path) {
    return nodeFs.existsSync(path);
  },
  size(path) {
    return nodeFs.statSync(path).size;
  },
  readFile(path) {
    const bytes = nodeFs.readFileSync(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  },
  openRead: openReadable,
  create(path, mode) {
    return writable(path, nodeFs.openSync(path, 'w', mode), 0);
  },
  openAppend(path) {
    const fd = nodeFs.openSync(path, 'r+');
    return writable(path, fd, nodeFs.fstatSync(fd).size);
  },
  openOverwrite(path, offset) {
    const fd = nodeFs.openSync(path, 'r+');
    const size = nodeFs.fstatSync(fd).size;
    if (offset < 0 || offset > size) {
      nodeFs.closeSync(fd);
      throw new RangeError(`cannot write at ${offset} of ${path}: it has ${size} bytes`);
    }
    return writable(path, fd, offset);
  },
  rename(from, to) {
    nodeFs.renameSync(from, to);
  },
  link(from, to) {
    nodeFs.linkSync(from, to);
  },
  remove(path) {
    nodeFs.rmSync(path, { force: true });
  },
  removeTree(path) {
    nodeFs.rmSync(path, { recursive: true, force: true });
  },
  truncate(path, size) {
    nodeFs.truncateSync(path, size);
  },
  syncDirectory(path) {
    const fd = nodeFs.openSync(path, 'r');
    try {
      nodeFs.fsyncSync(fd);
    } finally {
      nodeFs.closeSync(fd);
    }
  },
  freeBytes(path) {
    const { bavail, bsize } = nodeFs.statfsSync(path);
    return bavail * bsize;
  },
};
