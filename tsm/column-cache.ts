/**
 * Decoded columns of small integers, kept in one or two bytes a value: reading one is a copy. Percentages, states, queue
 * lengths and small counters are such columns; any other is not kept, nor is one that could not be decoded exactly.
 *
 * Bounded in bytes; the columns kept longest leave first. One thread's own.
 */

import { SmallColumn } from './small-column.ts';

const GROUPS = 2 ** 22;
const PARTS = 2 ** 11;
/** A kept column's own cost besides its values: the entry and the array's header. */
const ENTRY_BYTES = 160;

export class ColumnCache {
  /** Bytes held. */
  bytes = 0;
  private readonly maxBytes: number;
  private readonly entries = new Map<number, SmallColumn>();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** A key for a column of a row group of a reader; -1 when it is out of range and must not be kept. */
  key(reader: number, group: number, column: number): number {
    return column < PARTS && group < GROUPS ? ((reader % 2 ** 20) * GROUPS + group) * PARTS + column : -1;
  }

  /** Copies the values `from … to - 1` of a column to `out[at …]`; false when they are not here. */
  copy(key: number, from: number, to: number, out: Float64Array, at: number): boolean {
    const kept = this.get(key, to);
    if (kept === null) return false;
    kept.copy(from, to, out, at);
    return true;
  }

  /** A column's first rows, at least so many; null when they are not here. */
  get(key: number, rows: number): SmallColumn | null {
    const kept = this.entries.get(key);
    return kept === undefined || kept.rows < rows ? null : kept;
  }

  /** Keeps `values[at, at + rows)`, the first rows of a column, if they are small integers. */
  keep(key: number, values: Float64Array, at: number, rows: number): void {
    if (key < 0 || rows * 2 > this.maxBytes / 8) return;
    const small = SmallColumn.of(values, at, rows);
    if (small === null) return;
    this.remove(key);
    this.entries.set(key, small);
    this.bytes += small.byteLength + ENTRY_BYTES;
    for (const oldest of this.entries.keys()) {
      if (this.bytes <= this.maxBytes) break;
      this.remove(oldest);
    }
  }

  clear(): void {
    this.entries.clear();
    this.bytes = 0;
  }

  private remove(key: number): void {
    const kept = this.entries.get(key);
    if (kept === undefined) return;
    this.entries.delete(key);
    this.bytes -= kept.byteLength + ENTRY_BYTES;
  }
}
