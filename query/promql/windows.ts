/** Windows of a range function, one per step, laid over the times of one series after the other. */
export class Windows {
  /** Evaluation time per step, in ms. */
  readonly evalMs: Float64Array;
  /** End of the range per step, in ms, inclusive. */
  readonly rangeEndMs: Float64Array;
  /** The window of step i is the points lo[i] … hi[i]-1. Valid for the series of the last move(). */
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  /** Points in all windows together. */
  sampleCount = 0;
  private readonly beforeMs: number;
  private readonly afterMs: number;
  // Series that are scraped together share their times, and so their windows.
  private lastTimes: Float64Array | null = null;
  private lastWidest = 0;

  /** A window reaches from `beforeMs` before the end of its range, exclusively, to `afterMs` behind it, inclusively. */
  constructor(evalMs: Float64Array, rangeEndMs: Float64Array, beforeMs: number, afterMs: number) {
    this.evalMs = evalMs;
    this.rangeEndMs = rangeEndMs;
    this.beforeMs = beforeMs;
    this.afterMs = afterMs;
    this.lo = new Int32Array(evalMs.length);
    this.hi = new Int32Array(evalMs.length);
  }

  /** Lays the windows over a series' times; the size of the widest one. */
  move(times: Float64Array): number {
    if (times === this.lastTimes) return this.lastWidest;
    const { rangeEndMs, lo, hi, beforeMs, afterMs } = this;
    const end = times.length;
    let from = 0;
    let to = 0;
    let widest = 0;
    let total = 0;
    for (let i = 0; i < lo.length; i++) {
      const lastMs = rangeEndMs[i]!;
      const startMs = lastMs - beforeMs;
      while (from < end && times[from]! <= startMs) from++;
      if (to < from) to = from;
      while (to < end && times[to]! <= lastMs + afterMs) to++;
      lo[i] = from;
      hi[i] = to;
      const width = to - from;
      total += width;
      if (width > widest) widest = width;
    }
    this.sampleCount = total;
    this.lastTimes = times;
    this.lastWidest = widest;
    return widest;
  }
}
