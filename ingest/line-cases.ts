/** What tests of the line parser share: a body parsed twice, its rows as text, lines taken and refused. */
import { expect } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { readBatch } from './batch-reader.ts';
import type { LineOutcome } from './line-outcome.ts';
import { type LineOptions, parseLines } from './line-parser.ts';

export const OPTIONS: LineOptions = { nowSec: 1700000000, nowNano: 123456789 };
export const NOW = 1700000000123456789n;

export interface Parsed {
  outcome: LineOutcome;
  batch: Batch;
  index: SeriesIndex;
  /** "measurement,tag=value field=type:text,… ns" for each row. */
  rows: string[];
}

/** Parses a body with a fresh index, twice: the second time all series are known and all guesses are made. */
export function parse(
  body: string | Uint8Array,
  options: Partial<LineOptions> = {},
  index = new SeriesIndex(),
): Parsed {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const batch = new Batch();
  const outcome = parseLines(bytes, 0, bytes.length, index, batch, { ...OPTIONS, ...options });
  const rows = show(batch, index);
  const again = new Batch();
  const second = parseLines(bytes, 0, bytes.length, index, again, { ...OPTIONS, ...options });
  expect(show(again, index)).toEqual(rows);
  expect({ ...second, newSeries: outcome.newSeries }).toEqual(outcome);
  return { outcome, batch, index, rows };
}

/** Rows as text. */
export function show(batch: Batch, index: SeriesIndex): string[] {
  return readBatch(batch, index).map(({ series, fields, time }) => {
    const [measurement, tags] = JSON.parse(series) as [string, [string, string][]];
    const key = [measurement, ...tags.map(([name, value]) => `${name}=${value}`)].join(',');
    return `${key} ${[...fields].map(([name, [type, text]]) => `${name}=${type}:${text}`).join(',')} ${time}`;
  });
}

/** One good line becomes this row. */
export function accepts(line: string, row: string, options: Partial<LineOptions> = {}): void {
  const { outcome, rows } = parse(`${line}\n`, options);
  expect(outcome.errors).toEqual([]);
  expect(rows).toEqual([row]);
}

/** One bad line between two good ones is refused for this reason at this column, and costs the good ones nothing. */
export function refuses(line: string, reason: string, column: number, options: Partial<LineOptions> = {}): void {
  const { outcome, rows } = parse(`good v=1 1\n${line}\ngood v=2 2\n`, options);
  expect(outcome.errors.map((error) => [error.line, error.column, error.reason])).toEqual([[2, column, reason]]);
  expect(outcome.rejected).toBe(1);
  expect(rows.length).toBe(2);
}
