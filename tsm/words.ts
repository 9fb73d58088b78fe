/**
 * 64-bit words: floats that are no decimals (by XOR), float32 patterns, and integers beyond the exact range of doubles.
 *
 * Words are handled as pairs of 32-bit halves (low, high), never as BigInt and never as float values, so that NaN
 * payloads pass untouched.
 *
 * Bytes: [u8 transform | layout << 4]
 *   transform 0 as is, 1 XOR with the word before (0 before the first), 2 zigzag of the 64-bit difference to it
 *   layout BLOCKS, per 128 words: [u8 width 0 … 64][u8 shift][low halves of (word >> shift), packed][high halves, packed]
 *   layout PLANES, per byte of the word from the lowest, eight times: [u8 method][…]
 *     method 0: [u8 the byte that all have]; 1: bytes plainly; 2: Huffman (huffman.ts); 3: byte compression (byte-compression.ts)
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { packedSizeBytes, packInt32, unpackInt32 } from './bit-packing.ts';
import { decodeBytes, encodeBytes, zstd } from './byte-compression.ts';
import { type Cursor, readByte, readRaw } from './cursor.ts';
import { decodeHuffman, encodeHuffman } from './huffman.ts';

const RAW = 0;
const XOR = 1;
const DELTA = 2;
type Transform = 0 | 1 | 2;
const BLOCKS = 0;
const PLANES = 1;
const BLOCK_WORDS = 128;
/** Planes decode at a third of the speed of blocks: they must save something. */
const PLANES_GAIN = 0.93;
/** And zstd decodes a plane at half the speed of Huffman. */
const ZSTD_GAIN = 0.9;

let low = new Int32Array(1024);
let high = new Int32Array(1024);
let plane = new Uint8Array(1024 + 8);
const NO_BYTES = new Uint8Array(0);
const planeBytes: Uint8Array[] = [NO_BYTES, NO_BYTES, NO_BYTES, NO_BYTES];
let planeScratch = planesOf(1024);
let planeViews = planeScratch.map((bytes) => new DataView(bytes.buffer));
const blockLow = new Int32Array(BLOCK_WORDS);
const blockHigh = new Int32Array(BLOCK_WORDS);
const counts = new Int32Array(256);

function planesOf(n: number): Uint8Array<ArrayBuffer>[] {
  return [0, 1, 2, 3].map(() => new Uint8Array(n + 8));
}

function reserveScratch(n: number): void {
  if (n <= low.length) return;
  const size = 2 ** Math.ceil(Math.log2(n));
  low = new Int32Array(size);
  high = new Int32Array(size);
  plane = new Uint8Array(size + 8);
  planeScratch = planesOf(size);
  planeViews = planeScratch.map((bytes) => new DataView(bytes.buffer));
}

/** Fills `low` and `high`; `words` holds (low, high) pairs. */
function transformWords(words: Int32Array, n: number, transform: Transform): void {
  let previousLow = 0;
  let previousHigh = 0;
  for (let i = 0; i < n; i++) {
    const l = words[2 * i];
    const h = words[2 * i + 1];
    if (transform === RAW) {
      low[i] = l;
      high[i] = h;
      continue;
    }
    if (transform === XOR) {
      low[i] = l ^ previousLow;
      high[i] = h ^ previousHigh;
    } else {
      const borrow = l >>> 0 < previousLow >>> 0 ? 1 : 0;
      const dl = (l - previousLow) | 0;
      const dh = (h - previousHigh - borrow) | 0;
      const sign = dh >> 31;
      low[i] = (dl << 1) ^ sign;
      high[i] = ((dh << 1) | (dl >>> 31)) ^ sign;
    }
    previousLow = l;
    previousHigh = h;
  }
}

function restoreWords(words: Int32Array, n: number, transform: number): void {
  let l = 0;
  let h = 0;
  if (transform === RAW) {
    for (let i = 0; i < n; i++) {
      words[2 * i] = low[i];
      words[2 * i + 1] = high[i];
    }
  } else if (transform === XOR) {
    for (let i = 0; i < n; i++) {
      l ^= low[i];
      h ^= high[i];
      words[2 * i] = l;
      words[2 * i + 1] = h;
    }
  } else {
    for (let i = 0; i < n; i++) {
      const sign = -(low[i] & 1);
      const dl = ((low[i] >>> 1) | (high[i] << 31)) ^ sign;
      const dh = (high[i] >>> 1) ^ sign;
      const sum = (l >>> 0) + (dl >>> 0);
      h = (h + dh + (sum > 4294967295 ? 1 : 0)) | 0;
      l = sum | 0;
      words[2 * i] = l;
      words[2 * i + 1] = h;
    }
  }
}

/** Leading and trailing zero bits common to words `from … to`. */
function commonZeros(from: number, to: number): { width: number; shift: number } {
  let anyLow = 0;
  let anyHigh = 0;
  for (let i = from; i < to; i++) {
    anyLow |= low[i];
    anyHigh |= high[i];
  }
  if ((anyLow | anyHigh) === 0) return { width: 0, shift: 0 };
  const lead = anyHigh !== 0 ? Math.clz32(anyHigh) : 32 + Math.clz32(anyLow);
  const shift = anyLow !== 0 ? 31 - Math.clz32(anyLow & -anyLow) : 63 - Math.clz32(anyHigh & -anyHigh);
  return { width: 64 - lead - shift, shift };
}

function blocksSizeBytes(n: number): number {
  let bytes = 0;
  for (let from = 0; from < n; from += BLOCK_WORDS) {
    const to = Math.min(n, from + BLOCK_WORDS);
    bytes += 2 + packedSizeBytes(to - from, commonZeros(from, to).width);
  }
  return bytes;
}

function encodeBlocks(w: ByteWriter, n: number): void {
  for (let from = 0; from < n; from += BLOCK_WORDS) {
    const count = Math.min(n - from, BLOCK_WORDS);
    const { width, shift } = commonZeros(from, from + count);
    w.u8(width);
    w.u8(shift);
    const lowMask = width >= 32 ? -1 : (1 << width) - 1;
    const highMask = width >= 64 ? -1 : width > 32 ? (1 << (width - 32)) - 1 : 0;
    for (let i = 0; i < count; i++) {
      const l = low[from + i];
      const h = high[from + i];
      if (shift === 0) {
        blockLow[i] = l & lowMask;
        blockHigh[i] = h & highMask;
      } else if (shift < 32) {
        blockLow[i] = ((l >>> shift) | (h << (32 - shift))) & lowMask;
        blockHigh[i] = (h >>> shift) & highMask;
      } else {
        blockLow[i] = (h >>> (shift - 32)) & lowMask;
        blockHigh[i] = 0;
      }
    }
    packInt32(w, blockLow, 0, count, Math.min(width, 32));
    if (width > 32) packInt32(w, blockHigh, 0, count, width - 32);
  }
}

function decodeBlocks(c: Cursor, n: number): void {
  for (let from = 0; from < n; from += BLOCK_WORDS) {
    const count = Math.min(n - from, BLOCK_WORDS);
    const width = readByte(c);
    const shift = readByte(c);
    if (width + shift > 64) throw new RangeError('a word of more than 64 bits');
    const size = packedSizeBytes(count, width);
    if (size > c.end - c.at) throw new RangeError('word block runs past its end');
    if (width <= 32) {
      unpackInt32(c.view, c.at, count, width, low, from);
      high.fill(0, from, from + count);
    } else {
      unpackInt32(c.view, c.at, count, 32, low, from);
      unpackInt32(c.view, c.at + count * 4, count, width - 32, high, from);
    }
    c.at += size;
    if (shift !== 0) shiftLeft(from, from + count, shift);
  }
}

function shiftLeft(from: number, to: number, shift: number): void {
  if (shift >= 32) {
    for (let i = from; i < to; i++) {
      high[i] = low[i] << (shift - 32);
      low[i] = 0;
    }
    return;
  }
  for (let i = from; i < to; i++) {
    high[i] = (high[i] << shift) | (low[i] >>> (32 - shift));
    low[i] <<= shift;
  }
}

const ALL_SAME = 0;
const PLAIN = 1;
const HUFFMAN = 2;
const COMPRESSED = 3;

function fillPlane(n: number, p: number): void {
  const from = p < 4 ? low : high;
  const shift = (p & 3) * 8;
  counts.fill(0);
  for (let i = 0; i < n; i++) {
    const b = (from[i] >>> shift) & 255;
    plane[i] = b;
    counts[b]++;
  }
}

/** Chooses how to write the plane in scratch: method and bytes. */
function choosePlane(n: number, thorough: boolean): { method: number; bytes: number } {
  if (counts[plane[0]] === n) return { method: ALL_SAME, bytes: 1 };
  let method = PLAIN;
  let bytes = n;
  // The entropy and what a code loses to it stand in for the code itself.
  let bits = 0;
  let symbols = 0;
  for (let s = 0; s < 256; s++) {
    if (counts[s] === 0) continue;
    symbols++;
    bits -= counts[s] * Math.log2(counts[s] / n);
  }
  const coded = Math.ceil((bits * 1.01 + symbols * 4) / 8) + 5;
  if (coded < bytes * 0.98) {
    method = HUFFMAN;
    bytes = coded;
  }
  // Bytes without order are not worth a slow trial: the fast level tells.
  if (thorough && n >= 64 && zstd(plane.subarray(0, n), 1).length < bytes * ZSTD_GAIN) {
    method = COMPRESSED;
    bytes = zstd(plane.subarray(0, n), 3).length + 4;
  }
  return { method, bytes };
}

function planesSizeBytes(n: number): number {
  let bytes = 8;
  for (let p = 0; p < 8; p++) {
    fillPlane(n, p);
    bytes += choosePlane(n, false).bytes;
  }
  return bytes;
}

function encodePlanes(w: ByteWriter, n: number): void {
  for (let p = 0; p < 8; p++) {
    fillPlane(n, p);
    const { method } = choosePlane(n, true);
    w.u8(method);
    if (method === ALL_SAME) w.u8(plane[0]);
    else if (method === PLAIN) w.raw(plane.subarray(0, n));
    else if (method === HUFFMAN) encodeHuffman(w, plane, n, counts, 256);
    else encodeBytes(w, plane.subarray(0, n), 'balanced');
  }
}

function decodePlanes(c: Cursor, n: number): void {
  decodeFourPlanes(c, n, low);
  decodeFourPlanes(c, n, high);
}

/** Four planes at a time, so that each word is assembled in one go. */
function decodeFourPlanes(c: Cursor, n: number, into: Int32Array): void {
  let constant = 0;
  let varying = 0;
  for (let p = 0; p < 4; p++) {
    const method = readByte(c);
    planeBytes[p] = NO_BYTES;
    if (method === ALL_SAME) {
      constant |= readByte(c) << (8 * p);
      continue;
    }
    varying++;
    if (method === PLAIN) planeBytes[p] = readRaw(c, n);
    else if (method === HUFFMAN) {
      decodeHuffman(c, n, planeViews[p]);
      planeBytes[p] = planeScratch[p];
    } else if (method === COMPRESSED) planeBytes[p] = decodeBytes(c);
    else throw new RangeError(`unknown byte plane ${method}`);
    if (planeBytes[p].length < n) throw new RangeError('byte plane is too short');
  }
  if (varying === 4) {
    assemble(n, into, planeBytes[0], planeBytes[1], planeBytes[2], planeBytes[3]);
    return;
  }
  into.fill(constant, 0, n);
  for (let p = 0; p < 4; p++) if (planeBytes[p] !== NO_BYTES) mergePlane(planeBytes[p], n, 8 * p, into);
}

function assemble(n: number, into: Int32Array, a: Uint8Array, b: Uint8Array, c: Uint8Array, d: Uint8Array): void {
  for (let i = 0; i < n; i++) into[i] = a[i] | (b[i] << 8) | (c[i] << 16) | (d[i] << 24);
}

function mergePlane(bytes: Uint8Array, n: number, shift: number, into: Int32Array): void {
  for (let i = 0; i < n; i++) into[i] |= bytes[i] << shift;
}

/** Appends `n` words given as (low, high) pairs. `integers`: they are 64-bit integers, so differences may pay. */
export function encodeWords(w: ByteWriter, words: Int32Array, n: number, integers: boolean, cold: boolean): void {
  if (n === 0) return;
  reserveScratch(n);
  const transforms: Transform[] = integers ? [RAW, XOR, DELTA] : [RAW, XOR];
  let best = { transform: XOR as Transform, layout: BLOCKS, bytes: Number.POSITIVE_INFINITY };
  for (const transform of transforms) {
    transformWords(words, n, transform);
    const blocks = blocksSizeBytes(n);
    if (blocks < best.bytes) best = { transform, layout: BLOCKS, bytes: blocks };
    if (!cold || n < 64) continue;
    const planes = planesSizeBytes(n);
    if (planes < best.bytes * PLANES_GAIN) best = { transform, layout: PLANES, bytes: planes };
  }
  transformWords(words, n, best.transform);
  w.u8(best.transform | (best.layout << 4));
  if (best.layout === BLOCKS) encodeBlocks(w, n);
  else encodePlanes(w, n);
}

/** Reads `n` words into `words` as (low, high) pairs. */
export function decodeWords(c: Cursor, n: number, words: Int32Array): void {
  if (n === 0) return;
  reserveScratch(n);
  const header = readByte(c);
  if (header >>> 4 === BLOCKS) decodeBlocks(c, n);
  else if (header >>> 4 === PLANES) decodePlanes(c, n);
  else throw new RangeError(`unknown layout of words ${header}`);
  if ((header & 15) > DELTA) throw new RangeError(`unknown transform of words ${header}`);
  restoreWords(words, n, header & 15);
}
