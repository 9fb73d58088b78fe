/**
 * Evaluates a group at its times. One evaluation ends before the next begins; times that pass meanwhile are counted as
 * missed, except that the last of them is made up for at once.
 *
 * After a start, alerts are restored behind the second evaluation: at the first one, what recording rules and
 * scrapes feed may not be there yet.
 */
import type { Clock } from '../clock/clock.ts';
import type { Log } from '../engine/options.ts';
import type { Group } from './group.ts';
import { LONGEST_DELAY_MS, type Timers } from './timers.ts';

export class Schedule {
  readonly group: Group;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly log: Log;
  /** Evaluations until alerts are restored; 0 when they are. */
  private untilRestore: number;
  private nextMs = 0;
  private cancel: () => void = () => {};
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(group: Group, clock: Clock, timers: Timers, log: Log, restores: boolean) {
    this.group = group;
    this.clock = clock;
    this.timers = timers;
    this.log = log;
    this.untilRestore = restores ? 2 : 0;
  }

  /** Whether the state of before the start is still to be looked for. */
  get restores(): boolean {
    return this.untilRestore > 0;
  }

  start(): void {
    this.nextMs = this.group.slotBefore(this.clock.nowMs()) + this.group.intervalMs;
    this.arm();
  }

  /** No further evaluation begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel();
    this.group.stop();
    await this.running;
  }

  private arm(): void {
    const delayMs = this.nextMs - this.clock.nowMs();
    this.cancel = this.timers.after(Math.min(delayMs, LONGEST_DELAY_MS), () => {
      // Timers may be early by a fraction, and long waits come in parts.
      if (this.clock.nowMs() < this.nextMs) this.arm();
      else this.running = this.turn();
    });
  }

  private async turn(): Promise<void> {
    const { group, clock } = this;
    const timeMs = this.nextMs;
    try {
      await group.evaluate(timeMs);
      if (this.stopped) return;
      if (this.untilRestore > 0 && --this.untilRestore === 0) await group.restore(clock.nowMs());
    } catch (error) {
      this.log('error', `BUG: evaluation of ${group.key} failed: ${(error as Error).stack ?? error}`);
    }
    if (this.stopped) return;
    const missed = Math.max(0, Math.floor((clock.nowMs() - timeMs) / group.intervalMs) - 1);
    group.counters.missed += missed;
    group.counters.iterations += missed;
    this.nextMs = timeMs + (missed + 1) * group.intervalMs;
    this.arm();
  }
}
