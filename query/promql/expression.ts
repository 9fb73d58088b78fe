/** Evaluates expressions: literals, signs and wrappers here, everything else where it belongs. */
import { evaluateAggregation } from './aggregation.ts';
import { evaluateBinary } from './binary.ts';
import type { EvaluationContext } from './context.ts';
import { dropMetadata } from './drop-metadata.ts';
import { firstStepOf } from './fetch.ts';
import { evaluateCall } from './functions/call.ts';
import type { RangeInput } from './functions/range-kernel.ts';
import { extendedBounds, interpolate } from './functions/rate.ts';
import { evaluateSelector, type Points } from './instant-selector.ts';
import { mergeSameLabels } from './merge.ts';
import type { Expr, MatrixSelector, StepInvariant, Subquery, UnaryExpr } from './parser/ast.ts';
import { type RangeSource, rangeSourceOf } from './range-source.ts';
import type { Grid, MatrixValue, PointSeries, Value } from './value.ts';

export function evaluateExpression(ctx: EvaluationContext, expr: Expr, grid: Grid): Value {
  switch (expr.type) {
    case 'number':
      return { kind: 'scalar', values: new Float64Array(grid.count).fill(expr.value) };
    case 'string':
      return { kind: 'string', value: expr.value };
    case 'paren':
      return evaluateExpression(ctx, expr.expr, grid);
    case 'vectorSelector':
      return evaluateSelector(ctx, expr, grid);
    case 'matrixSelector':
    case 'subquery':
      return evaluateMatrix(ctx, expr, grid);
    case 'stepInvariant':
      return evaluateOnce(ctx, expr, grid);
    case 'unary':
      return evaluateUnary(ctx, expr, grid);
    case 'binary':
      return evaluateBinary(ctx, expr, grid);
    case 'aggregation':
      return evaluateAggregation(ctx, expr, grid);
    case 'call':
      return evaluateCall(ctx, expr, grid);
  }
}

/** Evaluates at the first step and repeats the result at all others. */
function evaluateOnce(ctx: EvaluationContext, expr: StepInvariant, grid: Grid): Value {
  const value = evaluateExpression(ctx, expr.expr, firstStepOf(grid));
  if (grid.count <= 1) return value;
  if (value.kind === 'scalar') {
    return { kind: 'scalar', values: new Float64Array(grid.count).fill(value.values[0]!) };
  }
  if (value.kind !== 'vector') return value;
  ctx.budget.hold(value.series.length * (grid.count - 1));
  for (const column of value.series) {
    column.values = new Float64Array(grid.count).fill(column.values[0]!);
    column.present = new Uint8Array(grid.count).fill(1);
    column.presentCount = grid.count;
  }
  return value;
}

function evaluateUnary(ctx: EvaluationContext, expr: UnaryExpr, grid: Grid): Value {
  const value = evaluateExpression(ctx, expr.expr, grid);
  if (expr.op === '+') return value;
  if (value.kind === 'scalar') negate(value.values);
  else if (value.kind === 'vector') {
    for (const column of value.series) {
      negate(column.values);
      dropMetadata(ctx, column);
    }
    if (!ctx.delayedNameRemoval) value.series = mergeSameLabels(value.series);
  }
  return value;
}

function negate(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] = -values[i]!;
}

/** A range selector or subquery as a result of its own: raw points at one evaluation time. */
function evaluateMatrix(ctx: EvaluationContext, expr: MatrixSelector | Subquery, grid: Grid): MatrixValue {
  const source = rangeSourceOf(ctx, expr, grid);
  const endMs = (source.timestampMs ?? grid.startMs) - source.offsetMs;
  const startMs = endMs - source.rangeMs;
  const extended = source.anchored || source.smoothed;
  const fromMs = extended ? startMs - ctx.lookbackMs : startMs;
  const toMs = source.smoothed ? endMs + ctx.lookbackMs : endMs;
  const series: PointSeries[] = [];
  for (let s = 0; s < source.count; s++) {
    ctx.budget.checkpoint();
    const cut = cutPoints(source.points(s), fromMs, toMs);
    const points = extended && cut.times.length > 0 ? extendPoints(cut, source, startMs, endMs) : cut;
    if (points.times.length === 0) continue;
    ctx.budget.hold(points.times.length);
    ctx.budget.totalSamples += points.times.length;
    series.push({ labels: source.labels(s), dropName: source.dropName(s), ...points });
  }
  return { kind: 'matrix', series };
}

/** Points with times in (fromMs, toMs]. */
function cutPoints(points: Points, fromMs: number, toMs: number): Points {
  const { times } = points;
  let lo = 0;
  while (lo < times.length && times[lo]! <= fromMs) lo++;
  let hi = lo;
  while (hi < times.length && times[hi]! <= toMs) hi++;
  return {
    times: times.slice(lo, hi),
    values: points.values.slice(lo, hi),
    startTimes: points.startTimes === null ? null : points.startTimes.slice(lo, hi),
  };
}

/** The points of an anchored or smoothed range: with one of its own at either end. */
function extendPoints(points: Points, source: RangeSource, startMs: number, endMs: number): Points {
  const { times, values } = points;
  const input = { times, values, smoothed: source.smoothed } as RangeInput;
  let { first, last } = extendedBounds(input, 0, times.length, startMs, endMs);
  if (times[last]! <= startMs) return { times: new Float64Array(0), values: new Float64Array(0), startTimes: null };
  const left = source.smoothed && times[first]! < startMs ? interpolate(input, first, startMs, false) : values[first]!;
  const right =
    source.smoothed && last > 0 && times[last]! > endMs ? interpolate(input, last - 1, endMs, false) : values[last]!;
  if (times[first]! <= startMs) first++;
  if (times[last]! >= endMs) last--;
  return {
    times: Float64Array.from([startMs, ...times.subarray(first, last + 1), endMs]),
    values: Float64Array.from([left, ...values.subarray(first, last + 1), right]),
    startTimes: null,
  };
}
