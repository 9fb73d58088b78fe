/** GROUP BY time(interval, offset) as numbers. */
import type { Expression, SelectStatement } from '../ast.ts';
import { requireTimeLiteral } from '../front/time-literal.ts';
import { type Interval, NO_INTERVAL } from './window.ts';

/** ns from the beginning of the year 1, from which instants are cut to multiples of an interval, to the epoch. */
const FIRST_YEAR_NS = 62_135_596_800_000_000_000n;

export function intervalOf({ dimensions, timezone }: SelectStatement, nowNs: bigint): Interval {
  for (const dimension of dimensions) {
    if (dimension.kind !== 'call' || dimension.name !== 'time') continue;
    const [duration, offset] = dimension.arguments;
    // A negative interval is none.
    if (duration?.kind !== 'duration' || duration.value <= 0n) return NO_INTERVAL;
    return { durationNs: duration.value, offsetNs: offsetOf(offset, duration.value, timezone, nowNs) };
  }
  return NO_INTERVAL;
}

function offsetOf(offset: Expression | undefined, durationNs: bigint, timezone: string | null, nowNs: bigint): bigint {
  switch (offset?.kind) {
    case 'duration':
      return offset.value % durationNs;
    case 'time':
      return pastMultiple(offset.value, durationNs);
    case 'string':
      return pastMultiple(requireTimeLiteral(offset.value, timezone), durationNs);
    case 'call':
      return pastMultiple(nowNs, durationNs);
    default:
      return 0n;
  }
}

function pastMultiple(ns: bigint, durationNs: bigint): bigint {
  return (ns + FIRST_YEAR_NS) % durationNs;
}
