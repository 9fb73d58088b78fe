/** What an evaluation carries along, besides the expression and the grid. */
import type { Annotations } from './annotations.ts';
import type { Budget } from './limits.ts';
import type { Call, Expr, VectorSelector } from './parser/ast.ts';
import type { SeriesSet } from './querier.ts';
import type { Grid, Value } from './value.ts';

export interface EvaluationContext {
  readonly lookbackMs: number;
  readonly defaultSubqueryStepMs: number;
  /** Names are dropped when the query is done rather than by each operation. */
  readonly delayedNameRemoval: boolean;
  /** Counters are told by their __type__ label rather than by the end of their name. */
  readonly typeAndUnitLabels: boolean;
  readonly annotations: Annotations;
  readonly budget: Budget;
  /** The fetched series of a selector, or the info series of an info() call. */
  seriesOf(node: VectorSelector | Call): SeriesSet;
  /** The same context with delayed name removal. */
  withDelayedNameRemoval(): EvaluationContext;
  /** Evaluates any expression; the value belongs to the caller, who may change its columns. */
  evaluate(expr: Expr, grid: Grid): Value;
}
