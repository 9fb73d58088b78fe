/**
 * Decoded parts that several series share: packs' columns and times, and time columns. One cache may serve many files and
 * queries of a thread; the oldest entries leave when it is full.
 */

/** Opaque to callers; make one with `createDecodeCache`. */
export interface DecodeCache {
  readonly maxBytes: number;
  bytes: number;
  readonly entries: Map<number, { value: unknown; bytes: number }>;
  /** Arrays that columns are decoded into, reused by the next read; null when every read has its own. */
  readonly pool: Float64Array[] | null;
  /** Arrays of the pool that the read under way has taken. */
  taken: number;
}

const DEFAULT_BYTES = 32 << 20;

/**
 * @param reuse decode columns into the same arrays again and again: what a read returns is valid only until the next read
 *   with this cache. Scans that fold rows as they come run much faster so.
 */
export function createDecodeCache(maxBytes = DEFAULT_BYTES, reuse = false): DecodeCache {
  return { maxBytes, bytes: 0, entries: new Map(), pool: reuse ? [] : null, taken: 0 };
}

/** An array of `n` doubles, their content unspecified: the next of the pool, or a new one. */
export function takeValues(cache: DecodeCache, n: number): Float64Array {
  const { pool } = cache;
  if (pool === null) return new Float64Array(n);
  const i = cache.taken++;
  if (i === pool.length || pool[i].length < n) pool[i] = new Float64Array(2 ** Math.ceil(Math.log2(Math.max(n, 1024))));
  return pool[i].length === n ? pool[i] : pool[i].subarray(0, n);
}

/** What readers use when they are given none. */
export const sharedDecodeCache = createDecodeCache();

const GROUPS = 2 ** 22;
const PARTS = 2 ** 11;

/** A key for a part of a row group, unique over the files of a process; -1 when it is out of range and must not be cached. */
export function cacheKey(fileId: number, group: number, part: number): number {
  return part < PARTS && group < GROUPS ? ((fileId % 2 ** 20) * GROUPS + group) * PARTS + part : -1;
}

/** The cached value, or what `load` returns, which is then kept. `sizeOf` is its size in bytes. */
export function cached<T>(cache: DecodeCache, key: number, load: () => T, sizeOf: (value: T) => number): T {
  const hit = cache.entries.get(key);
  if (hit !== undefined) return hit.value as T;
  const value = load();
  const bytes = sizeOf(value);
  if (key < 0 || bytes > cache.maxBytes / 2) return value;
  cache.entries.set(key, { value, bytes });
  cache.bytes += bytes;
  for (const [oldest, entry] of cache.entries) {
    if (cache.bytes <= cache.maxBytes) break;
    cache.entries.delete(oldest);
    cache.bytes -= entry.bytes;
  }
  return value;
}

/** Drops an entry, if it is there. */
export function forget(cache: DecodeCache, key: number): void {
  const entry = cache.entries.get(key);
  if (entry === undefined) return;
  cache.entries.delete(key);
  cache.bytes -= entry.bytes;
}
