/**
 * Rows of a series whose values lie in some ranges, looked for in their columns: the other columns are only looked at where
 * rows match, and row groups that cannot match by their statistics are not decoded.
 *
 * 1. The column of the first range is read, and the places of values in it noted.
 * 2. The other ranges leave places out.
 * 3. The wanted columns are gathered at the places that are left.
 */
import { FIELD_TYPE_NAMES } from '../../../batch/field-type.ts';
import type { SeriesReader } from '../../../engine/series-reader.ts';
import { type BlockChoice, createNumberBuffer, gatherNumbers, type NumberSpan } from '../../../tsm/number-reader.ts';
import type { Reference } from './plan.ts';
import { columnCache } from './scan-cache.ts';
import type { ValueRange } from './value-ranges.ts';

/** Ascending in time. */
export interface MatchingRows {
  readonly rows: number;
  /** ns since the partition's start. */
  readonly times: Float64Array;
  /** [wanted field][row] */
  readonly values: readonly Float64Array[];
}

const buffer = createNumberBuffer();
let placesBuffer = new Int32Array(1024);
let valuesBuffer = new Float64Array(1024);

/** Rows of one span that match: `placesBuffer[from, to)` are their places in its row group. */
interface Matches {
  readonly span: NumberSpan;
  readonly from: number;
  readonly to: number;
}

/**
 * @param place of the partition in the reader's.
 * @param wanted fields, not tags.
 * @returns 'none' without such rows; null where they must be read as slices, or columns are of other types.
 */
export function readMatching(
  reader: SeriesReader,
  place: number,
  ref: number,
  ranges: readonly ValueRange[],
  wanted: readonly Reference[],
): MatchingRows | 'none' | null {
  const [first, ...others] = ranges;
  const choice: BlockChoice = {
    uncut: () => false,
    suffices: () => false,
    excludes: ({ min, max }) => max < first.low || min > first.high,
  };
  buffer.used = 0;
  const spans = reader.readPartitionNumbers(place, ref, first.field, buffer, columnCache, choice);
  if (spans === null) return null;
  const found: Matches[] = [];
  let rows = 0;
  for (const span of spans) {
    if (span.group === null || FIELD_TYPE_NAMES[span.type] !== first.kind) return null;
    let to = placesIn(span, first, rows);
    for (const range of others) {
      const kept = to === rows ? to : keepIn(span, range, rows, to);
      if (kept < 0) return null;
      to = kept;
    }
    if (to > rows) found.push({ span, from: rows, to });
    rows = to;
  }
  if (rows === 0) return 'none';
  const values: Float64Array[] = [];
  for (const { name, kind } of wanted) {
    const column = new Float64Array(rows);
    for (const { span, from, to } of found) {
      const type = gatherNumbers(span, name, placesBuffer, from, to, column, from, buffer, columnCache);
      if (type < 0 || FIELD_TYPE_NAMES[type] !== kind) return null;
    }
    values.push(column);
  }
  const times = new Float64Array(rows);
  for (const { span, from, to } of found) for (let i = from; i < to; i++) times[i] = span.times[placesBuffer[i]];
  return { rows, times, values };
}

/** Notes the places of a span's values in a range, from `at` on; returns where they end. */
function placesIn({ from, to, valuesFrom }: NumberSpan, { low, high }: ValueRange, at: number): number {
  if (placesBuffer.length < at + to - from) {
    const grown = new Int32Array((at + to - from) * 2);
    grown.set(placesBuffer);
    placesBuffer = grown;
  }
  const { values } = buffer;
  const places = placesBuffer;
  const shift = valuesFrom - from;
  let n = at;
  for (let row = from; row < to; row++) {
    const value = values[row + shift];
    if (value >= low && value <= high) places[n++] = row;
  }
  return n;
}

/** Keeps those of `placesBuffer[from, to)` where another field is in a range; where they end now, −1 when it cannot be read. */
function keepIn(span: NumberSpan, { field, kind, low, high }: ValueRange, from: number, to: number): number {
  if (valuesBuffer.length < to - from) valuesBuffer = new Float64Array((to - from) * 2);
  const type = gatherNumbers(span, field, placesBuffer, from, to, valuesBuffer, 0, buffer, columnCache);
  if (type < 0 || FIELD_TYPE_NAMES[type] !== kind) return -1;
  let n = from;
  for (let i = from; i < to; i++) {
    const value = valuesBuffer[i - from];
    if (value >= low && value <= high) placesBuffer[n++] = placesBuffer[i];
  }
  return n;
}
