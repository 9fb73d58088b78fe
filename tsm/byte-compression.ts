/**
 * General compression of byte runs: LZ4 for hot files, zstd (or raw deflate for very small runs, which has no frame
 * header) for cold ones, each only when it pays.
 *
 * Bytes: [u8 method: 0 raw, 1 LZ4 block with its length in front, 2 zstd frame, 3 raw deflate][varint stored length][bytes]
 */
import { constants, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { compressSync, uncompressSync } from 'lz4-napi';
import type { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readRaw, readVarint } from './cursor.ts';

const RAW = 0;
const LZ4 = 1;
const ZSTD = 2;
const DEFLATE = 3;

/** Below this many bytes the frame header of zstd weighs more than what it does better than deflate. */
const SMALL_BYTES = 1024;

/** zstd at a level; the frame has neither checksum nor dictionary. */
export function zstd(bytes: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

/** How hard to try: not at all, LZ4, zstd at a fast level, zstd at a slow one. */
export type Effort = 'plain' | 'fast' | 'balanced' | 'thorough';

/** Appends `bytes`, compressed if that saves at least a thirty-second. */
export function encodeBytes(w: ByteWriter, bytes: Uint8Array, effort: Effort): void {
  let method = RAW;
  let stored = bytes;
  if (bytes.length >= 48 && effort !== 'plain') {
    let packed: Uint8Array;
    let tried = ZSTD;
    if (bytes.length < SMALL_BYTES) {
      packed = deflateRawSync(bytes, { level: 9 });
      tried = DEFLATE;
    } else if (effort === 'fast') {
      packed = compressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      tried = LZ4;
    } else {
      packed = zstd(bytes, effort === 'balanced' ? 3 : bytes.length < 65536 ? 19 : 12);
    }
    if (packed.length < bytes.length - (bytes.length >>> 5)) {
      method = tried;
      stored = packed;
    }
  }
  w.u8(method);
  w.varint(stored.length);
  w.raw(stored);
}

/** The bytes `encodeBytes` took, with `SLACK_BYTES` readable behind them in the same buffer only if they were copied. */
export function decodeBytes(c: Cursor): Uint8Array {
  const method = readByte(c);
  const stored = readRaw(c, readVarint(c));
  try {
    if (method === RAW) return stored;
    if (method === LZ4) return uncompressSync(stored);
    if (method === ZSTD) return zstdDecompressSync(stored);
    if (method === DEFLATE) return inflateRawSync(stored);
  } catch (cause) {
    throw new RangeError(`cannot decompress ${stored.length} bytes`, { cause });
  }
  throw new RangeError(`unknown compression ${method}`);
}
