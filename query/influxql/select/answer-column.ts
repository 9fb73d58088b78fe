/** Columns of rows as an answer shows them. */
import type { Fill } from '../ast.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import type { MixedColumn } from '../result.ts';
import { hasNulls, valueAt } from './column.ts';

/** What is no number is null in an answer. */
export function withoutNaN(column: ValueColumn, rows: number): ValueColumn {
  if (column.kind !== 'float') return column;
  const { values } = column;
  let found = false;
  for (let row = 0; row < rows && !found; row++) found = Number.isNaN(values[row]);
  if (!found) return column;
  const present = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    present[row] = !Number.isNaN(values[row]) && (column.present === null || column.present[row] === 1) ? 1 : 0;
  }
  return { ...column, present };
}

/** The number of fill() stands in place of nulls, whatever the type of the column. */
export function answerColumn(column: ValueColumn, rows: number, fill: Fill): ValueColumn | MixedColumn {
  const numbered = fill.kind === 'number' && (column.kind === 'string' || column.kind === 'boolean');
  if (!numbered || !hasNulls(column, rows)) return withoutNaN(column, rows);
  const values = Array.from({ length: rows }, (_, row) => valueAt(column, row) ?? fill.value);
  return { kind: 'mixed', values };
}
