/** Where metric names are dropped, and where it would not matter if that came later. */
import type { EvaluationContext } from './context.ts';
import { childrenOf, type Expr, valueTypeOf } from './parser/ast.ts';
import type { SeriesColumn } from './value.ts';

/** The series is another metric now: its name goes, at once or in the end. */
export function dropMetadata(ctx: EvaluationContext, column: SeriesColumn): void {
  column.dropName = true;
  if (!ctx.delayedNameRemoval) column.labels = column.labels.withoutMetadata();
}

/** These see names, or make series of several. */
const LOOKS_AT_LABELS: ReadonlySet<string> = new Set([
  'absent',
  'absent_over_time',
  'histogram_fraction',
  'histogram_quantile',
  'histogram_quantiles',
  'info',
  'label_join',
  'label_replace',
  'sort_by_label',
  'sort_by_label_desc',
]);

/**
 * Whether every series of the expression comes of one selected series, and no step on the way looks at its labels: then
 * dropping names late gives the same series as dropping them at once, if that gives any.
 */
export function isSeriesBySeries(expr: Expr): boolean {
  if (expr.type === 'aggregation') return false;
  if (expr.type === 'call' && LOOKS_AT_LABELS.has(expr.func.name)) return false;
  if (expr.type === 'binary' && valueTypeOf(expr.left) !== 'scalar' && valueTypeOf(expr.right) !== 'scalar')
    return false;
  return childrenOf(expr).every(isSeriesBySeries);
}
