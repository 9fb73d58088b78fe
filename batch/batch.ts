/**
 * The batch: parsed rows on their way from a protocol to the write-ahead log and the memtable.
 *
 * One row is one timestamp of one series with the values of the fields that arrived together. Rows are dense: a row's
 * shape lists exactly the fields it carries, so no value is ever absent. All numbers live in typed arrays that are
 * grown and reused; nothing is allocated per row.
 *
 * Invariants
 * - `valueStart[r] .. valueStart[r] + width(shape[r])` are row r's values, in the order of the shape's fields.
 * - Floats are stored as themselves, every bit kept (NaN payloads included).
 * - Integers and unsigneds within ±2^53, and booleans (0 or 1), are stored as doubles.
 * - Integers beyond ±2^53 and all strings are boxed: the value is a NaN whose high word is `BOX_WIDE` or `BOX_STRING`
 *   and whose low word indexes `wide` or `stringOffsets`. Only columns of those types may hold a box, so a float NaN is
 *   never mistaken for one.
 * - A row belongs to whoever owns the batch; the producer may reset and refill it after the consumer returned.
 */

/** The low word of a double in a little-endian `Int32Array` view is at 2i, the high word at 2i + 1. */
export const BOX_WIDE = 0x7ffb0000;
export const BOX_STRING = 0x7ffc0000;

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
if (!littleEndian) throw new Error('cannot run on a big-endian machine: all columns are little-endian');

/** Typed rows of one database, columnar, reusable. Times are split so that every i64 nanosecond is exact. */
export class Batch {
  /** Rows held; arrays are longer. */
  rows = 0;
  /** Values held over all rows. */
  valueCount = 0;
  /** [rows] series ref in the database's index. */
  series = new Int32Array(1024);
  /** [rows] shape id in the database's index. */
  shape = new Int32Array(1024);
  /** [rows] floor(timestamp in ns / 1e9). */
  sec = new Float64Array(1024);
  /** [rows] timestamp in ns − sec · 1e9, so 0 … 999,999,999. */
  nano = new Int32Array(1024);
  /** [rows] index of the row's first value. */
  valueStart = new Int32Array(1024);
  /** [valueCount] values, row by row. */
  values = new Float64Array(8192);
  /** The same memory as `values`, as (low, high) pairs of words. */
  bits = new Int32Array(this.values.buffer);
  /** [wideCount] integers beyond ±2^53; unsigned ones as their two's complement bits. */
  wide = new BigInt64Array(16);
  wideCount = 0;
  /** [stringCount] strings, UTF-8: string i is `strings[stringOffsets[i] .. stringOffsets[i + 1]]`. */
  stringOffsets = new Int32Array(17);
  strings = new Uint8Array(1024);
  stringCount = 0;

  reset(): void {
    this.rows = 0;
    this.valueCount = 0;
    this.wideCount = 0;
    this.stringCount = 0;
  }

  /** Makes room for one more row with up to `width` values. Call before writing a row in place. */
  reserve(width: number): void {
    if (this.rows === this.series.length) this.growRows();
    if (this.valueCount + width > this.values.length) this.growValues(this.valueCount + width);
  }

  /** Makes room for so many more rows of one value each. */
  reserveRows(count: number): void {
    while (this.rows + count > this.series.length) this.growRows();
    if (this.valueCount + count > this.values.length) this.growValues(this.valueCount + count);
  }

  /** Puts row `from` in the place of row `to`; its values stay where they are. */
  moveRow(from: number, to: number): void {
    this.series[to] = this.series[from];
    this.shape[to] = this.shape[from];
    this.sec[to] = this.sec[from];
    this.nano[to] = this.nano[from];
    this.valueStart[to] = this.valueStart[from];
  }

  /** Appends a wide integer (bits of an i64 or u64) and returns its index for a `BOX_WIDE`. */
  addWide(value: bigint): number {
    if (this.wideCount === this.wide.length) {
      const grown = new BigInt64Array(this.wide.length * 2);
      grown.set(this.wide);
      this.wide = grown;
    }
    this.wide[this.wideCount] = BigInt.asIntN(64, value);
    return this.wideCount++;
  }

  /** Appends string bytes and returns their index for a `BOX_STRING`. The bytes are copied. */
  addString(bytes: Uint8Array, start: number, end: number): number {
    const from = this.stringOffsets[this.stringCount];
    const to = from + (end - start);
    if (to > this.strings.length) {
      const grown = new Uint8Array(Math.max(to, this.strings.length * 2));
      grown.set(this.strings.subarray(0, from));
      this.strings = grown;
    }
    if (this.stringCount + 1 === this.stringOffsets.length) {
      const grown = new Int32Array(this.stringOffsets.length * 2);
      grown.set(this.stringOffsets);
      this.stringOffsets = grown;
    }
    this.strings.set(bytes.subarray(start, end), from);
    this.stringOffsets[this.stringCount + 1] = to;
    return this.stringCount++;
  }

  /** Writes a box into value slot `i`; `kind` is `BOX_WIDE` or `BOX_STRING`. */
  setBox(i: number, kind: number, index: number): void {
    this.bits[2 * i] = index;
    this.bits[2 * i + 1] = kind;
  }

  private growRows(): void {
    const n = this.series.length * 2;
    this.series = grownInt32(this.series, n);
    this.shape = grownInt32(this.shape, n);
    this.nano = grownInt32(this.nano, n);
    this.valueStart = grownInt32(this.valueStart, n);
    const sec = new Float64Array(n);
    sec.set(this.sec);
    this.sec = sec;
  }

  private growValues(atLeast: number): void {
    const values = new Float64Array(Math.max(atLeast, this.values.length * 2));
    const bits = new Int32Array(values.buffer);
    bits.set(this.bits);
    this.values = values;
    this.bits = bits;
  }
}

function grownInt32(from: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(length);
  grown.set(from);
  return grown;
}
