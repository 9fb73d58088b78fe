/**
 * Columns of non-negative 32-bit integers in the index log: made regular here, made small by the compressor after.
 *
 *      u8 mode | u8 width | width · count bytes, plane by plane: all lowest bytes, then all second bytes …
 *
 * mode 0: the numbers. mode 1: zigzag of each number minus the one before (the first minus 0).
 * Width is 0 to 4 bytes: a column of zeros takes two bytes. The mode is the one whose top bits are quieter, told by the
 * sum of the numbers' bit lengths.
 */
import type { ByteReader } from '../bytes/reader.ts';
import type { ByteWriter } from '../bytes/writer.ts';

const PLAIN = 0;
const DELTA = 1;

/** Writes `column[0 .. count)`. */
export function writeColumn(writer: ByteWriter, column: Int32Array, count: number): void {
  let plainBits = 0;
  let deltaBits = 0;
  let before = 0;
  let plainAll = 0;
  let deltaAll = 0;
  let deltaBefore = 0;
  for (let i = 0; i < count; i++) {
    const value = column[i];
    const delta = zigzag(value - before);
    plainBits += 32 - Math.clz32(value);
    plainAll |= value;
    // A run of equal deltas costs next to nothing once compressed.
    if (delta !== deltaBefore) deltaBits += 32 - Math.clz32(delta);
    deltaAll |= delta;
    deltaBefore = delta;
    before = value;
  }
  const mode = deltaBits < plainBits ? DELTA : PLAIN;
  const width = (39 - Math.clz32(mode === DELTA ? deltaAll : plainAll)) >> 3;
  writer.u8(mode);
  writer.u8(width);
  writer.reserve(width * count);
  const { bytes } = writer;
  for (let plane = 0; plane < width; plane++) {
    const shift = plane * 8;
    let at = writer.length;
    before = 0;
    for (let i = 0; i < count; i++) {
      const value = column[i];
      bytes[at++] = (mode === DELTA ? zigzag(value - before) : value) >>> shift;
      before = value;
    }
    writer.length = at;
  }
}

/** Reads a column of `count` numbers. Throws a RangeError when it is cut short or of an unknown mode. */
export function readColumn(reader: ByteReader, count: number): Int32Array {
  const mode = reader.u8();
  const width = reader.u8();
  if (mode > DELTA || width > 4) throw new RangeError(`column of mode ${mode} and width ${width}`);
  const planes = reader.raw(width * count);
  const column = new Int32Array(count);
  for (let plane = 0; plane < width; plane++) {
    const shift = plane * 8;
    const from = plane * count;
    for (let i = 0; i < count; i++) column[i] |= planes[from + i] << shift;
  }
  if (mode === DELTA) {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const z = column[i];
      value += (z >>> 1) ^ -(z & 1);
      column[i] = value;
    }
  }
  return column;
}

function zigzag(delta: number): number {
  return (delta << 1) ^ (delta >> 31);
}
