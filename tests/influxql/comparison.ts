/**
 * When two answers are the same: byte by byte, but for what influxd itself leaves open. All of that is here:
 *
 * 1. Rows of one series that have the same time, as series of different tags do that are not grouped by them, come in
 *    an order that depends on shards and on how many cores the machine has. Rows of equal time are sorted by their text.
 * 2. With `@any-order` in the statement file, series and rows have no order at all.
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
  if (ours.status === theirs.status && ours.body === theirs.body) return null;
  const normalOurs = normalised(request, ours);
  const normalTheirs = normalised(request, theirs);
  return normalOurs === normalTheirs ? null : { ours: normalOurs, theirs: normalTheirs };
}

function normalised(request: Request, { status, body }: HttpAnswer): string {
  const json = request.settings.get('accept') === undefined && !request.settings.has('write');
  if (!json) return `${status} ${body}`;
  const anyOrder = request.settings.has('any-order');
  return `${status} ${body
    .split('\n')
    .map((line) => normalisedLine(line, anyOrder))
    .join('\n')}`;
}

/** One JSON document; a chunked answer has several. */
function normalisedLine(line: string, anyOrder: boolean): string {
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
