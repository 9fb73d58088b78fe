/**
 * Answers of statements as plain rows, for programs: series that came in several pieces are put together, columns become
 * JavaScript values. Servers write answers from columns and do not come by here.
 */
import type { ResultColumn, ResultMessage } from './result.ts';
import { type ResultPart, sameSeries } from './result-part.ts';

/** A cell. Whole numbers beyond ±2^53 are bigints. */
export type InfluxValue = number | bigint | string | boolean | null;

export interface InfluxSeries {
  /** The measurement; '' where the statement has none. */
  readonly name: string;
  /** The tags that rows are grouped by. */
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  /** A cell for each column. */
  readonly rows: readonly (readonly InfluxValue[])[];
}

/** What one statement answers. */
export interface InfluxResult {
  readonly series: readonly InfluxSeries[];
  readonly messages: readonly ResultMessage[];
}

/** How times are shown: a bigint of nanoseconds, or a number of milliseconds, both since the epoch. */
export type TimeForm = 'ns' | 'ms';

/**
 * The results of all statements.
 * @param onError is given the number of the statement that failed, and throws.
 */
export async function collectRows(
  parts: AsyncIterable<ResultPart>,
  statements: number,
  time: TimeForm,
  onError: (statement: number) => never,
): Promise<InfluxResult[]> {
  const results = Array.from({ length: statements }, () => ({
    series: [] as (InfluxSeries & { rows: InfluxValue[][] })[],
    messages: [] as ResultMessage[],
  }));
  let last: ResultPart['series'][number] | null = null;
  let lastStatement = -1;
  for await (const part of parts) {
    if (part.error !== '') onError(part.statement);
    const result = results[part.statement];
    for (const next of part.series) {
      const { series } = next;
      if (last === null || lastStatement !== part.statement || !sameSeries(last.series, series)) {
        const tags = Object.fromEntries(series.tags ?? []);
        result.series.push({ name: series.name, tags, columns: series.columns, rows: [] });
      }
      appendRows(result.series[result.series.length - 1].rows, series.values, next.start, next.end, time);
      last = next;
      lastStatement = part.statement;
    }
    result.messages.push(...part.messages);
  }
  return results;
}

function appendRows(
  rows: InfluxValue[][],
  columns: readonly ResultColumn[],
  start: number,
  end: number,
  time: TimeForm,
): void {
  const first = rows.length;
  for (let row = start; row < end; row++) rows.push(new Array<InfluxValue>(columns.length));
  columns.forEach((column, c) => {
    for (let row = start; row < end; row++) rows[first + row - start][c] = cellOf(column, row, time);
  });
}

function cellOf(column: ResultColumn, row: number, time: TimeForm): InfluxValue {
  switch (column.kind) {
    case 'time': {
      const { sec, nano } = column;
      if (time === 'ms') return sec[row] * 1000 + nano[row] / 1e6;
      return BigInt(sec[row]) * 1_000_000_000n + BigInt(nano[row]);
    }
    case 'string':
    case 'mixed':
      return column.values[row];
  }
  if (column.present !== null && column.present[row] === 0) return null;
  if (column.kind === 'boolean') return column.values[row] !== 0;
  if (column.wide === null) return column.values[row];
  const wide = column.kind === 'unsigned' ? BigInt.asUintN(64, column.wide[row]) : column.wide[row];
  const number = Number(wide);
  return Number.isSafeInteger(number) ? number : wide;
}
