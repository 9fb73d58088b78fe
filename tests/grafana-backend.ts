/**
 * Requests as Grafana's back end writes them, for its Prometheus and its InfluxDB (InfluxQL) data source: which step it
 * takes, how it aligns a range, what it puts for its variables, what goes into the URL and what into the body.
 * deploy/grafana/README.md tells the same in words, with the sources.
 */
import { expect } from 'vitest';

export interface TimeRange {
  fromMs: number;
  toMs: number;
}

/** A data source's settings, and how large the panel is that asks. */
export interface DataSource {
  url: string;
  /** Scrape interval (Prometheus) or least interval (InfluxDB), in ms. */
  intervalMs: number;
  /** InfluxDB's database. */
  database?: string;
  user?: string;
  password?: string;
}

/** Values of a dashboard's variables by name; several are what a person has ticked. */
export type Variables = ReadonlyMap<string, string | readonly string[]>;

const SEC = 1000;
const MIN = 60 * SEC;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;

/** The intervals that Grafana rounds to, each with the most that is rounded down to it. */
const ROUNDED: readonly (readonly [atMostMs: number, intervalMs: number])[] = [
  [15, 10],
  [35, 20],
  [75, 50],
  [150, 100],
  [350, 200],
  [750, 500],
  [1.5 * SEC, SEC],
  [3.5 * SEC, 2 * SEC],
  [7.5 * SEC, 5 * SEC],
  [12.5 * SEC, 10 * SEC],
  [17.5 * SEC, 15 * SEC],
  [25 * SEC, 20 * SEC],
  [45 * SEC, 30 * SEC],
  [1.5 * MIN, MIN],
  [3.5 * MIN, 2 * MIN],
  [7.5 * MIN, 5 * MIN],
  [12.5 * MIN, 10 * MIN],
  [17.5 * MIN, 15 * MIN],
  [25 * MIN, 20 * MIN],
  [45 * MIN, 30 * MIN],
  [1.5 * HOUR, HOUR],
  [2.5 * HOUR, 2 * HOUR],
  [4.5 * HOUR, 3 * HOUR],
  [9 * HOUR, 6 * HOUR],
  [DAY, 12 * HOUR],
  [7 * DAY, DAY],
];

/** The interval of a panel of `maxDataPoints` pixels, never less than `leastMs`. */
function intervalOf({ fromMs, toMs }: TimeRange, maxDataPoints: number, leastMs: number): number {
  const exactMs = (toMs - fromMs) / maxDataPoints;
  if (exactMs < leastMs) return leastMs;
  return ROUNDED.find(([atMostMs]) => exactMs <= atMostMs)?.[1] ?? 7 * DAY;
}

/** The step of a range query: the interval, and never more than 11,000 points. */
export function stepOf(range: TimeRange, maxDataPoints: number, scrapeMs: number): number {
  return Math.max(intervalOf(range, maxDataPoints, scrapeMs), intervalOf(range, 11_000, 0));
}

function rateIntervalOf(intervalMs: number, scrapeMs: number): number {
  return Math.max(intervalMs + scrapeMs, 4 * scrapeMs);
}

/** As Go writes a duration: 4s, 1m0s, 1h5m0s. */
function goDuration(ms: number): string {
  const [hours, minutes, seconds] = [Math.floor(ms / HOUR), Math.floor((ms % HOUR) / MIN), (ms % MIN) / SEC];
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

/** As Grafana writes an interval: the largest unit that it reaches. */
function intervalText(ms: number): string {
  for (const [unitMs, unit] of [
    [DAY, 'd'],
    [HOUR, 'h'],
    [MIN, 'm'],
    [SEC, 's'],
  ] as const) {
    if (ms >= unitMs) return `${Math.floor(ms / unitMs)}${unit}`;
  }
  return `${ms}ms`;
}

const escapeForRegex = (value: string) => value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');

/** A dashboard's variables in a text, as the browser fills them in before the back end sees it. */
export function fillIn(text: string, variables: Variables, language: 'promql' | 'influxql'): string {
  return text.replace(/\$\{?([A-Za-z]\w*)\}?/g, (whole, name: string) => {
    const value = variables.get(name);
    if (value === undefined) return whole;
    // Backslashes of the regular expression stand in a quoted string in PromQL, and between slashes in InfluxQL.
    const escaped = (one: string) =>
      language === 'promql'
        ? escapeForRegex(one)
            .replace(/\\/g, '\\\\')
            .replace(/\\\\\//g, '/')
        : escapeForRegex(one);
    if (typeof value === 'string') return language === 'promql' ? value.replace(/["\\]/g, '\\$&') : escaped(value);
    return value.length === 1 ? escaped(value[0]) : `(${value.map(escaped).join('|')})`;
  });
}

/** What the back end fills in itself for PromQL. */
export function interpolatePromql(expression: string, range: TimeRange, stepMs: number, scrapeMs: number): string {
  const rangeMs = range.toMs - range.fromMs;
  const values: Record<string, string> = {
    __rate_interval: goDuration(rateIntervalOf(stepMs, scrapeMs)),
    __interval_ms: String(stepMs),
    __interval: intervalText(stepMs),
    __range_ms: String(rangeMs),
    __range_s: String(Math.round(rangeMs / SEC)),
    __range: `${Math.round(rangeMs / SEC)}s`,
  };
  return expression.replace(/\$\{?(__\w+)\}?/g, (whole, name: string) => values[name] ?? whole);
}

/** What the back end fills in itself for InfluxQL. */
export function interpolateInfluxql(query: string, range: TimeRange, intervalMs: number): string {
  return query
    .replaceAll('$timeFilter', `time >= ${range.fromMs}ms and time <= ${range.toMs}ms`)
    .replaceAll('$__interval_ms', String(intervalMs))
    .replace(/\$(?:__)?interval/g, intervalText(intervalMs));
}

function headersOf({ user = '', password = '' }: DataSource, isForm: boolean): Record<string, string> {
  return {
    'user-agent': 'Grafana/13.2.3',
    'accept-encoding': 'gzip',
    'x-grafana-org-id': '1',
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    ...(isForm ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
  };
}

/** Go's url.Values.Encode: sorted by key. */
function encodeSorted(parameters: Record<string, string>): string {
  const form = new URLSearchParams(parameters);
  form.sort();
  return form.toString();
}

/** One request of the Prometheus data source; the parameters go into the body of a POST. */
export async function askPrometheus(
  source: DataSource,
  path: string,
  parameters: Record<string, string> = {},
  method: 'GET' | 'POST' = 'POST',
): Promise<unknown> {
  const form = encodeSorted(parameters);
  const url = `${source.url}/${path}${method === 'GET' && form !== '' ? `?${form}` : ''}`;
  const headers = headersOf(source, method === 'POST');
  const response = await fetch(url, { method, headers, ...(method === 'POST' ? { body: form } : {}) });
  const text = await response.text();
  expect(response.status, `${method} ${url} ${form}: ${text}`).toBe(200);
  const answer = JSON.parse(text) as { status: string; data: unknown };
  expect(answer.status).toBe('success');
  return answer.data;
}

export interface PromSeries {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

const seconds = (ms: number) => String(ms / SEC);

/** A panel's query, over its range or at the range's end. */
export async function runPromql(
  source: DataSource,
  expression: string,
  range: TimeRange,
  { maxDataPoints = 1000, instant = false } = {},
): Promise<PromSeries[]> {
  const stepMs = stepOf(range, maxDataPoints, source.intervalMs);
  const query = interpolatePromql(expression, range, stepMs, source.intervalMs);
  const align = (ms: number) => Math.floor(ms / stepMs) * stepMs;
  const data = instant
    ? await askPrometheus(source, 'api/v1/query', { query, time: seconds(range.toMs) })
    : await askPrometheus(source, 'api/v1/query_range', {
        query,
        start: seconds(align(range.fromMs)),
        end: seconds(align(range.toMs)),
        step: seconds(stepMs),
      });
  return (data as { result: PromSeries[] }).result;
}

export interface InfluxSeries {
  name: string;
  tags?: Record<string, string>;
  columns: string[];
  values: (string | number | boolean | null)[][];
}

export interface InfluxResult {
  statement_id: number;
  series?: InfluxSeries[];
  error?: string;
}

export interface InfluxRequest {
  httpMode?: 'GET' | 'POST';
  retentionPolicy?: string;
}

/** One request of the InfluxDB data source: database and epoch are in the URL, the query is in a POST's body. */
export async function askInfluxql(
  source: DataSource,
  query: string,
  { httpMode = 'POST', retentionPolicy = '' }: InfluxRequest = {},
): Promise<InfluxResult[]> {
  const parameters: Record<string, string> = { db: source.database ?? '', epoch: 'ms' };
  if (retentionPolicy !== '' && retentionPolicy !== 'default') parameters.rp = retentionPolicy;
  const isPost = httpMode === 'POST';
  const url = `${source.url}/query?${encodeSorted(isPost ? parameters : { ...parameters, q: query })}`;
  const headers = headersOf(source, isPost);
  const response = await fetch(url, {
    method: httpMode,
    headers,
    ...(isPost ? { body: encodeSorted({ q: query }) } : {}),
  });
  const text = await response.text();
  expect(response.status, `${httpMode} ${url} ${query}: ${text}`).toBe(200);
  return (JSON.parse(text) as { results: InfluxResult[] }).results;
}

/** A panel's query. */
export async function runInfluxql(
  source: DataSource,
  query: string,
  range: TimeRange,
  maxDataPoints = 1000,
): Promise<InfluxSeries[]> {
  const intervalMs = intervalOf(range, maxDataPoints, source.intervalMs);
  const results = await askInfluxql(source, interpolateInfluxql(query, range, intervalMs));
  expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
  return results.flatMap(({ series }) => series ?? []);
}
