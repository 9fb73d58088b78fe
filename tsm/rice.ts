/**
 * Golomb-Rice codes: the best table-free code for short runs of small differences, where a Huffman table would cost
 * more than it saves. (R. F. Rice, "Some practical universal noiseless coding techniques", 1979.)
 *
 * Bytes: [bits, LSB first: q = v >> k ones, a zero, then the low k bits of v]; k is stored by the integer stream
 * A quotient of 20 or more is written as 20 ones followed by the whole value in 53 bits.
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { BitReader, BitWriter } from './bit-packing.ts';
import type { Cursor } from './cursor.ts';

const ESCAPE_ONES = 20;
const MAX_K = 40;

/** The parameter with the smallest code for `z[0, n)`, and its size in bits. */
export function bestRice(z: Float64Array | Int32Array, n: number): { k: number; bits: number } {
  const sum = z instanceof Int32Array ? sumShort(z, n) : sumLong(z, n);
  const guess = Math.max(0, Math.min(MAX_K, Math.floor(Math.log2(Math.max(1, (sum / Math.max(1, n)) * 0.7)))));
  let best = { k: 0, bits: Number.POSITIVE_INFINITY };
  for (let k = Math.max(0, guess - 1); k <= Math.min(MAX_K, guess + 1); k++) {
    const bits = z instanceof Int32Array ? sizeShort(z, n, k) : sizeLong(z, n, k);
    if (bits < best.bits) best = { k, bits };
  }
  return best;
}

// One loop per array type keeps each of them fast.

function sumShort(z: Int32Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += z[i];
  return sum;
}

function sumLong(z: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += z[i];
  return sum;
}

function sizeShort(z: Int32Array, n: number, k: number): number {
  let bits = n * (1 + k);
  const shift = Math.min(k, 31);
  for (let i = 0; i < n; i++) {
    const q = z[i] >>> shift;
    bits += q >= ESCAPE_ONES ? ESCAPE_ONES + 52 - k : q;
  }
  return bits;
}

function sizeLong(z: Float64Array, n: number, k: number): number {
  const scale = 2 ** k;
  let bits = n * (1 + k);
  for (let i = 0; i < n; i++) {
    const q = Math.floor(z[i] / scale);
    bits += q >= ESCAPE_ONES ? ESCAPE_ONES + 52 - k : q;
  }
  return bits;
}

/** Appends `z[0, n)`, non-negative integers below 2^53. */
export function encodeRice(w: ByteWriter, z: Float64Array | Int32Array, n: number, k: number): void {
  const bits = new BitWriter(w);
  const scale = 2 ** k;
  for (let i = 0; i < n; i++) {
    const v = z[i];
    const q = Math.floor(v / scale);
    if (q >= ESCAPE_ONES) {
      bits.put((1 << ESCAPE_ONES) - 1, ESCAPE_ONES);
      bits.putLong(v, 53);
    } else {
      bits.put((1 << q) - 1, q + 1);
      bits.putLong(v - q * scale, k);
    }
  }
  bits.finish();
}

/**
 * As decodeRice for values that fit 25 bits, the common case; false when one does not, and the cursor stays.
 */
export function decodeShortRice(c: Cursor, n: number, z: Int32Array, k: number): boolean {
  if (k >= 24) return false;
  const view = c.view;
  const endBit = c.end * 8;
  const mask = (1 << k) - 1;
  let bit = c.at * 8;
  for (let i = 0; i < n; i++) {
    if (bit >= endBit) return false;
    const load = view.getInt32(bit >>> 3, true) >>> (bit & 7);
    const inverse = ~load;
    const q = inverse === 0 ? 32 : 31 - Math.clz32(inverse & -inverse);
    if (q >= ESCAPE_ONES || q + 1 + k > 25) return false;
    z[i] = (q << k) | ((load >>> (q + 1)) & mask);
    bit += q + 1 + k;
  }
  c.at = (bit + 7) >>> 3;
  return c.at <= c.end;
}

/** Reads `n` values into `z[0, n)`. */
export function decodeRice(c: Cursor, n: number, z: Float64Array | Int32Array, k: number): void {
  if (k > MAX_K) throw new RangeError(`a Rice parameter of ${k}`);
  const view = c.view;
  let bit = c.at * 8;
  const slow = new BitReader(view, 0);
  const scale = 2 ** k;
  const mask = k < 25 ? (1 << k) - 1 : 0;
  for (let i = 0; i < n; i++) {
    const load = view.getInt32(bit >>> 3, true) >>> (bit & 7);
    const inverse = ~load;
    // All ones: an escape whose value begins with ones.
    const q = inverse === 0 ? 32 : 31 - Math.clz32(inverse & -inverse);
    if (q < ESCAPE_ONES && q + 1 + k <= 25) {
      z[i] = (q << k) | ((load >>> (q + 1)) & mask);
      bit += q + 1 + k;
      continue;
    }
    if (q >= ESCAPE_ONES) {
      slow.bit = bit + ESCAPE_ONES;
      z[i] = slow.take(53);
    } else {
      slow.bit = bit + q + 1;
      z[i] = q * scale + slow.take(k);
    }
    bit = slow.bit;
  }
  c.at = (bit + 7) >>> 3;
  if (c.at > c.end) throw new RangeError('Rice code runs past its end');
}
