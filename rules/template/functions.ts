/**
 * The functions that templates can call: Go's own and those that Prometheus adds. Each is an entry in one table, with the
 * types of its parameters, so that wrong arguments get the messages that Go gives.
 */
import { RE2JS } from 're2js';
import { parseDurationMs } from '../../query/promql/parser/duration.ts';
import { quote } from '../../query/promql/parser/token.ts';
import {
  humanize,
  humanize1024,
  humanizeDuration,
  humanizePercentage,
  humanizeTimestamp,
  toFloat,
  toTimeMs,
} from './humanize.ts';
import { sprintf } from './printf.ts';
import { type GoSample, type GoValue, isTrue, printValue, typeName } from './value.ts';

/** What templates can ask for beside their data. */
export interface TemplateEnvironment {
  /** The samples of an instant query at the time of the evaluation. */
  query(text: string): GoSample[];
  /** Where this server is reached from outside, without a slash at the end. */
  externalUrl: string;
  nowMs: number;
}

export type ParameterType = 'any' | 'string' | 'vector' | 'sample';

export interface TemplateFunction {
  parameters: readonly ParameterType[];
  /** The type of further arguments; null when there may be none. */
  rest: ParameterType | null;
  call(args: readonly GoValue[], environment: TemplateEnvironment): GoValue;
}

function define(
  parameters: readonly ParameterType[],
  call: TemplateFunction['call'],
  rest: ParameterType | null = null,
): TemplateFunction {
  return { parameters, rest, call };
}

const text = (value: GoValue): string => value as string;

export function isFunction(name: string): boolean {
  return Object.hasOwn(FUNCTIONS, name);
}

/** `and` and `or` evaluate their arguments one by one, so they are part of the interpreter and only named here. */
export const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  and: define(['any'], ([first]) => first, 'any'),
  or: define(['any'], ([first]) => first, 'any'),
  not: define(['any'], ([value]) => !isTrue(value)),
  eq: define(['any'], equalsAny, 'any'),
  ne: define(['any', 'any'], ([a, b]) => !equals(a, b)),
  lt: define(['any', 'any'], ([a, b]) => isLess(a, b)),
  le: define(['any', 'any'], ([a, b]) => isLess(a, b) || equals(a, b)),
  gt: define(['any', 'any'], ([a, b]) => !isLess(a, b) && !equals(a, b)),
  ge: define(['any', 'any'], ([a, b]) => !isLess(a, b)),
  len: define(['any'], ([value]) => lengthOf(value)),
  index: define(['any'], indexInto, 'any'),
  slice: define(['any'], sliceOf, 'any'),
  print: define([], printAll, 'any'),
  println: define([], (args) => `${args.map(printValue).join(' ')}\n`, 'any'),
  printf: define(['string'], ([format, ...args]) => sprintf(text(format), args), 'any'),
  html: define([], (args) => escapeHtml(printAll(args)), 'any'),
  js: define([], (args) => JSON.stringify(printAll(args)).slice(1, -1).replaceAll("'", "\\'"), 'any'),
  urlquery: define([], (args) => queryEscape(printAll(args)), 'any'),

  query: define(['string'], ([query], environment) => environment.query(text(query))),
  first: define(['vector'], ([vector]) => {
    const [first] = vector as GoValue[];
    if (first === undefined) throw new Error('first() called on vector with no elements');
    return first;
  }),
  label: define(['string', 'sample'], ([name, sample]) => (sample as GoSample).labels.entries.get(text(name)) ?? ''),
  value: define(['sample'], ([sample]) => (sample as GoSample).value),
  strvalue: define(['sample'], ([sample]) => (sample as GoSample).labels.entries.get('__value__') ?? ''),
  sortByLabel: define(['string', 'vector'], ([name, vector]) => sortByLabel(text(name), vector as GoSample[])),
  args: define(
    [],
    (args) => ({ kind: 'map', entries: new Map(args.map((arg, i) => [`arg${i}`, arg])), missing: undefined }),
    'any',
  ),
  reReplaceAll: define(['string', 'string', 'string'], ([pattern, replacement, input]) =>
    replaceAll(text(pattern), text(replacement), text(input)),
  ),
  match: define(['string', 'string'], ([pattern, input]) => compile(text(pattern)).matcher(text(input)).find()),
  safeHtml: define(['string'], ([value]) => value),
  title: define(['string'], ([value]) => title(text(value))),
  toUpper: define(['string'], ([value]) => text(value).toUpperCase()),
  toLower: define(['string'], ([value]) => text(value).toLowerCase()),
  graphLink: define(['string'], ([query]) => graphLink(text(query))),
  tableLink: define(['string'], ([query]) => tableLink(text(query))),
  stripPort: define(['string'], ([value]) => splitHostPort(text(value))?.host ?? value),
  stripDomain: define(['string'], ([value]) => stripDomain(text(value))),
  humanize: define(['any'], ([value]) => humanize(toFloat(value))),
  humanize1024: define(['any'], ([value]) => humanize1024(toFloat(value))),
  humanizeDuration: define(['any'], ([value]) => humanizeDuration(toFloat(value))),
  humanizePercentage: define(['any'], ([value]) => humanizePercentage(toFloat(value))),
  humanizeTimestamp: define(['any'], ([value]) => humanizeTimestamp(toFloat(value))),
  toTime: define(['any'], ([value]) => ({ kind: 'time', ms: toTimeMs(toFloat(value)) })),
  toDuration: define(['any'], ([value]) => ({ kind: 'duration', seconds: toFloat(value) })),
  now: define([], (_, environment) => environment.nowMs / 1000),
  parseDuration: define(['string'], ([value]) => {
    const ms = parseDurationMs(text(value));
    if (typeof ms !== 'number') throw new Error(ms.error);
    return ms / 1000;
  }),
  pathPrefix: define([], (_, environment) => pathOf(environment.externalUrl)),
  externalURL: define([], (_, environment) => environment.externalUrl),
};

function kindOf(value: GoValue): string {
  if (typeof value === 'object' || value === undefined) throw new Error('invalid type for comparison');
  return typeof value;
}

function equals(a: GoValue, b: GoValue): boolean {
  if (a === null || b === null) return a === b;
  if (kindOf(a) !== kindOf(b)) throw new Error('incompatible types for comparison');
  return a === b;
}

function equalsAny([first, ...others]: readonly GoValue[]): boolean {
  if (others.length === 0) throw new Error('missing argument for comparison');
  return others.some((other) => equals(first, other));
}

function isLess(a: GoValue, b: GoValue): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw new Error('incompatible types for comparison');
  if (kind === 'boolean') throw new Error('invalid type for comparison');
  return (a as string) < (b as string);
}

function lengthOf(value: GoValue): bigint {
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value));
  if (Array.isArray(value)) return BigInt(value.length);
  if (value === undefined || value === null) throw new Error('len of nil pointer');
  if (typeof value === 'object' && value.kind === 'map') return BigInt(value.entries.size);
  throw new Error(`len of type ${typeName(value)}`);
}

function indexInto([item, ...keys]: readonly GoValue[]): GoValue {
  let found: GoValue = item;
  if (found === undefined || found === null) throw new Error('index of untyped nil');
  for (const key of keys) {
    if (typeof found === 'object' && found !== null && !Array.isArray(found) && found.kind === 'map') {
      if (typeof key !== 'string') throw new Error(`value has type ${typeName(key)}; should be string`);
      found = found.entries.has(key) ? found.entries.get(key) : found.missing;
    } else if (Array.isArray(found) || typeof found === 'string') {
      if (typeof key !== 'bigint') throw new Error(`cannot index slice/array with type ${typeName(key)}`);
      const length: number = typeof found === 'string' ? Buffer.byteLength(found) : found.length;
      if (key < 0n || key >= BigInt(length)) throw new Error(`index out of range: ${key}`);
      found = typeof found === 'string' ? BigInt(Buffer.from(found)[Number(key)]!) : found[Number(key)];
    } else throw new Error(`can't index item of type ${typeName(found)}`);
  }
  return found;
}

function sliceOf([item, ...bounds]: readonly GoValue[]): GoValue {
  if (typeof item !== 'string' && !Array.isArray(item)) throw new Error(`can't slice item of type ${typeName(item)}`);
  const length = typeof item === 'string' ? Buffer.byteLength(item) : item.length;
  const [from = 0, to = length] = bounds.map((bound) => {
    if (typeof bound !== 'bigint') throw new Error(`cannot index slice/array with type ${typeName(bound)}`);
    if (bound < 0n || bound > BigInt(length)) throw new Error(`index out of range: ${bound}`);
    return Number(bound);
  });
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return typeof item === 'string' ? Buffer.from(item).subarray(from, to).toString() : item.slice(from, to);
}

/** Spaces stand between operands when neither is a string. */
function printAll(args: readonly GoValue[]): string {
  let out = '';
  args.forEach((arg, i) => {
    if (i > 0 && typeof arg !== 'string' && typeof args[i - 1] !== 'string') out += ' ';
    out += printValue(arg);
  });
  return out;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (char) => HTML_ESCAPES[char]!);
}

/** Go's url.QueryEscape. */
function queryEscape(value: string): string {
  return encodeURIComponent(value.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

/** Where an expression is shown as a graph, or as a table, below the server's external address. */
function graphLink(query: string): string {
  return `/graph?g0.expr=${queryEscape(query)}&g0.tab=0`;
}

export function tableLink(query: string): string {
  return `/graph?g0.expr=${queryEscape(query)}&g0.tab=1`;
}

function sortByLabel(name: string, vector: readonly GoSample[]): GoValue {
  const key = (sample: GoSample): string => (sample.labels.entries.get(name) as string | undefined) ?? '';
  return [...vector].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const shown = pattern.includes('`') ? quote(pattern) : `\`${pattern}\``;
    throw new Error(`regexp: Compile(${shown}): ${(error as Error).message}`);
  }
}

/** Replaces all matches; `$1`, `${1}` and `${name}` stand for groups, `$$` for a dollar sign. */
function replaceAll(pattern: string, replacement: string, input: string): string {
  const regex = compile(pattern);
  const matcher = regex.matcher(input);
  let out = '';
  let at = 0;
  while (matcher.find()) {
    out += input.slice(at, matcher.start());
    out += replacement.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
      const group = bare ?? braced;
      if (group === undefined) return whole === '$$' ? '$' : whole;
      if (!/^\d+$/.test(group)) return namedGroup(matcher, group);
      return Number(group) <= matcher.groupCount() ? (matcher.group(Number(group)) ?? '') : '';
    });
    at = matcher.end();
  }
  return out + input.slice(at);
}

function namedGroup(matcher: ReturnType<RE2JS['matcher']>, name: string): string {
  try {
    return matcher.group(name) ?? '';
  } catch {
    return '';
  }
}

/** The first letter of every word in upper case. */
function title(value: string): string {
  let afterSeparator = true;
  let out = '';
  for (const char of value) {
    out += afterSeparator ? char.toUpperCase() : char;
    afterSeparator = char <= '\x7f' ? !/[A-Za-z0-9_]/.test(char) : /\s/u.test(char);
  }
  return out;
}

function splitHostPort(value: string): { host: string; port: string } | null {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(value);
  return match === null ? null : { host: match[1] ?? match[2] ?? '', port: match[3]! };
}

function stripDomain(value: string): string {
  const { host, port } = splitHostPort(value) ?? { host: value, port: '' };
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':')) return value;
  const first = host.split('.')[0]!;
  return port === '' ? first : `${first}:${port}`;
}

function pathOf(url: string): string {
  try {
    return new URL(url).pathname.replace(/\/$/, '');
  } catch {
    return '';
  }
}
