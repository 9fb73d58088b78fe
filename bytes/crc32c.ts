import { crc32c as native } from '@node-rs/crc32';

/**
 * CRC32C (Castagnoli) of bytes, as an unsigned 32-bit number. Every checksum on disk is this one. With `before`, the
 * checksum of other bytes, it goes on from there: `crc32c(b, crc32c(a))` is that of a followed by b.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  return native(bytes, before) >>> 0;
}
