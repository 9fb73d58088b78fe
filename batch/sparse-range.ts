/**
 * Where to cut a time range of one series whose rows have few of many fields, so that what is read at once does not need
 * room for all the values that rows do not have.
 */
import type { RowSlice } from './column.ts';
import { denseParts, isTooSparse } from './row-slices.ts';

/** What is known of some rows of a series without reading them. */
export interface RowOutline {
  readonly rows: number;
  /** ns since the partition's start; rows are taken to lie evenly between the two, both inclusive. */
  readonly minOffsetNs: number;
  readonly maxOffsetNs: number;
  /** The fields that the rows have between them. */
  readonly fields: readonly string[];
  /** Values in the rows, or more. */
  readonly values: number;
}

/** Room that the rows of a time range need when they are read at once. */
export interface RangeSize {
  readonly rows: number;
  readonly columns: number;
  readonly values: number;
  /** The times of the first and the last row, within the range; the first is infinite when there are none. */
  readonly from: number;
  readonly to: number;
}

/** @param min, max both inclusive. */
export function sizeOfRange(outlines: Iterable<RowOutline>, min: number, max: number): RangeSize {
  let rows = 0;
  let values = 0;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  const names = new Set<string>();
  for (const outline of outlines) {
    const first = Math.max(min, outline.minOffsetNs);
    const last = Math.min(max, outline.maxOffsetNs);
    if (first > last) continue;
    from = Math.min(from, first);
    to = Math.max(to, last);
    const share = (last - first + 1) / (outline.maxOffsetNs - outline.minOffsetNs + 1);
    rows += outline.rows * share;
    values += outline.values * share;
    for (const name of outline.fields) names.add(name);
  }
  return { rows, columns: names.size, values, from, to };
}

/**
 * Reads a time range, both bounds inclusive, in slices that ascend in time and are not too sparse.
 * @param read what lies in a part of the range.
 */
export function* readInParts(
  outlines: readonly RowOutline[],
  min: number,
  max: number,
  read: (min: number, max: number) => RowSlice | null,
): Generator<RowSlice> {
  const { rows, columns, values, from, to } = sizeOfRange(outlines, min, max);
  if (from < to && isTooSparse(rows, columns, values)) {
    const middle = Math.floor(from + (to - from) / 2);
    yield* readInParts(outlines, min, middle, read);
    yield* readInParts(outlines, middle + 1, max, read);
    return;
  }
  const slice = read(min, max);
  // Outlines may count more values than there are.
  if (slice !== null) yield* denseParts(slice);
}
