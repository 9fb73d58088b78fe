/**
 * Instants with every nanosecond of an i64 exact, without BigInt: whole seconds and the rest.
 */

/** An instant: seconds since the epoch (floored) and 0 … 999,999,999 ns. */
export interface Instant {
  sec: number;
  nano: number;
}

/** Before, and after, everything that an i64 of nanoseconds can say. */
export const MIN_INSTANT: Instant = { sec: -9223372037, nano: 0 };
export const MAX_INSTANT: Instant = { sec: 9223372036, nano: 999_999_999 };

/** From ms since the epoch; a fraction is kept to the ns. Beyond i64 it saturates. */
export function instantFromMs(ms: number): Instant {
  const sec = Math.floor(ms / 1000);
  if (sec < MIN_INSTANT.sec) return MIN_INSTANT;
  if (sec > MAX_INSTANT.sec) return MAX_INSTANT;
  return { sec, nano: Math.min(999_999_999, Math.round((ms - sec * 1000) * 1e6)) };
}

/** ns from a partition's start to an instant; negative before it. Exact when within ±2^53 ns of it. */
export function offsetNs(instant: Instant, partitionStartSec: number): number {
  return (instant.sec - partitionStartSec) * 1e9 + instant.nano;
}
