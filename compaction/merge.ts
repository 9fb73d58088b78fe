/**
 * Merges files of one partition into one: k ways by ref, later inputs winning per row and field.
 *
 * A series that only one input holds is passed on; when it is already encoded as the output wants it, its row groups are
 * copied as they are, checksums verified but nothing decoded. Memory is bounded by one series' rows and the open packs;
 * a series whose rows have few of many fields is merged in parts of its time.
 */
import type { RowSlice } from '../batch/column.ts';
import { cutRows, isTooSparse, mergeSlices } from '../batch/row-slices.ts';
import { type RowOutline, readInParts } from '../batch/sparse-range.ts';
import { createDecodeCache, type DecodeCache } from '../tsm/decode-cache.ts';
import type { TsmFile } from '../tsm/reader.ts';
import type { TsmWriter } from '../tsm/writer.ts';

/** Rows of a series that are deleted: both bounds inclusive, ns since the partition's start. */
export interface DeletedRange {
  minOffsetNs: number;
  maxOffsetNs: number;
}

export interface MergeOptions {
  /** True for series that no longer exist. */
  drop?: (ref: number) => boolean;
  /** Rows of series `ref` in input `input` (its place among the inputs) that are deleted; null or empty when none are. */
  deleted?: (input: number, ref: number) => readonly DeletedRange[] | null;
  /** Called after every series with the bytes written so far: may sleep to limit the rate, or throw to stop the merge. */
  pace?: (bytesWritten: number) => void;
}

/** What a merge did. */
export interface MergeResult {
  /** Series written; 0 means that nothing is left and the writer must be aborted rather than finished. */
  seriesCount: number;
  /** Row groups copied without decoding. */
  groupsCopied: number;
}

/** Decoded packs leave when their last series has been read; this bounds what those that are begun may take. */
const CACHE_BYTES = 16 << 20;

/**
 * Adds the rows of all inputs (oldest generation first) to `writer`. The caller finishes or aborts the writer and closes
 * the inputs. Throws VarveError 'corrupt' when an input is damaged.
 */
export function mergeFiles(inputs: readonly TsmFile[], writer: TsmWriter, options: MergeOptions = {}): MergeResult {
  const caches = inputs.map(() => createDecodeCache(CACHE_BYTES));
  const heads = inputs.map((input) => input.keyBytes()[Symbol.iterator]());
  const positions = new Int32Array(inputs.length);
  const keys: (Uint8Array | null)[] = heads.map((head) => nextKey(head));
  const result: MergeResult = { seriesCount: 0, groupsCopied: 0 };
  const holders: number[] = [];
  for (;;) {
    let ref = -1;
    for (let i = 0; i < inputs.length; i++) {
      if (keys[i] === null) continue;
      const head = inputs[i].refs[positions[i]];
      if (ref < 0 || head < ref) ref = head;
    }
    if (ref < 0) return result;
    holders.length = 0;
    for (let i = 0; i < inputs.length; i++) {
      if (keys[i] !== null && inputs[i].refs[positions[i]] === ref) holders.push(i);
    }
    if (options.drop?.(ref) !== true) {
      const key = keys[holders[holders.length - 1]]!;
      const copied = holders.length === 1 ? copySeries(inputs, holders[0], positions, ref, key, writer, options) : 0;
      if (copied > 0) {
        result.groupsCopied += copied;
        result.seriesCount++;
      } else {
        const series = { inputs, holders, positions, ref, caches, options };
        const read = (min: number, max: number) => mergedRows(series, min, max);
        let isKept = false;
        for (const slice of readInParts(outlinesIfSparse(series), -Infinity, Infinity, read)) {
          writer.addSeries(ref, key, slice);
          isKept = true;
        }
        if (isKept) result.seriesCount++;
      }
    }
    for (const i of holders) {
      inputs[i].passed(positions[i], caches[i]);
      positions[i]++;
      keys[i] = nextKey(heads[i]);
    }
    options.pace?.(writer.bytesWritten);
  }
}

function nextKey(head: Iterator<Uint8Array>): Uint8Array | null {
  const next = head.next();
  return next.done === true ? null : next.value;
}

function copySeries(
  inputs: readonly TsmFile[],
  input: number,
  positions: Int32Array,
  ref: number,
  key: Uint8Array,
  writer: TsmWriter,
  options: MergeOptions,
): number {
  const deleted = options.deleted?.(input, ref) ?? null;
  if (deleted !== null && deleted.length > 0) return 0;
  return writer.copySeries(ref, key, inputs[input], positions[input]);
}

/** A series in the inputs that hold it. */
interface MergedSeries {
  inputs: readonly TsmFile[];
  holders: readonly number[];
  positions: Int32Array;
  ref: number;
  caches: readonly DecodeCache[];
  options: MergeOptions;
}

/** What is known of the rows of a series; nothing when they cannot be too sparse to be merged at once. */
function outlinesIfSparse({ inputs, holders, positions }: MergedSeries): RowOutline[] {
  let rows = 0;
  let columns = 0;
  for (const i of holders) {
    const { reader } = inputs[i];
    for (const g of inputs[i].groupsAt(positions[i])) {
      rows += reader.groups.rows[g];
      columns += reader.lists[reader.groups.fieldList[g]].length;
    }
  }
  return isTooSparse(rows, columns, 0) ? holders.flatMap((i) => inputs[i].outline(positions[i])) : [];
}

function mergedRows(
  { inputs, holders, positions, ref, caches, options }: MergedSeries,
  min: number,
  max: number,
): RowSlice | null {
  const slices: RowSlice[] = [];
  for (const i of holders) {
    let slice = inputs[i].readAt(positions[i], null, min, max, caches[i]);
    for (const range of options.deleted?.(i, ref) ?? []) {
      if (slice !== null) slice = cutRows(slice, range.minOffsetNs, range.maxOffsetNs);
    }
    if (slice !== null) slices.push(slice);
  }
  return slices.length === 0 ? null : mergeSlices(slices);
}
