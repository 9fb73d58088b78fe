/**
 * Bit-packing in blocks of 256 values with patched exceptions (PFOR; Zukowski et al., "Super-scalar RAM-CPU cache
 * compression", 2006): one width per block, chosen so that the few values that need more bits are cheaper as exceptions.
 *
 * Bytes per block: [u8 width | 128 if there are exceptions]
 *                  [u8 exceptions, u8 position each, varint (value >> width) each]     only with exceptions
 *                  [packed low bits; above width 32: all low words, then all high parts]
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { packedSizeBytes, packInt32, unpackInt32 } from './bit-packing.ts';
import { type Cursor, readByte, readVarint } from './cursor.ts';

const BLOCK_VALUES = 256;

const histogram = new Int32Array(54);

/** The number of bits of a non-negative integer below 2^53. */
export function bitLength(v: number): number {
  return v < 4294967296 ? 32 - Math.clz32(v) : 64 - Math.clz32(Math.floor(v / 4294967296));
}

/** The cheapest width for values with this histogram of bit lengths, and its size in bytes. */
function bestWidth(n: number, longest: number): { width: number; bytes: number } {
  let width = longest;
  let bytes = packedSizeBytes(n, longest);
  let over = 0;
  let overBytes = 0;
  for (let b = longest; b > 0; b--) {
    over += histogram[b];
    // Each exception costs its position and the varint of its high part, which grows as the width shrinks.
    overBytes = 0;
    for (let h = b; h <= longest; h++)
      if (histogram[h] > 0) overBytes += histogram[h] * (1 + Math.ceil((h - b + 1) / 7));
    if (over > n >>> 2 || over > 255) break;
    const size = packedSizeBytes(n, b - 1) + 1 + overBytes;
    if (size < bytes) {
      bytes = size;
      width = b - 1;
    }
  }
  return { width, bytes: bytes + 1 };
}

/** Size of `z[0, n)` as `encodePacked` would write it. */
export function packedBlocksSizeBytes(z: Float64Array | Int32Array, n: number): number {
  let bytes = 0;
  for (let from = 0; from < n; from += BLOCK_VALUES) {
    const count = Math.min(BLOCK_VALUES, n - from);
    bytes += bestWidth(count, fillHistogram(z, from, count)).bytes;
  }
  return bytes;
}

function fillHistogram(z: Float64Array | Int32Array, from: number, n: number): number {
  histogram.fill(0);
  let longest = 0;
  if (z instanceof Int32Array) {
    for (let i = from; i < from + n; i++) histogram[32 - Math.clz32(z[i])]++;
  } else {
    for (let i = from; i < from + n; i++) histogram[bitLength(z[i])]++;
  }
  for (let b = 0; b < 54; b++) if (histogram[b] > 0) longest = b;
  return longest;
}

const low = new Int32Array(BLOCK_VALUES);
const high = new Int32Array(BLOCK_VALUES);

/** Appends `z[0, n)`, non-negative integers below 2^53 (below 2^31 when an `Int32Array`). */
export function encodePacked(w: ByteWriter, z: Float64Array | Int32Array, n: number): void {
  for (let from = 0; from < n; from += BLOCK_VALUES) {
    const count = Math.min(BLOCK_VALUES, n - from);
    const longest = fillHistogram(z, from, count);
    const { width } = bestWidth(count, longest);
    w.u8(width === longest ? width : width | 128);
    if (width !== longest) writeExceptions(w, z, from, count, width);
    if (z instanceof Int32Array) {
      const mask = width >= 31 ? 0x7fffffff : (1 << width) - 1;
      for (let i = 0; i < count; i++) low[i] = z[from + i] & mask;
      packInt32(w, low, 0, count, width);
    } else if (width <= 32) {
      const mask = width === 32 ? -1 : (1 << width) - 1;
      for (let i = 0; i < count; i++) low[i] = (z[from + i] % 4294967296) & mask;
      packInt32(w, low, 0, count, width);
    } else {
      const highMask = (1 << (width - 32)) - 1;
      for (let i = 0; i < count; i++) {
        low[i] = z[from + i] % 4294967296;
        high[i] = Math.floor(z[from + i] / 4294967296) & highMask;
      }
      packInt32(w, low, 0, count, 32);
      packInt32(w, high, 0, count, width - 32);
    }
  }
}

function writeExceptions(
  w: ByteWriter,
  z: Float64Array | Int32Array,
  from: number,
  count: number,
  width: number,
): void {
  const scale = 2 ** width;
  let over = 0;
  for (let i = 0; i < count; i++) if (z[from + i] >= scale) over++;
  w.u8(over);
  for (let i = 0; i < count; i++) if (z[from + i] >= scale) w.u8(i);
  for (let i = 0; i < count; i++) if (z[from + i] >= scale) w.varint(Math.floor(z[from + i] / scale));
}

const positions = new Uint8Array(BLOCK_VALUES);
const patches = new Float64Array(BLOCK_VALUES);

/** Reads `n` values into `out[0, n)`. An `Int32Array` takes only streams whose values were below 2^31. */
export function decodePacked(c: Cursor, n: number, out: Float64Array | Int32Array): void {
  for (let from = 0; from < n; from += BLOCK_VALUES) {
    const count = Math.min(BLOCK_VALUES, n - from);
    const header = readByte(c);
    const width = header & 127;
    if (width > 53) throw new RangeError(`a bit width of ${width}`);
    let exceptions = 0;
    if (header >= 128) {
      exceptions = readByte(c);
      for (let i = 0; i < exceptions; i++) positions[i] = readByte(c);
      for (let i = 0; i < exceptions; i++) patches[i] = readVarint(c);
    }
    const size = packedSizeBytes(count, width);
    if (size > c.end - c.at) throw new RangeError('packed block runs past its end');
    if (out instanceof Int32Array) {
      unpackInt32(c.view, c.at, count, Math.min(width, 32), out, from);
    } else if (width <= 31) {
      unpackInt32(c.view, c.at, count, width, low, 0);
      for (let i = 0; i < count; i++) out[from + i] = low[i];
    } else {
      unpackInt32(c.view, c.at, count, 32, low, 0);
      unpackInt32(c.view, c.at + count * 4, count, width - 32, high, 0);
      for (let i = 0; i < count; i++) out[from + i] = (low[i] >>> 0) + high[i] * 4294967296;
    }
    c.at += size;
    if (exceptions > 0) {
      const scale = 2 ** width;
      for (let i = 0; i < exceptions; i++) out[from + positions[i]] += patches[i] * scale;
    }
  }
}
