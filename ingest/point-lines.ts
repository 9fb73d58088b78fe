/**
 * Points as objects, turned into lines of line protocol: what a program has at hand, in the one way in that there is. What
 * line protocol cannot say is an error here and not a damaged line.
 */
import { VarveError } from '../errors/errors.ts';

/** One row: a measurement, tags, and the values of one instant. */
export interface Point {
  readonly measurement: string;
  /** Empty and undefined values are no tags. */
  readonly tags?: Readonly<Record<string, string | undefined>>;
  /** Numbers are floats and must be finite, bigints are 64-bit integers. Undefined ones are left out, one must be there. */
  readonly fields: Readonly<Record<string, number | bigint | string | boolean | undefined>>;
  /** A Date or a number is ms since the epoch (with a fraction, if need be), a bigint is ns; now unless given. */
  readonly time?: Date | number | bigint;
}

/** What needs a backslash before it. In measurements and field names a backslash would vanish before a quote. */
const SPECIAL = /[,= "]/g;
const SPECIAL_IN_TAGS = /[,= ]/g;

/**
 * Lines with timestamps in nanoseconds; each ends with a newline.
 * @throws VarveError bad_request naming the point and what is wrong with it.
 */
export function pointLines(points: readonly Point[]): string {
  let lines = '';
  for (let i = 0; i < points.length; i++) lines += `${lineOf(points[i], i)}\n`;
  return lines;
}

function lineOf({ measurement, tags = {}, fields, time }: Point, i: number): string {
  const refuse = (cause: string) => new VarveError('bad_request', `cannot write point ${i}: ${cause}`);
  const name = (text: string, what: string, special = SPECIAL): string => {
    if (text === '') throw refuse(`its ${what} is empty`);
    if (/[\n\r]/.test(text)) throw refuse(`its ${what} ${JSON.stringify(text)} has a line break`);
    if (text.endsWith('\\')) throw refuse(`its ${what} ${JSON.stringify(text)} ends with a backslash`);
    return text.replace(special, '\\$&');
  };
  let line = name(measurement, 'measurement');
  if (line.startsWith('#')) throw refuse('its measurement starts with #, which is a comment');
  for (const [key, value] of Object.entries(tags)) {
    if (value === undefined || value === '') continue;
    line += `,${name(key, 'tag name', SPECIAL_IN_TAGS)}=${name(value, `tag ${key}`, SPECIAL_IN_TAGS)}`;
  }
  let separator = ' ';
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    line += `${separator}${name(key, 'field name')}=`;
    separator = ',';
    if (typeof value === 'bigint') line += `${value}i`;
    else if (typeof value === 'string') line += `"${value.replace(/["\\]/g, '\\$&')}"`;
    else if (typeof value === 'boolean') line += value;
    else if (Number.isFinite(value)) line += Object.is(value, -0) ? '-0' : String(value);
    else throw refuse(`its field ${key} is ${value}`);
  }
  if (separator === ' ') throw refuse('it has no fields');
  return time === undefined ? line : `${line} ${nanoseconds(time, refuse)}`;
}

function nanoseconds(time: Date | number | bigint, refuse: (cause: string) => VarveError): bigint {
  if (typeof time === 'bigint') return time;
  const ms = Number(time);
  if (!Number.isFinite(ms)) throw refuse('its time is not one');
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6));
}
