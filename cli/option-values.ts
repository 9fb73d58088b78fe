/** Parsers of option values. A wrong value is answered with what would be right. */
import { InvalidArgumentError } from 'commander';
import { RE2JS } from 're2js';
import { parseDurationMs } from '../clock/duration.ts';

export interface ListenAddress {
  /** Undefined means every interface. */
  host: string | undefined;
  port: number;
}

/** `host:port`, `:port` (every interface) or `[v6]:port`; port 0 picks a free one. */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('Give HOST:PORT, such as 127.0.0.1:8086, [::1]:8086 or :8086 for every interface.');
  }
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? undefined : host, port };
}

/** A duration with units in ms; `0` and `forever` are 0. */
export function parseDurationOption(text: string): number {
  const ms = text === 'forever' ? 0 : parseDurationMs(text);
  if (ms === null) throw new InvalidArgumentError('Give a duration with units, such as 30d, 12h or 1h30m.');
  return ms;
}

/** A whole number, 0 or more. */
export function parseCountOption(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError('Give a whole number.');
  return count;
}

const SIZE_UNITS: Record<string, number> = { '': 1, b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };

/** A size in bytes: `64MiB`, `1GiB`, `500000`. */
export function parseSizeOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2].toLowerCase() ?? 'none'];
  if (match === null || unit === undefined) {
    throw new InvalidArgumentError('Give a size, such as 64MiB, 1GiB or a number of bytes.');
  }
  return Math.floor(Number(match[1]) * unit);
}

/** A regular expression (RE2), as it is. */
export function parseRegexOption(text: string): string {
  try {
    RE2JS.compile(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(`Give a regular expression (RE2): ${(error as Error).message}.`);
  }
}
