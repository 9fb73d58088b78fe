/**
 * Values that do not fit a double: integers beyond ±2^53 and strings. Value slots of the memtable hold boxes (see
 * batch/batch.ts) that index these tables. All memory is shared, so that a flush worker can read it.
 */

/** Read access from any thread. */
export interface SideValuesView {
  /** [wideCount] 64-bit integers, unsigned ones as two's complement bits. */
  wide: BigInt64Array;
  /** String i is `strings[stringOffsets[i] .. stringOffsets[i + 1]]`, UTF-8. */
  stringOffsets: Int32Array;
  strings: Uint8Array;
}

export class SideValues implements SideValuesView {
  wide = new BigInt64Array(new SharedArrayBuffer(0));
  stringOffsets = new Int32Array(new SharedArrayBuffer(4));
  strings = new Uint8Array(new SharedArrayBuffer(0));
  private wideCount = 0;
  private stringCount = 0;

  get bytes(): number {
    return this.wide.byteLength + this.stringOffsets.byteLength + this.strings.byteLength;
  }

  addWide(value: bigint): number {
    if (this.wideCount === this.wide.length) {
      const grown = new BigInt64Array(new SharedArrayBuffer(Math.max(128, this.wide.length * 2) * 8));
      grown.set(this.wide);
      this.wide = grown;
    }
    this.wide[this.wideCount] = value;
    return this.wideCount++;
  }

  /** Copies `bytes[start..end)`. */
  addString(bytes: Uint8Array, start: number, end: number): number {
    const from = this.stringOffsets[this.stringCount];
    const to = from + end - start;
    if (to > this.strings.length) {
      const grown = new Uint8Array(new SharedArrayBuffer(Math.max(to, 4096, this.strings.length * 2)));
      grown.set(this.strings.subarray(0, from));
      this.strings = grown;
    }
    if (this.stringCount + 1 === this.stringOffsets.length) {
      const grown = new Int32Array(new SharedArrayBuffer(this.stringOffsets.length * 8));
      grown.set(this.stringOffsets);
      this.stringOffsets = grown;
    } else if (this.stringOffsets.length === 1) {
      this.stringOffsets = new Int32Array(new SharedArrayBuffer(128));
    }
    this.strings.set(bytes.subarray(start, end), from);
    this.stringOffsets[this.stringCount + 1] = to;
    return this.stringCount++;
  }
}
