/**
 * The way back from a log record to a batch, in the form that batch-format.ts explains.
 *
 * The record's checksum was verified before, so what is read here was once written by `encodeBatch`. The checks that
 * remain (counts, shapes, no byte missing and none left over) find a payload that belongs to another index, or a bug.
 */
import { uncompressSync } from 'lz4-napi';
import type { Batch } from '../batch/batch.ts';
import { BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { ByteReader } from '../bytes/reader.ts';
import { VarveError } from '../errors/errors.ts';
import {
  DECIMAL_BASE,
  DECIMAL_END,
  FLOAT32,
  INTEGER_BASE,
  LZ4,
  PLAIN,
  POWERS,
  RAW,
  type RowShape,
  SHIFT_32,
  SMALL_BIAS,
  SMALL_END,
  TEXT,
  UNITS,
  WIDE,
} from './batch-format.ts';

const float32 = new Float32Array(1);
const float32Bits = new Int32Array(float32.buffer);

/**
 * Replaces the content of `into` by the batch in `payload`. Rows come back in order, values contiguous. Throws a
 * `corrupt` error when the payload is none, or names a shape that is not in `shapes`; `into` is then unspecified.
 */
export function decodeBatch(payload: Uint8Array, shapes: readonly RowShape[], into: Batch): void {
  try {
    const reader = new ByteReader(bodyOf(payload));
    readBody(reader, shapes, into);
    if (reader.remaining !== 0) throw new RangeError(`${reader.remaining} bytes are left over`);
  } catch (error) {
    if (error instanceof VarveError) throw error;
    throw new VarveError('corrupt', `cannot decode a batch: ${(error as Error).message}`, { cause: error });
  }
}

function bodyOf(payload: Uint8Array): Uint8Array {
  const body = payload.subarray(1);
  if (payload[0] === PLAIN) return body;
  if (payload[0] === LZ4) return uncompressSync(body);
  throw new RangeError(`the form ${payload[0]} is unknown`);
}

function readBody(reader: ByteReader, shapes: readonly RowShape[], into: Batch): void {
  const rows = reader.varint();
  const valueCount = reader.varint();
  const wideCount = reader.varint();
  const stringCount = reader.varint();
  const unit = reader.u8();
  // Every row takes a byte for its series at least, and every value its token: a bound before anything is allocated.
  if (rows > reader.remaining || valueCount > reader.remaining) throw new RangeError('there are fewer bytes than rows');
  if (wideCount > valueCount || stringCount > valueCount) throw new RangeError('there are fewer values than boxes');
  if (unit >= UNITS.length) throw new RangeError(`the time unit ${unit} is unknown`);
  into.reset();
  makeRoom(into, rows, valueCount, wideCount);
  readShapes(reader, shapes, into, rows, valueCount);
  readSeries(reader, into, rows);
  readTimes(reader, into, rows, unit);
  into.rows = rows;
  into.valueCount = valueCount;
  readValues(reader, into);
  if (into.wideCount !== wideCount || into.stringCount !== stringCount) throw new RangeError('boxes are missing');
}

function makeRoom(into: Batch, rows: number, valueCount: number, wideCount: number): void {
  if (into.series.length < rows) {
    const room = Math.max(rows, into.series.length * 2);
    into.series = new Int32Array(room);
    into.shape = new Int32Array(room);
    into.nano = new Int32Array(room);
    into.valueStart = new Int32Array(room);
    into.sec = new Float64Array(room);
  }
  if (into.values.length < valueCount) {
    into.values = new Float64Array(Math.max(valueCount, into.values.length * 2));
    into.bits = new Int32Array(into.values.buffer);
  }
  if (into.wide.length < wideCount) into.wide = new BigInt64Array(Math.max(wideCount, into.wide.length * 2));
}

function readShapes(
  reader: ByteReader,
  shapes: readonly RowShape[],
  into: Batch,
  rows: number,
  valueCount: number,
): void {
  let start = 0;
  for (let r = 0; r < rows; ) {
    const end = r + reader.varint();
    const id = reader.varint();
    if (end === r || end > rows) throw new RangeError('a run of shapes has a wrong length');
    const shape = shapes[id];
    if (shape === undefined) throw new RangeError(`the shape ${id} is not defined`);
    for (; r < end; r++) {
      into.shape[r] = id;
      into.valueStart[r] = start;
      start += shape.width;
    }
  }
  if (start !== valueCount) throw new RangeError(`the rows have ${start} values, not ${valueCount}`);
}

function readSeries(reader: ByteReader, into: Batch, rows: number): void {
  let ref = 0;
  for (let r = 0; r < rows; r++) {
    const zigzag = reader.varint();
    ref = (ref + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
    into.series[r] = ref;
  }
}

function readTimes(reader: ByteReader, into: Batch, rows: number, unit: number): void {
  const unitNs = UNITS[unit];
  const unitsPerSecond = 1e9 / unitNs;
  let sec = 0;
  let nano = 0;
  for (let r = 0; r < rows; ) {
    const run = reader.varint();
    if (run === 0) {
      sec = reader.zigzag();
      nano = reader.varint();
      into.sec[r] = sec;
      into.nano[r] = nano;
      r++;
      continue;
    }
    const delta = reader.zigzag();
    const jump = Math.floor(delta / unitsPerSecond);
    const nanoJump = (delta - jump * unitsPerSecond) * unitNs;
    const end = r + run;
    if (end > rows) throw new RangeError('a run of times has a wrong length');
    for (; r < end; r++) {
      sec += jump;
      nano += nanoJump;
      if (nano >= 1e9) {
        nano -= 1e9;
        sec++;
      }
      into.sec[r] = sec;
      into.nano[r] = nano;
    }
  }
}

function readValues(reader: ByteReader, into: Batch): void {
  const { bytes } = reader;
  const { valueCount, values } = into;
  const end = reader.offset + reader.remaining;
  let p = reader.offset;
  for (let i = 0; i < valueCount; i++) {
    if (p >= end) throw new RangeError('values are missing');
    const token = bytes[p];
    if (token < SMALL_END) {
      values[i] = token - SMALL_BIAS;
      p++;
    } else {
      p = readOther(bytes, p, end, into, i);
    }
  }
  reader.offset = p;
}

/** The value behind a token of 192 and above. Returns the offset behind it. */
function readOther(bytes: Uint8Array, p: number, end: number, into: Batch, i: number): number {
  const token = bytes[p];
  if (token < DECIMAL_END) return readScaled(bytes, p, end, into, i);
  if (token === FLOAT32) {
    if (p + 5 > end) throw new RangeError('a value is cut short');
    float32Bits[0] = word(bytes, p + 1);
    into.values[i] = float32[0];
    return p + 5;
  }
  if (token === TEXT) return readString(bytes, p + 1, end, into, i);
  if (token !== RAW && token !== WIDE) throw new RangeError(`the token ${token} is unknown`);
  if (p + 9 > end) throw new RangeError('a value is cut short');
  const low = word(bytes, p + 1);
  const high = word(bytes, p + 5);
  if (token === RAW) {
    into.bits[2 * i] = low;
    into.bits[2 * i + 1] = high;
    return p + 9;
  }
  const index = into.wideCount++;
  if (index >= into.wide.length) throw new RangeError('there are more wide integers than announced');
  const wide = new Int32Array(into.wide.buffer, into.wide.byteOffset, into.wide.length * 2);
  wide[2 * index] = low;
  wide[2 * index + 1] = high;
  into.setBox(i, BOX_WIDE, index);
  return p + 9;
}

function readScaled(bytes: Uint8Array, p: number, end: number, into: Batch, i: number): number {
  const token = bytes[p];
  let e = 0;
  let n = token - INTEGER_BASE;
  if (token >= DECIMAL_BASE) {
    e = 1 + Math.floor((token - DECIMAL_BASE) / 7);
    n = 1 + ((token - DECIMAL_BASE) % 7);
  }
  if (p + 1 + n > end) throw new RangeError('a value is cut short');
  let low = 0;
  let high = 0;
  for (let k = Math.min(n, 4); k > 0; k--) low = (low << 8) | bytes[p + k];
  for (let k = n; k > 4; k--) high = (high << 8) | bytes[p + k];
  const zigzag = high * SHIFT_32 + (low >>> 0);
  const m = zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
  into.values[i] = e === 0 ? m : m / POWERS[e];
  return p + 1 + n;
}

function readString(bytes: Uint8Array, p: number, end: number, into: Batch, i: number): number {
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    if (p >= end || shift > 28) throw new RangeError('a string is cut short');
    const b = bytes[p++];
    length += (b & 127) * 2 ** shift;
    if (b < 128) break;
  }
  if (p + length > end) throw new RangeError('a string is cut short');
  into.setBox(i, BOX_STRING, into.addString(bytes, p, p + length));
  return p + length;
}

function word(bytes: Uint8Array, p: number): number {
  return bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24);
}
