/**
 * The inverted index: from a tag value, or a measurement, to the sorted refs of its series.
 *
 * Nothing is kept while series are defined; the postings of a tag key come into being when a query first starts from
 * it:
 * 1. Base: a counting sort of all live refs by value id. The dictionary already holds the counts, so it is a single
 *    pass over the forward index (about 10 ms per million series).
 * 2. Tail: series defined since, as sorted (value id, ref) pairs. It is brought up to date when a query asks, and when
 *    it outgrows an eighth of the base, the base is sorted anew.
 * 3. A removal drops all postings: it is rare, comes in bulk, and leaves no stale refs to filter.
 *
 * Invariant: while any posting exists, `log` holds every ref defined since the oldest of them was built.
 */
import type { Dictionary } from './dictionary.ts';
import { Int32List } from './int32-list.ts';
import { REF_SPAN, type SeriesTable } from './series-table.ts';

interface Posting {
  /** refs[offsets[v] .. offsets[v + 1]) are the refs of value id v, ascending. */
  offsets: Int32Array;
  refs: Int32Array;
  /** value id · REF_SPAN + ref, ascending. */
  tail: Float64Array;
  /** Entries of the log that base and tail cover. */
  covered: number;
}

/** Stands for the measurement where a tag key id is expected. */
export const MEASUREMENT = -1;

const EMPTY = new Int32Array(0);

export class Postings {
  private readonly series: SeriesTable;
  /** By tag key id + 1; 0 is the measurement. */
  private byKey: (Posting | undefined)[] = [];
  private active = false;
  private readonly log = new Int32List();

  constructor(series: SeriesTable) {
    this.series = series;
  }

  /** To be told of every new series. */
  added(ref: number): void {
    if (!this.active) return;
    this.log.push(ref);
    if (this.log.length > 65536 && this.log.length * 2 > this.series.count) this.drop();
  }

  /** Forgets everything; what is asked for is built again. */
  drop(): void {
    this.byKey = [];
    this.log.clear();
    this.active = false;
  }

  /** The refs with a value, ascending. The caller owns the result. `key` is a tag key id or `MEASUREMENT`. */
  refs(key: number, value: number): Int32Array {
    const posting = this.posting(key);
    const base =
      value + 1 < posting.offsets.length
        ? posting.refs.slice(posting.offsets[value], posting.offsets[value + 1])
        : EMPTY;
    const from = lowerBound(posting.tail, value * REF_SPAN);
    const to = lowerBound(posting.tail, (value + 1) * REF_SPAN);
    if (from === to) return base;
    const merged = new Int32Array(base.length + to - from);
    merged.set(base);
    for (let i = from; i < to; i++) merged[base.length + i - from] = posting.tail[i] % REF_SPAN;
    // The tail mostly holds the highest refs, so there is mostly nothing to sort.
    if (base.length > 0 && merged[base.length] < merged[base.length - 1]) merged.sort();
    return merged;
  }

  /** The refs with any of these values, ascending. The caller owns the result. */
  union(key: number, values: Int32Array): Int32Array {
    if (values.length === 1) return this.refs(key, values[0]);
    const posting = this.posting(key);
    const marks = new Uint32Array((this.series.limit + 31) >>> 5);
    let count = 0;
    for (let n = 0; n < values.length; n++) {
      const value = values[n];
      if (value + 1 < posting.offsets.length) {
        for (let i = posting.offsets[value]; i < posting.offsets[value + 1]; i++) {
          const ref = posting.refs[i];
          marks[ref >>> 5] |= 1 << (ref & 31);
          count++;
        }
      }
      const to = lowerBound(posting.tail, (value + 1) * REF_SPAN);
      for (let i = lowerBound(posting.tail, value * REF_SPAN); i < to; i++) {
        const ref = posting.tail[i] % REF_SPAN;
        marks[ref >>> 5] |= 1 << (ref & 31);
        count++;
      }
    }
    return markedRefs(marks, count);
  }

  get memoryBytes(): number {
    let bytes = this.log.items.byteLength;
    for (const posting of this.byKey) {
      if (posting !== undefined) {
        bytes += posting.offsets.byteLength + posting.refs.byteLength + posting.tail.byteLength;
      }
    }
    return bytes;
  }

  private posting(key: number): Posting {
    const posting = this.byKey[key + 1];
    if (posting === undefined) return this.build(key);
    if (posting.covered === this.log.length) return posting;
    return this.extend(key, posting);
  }

  private build(key: number): Posting {
    this.active = true;
    const { series } = this;
    const dictionary = this.dictionary(key);
    const offsets = new Int32Array(dictionary.limit + 1);
    for (let v = 0; v < dictionary.limit; v++) offsets[v + 1] = offsets[v] + dictionary.counts[v];
    const refs = new Int32Array(dictionary.total);
    const next = offsets.slice();
    const { schema, valuesAt, values } = series;
    const limit = series.limit;
    if (key === MEASUREMENT) {
      const measurements = series.schemas.measurements.items;
      for (let ref = 0; ref < limit; ref++) {
        if (schema[ref] >= 0) refs[next[measurements[schema[ref]]]++] = ref;
      }
    } else {
      const positions = series.schemas.positions(key);
      for (let ref = 0; ref < limit; ref++) {
        if (schema[ref] < 0) continue;
        const position = positions[schema[ref]];
        if (position >= 0) refs[next[values[valuesAt[ref] + position]]++] = ref;
      }
    }
    const posting: Posting = { offsets, refs, tail: new Float64Array(0), covered: this.log.length };
    this.byKey[key + 1] = posting;
    return posting;
  }

  private extend(key: number, posting: Posting): Posting {
    const { series, log } = this;
    const positions = key === MEASUREMENT ? null : series.schemas.positions(key);
    const added = new Float64Array(log.length - posting.covered);
    let n = 0;
    for (let i = posting.covered; i < log.length; i++) {
      const ref = log.items[i];
      const schema = series.schema[ref];
      if (positions === null) {
        added[n++] = series.schemas.measurements.items[schema] * REF_SPAN + ref;
      } else if (positions[schema] >= 0) {
        added[n++] = series.values[series.valuesAt[ref] + positions[schema]] * REF_SPAN + ref;
      }
    }
    if (posting.tail.length + n > 4096 + (posting.refs.length >>> 3)) return this.build(key);
    const tail = new Float64Array(posting.tail.length + n);
    tail.set(posting.tail);
    tail.set(added.subarray(0, n), posting.tail.length);
    tail.sort();
    posting.tail = tail;
    posting.covered = log.length;
    return posting;
  }

  private dictionary(key: number): Dictionary {
    return key === MEASUREMENT ? this.series.measurements : this.series.tagValues[key];
  }
}

/** The refs whose bits are set, ascending; `atMost` bounds their number. */
function markedRefs(marks: Uint32Array, atMost: number): Int32Array {
  const refs = new Int32Array(atMost);
  let n = 0;
  for (let word = 0; word < marks.length; word++) {
    let bits = marks[word];
    while (bits !== 0) {
      const low = bits & -bits;
      refs[n++] = (word << 5) + 31 - Math.clz32(low);
      bits ^= low;
    }
  }
  return n === atMost ? refs : refs.slice(0, n);
}

/** Index of the first item that is not below `value`. */
function lowerBound(items: Float64Array, value: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (items[mid] < value) low = mid + 1;
    else high = mid;
  }
  return low;
}
