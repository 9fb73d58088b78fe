/** Function calls: range functions by their kernels, functions of single samples by their table, the rest one by one. */
import { absentLabels } from '../absent.ts';
import type { EvaluationContext } from '../context.ts';
import { dropMetadata } from '../drop-metadata.ts';
import { instantVector } from '../instant-selector.ts';
import { EMPTY_LABELS } from '../labels.ts';
import { mergeSameLabels } from '../merge.ts';
import type { Call, Expr, VectorSelector } from '../parser/ast.ts';
import { evaluateRangeCall, rangeArgument } from '../range-call.ts';
import { largerOf, smallerOf } from '../scalar-operators.ts';
import { type Grid, newColumn, type ScalarValue, type Value, type VectorValue } from '../value.ts';
import { scalarArg, vectorArg } from './arguments.ts';
import { DATE_FUNCTIONS } from './date.ts';
import { histogramFraction, histogramQuantile, histogramQuantiles } from './histogram.ts';
import { evaluateInfo } from './info.ts';
import { labelJoin, labelReplace } from './label.ts';
import { MATH_FUNCTIONS } from './math.ts';
import { sortByLabel, sortByValue } from './sort.ts';

export type CallEvaluator = (ctx: EvaluationContext, call: Call, grid: Grid) => Value;

export function evaluateCall(ctx: EvaluationContext, call: Call, grid: Grid): Value {
  const range = rangeArgument(call);
  if (range !== null) return evaluateRangeCall(ctx, call, range.index, range.arg, grid);
  const name = call.func.name;
  const math = MATH_FUNCTIONS[name];
  if (math !== undefined) return mapVector(ctx, vectorArg(ctx, call, 0, grid), math);
  const date = DATE_FUNCTIONS[name];
  if (date !== undefined) return evaluateDate(ctx, call, grid, date);
  const evaluator = CALLS[name];
  if (evaluator === undefined) throw new Error(`BUG: function ${name} is not implemented`);
  return evaluator(ctx, call, grid);
}

/** Functions that are neither over ranges nor of single samples. */
const CALLS: Readonly<Record<string, CallEvaluator>> = {
  absent,
  clamp: (ctx, call, grid) => clamp(ctx, call, grid, scalarArg(ctx, call, 1, grid), scalarArg(ctx, call, 2, grid)),
  clamp_max: (ctx, call, grid) => clamp(ctx, call, grid, constant(grid, -Infinity), scalarArg(ctx, call, 1, grid)),
  clamp_min: (ctx, call, grid) => clamp(ctx, call, grid, scalarArg(ctx, call, 1, grid), constant(grid, Infinity)),
  histogram_avg: dropFloats,
  histogram_count: dropFloats,
  histogram_sum: dropFloats,
  histogram_stddev: dropFloats,
  histogram_stdvar: dropFloats,
  histogram_fraction: histogramFraction,
  histogram_quantile: histogramQuantile,
  histogram_quantiles: histogramQuantiles,
  info: evaluateInfo,
  label_join: labelJoin,
  label_replace: labelReplace,
  max_of: (ctx, call, grid) => pickScalar(ctx, call, grid, largerOf),
  min_of: (ctx, call, grid) => pickScalar(ctx, call, grid, smallerOf),
  pi: (_ctx, _call, grid) => ({ kind: 'scalar', values: constant(grid, Math.PI) }),
  round,
  scalar,
  sort: (ctx, call, grid) => sortByValue(ctx, call, grid, false),
  sort_desc: (ctx, call, grid) => sortByValue(ctx, call, grid, true),
  sort_by_label: (ctx, call, grid) => sortByLabel(ctx, call, grid, false),
  sort_by_label_desc: (ctx, call, grid) => sortByLabel(ctx, call, grid, true),
  start_timestamp: (ctx, call, grid) => sampleTime(ctx, call, grid, 'startTime'),
  time: (_ctx, _call, grid) => ({ kind: 'scalar', values: evaluationSeconds(grid) }),
  timestamp: (ctx, call, grid) => sampleTime(ctx, call, grid, 'time'),
  vector: (ctx, call, grid) => ({ kind: 'vector', series: [wholeColumn(scalarArg(ctx, call, 0, grid))] }),
};

function constant(grid: Grid, value: number): Float64Array {
  return new Float64Array(grid.count).fill(value);
}

function evaluationSeconds(grid: Grid): Float64Array {
  const seconds = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i++) seconds[i] = (grid.startMs + i * grid.stepMs) / 1000;
  return seconds;
}

function wholeColumn(values: Float64Array) {
  const column = newColumn(EMPTY_LABELS, false, values.length);
  column.values = values;
  column.present.fill(1);
  column.presentCount = values.length;
  return column;
}

/** Applies a function to every sample, in place. */
function mapVector(ctx: EvaluationContext, vector: VectorValue, map: (value: number) => number): VectorValue {
  for (const column of vector.series) {
    ctx.budget.checkpoint();
    const { values } = column;
    for (let i = 0; i < values.length; i++) values[i] = map(values[i]!);
    dropMetadata(ctx, column);
  }
  return ctx.delayedNameRemoval ? vector : { kind: 'vector', series: mergeSameLabels(vector.series) };
}

function evaluateDate(ctx: EvaluationContext, call: Call, grid: Grid, date: (seconds: number) => number): VectorValue {
  if (call.args.length > 0) return mapVector(ctx, vectorArg(ctx, call, 0, grid), (value) => date(Math.trunc(value)));
  const values = evaluationSeconds(grid);
  for (let i = 0; i < values.length; i++) values[i] = date(Math.trunc(values[i]!));
  return { kind: 'vector', series: [wholeColumn(values)] };
}

function absent(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const input = vectorArg(ctx, call, 0, grid);
  const column = newColumn(absentLabels(call.args[0]!), false, grid.count);
  column.values.fill(1);
  column.present.fill(1);
  for (const other of input.series) {
    for (let i = 0; i < grid.count; i++) if (other.present[i] === 1) column.present[i] = 0;
  }
  for (let i = 0; i < grid.count; i++) column.presentCount += column.present[i]!;
  return { kind: 'vector', series: column.presentCount === 0 ? [] : [column] };
}

/** Native histograms are what these work on; floats yield nothing. */
function dropFloats(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  vectorArg(ctx, call, 0, grid);
  return { kind: 'vector', series: [] };
}

function clamp(ctx: EvaluationContext, call: Call, grid: Grid, least: Float64Array, most: Float64Array): VectorValue {
  const vector = vectorArg(ctx, call, 0, grid);
  for (const column of vector.series) {
    ctx.budget.checkpoint();
    const { values, present } = column;
    for (let i = 0; i < values.length; i++) {
      if (most[i]! < least[i]!) {
        column.presentCount -= present[i]!;
        present[i] = 0;
      } else values[i] = largerOf(least[i]!, smallerOf(most[i]!, values[i]!));
    }
    dropMetadata(ctx, column);
  }
  const kept = vector.series.filter((column) => column.presentCount > 0);
  return { kind: 'vector', series: ctx.delayedNameRemoval ? kept : mergeSameLabels(kept) };
}

/** Rounds to the nearest multiple, halves up. */
function round(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const vector = vectorArg(ctx, call, 0, grid);
  const nearest = call.args.length > 1 ? scalarArg(ctx, call, 1, grid) : constant(grid, 1);
  for (const column of vector.series) {
    ctx.budget.checkpoint();
    const { values } = column;
    for (let i = 0; i < values.length; i++) {
      const inverse = 1 / nearest[i]!;
      values[i] = Math.floor(values[i]! * inverse + 0.5) / inverse;
    }
    dropMetadata(ctx, column);
  }
  return ctx.delayedNameRemoval ? vector : { kind: 'vector', series: mergeSameLabels(vector.series) };
}

/** The value of the only sample; NaN when there is none or more than one. */
function scalar(ctx: EvaluationContext, call: Call, grid: Grid): ScalarValue {
  const vector = vectorArg(ctx, call, 0, grid);
  const values = constant(grid, Number.NaN);
  const found = new Uint8Array(grid.count);
  for (const column of vector.series) {
    for (let i = 0; i < grid.count; i++) {
      if (column.present[i] === 0) continue;
      values[i] = found[i] === 0 ? column.values[i]! : Number.NaN;
      found[i] = 1;
    }
  }
  return { kind: 'scalar', values };
}

function pickScalar(
  ctx: EvaluationContext,
  call: Call,
  grid: Grid,
  pick: (a: number, b: number) => number,
): ScalarValue {
  const values = scalarArg(ctx, call, 0, grid);
  const other = scalarArg(ctx, call, 1, grid);
  for (let i = 0; i < values.length; i++) values[i] = pick(values[i]!, other[i]!);
  return { kind: 'scalar', values };
}

/** Times of samples: those of the stored samples when the argument is a plain selector, else the evaluation time. */
function sampleTime(ctx: EvaluationContext, call: Call, grid: Grid, aspect: 'time' | 'startTime'): VectorValue {
  const selector = plainSelector(call.args[0]!);
  let vector: VectorValue;
  if (selector !== null) {
    const set = ctx.seriesOf(selector);
    if (aspect === 'startTime' && set.startTimes === undefined) return { kind: 'vector', series: [] };
    // With `@`, Prometheus looks without the offset, among the samples that it fetched with it.
    const offsetMs = selector.timestampMs === null ? selector.offsetMs : 0;
    vector = instantVector(ctx, set, grid, selector.timestampMs, offsetMs, aspect);
  } else {
    vector = vectorArg(ctx, call, 0, grid);
    if (aspect === 'startTime') return { kind: 'vector', series: [] };
    const seconds = evaluationSeconds(grid);
    for (const column of vector.series) column.values.set(seconds);
  }
  for (const column of vector.series) dropMetadata(ctx, column);
  return ctx.delayedNameRemoval ? vector : { kind: 'vector', series: mergeSameLabels(vector.series) };
}

function plainSelector(arg: Expr): VectorSelector | null {
  const inner = arg.type === 'stepInvariant' ? arg.expr : arg;
  return inner.type === 'vectorSelector' ? inner : null;
}
