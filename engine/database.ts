/**
 * One database: its index, its memtables, its files, and reading over all of them.
 *
 * Rows move one way: active memtable → frozen memtable (while a flush writes it) → files. A reader sees a consistent
 * whole, because all moves happen between its steps on the main thread. Where sources overlap, the newer one wins:
 * files by generation, then frozen memtables, then the active one.
 */
import type { Batch } from '../batch/batch.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { assert } from '../errors/errors.ts';
import type { IndexLog } from '../index/index-log.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { Memtable } from '../memtable/memtable.ts';
import type { ShapeFields } from '../memtable/read.ts';
import type { CatalogEntry, DatabaseSettings } from './catalog.ts';
import { FileCache } from './file-cache.ts';
import { generationOf } from './file-name.ts';
import type { FlushJob } from './flush.ts';
import { loadIndex } from './load-index.ts';
import { type Edit, type FileEntry, Manifest } from './manifest.ts';
import type { Log } from './options.ts';
import { describeLoss, QUARANTINE, quarantine } from './quarantine.ts';
import { SchemaFile } from './schema-file.ts';
import { openSeriesReader, type SeriesReader } from './series-reader.ts';
import type { Instant } from './time.ts';

export class Database {
  readonly id: number;
  readonly name: string;
  readonly directory: string;
  settings: DatabaseSettings;
  readonly index: SeriesIndex;
  private readonly indexLog: IndexLog;
  private readonly schema: SchemaFile;
  /** The rest of a rebuild of the index, until the log has been replayed. */
  private finishRebuild: (() => void) | null;
  private closed = false;
  private readonly fs: FileSystem;
  readonly manifest: Manifest;
  readonly files: FileCache;
  active: Memtable;
  /** Frozen memtables, oldest first, until their files are in the manifest. */
  readonly frozen: Memtable[] = [];
  /** Files that could not be opened at start and were put aside. */
  quarantinedFiles = 0;
  private nextGeneration = 1;
  /** Files that no manifest edit names, to be removed after the next edit. */
  private unwanted: string[] = [];
  /** Shapes by id as plain data, made when a memtable has them. */
  private readonly shapes: (ShapeFields | undefined)[] = [];
  /** Shapes of the active memtable that are among them. */
  private plainShapeCount = 0;

  constructor(fs: FileSystem, directory: string, entry: CatalogEntry, log: Log) {
    this.id = entry.id;
    this.name = entry.name;
    this.directory = directory;
    this.settings = entry.settings;
    this.fs = fs;
    fs.makeDirectory(directory);
    this.manifest = new Manifest(fs, directory);
    this.files = new FileCache(fs, directory);
    this.removeLeftovers(fs, log);
    this.quarantineDamaged(fs, log);
    this.schema = new SchemaFile(fs, directory);
    const loaded = loadIndex(fs, directory, this.manifest, this.files, this.schema, log);
    ({ index: this.index, indexLog: this.indexLog, finish: this.finishRebuild } = loaded);
    this.active = this.newMemtable();
  }

  get partitionDurationSec(): number {
    return this.settings.partitionDurationSec;
  }

  /** Whether it holds no rows at all. */
  get isEmpty(): boolean {
    return this.manifest.files.size === 0 && this.frozen.length === 0 && this.active.rows === 0;
  }

  /** Applies what the catalog says now. The partition duration may change only while there are no rows. */
  changeSettings(settings: DatabaseSettings): void {
    const isRecut = settings.partitionDurationSec !== this.settings.partitionDurationSec;
    assert(!isRecut || this.isEmpty, `partitions of ${this.name} change under its rows`);
    this.settings = settings;
    if (isRecut) this.active = this.newMemtable();
  }

  /** Bytes of all memtables. */
  get memtableBytes(): number {
    let bytes = this.active.rows === 0 ? 0 : this.active.bytes;
    for (const memtable of this.frozen) bytes += memtable.bytes;
    return bytes;
  }

  /** Adds rows to the active memtable. They must be in the log already. */
  apply(batch: Batch): void {
    this.active.append(batch, this.index.shapes, this.index.refLimit);
  }

  /** Freezes the active memtable for a flush. Returns null when there is nothing to flush. */
  freeze(): Memtable | null {
    if (this.active.rows === 0) return null;
    this.plainShapes();
    const memtable = this.active;
    this.frozen.push(memtable);
    this.active = this.newMemtable();
    this.plainShapeCount = 0;
    return memtable;
  }

  /** What a flush of this frozen memtable has to know. */
  flushJob(memtable: Memtable, nowMs: number): FlushJob {
    const shapes: (ShapeFields | undefined)[] = [];
    for (const id of memtable.shapeIds) shapes[id] = this.shapes[id];
    const firstGeneration = this.nextGeneration;
    this.nextGeneration += memtable.partitions.size;
    return {
      directory: this.directory,
      database: this.name,
      indexEpoch: this.index.epoch,
      partitionDurationSec: this.partitionDurationSec,
      memtable: memtable.view(),
      partitions: [...memtable.partitions.keys()],
      shapes,
      keys: this.index.snapshotForWorker(),
      firstGeneration,
      nowMs,
    };
  }

  /** A generation for a merged file: unique in name, though a merge keeps its place in the order by its entry. */
  takeGeneration(): number {
    return this.nextGeneration++;
  }

  /** Replaces a frozen memtable by its files. Durable on return. */
  flushed(memtable: Memtable, entries: FileEntry[]): void {
    const at = this.frozen.indexOf(memtable);
    assert(at >= 0, `a memtable of ${this.name} was flushed twice`);
    if (entries.length > 0) this.edit({ add: entries, indexBytes: this.savedIndexBytes });
    this.frozen.splice(at, 1);
    memtable.release();
  }

  /**
   * Commits a manifest edit, then removes the files it took out. When it fails, a start may find it done or not: so
   * the files it would have added stay until another edit has succeeded.
   */
  edit(edit: Edit): void {
    try {
      this.manifest.commit(edit);
    } catch (error) {
      for (const { name } of edit.add ?? []) this.unwanted.push(name);
      throw error;
    }
    this.unwanted.push(...(edit.remove ?? []));
    const names = this.unwanted;
    this.unwanted = [];
    for (const name of names) {
      this.files.drop(name);
      try {
        this.fs.remove(`${this.directory}/${name}`);
      } catch {
        // It takes room, and no more: the next edit tries again, and so does the next start.
        this.unwanted.push(name);
      }
    }
  }

  /** Called once the log has been replayed. */
  replayed(): void {
    this.finishRebuild?.();
    this.finishRebuild = null;
  }

  /** Opens everything that may hold rows from `from` to `to`, both inclusive. Use it before the next await. */
  reader(from: Instant, to: Instant): SeriesReader {
    return openSeriesReader(this, from, to);
  }

  /** The shapes of all memtables' rows by id, as plain data. */
  plainShapes(): readonly (ShapeFields | undefined)[] {
    const { shapeIds } = this.active;
    if (shapeIds.size > this.plainShapeCount) {
      for (const id of shapeIds) this.shapes[id] ??= this.plainShape(id);
      this.plainShapeCount = shapeIds.size;
    }
    return this.shapes;
  }

  private plainShape(id: number): ShapeFields {
    const { fields, types } = this.index.shapes[id];
    // Types for themselves: what another thread gets must not drag along the list that shapes share.
    return { fields: Array.from(fields, (field) => this.index.fields[field].name), types: types.slice() };
  }

  /** Writes the keys of loaded series in the background, so that the first write need not wait for all of them. */
  warmUp(): void {
    const step = () => {
      if (!this.closed && !this.index.series.writeSomeKeys()) setImmediate(step).unref();
    };
    setImmediate(step).unref();
  }

  /** Saves what is new in the index, durably, so that refs in files mean something without the log. */
  saveIndex(): void {
    if (this.finishRebuild !== null) return;
    this.indexLog.saveDelta(this.fs, this.directory);
    this.schema.save(this.index);
    // It was written anew, and is shorter than what the manifest expects to find.
    const { sizeBytes } = this.indexLog;
    if (sizeBytes < this.manifest.indexBytes) this.manifest.commit({ indexBytes: sizeBytes });
  }

  /** Saves the index from which series have gone, so that neither a torn end nor the log up to the LSN bring them back. */
  pinIndex(flushedLsn: number): void {
    this.saveIndex();
    this.edit({ indexBytes: this.savedIndexBytes, flushedLsn });
  }

  /** Length of the saved index; undefined while there is none. */
  private get savedIndexBytes(): number | undefined {
    return this.finishRebuild === null ? this.indexLog.sizeBytes : undefined;
  }

  close(): void {
    this.closed = true;
    this.files.close();
    this.manifest.close();
  }

  /** Lets go of a database that is no more; its files are to be removed. Who goes on reading it finds nothing. */
  discard(): void {
    this.closed = true;
    this.files.close();
    this.manifest.abandon();
    this.frozen.length = 0;
    this.active = this.newMemtable();
  }

  private newMemtable(): Memtable {
    return new Memtable(this.settings.partitionDurationSec, this.index.refLimit);
  }

  /** Puts files aside that are missing or cannot be opened, so that the rest can be served; each is reported. */
  private quarantineDamaged(fs: FileSystem, log: Log): void {
    for (const entry of [...this.manifest.files.values()]) {
      try {
        this.files.look(entry.name, () => {});
      } catch (error) {
        const why = damageOf(error, `${this.directory}/${entry.name}`);
        if (why === null) throw error;
        quarantine(fs, this.directory, this.manifest, entry);
        this.quarantinedFiles++;
        log('error', `${why}; put aside in ${this.directory}/${QUARANTINE}, the rest is served`, {
          database: this.name,
          file: entry.name,
          lost: describeLoss(entry),
        });
      }
    }
  }

  /** Removes what a crash left: files on their way in, and files that a merge had replaced. */
  private removeLeftovers(fs: FileSystem, log: Log): void {
    for (const entry of this.manifest.files.values()) {
      const generation = generationOf(entry.name) ?? entry.generation;
      this.nextGeneration = Math.max(this.nextGeneration, generation + 1, entry.generation + 1);
    }
    // The file that a deletion went by may be gone, and what is written from now on is not meant by it.
    for (const { generation } of this.manifest.tombstones.values()) {
      this.nextGeneration = Math.max(this.nextGeneration, generation + 1);
    }
    for (const name of fs.list(this.directory)) {
      const leftover = name.endsWith('.tmp') || (name.endsWith('.tsm') && !this.manifest.files.has(name));
      if (!leftover) continue;
      log('info', `removing ${this.directory}/${name}, left over from an interrupted flush or merge`);
      fs.remove(`${this.directory}/${name}`);
    }
  }
}

/** What is wrong with a file that cannot be opened; null when the fault is not the file's, but say the process has too many. */
function damageOf(error: unknown, path: string): string | null {
  const { code, message } = error as Error & { code?: string };
  if (code === 'ENOENT') return `cannot find ${path}, which the manifest names`;
  return code === 'corrupt' || code === 'EIO' ? message : null;
}
