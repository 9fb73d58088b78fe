/** Durations as PromQL writes them: `1h30m`, units y w d h m s ms in this order, each at most once. All values in ms. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const YEAR = 365 * DAY;

const UNITS: readonly (readonly [string, number])[] = [
  ['y', YEAR],
  ['w', WEEK],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
];

const PATTERN = /^(?:(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?|0)$/;

/** The largest duration that 64-bit nanoseconds hold, in ms. */
const MAX_MS = 9223372036854;

/** The ms of a duration, or the reason why the text is none. */
export function parseDurationMs(text: string): number | { readonly error: string } {
  if (text === '0') return 0;
  if (text === '') return { error: 'empty duration string' };
  const match = PATTERN.exec(text);
  if (match === null) return { error: problemOf(text) };
  let total = 0;
  for (let i = 0; i < UNITS.length; i++) {
    const digits = match[i + 1];
    if (digits === undefined) continue;
    total += Number(digits) * UNITS[i]![1];
    if (total > MAX_MS) return { error: 'duration out of range' };
  }
  return total;
}

/** What is wrong with a duration, read from the left: a unit that is none, or anything else. */
function problemOf(text: string): string {
  let last = -1;
  for (const [, unit] of text.matchAll(/\d+(\D+)/g)) {
    const place = UNITS.findIndex(([name]) => name === unit);
    if (place === -1) return `unknown unit "${unit}" in duration "${text}"`;
    if (place <= last) break;
    last = place;
  }
  return `not a valid duration string: "${text}"`;
}

/** The shortest text of a duration that parses back to it: weeks and years only when nothing else is needed. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return '0s';
  let rest = Math.trunc(ms);
  let out = '';
  for (const [unit, size] of UNITS) {
    const exactOnly = unit === 'y' || unit === 'w';
    if (exactOnly && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) {
      out += `${count}${unit}`;
      rest -= count * size;
    }
  }
  return out;
}
