/**
 * Start times of samples, out of the companion database `starts`: its rows lie at the times of the samples they belong
 * to, in the series of the same key.
 */
import type { Database } from '../engine/database.ts';
import type { SeriesReader } from '../engine/series-reader.ts';
import { type Instant, instantFromMs } from '../engine/time.ts';
import { hashBytes } from '../index/hash.ts';
import type { SeriesSources } from './sample-reader.ts';

/** The end of the ms that a time lies in. */
function endOfMs(ms: number): Instant {
  const { sec, nano } = instantFromMs(Math.floor(ms));
  return { sec, nano: Math.min(nano + 999_999, 999_999_999) };
}

/** Start times of one series' samples: parallel to `timesMs`, 0 where unknown; null when none is known. */
export type StartTimes = (series: SeriesSources, timesMs: Float64Array) => Float64Array | null;

/** Reads start times of samples between two times in ms, both inclusive. Use it before the next await. */
export function startTimes(database: Database, starts: Database, startMs: number, endMs: number): StartTimes {
  return readStartTimes(openStarts(starts, startMs, endMs), (ref) => startsRef(database, starts, ref));
}

/** Opens the rows of start times between two times in ms, both inclusive. */
export function openStarts(starts: Database, startMs: number, endMs: number): SeriesReader {
  return starts.reader(instantFromMs(startMs), endOfMs(endMs));
}

/** The ref among the start times of a series; -1 when none were ever stored for it. */
export function startsRef(database: Database, starts: Database, ref: number): number {
  const key = database.index.seriesKey(ref);
  return starts.index.find(key, 0, key.length, hashBytes(key, 0, key.length));
}

/** @param refOf gives the ref among the start times, or -1. */
export function readStartTimes(reader: SeriesReader, refOf: (ref: number) => number): StartTimes {
  return ({ sources }, timesMs) => {
    // Start times come by remote write, whose series have one field, and so one source.
    const ref = refOf(sources[0].ref);
    if (ref < 0) return null;
    let found: Float64Array | null = null;
    let next = 0;
    for (const { startSec, slice } of reader.read(ref, ['start'])) {
      const [column] = slice.columns;
      for (let row = 0; row < slice.rows; row++) {
        const timeMs = startSec * 1000 + Math.floor(slice.times[row] / 1e6);
        while (next < timesMs.length && timesMs[next] < timeMs) next++;
        if (next === timesMs.length) return found;
        if (timesMs[next] !== timeMs) continue;
        found ??= new Float64Array(timesMs.length);
        found[next] = column.values[row];
      }
    }
    return found;
  };
}
