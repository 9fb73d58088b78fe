/**
 * Timestamps of line protocol: decimal text in a unit of time to (seconds, nanoseconds), exact for every i64 of
 * nanoseconds without a BigInt. Sub-second units are powers of ten, so the text is cut at its last 9, 6 or 3 digits
 * and both halves are exact doubles.
 *
 * The range is InfluxDB's: ±9223372036854775806 ns (it keeps the three outermost values of i64 for itself).
 */
import { VarveError } from '../errors/errors.ts';

/** How a request's timestamps are to be read. */
export interface Precision {
  readonly name: 'ns' | 'us' | 'ms' | 's' | 'm' | 'h' | 'auto';
  /** Digits after the seconds: 9, 6, 3 or 0. Negative: each timestamp's own length tells. */
  readonly fractionDigits: number;
  /** Nanoseconds of one unit of the fraction: 10^(9 − fractionDigits). */
  readonly fractionScaleNs: number;
  /** Seconds per unit, for units of a second and more. */
  readonly unitSeconds: number;
}

export const NANOSECONDS: Precision = { name: 'ns', fractionDigits: 9, fractionScaleNs: 1, unitSeconds: 1 };

/** Seconds, ms, µs or ns, by each timestamp's magnitude. What has no timestamp gets one in nanoseconds. */
const GUESSED: Precision = { name: 'auto', fractionDigits: -1, fractionScaleNs: 1, unitSeconds: 1 };

const PRECISIONS: Record<Exclude<Precision['name'], 'auto'>, Precision> = {
  ns: NANOSECONDS,
  us: { name: 'us', fractionDigits: 6, fractionScaleNs: 1000, unitSeconds: 1 },
  ms: { name: 'ms', fractionDigits: 3, fractionScaleNs: 1000000, unitSeconds: 1 },
  s: { name: 's', fractionDigits: 0, fractionScaleNs: 1000000000, unitSeconds: 1 },
  m: { name: 'm', fractionDigits: 0, fractionScaleNs: 1000000000, unitSeconds: 60 },
  h: { name: 'h', fractionDigits: 0, fractionScaleNs: 1000000000, unitSeconds: 3600 },
};

/**
 * The precision that a write request's `precision` parameter names; none means nanoseconds.
 * @throws VarveError bad_request for anything else. (InfluxDB 1.x reads unknown units as nanoseconds, which silently
 * misdates every point.)
 */
export function parsePrecision(text: string | undefined | null): Precision {
  switch (text) {
    case undefined:
    case null:
    case '':
    case 'n':
    case 'ns':
      return PRECISIONS.ns;
    case 'u':
    case 'us':
    case 'µ':
    case 'μ':
    case 'µs':
      return PRECISIONS.us;
    case 'ms':
    case 's':
    case 'm':
    case 'h':
      return PRECISIONS[text];
    default:
      throw new VarveError('bad_request', `invalid precision "${text}" (use n, u, ms, s, m or h)`);
  }
}

/**
 * As `parsePrecision`, for InfluxDB 3: its long names too, and by default a guess for each timestamp.
 * @throws VarveError bad_request for anything else.
 */
export function parsePrecision3(text: string | undefined | null): Precision {
  switch (text) {
    case undefined:
    case null:
    case '':
    case 'auto':
      return GUESSED;
    case 'nanosecond':
      return PRECISIONS.ns;
    case 'microsecond':
      return PRECISIONS.us;
    case 'millisecond':
      return PRECISIONS.ms;
    case 'second':
      return PRECISIONS.s;
    default:
      return parsePrecision(text);
  }
}

/** What InfluxDB 3 takes a timestamp for: below 5e9 are seconds, below 5e12 ms, below 5e15 µs. */
function guessPrecision(bytes: Uint8Array, firstDigit: number, end: number): Precision {
  const digits = end - firstDigit;
  const isSmall = bytes[firstDigit] < 53;
  if (digits < 10 || (digits === 10 && isSmall)) return PRECISIONS.s;
  if (digits < 13 || (digits === 13 && isSmall)) return PRECISIONS.ms;
  return digits < 16 || (digits === 16 && isSmall) ? PRECISIONS.us : PRECISIONS.ns;
}

/** Truncates (toward the past) a wall time to a precision, as a line without a timestamp gets it. */
export function truncateTime(sec: number, nano: number, precision: Precision): { sec: number; nano: number } {
  if (precision.unitSeconds > 1) {
    return { sec: Math.floor(sec / precision.unitSeconds) * precision.unitSeconds, nano: 0 };
  }
  return { sec, nano: nano - (nano % precision.fractionScaleNs) };
}

/** `scanTimestamp` results below zero: not an integer, outside the range. */
export const BAD_TIMESTAMP = -1;
export const TIMESTAMP_RANGE = -2;

/** The last scanned timestamp: [0] whole seconds (floor), [1] nanoseconds 0 … 999,999,999. */
export const scannedTime = new Float64Array(2);

const MAX_SECONDS = 9223372036;
const MAX_NANO = 854775806;

/**
 * Reads the timestamp at `start`; it must end at a space or the line's end. A newline lies at or after `start`.
 * @returns the position after it, with the time in `scannedTime`, or one of the negative codes above.
 */
export function scanTimestamp(bytes: Uint8Array, start: number, asked: Precision): number {
  const negative = bytes[start] === 45;
  let p = negative ? start + 1 : start;
  const first = p;
  while ((bytes[p] - 48) >>> 0 <= 9) p++;
  const c = bytes[p];
  if (c !== 10 && c !== 32 && !(c === 13 && bytes[p + 1] === 10)) return BAD_TIMESTAMP;
  if (p === first) return TIMESTAMP_RANGE;
  let q = first;
  while (bytes[q] === 48) q++;
  if (p - q > 19) return TIMESTAMP_RANGE;
  const precision = asked.fractionDigits < 0 ? guessPrecision(bytes, q, p) : asked;
  const cut = p - precision.fractionDigits;
  let sec = 0;
  for (; q < cut; q++) sec = sec * 10 + (bytes[q] - 48);
  sec *= precision.unitSeconds;
  let nano = 0;
  for (; q < p; q++) nano = (Math.imul(nano, 10) + bytes[q] - 48) | 0;
  nano *= precision.fractionScaleNs;
  if (precision.fractionDigits === 0) nano = 0;
  if (sec > MAX_SECONDS || (sec === MAX_SECONDS && nano > MAX_NANO)) return TIMESTAMP_RANGE;
  if (negative) {
    sec = -sec;
    if (nano > 0) {
      sec -= 1;
      nano = 1000000000 - nano;
    } else if (sec === 0) sec = 0;
  }
  scannedTime[0] = sec;
  scannedTime[1] = nano;
  return p;
}

/** Why `scanTimestamp` refused a text of digits, in InfluxDB's words. */
export function timestampRangeReason(text: string): string {
  if (text === '-') return 'strconv.ParseInt: parsing "-": invalid syntax';
  const value = BigInt(text);
  if (value !== BigInt.asIntN(64, value)) return `strconv.ParseInt: parsing "${text}": value out of range`;
  return 'time outside range -9223372036854775806 - 9223372036854775806';
}
