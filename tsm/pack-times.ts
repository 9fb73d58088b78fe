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

export function encodePackTimes(w: ByteWriter, runs: Float64Array[], cold: boolean): void {
  const setOf = new Float64Array(runs.length);
  const sets: Float64Array[] = [];
  const byHash = new Map<number, number[]>();
  let total = 0;
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i];
    if (i > 0 && sameTimes(run, sets[setOf[i - 1]])) {
      setOf[i] = setOf[i - 1];
      continue;
    }
    const hash = crc32c(bytesOf(run));
    const known = byHash.get(hash);
    let set = known?.find((s) => sameTimes(sets[s], run)) ?? -1;
    if (set < 0) {
      set = sets.length;
      sets.push(run);
      total += run.length;
      if (known === undefined) byHash.set(hash, [set]);
      else known.push(set);
    }
    setOf[i] = set;
  }
  const rows = Float64Array.from(sets, (set) => set.length);
  const times = new Float64Array(total);
  let at = 0;
  for (const set of sets) {
    times.set(set, at);
    at += set.length;
  }
  w.varint(sets.length);
  if (sets.length > 1) encodeIntegers(w, setOf, runs.length, cold);
  encodeIntegers(w, rows, sets.length, cold);
  encodeIntegers(w, times, total, cold);
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
