/**
 * Reads a log from its checkpoint on, hands out its records in order, and decides what to do where it is damaged.
 *
 * 1. Segments that end at the checkpoint or before are not read. The others are read in order, and LSNs must count up
 *    by one. A segment that stops where the next one starts is whole, whatever bytes follow its last record.
 * 2. Anywhere else the next record is missing. What is behind is searched for whole records, here and in later
 *    segments. Each of them says up to which LSN the log was durable when it was appended.
 * 3. If one of them says so of the missing record, durable data was damaged: replay stops with a `corrupt` error, or,
 *    told to skip, notes the loss and goes on at the next whole record.
 * 4. Otherwise the missing record was never synced and so never acknowledged as durable: a power loss kept later
 *    sectors and not this one. The log is cut there.
 *
 * A loss that was accepted is written into the log as a `GAP` record by repair.ts, so it is reported once.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { GAP, gapFirstLsn, type LogRecord, MARK } from './record.ts';
import { SEGMENT_HEADER_BYTES, type SegmentName, segmentName } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';

/** Receives the records behind the checkpoint in order. The payload is valid until it returns, or its promise settles. */
export type RecordHandler = (lsn: number, type: number, database: number, payload: Uint8Array) => void | Promise<void>;

/** Records that are gone although they were durable: `fromLsn … toLsn`. */
export interface Loss {
  segment: string;
  offset: number;
  /** Damaged bytes in that segment. */
  bytes: number;
  fromLsn: number;
  toLsn: number;
}

/** What was cut off the end of the log; none of it was durable. */
export interface Cut {
  segment: string;
  offset: number;
  bytes: number;
  /** Later segments that were removed. */
  segments: string[];
}

/** Parts of a segment: bytes that are kept, or records that are lost. */
export type Piece = { from: number; to: number } | { firstLsn: number; lastLsn: number };

/** A segment to be written again from what is left of it; with no pieces, to be put aside. */
export interface Rewrite {
  segment: SegmentName;
  pieces: Piece[];
}

export interface ReplayResult {
  /** The LSN behind the last record. */
  nextLsn: number;
  /** The segments that stay, in order, with the bytes that are used in each. */
  segments: { segment: SegmentName; usedBytes: number; sizeBytes: number }[];
  /** Segments behind the checkpoint, to be removed from the first on. */
  obsolete: SegmentName[];
  /** Segments behind a cut, to be removed from the last on. */
  cutOff: SegmentName[];
  records: number;
  bytes: number;
  losses: Loss[];
  cut: Cut | null;
  rewrites: Rewrite[];
}

/** Bytes between two breaths of the event loop. */
const BREATH_BYTES = 8 * 1024 * 1024;

/** Where a whole record is, and the first LSN that it stands for. */
interface Position {
  index: number;
  offset: number;
  lsn: number;
}

export class Replay {
  private readonly fs: FileSystem;
  private readonly directory: string;
  private readonly segments: SegmentName[];
  private readonly checkpointLsn: number;
  private readonly recovery: 'strict' | 'skip';
  private readonly onRecord: RecordHandler;
  private readonly result: ReplayResult;
  /** The LSN that comes next. */
  private expected: number;
  private breathBytes = 0;
  /** Losses at the start of the segment that is read next. */
  private opening: Piece[] = [];

  constructor(
    fs: FileSystem,
    directory: string,
    names: SegmentName[],
    options: { checkpointLsn: number; recovery: 'strict' | 'skip'; onRecord: RecordHandler },
  ) {
    const { checkpointLsn } = options;
    let first = 0;
    while (first + 1 < names.length && names[first + 1].firstLsn <= checkpointLsn + 1) first++;
    this.fs = fs;
    this.directory = directory;
    this.segments = names.slice(first);
    this.checkpointLsn = checkpointLsn;
    this.recovery = options.recovery;
    this.onRecord = options.onRecord;
    this.expected = checkpointLsn + 1;
    this.result = {
      nextLsn: checkpointLsn + 1,
      segments: [],
      obsolete: names.slice(0, first),
      cutOff: [],
      records: 0,
      bytes: 0,
      losses: [],
      cut: null,
      rewrites: [],
    };
  }

  async run(): Promise<ReplayResult> {
    const { segments, result } = this;
    let at: Position | null = null;
    if (segments.length > 0) {
      const { firstLsn } = segments[0];
      at = { index: 0, offset: SEGMENT_HEADER_BYTES, lsn: firstLsn };
      if (firstLsn > this.expected) at = this.bridgeStart();
      else this.expected = firstLsn;
    }
    while (at !== null && at.index < segments.length) at = await this.readSegment(at);
    result.nextLsn = this.expected;
    return result;
  }

  /** Reads one segment from a position on. Returns where the log goes on in a later one, null at its end. */
  private async readSegment(start: Position): Promise<Position | null> {
    const { index } = start;
    const segment = this.segments[index];
    const reader = new SegmentReader(this.fs, segment);
    try {
      const header = reader.header();
      if (header.state === 'newer') {
        throw new VarveError('corrupt', `cannot read ${segment.path}: a later version of the software wrote it`);
      }
      const pieces = this.opening;
      this.opening = [];
      let rewrite = header.state === 'bad' || pieces.length > 0 || start.offset > SEGMENT_HEADER_BYTES;
      let kept = start.offset;
      let next: Position | null = start;
      let offset = start.offset;
      while (next !== null && next.index === index) {
        if (next.offset > offset) {
          rewrite = true;
          if (offset > kept) pieces.push({ from: kept, to: offset });
          kept = next.offset;
          if (next.lsn > this.expected) pieces.push({ firstLsn: this.expected, lastLsn: next.lsn - 1 });
          this.expected = next.lsn;
        }
        offset = await this.readRun(reader, next.offset);
        next = this.follower(reader, index, offset, header.recycled);
      }
      if (offset > kept) pieces.push({ from: kept, to: offset });
      if (next !== null) rewrite = this.crossOver(index, next, pieces) || rewrite;
      // The header of a segment at the end of the log, with nothing whole behind it: it was just being created.
      if (next === null && header.state === 'bad' && pieces.length === 0) {
        this.result.cutOff.unshift(segment);
        return null;
      }
      if (rewrite) this.result.rewrites.push({ segment, pieces });
      this.result.segments.push({ segment, usedBytes: offset, sizeBytes: reader.sizeBytes });
      return next;
    } finally {
      reader.close();
    }
  }

  /** Hands out records from an offset on while they follow each other. Returns the offset behind the last. */
  private async readRun(reader: SegmentReader, from: number): Promise<number> {
    let offset = from;
    for (let record = reader.at(offset); record !== null && this.follows(record); record = reader.at(offset)) {
      const { sizeBytes } = record;
      this.expected = record.lsn + 1;
      offset += sizeBytes;
      if (record.lsn <= this.checkpointLsn || record.type === GAP || record.type === MARK) continue;
      const pending = this.onRecord(record.lsn, record.type, record.database, record.payload);
      if (pending !== undefined) await pending;
      this.result.records++;
      this.result.bytes += sizeBytes;
      this.breathBytes += sizeBytes;
      if (this.breathBytes > BREATH_BYTES) {
        this.breathBytes = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return offset;
  }

  private follows(record: LogRecord): boolean {
    return record.lsn >= this.expected && firstLsnOf(record) <= this.expected;
  }

  /** Where the log goes on behind the last whole record of a run: in the next segment, behind damage, or nowhere. */
  private follower(reader: SegmentReader, index: number, offset: number, recycled: boolean): Position | null {
    const { segments, expected } = this;
    if (index + 1 < segments.length && segments[index + 1].firstLsn === expected) {
      return { index: index + 1, offset: SEGMENT_HEADER_BYTES, lsn: expected };
    }
    const { next, syncedLsn } = this.lookAhead(index, offset + 1);
    if (next !== null && (next.lsn <= expected || next.lsn - 1 <= this.checkpointLsn)) return next;
    const fromLsn = Math.max(expected, this.checkpointLsn + 1);
    if (next === null || syncedLsn < fromLsn) {
      this.cutAt(reader, index, offset, recycled);
      return null;
    }
    const bytes = (next.index === index ? next.offset : reader.sizeBytes) - offset;
    this.lose({ segment: segments[index].name, offset, bytes, fromLsn, toLsn: next.lsn - 1 });
    return next;
  }

  /** The first segment starts too late. Segments appear durably before they are used, so this is a loss in any case. */
  private bridgeStart(): Position {
    const { segments, expected } = this;
    const found = this.lookAhead(-1, 0).next;
    const at = found ?? { index: 0, offset: SEGMENT_HEADER_BYTES, lsn: segments[0].firstLsn };
    const name = segmentName(expected);
    this.lose({ segment: name, offset: 0, bytes: 0, fromLsn: expected, toLsn: at.lsn - 1 });
    const segment = { name, path: `${this.directory}/${name}`, firstLsn: expected };
    const pieces: Piece[] = [];
    this.crossOver(-1, at, pieces);
    this.result.rewrites.push({ segment, pieces });
    this.result.segments.push({ segment, usedBytes: 0, sizeBytes: 0 });
    return at;
  }

  /**
   * Goes on at a position in a later segment. Records that are missing in between become a gap at the end of this
   * segment, up to the other one's first, and one at the start of that. Segments without a whole record are put aside.
   */
  private crossOver(from: number, to: Position, pieces: Piece[]): boolean {
    const { firstLsn } = this.segments[to.index];
    let changed = false;
    if (firstLsn > this.expected) {
      pieces.push({ firstLsn: this.expected, lastLsn: firstLsn - 1 });
      this.expected = firstLsn;
      changed = true;
    }
    if (to.lsn > this.expected) {
      this.opening.push({ firstLsn: this.expected, lastLsn: to.lsn - 1 });
      this.expected = to.lsn;
    }
    for (let i = from + 1; i < to.index; i++) this.result.rewrites.push({ segment: this.segments[i], pieces: [] });
    return changed;
  }

  /** Finds the next whole record behind a position, and how far the log was durable by what all later ones say. */
  private lookAhead(index: number, offset: number): { next: Position | null; syncedLsn: number } {
    let next: Position | null = null;
    let syncedLsn = 0;
    for (let i = Math.max(0, index); i < this.segments.length; i++) {
      const reader = new SegmentReader(this.fs, this.segments[i]);
      try {
        let at = i === index ? offset : SEGMENT_HEADER_BYTES;
        for (;;) {
          const record: LogRecord | null = reader.find(at, this.expected);
          if (record === null) break;
          next ??= { index: i, offset: record.offset, lsn: Math.max(this.expected, firstLsnOf(record)) };
          syncedLsn = Math.max(syncedLsn, record.syncedLsn);
          if (syncedLsn > Math.max(this.expected, this.checkpointLsn)) return { next, syncedLsn };
          at = record.offset + record.sizeBytes;
        }
      } finally {
        reader.close();
      }
    }
    return { next, syncedLsn };
  }

  private lose(loss: Loss): void {
    if (this.recovery === 'strict') throw damaged(this.directory, loss);
    this.result.losses.push(loss);
  }

  /** Ends the log at a position; what is behind was never durable, or is nothing at all. */
  private cutAt(reader: SegmentReader, index: number, offset: number, recycled: boolean): void {
    const later = this.segments.slice(index + 1);
    const tailBytes = reader.sizeBytes - offset;
    this.result.cutOff.push(...later);
    // Behind the end of a segment that was recycled lies what it held before.
    if (later.length === 0 && (tailBytes <= 0 || recycled || reader.isZeroFrom(offset))) return;
    const segments = later.map(({ name }) => name);
    this.result.cut = { segment: reader.segment.name, offset, bytes: Math.max(0, tailBytes), segments };
  }
}

function firstLsnOf(record: LogRecord): number {
  return record.type === GAP ? gapFirstLsn(record.payload) : record.lsn;
}

function damaged(directory: string, loss: Loss): VarveError {
  const { segment, offset, bytes, fromLsn, toLsn } = loss;
  const what =
    bytes > 0
      ? `${directory}/${segment} is damaged at offset ${offset} (${bytes} bytes)`
      : `${directory}/${segment} is missing`;
  return new VarveError(
    'corrupt',
    `cannot replay the log: ${what}: records ${fromLsn} … ${toLsn} are lost, and later ones are there. ` +
      'Restore the file from a copy, or start with --wal-recovery=skip to go on without them',
  );
}
