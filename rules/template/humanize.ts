/** Numbers for people: metric and binary prefixes, durations, percentages, times. Four significant digits everywhere. */
import { general } from './printf.ts';
import { formatTime, type GoValue, typeName } from './value.ts';

const LARGE = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
const SMALL = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y'];
const BINARY = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'];

/** A template's value as a float; text is parsed. Throws what Go says when that cannot be done. */
export function toFloat(value: GoValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') return parseFloatText(value);
  if (value !== null && typeof value === 'object' && !Array.isArray(value) && value.kind === 'duration') {
    return value.seconds;
  }
  throw new Error(`can't convert ${typeName(value)} to float`);
}

function parseFloatText(text: string): number {
  const special = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i.exec(text);
  if (special !== null) return special[2] === undefined ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
  const plain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text);
  if (!plain) throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function scaled(value: number, base: number, prefixes: readonly string[]): string {
  let rest = value;
  let prefix = '';
  for (const next of prefixes) {
    if (base > 1 ? Math.abs(rest) < base : Math.abs(rest) >= 1) break;
    prefix = next;
    rest = base > 1 ? rest / base : rest * 1000;
  }
  return `${general(rest, 4)}${prefix}`;
}

export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return general(value, 4);
  return Math.abs(value) >= 1 ? scaled(value, 1000, LARGE) : scaled(value, 0, SMALL);
}

export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return general(value, 4);
  return scaled(value, 1024, BINARY);
}

/** `1d 2h 3m 4s`, `12.35s`, `5.2ms`. */
export function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return general(value, 4);
  if (value === 0) return `${general(value, 4)}s`;
  if (Math.abs(value) < 1) return `${scaled(value, 0, SMALL)}s`;
  const sign = value < 0 ? '-' : '';
  const whole = Math.trunc(Math.abs(value));
  const seconds = whole % 60;
  const minutes = Math.trunc(whole / 60) % 60;
  const hours = Math.trunc(whole / 3600) % 24;
  const days = Math.trunc(whole / 86_400);
  if (days !== 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`;
  if (hours !== 0) return `${sign}${hours}h ${minutes}m ${seconds}s`;
  if (minutes !== 0) return `${sign}${minutes}m ${seconds}s`;
  return `${sign}${general(Math.abs(value), 4)}s`;
}

export function humanizePercentage(value: number): string {
  return `${general(value * 100, 4)}%`;
}

/** `2015-04-16 16:03:20.5 +0000 UTC` of Unix seconds. */
export function humanizeTimestamp(value: number): string {
  return Number.isFinite(value) ? formatTime(toTimeMs(value)) : general(value, 4);
}

/** Unix seconds as ms; throws for times that 64-bit nanoseconds cannot hold. */
export function toTimeMs(value: number): number {
  if (!Number.isFinite(value)) throw new Error('value is NaN or Inf');
  if (Math.abs(value * 1e9) > 2 ** 63) {
    throw new Error(`${general(value, 17)} cannot be represented as a nanoseconds timestamp since it overflows int64`);
  }
  return Math.trunc(value * 1000 + (value < 0 ? -1e-6 : 1e-6));
}
