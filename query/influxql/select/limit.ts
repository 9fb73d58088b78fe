/** LIMIT and OFFSET of points: counted anew whenever the tag set changes from one point to the next, as InfluxDB does. */
import { type Frame, gatherFrame, sliceFrame } from './frame.ts';

export class Limiter {
  private readonly limit: number;
  private readonly offset: number;
  private seen = 0;
  private tagSet: readonly string[] | null = null;

  constructor(limit: number, offset: number) {
    this.limit = limit;
    this.offset = offset;
  }

  /** Whether no point of the current tag set would be let through any more. */
  get full(): boolean {
    return this.limit > 0 && this.seen >= this.offset + this.limit;
  }

  /** The points of the next frame that are let through. */
  apply(frame: Frame): Frame {
    if (this.limit === 0 && this.offset === 0) return frame;
    const places = new Int32Array(frame.rows);
    let n = 0;
    for (let row = 0; row < frame.rows; row++) {
      const { values } = frame.tagSets[frame.tagOf === null ? 0 : frame.tagOf[row]];
      if (this.tagSet === null || !equal(values, this.tagSet)) {
        this.tagSet = values;
        this.seen = 0;
      }
      this.seen++;
      if (this.seen > this.offset && (this.limit === 0 || this.seen <= this.offset + this.limit)) places[n++] = row;
    }
    return n === frame.rows ? frame : gatherFrame(frame, places.subarray(0, n));
  }
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * What InfluxDB's storage lets through of one tag set of a shard: OFFSET is left to whoever merges shards, and one point
 * more comes along, which shows where there is an OFFSET without LIMIT.
 */
export function limitedInStorage(frame: Frame, limit: number, offset: number): Frame {
  const most = offset + limit + 1;
  return frame.rows <= most ? frame : sliceFrame(frame, 0, most);
}
