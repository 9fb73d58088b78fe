import { crc32c as native } from '@node-rs/crc32';

/** CRC32C (Castagnoli) of bytes, as an unsigned 32-bit number. Every checksum on disk is this one. */
export function crc32c(bytes: Uint8Array): number {
  return native(bytes) >>> 0;
}
