/**
 * Values inside a template, with as much of Go's types as shows: int (bigint here) and float64 (number) compare
 * differently, a map of strings gives '' for a missing key, and errors name types.
 */
import { formatGeneral } from '../../query/promql/number-format.ts';

export interface GoMap {
  kind: 'map';
  /** Its keys are printed and ranged over in sorted order. */
  entries: ReadonlyMap<string, GoValue>;
  /** What a missing key gives. */
  missing: '' | undefined;
}

/** One sample of a query's result. */
export interface GoSample {
  kind: 'sample';
  labels: GoMap;
  value: number;
}

export interface GoStruct {
  kind: 'struct';
  typeName: string;
  fields: Readonly<Record<string, GoValue>>;
}

export interface GoTime {
  kind: 'time';
  ms: number;
}

export interface GoDuration {
  kind: 'duration';
  seconds: number;
}

/** `undefined` is Go's "no value". */
export type GoValue =
  | undefined
  | null
  | string
  | number
  | bigint
  | boolean
  | GoMap
  | GoSample
  | GoStruct
  | GoTime
  | GoDuration
  | GoValue[];

export function stringMap(pairs: Iterable<readonly [string, string]>): GoMap {
  return { kind: 'map', entries: new Map(pairs), missing: '' };
}

export function typeName(value: GoValue): string {
  if (value === undefined || value === null) return '<nil>';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'float64';
    case 'bigint':
      return 'int';
    case 'boolean':
      return 'bool';
  }
  if (Array.isArray(value)) return 'template.queryResult';
  switch (value.kind) {
    case 'map':
      return value.missing === '' ? 'map[string]string' : 'map[string]interface {}';
    case 'sample':
      return '*template.sample';
    case 'struct':
      return value.typeName;
    case 'time':
      return '*time.Time';
    case 'duration':
      return '*time.Duration';
  }
}

/** Whether `if` takes a value for true: not zero, not empty. */
export function isTrue(value: GoValue): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'object')
    return typeof value === 'bigint' ? value !== 0n : typeof value === 'number' ? value !== 0 : Boolean(value);
  if (Array.isArray(value)) return value.length > 0;
  return value.kind === 'map' ? value.entries.size > 0 : true;
}

/** A value as Go's `%v` prints it. */
export function printValue(value: GoValue): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (typeof value === 'number') return formatGeneral(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`;
  switch (value.kind) {
    case 'map':
      return `map[${sortedKeys(value)
        .map((key) => `${key}:${printValue(value.entries.get(key))}`)
        .join(' ')}]`;
    case 'sample':
      return `&{${printValue(value.labels)} ${formatGeneral(value.value)}}`;
    case 'struct':
      return `{${Object.values(value.fields).map(printValue).join(' ')}}`;
    case 'time':
      return formatTime(value.ms);
    case 'duration':
      return formatDuration(value.seconds);
  }
}

export function sortedKeys(map: GoMap): string[] {
  return [...map.entries.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Go's text of a UTC time: `2015-04-16 16:03:20.5 +0000 UTC`. */
export function formatTime(ms: number): string {
  const text = new Date(ms).toISOString();
  const fraction = text.slice(20, 23).replace(/0+$/, '');
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`;
}

/** Go's text of a duration: `1h2m3.5s`, `1.5ms`. */
function formatDuration(seconds: number): string {
  if (seconds === 0) return '0s';
  const sign = seconds < 0 ? '-' : '';
  const magnitude = Math.abs(seconds);
  if (magnitude < 1e-6) return `${sign}${Math.round(magnitude * 1e9)}ns`;
  if (magnitude < 1e-3) return `${sign}${Math.round(magnitude * 1e9) / 1e3}µs`;
  if (magnitude < 1) return `${sign}${Math.round(magnitude * 1e9) / 1e6}ms`;
  const hours = Math.floor(magnitude / 3600);
  const minutes = Math.floor(magnitude / 60) % 60;
  const rest = Math.round((magnitude % 60) * 1e9) / 1e9;
  const large = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${sign}${large}${rest}s`;
}
