/**
 * Instants of InfluxQL: 64-bit nanoseconds since the epoch where there is one per query, seconds and nanoseconds apart
 * where there is one per row.
 */
import type { Instant } from '../../../engine/time.ts';

/** The earliest and the latest instant that InfluxDB takes. */
export const MIN_NS = -9223372036854775806n;
export const MAX_NS = 9223372036854775806n;

const NS_PER_SEC = 1_000_000_000n;

/** Seconds since the epoch, floored. */
export function secOf(ns: bigint): number {
  const sec = ns / NS_PER_SEC;
  return Number(ns % NS_PER_SEC < 0n ? sec - 1n : sec);
}

/** What `secOf` leaves, 0 … 999,999,999. */
export function nanoOf(ns: bigint): number {
  const nano = ns % NS_PER_SEC;
  return Number(nano < 0n ? nano + NS_PER_SEC : nano);
}

/** The instant as the engine bounds its readers by. */
export function boundOf(ns: bigint): Instant {
  return { sec: secOf(ns), nano: nanoOf(ns) };
}

export function nsOf(sec: number, nano: number): bigint {
  return BigInt(sec) * NS_PER_SEC + BigInt(nano);
}
