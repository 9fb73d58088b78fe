/**
 * Reads the records of one segment through a window of a few MiB, so that memory stays bounded whatever the segment's
 * size, and finds the next whole record behind damage.
 */
import type { FileSystem, ReadableFile } from '../disk/file-system.ts';
import { type LogRecord, payloadMatches, RECORD_HEADER_BYTES, readRecordHeader, TYPE_LIMIT } from './record.ts';
import {
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentName,
  type SegmentState,
  segmentSeed,
} from './segment.ts';

const WINDOW_BYTES = 2 * 1024 * 1024;

export class SegmentReader {
  readonly segment: SegmentName;
  readonly sizeBytes: number;
  private readonly file: ReadableFile;
  private readonly seed: number;
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;
  private readonly record: LogRecord = {
    lsn: 0,
    type: 0,
    database: 0,
    syncedLsn: 0,
    offset: 0,
    sizeBytes: 0,
    payload: new Uint8Array(0),
  };

  constructor(fs: FileSystem, segment: SegmentName) {
    this.segment = segment;
    this.file = fs.openRead(segment.path);
    this.sizeBytes = this.file.size;
    this.seed = segmentSeed(segment.firstLsn);
  }

  header(): SegmentState {
    const bytes = this.bytes(0, Math.min(SEGMENT_HEADER_BYTES, this.sizeBytes));
    return readSegmentHeader(bytes, this.segment.firstLsn);
  }

  /** The record at an offset, or null when there is no whole one. The object is reused by the next call. */
  at(offset: number): LogRecord | null {
    if (offset + RECORD_HEADER_BYTES > this.sizeBytes) return null;
    const { record, seed } = this;
    this.load(offset, RECORD_HEADER_BYTES);
    if (!readRecordHeader(this.window, offset - this.windowStart, seed, record)) return null;
    if (offset + record.sizeBytes > this.sizeBytes) return null;
    this.load(offset, record.sizeBytes);
    const at = offset - this.windowStart;
    record.payload = this.window.subarray(at + RECORD_HEADER_BYTES, at + record.sizeBytes);
    if (!payloadMatches(this.window, at, seed, record.payload)) return null;
    record.offset = offset;
    return record;
  }

  /**
   * The first whole record at `from` or behind it with an LSN of `minLsn` or more, or null. Every offset is looked at,
   * but the checksum is only taken where type, reserved bytes and LSN could be those of a record.
   */
  find(from: number, minLsn: number): LogRecord | null {
    const last = this.sizeBytes - RECORD_HEADER_BYTES;
    for (let offset = from; offset <= last; ) {
      this.load(offset, RECORD_HEADER_BYTES);
      const { window, windowStart } = this;
      const end = Math.min(last, windowStart + window.length - RECORD_HEADER_BYTES);
      const hit = nextCandidate(window, offset - windowStart, end - windowStart, minLsn) + windowStart;
      if (hit <= end) {
        const record = this.at(hit);
        if (record !== null && record.lsn >= minLsn) return record;
      }
      offset = hit + 1;
    }
    return null;
  }

  /** Whether nothing but zeros follows. */
  isZeroFrom(offset: number): boolean {
    for (let at = offset; at < this.sizeBytes; ) {
      this.load(at, 1);
      const { window, windowStart } = this;
      for (let i = at - windowStart; i < window.length; i++) if (window[i] !== 0) return false;
      at = windowStart + window.length;
    }
    return true;
  }

  /** Bytes as they are. Valid until the next read. */
  bytes(offset: number, length: number): Uint8Array {
    this.load(offset, length);
    return this.window.subarray(offset - this.windowStart, offset - this.windowStart + length);
  }

  close(): void {
    this.file.close();
  }

  private load(offset: number, length: number): void {
    const { window, windowStart } = this;
    if (offset >= windowStart && offset + length <= windowStart + window.length) return;
    this.window = this.file.read(offset, Math.min(this.sizeBytes - offset, Math.max(length, WINDOW_BYTES)));
    this.windowStart = offset;
  }
}

/** The first offset in from … end that looks like a header of a record of `minLsn` or more; `end + 1` when none does. */
function nextCandidate(bytes: Uint8Array, from: number, end: number, minLsn: number): number {
  for (let p = from; p <= end; p++) {
    if (bytes[p + 13] !== 0 || bytes[p + 14] !== 0 || bytes[p + 15] !== 0) continue;
    if (bytes[p + 12] === 0 || bytes[p + 12] >= TYPE_LIMIT) continue;
    const low = bytes[p + 20] + bytes[p + 21] * 256 + bytes[p + 22] * 65536 + bytes[p + 23] * 16777216;
    const high = bytes[p + 24] + bytes[p + 25] * 256 + bytes[p + 26] * 65536 + bytes[p + 27] * 16777216;
    const lsn = high * 4294967296 + low;
    if (lsn >= minLsn && lsn < minLsn + 4294967296) return p;
  }
  return end + 1;
}
