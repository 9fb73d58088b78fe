/**
 * The times of a row group that are not regular. A pack stores each distinct run of times once ("set") and, per series,
 * which set it has: a million series scraped together share one set per pack.
 *
 * Bytes, single series: [times: integers]
 * Bytes, pack:          [varint sets][set of each series: integers, unless 1 set][rows of each set: integers][times of all sets: integers]
 */
import { crc32c } from '../bytes/crc32c.ts';
import type { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readVarint } from './cursor.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';

/** Decoded: the times of member i are `times[setStart[setOf[i]], setStart[setOf[i] + 1])`. */
export interface PackTimes {
  setOf: Int32Array;
  setStart: Int32Array;
  times: Float64Array;
  /** [series + 1] first row of each member in the pack's columns. */
  rowStart: Int32Array;
}

function bytesOf(times: Float64Array): Uint8Array {
  return new Uint8Array(times.buffer, times.byteOffset, times.byteLength);
}

export function sameTimes(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  if (a.length > 64) return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Collects the times of a pack's series. */
export class PackTimesWriter {
  private readonly setOf: number[] = [];
  private readonly sets: Float64Array[] = [];
  /** Sets by the checksum of their bytes; filled when there is a second one. */
  private readonly byHash = new Map<number, number[]>();

  /** Adds the next series. The array is kept, and must not change. */
  add(times: Float64Array): void {
    const { sets, setOf } = this;
    if (sets.length === 0) {
      sets.push(times);
      setOf.push(0);
      return;
    }
    const before = setOf[setOf.length - 1];
    setOf.push(sameTimes(times, sets[before]) ? before : this.setFor(times));
  }

  encode(w: ByteWriter, cold: boolean): void {
    const { sets, setOf } = this;
    const rows = Float64Array.from(sets, (set) => set.length);
    const times = new Float64Array(rows.reduce((sum, count) => sum + count, 0));
    let at = 0;
    for (const set of sets) {
      times.set(set, at);
      at += set.length;
    }
    w.varint(sets.length);
    if (sets.length > 1) encodeIntegers(w, Float64Array.from(setOf), setOf.length, cold);
    encodeIntegers(w, rows, sets.length, cold);
    encodeIntegers(w, times, times.length, cold);
  }

  private setFor(times: Float64Array): number {
    const { sets, byHash } = this;
    if (byHash.size === 0) byHash.set(crc32c(bytesOf(sets[0])), [0]);
    const hash = crc32c(bytesOf(times));
    const known = byHash.get(hash);
    const same = known?.find((set) => sameTimes(sets[set], times)) ?? -1;
    if (same >= 0) return same;
    const set = sets.push(times) - 1;
    if (known === undefined) byHash.set(hash, [set]);
    else known.push(set);
    return set;
  }
}

export function decodePackTimes(c: Cursor, series: number, rows: number): PackTimes {
  const sets = readVarint(c);
  if (sets < 1 || sets > series) throw new RangeError(`${sets} sets of times for ${series} series`);
  const setOf = new Float64Array(series);
  if (sets > 1) decodeIntegers(c, series, setOf);
  const counts = new Float64Array(sets);
  decodeIntegers(c, sets, counts);
  const setStart = new Int32Array(sets + 1);
  for (let s = 0; s < sets; s++) {
    if (!(counts[s] >= 1 && counts[s] <= rows)) throw new RangeError('a set of times of impossible size');
    setStart[s + 1] = setStart[s] + counts[s];
  }
  const rowStart = new Int32Array(series + 1);
  for (let i = 0; i < series; i++) {
    if (!(setOf[i] >= 0 && setOf[i] < sets)) throw new RangeError('a series without times');
    rowStart[i + 1] = rowStart[i] + counts[setOf[i]];
  }
  if (rowStart[series] !== rows || setStart[sets] > rows) throw new RangeError('sets of times do not add up');
  const times = new Float64Array(setStart[sets]);
  decodeIntegers(c, times.length, times);
  return { setOf: new Int32Array(setOf), setStart, times, rowStart };
}
