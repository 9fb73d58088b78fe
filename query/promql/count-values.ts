/** count_values: one series per group and value, the value as a label. */
import { VarveError } from '../../errors/errors.ts';
import type { EvaluationContext } from './context.ts';
import { groupLabelsFunction } from './grouping.ts';
import type { Labels } from './labels.ts';
import { isLabelName } from './matcher.ts';
import { formatPlain } from './number-format.ts';
import type { Aggregation } from './parser/ast.ts';
import { quote } from './parser/token.ts';
import { type Grid, newColumn, type SeriesColumn } from './value.ts';

export function countValues(
  ctx: EvaluationContext,
  expr: Aggregation,
  label: string,
  series: readonly SeriesColumn[],
  grid: Grid,
): SeriesColumn[] {
  if (!isLabelName(label)) throw new VarveError('unprocessable', `invalid label name ${quote(label)}`);
  const names = expr.without || expr.grouping.includes(label) ? expr.grouping : [...expr.grouping, label];
  const groupLabels = groupLabelsFunction(names, expr.without);
  const results = new Map<string, SeriesColumn>();
  for (const column of series) {
    ctx.budget.checkpoint();
    // Few values per series are the normal case: labels are made once per series and value.
    const byValue = new Map<string, SeriesColumn>();
    for (let i = 0; i < grid.count; i++) {
      if (column.present[i] === 0) continue;
      const text = formatPlain(column.values[i]!);
      let result = byValue.get(text);
      if (result === undefined) {
        result = resultOf(results, groupLabels(column.labels.with(label, text)), grid);
        byValue.set(text, result);
      }
      if (result.present[i] === 0) {
        result.present[i] = 1;
        result.presentCount++;
      }
      result.values[i]!++;
    }
  }
  return [...results.values()];
}

function resultOf(results: Map<string, SeriesColumn>, labels: Labels, grid: Grid): SeriesColumn {
  let result = results.get(labels.key);
  if (result === undefined) {
    result = newColumn(labels, false, grid.count);
    results.set(labels.key, result);
  }
  return result;
}
