/**
 * All disk access of the database goes through this interface, so that tests can lose unsynced writes, tear them, run
 * out of space and flip bits. Calls are synchronous, because they mostly meet the page cache and run on workers when
 * they do not; only `sync` also has an asynchronous form, for the log's group commit.
 *
 * Errors are Node's own (`code` is 'ENOSPC', 'EIO', 'ENOENT', …).
 */
export interface FileSystem {
  /** Creates the directory and its parents; an existing one is fine. */
  makeDirectory(path: string): void;
  /** Names in a directory, sorted; empty when the directory does not exist. */
  list(path: string): string[];
  exists(path: string): boolean;
  /** Size in bytes. Throws ENOENT. */
  size(path: string): number;
  readFile(path: string): Uint8Array;
  openRead(path: string): ReadableFile;
  /**
   * Creates or truncates.
   * @param mode permissions of a new file; those that the process gives all files when absent.
   */
  create(path: string, mode?: number): WritableFile;
  /** Opens an existing file for writing at its end. */
  openAppend(path: string): WritableFile;
  /** Opens an existing file for writing from `offset` on, which must be within it; what lies behind stays until it is overwritten. */
  openOverwrite(path: string, offset: number): WritableFile;
  /** Atomically replaces `to`. Durable only after `syncDirectory` of the parent. */
  rename(from: string, to: string): void;
  /** Gives the file a second name in one step. Throws EEXIST when `to` is there already. */
  link(from: string, to: string): void;
  /** Removes a file; a missing one is fine. */
  remove(path: string): void;
  /** Removes a directory and all in it; a missing one is fine. */
  removeTree(path: string): void;
  truncate(path: string, size: number): void;
  syncDirectory(path: string): void;
  /** Bytes an unprivileged writer may still write on the disk that holds `path`. */
  freeBytes(path: string): number;
}

export interface ReadableFile {
  readonly path: string;
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`, or throws a RangeError past the end. The caller owns the result. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

export interface WritableFile {
  readonly path: string;
  /** The offset of the next write: the file's size, unless it was opened by `openOverwrite`. */
  readonly size: number;
  /** Writes all bytes at `size`, which moves on by their length. After an error the file may hold a part of them; `size` does not count it. */
  write(bytes: Uint8Array): void;
  /** Makes all that was written durable (fdatasync). */
  sync(): Promise<void>;
  syncNow(): void;
  close(): void;
}
