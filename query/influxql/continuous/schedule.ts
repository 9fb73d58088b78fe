/**
 * When a continuous query is due, and over what time, as InfluxDB 1.x reckons it.
 *
 * A query runs when `every` has passed since its last run (its interval, unless RESAMPLE EVERY says otherwise), and at
 * once when it has not run since the start. It covers the windows that ended since, or those of the last RESAMPLE FOR;
 * with RESAMPLE EVERY below the interval the window that goes on, too. So a run that comes late makes up for those that
 * were missed.
 *
 * Windows begin at multiples of their length since the epoch, in the local time of tz(), plus the offset of GROUP BY time.
 * All times are ns since the epoch.
 */
import { VarveError } from '../../../errors/errors.ts';
import type { CreateContinuousQueryStatement, Expression, SelectStatement } from '../ast.ts';
import { type Zone, zoneOf } from '../select/zone.ts';

/** What the schedule of a query depends on. */
export interface Timing {
  /** Length of its windows. */
  readonly interval: bigint;
  readonly offset: bigint;
  /** RESAMPLE EVERY and FOR; 0 is not said. */
  readonly every: bigint;
  readonly for: bigint;
  readonly zone: Zone;
}

export interface Run {
  /** To be given as the last run next time. */
  readonly last: bigint;
  /** What to cover: from `start` to before `end`; null when no window has ended. */
  readonly range: { readonly start: bigint; readonly end: bigint } | null;
}

const NS_PER_SEC = 1_000_000_000n;

/** The timing of a query; null for one that has no windows, which never runs. Throws `bad_request`. */
export function timingOf({ select, resampleEvery, resampleFor }: CreateContinuousQueryStatement): Timing | null {
  const time = timeDimension(select);
  if (time === null) return null;
  const [interval, offset] = time;
  if (interval?.kind !== 'duration') {
    throw new VarveError('bad_request', 'time dimension must have duration argument');
  }
  if (interval.value === 0n) return null;
  if (offset !== undefined && offset.kind !== 'duration') {
    throw new VarveError('bad_request', 'invalid time dimension offset');
  }
  return {
    interval: interval.value,
    offset: offset === undefined ? 0n : offset.value % interval.value,
    every: resampleEvery,
    for: resampleFor,
    zone: zoneOf(select.timezone ?? 'UTC'),
  };
}

function timeDimension({ dimensions }: SelectStatement): readonly Expression[] | null {
  for (const dimension of dimensions) {
    if (dimension.kind === 'call' && dimension.name === 'time') return dimension.arguments;
  }
  return null;
}

/**
 * What to run now; null while the query is not due.
 * @param last what the run before said, or null when there was none
 */
export function dueRun(timing: Timing, last: bigint | null, now: bigint): Run | null {
  const { interval, offset, zone } = timing;
  const every = timing.every === 0n ? interval : timing.every;
  const due = last === null ? now : nextRun(last, every, zone);
  if (due > now) return null;
  let covered = timing.for;
  if (covered === 0n) covered = every > interval ? every : interval;
  const step = every > interval ? interval : every;
  const start = truncate(due + interval - covered - offset - 1n, interval, zone) + offset;
  const end = truncate(now + interval - step - offset, interval, zone) + offset;
  return {
    last: truncate(now - offset, every, zone) + offset,
    range: end > start ? { start, end } : null,
  };
}

/** When a query runs again; a change of clocks within the step lengthens or shortens it. */
function nextRun(last: bigint, every: bigint, zone: Zone): bigint {
  const next = last + every;
  const change = offsetAt(last - 1n, zone) - offsetAt(next - 1n, zone);
  return change !== 0n && magnitude(change) < every ? next + change : next;
}

/** The last multiple of `length` in local time, at or before a time. */
function truncate(time: bigint, length: bigint, zone: Zone): bigint {
  const before = offsetAt(time, zone);
  const rest = (((time + before) % length) + length) % length;
  const start = time - rest;
  const change = before - offsetAt(start, zone);
  return change !== 0n && magnitude(change) < length ? start + change : start;
}

function offsetAt(time: bigint, zone: Zone): bigint {
  const sec = (time - (((time % NS_PER_SEC) + NS_PER_SEC) % NS_PER_SEC)) / NS_PER_SEC;
  return BigInt(zone.offsetSec(Number(sec))) * NS_PER_SEC;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
