/**
 * Which series a file holds and where: refs ascending, and the row group each begins in.
 *
 * Bytes: [varint series][refs: integers][first group of each: integers]
 */
import { type Cursor, readVarint } from './cursor.ts';
import { decodeIntegers } from './integers.ts';
import { CONTINUES, IS_PACK, type RowGroups } from './row-groups.ts';

export interface SeriesTable {
  /** Ascending. */
  refs: Int32Array;
  /** [series] the first row group of each. */
  groupOf: Int32Array;
  /** [series] which member of its pack; 0 for a series with groups of its own. */
  memberOf: Uint16Array;
}

export function readSeriesTable(c: Cursor, groups: RowGroups): SeriesTable {
  const count = readVarint(c);
  if (count > 2 ** 31) throw new RangeError(`${count} series`);
  const numbers = new Float64Array(count);
  decodeIntegers(c, count, numbers);
  const refs = new Int32Array(numbers);
  decodeIntegers(c, count, numbers);
  const groupOf = new Int32Array(numbers);
  const memberOf = new Uint16Array(count);
  const members = new Int32Array(groups.count);
  for (let i = 0; i < count; i++) {
    const g = groupOf[i];
    if (!(g >= 0 && g < groups.count)) throw new RangeError(`series ${refs[i]} in row group ${g} of ${groups.count}`);
    if (i > 0 && refs[i] <= refs[i - 1]) throw new RangeError('series are out of order');
    memberOf[i] = members[g]++;
  }
  for (let g = 0; g < groups.count; g++) {
    const want = groups.flags[g] & CONTINUES ? 0 : groups.flags[g] & IS_PACK ? groups.series[g] : 1;
    if (members[g] !== want) throw new RangeError(`row group ${g} has ${members[g]} series instead of ${want}`);
  }
  return { refs, groupOf, memberOf };
}

/** Position of a ref, or -1. */
export function findRef(refs: Int32Array, ref: number): number {
  let low = 0;
  let high = refs.length - 1;
  // Dense refs are where they would be without gaps.
  const guess = ref - refs[0];
  if (guess >= 0 && guess <= high && refs[guess] === ref) return guess;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const v = refs[middle];
    if (v === ref) return middle;
    if (v < ref) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
