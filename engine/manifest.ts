/**
 * The manifest: which files of a database are live, and which rows in them are deleted.
 *
 * A log of edits in one file, `MANIFEST`: a header, then records {u32 length, u32 CRC32C of the length, u32 CRC32C of
 * the payload, payload: JSON, in a zstd frame when that is smaller}. An edit adds and removes whole files and tombstones at once, so a crash leaves either
 * all of it or nothing. An empty edit, the seal, follows each one when it is durable, and is synced before anybody
 * relies on the edit. Reading folds the edits; what is torn at the end, with nothing whole behind it, was never
 * acknowledged and is cut; anything else that is wrong is an error. When the log is long, and when it is closed, it is written anew and swapped in by rename.
 *
 * A file in the directory that no edit names is left over from a crash and is removed at start.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from '../bytes/crc32c.ts';
import { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { replaceFile } from '../disk/atomic-file.ts';
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { assert, VarveError } from '../errors/errors.ts';
import { fileName, generationOf } from './file-name.ts';

const MAGIC = 'VARVEMAN';
const VERSION = 1;
const HEADER_BYTES = 12;
const RECORD_HEADER_BYTES = 12;
/** Bytes of edits, beyond twice what the whole state takes, at which the log is written anew. */
const REWRITE_BYTES = 64 << 10;
const COMPRESS_FROM_BYTES = 256;
/** Edits are many, and stay until the next start only. */
const COMPRESS_EDIT_FROM_BYTES = 4096;
/** Longer states are compressed fast rather than small. */
const PRESS_UP_TO_BYTES = 256 << 10;
/** First byte of a zstd frame; JSON begins with a brace. */
const ZSTD_FIRST_BYTE = 0x28;

/** A live file, as much of it as planning and pruning need without opening it. */
export interface FileEntry {
  name: string;
  /** Order of writing: where files overlap, the rows of the higher one win. */
  generation: number;
  partitionStartSec: number;
  partitionDurationSec: number;
  /** Smallest and largest row time, ns since the partition's start. */
  minOffsetNs: number;
  maxOffsetNs: number;
  rows: number;
  /** Field values. */
  values: number;
  seriesCount: number;
  sizeBytes: number;
  level: number;
  cold: boolean;
  /** When the file was written, ms since the epoch. */
  createdMs: number;
  /** Id of the newest tombstone whose rows the file lacks already; 0 when none was there. */
  lastTombstone: number;
}

/** Rows of some series that are deleted from all files up to a generation. */
export interface Tombstone {
  id: number;
  /** Files with a higher generation are not touched. */
  generation: number;
  /** Sorted series refs. */
  refs: number[];
  /** Inclusive bounds: seconds and nanoseconds since the epoch. */
  from: { sec: number; nano: number };
  to: { sec: number; nano: number };
}

export interface Edit {
  add?: FileEntry[];
  /** Names. */
  remove?: string[];
  addTombstones?: Tombstone[];
  removeTombstones?: number[];
  /** Length of the saved index that the added files rely on. */
  indexBytes?: number;
  /** The log up to this LSN must not be replayed again: its rows are in files, or deleted since, under refs that may have changed hands. */
  flushedLsn?: number;
  /** Highest tombstone id ever given, when the log is written anew. */
  lastTombstone?: number;
}

export class Manifest {
  readonly files = new Map<string, FileEntry>();
  readonly tombstones = new Map<number, Tombstone>();
  /** Highest tombstone id ever given. */
  lastTombstone = 0;
  /** Length the saved index must have for the files' refs to mean something. */
  indexBytes = 0;
  /** See `Edit`. The log's own checkpoint is there already; this counts when that is lost. */
  flushedLsn = 0;
  private stateBytes = 0;
  private editBytes = 0;
  private readonly fs: FileSystem;
  private readonly directory: string;
  private log: WritableFile | null = null;
  /** An edit failed, and the file may have it all the same: only writing everything anew makes sure that it has not. */
  private isDoubtful = false;

  /**
   * Reads `directory/MANIFEST`, or starts an empty one. Throws VarveError 'corrupt' when it is damaged.
   * @param write false leaves the file as it is until the first commit.
   */
  constructor(fs: FileSystem, directory: string, write = true) {
    this.fs = fs;
    this.directory = directory;
    let isWhole = false;
    if (fs.exists(this.path)) isWhole = this.read();
    else if (fs.list(directory).some((name) => name.endsWith('.tsm'))) {
      throw new VarveError('corrupt', `cannot read ${this.path}: it is gone, though there are data files beside it`);
    }
    if (!write) return;
    if (isWhole) this.goOn();
    else this.rewrite();
  }

  private get path(): string {
    return `${this.directory}/MANIFEST`;
  }

  /** Makes an edit durable, then visible. */
  commit(edit: Edit): void {
    // After a failed write the log may end in a part of a record: nothing may follow it.
    if (this.log === null || this.editBytes > REWRITE_BYTES + 2 * this.stateBytes) this.rewrite();
    const record = encodeEdit(edit, FAST);
    try {
      this.log!.write(record);
      this.log!.syncNow();
    } catch (error) {
      this.closeLog();
      this.isDoubtful = true;
      throw error;
    }
    this.apply(edit);
    this.editBytes += record.length;
    this.seal();
  }

  /** Writes the mark behind an edit that is durable. */
  private seal(): void {
    try {
      this.log!.write(SEAL);
      this.log!.syncNow();
      this.editBytes += SEAL.length;
    } catch {
      // The edit stands. The next one writes everything anew.
      this.closeLog();
    }
  }

  close(): void {
    if (this.isDoubtful || (this.log !== null && this.editBytes > 0)) this.rewrite();
    this.closeLog();
  }

  /** Closes it as it is, because the whole directory goes; nothing is live from then on. */
  abandon(): void {
    this.closeLog();
    this.files.clear();
    this.tombstones.clear();
  }

  private closeLog(): void {
    this.log?.close();
    this.log = null;
  }

  private apply(edit: Edit): void {
    for (const name of edit.remove ?? []) this.files.delete(name);
    for (const file of edit.add ?? []) this.files.set(file.name, file);
    for (const id of edit.removeTombstones ?? []) this.tombstones.delete(id);
    for (const tombstone of edit.addTombstones ?? []) {
      this.tombstones.set(tombstone.id, tombstone);
      this.lastTombstone = Math.max(this.lastTombstone, tombstone.id);
    }
    this.lastTombstone = Math.max(this.lastTombstone, edit.lastTombstone ?? 0);
    this.indexBytes = edit.indexBytes ?? this.indexBytes;
    this.flushedLsn = Math.max(this.flushedLsn, edit.flushedLsn ?? 0);
  }

  /** Appends to what was read. Its last edit may have been written by a process that died before it was synced. */
  private goOn(): void {
    this.log = this.fs.openAppend(this.path);
    this.log.write(SEAL);
    this.log.syncNow();
    this.editBytes = this.log.size;
  }

  /** Folds the edits of the file. False when the last one is torn. */
  private read(): boolean {
    const bytes = this.fs.readFile(this.path);
    const reader = new ByteReader(bytes);
    if (bytes.length < HEADER_BYTES || new TextDecoder().decode(reader.raw(8)) !== MAGIC) {
      throw new VarveError('corrupt', `cannot read ${this.path}: it does not begin like a manifest`);
    }
    const version = reader.u32();
    if (version !== VERSION) {
      throw new VarveError('corrupt', `cannot read ${this.path}: version ${version}, this build knows ${VERSION}`);
    }
    for (let at = HEADER_BYTES; at < bytes.length; ) {
      const end = recordEnd(bytes, at);
      if (end < 0) {
        for (let later = at + 1; later < bytes.length; later++) {
          if (recordEnd(bytes, later) < 0) continue;
          throw new VarveError('corrupt', `cannot read ${this.path}: wrong checksum at byte ${at}`);
        }
        return false;
      }
      try {
        this.apply(decodeEdit(bytes.subarray(at + RECORD_HEADER_BYTES, end)));
      } catch (cause) {
        const { message } = cause as Error;
        throw new VarveError('corrupt', `cannot read ${this.path}: edit at byte ${at}: ${message}`, { cause });
      }
      at = end;
    }
    return true;
  }

  private rewrite(): void {
    this.closeLog();
    const out = new ByteWriter();
    out.raw(new TextEncoder().encode(MAGIC));
    out.u32(VERSION);
    const { lastTombstone, indexBytes, flushedLsn } = this;
    const add = [...this.files.values()];
    out.raw(
      encodeEdit({ add, addTombstones: [...this.tombstones.values()], lastTombstone, indexBytes, flushedLsn }, SMALL),
    );
    out.raw(SEAL);
    replaceFile(this.fs, this.path, out.view8());
    this.log = this.fs.openAppend(this.path);
    this.isDoubtful = false;
    this.stateBytes = out.length;
    this.editBytes = 0;
  }
}

/** zstd levels: of edits, which are many, and of the whole state, which stays. */
const FAST = 3;
const SMALL = 19;

/** Columns of files whose numbers are stored as differences from the file before. */
const NUMBERS = [
  'generation',
  'partitionStartSec',
  'partitionDurationSec',
  'minOffsetNs',
  'maxOffsetNs',
  'rows',
  'values',
  'seriesCount',
  'sizeBytes',
  'level',
  'createdMs',
  'lastTombstone',
] as const;

/** Files by columns, so that what they share takes hardly any room. */
interface FileColumns {
  /** The generations in the files' names, as differences too: with the partition's start they make the name. */
  named: number[];
  numbers: number[][];
  cold: number[];
}

function toColumns(files: FileEntry[]): FileColumns {
  const sorted = [...files].sort((a, b) => a.partitionStartSec - b.partitionStartSec || a.generation - b.generation);
  return {
    named: sorted.map((file, i) => namedGeneration(file) - (i === 0 ? 0 : namedGeneration(sorted[i - 1]))),
    numbers: NUMBERS.map((key) => sorted.map((file, i) => (i === 0 ? file[key] : file[key] - sorted[i - 1][key]))),
    cold: sorted.map((file) => (file.cold ? 1 : 0)),
  };
}

function namedGeneration({ name }: FileEntry): number {
  const generation = generationOf(name);
  assert(generation !== null, `${name} is not the name of a data file`);
  return generation;
}

function fromColumns({ named, numbers, cold }: FileColumns): FileEntry[] {
  const sums = NUMBERS.map(() => 0);
  let generation = 0;
  return named.map((step, i) => {
    const entry = { cold: cold[i] === 1 } as FileEntry;
    NUMBERS.forEach((key, k) => {
      sums[k] += numbers[k][i];
      entry[key] = sums[k];
    });
    generation += step;
    entry.name = fileName(entry.partitionStartSec, generation);
    return entry;
  });
}

function encodeEdit({ add, ...rest }: Edit, level: number): Uint8Array {
  const edit = add === undefined || add.length === 0 ? rest : { ...rest, add: toColumns(add) };
  let payload: Uint8Array = new TextEncoder().encode(JSON.stringify(edit));
  if (payload.length >= (level === FAST ? COMPRESS_EDIT_FROM_BYTES : COMPRESS_FROM_BYTES)) {
    // Pressing hard takes seconds per MB, in which nothing else is done: deletions of very many series are as long as that.
    const affordable = payload.length > PRESS_UP_TO_BYTES ? FAST : level;
    payload = zstdCompressSync(payload, { params: { [constants.ZSTD_c_compressionLevel]: affordable } });
  }
  const out = new ByteWriter(payload.length + RECORD_HEADER_BYTES);
  out.u32(payload.length);
  out.u32(crc32c(out.view8()));
  out.u32(crc32c(payload));
  out.raw(payload);
  return out.take();
}

/** What says, behind an edit, that it was durable: an empty edit. */
const SEAL = encodeEdit({}, FAST);

/** Where the record at an offset ends, or -1 when it is not whole and valid. */
function recordEnd(bytes: Uint8Array, at: number): number {
  if (at + RECORD_HEADER_BYTES > bytes.length) return -1;
  const reader = new ByteReader(bytes, at);
  const length = reader.u32();
  if (reader.u32() !== crc32c(bytes.subarray(at, at + 4))) return -1;
  const start = at + RECORD_HEADER_BYTES;
  const end = start + length;
  return end <= bytes.length && reader.u32() === crc32c(bytes.subarray(start, end)) ? end : -1;
}

function decodeEdit(payload: Uint8Array): Edit {
  const text = payload[0] === ZSTD_FIRST_BYTE ? zstdDecompressSync(payload) : payload;
  const edit = JSON.parse(new TextDecoder().decode(text)) as Omit<Edit, 'add'> & { add?: FileColumns };
  return { ...edit, add: edit.add === undefined ? undefined : fromColumns(edit.add) };
}
