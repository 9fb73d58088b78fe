/**
 * Answers as InfluxDB's CSV: a header for each run of rows with the same columns, a blank line between statements. Times
 * are nanoseconds unless another unit is asked for, numbers have no exponents, and nulls are empty. A statement that failed
 * leaves no trace, as there is no place for it.
 */
import type { ResultColumn, ResultSeries } from '../../query/influxql/result.ts';
import { formatPlain } from '../../query/promql/number-format.ts';
import type { AnswerBytes } from './answer-bytes.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { type Epoch, NANOSECONDS } from './epoch.ts';

const COMMA = 44;
const NEWLINE = 10;

/** @param isChunked headers are then compared within a part only, as InfluxDB does. */
export function csvAnswer(bytes: AnswerBytes, epoch: Epoch | null, isChunked: boolean): AnswerWriter {
  let statement = -1;
  let columns: readonly string[] = [];
  /** The statement before the last one that has rows here, and where the last one's rows start. */
  let before = -1;
  let start = 0;
  return {
    write(part) {
      if (part.error !== '' && part.statement === statement && !isChunked && bytes.cut(start)) statement = before;
      part.series.forEach(({ series, start: from, end }, i) => {
        const isFirst = part.statement !== statement;
        if (isFirst) {
          before = statement;
          start = bytes.position;
        }
        if (isFirst || ((i > 0 || !isChunked) && !equal(columns, series.columns))) {
          if (statement >= 0) bytes.byte(NEWLINE);
          statement = part.statement;
          bytes.text('name,tags');
          for (const column of series.columns) {
            bytes.byte(COMMA);
            field(bytes, column);
          }
          bytes.byte(NEWLINE);
        }
        columns = series.columns;
        rows(bytes, series, from, end, epoch ?? NANOSECONDS);
      });
    },
    end() {},
  };
}

export function csvError(bytes: AnswerBytes, message: string): void {
  bytes.text('error\n');
  field(bytes, message);
  bytes.byte(NEWLINE);
}

function rows(bytes: AnswerBytes, series: ResultSeries, start: number, end: number, epoch: Epoch): void {
  const tags = (series.tags ?? [])
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${escapeTag(key)}=${escapeTag(value)}`)
    .join(',');
  for (let row = start; row < end; row++) {
    field(bytes, series.name);
    bytes.byte(COMMA);
    field(bytes, tags);
    for (const column of series.values) {
      bytes.byte(COMMA);
      cell(bytes, column, row, epoch);
    }
    bytes.byte(NEWLINE);
  }
}

function cell(bytes: AnswerBytes, column: ResultColumn, row: number, epoch: Epoch): void {
  switch (column.kind) {
    case 'time':
      bytes.epoch(column.sec[row], column.nano[row], epoch.unitSec, epoch.digits);
      return;
    case 'string':
      field(bytes, column.values[row] ?? '');
      return;
    case 'mixed': {
      const value = column.values[row];
      if (value !== null) field(bytes, typeof value === 'number' ? formatPlain(value) : `${value}`);
      return;
    }
  }
  if (column.present !== null && column.present[row] === 0) return;
  if (column.kind === 'float') bytes.text(formatPlain(column.values[row]));
  else if (column.kind === 'boolean') bytes.text(column.values[row] === 0 ? 'false' : 'true');
  else if (column.wide === null) bytes.integer(column.values[row]);
  else bytes.wide(column.kind === 'integer' ? column.wide[row] : BigInt.asUintN(64, column.wide[row]));
}

/** Quotes what Go's encoding/csv quotes. */
function field(bytes: AnswerBytes, text: string): void {
  if (text === '\\.' || /^\s|[",\r\n]/.test(text)) bytes.text(`"${text.replaceAll('"', '""')}"`);
  else bytes.text(text);
}

/** As in line protocol. */
function escapeTag(text: string): string {
  return text.replace(/[,= ]/g, '\\$&');
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
