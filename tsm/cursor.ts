/**
 * A position in encoded bytes, as all decoders of this folder take it.
 *
 * Invariant: at least `SLACK_BYTES` bytes that may be read (their content does not matter) follow the last encoded byte,
 * because bit readers load 32 bits at a time. `cursorOf` copies when they are missing; frames read from a file always
 * have them, since a footer follows every frame.
 */
export const SLACK_BYTES = 8;

/** Mutable: decoders advance `at`. */
export interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  /** The first offset past the encoded bytes. */
  readonly end: number;
}

/** A cursor over `bytes[start, end)`. The bytes are borrowed unless `SLACK_BYTES` do not follow `end`: then copied. */
export function cursorOf(bytes: Uint8Array, start = 0, end = bytes.length): Cursor {
  if (end + SLACK_BYTES > bytes.length) {
    const padded = new Uint8Array(end - start + SLACK_BYTES);
    padded.set(bytes.subarray(start, end));
    return { bytes: padded, view: new DataView(padded.buffer), at: 0, end: end - start };
  }
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: start, end };
}

/** The next byte. Throws a RangeError at the end, as all readers here do. */
export function readByte(c: Cursor): number {
  if (c.at >= c.end) throw new RangeError(`encoded bytes end at ${c.end}`);
  return c.bytes[c.at++];
}

/** An unsigned LEB128 integer below 2^53. */
export function readVarint(c: Cursor): number {
  const first = readByte(c);
  if (first < 128) return first;
  let result = first & 127;
  let scale = 128;
  for (let i = 1; i < 8; i++) {
    const b = readByte(c);
    result += (b & 127) * scale;
    if (b < 128) return result;
    scale *= 128;
  }
  throw new RangeError('varint is longer than 53 bits');
}

/** A zigzag varint. */
export function readZigzag(c: Cursor): number {
  const v = readVarint(c);
  return v % 2 === 1 ? -(v + 1) / 2 : v / 2;
}

/** The next `n` bytes, borrowed. */
export function readRaw(c: Cursor, n: number): Uint8Array {
  if (n > c.end - c.at) throw new RangeError(`need ${n} bytes at ${c.at} of ${c.end}`);
  const v = c.bytes.subarray(c.at, c.at + n);
  c.at += n;
  return v;
}

/** A copy of `bytes` with the slack that a cursor needs. */
export function withSlack(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(bytes.length + SLACK_BYTES);
  padded.set(bytes);
  return padded;
}
