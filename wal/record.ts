/**
 * A record of the log: 32 bytes of header, then the payload. wal/README.md draws it.
 *
 * Two checksums, so that a broken payload does not hide where the next record starts: the payload's is in the header,
 * and the header's covers that. Both start from the segment's seed, which is made of the segment's first LSN; bytes left
 * over from an earlier life of a recycled segment therefore never verify.
 *
 * Every record says how far the log was known to be durable when it was appended (`behind`). Replay needs it to tell a
 * torn tail from damage: see replay.ts.
 */
import { crc32c } from '../bytes/crc32c.ts';

/** Record types. They are on disk, so they never change; 7 … 15 are reserved. */
export const DEFINITIONS = 1;
export const BATCH = 2;
export const DATABASE = 3;
export const TOMBSTONE = 4;
/** Stands for records that were lost and given up: its LSN is the last of them, its payload holds the first. */
export const GAP = 5;
/** Has no payload; says that everything before it is durable. */
export const MARK = 6;
export const TYPE_LIMIT = 16;

export const RECORD_HEADER_BYTES = 32;
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

const TWO_32 = 4294967296;
const MAX_U32 = 4294967295;

/** One record as it was read. The reader reuses the object. */
export interface LogRecord {
  lsn: number;
  type: number;
  database: number;
  /** Everything up to this LSN was durable when the record was appended. */
  syncedLsn: number;
  /** Of the header in the segment. */
  offset: number;
  /** Header and payload. */
  sizeBytes: number;
  /** Valid until the next read. */
  payload: Uint8Array;
}

/** Writes a record at `at`, which must have room for header and payload. Returns the offset behind it. */
export function writeRecord(
  into: Uint8Array,
  at: number,
  seed: number,
  record: { lsn: number; type: number; database: number; syncedLsn: number },
  payload: Uint8Array,
): number {
  const view = new DataView(into.buffer, into.byteOffset + at, RECORD_HEADER_BYTES);
  view.setUint32(4, crc32c(payload, seed), true);
  view.setUint32(8, payload.length, true);
  view.setUint32(12, record.type, true);
  view.setUint32(16, record.database, true);
  view.setUint32(20, record.lsn % TWO_32, true);
  view.setUint32(24, Math.floor(record.lsn / TWO_32), true);
  view.setUint32(28, Math.min(MAX_U32, record.lsn - record.syncedLsn), true);
  view.setUint32(0, crc32c(into.subarray(at + 4, at + RECORD_HEADER_BYTES), seed), true);
  into.set(payload, at + RECORD_HEADER_BYTES);
  return at + RECORD_HEADER_BYTES + payload.length;
}

/**
 * Reads the header at `at` into `record`, all but the payload. False when it is none of this segment: a wrong checksum,
 * type or length.
 */
export function readRecordHeader(bytes: Uint8Array, at: number, seed: number, record: LogRecord): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEADER_BYTES);
  const type = view.getUint32(12, true);
  const length = view.getUint32(8, true);
  if (type === 0 || type >= TYPE_LIMIT || length > MAX_PAYLOAD_BYTES) return false;
  if (view.getUint32(0, true) !== crc32c(bytes.subarray(at + 4, at + RECORD_HEADER_BYTES), seed)) return false;
  const behind = view.getUint32(28, true);
  record.lsn = view.getUint32(24, true) * TWO_32 + view.getUint32(20, true);
  record.type = type;
  record.database = view.getUint32(16, true);
  record.syncedLsn = behind === MAX_U32 ? 0 : record.lsn - behind;
  record.sizeBytes = RECORD_HEADER_BYTES + length;
  return true;
}

/** Whether these bytes, with their header read, are the payload that the header at `at` speaks of. */
export function payloadMatches(bytes: Uint8Array, at: number, seed: number, payload: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEADER_BYTES);
  return view.getUint32(4, true) === crc32c(payload, seed);
}

/** The payload of a `GAP`: the first LSN that it stands for. */
export function gapPayload(firstLsn: number): Uint8Array {
  const payload = new Uint8Array(8);
  new DataView(payload.buffer).setBigUint64(0, BigInt(firstLsn), true);
  return payload;
}

export function gapFirstLsn(payload: Uint8Array): number {
  return Number(new DataView(payload.buffer, payload.byteOffset, 8).getBigUint64(0, true));
}
