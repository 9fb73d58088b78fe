/**
 * Writes a batch as the payload of a log record, in the form that batch-format.ts explains. The hottest code of the log:
 * one loop over all values with the small integers in line, everything else in functions that return the next offset.
 */
import { compressSync } from 'lz4-napi';
import type { Batch } from '../batch/batch.ts';
import { FLOAT, STRING } from '../batch/field-type.ts';
import type { ByteWriter } from '../bytes/writer.ts';
import {
  DECIMAL_BASE,
  FLOAT32,
  INTEGER_BASE,
  LZ4,
  MAX_DECIMALS,
  PLAIN,
  POWERS,
  RAW,
  type RowShape,
  SCALED_LIMIT,
  SHIFT_32,
  SMALL_BIAS,
  SMALL_END,
  TEXT,
  UNITS,
  WIDE,
} from './batch-format.ts';

/** Decides when LZ4 is tried. Holds state: share one among the batches of one kind of traffic. */
export interface Compression {
  /** Batches to leave alone before the next attempt. */
  pause: number;
  /** The pause after the next attempt that does not pay; doubles up to 64. */
  nextPause: number;
}

/** Bodies below this stay plain. */
const COMPRESS_FROM_BYTES = 512;
/** LZ4 pays when it leaves less than this part. */
const PAYING_RATIO = 0.8;
/** Seconds between two rows up to which the difference in ns is exact in a zigzag varint. */
const NEAR_SECONDS = 4_000_000;

const float32 = new Float32Array(1);
const float32Bits = new Int32Array(float32.buffer);

export function createCompression(): Compression {
  return { pause: 0, nextPause: 1 };
}

const sharedCompression = createCompression();

/**
 * Appends the batch to `out`, which may grow. The batch is only read. `shapes[id]` must be there for every shape id in
 * the batch. With `compression` null the body stays plain.
 */
export function encodeBatch(
  batch: Batch,
  shapes: readonly RowShape[],
  out: ByteWriter,
  compression: Compression | null = sharedCompression,
): void {
  out.reserve(worstCaseBytes(batch));
  const start = out.length;
  out.u8(PLAIN);
  out.varint(batch.rows);
  out.varint(batch.valueCount);
  out.varint(batch.wideCount);
  out.varint(batch.stringCount);
  const unit = timeUnit(batch);
  out.u8(unit);
  writeShapes(batch, out);
  writeSeries(batch, out);
  writeTimes(batch, unit, out);
  writeValues(batch, shapes, out);
  if (compression !== null) compress(out, start, compression);
}

function worstCaseBytes(batch: Batch): number {
  const strings = batch.stringOffsets[batch.stringCount];
  return 64 + batch.rows * 45 + batch.valueCount * 9 + batch.stringCount * 5 + strings;
}

function compress(out: ByteWriter, start: number, state: Compression): void {
  const size = out.length - start - 1;
  if (size < COMPRESS_FROM_BYTES) return;
  if (state.pause > 0) {
    state.pause--;
    return;
  }
  const body = Buffer.from(out.bytes.buffer as ArrayBuffer, out.bytes.byteOffset + start + 1, size);
  const packed = compressSync(body);
  if (packed.length > size * PAYING_RATIO) {
    state.pause = state.nextPause;
    state.nextPause = Math.min(64, state.nextPause * 2);
    return;
  }
  state.nextPause = 1;
  out.bytes[start] = LZ4;
  out.bytes.set(packed, start + 1);
  out.length = start + 1 + packed.length;
}

/** The coarsest unit of which all times are whole multiples: 0 ns, 1 µs, 2 ms, 3 s. */
function timeUnit(batch: Batch): number {
  const { rows, nano } = batch;
  let unit = 3;
  for (let r = 0; r < rows; r++) {
    const n = nano[r];
    if (n === 0) continue;
    if (unit === 3) unit = 2;
    if (unit === 2 && n % 1_000_000 !== 0) unit = 1;
    if (unit === 1 && n % 1000 !== 0) return 0;
  }
  return unit;
}

function writeShapes(batch: Batch, out: ByteWriter): void {
  const { rows, shape } = batch;
  const { bytes } = out;
  let p = out.length;
  for (let r = 0; r < rows; ) {
    const id = shape[r];
    let end = r + 1;
    while (end < rows && shape[end] === id) end++;
    p = writeVarint(bytes, p, end - r);
    p = writeVarint(bytes, p, id);
    r = end;
  }
  out.length = p;
}

function writeVarint(bytes: Uint8Array, p: number, value: number): number {
  let rest = value;
  while (rest > 127) {
    bytes[p++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[p++] = rest;
  return p;
}

function writeSeries(batch: Batch, out: ByteWriter): void {
  const { rows, series } = batch;
  const { bytes } = out;
  let p = out.length;
  let before = 0;
  for (let r = 0; r < rows; r++) {
    const ref = series[r];
    const delta = (ref - before) | 0;
    before = ref;
    let zigzag = ((delta << 1) ^ (delta >> 31)) >>> 0;
    while (zigzag > 127) {
      bytes[p++] = (zigzag & 127) | 128;
      zigzag >>>= 7;
    }
    bytes[p++] = zigzag;
  }
  out.length = p;
}

function writeTimes(batch: Batch, unit: number, out: ByteWriter): void {
  const { rows, sec, nano } = batch;
  const unitNs = UNITS[unit];
  const unitsPerSecond = 1e9 / unitNs;
  let beforeSec = 0;
  let beforeNano = 0;
  for (let r = 0; r < rows; ) {
    const s = sec[r];
    const n = nano[r];
    const jump = s - beforeSec;
    if (jump > NEAR_SECONDS || jump < -NEAR_SECONDS) {
      out.u8(0);
      out.zigzag(s);
      out.varint(n);
      beforeSec = s;
      beforeNano = n;
      r++;
      continue;
    }
    const nanoJump = n - beforeNano;
    let end = r + 1;
    beforeSec = s;
    beforeNano = n;
    while (end < rows && sec[end] - beforeSec === jump && nano[end] - beforeNano === nanoJump) {
      beforeSec = sec[end];
      beforeNano = nano[end];
      end++;
    }
    out.varint(end - r);
    out.zigzag(jump * unitsPerSecond + nanoJump / unitNs);
    r = end;
  }
}

/**
 * What was learned about the columns of this batch, by their place in the row; kept at module level so that nothing is
 * allocated per value. A column that was no decimal 16 times in a row is not tried for the next 256 values.
 */
let decimals = new Uint8Array(64);
let misses = new Uint8Array(64);
let pauses = new Uint16Array(64);

function forgetColumns(width: number): void {
  if (width > decimals.length) {
    decimals = new Uint8Array(width * 2);
    misses = new Uint8Array(width * 2);
    pauses = new Uint16Array(width * 2);
  }
  decimals.fill(1);
  misses.fill(0);
  pauses.fill(0);
}

function writeValues(batch: Batch, shapes: readonly RowShape[], out: ByteWriter): void {
  const { rows, shape, valueStart, values, bits } = batch;
  const { bytes } = out;
  let p = out.length;
  let id = -1;
  let width = 0;
  let types: Uint8Array = NO_TYPES;
  /** Rows to write value by value, after one that was not as most are. */
  let pause = 0;
  let widest = 0;
  for (let r = 0; r < rows; r++) {
    if (shape[r] !== id) {
      id = shape[r];
      ({ width, types } = shapes[id]);
      if (width > widest) {
        widest = width;
        forgetColumns(width);
      }
    }
    const from = valueStart[r];
    // Most rows are small integers throughout: write them as such with no branch per value, then look whether it was so.
    if (pause === 0) {
      const to = from + width;
      let all = 0;
      let signs = 0;
      let rest = 0;
      const before = p;
      for (let i = from; i < to; i++) {
        const v = values[i];
        const n = v | 0;
        all |= n;
        signs |= bits[2 * i + 1];
        rest += v - n;
        bytes[p++] = n + SMALL_BIAS;
      }
      if ((all & ~127) === 0 && signs >= 0 && rest === 0) continue;
      p = before;
      pause = 16;
    }
    pause--;
    for (let c = 0; c < width; c++) {
      const i = from + c;
      const v = values[i];
      const n = v | 0;
      if (n === v && n >= -SMALL_BIAS && n < SMALL_END - SMALL_BIAS && (n !== 0 || bits[2 * i + 1] === 0)) {
        bytes[p++] = n + SMALL_BIAS;
      } else {
        p = writeOther(batch, i, types[c], c, bytes, p);
      }
    }
  }
  out.length = p;
}

const NO_TYPES = new Uint8Array(0);

/** Any value that is not a small integer. Returns the offset behind it. */
function writeOther(batch: Batch, i: number, type: number, column: number, bytes: Uint8Array, p: number): number {
  const v = batch.values[i];
  const low = batch.bits[2 * i];
  const high = batch.bits[2 * i + 1];
  // biome-ignore lint/suspicious/noSelfCompare: NaN, so a box or a float's own NaN
  if (v !== v) {
    if (type === FLOAT) return writeRaw(bytes, p, RAW, low, high);
    if (type === STRING) return writeString(batch, low, bytes, p);
    const wide = new Int32Array(batch.wide.buffer, batch.wide.byteOffset, batch.wide.length * 2);
    return writeRaw(bytes, p, WIDE, wide[2 * low], wide[2 * low + 1]);
  }
  if (v === Math.floor(v) && v < SCALED_LIMIT && v > -SCALED_LIMIT && v !== 0) {
    return writeScaled(bytes, p, v, INTEGER_BASE + 1);
  }
  if (pauses[column] > 0) {
    pauses[column]--;
  } else {
    const e = decimalsOf(v, column);
    if (e > 0) {
      misses[column] = 0;
      return writeScaled(bytes, p, Math.round(v * POWERS[e]), DECIMAL_BASE + 7 * (e - 1));
    }
    if (++misses[column] === 16) {
      misses[column] = 0;
      pauses[column] = 256;
    }
  }
  if (Math.fround(v) === v) {
    float32[0] = v;
    const word = float32Bits[0];
    bytes[p] = FLOAT32;
    bytes[p + 1] = word;
    bytes[p + 2] = word >>> 8;
    bytes[p + 3] = word >>> 16;
    bytes[p + 4] = word >>> 24;
    return p + 5;
  }
  return writeRaw(bytes, p, RAW, low, high);
}

/**
 * An e = 1 … 6 for which v is exactly m / 10^e with m below 2^52, or 0. The column's last answer is tried first: it also
 * holds for values with fewer decimals.
 */
function decimalsOf(v: number, column: number): number {
  const guess = decimals[column];
  if (isDecimal(v, guess)) return guess;
  for (let e = 1; e <= MAX_DECIMALS; e++) {
    if (e === guess || !isDecimal(v, e)) continue;
    decimals[column] = e;
    return e;
  }
  return 0;
}

function isDecimal(v: number, e: number): boolean {
  const scaled = v * POWERS[e];
  if (!(scaled < SCALED_LIMIT && scaled > -SCALED_LIMIT)) return false;
  const m = Math.round(scaled);
  const off = scaled - m;
  // The product is off by half a unit in the last place at most; the division decides.
  if (off > 1e-3 || off < -1e-3) return false;
  return m !== 0 && m / POWERS[e] === v;
}

function writeScaled(bytes: Uint8Array, p: number, m: number, token: number): number {
  const zigzag = m < 0 ? -2 * m - 1 : 2 * m;
  let high = Math.floor(zigzag / SHIFT_32);
  let low = zigzag >>> 0;
  let at = p + 1;
  if (high === 0) {
    do {
      bytes[at++] = low;
      low >>>= 8;
    } while (low !== 0);
  } else {
    bytes[at] = low;
    bytes[at + 1] = low >>> 8;
    bytes[at + 2] = low >>> 16;
    bytes[at + 3] = low >>> 24;
    at += 4;
    do {
      bytes[at++] = high;
      high >>>= 8;
    } while (high !== 0);
  }
  bytes[p] = token + (at - p - 2);
  return at;
}

function writeRaw(bytes: Uint8Array, p: number, token: number, low: number, high: number): number {
  bytes[p] = token;
  bytes[p + 1] = low;
  bytes[p + 2] = low >>> 8;
  bytes[p + 3] = low >>> 16;
  bytes[p + 4] = low >>> 24;
  bytes[p + 5] = high;
  bytes[p + 6] = high >>> 8;
  bytes[p + 7] = high >>> 16;
  bytes[p + 8] = high >>> 24;
  return p + 9;
}

function writeString(batch: Batch, index: number, bytes: Uint8Array, p: number): number {
  const from = batch.stringOffsets[index];
  const to = batch.stringOffsets[index + 1];
  bytes[p++] = TEXT;
  p = writeVarint(bytes, p, to - from);
  if (to - from < 24) {
    for (let i = from; i < to; i++) bytes[p++] = batch.strings[i];
    return p;
  }
  bytes.set(batch.strings.subarray(from, to), p);
  return p + (to - from);
}
