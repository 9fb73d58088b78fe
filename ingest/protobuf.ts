/**
 * Protocol Buffers' wire format over bytes: as little of it as remote write needs, and no objects. Every read is held
 * against the end of the message it is in; a damaged message throws and the caller drops the request.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { VarveError } from '../errors/errors.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** [0] the value of the last varint, exact below 2^53. */
export const varint = new Float64Array(1);

/** [0] the low and [1] the high word of the last 64-bit varint. */
const varintWords = new Int32Array(2);

export function malformed(what: string, at: number): VarveError {
  return new VarveError('bad_request', `cannot decode protobuf: ${what} at byte ${at}`);
}

/** Reads an unsigned varint to `varint[0]` (tags, lengths, references) and returns the position after it. */
export function readVarint(bytes: Uint8Array, p: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let i = p; i < end && i < p + 10; i++) {
    const b = bytes[i];
    value += (b & 127) * scale;
    if (b < 128) {
      varint[0] = value;
      return i + 1;
    }
    scale *= 128;
  }
  throw malformed('unfinished varint', p);
}

/**
 * Reads a length and returns the position after it; the length is in `varint[0]` and lies within the message.
 */
export function readLength(bytes: Uint8Array, p: number, end: number): number {
  const next = readVarint(bytes, p, end);
  if (varint[0] > end - next) throw malformed('length beyond the message', p);
  return next;
}

/** Reads an int64 varint to `varintWords` and, rounded if beyond 2^53, to `varint[0]`. */
export function readInt64(bytes: Uint8Array, p: number, end: number): number {
  let low = 0;
  let middle = 0;
  let high = 0;
  for (let i = 0; i < 10 && p + i < end; i++) {
    const b = bytes[p + i];
    const bits = b & 127;
    if (i < 4) low |= bits << (7 * i);
    else if (i < 8) middle |= bits << (7 * (i - 4));
    else high |= bits << (7 * (i - 8));
    if (b < 128) {
      // low: bits 0–27, middle: 28–55, high: 56–63.
      varintWords[0] = low | (middle << 28);
      varintWords[1] = (middle >>> 4) | (high << 24);
      varint[0] = varintWords[1] * 4294967296 + (varintWords[0] >>> 0);
      return p + i + 1;
    }
  }
  throw malformed('unfinished varint', p);
}

/** Skips a field's value, given its tag; groups are not part of proto3. */
export function skipField(bytes: Uint8Array, p: number, end: number, tag: number): number {
  let next: number;
  switch (tag & 7) {
    case VARINT:
      return readVarint(bytes, p, end);
    case FIXED64:
      next = p + 8;
      break;
    case LENGTH_DELIMITED:
      next = readLength(bytes, p, end);
      next += varint[0];
      break;
    case FIXED32:
      next = p + 4;
      break;
    default:
      throw malformed(`wire type ${tag & 7}`, p);
  }
  if (next > end) throw malformed('field beyond the message', p);
  return next;
}
