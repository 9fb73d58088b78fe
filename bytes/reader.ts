const decoder = new TextDecoder();

/**
 * Reads what `ByteWriter` wrote. Reading past the end throws a `RangeError`, so a truncated input is an error and
 * never a zero.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  offset: number;
  private readonly end: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(): number {
    this.need(1);
    return this.bytes[this.offset++];
  }

  u16(): number {
    this.need(2);
    const v = this.view.getUint16(this.offset, true);
    this.offset += 2;
    return v;
  }

  u32(): number {
    this.need(4);
    const v = this.view.getUint32(this.offset, true);
    this.offset += 4;
    return v;
  }

  u64(): bigint {
    this.need(8);
    const v = this.view.getBigUint64(this.offset, true);
    this.offset += 8;
    return v;
  }

  u53(): number {
    const lo = this.u32();
    return this.u32() * 4294967296 + lo;
  }

  f64(): number {
    this.need(8);
    const v = this.view.getFloat64(this.offset, true);
    this.offset += 8;
    return v;
  }

  varint(): number {
    let result = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const b = this.u8();
      result += (b & 127) * scale;
      if (b < 128) return result;
      scale *= 128;
    }
    throw new RangeError('varint is longer than 53 bits');
  }

  zigzag(): number {
    const v = this.varint();
    return v % 2 === 1 ? -(v + 1) / 2 : v / 2;
  }

  /** The next `n` bytes, without a copy. */
  raw(n: number): Uint8Array {
    this.need(n);
    const v = this.bytes.subarray(this.offset, this.offset + n);
    this.offset += n;
    return v;
  }

  blob(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    return decoder.decode(this.blob());
  }

  private need(n: number): void {
    if (n > this.end - this.offset) throw new RangeError(`need ${n} bytes at offset ${this.offset} of ${this.end}`);
  }
}
