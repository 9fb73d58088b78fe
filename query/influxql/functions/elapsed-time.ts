/** Differences of instants given as seconds and nanoseconds. */
import type { Points } from './kernel.ts';

/** Below this many seconds a difference in ns is an exact double (2^53 ns are 104 days). */
const EXACT_SECONDS = 9_000_000;

/** ns from the first instant to the second, the double nearest to it. */
export function nsBetween(fromSec: number, fromNano: number, toSec: number, toNano: number): number {
  const seconds = toSec - fromSec;
  if (Math.abs(seconds) < EXACT_SECONDS) return seconds * 1e9 + (toNano - fromNano);
  return Number(BigInt(seconds) * 1_000_000_000n + BigInt(toNano - fromNano));
}

/** ns from one point to another. */
export function nsFromTo(points: Points, from: number, to: number): number {
  return nsBetween(points.sec[from]!, points.nano[from]!, points.sec[to]!, points.nano[to]!);
}

/** Whole units from one point to another, cut towards zero as Go divides. */
export function unitsFromTo(points: Points, from: number, to: number, unitNs: number): number {
  const seconds = points.sec[to]! - points.sec[from]!;
  const nanos = points.nano[to]! - points.nano[from]!;
  if (Math.abs(seconds) < EXACT_SECONDS) return Math.trunc((seconds * 1e9 + nanos) / unitNs) + 0;
  return Number((BigInt(seconds) * 1_000_000_000n + BigInt(nanos)) / BigInt(unitNs));
}
