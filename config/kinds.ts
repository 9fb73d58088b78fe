/**
 * Kinds of settings: how each is written on a command line, in the environment and in a file, and what it becomes.
 * A wrong value is answered with what would be right.
 */
import { isIP } from 'node:net';
import { RE2JS } from 're2js';
import { z } from 'zod';
import { parseDurationMs } from '../clock/duration.ts';

export interface ListenAddress {
  /** Undefined means every interface. */
  host: string | undefined;
  port: number;
}

/** A kind: its zod type takes what YAML makes of a value, and a text all the same. */
export interface Kind<T> {
  readonly type: z.ZodType<T>;
  /** How the value is called in usage: `<duration>`. */
  readonly argument: string;
  /** May be given more than once; each value is a text. */
  readonly isList: boolean;
  /** Takes no value on the command line. */
  readonly isSwitch: boolean;
  /** The unit in documentation, '' without. */
  readonly unit: string;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** A zod type from a parser of texts that throws what would be right. */
function parsed<T>(parse: (text: string) => T): z.ZodType<T> {
  return scalar.transform((value, context) => {
    try {
      return parse(String(value));
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  }) as unknown as z.ZodType<T>;
}

function kind<T>(argument: string, parse: (text: string) => T, unit = ''): Kind<T> {
  return { type: parsed(parse), argument, isList: false, isSwitch: false, unit };
}

/** Durations with units, in ms. */
export const duration = kind('<duration>', parseDuration, 'duration');

/** As a duration, but not 0. */
export const interval = kind(
  '<duration>',
  (text) => {
    const ms = parseDuration(text);
    if (ms === 0) throw new Error('give a duration above zero, such as 30s or 1m');
    return ms;
  },
  'duration',
);

/** A duration of whole seconds between two bounds, in ms. */
export function wholeSeconds(least: string, most: string): Kind<number> {
  const [leastMs, mostMs] = [parseDuration(least), parseDuration(most)];
  const parse = (text: string) => {
    const ms = parseDuration(text);
    if (ms >= leastMs && ms <= mostMs && ms % 1000 === 0) return ms;
    throw new Error(`give a duration of ${least} to ${most}, in whole seconds`);
  };
  return kind('<duration>', parse, 'duration');
}

/** `0` and `forever` are 0. */
export function parseDuration(text: string): number {
  const ms = text === 'forever' ? 0 : parseDurationMs(text);
  if (ms === null) throw new Error('give a duration with units, such as 30d, 12h or 1h30m');
  return ms;
}

const SIZE_UNITS: Record<string, number> = { '': 1, b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };

/** A size in bytes: `64MiB`, `1GiB`, `500000`; `none` is 0. */
function parseSize(text: string): number {
  if (text === 'none') return 0;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2].toLowerCase() ?? 'none'];
  const bytes = unit === undefined ? Number.NaN : Math.floor(Number(match?.[1]) * unit);
  if (!Number.isSafeInteger(bytes)) throw new Error('give a size, such as 64MiB, 1GiB or a number of bytes');
  return bytes;
}

export const size = kind('<size>', parseSize, 'bytes');

/** A size that cannot be none: at least, and where there is a bound at most, so much. */
export function sizeFrom(least: string, most?: string): Kind<number> {
  const leastBytes = parseSize(least);
  const mostBytes = most === undefined ? Infinity : parseSize(most);
  const bounds = most === undefined ? `${least} or more` : `${least} to ${most}`;
  const parse = (text: string) => {
    const bytes = parseSize(text);
    if (bytes >= leastBytes && bytes <= mostBytes) return bytes;
    throw new Error(`give a size of ${bounds}`);
  };
  return kind('<size>', parse, 'bytes');
}

/** A whole number, 0 or more. */
export const count = kind(
  '<number>',
  (text) => {
    const value = text === 'none' ? 0 : Number(text);
    if (!/^(\d+|none)$/.test(text) || !Number.isSafeInteger(value)) throw new Error('give a whole number');
    return value;
  },
  'number',
);

/** A whole number above 0. */
export const positive = kind(
  '<number>',
  (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value === 0) {
      throw new Error('give a whole number above zero');
    }
    return value;
  },
  'number',
);

export const text = kind('<text>', (value) => value);
export const directory = kind('<directory>', (value) => {
  if (value === '') throw new Error('give a directory');
  return value;
});
export const file = kind('<file>', (value) => {
  if (value === '') throw new Error('give a file');
  return value;
});

/** `host:port`, `:port` (every interface) or `[v6]:port`; port 0 picks a free one. */
export const address = kind('<host:port>', (value): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new Error('give HOST:PORT, such as 127.0.0.1:8086, [::1]:8086 or :8086 for every interface');
  }
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? undefined : host, port };
});

/** A regular expression (RE2), as it is. */
export const regex = kind('<regex>', (value) => {
  try {
    RE2JS.compile(value);
  } catch (error) {
    throw new Error(`give a regular expression (RE2): ${(error as Error).message}`);
  }
  return value;
});

/** Without a slash at the end. */
export const url = kind('<url>', parseUrl);

function parseUrl(value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) throw new Error('give a URL, such as http://127.0.0.1:9093');
  return value.replace(/\/+$/, '');
}

function parsePair(value: string): [string, string] {
  const equals = value.indexOf('=');
  if (equals < 1) throw new Error('give NAME=VALUE, such as region=eu');
  return [value.slice(0, equals), value.slice(equals + 1)];
}

export const toggle: Kind<boolean> = {
  type: parsed((value) => {
    if (/^(true|yes|on|1)$/i.test(value)) return true;
    if (/^(false|no|off|0)$/i.test(value)) return false;
    throw new Error('give true or false');
  }),
  argument: '',
  isList: false,
  isSwitch: true,
  unit: '',
};

/** One of some words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return kind(`<${words.join('|')}>`, (value) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new Error(`give one of ${words.join(', ')}`);
    return found;
  });
}

/** Several values: repeated on the command line, separated by commas in the environment, a list in a file. */
function list<T>(argument: string, parse: (text: string) => T): Kind<T[]> {
  const one = parsed(parse);
  const type = z.union([z.array(one), one.transform((value) => [value])]) as unknown as z.ZodType<T[]>;
  return { type, argument, isList: true, isSwitch: false, unit: '' };
}

export const files = list('<file...>', (value) => value);
export const urls = list('<url>', parseUrl);
export const pairs = list('<name=value>', parsePair);
