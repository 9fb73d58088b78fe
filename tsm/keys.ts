/**
 * Series keys in ref order, for rebuilding the series index from the files alone. Normal reading never touches them.
 *
 * Keys come in blocks of up to 4096. A key is the length it shares with the key before it in its block, and the rest.
 *
 * Bytes: per block [varint keys · 2 + 1][shared lengths: integers][rest lengths: integers][rests: byte compression]
 *        or, for a few keys, [varint keys · 2] and per key [varint shared length][varint rest length][rest]
 */
import { ByteWriter } from '../bytes/writer.ts';
import { decodeBytes, encodeBytes } from './byte-compression.ts';
import { type Cursor, readRaw, readVarint } from './cursor.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';

const BLOCK_KEYS = 4096;
/** A section below this is left to the compression of the tail. */
const SMALL_KEYS_BYTES = 1536;

/** Collects keys and compresses them block by block, so that a million keys never lie in memory. */
export class KeyWriter {
  private readonly out = new ByteWriter(4096);
  private readonly rests = new ByteWriter(65536);
  private readonly shared = new Float64Array(BLOCK_KEYS);
  private readonly lengths = new Float64Array(BLOCK_KEYS);
  private previous = new Uint8Array(256);
  private previousLength = 0;
  private count = 0;

  /** The key is copied. */
  add(key: Uint8Array): void {
    const { previous } = this;
    const limit = this.count > 0 ? Math.min(key.length, this.previousLength) : 0;
    let same = 0;
    while (same < limit && key[same] === previous[same]) same++;
    this.shared[this.count] = same;
    this.lengths[this.count++] = key.length - same;
    const { rests } = this;
    rests.reserve(key.length - same);
    const { bytes } = rests;
    let at = rests.length;
    if (key.length > previous.length) {
      this.previous = new Uint8Array(key.length * 2);
      this.previous.set(previous);
    }
    const remembered = this.previous;
    for (let i = same; i < key.length; i++) {
      bytes[at++] = key[i];
      remembered[i] = key[i];
    }
    rests.length = at;
    this.previousLength = key.length;
    if (this.count === BLOCK_KEYS) this.closeBlock(false);
  }

  /** The whole section. */
  finish(): Uint8Array {
    if (this.count > 0) this.closeBlock(this.out.length === 0 && this.rests.length < SMALL_KEYS_BYTES);
    return this.out.view8();
  }

  private closeBlock(plain: boolean): void {
    if (plain) {
      this.out.varint(this.count * 2);
      let at = 0;
      for (let i = 0; i < this.count; i++) {
        this.out.varint(this.shared[i]);
        this.out.blob(this.rests.bytes.subarray(at, at + this.lengths[i]));
        at += this.lengths[i];
      }
      return;
    }
    this.out.varint(this.count * 2 + 1);
    encodeIntegers(this.out, this.shared, this.count, true);
    encodeIntegers(this.out, this.lengths, this.count, true);
    encodeBytes(this.out, this.rests.view8(), 'balanced');
    this.rests.reset();
    this.count = 0;
  }
}

/** Yields each key in order, never to be changed: keys of a block are views of one array. */
export function* readKeys(c: Cursor): Generator<Uint8Array> {
  while (c.at < c.end) {
    const header = readVarint(c);
    const count = Math.floor(header / 2);
    if (count < 1 || count > BLOCK_KEYS) throw new RangeError(`a block of ${count} keys`);
    let previous: Uint8Array = new Uint8Array(0);
    if (header % 2 === 0) {
      for (let i = 0; i < count; i++) {
        const same = readVarint(c);
        if (same > previous.length) throw new RangeError('series keys do not add up');
        previous = Buffer.concat([previous.subarray(0, same), readRaw(c, readVarint(c))]);
        yield previous;
      }
      continue;
    }
    const shared = new Float64Array(count);
    const lengths = new Float64Array(count);
    decodeIntegers(c, count, shared);
    decodeIntegers(c, count, lengths);
    const rests = decodeBytes(c);
    let total = 0;
    let before = 0;
    for (let i = 0; i < count; i++) {
      if (!(shared[i] >= 0 && shared[i] <= before && lengths[i] >= 0))
        throw new RangeError('series keys do not add up');
      before = shared[i] + lengths[i];
      total += before;
    }
    const keys = new Uint8Array(total);
    let from = 0;
    let start = 0;
    let last = 0;
    for (let i = 0; i < count; i++) {
      if (from + lengths[i] > rests.length) throw new RangeError('series keys do not add up');
      let end = start;
      for (let k = last, stop = last + shared[i]; k < stop; k++) keys[end++] = keys[k];
      for (const stop = from + lengths[i]; from < stop; from++) keys[end++] = rests[from];
      yield keys.subarray(start, end);
      last = start;
      start = end;
    }
  }
}
