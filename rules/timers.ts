/** Timers that can be cancelled, and moved by hand in tests. */
import type { ManualClock } from '../clock/clock.ts';

export interface Timers {
  /** Calls back once after `delayMs`. The function that is returned cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The longest delay that setTimeout takes; longer waits are cut and asked for again. */
export const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Node's timers; they do not keep the process alive. */
export const systemTimers: Timers = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Timers over a clock that stands still: `advance` moves it from one timer to the next and runs them in order. */
export class ManualTimers implements Timers {
  private readonly clock: ManualClock;
  private waiting: { atMs: number; callback: () => void }[] = [];

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.clock.nowMs() + Math.max(0, delayMs), callback };
    this.waiting.push(timer);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== timer);
    };
  }

  get count(): number {
    return this.waiting.length;
  }

  /** Lets time pass; between timers, promises are settled. */
  async advance(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    await settle();
    for (;;) {
      const due = this.waiting.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.waiting = this.waiting.filter((other) => other !== due);
      this.clock.advance(Math.max(0, due.atMs - this.clock.nowMs()));
      due.callback();
      await settle();
    }
    this.clock.advance(Math.max(0, endMs - this.clock.nowMs()));
  }
}

/** Waits until chains of promises, and reads and writes of files, have come to rest. */
async function settle(): Promise<void> {
  for (let i = 0; i < 25; i++) await new Promise((resolve) => setImmediate(resolve));
}
