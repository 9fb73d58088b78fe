/**
 * Aggregations that give one series per group. The series of a group are folded into the group's column one after the
 * other, which visits the samples of each step in the order of the series, as Prometheus does.
 */
import type { Annotations } from './annotations.ts';
import type { EvaluationContext } from './context.ts';
import { countValues } from './count-values.ts';
import { isSeriesBySeries } from './drop-metadata.ts';
import { quantileOfSorted, sortNaNFirst } from './functions/quantile.ts';
import { denseLabelIds, type Grouping, Groups, groupSeries } from './grouping.ts';
import { readSelector } from './instant-selector.ts';
import { METRIC_NAME } from './labels.ts';
import type { Aggregation, Expr, StringLiteral, VectorSelector } from './parser/ast.ts';
import type { SeriesSet } from './querier.ts';
import { largerOf, smallerOf } from './scalar-operators.ts';
import { PICKS, pickValues, selectK } from './select-k.ts';
import { countPresent, type Grid, newColumn, type ScalarValue, type SeriesColumn, type VectorValue } from './value.ts';

export function evaluateAggregation(ctx: EvaluationContext, expr: Aggregation, grid: Grid): VectorValue {
  const direct = aggregateSelector(ctx, expr, grid);
  if (direct !== null) return direct;
  const input = evaluateOperand(ctx, expr, grid);
  const before = input.series.reduce((sum, column) => sum + column.presentCount, 0);
  const series = aggregate(ctx, expr, input.series, grid);
  ctx.budget.hold(series.reduce((sum, column) => sum + column.presentCount, 0));
  ctx.budget.release(before);
  return { kind: 'vector', series };
}

/**
 * The samples to be aggregated. Where series are grouped by the metric's name, names that their functions drop are kept
 * when the series could not be told apart without: Prometheus fails there.
 */
function evaluateOperand(ctx: EvaluationContext, expr: Aggregation, grid: Grid): VectorValue {
  const groupsByName = !expr.without && expr.grouping.includes(METRIC_NAME);
  if (!groupsByName || ctx.delayedNameRemoval || !isSeriesBySeries(expr.expr))
    return ctx.evaluate(expr.expr, grid) as VectorValue;
  const delayed = ctx.withDelayedNameRemoval();
  const input = delayed.evaluate(expr.expr, grid) as VectorValue;
  const drops = differWithoutNames(input.series);
  for (const column of input.series) {
    if (column.dropName && drops) column.labels = column.labels.withoutMetadata();
    column.dropName = false;
  }
  return input;
}

/** Whether series can be told apart without the names that are to be dropped. */
function differWithoutNames(series: readonly SeriesColumn[]): boolean {
  if (series.length < 2) return true;
  const keys = new Set<string>();
  for (const { labels, dropName } of series) {
    const { key } = dropName ? labels.withoutMetadata() : labels;
    if (keys.has(key)) return false;
    keys.add(key);
  }
  return true;
}

function aggregate(ctx: EvaluationContext, expr: Aggregation, series: SeriesColumn[], grid: Grid): SeriesColumn[] {
  const { op } = expr;
  if (op === 'count_values') {
    return countValues(ctx, expr, (stringOf(expr.param!) as StringLiteral).value, series, grid);
  }
  const param = expr.param === null ? null : (ctx.evaluate(expr.param, grid) as ScalarValue).values;
  if (op === 'topk' || op === 'bottomk' || op === 'limitk' || op === 'limit_ratio') {
    return selectK(ctx, expr, param!, series, grid);
  }
  const grouping = groupSeries(series, expr.grouping, expr.without);
  const columns = grouping.labels.map((labels, g) => newColumn(labels, grouping.dropName[g]!, grid.count));
  if (op === 'quantile') {
    warnQuantiles(ctx.annotations, param!, expr.param!);
    foldQuantile(ctx, series, grouping, columns, param!);
  } else {
    const fold = FOLDS[op](columns, grid.count);
    for (let s = 0; s < series.length; s++) {
      ctx.budget.checkpoint();
      fold.add(grouping.groupOf[s]!, series[s]!);
    }
    fold.finish();
  }
  return finished(columns);
}

function finished(columns: SeriesColumn[]): SeriesColumn[] {
  for (const column of columns) column.presentCount = countPresent(column.present);
  return columns.filter((column) => column.presentCount > 0);
}

/**
 * An aggregation right over a selector, whose series are folded as they are read: of a million series, columns that nobody
 * asks for would cost more than everything else. Null when it is not one, or when its series come in an order of their own.
 */
function aggregateSelector(ctx: EvaluationContext, expr: Aggregation, grid: Grid): VectorValue | null {
  const selector = expr.expr;
  if (selector.type !== 'vectorSelector' || selector.smoothed) return null;
  const set = ctx.seriesOf(selector);
  const makeFold = FOLDS[expr.op as keyof typeof FOLDS] as MakeFold | undefined;
  const isPick = PICKS.has(expr.op) && grid.count === 1 && expr.grouping.length === 0 && !expr.without;
  if (isPick) return pickSelector(ctx, expr, selector, set, grid);
  if (makeFold === undefined || (set.order !== undefined && set.anyOrder !== true)) return null;
  const { budget } = ctx;
  const groups = new Groups(expr.grouping, expr.without);
  const ids = expr.without ? null : denseLabelIds(set, expr.grouping);
  const groupOfId: number[] = [];
  const columns: SeriesColumn[] = [];
  const fold = makeFold(columns, grid.count);
  let held = 0;
  readSelector(ctx, selector, set, grid, (s, column) => {
    let group = ids === null ? undefined : groupOfId[ids[s]!];
    if (group === undefined) {
      group = groups.of(set.labels(s));
      if (ids !== null) groupOfId[ids[s]!] = group;
    }
    if (group === columns.length) columns.push(newColumn(groups.labels[group]!, false, grid.count));
    fold.add(group, column);
    held += column.presentCount;
  });
  fold.finish();
  const series = finished(columns);
  budget.hold(series.reduce((sum, column) => sum + column.presentCount, 0));
  budget.release(held);
  return { kind: 'vector', series };
}

/** topk and the like over all series of a selector at one step. */
function pickSelector(
  ctx: EvaluationContext,
  expr: Aggregation,
  selector: VectorSelector,
  set: SeriesSet,
  grid: Grid,
): VectorValue {
  const { budget } = ctx;
  const all = new Float64Array(set.count);
  const present = new Uint8Array(set.count);
  let held = 0;
  readSelector(ctx, selector, set, grid, (s, { values }) => {
    all[s] = values[0]!;
    present[s] = 1;
    held++;
  });
  const places = new Int32Array(held);
  const values = new Float64Array(held);
  let n = 0;
  for (let s = 0; s < present.length; s++) {
    if (present[s] === 0) continue;
    places[n] = s;
    values[n++] = all[s]!;
  }
  const param = (ctx.evaluate(expr.param!, grid) as ScalarValue).values;
  const series = pickValues(expr.op, param, values).map((i) => {
    const column = newColumn(set.labels(places[i]!), false, 1);
    column.values[0] = values[i]!;
    column.present[0] = 1;
    column.presentCount = 1;
    return column;
  });
  budget.hold(series.length);
  budget.release(held);
  return { kind: 'vector', series };
}

function stringOf(param: Expr): Expr {
  return param.type === 'stepInvariant' ? param.expr : param;
}

/** Folds series into their groups' columns, one series after the other. */
export interface Fold {
  add(group: number, source: SeriesColumn): void;
  /** To be called when all are added: the columns then hold the results. */
  finish(): void;
}

/** @param columns one per group; groups may join while series are added. */
type MakeFold = (columns: readonly SeriesColumn[], steps: number) => Fold;

/** A fold whose per-group state is the column itself and nothing else. */
function simpleFold(fold: (target: SeriesColumn, source: SeriesColumn) => void): MakeFold {
  return (columns) => ({ add: (group, source) => fold(columns[group]!, source), finish() {} });
}

/** A compensated sum. */
const foldSum: MakeFold = (columns, steps) => {
  const rests: Float64Array[] = [];
  return {
    add(group, source) {
      rests[group] ??= new Float64Array(steps);
      addCompensated(columns[group]!, rests[group], source);
    },
    finish() {
      for (let g = 0; g < columns.length; g++) {
        const { values } = columns[g]!;
        const rest = rests[g]!;
        for (let i = 0; i < steps; i++) values[i]! += rest[i]!;
      }
    },
  };
};

function addCompensated(target: SeriesColumn, rest: Float64Array, source: SeriesColumn): void {
  const { values: sums, present: summed } = target;
  const { values, present } = source;
  for (let i = 0; i < sums.length; i++) {
    if (present[i] === 0) continue;
    const value = values[i]!;
    if (summed[i] === 0) {
      sums[i] = value;
      summed[i] = 1;
      continue;
    }
    const sum = sums[i]!;
    const next = sum + value;
    if (Math.abs(next) === Infinity) rest[i] = 0;
    else if (Math.abs(sum) >= Math.abs(value)) rest[i]! += sum - next + value;
    else rest[i]! += value - next + sum;
    sums[i] = next;
  }
}

/** A compensated sum divided in the end; where that would overflow, an incremental mean from there on. */
const foldAvg: MakeFold = (columns, steps) => {
  const rests: Float64Array[] = [];
  const counts: Float64Array[] = [];
  const incremental: Uint8Array[] = [];
  return {
    add(group, source) {
      rests[group] ??= new Float64Array(steps);
      counts[group] ??= new Float64Array(steps);
      incremental[group] ??= new Uint8Array(steps);
      addToMean(columns[group]!, rests[group], counts[group], incremental[group], source);
    },
    finish() {
      for (let g = 0; g < columns.length; g++) {
        const { values } = columns[g]!;
        for (let i = 0; i < steps; i++) {
          const n = counts[g]![i]!;
          values[i] = incremental[g]![i] === 1 ? values[i]! + rests[g]![i]! : values[i]! / n + rests[g]![i]! / n;
        }
      }
    },
  };
};

function addToMean(
  { values: sums, present: summed }: SeriesColumn,
  rest: Float64Array,
  count: Float64Array,
  isIncremental: Uint8Array,
  { values, present }: SeriesColumn,
): void {
  for (let i = 0; i < sums.length; i++) {
    if (present[i] === 0) continue;
    const value = values[i]!;
    const n = ++count[i]!;
    if (summed[i] === 0) {
      sums[i] = value;
      summed[i] = 1;
      continue;
    }
    let base = sums[i]!;
    let added = value;
    if (isIncremental[i] === 0) {
      const next = base + value;
      if (Math.abs(next) === Infinity) {
        isIncremental[i] = 1;
        base /= n - 1;
        rest[i]! /= n - 1;
      }
    }
    if (isIncremental[i] === 1) {
      const share = (n - 1) / n;
      base *= share;
      rest[i]! *= share;
      added = value / n;
    }
    const next = base + added;
    if (Math.abs(next) === Infinity) rest[i] = 0;
    else if (Math.abs(base) >= Math.abs(added)) rest[i]! += base - next + added;
    else rest[i]! += added - next + base;
    sums[i] = next;
  }
}

const foldMin = simpleFold((target, source) => {
  const { values: least, present: seen } = target;
  const { values, present } = source;
  for (let i = 0; i < least.length; i++) {
    if (present[i] === 0) continue;
    const value = values[i]!;
    if (seen[i] === 0 || value < least[i]! || Number.isNaN(least[i])) least[i] = value;
    seen[i] = 1;
  }
});

const foldMax = simpleFold((target, source) => {
  const { values: most, present: seen } = target;
  const { values, present } = source;
  for (let i = 0; i < most.length; i++) {
    if (present[i] === 0) continue;
    const value = values[i]!;
    if (seen[i] === 0 || value > most[i]! || Number.isNaN(most[i])) most[i] = value;
    seen[i] = 1;
  }
});

const foldCount = simpleFold((target, source) => {
  const { values: counts, present: seen } = target;
  const { present } = source;
  for (let i = 0; i < counts.length; i++) {
    counts[i]! += present[i]!;
    seen[i]! |= present[i]!;
  }
});

const foldGroup = simpleFold((target, source) => {
  const { values, present: seen } = target;
  for (let i = 0; i < values.length; i++) {
    if (source.present[i] === 0) continue;
    values[i] = 1;
    seen[i] = 1;
  }
});

/** Welford's running variance. */
function foldVariance(isDeviation: boolean): MakeFold {
  return (columns, steps) => {
    const means: Float64Array[] = [];
    const counts: Float64Array[] = [];
    return {
      add(group, source) {
        means[group] ??= new Float64Array(steps);
        counts[group] ??= new Float64Array(steps);
        addToVariance(columns[group]!, means[group], counts[group], source);
      },
      finish() {
        for (let g = 0; g < columns.length; g++) {
          const { values } = columns[g]!;
          for (let i = 0; i < steps; i++) {
            const variance = values[i]! / counts[g]![i]!;
            values[i] = isDeviation ? Math.sqrt(variance) : variance;
          }
        }
      },
    };
  };
}

function addToVariance(
  { values: squares, present: seen }: SeriesColumn,
  mean: Float64Array,
  count: Float64Array,
  { values, present }: SeriesColumn,
): void {
  for (let i = 0; i < squares.length; i++) {
    if (present[i] === 0) continue;
    const value = values[i]!;
    count[i]!++;
    if (seen[i] === 0) {
      mean[i] = value;
      squares[i] = value - value === 0 ? 0 : Number.NaN;
      seen[i] = 1;
      continue;
    }
    const delta = value - mean[i]!;
    mean[i]! += delta / count[i]!;
    squares[i]! += delta * (value - mean[i]!);
  }
}

const FOLDS = {
  sum: foldSum,
  avg: foldAvg,
  min: foldMin,
  max: foldMax,
  count: foldCount,
  group: foldGroup,
  stddev: foldVariance(true),
  stdvar: foldVariance(false),
} as const;

function foldQuantile(
  ctx: EvaluationContext,
  series: SeriesColumn[],
  grouping: Grouping,
  columns: SeriesColumn[],
  q: Float64Array,
): void {
  const members: SeriesColumn[][] = columns.map(() => []);
  for (let s = 0; s < series.length; s++) members[grouping.groupOf[s]!]!.push(series[s]!);
  for (let g = 0; g < columns.length; g++) {
    const column = columns[g]!;
    const buffer = new Float64Array(members[g]!.length);
    for (let i = 0; i < column.values.length; i++) {
      if ((i & 63) === 0) ctx.budget.checkpoint();
      let count = 0;
      for (const member of members[g]!) {
        if (member.present[i] === 1) buffer[count++] = member.values[i]!;
      }
      if (count === 0) continue;
      const found = buffer.subarray(0, count);
      sortNaNFirst(found);
      column.values[i] = quantileOfSorted(q[i]!, found);
      column.present[i] = 1;
    }
  }
}

/** One warning for NaN, one for the largest beyond 1 and one for the smallest below 0; NaN hides what is not infinite. */
function warnQuantiles(annotations: Annotations, q: Float64Array, position: Expr): void {
  let least = Number.MAX_VALUE;
  let most = -Number.MAX_VALUE;
  for (let i = 0; i < q.length; i++) {
    if (Number.isNaN(q[i])) annotations.invalidQuantile(Number.NaN, position);
    least = smallerOf(least, q[i]!);
    most = largerOf(most, q[i]!);
  }
  if (most > 1) annotations.invalidQuantile(most, position);
  if (least < 0) annotations.invalidQuantile(least, position);
}
