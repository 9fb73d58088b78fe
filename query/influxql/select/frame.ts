/**
 * Frames: the points that flow between the parts of a SELECT, as columns.
 *
 * A frame holds rows of one measurement and one set of the outermost statement's GROUP BY tags. Within it rows may belong to
 * several tag sets, where a subquery groups by more; their order is the one in which InfluxDB's iterators would give
 * them: by time, or by window and then tag set.
 */
import { compareTexts } from '../functions/column.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import { newCodesMemo } from './coded-texts.ts';
import { concatColumns, emptyColumn, gather, gatherAll, sliceColumn } from './column.ts';

/** Values of the tags that a level groups by, parallel to its sorted keys; '' where a series has none. */
export interface TagSet {
  readonly values: readonly string[];
}

export interface Frame {
  readonly rows: number;
  readonly sec: Float64Array;
  readonly nano: Float64Array;
  /** [row] place in `tagSets`; null: all rows are of the first. */
  readonly tagOf: Int32Array | null;
  /** Sorted, without repeats. */
  readonly tagSets: readonly TagSet[];
  /** The value that drives a call; null in rows of fields alone. Null rows are InfluxDB's nil points. */
  readonly value: ValueColumn | null;
  /** How many points a value stands for (see Points.weights); null: one each. */
  readonly weights: Float64Array | null;
  /** The columns beside it, in the order of the level's references. */
  readonly aux: readonly ValueColumn[];
}

/** Rows of a statement for one group; columns are those of its fields. */
export interface Rows extends Pick<Frame, 'rows' | 'sec' | 'nano' | 'tagOf' | 'tagSets'> {
  readonly columns: readonly ValueColumn[];
}

export function compareTagSets(a: TagSet, b: TagSet): number {
  for (let i = 0; i < a.values.length; i++) {
    if (a.values[i] === b.values[i]) continue;
    return compareTexts(a.values[i], b.values[i]);
  }
  return 0;
}

export function emptyFrame(tagSets: readonly TagSet[], like: Pick<Frame, 'value' | 'aux'> | null): Frame {
  return {
    rows: 0,
    sec: new Float64Array(0),
    nano: new Float64Array(0),
    tagOf: null,
    tagSets,
    value: like === null || like.value === null ? null : emptyColumn(like.value.kind),
    weights: null,
    aux: like === null ? [] : like.aux.map(({ kind }) => emptyColumn(kind)),
  };
}

/** The rows at some places, in their order. */
export function gatherFrame(frame: Frame, places: Int32Array): Frame {
  const rows = places.length;
  const sec = new Float64Array(rows);
  const nano = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    sec[i] = frame.sec[places[i]];
    nano[i] = frame.nano[places[i]];
  }
  return {
    rows,
    sec,
    nano,
    tagOf: frame.tagOf === null ? null : places.map((place) => frame.tagOf![place]),
    tagSets: frame.tagSets,
    value: frame.value === null ? null : gather(frame.value, places),
    weights: frame.weights === null ? null : Float64Array.from(places, (place) => frame.weights![place]),
    aux: gatherAll(frame.aux, places),
  };
}

/** Rows `from` … `to − 1`; shares memory. */
export function sliceFrame(frame: Frame, from: number, to: number): Frame {
  if (from === 0 && to === frame.rows) return frame;
  return {
    rows: to - from,
    sec: frame.sec.subarray(from, to),
    nano: frame.nano.subarray(from, to),
    tagOf: frame.tagOf?.subarray(from, to) ?? null,
    tagSets: frame.tagSets,
    value: frame.value === null ? null : sliceColumn(frame.value, from, to),
    weights: frame.weights?.subarray(from, to) ?? null,
    aux: frame.aux.map((column) => sliceColumn(column, from, to)),
  };
}

/** Frames of one level, laid end to end; their tag sets become one sorted list. */
export function concatFrames(frames: readonly Frame[]): Frame {
  if (frames.length === 1) return frames[0];
  const counts = frames.map(({ rows }) => rows);
  let rows = 0;
  for (const count of counts) rows += count;
  const sec = new Float64Array(rows);
  const nano = new Float64Array(rows);
  const weights = frames.some((frame) => frame.weights !== null) ? new Float64Array(rows) : null;
  let at = 0;
  for (const frame of frames) {
    sec.set(frame.sec.subarray(0, frame.rows), at);
    nano.set(frame.nano.subarray(0, frame.rows), at);
    if (weights !== null) {
      if (frame.weights === null) weights.fill(1, at, at + frame.rows);
      else weights.set(frame.weights.subarray(0, frame.rows), at);
    }
    at += frame.rows;
  }
  const { tagOf, tagSets } = joinTags(frames, rows);
  const [first] = frames;
  const values = frames.map(({ value }) => value as ValueColumn);
  const memo = newCodesMemo();
  return {
    rows,
    sec,
    nano,
    tagOf,
    tagSets,
    value: first.value === null ? null : concatColumns(first.value.kind, values, counts),
    weights,
    aux: first.aux.map(({ kind }, i) =>
      concatColumns(
        kind,
        frames.map(({ aux }) => aux[i]),
        counts,
        memo,
      ),
    ),
  };
}

function joinTags(frames: readonly Frame[], rows: number): Pick<Frame, 'tagOf' | 'tagSets'> {
  const { tagSets } = frames[0];
  if (tagSets.length === 1 && frames.every((frame) => frame.tagSets.length === 1 && frame.tagSets[0] === tagSets[0])) {
    return { tagOf: null, tagSets };
  }
  const joined: TagSet[] = [];
  for (const frame of frames) joined.push(...frame.tagSets);
  joined.sort(compareTagSets);
  const unique = joined.filter((set, i) => i === 0 || compareTagSets(set, joined[i - 1]) !== 0);
  if (unique.length === 1) return { tagOf: null, tagSets: unique };
  const tagOf = new Int32Array(rows);
  let at = 0;
  for (const frame of frames) {
    const places = frame.tagSets.map((set) => placeOf(unique, set));
    for (let row = 0; row < frame.rows; row++) tagOf[at++] = places[frame.tagOf === null ? 0 : frame.tagOf[row]];
  }
  return { tagOf, tagSets: unique };
}

/** Place of a tag set in a sorted list that has it. */
function placeOf(sorted: readonly TagSet[], set: TagSet): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareTagSets(sorted[middle], set) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The frame with the tags `to`, which are some of its tags `from`. */
export function regroupFrame(frame: Frame, from: readonly string[], to: readonly string[]): Frame {
  if (from.length === to.length) return frame;
  const places = to.map((key) => from.indexOf(key));
  const subsets = frame.tagSets.map(({ values }): TagSet => ({ values: places.map((place) => values[place]) }));
  const sorted = [...subsets].sort(compareTagSets);
  const tagSets = sorted.filter((set, i) => i === 0 || compareTagSets(set, sorted[i - 1]) !== 0);
  if (tagSets.length === 1) return { ...frame, tagOf: null, tagSets };
  const mapped = subsets.map((set) => placeOf(tagSets, set));
  const tagOf = new Int32Array(frame.rows);
  for (let row = 0; row < frame.rows; row++) tagOf[row] = mapped[frame.tagOf === null ? 0 : frame.tagOf[row]];
  return { ...frame, tagOf, tagSets };
}
