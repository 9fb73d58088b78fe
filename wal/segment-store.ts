/**
 * The segment files of an open log: the active one, the closed ones in front of it, and the spare ones that wait to be
 * overwritten.
 *
 * A segment's name is durable before anything is written behind its header. A closed segment is removed, or becomes a
 * spare, only when it is behind the checkpoint and archived (if there is an archive); the first ones go first.
 * Overwriting a spare saves the file system from growing the file: fdatasync then writes data only (wal/README.md has
 * the figures).
 */
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { archiveSegment } from './archive.ts';
import { segmentHeader, segmentName, spareName } from './segment.ts';

export interface StoreOptions {
  segmentSizeBytes: number;
  spareSegments: number;
  archiveDirectory: string | null;
  /** Called for every copy that failed; it is tried again later. */
  onArchiveFailure: (segment: string, error: Error) => void;
}

interface ClosedSegment {
  name: string;
  path: string;
  firstLsn: number;
  lastLsn: number;
  usedBytes: number;
  fileBytes: number;
  synced: boolean;
  archived: boolean;
}

interface ActiveSegment {
  firstLsn: number;
  path: string;
  file: WritableFile;
  recycled: boolean;
}

export class SegmentStore {
  archivedSegments = 0;
  archiveFailures = 0;
  private readonly fs: FileSystem;
  private readonly directory: string;
  private readonly options: StoreOptions;
  private closed: ClosedSegment[] = [];
  private spares: string[];
  private active: ActiveSegment | null = null;
  private unsynced: { file: WritableFile; segment: ClosedSegment }[] = [];
  private archiving: Promise<void> | null = null;

  constructor(fs: FileSystem, directory: string, options: StoreOptions, spares: string[]) {
    this.fs = fs;
    this.directory = directory;
    this.options = options;
    this.spares = [...spares];
    while (this.spares.length > options.spareSegments) fs.remove(this.spares.pop() as string);
  }

  /** Takes over segments that replay found. */
  adopt(segment: {
    path: string;
    name: string;
    firstLsn: number;
    lastLsn: number;
    usedBytes: number;
    fileBytes: number;
  }) {
    const { archiveDirectory } = this.options;
    const copy = `${archiveDirectory}/${segment.name}`;
    const archived = archiveDirectory !== null && this.fs.exists(copy) && this.fs.size(copy) === segment.usedBytes;
    this.closed.push({ ...segment, synced: true, archived });
  }

  /** Goes on writing at the end of a segment that replay found. */
  reopen(firstLsn: number, path: string): void {
    this.active = { firstLsn, path, file: this.fs.openAppend(path), recycled: false };
  }

  /** The first LSN of the active segment, -1 before there is one. */
  get activeFirstLsn(): number {
    return this.active?.firstLsn ?? -1;
  }

  /** Bytes used in the active segment, its header included. */
  get activeBytes(): number {
    return this.active?.file.size ?? 0;
  }

  get segmentCount(): number {
    return this.closed.length + (this.active === null ? 0 : 1);
  }

  /** Bytes of all segment files, the spare ones aside. */
  get sizeBytes(): number {
    return this.closed.reduce((sum, { fileBytes }) => sum + fileBytes, this.activeBytes);
  }

  /** Files with writes that no `sync` has covered yet are these and the active one. */
  get hasUnsyncedClosed(): boolean {
    return this.unsynced.length > 0;
  }

  /** Closes the active segment and begins a new one, durably named. On an error nothing has changed. */
  begin(firstLsn: number): void {
    const { fs } = this;
    const name = segmentName(firstLsn);
    const path = `${this.directory}/${name}`;
    const spare = this.spares.at(-1);
    let file: WritableFile;
    if (spare !== undefined) {
      fs.rename(spare, path);
      this.spares.pop();
      file = fs.openOverwrite(path, 0);
    } else {
      file = fs.create(path);
    }
    try {
      file.write(segmentHeader(firstLsn, spare !== undefined));
      fs.syncDirectory(this.directory);
    } catch (error) {
      file.close();
      fs.remove(path);
      throw error;
    }
    if (this.active !== null) this.close(this.active, firstLsn - 1);
    this.active = { firstLsn, path, file, recycled: spare !== undefined };
  }

  private close(active: ActiveSegment, lastLsn: number): void {
    const { file, path, firstLsn } = active;
    const segment: ClosedSegment = {
      name: segmentName(firstLsn),
      path,
      firstLsn,
      lastLsn,
      usedBytes: file.size,
      fileBytes: Math.max(file.size, active.recycled ? this.fs.size(path) : 0),
      synced: false,
      archived: false,
    };
    this.closed.push(segment);
    this.unsynced.push({ file, segment });
  }

  /** Appends to the active segment. After an error what was written of it is cut off again, as far as possible. */
  write(bytes: Uint8Array): void {
    const active = this.active as ActiveSegment;
    const before = active.file.size;
    try {
      active.file.write(bytes);
    } catch (error) {
      if (!active.recycled) {
        try {
          this.fs.truncate(active.path, before);
        } catch {
          // The next write starts at the same offset, so what is left does no harm.
        }
      }
      throw error;
    }
  }

  /** Makes what is written durable: the closed segments, and the active one if asked. */
  async sync(withActive: boolean): Promise<void> {
    const closed = [...this.unsynced];
    const active = this.active as ActiveSegment;
    for (const { file } of closed) await file.sync();
    if (withActive) await active.file.sync();
    this.unsynced = this.unsynced.filter((entry) => !closed.includes(entry));
    for (const { file, segment } of closed) {
      file.close();
      segment.synced = true;
    }
  }

  /** Removes segments that end at `lsn` or before, as far as they may go. */
  drop(lsn: number): void {
    const { archiveDirectory, spareSegments, segmentSizeBytes } = this.options;
    while (this.closed.length > 0) {
      const [segment] = this.closed;
      if (segment.lastLsn > lsn || (archiveDirectory !== null && !segment.archived)) return;
      const worthKeeping = segment.fileBytes >= segmentSizeBytes / 2 && segment.fileBytes <= segmentSizeBytes * 2;
      if (this.spares.length < spareSegments && worthKeeping) {
        const spare = `${this.directory}/${spareName(segment.firstLsn)}`;
        this.fs.rename(segment.path, spare);
        this.spares.push(spare);
      } else {
        this.fs.remove(segment.path);
      }
      this.closed.shift();
    }
  }

  /** Copies closed segments into the archive, if there is one. Failures are counted and tried again by the next call. */
  archive(): Promise<void> {
    if (this.options.archiveDirectory === null) return Promise.resolve();
    this.archiving ??= this.archiveAll().finally(() => {
      this.archiving = null;
    });
    return this.archiving;
  }

  private async archiveAll(): Promise<void> {
    for (const segment of [...this.closed]) {
      if (segment.archived || !segment.synced) continue;
      try {
        await archiveSegment(this.fs, segment, this.options.archiveDirectory as string);
        segment.archived = true;
        this.archivedSegments++;
      } catch (error) {
        this.archiveFailures++;
        this.options.onArchiveFailure(segment.name, error as Error);
        return;
      }
    }
  }

  /** Cuts off what a recycled segment held before and removes the spare ones, so that a clean stop leaves no more than the log. */
  tidy(): void {
    const { active, fs } = this;
    if (active?.recycled && fs.size(active.path) > active.file.size) fs.truncate(active.path, active.file.size);
    this.removeSpares();
  }

  /** Gives the space of the spare segments back. */
  removeSpares(): void {
    for (const spare of this.spares) this.fs.remove(spare);
    this.spares = [];
  }

  closeFiles(): void {
    for (const { file } of this.unsynced) file.close();
    this.active?.file.close();
  }
}
