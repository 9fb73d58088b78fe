/**
 * Instants written as strings: `2006-01-02`, `2006-01-02 15:04:05.999`, and RFC 3339.
 *
 * Without an offset they are times of the statement's zone. Where clocks of a zone were changed a time of day may be
 * missing or come twice; it is then taken by the offset that Go's time package takes.
 */
import { parseError } from '../parser/parse-error.ts';
import { zoneOf } from '../select/zone.ts';

const TIME_LIKE = /^\d{4}-\d{2}-\d{2}/;
const WRITTEN = /^(\d{4})-(\d{2})-(\d{2})(?:( |T)(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$/;

/** Whether a string is meant as an instant; it may still not be one. */
export function isTimeLike(text: string): boolean {
  return TIME_LIKE.test(text);
}

/** ns since the epoch, or null for what is no instant. The zone is an IANA name, null for UTC. */
export function parseTimeLiteral(text: string, timezone: string | null): bigint | null {
  const match = WRITTEN.exec(text);
  if (match === null) return null;
  const [, year, month, day, separator, hour = '0', minute = '0', second = '0', fraction = '', offset] = match;
  // With a T an offset is needed, with a space there is none.
  if (separator !== undefined && (separator === 'T') !== (offset !== undefined)) return null;
  const civil = civilSeconds(Number(year), Number(month), Number(day));
  if (civil === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const local = civil + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const sec = local - (offset === undefined ? zoneOffset(local, timezone) : writtenOffset(offset));
  return BigInt(sec) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** The instant of a string that is meant as one. Throws `bad_request` when it is none. */
export function requireTimeLiteral(text: string, timezone: string | null): bigint {
  const time = parseTimeLiteral(text, timezone);
  if (time === null) throw parseError('invalid timestamp string');
  return time;
}

/** Seconds from the epoch to the start of a day; null for a day that no month has. */
function civilSeconds(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.getTime() / 1000;
}

function writtenOffset(offset: string): number {
  if (offset === 'Z') return 0;
  const seconds = Number(offset.slice(1, 3)) * 3600 + Number(offset.slice(4)) * 60;
  return offset.startsWith('-') ? -seconds : seconds;
}

/** The offset by which a time of day becomes an instant. */
function zoneOffset(localSec: number, timezone: string | null): number {
  if (timezone === null || timezone === 'UTC') return 0;
  const zone = zoneOf(timezone);
  const guess = zone.offsetSec(localSec);
  return guess === 0 ? 0 : zone.offsetSec(localSec - guess);
}
