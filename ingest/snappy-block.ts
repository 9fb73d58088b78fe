/**
 * Snappy's block format, as remote write uses it. The block begins with its unpacked length as a varint, which is held
 * against the limit before a byte is unpacked or allocated.
 */
import { VarveError } from '../errors/errors.ts';

/** The unpacked length that a block declares; −1 when it has no valid one. */
export function snappyLength(block: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    length += (block[i] & 127) * 2 ** (7 * i);
    if (block[i] < 128) return length <= 0xffffffff ? length : -1;
  }
  return -1;
}

/**
 * The length that a block of at most `maxBytes` will have.
 * @throws VarveError body_too_large (declares more), bad_request (not a block).
 */
export function unpackedLength(block: Uint8Array, maxBytes: number): number {
  const length = snappyLength(block);
  if (length < 0) throw new VarveError('bad_request', 'cannot unpack snappy body: it does not begin with a length');
  if (length > maxBytes) {
    throw new VarveError('body_too_large', `cannot read body: it unpacks to ${length} bytes, more than ${maxBytes}`);
  }
  // Three bytes of a block yield at most 64: a longer promise is a lie that would only cost memory.
  if (length > 32 * block.length + 64) {
    throw new VarveError('bad_request', `cannot unpack snappy body: ${block.length} bytes cannot hold ${length}`);
  }
  return length;
}

export function damagedBlock(): VarveError {
  return new VarveError('bad_request', 'cannot unpack snappy body: it is damaged');
}

/**
 * Unpacks a block of at most `maxBytes`.
 * @param allocate gives the memory to unpack into.
 * @throws VarveError body_too_large (declares more), bad_request (not a block, or damaged).
 */
export function unpackSnappy(
  block: Uint8Array,
  maxBytes: number,
  allocate: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const out = allocate(unpackedLength(block, maxBytes));
  if (!unpackInto(block, out)) throw damagedBlock();
  return out;
}

/** Shorter runs are faster byte by byte. */
const SHORT_BYTES = 20;

/**
 * Unpacks the elements of a block: literals, and copies of what was unpacked before. The bytes go straight into a buffer
 * that is used again; by the library, each block is new memory, and collecting it took twice as long as unpacking it.
 * @returns false when an element reaches beyond either end, or the elements do not make up `out`.
 */
function unpackInto(block: Uint8Array, out: Uint8Array): boolean {
  const end = block.length;
  let at = 0;
  while (block[at++] >= 128);
  let to = 0;
  while (at < end) {
    const tag = block[at++];
    const kind = tag & 3;
    let length = (tag >> 2) + 1;
    let offset = 0;
    if (kind === LITERAL) {
      const lengthBytes = length - 60;
      if (lengthBytes > 0) {
        length = readLittleEndian(block, at, lengthBytes) + 1;
        at += lengthBytes;
      }
      if (at + length > end || to + length > out.length) return false;
      if (length > SHORT_BYTES) out.set(block.subarray(at, at + length), to);
      else for (let i = 0; i < length; i++) out[to + i] = block[at + i];
      at += length;
      to += length;
      continue;
    }
    if (kind === COPY_SHORT) {
      length = ((tag >> 2) & 7) + 4;
      offset = ((tag >> 5) << 8) | block[at++];
    } else if (kind === COPY_MEDIUM) {
      const low = block[at++];
      const high = block[at++];
      offset = low | (high << 8);
      // A long copy comes as many of at most 64 bytes from one distance.
      while (at + 2 < end && (block[at] & 3) === COPY_MEDIUM && block[at + 1] === low && block[at + 2] === high) {
        length += (block[at] >> 2) + 1;
        at += 3;
      }
    } else {
      offset = readLittleEndian(block, at, 4);
      at += 4;
    }
    if (at > end || offset === 0 || offset > to || to + length > out.length) return false;
    const from = to - offset;
    // A copy may overlap what it makes: then it repeats it, so bytes have to go one by one.
    if (length > SHORT_BYTES && offset >= length) out.copyWithin(to, from, from + length);
    else for (let i = 0; i < length; i++) out[to + i] = out[from + i];
    to += length;
  }
  return to === out.length;
}

const LITERAL = 0;
const COPY_SHORT = 1;
const COPY_MEDIUM = 2;

function readLittleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value += bytes[at + i] * 2 ** (8 * i);
  return value;
}
