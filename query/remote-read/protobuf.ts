/**
 * Protocol Buffers' wire format as remote read needs it: a cursor over a request's bytes, and a writer of messages whose
 * lengths are known only when they end.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { VarveError } from '../../errors/errors.ts';

export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The tag of a field, as it stands on the wire when the field's number is below 16. */
export function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/** Reads one message. Every read is held against its end; damage throws `bad_request`. */
export class MessageReader {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** An unsigned varint: tags, lengths, enumerations, booleans. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw this.damaged('unfinished varint');
      const byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw this.damaged('endless varint');
  }

  /** An int64; exact within ±2^53. */
  int64(): number {
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw this.damaged('unfinished varint');
      const byte = this.bytes[this.at++];
      const part = byte & 127;
      if (i < 4) low |= part << (7 * i);
      else if (i === 4) {
        low |= part << 28;
        high = part >>> 4;
      } else high |= part << (7 * i - 32);
      if (byte < 128) return high * 4294967296 + (low >>> 0);
    }
    throw this.damaged('endless varint');
  }

  text(): string {
    const [start, end] = this.range();
    return decoder.decode(this.bytes.subarray(start, end));
  }

  bytesField(): Uint8Array {
    const [start, end] = this.range();
    return this.bytes.subarray(start, end);
  }

  message(): MessageReader {
    const [start, end] = this.range();
    return new MessageReader(this.bytes, start, end);
  }

  /** The eight bytes of a double, as a view on them. */
  fixed64(): DataView {
    if (this.end - this.at < 8) throw this.damaged('number beyond the message');
    this.at += 8;
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at - 8, 8);
  }

  /** Skips the value behind a tag. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint();
        break;
      case FIXED64:
        this.fixed64();
        break;
      case LENGTH_DELIMITED:
        this.range();
        break;
      case FIXED32:
        if (this.end - this.at < 4) throw this.damaged('number beyond the message');
        this.at += 4;
        break;
      default:
        throw this.damaged(`wire type ${tag & 7}`);
    }
  }

  private range(): [start: number, end: number] {
    const length = this.varint();
    if (length > this.end - this.at) throw this.damaged('length beyond the message');
    const start = this.at;
    this.at += length;
    return [start, this.at];
  }

  private damaged(what: string): VarveError {
    return new VarveError('bad_request', `cannot decode protobuf: ${what} at byte ${this.at}`);
  }
}

/** Bytes kept free for the length of a message that is being written: 4 × 7 bits, so 256 MiB. */
const LENGTH_BYTES = 4;
const LARGEST_MESSAGE = 2 ** (7 * LENGTH_BYTES);

/** Writes messages into one growing buffer. */
export class MessageWriter {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  private view: DataView;

  constructor(capacity = 65_536) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `more` bytes; `bytes` may be a new array afterwards. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Forgets what was written. */
  reset(): void {
    this.length = 0;
  }

  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 128) {
      this.bytes[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  /** An int64: two's complement in ten bytes when negative. */
  int64(value: number): void {
    if (value >= 0) {
      this.varint(value);
      return;
    }
    this.reserve(10);
    let high = Math.floor(value / 4294967296);
    let low = (value - high * 4294967296) >>> 0;
    for (let i = 0; i < 9; i++) {
      this.bytes[this.length++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>= 7;
    }
    this.bytes[this.length++] = 1;
  }

  /** A double given as words, tag included. */
  fixed64Field(field: number, low: number, high: number): void {
    this.reserve(9);
    this.bytes[this.length++] = tagOf(field, FIXED64);
    this.view.setUint32(this.length, low, true);
    this.view.setUint32(this.length + 4, high, true);
    this.length += 8;
  }

  int64Field(field: number, value: number): void {
    this.varint(tagOf(field, VARINT));
    this.int64(value);
  }

  textField(field: number, text: string): void {
    this.bytesField(field, encoder.encode(text));
  }

  bytesField(field: number, bytes: Uint8Array): void {
    this.varint(tagOf(field, LENGTH_DELIMITED));
    this.varint(bytes.length);
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Begins a nested message; give what it returns to `end`. */
  begin(field: number): number {
    this.varint(tagOf(field, LENGTH_DELIMITED));
    this.reserve(LENGTH_BYTES);
    this.length += LENGTH_BYTES;
    return this.length;
  }

  /** Ends the message begun at `start`: its length goes in front of it, in the fewest bytes, and it moves up. */
  end(start: number): void {
    const size = this.length - start;
    if (size >= LARGEST_MESSAGE) {
      throw new VarveError('unprocessable', `cannot write answer: a message of ${size} bytes is too large`);
    }
    this.length = start - LENGTH_BYTES;
    this.varint(size);
    this.bytes.copyWithin(this.length, start, start + size);
    this.length += size;
  }

  /** What was written, without a copy: valid until the next write. */
  view8(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, as a copy. */
  take(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}
