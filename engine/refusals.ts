/**
 * What was refused, counted by reason: the name of the setting that a writer was beyond. The reasons are a fixed few, so
 * that nobody's data makes new ones. Each is logged at most once a second, with how many there were since.
 */
import type { Clock } from '../clock/clock.ts';
import type { Log } from './options.ts';
import { LIMIT_SETTINGS, type LimitName, type Refusal } from './write-limits.ts';

const LOG_INTERVAL_MS = 1000;

/** Refusals of one request, by limit. */
export type RefusalCounts = Map<LimitName, { count: number; text: string }>;

/** Adds one to a request's refusals. */
export function countRefusal(counts: RefusalCounts, { limit, text }: Refusal): void {
  const entry = counts.get(limit);
  if (entry === undefined) counts.set(limit, { count: 1, text });
  else entry.count++;
}

interface Told {
  total: number;
  /** Since the last line of the log. */
  untold: number;
  loggedMs: number;
}

export class Refusals {
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly byReason = new Map<string, Told>();

  /** @param reasons all that there will be: they are counted from 0. */
  constructor(log: Log, clock: Clock, reasons: readonly string[] = Object.values(LIMIT_SETTINGS)) {
    this.log = log;
    this.clock = clock;
    for (const reason of reasons)
      this.byReason.set(reason, { total: 0, untold: 0, loggedMs: Number.NEGATIVE_INFINITY });
  }

  /** Counts `count` refusals and tells of them unless it has just done so. */
  note(reason: string, count: number, text: string, fields: Record<string, unknown> = {}): void {
    const told = this.byReason.get(reason);
    if (told === undefined) throw new Error(`BUG: ${reason} is no reason to refuse`);
    told.total += count;
    told.untold += count;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - told.loggedMs < LOG_INTERVAL_MS) return;
    this.log('warn', `refused: ${text}`, { reason, refused: told.untold, ...fields });
    told.loggedMs = nowMs;
    told.untold = 0;
  }

  /** Counts all that a request was refused. */
  noteAll(counts: RefusalCounts, database: string): void {
    for (const [limit, { count, text }] of counts) this.note(LIMIT_SETTINGS[limit], count, text, { database });
  }

  /** [reason, how many] of all reasons. */
  *totals(): Iterable<[string, number]> {
    for (const [reason, { total }] of this.byReason) yield [reason, total];
  }
}
