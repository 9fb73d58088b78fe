/**
 * What a worker thread can see of an index: the keys of series by ref, and so their measurements and tags.
 *
 * A handle is made of shared memory and is sent by a message once per job. It shows every series that was live, or
 * removed but not released, when it was made, for as long as they are not released; what is defined later it may or may
 * not show. It keeps old memory alive, so it should not outlive its job.
 */
import { viewRecord } from './arena.ts';
import type { SeriesTable } from './series-table.ts';

/** Can be posted to a worker. */
export interface IndexHandle {
  /** [ref] offset of the key's record in the slabs. */
  readonly keyOffset: Int32Array;
  readonly slabBytes: Uint8Array[];
  readonly slabWords: Int32Array[];
  /** Refs below this can be asked for. */
  readonly refLimit: number;
}

export function handleOf(series: SeriesTable): IndexHandle {
  series.completeKeys();
  return {
    keyOffset: series.keyOffset,
    slabBytes: series.arena.slabBytes.slice(),
    slabWords: series.arena.slabWords.slice(),
    refLimit: series.limit,
  };
}

/** The canonical key of a series, in the shared memory itself: for those who look at it at once. */
export function viewSeriesKey(handle: IndexHandle, ref: number): Uint8Array {
  return viewRecord(handle.slabBytes, handle.slabWords, handle.keyOffset[ref]);
}
