/**
 * The series that a selector found, as columns of refs. There may be millions of them, so an object for each is made only
 * when somebody asks for it; threads and windows are handed the columns.
 */
import type { FieldSeries, PrometheusSeries } from './prometheus-series.ts';
import { METRIC_NAME } from './promql/labels.ts';
import { sortSeries } from './series-order.ts';

/** Series of one field, by ascending refs. */
export interface FieldRefs {
  /** The metric's name. */
  readonly name: string;
  readonly field: string;
  readonly refs: Int32Array;
}

/** Where the samples of series lie, in shared memory: posted to threads as it is. */
export interface SourceColumns {
  /** What a series is called, and the field behind it. */
  readonly fields: readonly { readonly name: string; readonly field: string }[];
  /** [source] its ref, and which of `fields` it is. */
  readonly refs: Int32Array;
  readonly fieldOf: Int32Array;
  /** [series + 1] where its sources begin; null when each has one. */
  readonly firstSource: Int32Array | null;
}

export class FoundSeries {
  readonly count: number;
  /** Null when some names coincide; the series are listed then. */
  private readonly parts: readonly FieldRefs[] | null;
  private readonly makeList: () => PrometheusSeries[];
  private made: PrometheusSeries[] | null = null;
  private isSorted = false;

  /** @param makeOne a series of a part */
  static of(parts: readonly FieldRefs[], makeOne: (part: FieldRefs, ref: number) => FieldSeries): FoundSeries {
    let count = 0;
    for (const { refs } of parts) count += refs.length;
    return new FoundSeries(count, parts, () => {
      const list: PrometheusSeries[] = [];
      for (const part of parts) for (const ref of part.refs) list.push(makeOne(part, ref));
      return list;
    });
  }

  static listed(list: PrometheusSeries[]): FoundSeries {
    return new FoundSeries(list.length, null, () => list);
  }

  private constructor(count: number, parts: readonly FieldRefs[] | null, makeList: () => PrometheusSeries[]) {
    this.count = count;
    this.parts = parts;
    this.makeList = makeList;
  }

  /** One object per series, in any order; the array is the caller's to sort, and the same every time. */
  get list(): PrometheusSeries[] {
    this.made ??= this.makeList();
    return this.made;
  }

  /** As `list`, which is from then on in the order of labels. */
  get sorted(): PrometheusSeries[] {
    if (!this.isSorted) sortSeries(this.list);
    this.isSorted = true;
    return this.list;
  }

  /** At most this many refs, evenly spread. */
  someRefs(most: number): number[] {
    const some: number[] = [];
    const { count } = this;
    for (let i = 0; i < most && i < count; i++) some.push(this.refAt(Math.floor((i * count) / Math.max(most, 1))));
    return some;
  }

  private refAt(place: number): number {
    if (this.parts === null) return this.list[place].sources[0].ref;
    let left = place;
    for (const { refs } of this.parts) {
      if (left < refs.length) return refs[left];
      left -= refs.length;
    }
    throw new Error(`BUG: series ${place} was not found`);
  }

  /** The columns of all series, in the order of refs and parts, or in that of `list` once it was asked for. */
  columns(): SourceColumns {
    const { parts, count } = this;
    if (parts === null || this.made !== null) return columnsOf(this.list);
    const refs = sharedInts(count);
    const fieldOf = sharedInts(count);
    let at = 0;
    parts.forEach((part, id) => {
      refs.set(part.refs, at);
      fieldOf.fill(id, at, at + part.refs.length);
      at += part.refs.length;
    });
    return { fields: parts.map(({ name, field }) => ({ name, field })), refs, fieldOf, firstSource: null };
  }
}

function columnsOf(series: readonly PrometheusSeries[]): SourceColumns {
  let sourceCount = 0;
  let single = true;
  for (const { sources } of series) {
    sourceCount += sources.length;
    if (sources.length > 1) single = false;
  }
  const refs = sharedInts(sourceCount);
  const fieldOf = sharedInts(sourceCount);
  const firstSource = single ? null : sharedInts(series.length + 1);
  const fields: { name: string; field: string }[] = [];
  const idOf = new Map<string, number>();
  let at = 0;
  series.forEach((one, i) => {
    for (const { ref, field } of one.sources) {
      const name = one.metricName ?? one.labels.get(METRIC_NAME);
      const key = `${name}\u0000${field}`;
      let id = idOf.get(key);
      if (id === undefined) {
        id = fields.push({ name, field }) - 1;
        idOf.set(key, id);
      }
      refs[at] = ref;
      fieldOf[at++] = id;
    }
    if (firstSource !== null) firstSource[i + 1] = at;
  });
  return { fields, refs, fieldOf, firstSource };
}

export function sharedInts(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4));
}
