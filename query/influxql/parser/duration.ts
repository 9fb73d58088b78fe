/**
 * Durations as InfluxQL writes them: whole numbers with units, one after the other, in 64-bit nanoseconds.
 */
import { parseError } from './parse-error.ts';

const MICROSECOND = 1_000n;
const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;
const DAY = 24n * HOUR;
const WEEK = 7n * DAY;

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['u', MICROSECOND],
  ['µ', MICROSECOND],
  ['ms', MILLISECOND],
  ['s', SECOND],
  ['m', MINUTE],
  ['h', HOUR],
  ['d', DAY],
  ['w', WEEK],
]);

/** From the largest: a duration is written in the largest unit of which it is a multiple. */
const WRITTEN_UNITS: readonly (readonly [unit: string, size: bigint])[] = [
  ['w', WEEK],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', MILLISECOND],
  ['u', MICROSECOND],
];

/** `1h30m` and the like in ns. Throws `bad_request`; the message tells no place. */
export function parseDuration(text: string): bigint {
  const negative = text.startsWith('-');
  const body = negative ? text.slice(1) : text;
  if (text.length < 2) throw parseError('invalid duration');
  const part = /(\d+)(ns|ms|[uµmshdw])/y;
  let total = 0n;
  let last = '';
  while (part.lastIndex < body.length) {
    const match = part.exec(body);
    if (match === null) throw parseError('invalid duration');
    const count = BigInt(match[1]);
    if (BigInt.asIntN(64, count) !== count) throw parseError('invalid duration');
    // Overflow wraps around, so that only a sign tells of it.
    total = BigInt.asIntN(64, total + count * (UNITS.get(match[2]) as bigint));
    last = String(count) + match[2];
  }
  if (total < 0n && !negative) {
    throw parseError(`overflowed duration ${last}: choose a smaller duration or INF`);
  }
  return negative ? BigInt.asIntN(64, -total) : total;
}

/** ns as text: `90m`, `0s`. */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  for (const [unit, size] of WRITTEN_UNITS) if (ns % size === 0n) return `${ns / size}${unit}`;
  return `${ns}ns`;
}
