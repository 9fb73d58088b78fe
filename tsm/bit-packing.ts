/**
 * Integers of one width each, least significant bit first, in a byte-aligned run: the kernel of all packed encodings.
 *
 * Reading is one unaligned 32-bit load per value (`DataView` compiles to a plain load), which holds at least 25 useful
 * bits whatever the bit offset, so widths up to 25 need no second load. Widths above 32 are written as a run of the low
 * words followed by a run of the high parts.
 */
import type { ByteWriter } from '../bytes/writer.ts';

/** Bytes of a run of `n` values of `width` bits (0 … 64). */
export function packedSizeBytes(n: number, width: number): number {
  if (width > 32) return n * 4 + packedSizeBytes(n, width - 32);
  return (n * width + 7) >>> 3;
}

/** Appends values `z[from, from + n)`, each below 2^width, width 0 … 32. */
export function packInt32(w: ByteWriter, z: Int32Array, from: number, n: number, width: number): void {
  if (width === 0 || n === 0) return;
  w.reserve(packedSizeBytes(n, width) + 8);
  const out = w.bytes;
  let p = w.length;
  let acc = 0;
  let have = 0;
  for (let i = from; i < from + n; i++) {
    const v = z[i];
    acc |= v << have;
    have += width;
    if (have >= 32) {
      out[p] = acc;
      out[p + 1] = acc >>> 8;
      out[p + 2] = acc >>> 16;
      out[p + 3] = acc >>> 24;
      p += 4;
      have -= 32;
      acc = have === 0 ? 0 : v >>> (width - have);
    }
  }
  for (; have > 0; have -= 8) {
    out[p++] = acc;
    acc >>>= 8;
  }
  w.length = p;
}

/** Reads `n` values of `width` bits (0 … 32) at byte `at` into `out[to, to + n)`. Reads up to 7 bytes past the run. */
export function unpackInt32(view: DataView, at: number, n: number, width: number, out: Int32Array, to: number): void {
  const end = to + n;
  if (width === 0) {
    out.fill(0, to, end);
  } else if (width <= 12) {
    unpackNarrow(view, at, width, out, to, end);
  } else if (width <= 25) {
    const mask = (1 << width) - 1;
    let bit = 0;
    for (let i = to; i < end; i++) {
      out[i] = (view.getInt32(at + (bit >>> 3), true) >>> (bit & 7)) & mask;
      bit += width;
    }
  } else if (width < 32) {
    const mask = (1 << width) - 1;
    let bit = 0;
    for (let i = to; i < end; i++) {
      const p = at + (bit >>> 3);
      const s = bit & 7;
      out[i] = ((view.getInt32(p, true) >>> s) | ((view.getUint8(p + 4) << 1) << (31 - s))) & mask;
      bit += width;
    }
  } else {
    for (let i = to; i < end; i++, at += 4) out[i] = view.getInt32(at, true);
  }
}

/** Widths up to 12: two values per load. */
function unpackNarrow(view: DataView, at: number, width: number, out: Int32Array, to: number, end: number): void {
  const mask = (1 << width) - 1;
  let bit = 0;
  let i = to;
  for (; i + 3 < end; i += 4) {
    const a = view.getInt32(at + (bit >>> 3), true) >>> (bit & 7);
    bit += 2 * width;
    const b = view.getInt32(at + (bit >>> 3), true) >>> (bit & 7);
    bit += 2 * width;
    out[i] = a & mask;
    out[i + 1] = (a >>> width) & mask;
    out[i + 2] = b & mask;
    out[i + 3] = (b >>> width) & mask;
  }
  for (; i < end; i++) {
    out[i] = (view.getInt32(at + (bit >>> 3), true) >>> (bit & 7)) & mask;
    bit += width;
  }
}

/** A run of bits of changing widths, byte-aligned at its start; call `finish` at its end. */
export class BitWriter {
  private readonly out: ByteWriter;
  private acc = 0;
  private have = 0;

  constructor(out: ByteWriter) {
    this.out = out;
  }

  /** Appends the low `width` bits (0 … 24) of `value`, whose other bits must be zero. */
  put(value: number, width: number): void {
    const out = this.out;
    this.acc |= value << this.have;
    this.have += width;
    if (this.have < 8) return;
    out.reserve(4);
    let p = out.length;
    while (this.have >= 8) {
      out.bytes[p++] = this.acc;
      this.acc >>>= 8;
      this.have -= 8;
    }
    out.length = p;
  }

  /** Appends an integer of up to 53 bits. */
  putLong(value: number, width: number): void {
    if (width <= 24) {
      this.put(value, width);
      return;
    }
    this.put(value % 16777216, 24);
    this.putLong(Math.floor(value / 16777216), width - 24);
  }

  finish(): void {
    if (this.have > 0) this.out.u8(this.acc);
    this.acc = 0;
    this.have = 0;
  }
}

/** The counterpart of `BitWriter`, for the rare wide fields; hot loops inline their own loads. */
export class BitReader {
  private readonly view: DataView;
  /** Absolute bit offset in the view. */
  bit: number;

  constructor(view: DataView, atByte: number) {
    this.view = view;
    this.bit = atByte * 8;
  }

  /** The next `width` bits (0 … 53). */
  take(width: number): number {
    if (width <= 24) {
      const v = (this.view.getInt32(Math.floor(this.bit / 8), true) >>> (this.bit & 7)) & ((1 << width) - 1);
      this.bit += width;
      return v;
    }
    const low = this.take(24);
    return low + this.take(width - 24) * 16777216;
  }
}
