/**
 * A bloom filter over series refs: files that hold few of a database's series say "not here" without loading their
 * series table. (B. Bloom, 1970; k hashes from two by Kirsch and Mitzenmacher, 2006.)
 *
 * Bytes: bit i of the filter is bit (i & 7) of byte (i >> 3); 10 bits per ref, 6 probes: about 1 % false positives.
 */
const BITS_PER_REF = 10;
const PROBES = 6;

/** Below this many series the table itself is as cheap to load. */
const BLOOM_AT_LEAST = 64;

function mix(ref: number, seed: number): number {
  let h = Math.imul(ref ^ seed, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The filter of `refs[0, n)`. Empty when the refs are so dense that their bounds say as much. */
export function bloomOf(refs: Int32Array, n: number): Uint8Array {
  if (n < BLOOM_AT_LEAST || refs[n - 1] - refs[0] + 1 <= 2 * n) return new Uint8Array(0);
  const filter = new Uint8Array(Math.ceil((n * BITS_PER_REF) / 8));
  const bits = filter.length * 8;
  for (let i = 0; i < n; i++) {
    const a = mix(refs[i], 0);
    const b = mix(refs[i], 0x27d4eb2f) | 1;
    for (let p = 0; p < PROBES; p++) {
      const bit = ((a + Math.imul(p, b)) >>> 0) % bits;
      filter[bit >>> 3] |= 1 << (bit & 7);
    }
  }
  return filter;
}

/** False when the ref is certainly not in the filter. */
export function mayContain(filter: Uint8Array, length: number, ref: number): boolean {
  const bits = length * 8;
  if (bits === 0) return true;
  const a = mix(ref, 0);
  const b = mix(ref, 0x27d4eb2f) | 1;
  for (let p = 0; p < PROBES; p++) {
    const bit = ((a + Math.imul(p, b)) >>> 0) % bits;
    if ((filter[bit >>> 3] & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}
