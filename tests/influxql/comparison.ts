/**
 * When two answers are the same: byte by byte, but for what influxd itself leaves open. All of that is here:
 *
 * 1. Rows of one series that have the same time, as series of different tags do that are not grouped by them, come in
 *    an order that depends on shards and on how many cores the machine has. Rows of equal time are sorted by their text.
 * 2. With `@any-order` in the statement file, series and rows have no order at all.
 * 3. An error may begin with the number of the shard that met it.
 *
 * One thing is not left open but told more of, on purpose: what /write refuses comes with the place in the text, and with
 * what was kept. The beginning is compared.
 */
import type { HttpAnswer, Request } from './requests.ts';

interface Series {
  name?: string;
  tags?: Record<string, string>;
  columns: string[];
  values: unknown[][];
}

interface Body {
  results?: { series?: Series[] }[];
}

/** Null when they are the same, else the two texts that differ. */
export function difference(
  request: Request,
  ours: HttpAnswer,
  theirs: HttpAnswer,
): { ours: string; theirs: string } | null {
  const [ourText, theirText] = [textOf(ours), textOf(theirs)];
  if (ourText === theirText) return null;
  if (!isOrderOpen(request)) return { ours: ourText, theirs: theirText };
  const anyOrder = request.settings.has('any-order');
  const [ourRows, theirRows] = [sorted(ourText, anyOrder), sorted(theirText, anyOrder)];
  // Rows in another order have the same characters: what parsing would forgive, such as other escapes, is not the same.
  if (ourRows === theirRows && characters(ourText) === characters(theirText)) return null;
  return { ours: readable(ourRows), theirs: readable(theirRows) };
}

function textOf({ status, type, body }: HttpAnswer): string {
  const plain = body
    .replace(/"error":"shard \d+: /g, '"error":"')
    .replace(/ \(line \d+, column \d+\)/, '')
    .replace(/,"kept":\d+,"rejected":.*\}/, '}');
  return `${status} ${type}\n${plain}`;
}

/** What is not compact JSON has to be the same as it is. */
function isOrderOpen({ settings }: Request): boolean {
  return !['accept', 'write', 'pretty'].some((name) => settings.has(name));
}

function characters(text: string): string {
  return [...text].sort().join('');
}

/** The rows of documents, of which a chunked answer has several, in an order of ours. */
function sorted(text: string, anyOrder: boolean): string {
  return text
    .split('\n')
    .map((line) => sortedDocument(line, anyOrder))
    .join('\n');
}

function readable(text: string): string {
  return text.replace(/"#([^"]*)"/g, '$1');
}

function sortedDocument(line: string, anyOrder: boolean): string {
  let body: Body;
  try {
    body = JSON.parse(line, keepNumberText) as Body;
  } catch {
    return line;
  }
  for (const result of body.results ?? []) {
    for (const series of result.series ?? []) sortRows(series, anyOrder);
    if (anyOrder) result.series?.sort(byText);
  }
  return JSON.stringify(body);
}

/** Numbers stay as they are written: 1e+21, and integers beyond 2^53. */
function keepNumberText(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? `#${context?.source}` : value;
}

function sortRows(series: Series, anyOrder: boolean): void {
  if (series.values === undefined) return;
  if (anyOrder) {
    series.values.sort(byText);
    return;
  }
  if (series.columns[0] !== 'time') return;
  const sorted: unknown[][] = [];
  let from = 0;
  for (let at = 1; at <= series.values.length; at++) {
    if (series.values[at]?.[0] === series.values[from]?.[0] && at < series.values.length) continue;
    sorted.push(...series.values.slice(from, at).sort(byText));
    from = at;
  }
  series.values = sorted;
}

function byText(left: unknown, right: unknown): number {
  const [a, b] = [JSON.stringify(left), JSON.stringify(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}
