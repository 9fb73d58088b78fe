/**
 * Windows of GROUP BY time: which one an instant lies in, in 64-bit nanoseconds, with offset and time zone.
 *
 * In a zone, windows begin at multiples of the interval by the clock on the wall. Where clocks change by less than the
 * interval, the window that is open then is shorter or longer; where they change by as much or more, windows go on as if
 * nothing had happened.
 */
import { MAX_NS, MIN_NS } from './time.ts';
import type { Zone } from './zone.ts';

export interface Interval {
  /** ns; 0 is no GROUP BY time: all is one window. */
  readonly durationNs: bigint;
  readonly offsetNs: bigint;
}

export const NO_INTERVAL: Interval = { durationNs: 0n, offsetNs: 0n };

/** [startNs, endNs). */
export interface TimeWindow {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** What decides over windows: the interval, and, without one, the time range itself. */
export interface Windowing {
  readonly interval: Interval;
  readonly zone: Zone | null;
  readonly minNs: bigint;
  readonly maxNs: bigint;
}

export function zoneOffsetNs(zone: Zone | null, ns: bigint): bigint {
  if (zone === null) return 0n;
  let sec = ns / 1_000_000_000n;
  if (sec * 1_000_000_000n > ns) sec -= 1n;
  return BigInt(zone.offsetSec(Number(sec))) * 1_000_000_000n;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export function windowOf({ interval, zone, minNs, maxNs }: Windowing, timeNs: bigint): TimeWindow {
  const { durationNs, offsetNs } = interval;
  if (durationNs === 0n) return { startNs: minNs, endNs: maxNs + 1n };
  const time = timeNs - offsetNs;
  const offset = zoneOffsetNs(zone, time);
  let past = (time + offset) % durationNs;
  if (past < 0n) past += durationNs;
  let startNs = MIN_NS + past >= time ? MIN_NS : time - past;
  if (zone !== null) {
    const change = offset - zoneOffsetNs(zone, startNs);
    if (change !== 0n && magnitude(change) < durationNs) startNs += change;
  }
  startNs += offsetNs;
  const rest = durationNs - past;
  let endNs = MAX_NS - rest <= time ? MAX_NS : time + rest;
  if (zone !== null) {
    const endOffset = zoneOffsetNs(zone, endNs);
    const change = offset - endOffset;
    if (change !== 0n && magnitude(change) < durationNs) {
      // Time that clocks repeat belongs to the window before; time that they skip comes after it, if the change is in it.
      if (change > 0n || zoneOffsetNs(zone, endNs + change) === endOffset) endNs += change;
    }
  }
  endNs += offsetNs;
  return { startNs, endNs };
}
