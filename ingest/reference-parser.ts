/**
 * Line protocol the slow and obvious way, for tests to compare with: strings, regular expressions, BigInt. One
 * character per byte (latin1), so that positions are bytes.
 */

/** A value as the tests compare it: its type's name and its exact text. */
export type ReferenceValue = [type: string, text: string];

export interface ReferencePoint {
  /** Measurement and sorted tags, as a JSON text. */
  series: string;
  fields: Map<string, ReferenceValue>;
  /** Nanoseconds; null for the server's time. */
  time: bigint | null;
}

const I64 = 1n << 63n;
const RANGE = I64 - 2n;

/** The exact text of a double: its bits. */
export function floatText(value: number): string {
  return new BigUint64Array(new Float64Array([value]).buffer)[0].toString(16);
}

/** Series as the tests compare them. */
export function seriesJson(measurement: string, tags: [string, string][]): string {
  return JSON.stringify([measurement, tags.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))]);
}

/** Parses one line without its newline; null for blank lines and comments, a text for a bad line. */
export function parseReferenceLine(raw: string, unitNs = 1n): ReferencePoint | string | null {
  const line = raw.replace(/\r$/, '').replace(/^[ \t\0]+/, '');
  if (line === '' || line.startsWith('#')) return null;
  const keyLength = unescaped(line, ' ', 1);
  if (line[0] === ',' || keyLength < 0) return 'no key';
  const series = parseKey(line.slice(0, keyLength));
  if (series === null) return 'bad key';
  const rest = line.slice(keyLength).replace(/^[ \t\0]+/, '');
  const fields = new Map<string, ReferenceValue>();
  let p = 0;
  for (;;) {
    const equals = unescaped(rest, '=', p);
    const name = rest.slice(p, equals);
    if (equals <= p || unescaped(name, ',', 0) >= 0 || unescaped(name, ' ', 0) >= 0 || name.includes('\n'))
      return 'bad field';
    const value = /^(?:"((?:\\["\\]|\\(?!["\\])|[^"\\])*)"|[^", ][^, ]*)(?=[, ]|$)/.exec(rest.slice(equals + 1));
    if (value === null || (value[1] === undefined && value[0].includes('\n'))) return 'bad value';
    const parsed = value[1] === undefined ? parseScalar(value[0]) : ['string', value[1].replace(/\\(["\\])/g, '$1')];
    if (parsed === null) return 'bad value';
    const plain = name.replace(/\\([, ="])/g, '$1');
    if (plain !== 'time') {
      const before = fields.get(plain);
      if (before !== undefined && before[0] !== parsed[0]) return 'conflict';
      fields.set(plain, parsed as ReferenceValue);
    }
    p = equals + 1 + value[0].length;
    if (rest[p] !== ',') break;
    p++;
  }
  const tail = rest.slice(p).replace(/^[ \t\0]+/, '');
  const time = /^(?:(-?[0-9]+) *)?$/.exec(tail);
  if (time === null) return 'bad time';
  const ns = time[1] === undefined ? null : BigInt(time[1]) * unitNs;
  if (ns !== null && (ns > RANGE || ns < -RANGE)) return 'time out of range';
  if (fields.size === 0) return 'only a field time';
  return { series, fields, time: ns };
}

/** The first `delimiter` at or after `from` without a backslash before it. */
function unescaped(text: string, delimiter: string, from: number): number {
  for (let i = text.indexOf(delimiter, from); i >= 0; i = text.indexOf(delimiter, i + 1)) {
    if (text[i - 1] !== '\\') return i;
  }
  return -1;
}

function parseKey(key: string): string | null {
  if (key.includes('\n')) return null;
  const [measurement, ...parts] = key.split(/(?<!^|\\),/);
  const tags: [string, string][] = [];
  for (const part of parts) {
    const equals = unescaped(part, '=', 0);
    if (equals <= 0) return null;
    const value = part.slice(equals + 1);
    if (value === '' || unescaped(value, '=', 1) >= 0) return null;
    tags.push([part.slice(0, equals).replace(/\\([, =])/g, '$1'), value.replace(/\\([, =])/g, '$1')]);
  }
  const keys = tags.map(([name]) => name);
  if (new Set(keys).size < keys.length || keys.includes('time')) return null;
  return seriesJson(measurement.replace(/\\([, ="])/g, '$1'), tags);
}

function parseScalar(text: string): ReferenceValue | null {
  if (/^(t|T|true|True|TRUE)$/.test(text)) return ['boolean', '1'];
  if (/^(f|F|false|False|FALSE)$/.test(text)) return ['boolean', '0'];
  const integer = /^(-?[0-9]+)([iu])$/.exec(text);
  if (integer !== null) {
    const value = BigInt(integer[1]);
    if (integer[2] === 'i') return value >= -I64 && value < I64 ? ['integer', String(value)] : null;
    return value >= 0n && value < 2n * I64 && !integer[1].startsWith('-') ? ['unsigned', String(value)] : null;
  }
  if (!/^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? ['float', floatText(value)] : null;
}
