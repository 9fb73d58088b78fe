/**
 * The hash of series keys: FNV-1a over the bytes, then a final avalanche.
 *
 * The byte step is one xor and one multiplication, so a parser can hash a key while it scans for the key's end:
 *
 *     let h = HASH_SEED;
 *     h = Math.imul(h ^ byte, HASH_PRIME);   // for every raw byte of the key
 *     index.find(bytes, start, end, finishHash(h));
 *
 * FNV's low bits are weak for keys that differ at their end only; the avalanche mends that. The hash lives in memory
 * alone and may change between versions.
 */
export const HASH_SEED = -2128831035;
export const HASH_PRIME = 16777619;

/** Spreads every bit of the running hash over all 32. The result is a signed 32-bit integer. */
export function finishHash(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, -2048144789);
  h ^= h >>> 13;
  h = Math.imul(h, -1028477387);
  return h ^ (h >>> 16);
}

/** Hash of `bytes[start .. end)`, as `find` takes it. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let h = HASH_SEED;
  for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i], HASH_PRIME);
  return finishHash(h);
}
