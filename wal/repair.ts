/**
 * Puts a damaged log in order after a replay that was told to skip: every damaged segment is written again from what is
 * whole in it, with a `GAP` record where records are lost, and takes the old one's place in one step. The old file stays
 * beside it with the suffix `.damaged`, which nothing reads.
 */
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { GAP, gapPayload, RECORD_HEADER_BYTES, writeRecord } from './record.ts';
import type { Rewrite } from './replay.ts';
import { segmentHeader, segmentSeed } from './segment.ts';

const COPY_BYTES = 1024 * 1024;
const DAMAGED_SUFFIX = '.damaged';

/** Carries out one rewrite, durably. Returns the bytes in the new segment, 0 when it was only put aside. */
export function rewriteSegment(fs: FileSystem, directory: string, rewrite: Rewrite): number {
  const { segment, pieces } = rewrite;
  const aside = segment.path + DAMAGED_SUFFIX;
  if (fs.exists(segment.path)) {
    fs.remove(aside);
    fs.link(segment.path, aside);
  }
  let usedBytes = 0;
  if (pieces.length === 0) {
    fs.remove(segment.path);
  } else {
    const temporary = `${segment.path}.tmp`;
    const file = fs.create(temporary);
    try {
      writePieces(fs, file, rewrite);
      file.syncNow();
      usedBytes = file.size;
    } finally {
      file.close();
    }
    fs.rename(temporary, segment.path);
  }
  fs.syncDirectory(directory);
  return usedBytes;
}

function writePieces(fs: FileSystem, file: WritableFile, { segment, pieces }: Rewrite): void {
  file.write(segmentHeader(segment.firstLsn));
  for (const piece of pieces) {
    if ('firstLsn' in piece) {
      file.write(gapRecord(segment.firstLsn, piece.firstLsn, piece.lastLsn));
      continue;
    }
    const old = fs.openRead(segment.path);
    for (let at = piece.from; at < piece.to; at += COPY_BYTES) {
      file.write(old.read(at, Math.min(COPY_BYTES, piece.to - at)));
    }
    old.close();
  }
}

/** A record that stands for all of `firstLsn … lastLsn`, in the segment with that first LSN. */
export function gapRecord(segmentFirstLsn: number, firstLsn: number, lastLsn: number): Uint8Array {
  const payload = gapPayload(firstLsn);
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + payload.length);
  const header = { lsn: lastLsn, type: GAP, database: 0, syncedLsn: lastLsn };
  writeRecord(bytes, 0, segmentSeed(segmentFirstLsn), header, payload);
  return bytes;
}
