/**
 * Segment files: their names, their header, and what is in a log directory.
 *
 * A segment is named for its first LSN, so the names in order are the log in order, and a hole between them shows. The
 * header repeats the name; its checksum seeds those of the records. As it follows from the name alone, a segment whose
 * header is damaged still reads.
 */
import { crc32c } from '../bytes/crc32c.ts';
import type { FileSystem } from '../disk/file-system.ts';

export const SEGMENT_HEADER_BYTES = 32;
const SEGMENT_VERSION = 1;
const MAGIC = 'VARVEWAL';
const SEGMENT_NAME = /^[0-9a-f]{16}\.wal$/;
const SPARE_NAME = /^spare-[0-9a-f]{16}\.wal$/;

export interface SegmentName {
  name: string;
  path: string;
  firstLsn: number;
}

export function segmentName(firstLsn: number): string {
  return `${firstLsn.toString(16).padStart(16, '0')}.wal`;
}

/** The name of a segment that waits to be overwritten. */
export function spareName(firstLsn: number): string {
  return `spare-${segmentName(firstLsn)}`;
}

/** The segments of a directory in the order of their LSNs, and the paths of the spare ones. */
export function listSegments(fs: FileSystem, directory: string): { segments: SegmentName[]; spares: string[] } {
  const names = fs.list(directory);
  return {
    segments: names
      .filter((name) => SEGMENT_NAME.test(name))
      .map((name) => ({ name, path: `${directory}/${name}`, firstLsn: Number.parseInt(name.slice(0, 16), 16) })),
    spares: names.filter((name) => SPARE_NAME.test(name)).map((name) => `${directory}/${name}`),
  };
}

/** `recycled` says that the file held another segment before, so that bytes behind the last record mean nothing. */
export function segmentHeader(firstLsn: number, recycled = false): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, SEGMENT_VERSION, true);
  view.setUint32(12, recycled ? 1 : 0, true);
  view.setBigUint64(16, BigInt(firstLsn), true);
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true);
  return bytes;
}

/** Where the checksums of the records in a segment start from. */
export function segmentSeed(firstLsn: number): number {
  return crc32c(segmentHeader(firstLsn).subarray(0, 28));
}

export interface SegmentState {
  /** Whether the header is the one that the name asks for; 'newer' when a later version wrote it. */
  state: 'good' | 'bad' | 'newer';
  recycled: boolean;
}

/** Looks at the first bytes of a segment. */
export function readSegmentHeader(bytes: Uint8Array, firstLsn: number): SegmentState {
  const bad: SegmentState = { state: 'bad', recycled: false };
  if (bytes.length < SEGMENT_HEADER_BYTES) return bad;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(28, true) !== crc32c(bytes.subarray(0, 28))) return bad;
  for (let i = 0; i < MAGIC.length; i++) if (bytes[i] !== MAGIC.charCodeAt(i)) return bad;
  if (view.getUint32(8, true) > SEGMENT_VERSION) return { state: 'newer', recycled: false };
  if (view.getBigUint64(16, true) !== BigInt(firstLsn)) return bad;
  return { state: 'good', recycled: view.getUint32(12, true) === 1 };
}
