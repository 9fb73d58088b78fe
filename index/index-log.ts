/**
 * The index on disk: one file, `index.log`, to which every save appends what is new. It loads without rebuilding.
 *
 * 1. A save appends blocks of sections (index-sections.ts) in one write and syncs. It clears the index's lists of unsaved
 *    things only after that, so a save that failed is repeated by the next.
 * 2. When the log is mostly history, or has very many blocks, a save writes all of it anew: to a temporary file, sync,
 *    rename, sync of the directory.
 * 3. A load checks every block. Blocks that end early or do not match their checksum are cut when nothing valid
 *    follows them: a crash left them, and the write-ahead log still has what they said. Anything else is damage.
 *
 * Invariant: what is cut was never reported as saved. Who knows how long the log was when the write-ahead log was last
 * shortened, passes that length to `load` and learns of damage that looks like a torn end.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from '../bytes/crc32c.ts';
import { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { assert, VarveError } from '../errors/errors.ts';
import { finishLoad } from './index-loader.ts';
import {
  NOTHING_SAVED,
  readSections,
  type SavedMark,
  type Stored,
  savedMarkOf,
  writeCatalogSection,
  writeFieldSetsSection,
  writeRemovedSection,
  writeSeriesSection,
  writeValuesSection,
} from './index-sections.ts';
import type { Int32List } from './int32-list.ts';

/** What a log stores, with the lists of what it does not hold yet. */
export interface Saved extends Stored {
  epoch: string;
  readonly unsavedSeries: Int32List;
  readonly unsavedRemovals: Int32List;
  readonly unsavedFieldSets: Int32List;
  /** To be told when a load is complete. */
  loaded(): void;
}

/** How a load went. */
export interface LoadReport {
  /** False when there was no log: the index is new. */
  found: boolean;
  series: number;
  blocks: number;
  /** Valid bytes, so the length of the log from here on. */
  sizeBytes: number;
  /** Bytes of a torn end that were left out. */
  cutBytes: number;
}

export const INDEX_LOG_NAME = 'index.log';

const MAGIC = 0x3149_5856; // "VXI1"
const VERSION = 1;
const HEADER_BYTES = 20;
const BLOCK_MAGIC = 0x3142_5856; // "VXB1"
const BLOCK_HEADER_BYTES = 20;
/** A block is closed once it is this long before compression. */
const BLOCK_TARGET_BYTES = 1 << 20;
/** No block is longer than this before compression. */
const BLOCK_LIMIT_BYTES = 1 << 28;
const SERIES_PER_SECTION = 65536;
const VALUES_PER_SECTION = 65536;
/** What a block costs to load, in series: a log of many small blocks is written anew. */
const BLOCK_COST_SERIES = 256;
const REWRITE_COST_SERIES = 16384;

export class IndexLog {
  private readonly stored: Saved;
  private mark: SavedMark = { ...NOTHING_SAVED };
  private savedLimit = 0;
  /** Valid bytes of the file; 0 when there is none. */
  sizeBytes = 0;
  blocks = 0;
  /** Entries of series and removals since the last full write, for deciding on the next. */
  private entries = 0;

  constructor(stored: Saved) {
    this.stored = stored;
  }

  /**
   * Appends what is new and makes it durable. Returns the bytes written, 0 when nothing was new.
   * Throws the disk's errors; the index is then as unsaved as before.
   */
  saveDelta(fs: FileSystem, directory: string): number {
    if (this.sizeBytes === 0 || this.isWasteful()) return this.saveBase(fs, directory);
    const blocks = new BlockWriter();
    const entries = this.writeDelta(blocks);
    const bytes = blocks.finish();
    if (bytes.length === 0) return 0;
    const path = `${directory}/${INDEX_LOG_NAME}`;
    // What a crash or a failed write left behind the valid part.
    if (fs.size(path) !== this.sizeBytes) fs.truncate(path, this.sizeBytes);
    const file = fs.openAppend(path);
    writeAndClose(file, bytes);
    this.sizeBytes += bytes.length;
    this.blocks += blocks.count;
    this.entries += entries;
    this.savedAll();
    return bytes.length;
  }

  /** Writes the whole index anew and replaces the log by it. Returns the bytes written. */
  saveBase(fs: FileSystem, directory: string): number {
    const blocks = new BlockWriter();
    blocks.raw(headerOf(this.stored.epoch));
    this.writeBase(blocks);
    const bytes = blocks.finish();
    fs.makeDirectory(directory);
    replaceFile(fs, `${directory}/${INDEX_LOG_NAME}`, bytes);
    this.sizeBytes = bytes.length;
    this.blocks = blocks.count;
    this.entries = this.stored.series.count;
    this.savedAll();
    return bytes.length;
  }

  /**
   * Fills a new index from the log. `expectedBytes` is how long the log is known to have been.
   * Throws `corrupt`, naming file and offset; the index must then be thrown away.
   */
  load(fs: FileSystem, directory: string, expectedBytes = 0): LoadReport {
    const path = `${directory}/${INDEX_LOG_NAME}`;
    if (!fs.exists(path)) {
      if (expectedBytes > 0) throw damaged(path, 0, 'the file is missing');
      return { found: false, series: 0, blocks: 0, sizeBytes: 0, cutBytes: 0 };
    }
    const { stored } = this;
    assert(stored.series.limit === 0 && stored.fieldRegistry.list.length === 0, 'an index to load into is not new');
    const bytes = fs.readFile(path);
    stored.epoch = epochOf(path, bytes);
    let at = HEADER_BYTES;
    while (at < bytes.length) {
      const end = blockEnd(bytes, at);
      if (end < 0) {
        if (followedByBlock(bytes, at + 1)) throw damaged(path, at, 'wrong checksum');
        break;
      }
      try {
        readSections(new ByteReader(unpack(bytes, at, end)), stored);
      } catch (cause) {
        throw damaged(path, at, (cause as Error).message, cause);
      }
      this.blocks++;
      at = end;
    }
    if (at < expectedBytes) throw damaged(path, at, `it ends here, and was ${expectedBytes} bytes long`);
    finishLoad(stored);
    this.sizeBytes = at;
    this.entries = stored.series.count;
    this.savedAll();
    stored.loaded();
    return {
      found: true,
      series: stored.series.count,
      blocks: this.blocks,
      sizeBytes: at,
      cutBytes: bytes.length - at,
    };
  }

  private isWasteful(): boolean {
    const live = this.stored.series.count;
    return this.entries - live + this.blocks * BLOCK_COST_SERIES > REWRITE_COST_SERIES + live / 2;
  }

  private savedAll(): void {
    const { stored } = this;
    this.mark = savedMarkOf(stored);
    this.savedLimit = stored.series.limit;
    stored.unsavedSeries.clear();
    stored.unsavedRemovals.clear();
    stored.unsavedFieldSets.clear();
    for (const dictionary of stored.series.tagValues) dictionary.unsaved.clear();
  }

  /** Writes what is not in the log. Returns the number of series and removals in it. */
  private writeDelta(blocks: BlockWriter): number {
    const { stored, mark } = this;
    const { series } = stored;
    const now = savedMarkOf(stored);
    const grown = (Object.keys(now) as (keyof SavedMark)[]).some((part) => now[part] !== mark[part]);
    if (grown || series.limit !== this.savedLimit) writeCatalogSection(blocks.body, stored, mark);
    const removed = distinct(stored.unsavedRemovals, this.savedLimit, () => true);
    if (removed.length > 0) writeRemovedSection(blocks.body, removed);
    for (let key = 0; key < series.tagValues.length; key++) {
      const { starts, limit, unsaved } = series.tagValues[key];
      if (unsaved.length > 0)
        this.writeValues(
          blocks,
          key,
          distinct(unsaved, limit, (id) => starts[id] >= 0),
        );
    }
    const added = distinct(stored.unsavedSeries, series.limit, (ref) => series.isLive(ref));
    this.writeSeries(blocks, added);
    const isNew = new Uint8Array(series.limit);
    for (const ref of added) isNew[ref] = 1;
    const changed = distinct(stored.unsavedFieldSets, series.limit, (ref) => isNew[ref] === 0 && series.isLive(ref));
    if (changed.length > 0) writeFieldSetsSection(blocks.body, series, changed);
    return added.length + removed.length;
  }

  private writeBase(blocks: BlockWriter): void {
    const { series } = this.stored;
    writeCatalogSection(blocks.body, this.stored, NOTHING_SAVED);
    for (let key = 0; key < series.tagValues.length; key++) {
      const { starts, limit } = series.tagValues[key];
      // Values without series as well: a series that comes back finds them by ids that no later save would tell.
      this.writeValues(
        blocks,
        key,
        ascending(limit, (id) => starts[id] >= 0),
      );
    }
    this.writeSeries(
      blocks,
      ascending(series.limit, (ref) => series.isLive(ref)),
    );
  }

  private writeValues(blocks: BlockWriter, key: number, ids: Int32Array): void {
    for (let at = 0; at < ids.length; at += VALUES_PER_SECTION) {
      const some = ids.subarray(at, at + VALUES_PER_SECTION);
      writeValuesSection(blocks.body, key, this.stored.series.tagValues[key], some);
      blocks.closeIfFull();
    }
  }

  private writeSeries(blocks: BlockWriter, refs: Int32Array): void {
    for (let at = 0; at < refs.length; at += SERIES_PER_SECTION) {
      writeSeriesSection(blocks.body, this.stored, refs.subarray(at, at + SERIES_PER_SECTION));
      blocks.closeIfFull();
    }
  }
}

/** Collects sections into checksummed, compressed blocks. */
class BlockWriter {
  /** Sections of the block under way. */
  readonly body = new ByteWriter(4096);
  count = 0;
  private readonly out = new ByteWriter(4096);

  raw(bytes: Uint8Array): void {
    this.out.raw(bytes);
  }

  closeIfFull(): void {
    if (this.body.length >= BLOCK_TARGET_BYTES) this.close();
  }

  /** All bytes, with the last block closed. */
  finish(): Uint8Array {
    if (this.body.length > 0) this.close();
    return this.out.view8();
  }

  private close(): void {
    const raw = this.body.view8();
    const packed = zstdCompressSync(raw);
    const header = new ByteWriter(BLOCK_HEADER_BYTES);
    header.u32(BLOCK_MAGIC);
    header.u32(packed.length);
    header.u32(raw.length);
    header.u32(crc32c(packed));
    header.u32(crc32c(header.view8()));
    this.out.raw(header.view8());
    this.out.raw(packed);
    this.body.reset();
    this.count++;
  }
}

function headerOf(epoch: string): Uint8Array {
  const header = new ByteWriter(HEADER_BYTES);
  header.u32(MAGIC);
  header.u32(VERSION);
  header.u64(BigInt(`0x${epoch}`));
  header.u32(crc32c(header.view8()));
  return header.take();
}

/** Checks the file's header and returns its epoch. */
function epochOf(path: string, bytes: Uint8Array): string {
  if (bytes.length < HEADER_BYTES) throw damaged(path, 0, 'it is shorter than its header');
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw damaged(path, 0, 'it does not begin like an index log');
  const version = reader.u32();
  const epoch = reader.u64().toString(16).padStart(16, '0');
  if (reader.u32() !== crc32c(bytes.subarray(0, HEADER_BYTES - 4))) throw damaged(path, 0, 'wrong header checksum');
  if (version !== VERSION) {
    throw new VarveError('corrupt', `cannot read ${path}: version ${version}, this build knows ${VERSION}`);
  }
  return epoch;
}

/** Where the block at an offset ends, or -1 when it is not whole and valid. */
function blockEnd(bytes: Uint8Array, at: number): number {
  if (!isBlockHeader(bytes, at)) return -1;
  const reader = new ByteReader(bytes, at + 4);
  const start = at + BLOCK_HEADER_BYTES;
  const end = start + reader.u32();
  if (end > bytes.length || reader.u32() > BLOCK_LIMIT_BYTES) return -1;
  return reader.u32() === crc32c(bytes.subarray(start, end)) ? end : -1;
}

function isBlockHeader(bytes: Uint8Array, at: number): boolean {
  if (at + BLOCK_HEADER_BYTES > bytes.length) return false;
  const reader = new ByteReader(bytes, at);
  if (reader.u32() !== BLOCK_MAGIC) return false;
  reader.raw(12);
  return reader.u32() === crc32c(bytes.subarray(at, at + BLOCK_HEADER_BYTES - 4));
}

/** Whether a valid block starts anywhere from an offset on. */
function followedByBlock(bytes: Uint8Array, from: number): boolean {
  const first = BLOCK_MAGIC & 255;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (blockEnd(bytes, at) >= 0) return true;
  }
  return false;
}

function unpack(bytes: Uint8Array, at: number, end: number): Uint8Array {
  const rawLength = new ByteReader(bytes, at + 8).u32();
  const raw = zstdDecompressSync(bytes.subarray(at + BLOCK_HEADER_BYTES, end), { maxOutputLength: rawLength || 1 });
  if (raw.length !== rawLength) throw new RangeError(`block of ${raw.length} bytes says ${rawLength}`);
  return raw;
}

function damaged(path: string, offset: number, why: string, cause?: unknown): VarveError {
  return new VarveError('corrupt', `cannot read ${path}: ${why} at byte ${offset}`, { cause });
}

function writeAndClose(file: WritableFile, bytes: Uint8Array): void {
  try {
    file.write(bytes);
    file.syncNow();
  } finally {
    file.close();
  }
}

/** The numbers of a list below `limit` that pass, without repeats, in the order of the list. */
function distinct(list: Int32List, limit: number, passes: (id: number) => boolean): Int32Array {
  const seen = new Uint8Array(limit);
  const kept = new Int32Array(list.length);
  let n = 0;
  for (const id of list.view()) {
    if (id >= limit || seen[id] === 1 || !passes(id)) continue;
    seen[id] = 1;
    kept[n++] = id;
  }
  return kept.subarray(0, n);
}

/** The numbers below `limit` that pass. */
function ascending(limit: number, passes: (id: number) => boolean): Int32Array {
  const kept = new Int32Array(limit);
  let n = 0;
  for (let id = 0; id < limit; id++) if (passes(id)) kept[n++] = id;
  return kept.subarray(0, n);
}
