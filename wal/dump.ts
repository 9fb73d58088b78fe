/**
 * Lists what is in a log directory, record by record, without changing anything: for `varve wal dump`. Damage is listed
 * like the records around it.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { BATCH, DATABASE, DEFINITIONS, GAP, gapFirstLsn, type LogRecord, MARK, TOMBSTONE } from './record.ts';
import { listSegments, SEGMENT_HEADER_BYTES } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';

/** The names of the record types, as the dump prints them. */
const TYPE_NAMES = new Map([
  [DEFINITIONS, 'definitions'],
  [BATCH, 'batch'],
  [DATABASE, 'database'],
  [TOMBSTONE, 'tombstone'],
  [GAP, 'gap'],
  [MARK, 'mark'],
]);

export interface SegmentEntry {
  kind: 'segment';
  segment: string;
  sizeBytes: number;
  header: 'good' | 'bad' | 'newer';
  recycled: boolean;
}

export interface RecordEntry {
  kind: 'record';
  segment: string;
  offset: number;
  lsn: number;
  /** The type's number, and its name ('type 9' when it has none). */
  type: number;
  typeName: string;
  database: number;
  /** Header and payload. */
  sizeBytes: number;
  /** Everything up to there was durable when this record was appended. */
  syncedLsn: number;
  /** The first LSN that a gap stands for, else the record's own. */
  firstLsn: number;
  /** Valid until the next entry is asked for. */
  payload: Uint8Array;
}

/** Bytes that are no record: the end of the log, what a recycled segment held before, or damage. */
export interface OtherEntry {
  kind: 'other';
  segment: string;
  offset: number;
  sizeBytes: number;
  /** Whole records follow in this segment, so this is damage. */
  recordsFollow: boolean;
}

export type DumpEntry = SegmentEntry | RecordEntry | OtherEntry;

/** Yields the segments of a log directory in order, each followed by its records and what is between them. */
export function* dumpLog(fs: FileSystem, directory: string): Generator<DumpEntry> {
  for (const segment of listSegments(fs, directory).segments) {
    const reader = new SegmentReader(fs, segment);
    try {
      const { state, recycled } = reader.header();
      yield { kind: 'segment', segment: segment.name, sizeBytes: reader.sizeBytes, header: state, recycled };
      if (state !== 'newer') yield* dumpRecords(reader);
    } finally {
      reader.close();
    }
  }
}

function* dumpRecords(reader: SegmentReader): Generator<DumpEntry> {
  const segment = reader.segment.name;
  let offset = SEGMENT_HEADER_BYTES;
  let lastLsn = reader.segment.firstLsn - 1;
  while (offset < reader.sizeBytes) {
    const record = reader.at(offset) ?? reader.find(offset, lastLsn + 1);
    const end = record?.offset ?? reader.sizeBytes;
    if (end > offset) {
      yield { kind: 'other', segment, offset, sizeBytes: end - offset, recordsFollow: record !== null };
    }
    if (record === null) return;
    offset = record.offset + record.sizeBytes;
    lastLsn = record.lsn;
    yield entryOf(segment, record);
  }
}

function entryOf(segment: string, record: LogRecord): RecordEntry {
  const { offset, lsn, type, database, sizeBytes, syncedLsn, payload } = record;
  const typeName = TYPE_NAMES.get(type) ?? `type ${type}`;
  const firstLsn = type === GAP ? gapFirstLsn(payload) : lsn;
  return { kind: 'record', segment, offset, lsn, type, typeName, database, sizeBytes, syncedLsn, firstLsn, payload };
}
