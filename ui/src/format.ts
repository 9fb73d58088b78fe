/** Numbers, sizes, times and label sets as people read them. */

/** Names and values, `__name__` among them. */
export type Labels = Record<string, string>;

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(n: number): string {
  let size = n;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < SIZES.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || Math.abs(size) >= 100 ? size.toFixed(0) : size.toFixed(1)} ${SIZES[unit]}`;
}

/** With thousands separators. */
export function whole(n: number): string {
  return n.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

const PREFIXES: [number, string][] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
];

/** From here on, and below its inverse's thousand, numbers are written with an exponent. */
const LARGE = 1e15;
const SMALL = 1e-3;

/** Short enough for a legend. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size >= LARGE || (size > 0 && size < SMALL)) return trim(value.toExponential(3));
  const [scale, letter] = PREFIXES.find(([least]) => size >= least) ?? [1, ''];
  return `${trim((value / scale).toPrecision(4))}${letter}`;
}

/** The labels of an axis: as short as they can be told apart. */
export function axisLabels(values: readonly number[], step: number): string[] {
  const most = values.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
  if (most >= LARGE || (most > 0 && most < SMALL)) {
    const digits = Math.min(15, Math.max(0, Math.floor(Math.log10(most)) - Math.floor(Math.log10(step)) + 1));
    return values.map((value) => (value === 0 ? '0' : trim(value.toExponential(digits))));
  }
  return values.map((value) => {
    // A prefix that leaves many decimals is longer than none.
    const size = Math.abs(value);
    const [scale, letter] = PREFIXES.find(([least]) => size >= least && step >= least / 1000) ?? [1, ''];
    return value === 0 ? '0' : `${trim((value / scale).toFixed(decimalsOf(step / scale)))}${letter}`;
  });
}

/** How many decimals a step of 1, 2, 2.5 or 5 times a power of ten has. */
function decimalsOf(step: number): number {
  for (let count = 0; count < 15; count++) {
    const shifted = step * 10 ** count;
    if (Math.abs(shifted - Math.round(shifted)) < 1e-6 * shifted) return count;
  }
  return 15;
}

/** Without the zeros at the end of a fraction. */
function trim(text: string): string {
  return text.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '');
}

export function seconds(value: number): string {
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return `${short(value)} s`;
  return size >= SMALL ? `${short(value * 1e3)} ms` : `${short(value * 1e6)} µs`;
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** `name{a="b"}`, as PromQL writes it: a name that is no identifier stands in quotes, a metric's inside the braces. */
export function labelSet(labels: Labels): string {
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([key, value]) => `${labelName(key)}=${JSON.stringify(value)}`);
  if (name !== '' && !METRIC_NAME.test(name)) return `{${[JSON.stringify(name), ...pairs].join(', ')}}`;
  return pairs.length === 0 && name !== '' ? name : `${name}{${pairs.join(', ')}}`;
}

/** A selector of a metric. */
export function selector(name: string): string {
  return labelSet({ __name__: name });
}

export function labelName(name: string): string {
  return LABEL_NAME.test(name) ? name : JSON.stringify(name);
}

const DAY_MS = 86_400_000;

/** Local date and time to the second. */
export function dateTime(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Whose times are shown: `Europe/Berlin`. */
export function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The largest units first: `2d 3h`. */
export function span(ms: number): string {
  if (ms === 0) return 'for ever';
  const units: [number, string][] = [
    [DAY_MS, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ];
  let rest = ms;
  const parts: string[] = [];
  for (const [size, name] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${name}`);
    rest -= count * size;
  }
  return parts.length === 0 ? `${ms} ms` : parts.slice(0, 2).join(' ');
}

/** The value of the API's spelling of a number. */
export function sampleValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
