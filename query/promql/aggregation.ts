/**
 * Aggregations that give one series per group. The series of a group are folded into the group's column one after the
 * other, which visits the samples of each step in the order of the series, as Prometheus does.
 */
import type { Annotations } from './annotations.ts';
import type { EvaluationContext } from './context.ts';
import { countValues } from './count-values.ts';
import { isSeriesBySeries } from './drop-metadata.ts';
import { quantileOfSorted, sortNaNFirst } from './functions/quantile.ts';
import { type Grouping, groupSeries } from './grouping.ts';
import { METRIC_NAME } from './labels.ts';
import type { Aggregation, Expr, StringLiteral } from './parser/ast.ts';
import { selectK } from './select-k.ts';
import { countPresent, type Grid, newColumn, type ScalarValue, type SeriesColumn, type VectorValue } from './value.ts';

export function evaluateAggregation(ctx: EvaluationContext, expr: Aggregation, grid: Grid): VectorValue {
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
  const keys = new Set(input.series.map(({ labels, dropName }) => (dropName ? labels.withoutMetadata() : labels).key));
  for (const column of input.series) {
    if (column.dropName && keys.size === input.series.length) column.labels = column.labels.withoutMetadata();
    column.dropName = false;
  }
  return input;
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
    FOLDS[op](ctx, series, grouping, columns);
  }
  for (const column of columns) column.presentCount = countPresent(column.present);
  return columns.filter((column) => column.presentCount > 0);
}

function stringOf(param: Expr): Expr {
  return param.type === 'stepInvariant' ? param.expr : param;
}

type Fold = (ctx: EvaluationContext, series: SeriesColumn[], grouping: Grouping, columns: SeriesColumn[]) => void;

/** A fold whose per-group state is the column itself and nothing else. */
function simpleFold(fold: (target: SeriesColumn, source: SeriesColumn) => void): Fold {
  return (ctx, series, grouping, columns) => {
    for (let s = 0; s < series.length; s++) {
      ctx.budget.checkpoint();
      fold(columns[grouping.groupOf[s]!]!, series[s]!);
    }
  };
}

/** Per group, one more number per step; made when the group is first seen. */
function extraColumns(groups: number, steps: number): Float64Array[] {
  return Array.from({ length: groups }, () => new Float64Array(steps));
}

const foldSum: Fold = (ctx, series, grouping, columns) => {
  const steps = columns[0]?.values.length ?? 0;
  const rests = extraColumns(columns.length, steps);
  for (let s = 0; s < series.length; s++) {
    ctx.budget.checkpoint();
    const group = grouping.groupOf[s]!;
    addCompensated(columns[group]!, rests[group]!, series[s]!);
  }
  for (let g = 0; g < columns.length; g++) {
    const { values } = columns[g]!;
    for (let i = 0; i < steps; i++) values[i]! += rests[g]![i]!;
  }
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
const foldAvg: Fold = (ctx, series, grouping, columns) => {
  const steps = columns[0]?.values.length ?? 0;
  const rests = extraColumns(columns.length, steps);
  const counts = extraColumns(columns.length, steps);
  const incremental = columns.map(() => new Uint8Array(steps));
  for (let s = 0; s < series.length; s++) {
    ctx.budget.checkpoint();
    const group = grouping.groupOf[s]!;
    const { values: sums, present: summed } = columns[group]!;
    const rest = rests[group]!;
    const count = counts[group]!;
    const isIncremental = incremental[group]!;
    const { values, present } = series[s]!;
    for (let i = 0; i < steps; i++) {
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
  for (let g = 0; g < columns.length; g++) {
    const { values } = columns[g]!;
    for (let i = 0; i < steps; i++) {
      const n = counts[g]![i]!;
      values[i] = incremental[g]![i] === 1 ? values[i]! + rests[g]![i]! : values[i]! / n + rests[g]![i]! / n;
    }
  }
};

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
function foldVariance(isDeviation: boolean): Fold {
  return (ctx, series, grouping, columns) => {
    const steps = columns[0]?.values.length ?? 0;
    const means = extraColumns(columns.length, steps);
    const counts = extraColumns(columns.length, steps);
    for (let s = 0; s < series.length; s++) {
      ctx.budget.checkpoint();
      const group = grouping.groupOf[s]!;
      const { values: squares, present: seen } = columns[group]!;
      const mean = means[group]!;
      const count = counts[group]!;
      const { values, present } = series[s]!;
      for (let i = 0; i < steps; i++) {
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
    for (let g = 0; g < columns.length; g++) {
      const { values } = columns[g]!;
      for (let i = 0; i < steps; i++) {
        const variance = values[i]! / counts[g]![i]!;
        values[i] = isDeviation ? Math.sqrt(variance) : variance;
      }
    }
  };
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

/** One warning for NaN, one for the largest beyond 1 and one for the smallest below 0. */
function warnQuantiles(annotations: Annotations, q: Float64Array, position: Expr): void {
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < q.length; i++) {
    if (Number.isNaN(q[i])) annotations.invalidQuantile(Number.NaN, position);
    if (q[i]! < least) least = q[i]!;
    if (q[i]! > most) most = q[i]!;
  }
  if (most > 1) annotations.invalidQuantile(most, position);
  if (least < 0) annotations.invalidQuantile(least, position);
}
