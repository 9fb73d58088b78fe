/**
 * Where a range function takes its points from: a range selector's series, or the results of a subquery. One series at a
 * time, so that not all points need to be held at once.
 */
import type { EvaluationContext } from './context.ts';
import { subqueryGrid } from './fetch.ts';
import { checkSeriesLimit, type Points, refuseHistograms, withoutStale } from './instant-selector.ts';
import type { Labels } from './labels.ts';
import type { MatrixSelector, Subquery } from './parser/ast.ts';
import type { SeriesSet } from './querier.ts';
import type { Grid, SeriesColumn, VectorValue } from './value.ts';

export interface RangeSource {
  readonly count: number;
  labels(series: number): Labels;
  /** Delayed name removal asks for this series' name to go. */
  dropName(series: number): boolean;
  /** See SeriesSet.order. */
  order(): Uint32Array | null;
  points(series: number): Points;
  /** As `points`, but valid only until the next call. */
  borrow(series: number): Points;
  readonly rangeMs: number;
  readonly offsetMs: number;
  /** Of `@`, or null. */
  readonly timestampMs: number | null;
  readonly anchored: boolean;
  readonly smoothed: boolean;
  /** The storage's series when they can answer windows themselves. */
  readonly set: SeriesSet | null;
  /** Gives back what is held for the source. */
  release(): void;
}

export function rangeSourceOf(ctx: EvaluationContext, arg: MatrixSelector | Subquery, grid: Grid): RangeSource {
  return arg.type === 'matrixSelector' ? selectorSource(ctx, arg) : subquerySource(ctx, arg, grid);
}

function selectorSource(ctx: EvaluationContext, arg: MatrixSelector): RangeSource {
  const { vector, rangeMs } = arg;
  const set = ctx.seriesOf(vector);
  checkSeriesLimit(ctx, set);
  return {
    count: set.count,
    labels: (series) => set.labels(series),
    dropName: () => false,
    order: () => set.order?.() ?? null,
    borrow(series) {
      if (set.borrow === undefined) return this.points(series);
      refuseHistograms(set, series);
      const { timesMs, values, mayHoldStale } = set.borrow(series);
      return mayHoldStale ? withoutStale(timesMs, values, null) : { times: timesMs, values, startTimes: null };
    },
    points(series) {
      refuseHistograms(set, series);
      const startTimes = set.startTimes?.(series) ?? null;
      if (set.mayHoldStale?.(series) === false) {
        return { times: set.times(series), values: set.values(series), startTimes };
      }
      return withoutStale(set.times(series), set.values(series), startTimes);
    },
    rangeMs,
    offsetMs: vector.offsetMs,
    timestampMs: vector.timestampMs,
    anchored: vector.anchored,
    smoothed: vector.smoothed,
    set: vector.anchored || vector.smoothed ? null : set,
    release() {},
  };
}

function subquerySource(ctx: EvaluationContext, arg: Subquery, grid: Grid): RangeSource {
  const innerGrid = subqueryGrid(arg, grid, ctx.defaultSubqueryStepMs);
  const inner = ctx.evaluate(arg.expr, innerGrid) as VectorValue;
  let held = 0;
  for (const column of inner.series) held += column.presentCount;
  return {
    count: inner.series.length,
    labels: (series) => inner.series[series]!.labels,
    dropName: (series) => inner.series[series]!.dropName,
    points: (series) => pointsOf(inner.series[series]!, innerGrid),
    order: () => null,
    borrow: (series) => pointsOf(inner.series[series]!, innerGrid),
    rangeMs: arg.rangeMs,
    offsetMs: arg.offsetMs,
    timestampMs: arg.timestampMs,
    anchored: false,
    smoothed: false,
    set: null,
    release: () => ctx.budget.release(held),
  };
}

/** The present steps of a column as points. */
function pointsOf(column: SeriesColumn, grid: Grid): Points {
  const times = new Float64Array(column.presentCount);
  if (column.presentCount === grid.count) {
    for (let i = 0; i < times.length; i++) times[i] = grid.startMs + i * grid.stepMs;
    return { times, values: column.values, startTimes: null };
  }
  const values = new Float64Array(column.presentCount);
  let k = 0;
  for (let i = 0; i < grid.count; i++) {
    if (column.present[i] === 0) continue;
    times[k] = grid.startMs + i * grid.stepMs;
    values[k++] = column.values[i]!;
  }
  return { times, values, startTimes: null };
}
