import type { EvaluationContext } from './context.ts';
import type { SeriesColumn } from './value.ts';

/** The series is another metric now: its name goes, at once or in the end. */
export function dropMetadata(ctx: EvaluationContext, column: SeriesColumn): void {
  column.dropName = true;
  if (!ctx.delayedNameRemoval) column.labels = column.labels.withoutMetadata();
}
