/**
 * Prometheus' XOR chunk: up to some hundred float samples as a bit stream, the form in which remote read streams series.
 *
 *     u16 big-endian   number of samples
 *     sample 0         zigzag varint time (ms), 64 bits value
 *     sample 1         uvarint time delta, value
 *     sample 2 …       delta of delta, value
 *
 *     delta of delta   0                     0
 *                      10    14 bits         −8191 … 8192
 *                      110   17 bits         −65535 … 65536
 *                      1110  20 bits         −524287 … 524288
 *                      1111  64 bits
 *     value            0                                        as before
 *                      10    bits                               XOR within the window of the last 11
 *                      11    5 bits leading zeros, 6 bits length (0: 64), bits
 *
 * Bits go from the most significant down. Values are handled as words, so every NaN payload is kept.
 *
 * Source: Prometheus, tsdb/docs/format/chunks.md and tsdb/chunkenc (the Gorilla paper's scheme with wider buckets).
 */

/** Samples per chunk that readers are used to. */
export const SAMPLES_PER_CHUNK = 120;

/** The most a chunk of `SAMPLES_PER_CHUNK` takes: 145 bits a sample behind a head of 20 bytes. */
const LARGEST_CHUNK_BYTES = 2 + 18 + Math.ceil(((SAMPLES_PER_CHUNK - 1) * 145) / 8) + 8;

const TWO_32 = 4294967296;

const buffer = new Uint8Array(LARGEST_CHUNK_BYTES);
/** Bits of `buffer` in use; all behind them are 0. */
let bits = 0;

/** Appends the low `count` (0 … 32) bits of `value`. */
function put(value: number, count: number): void {
  let left = count;
  while (left > 0) {
    const free = 8 - (bits & 7);
    const take = Math.min(free, left);
    buffer[bits >>> 3] |= ((value >>> (left - take)) & ((1 << take) - 1)) << (free - take);
    bits += take;
    left -= take;
  }
}

/** Appends the low `count` (1 … 64) bits of a number given as words. */
function putWords(high: number, low: number, count: number): void {
  if (count > 32) {
    put(high, count - 32);
    put(low, 32);
  } else put(low, count);
}

/** Appends an integer ≥ 0 as LEB128. */
function putVarint(value: number): void {
  let rest = value;
  while (rest >= 128) {
    put((rest % 128) | 128, 8);
    rest = Math.floor(rest / 128);
  }
  put(rest, 8);
}

function putDeltaOfDelta(dod: number): void {
  if (dod === 0) put(0, 1);
  else if (dod >= -8191 && dod <= 8192) {
    put(0b10, 2);
    put(dod, 14);
  } else if (dod >= -65535 && dod <= 65536) {
    put(0b110, 3);
    put(dod, 17);
  } else if (dod >= -524287 && dod <= 524288) {
    put(0b1110, 4);
    put(dod, 20);
  } else {
    put(0b1111, 4);
    putWords(Math.floor(dod / TWO_32), dod, 64);
  }
}

function leadingZeros(high: number, low: number): number {
  return high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
}

function trailingZeros(high: number, low: number): number {
  return low !== 0 ? 31 - Math.clz32(low & -low) : 63 - Math.clz32(high & -high);
}

/** The words of a number shifted right by `by` (0 … 63), put as its low `count` bits. */
function putShifted(high: number, low: number, by: number, count: number): void {
  if (by === 0) putWords(high, low, count);
  else if (by >= 32) putWords(0, high >>> (by - 32), count);
  else putWords(high >>> by, (low >>> by) | (high << (32 - by)), count);
}

/**
 * Encodes samples `from` … `to − 1`, at least one and at most `SAMPLES_PER_CHUNK`.
 * @param timesMs integers, ascending.
 * @param words the values' (low, high) words: a view on the Float64Array that is parallel to `timesMs`.
 * @returns the chunk's bytes: valid until the next call.
 */
export function encodeXorChunk(timesMs: Float64Array, words: Uint32Array, from: number, to: number): Uint8Array {
  if (!(to > from && to - from <= SAMPLES_PER_CHUNK)) throw new Error(`BUG: a chunk of ${to - from} samples`);
  buffer.fill(0, 0, (bits + 7) >>> 3);
  bits = 0;
  put(to - from, 16);
  const first = timesMs[from];
  putVarint(first < 0 ? -2 * first - 1 : 2 * first);
  putWords(words[2 * from + 1], words[2 * from], 64);
  let delta = 0;
  let leading = -1;
  let trailing = 0;
  for (let i = from + 1; i < to; i++) {
    const next = timesMs[i] - timesMs[i - 1];
    if (i === from + 1) putVarint(next);
    else putDeltaOfDelta(next - delta);
    delta = next;

    const low = words[2 * i] ^ words[2 * i - 2];
    const high = words[2 * i + 1] ^ words[2 * i - 1];
    if ((low | high) === 0) {
      put(0, 1);
      continue;
    }
    const zerosBefore = Math.min(31, leadingZeros(high, low));
    const zerosBehind = trailingZeros(high, low);
    if (leading >= 0 && zerosBefore >= leading && zerosBehind >= trailing) {
      put(0b10, 2);
    } else {
      leading = zerosBefore;
      trailing = zerosBehind;
      put(0b11, 2);
      put(leading, 5);
      put((64 - leading - trailing) & 63, 6);
    }
    putShifted(high, low, trailing, 64 - leading - trailing);
  }
  return buffer.subarray(0, (bits + 7) >>> 3);
}

/** Reads bits from the most significant down. */
class BitReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Up to 32 bits as an unsigned number. */
  take(count: number): number {
    if (this.at + count > this.bytes.length * 8) throw new RangeError('chunk ends within a sample');
    let value = 0;
    for (let left = count; left > 0; ) {
      const free = 8 - (this.at & 7);
      const taken = Math.min(free, left);
      value = value * 2 ** taken + ((this.bytes[this.at >>> 3] >>> (free - taken)) & ((1 << taken) - 1));
      this.at += taken;
      left -= taken;
    }
    return value;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.take(8);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }
}

/** What a chunk holds. Throws RangeError when it is cut short. */
export function decodeXorChunk(chunk: Uint8Array): { timesMs: Float64Array; values: Float64Array } {
  const reader = new BitReader(chunk);
  const count = reader.take(16);
  const timesMs = new Float64Array(count);
  const values = new Float64Array(count);
  const words = new Uint32Array(values.buffer);
  let delta = 0;
  let leading = 0;
  let trailing = 0;
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      const zigzag = reader.varint();
      timesMs[0] = zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
      words[1] = reader.take(32);
      words[0] = reader.take(32);
      continue;
    }
    delta = i === 1 ? reader.varint() : delta + takeDeltaOfDelta(reader);
    timesMs[i] = timesMs[i - 1] + delta;
    words[2 * i] = words[2 * i - 2];
    words[2 * i + 1] = words[2 * i - 1];
    if (reader.take(1) === 0) continue;
    if (reader.take(1) === 1) {
      leading = reader.take(5);
      trailing = 64 - leading - (reader.take(6) || 64);
    }
    const length = 64 - leading - trailing;
    let high = length > 32 ? reader.take(length - 32) : 0;
    let low = reader.take(Math.min(32, length));
    if (trailing >= 32) {
      high = low << (trailing - 32);
      low = 0;
    } else if (trailing > 0) {
      high = (high << trailing) | (low >>> (32 - trailing));
      low <<= trailing;
    }
    words[2 * i] ^= low;
    words[2 * i + 1] ^= high;
  }
  return { timesMs, values };
}

function takeDeltaOfDelta(reader: BitReader): number {
  if (reader.take(1) === 0) return 0;
  for (const size of [14, 17, 20]) {
    if (reader.take(1) === 1) continue;
    const value = reader.take(size);
    return value > 2 ** (size - 1) ? value - 2 ** size : value;
  }
  const high = reader.take(32) | 0;
  return high * TWO_32 + reader.take(32);
}
