/** All time the engine sees. Tests drive it by hand. */
export interface Clock {
  /** Wall time in ms since the Unix epoch. */
  nowMs(): number;
  /** Wall time in ns since the Unix epoch, split: whole seconds and the rest. */
  now(): { sec: number; nano: number };
  /** A time that never steps back, in ms, with an arbitrary origin. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  now() {
    const ms = performance.timeOrigin + performance.now();
    const sec = Math.floor(ms / 1000);
    return { sec, nano: Math.floor((ms - sec * 1000) * 1e6) };
  },
  monotonicMs: () => performance.now(),
};

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  private ms: number;

  constructor(startMs = 0) {
    this.ms = startMs;
  }

  nowMs(): number {
    return this.ms;
  }

  now(): { sec: number; nano: number } {
    const sec = Math.floor(this.ms / 1000);
    return { sec, nano: Math.round((this.ms - sec * 1000) * 1e6) };
  }

  monotonicMs(): number {
    return this.ms;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}
