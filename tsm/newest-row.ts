/** The newest row of a series in a file, out of the index of row groups and their statistics: nothing is decoded. */
import type { TsmFile } from './reader.ts';
import { IS_PACK } from './row-groups.ts';

/** A row of numbers. */
export interface NumberRow {
  /** ns since the partition's start. */
  readonly offsetNs: number;
  /** Parallel to the fields asked for; NaN where the row lacks one. */
  readonly values: readonly number[];
  /** Types of the fields (see FieldType), −1 where the row lacks one. */
  readonly types: readonly number[];
}

/** What a file says about the newest row of a series. */
export type NewestRow = NumberRow | 'none' | 'unknown';

/**
 * The newest row with any of the fields. 'none' when the series has no rows between the bounds here, 'unknown' when that, or the
 * row, can only be told by decoding.
 */
export function newestRow(
  file: TsmFile,
  ref: number,
  fields: readonly string[],
  minOffsetNs: number,
  maxOffsetNs: number,
): NewestRow {
  const position = file.find(ref);
  if (position < 0) return 'none';
  const { reader } = file;
  const { groups } = reader;
  const places = file.groupsAt(position);
  for (let i = places.length - 1; i >= 0; i--) {
    const g = places[i];
    if (groups.minOffsetNs[g] > maxOffsetNs) continue;
    if (groups.maxOffsetNs[g] < minOffsetNs) return 'none';
    if (groups.flags[g] & IS_PACK || groups.maxOffsetNs[g] > maxOffsetNs || groups.statisticsAt[g] < 0)
      return 'unknown';
    const statistics = reader.statistics(g);
    const values: number[] = [];
    const types: number[] = [];
    for (const field of fields) {
      const col = reader.columnNamed(g, field);
      const known = col >= 0 ? statistics[col] : null;
      if (col >= 0 && known === null) return 'unknown';
      if (col < -1) return 'unknown';
      values.push(known === null ? Number.NaN : known.last);
      types.push(known === null ? -1 : reader.fieldOf(g, col).type);
    }
    // A group without any of them may have others before it that do.
    if (types.every((type) => type < 0)) continue;
    return { offsetNs: groups.maxOffsetNs[g], values, types };
  }
  return 'none';
}
