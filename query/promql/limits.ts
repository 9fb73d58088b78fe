/** The guards of a running query: samples in memory, time, cancellation. */
import { VarveError } from '../../errors/errors.ts';

export interface QueryLimits {
  /** Samples held at once, over all intermediate results. */
  readonly maxSamples: number;
  /** Series that one selector may yield; 0: no limit. */
  readonly maxSeries: number;
  /** Time for the whole query in ms; 0: no limit. */
  readonly timeoutMs: number;
}

export const DEFAULT_LIMITS: QueryLimits = { maxSamples: 50_000_000, maxSeries: 0, timeoutMs: 120_000 };

/** What may stop a query from outside. An AbortSignal fits; so does a flag in shared memory when the query has a thread of its own. */
export interface CancelSignal {
  readonly aborted: boolean;
}

/** Characters of labels that one query may make. */
const MOST_TEXT = 128 << 20;

export class Budget {
  readonly limits: QueryLimits;
  /** Samples held now, and the most there were. */
  samples = 0;
  peakSamples = 0;
  /** Samples looked at, summed over all steps. */
  totalSamples = 0;
  private readonly deadlineMs: number;
  private readonly signal: CancelSignal | null;
  private checks = 0;
  private text = 0;

  /** `startedMs` is on the clock of performance.now(). */
  constructor(limits: QueryLimits, signal: CancelSignal | null, startedMs: number) {
    this.limits = limits;
    this.signal = signal;
    this.deadlineMs = limits.timeoutMs > 0 ? startedMs + limits.timeoutMs : Infinity;
  }

  /** Called now and then by loops over series. Throws `canceled` or `timeout`. */
  checkpoint(): void {
    if (this.signal?.aborted) throw new VarveError('canceled', 'query was canceled in expression evaluation');
    if ((++this.checks & 15) === 0) this.checkTime();
  }

  checkTime(): void {
    if (performance.now() > this.deadlineMs)
      throw new VarveError('timeout', 'query timed out in expression evaluation');
  }

  /** Counts samples that are now held. Throws `unprocessable` beyond the limit. */
  hold(count: number): void {
    this.samples += count;
    if (this.samples > this.peakSamples) this.peakSamples = this.samples;
    if (this.samples > this.limits.maxSamples) {
      throw new VarveError(
        'unprocessable',
        'query processing would load too many samples into memory in query execution',
      );
    }
  }

  /** Counts characters of labels that are made. Throws `unprocessable` beyond the limit. */
  makeText(length: number): void {
    this.text += length;
    if (this.text > MOST_TEXT) {
      throw new VarveError('unprocessable', `query would make more than ${MOST_TEXT} characters of labels`);
    }
  }

  release(count: number): void {
    this.samples -= count;
  }
}
