/**
 * The coders of integer streams: ways to write non-negative integers z, and the choice among them by size.
 *
 * Huffman tokens: z < 128 is its own token. Above, with b = floor(log2 z): token 128 + 2(b − 7) + the bit below the top
 * one, and the remaining b − 1 bits follow plainly in a second run of bits.
 * Byte planes: z as 1 … 7 little-endian bytes, all lowest bytes first, then all second ones, …
 *
 * Bytes by coder: ZERO nothing; PACKED see packed-blocks.ts; RICE see rice.ts; RUNS see integers.ts;
 *   HUFFMAN [u8 1 if any token ≥ 128][code and tokens, see huffman.ts][plain bits];
 *   PLANES [u8 planes][byte compression, see byte-compression.ts]
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { BitReader, BitWriter } from './bit-packing.ts';
import { decodeBytes, encodeBytes, zstd } from './byte-compression.ts';
import { type Cursor, readByte } from './cursor.ts';
import { codedSizeBits, codeLengths, decodeHuffman, encodeHuffman, MAX_CODE_BITS } from './huffman.ts';
import { bitLength, decodePacked, encodePacked, packedBlocksSizeBytes } from './packed-blocks.ts';
import { bestRice, encodeRice } from './rice.ts';

/** Numbers are on disk. */
export const CODER = { ZERO: 0, PACKED: 1, RICE: 2, RUNS: 3, HUFFMAN: 4, PLANES: 5 } as const;
export const CODER_NAMES = ['zero', 'packed', 'rice', 'runs', 'huffman', 'planes'] as const;

const DIRECT_TOKENS = 128;
const TOKENS = 256;

let tokens = new Uint8Array(1024 + 8);
let tokenView = new DataView(tokens.buffer);
const counts = new Int32Array(TOKENS);

function reserveTokens(n: number): void {
  if (n + 8 <= tokens.length) return;
  tokens = new Uint8Array(2 ** Math.ceil(Math.log2(n)) + 8);
  tokenView = new DataView(tokens.buffer);
}

/** Bits of packing values with this histogram of bit lengths at one width with exceptions; a quick estimate. */
export function packedEstimateBits(histogram: Int32Array, n: number): number {
  let best = Number.POSITIVE_INFINITY;
  let over = 0;
  for (let b = histogram.length - 1; b >= 0; b--) {
    best = Math.min(best, b * n + over * (b < 45 ? 18 : 24));
    over += histogram[b];
  }
  return best;
}

function tokenOf(v: number): number {
  if (v < DIRECT_TOKENS) return v;
  const b = bitLength(v) - 1;
  const below = Math.floor(v / 2 ** (b - 1)) & 1;
  return DIRECT_TOKENS + 2 * (b - 7) + below;
}

/** Plain bits behind a token ≥ 128. */
function plainBitsOf(token: number): number {
  return ((token - DIRECT_TOKENS) >>> 1) + 6;
}

/** Fills `tokens` and `counts`; returns the highest token + 1. */
function tokenize(z: Float64Array | Int32Array, n: number): number {
  reserveTokens(n);
  counts.fill(0);
  if (z instanceof Int32Array) tokenizeShort(z, n);
  else tokenizeLong(z, n);
  for (let i = 0; i < n; i++) counts[tokens[i]]++;
  let symbols = TOKENS;
  while (counts[symbols - 1] === 0) symbols--;
  return symbols;
}

function tokenizeShort(z: Int32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const v = z[i];
    if (v < DIRECT_TOKENS) {
      tokens[i] = v;
    } else {
      const b = 31 - Math.clz32(v);
      tokens[i] = DIRECT_TOKENS + 2 * (b - 7) + ((v >>> (b - 1)) & 1);
    }
  }
}

function tokenizeLong(z: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) tokens[i] = z[i] < DIRECT_TOKENS ? z[i] : tokenOf(z[i]);
}

/** What to write and, when already known, its bytes. */
export interface Choice {
  coder: number;
  bytes: number;
  /** Parameter of Rice. */
  k: number;
}

/** Below this many integers a Huffman code cannot pay for its table. */
const HUFFMAN_AT_LEAST = 48;
const LONG_STREAM = 512;
const PLANES_AT_LEAST = 64;
const PLANES_TRIAL = 4096;

// Loops over z come in pairs, one per array type: a loop that meets both runs at a third of the speed.

function maxOf(z: Float64Array | Int32Array, n: number): number {
  return z instanceof Int32Array ? maxShort(z, n) : maxLong(z, n);
}

function maxShort(z: Int32Array, n: number): number {
  let max = 0;
  for (let i = 0; i < n; i++) if (z[i] > max) max = z[i];
  return max;
}

function maxLong(z: Float64Array, n: number): number {
  let max = 0;
  for (let i = 0; i < n; i++) if (z[i] > max) max = z[i];
  return max;
}

/** The coder with the smallest output; hot ones only look at the cheap coders. */
export function chooseCoder(z: Float64Array | Int32Array, n: number, cold: boolean): Choice {
  const max = maxOf(z, n);
  if (max === 0) return { coder: CODER.ZERO, bytes: 0, k: 0 };
  let best: Choice = { coder: CODER.PACKED, bytes: packedBlocksSizeBytes(z, n), k: 0 };
  if (!cold) return n >= 512 ? hotPlanes(z, n, max, best) : best;
  const rice = bestRice(z, n);
  const riceBytes = 1 + Math.ceil(rice.bits / 8);
  if (riceBytes < best.bytes) best = { coder: CODER.RICE, bytes: riceBytes, k: rice.k };
  if (n >= HUFFMAN_AT_LEAST) {
    const symbols = tokenize(z, n);
    let bits = codedSizeBits(counts, codeLengths(counts, symbols, MAX_CODE_BITS));
    let table = 0;
    for (let t = 0; t < symbols; t++) {
      if (counts[t] > 0) table += 4;
      else if (t > 0 && counts[t - 1] > 0) table += 6;
      if (t >= DIRECT_TOKENS) bits += counts[t] * plainBitsOf(t);
    }
    const bytes = 3 + Math.ceil(table / 8) + Math.ceil(bits / 8);
    // Rice decodes several times slower: in a long stream it must win clearly.
    const bar = best.coder === CODER.RICE && n >= LONG_STREAM ? best.bytes * 1.02 : best.bytes;
    if (bytes < bar) best = { coder: CODER.HUFFMAN, bytes, k: 0 };
  }
  if (n >= PLANES_AT_LEAST && best.bytes > 48) {
    // A fast trial on a part tells whether there are repeats that the other coders miss.
    const part = Math.min(n, PLANES_TRIAL);
    const trial = (zstd(toPlanes(z, part, max), 1).length * n) / part;
    if (trial < best.bytes * 0.95) {
      const bytes = zstd(toPlanes(z, n, max), 12).length + 4;
      if (bytes < best.bytes * 0.97) best = { coder: CODER.PLANES, bytes, k: 0 };
    }
  }
  return best;
}

/** LZ4 over the byte planes of a hot column, if a look at the data says that it repeats itself. */
function hotPlanes(z: Float64Array | Int32Array, n: number, max: number, packed: Choice): Choice {
  // Repeats at the distance of the first repeat found: cheap, and enough for the periodic data LZ4 is good at.
  const distance = repeatDistance(z, n);
  if (distance === 0) return packed;
  let same = 0;
  for (let i = distance; i < n; i++) if (z[i] === z[i - distance]) same++;
  if (same < n * 0.8) return packed;
  const bytes = (n * Math.ceil(bitLength(max) / 8) * (n - same + distance)) / n + n / 200;
  return bytes < packed.bytes ? { coder: CODER.PLANES, bytes: Math.ceil(bytes), k: 0 } : packed;
}

function repeatDistance(z: Float64Array | Int32Array, n: number): number {
  const limit = Math.min(256, n >>> 1);
  for (let d = 1; d <= limit; d++) {
    let i = 0;
    while (i < 16 && z[limit + i] === z[limit + i - d]) i++;
    if (i === 16) return d;
  }
  return 0;
}

function toPlanes(z: Float64Array | Int32Array, n: number, max: number): Uint8Array {
  const planes = Math.ceil(bitLength(max) / 8);
  const bytes = new Uint8Array(planes * n);
  let scale = 1;
  for (let p = 0; p < planes; p++) {
    if (z instanceof Int32Array) for (let i = 0; i < n; i++) bytes[p * n + i] = z[i] >>> (8 * p);
    else for (let i = 0; i < n; i++) bytes[p * n + i] = Math.floor(z[i] / scale) % 256;
    scale *= 256;
  }
  return bytes;
}

/** Appends `z[0, n)` with the chosen coder. */
export function encodeCoded(
  w: ByteWriter,
  z: Float64Array | Int32Array,
  n: number,
  choice: Choice,
  cold: boolean,
): void {
  switch (choice.coder) {
    case CODER.ZERO:
      return;
    case CODER.PACKED:
      encodePacked(w, z, n);
      return;
    case CODER.RICE:
      encodeRice(w, z, n, choice.k);
      return;
    case CODER.HUFFMAN:
      encodeTokens(w, z, n);
      return;
    default: {
      const max = maxOf(z, n);
      w.u8(Math.ceil(bitLength(max) / 8));
      encodeBytes(w, toPlanes(z, n, max), cold ? 'thorough' : 'fast');
    }
  }
}

function encodeTokens(w: ByteWriter, z: Float64Array | Int32Array, n: number): void {
  const symbols = tokenize(z, n);
  w.u8(symbols > DIRECT_TOKENS ? 1 : 0);
  encodeHuffman(w, tokens, n, counts, symbols);
  if (symbols <= DIRECT_TOKENS) return;
  const bits = new BitWriter(w);
  for (let i = 0; i < n; i++) {
    const t = tokens[i];
    if (t < DIRECT_TOKENS) continue;
    const width = plainBitsOf(t);
    if (width <= 24) bits.put(z[i] % 2 ** width, width);
    else bits.putLong(z[i] % 2 ** width, width);
  }
  bits.finish();
}

/** Reads `n` integers into `z[0, n)`. */
export function decodeCoded(c: Cursor, n: number, z: Float64Array | Int32Array, coder: number): void {
  if (n <= 0) return;
  switch (coder) {
    case CODER.ZERO:
      z.fill(0, 0, n);
      return;
    case CODER.PACKED:
      decodePacked(c, n, z);
      return;
    case CODER.HUFFMAN:
      decodeTokens(c, n, z);
      return;
    case CODER.PLANES: {
      const planes = readByte(c);
      const bytes = decodeBytes(c);
      if (bytes.length !== planes * n || planes > 7) throw new RangeError('byte planes have another size');
      for (let i = 0; i < n; i++) z[i] = bytes[i];
      let scale = 256;
      for (let p = 1; p < planes; p++) {
        for (let i = 0; i < n; i++) z[i] += bytes[p * n + i] * scale;
        scale *= 256;
      }
      return;
    }
    default:
      throw new RangeError(`unknown integer coder ${coder}`);
  }
}

/**
 * The first `need` z of a Huffman stream as bytes, when none of all `n` needs more: borrowed, until the next call. Null,
 * with nothing read, for any other.
 */
export function decodeSmallTokens(c: Cursor, n: number, need: number): Uint8Array | null {
  if (c.bytes[c.at] !== 0 || c.at >= c.end) return null;
  c.at++;
  reserveTokens(n);
  decodeHuffman(c, need, tokenView);
  return tokens;
}

function decodeTokens(c: Cursor, n: number, z: Float64Array | Int32Array): void {
  reserveTokens(n);
  const hasPlainBits = readByte(c) === 1;
  decodeHuffman(c, n, tokenView);
  if (!hasPlainBits) {
    if (z instanceof Int32Array) widen(tokens, n, z);
    else for (let i = 0; i < n; i++) z[i] = tokens[i];
    return;
  }
  const view = c.view;
  let bit = c.at * 8;
  const slow = new BitReader(view, 0);
  for (let i = 0; i < n; i++) {
    const t = tokens[i];
    if (t < DIRECT_TOKENS) {
      z[i] = t;
      continue;
    }
    const width = plainBitsOf(t);
    const top = 2 + (t & 1);
    if (width <= 25) {
      z[i] = top * (1 << width) + ((view.getInt32(bit >>> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
      bit += width;
    } else {
      slow.bit = bit;
      z[i] = top * 2 ** width + slow.take(width);
      bit = slow.bit;
    }
  }
  c.at = (bit + 7) >>> 3;
  if (c.at > c.end) throw new RangeError('plain bits run past their end');
}

function widen(from: Uint8Array, n: number, to: Int32Array): void {
  for (let i = 0; i < n; i++) to[i] = from[i];
}
