/**
 * Calls of functions over range vectors: windows are laid over each series' points and the function's kernel fills the
 * series' column.
 */
import { VarveError } from '../../errors/errors.ts';
import { absentLabels } from './absent.ts';
import type { EvaluationContext } from './context.ts';
import { RANGE_FUNCTIONS, type RangeFunction } from './functions/range-functions.ts';
import type { RangeInput } from './functions/range-kernel.ts';
import { type Labels, METRIC_NAME } from './labels.ts';
import { mergeSameLabels } from './merge.ts';
import type { Call, Expr, MatrixSelector, Subquery } from './parser/ast.ts';
import { type RangeSource, rangeSourceOf } from './range-source.ts';
import { countPresent, type Grid, newColumn, type ScalarValue, type SeriesColumn, type VectorValue } from './value.ts';
import { Windows } from './windows.ts';

const ANCHORED_FUNCTIONS = namesOf((entry) => entry.allowsAnchored === true);
const SMOOTHED_FUNCTIONS = namesOf((entry) => entry.allowsSmoothed === true);

function namesOf(allows: (entry: RangeFunction) => boolean): string {
  return Object.keys(RANGE_FUNCTIONS)
    .filter((name) => allows(RANGE_FUNCTIONS[name]!))
    .sort()
    .join(', ');
}

/** The range argument of a call, seen through a step-invariant wrapper; null when it has none. */
export function rangeArgument(call: Call): { index: number; arg: MatrixSelector | Subquery } | null {
  for (let index = 0; index < call.args.length; index++) {
    let arg: Expr = call.args[index]!;
    if (arg.type === 'stepInvariant') arg = arg.expr;
    if (arg.type === 'matrixSelector' || arg.type === 'subquery') return { index, arg };
  }
  return null;
}

export function evaluateRangeCall(
  ctx: EvaluationContext,
  call: Call,
  rangeIndex: number,
  arg: MatrixSelector | Subquery,
  grid: Grid,
): VectorValue {
  const name = call.func.name;
  const entry = RANGE_FUNCTIONS[name]!;
  const scalars: Float64Array[] = [];
  call.args.forEach((other, i) => {
    if (i !== rangeIndex) scalars.push((ctx.evaluate(other, grid) as ScalarValue).values);
  });
  if (arg.type === 'matrixSelector') checkExtension(name, entry, arg);
  const source = rangeSourceOf(ctx, arg, grid);
  const series = evaluateSeries(ctx, name, entry, source, scalars, call.args[0]!, grid);
  source.release();
  if (name === 'absent_over_time') return absentOverTime(call, series, grid);
  return { kind: 'vector', series: ctx.delayedNameRemoval ? series : mergeSameLabels(series) };
}

function checkExtension(name: string, entry: RangeFunction, arg: MatrixSelector): void {
  const refuse = (modifier: string, functions: string) => {
    throw new VarveError(
      'unprocessable',
      `${modifier} modifier can only be used with: ${functions} - not with ${name}`,
    );
  };
  if (arg.vector.anchored && !entry.allowsAnchored) refuse('anchored', ANCHORED_FUNCTIONS);
  if (arg.vector.smoothed && !entry.allowsSmoothed) refuse('smoothed', SMOOTHED_FUNCTIONS);
}

function evaluateSeries(
  ctx: EvaluationContext,
  name: string,
  entry: RangeFunction,
  source: RangeSource,
  scalars: readonly Float64Array[],
  position: Expr,
  grid: Grid,
): SeriesColumn[] {
  const { budget } = ctx;
  const endsMs = rangeEnds(source, grid);
  let windows: Windows | null = null;
  const look = (samples: number) => {
    budget.hold(samples);
    budget.release(samples);
  };
  const request = { func: name, endsMs, rangeMs: source.rangeMs, look };
  const result: SeriesColumn[] = [];
  const order = source.order();
  const found: (SeriesColumn | undefined)[] = new Array(source.count);
  for (let k = 0; k < source.count; k++) {
    const s = order === null ? k : order[k]!;
    budget.checkpoint();
    const labels = source.labels(s);
    const dropsName = entry.keepsName === undefined;
    const column = newColumn(
      dropsName && !ctx.delayedNameRemoval ? labels.withoutMetadata() : labels,
      dropsName || source.dropName(s),
      grid.count,
    );
    const answered = source.set?.windows?.(s, request, column.values, column.present) ?? -1;
    if (answered >= 0) {
      budget.totalSamples += answered;
    } else {
      windows ??= layWindows(ctx, source, endsMs, grid);
      const points = source.borrow(s);
      const widest = windows.move(points.times);
      if (widest === 0) continue;
      budget.hold(widest);
      budget.totalSamples += windows.sampleCount;
      const input: RangeInput = {
        times: points.times,
        values: points.values,
        startTimes: points.startTimes,
        lo: windows.lo,
        hi: windows.hi,
        stepCount: grid.count,
        evalMs: windows.evalMs,
        rangeEndMs: windows.rangeEndMs,
        rangeMs: source.rangeMs,
        scalars,
        anchored: source.anchored,
        smoothed: source.smoothed,
        metricName: labels.metricName,
        annotations: ctx.annotations,
        position,
      };
      entry.kernel(input, column.values, column.present);
      budget.release(widest);
    }
    column.presentCount = countPresent(column.present);
    if (column.presentCount === 0) continue;
    budget.hold(column.presentCount);
    if (entry.wantsCounter) hintNonCounter(ctx, labels, position);
    found[s] = column;
  }
  for (const column of found) if (column !== undefined) result.push(column);
  return result;
}

const COUNTER_SUFFIX = /_(?:total|sum|count|bucket)$/;

function hintNonCounter(ctx: EvaluationContext, labels: Labels, position: Expr): void {
  const metricName = labels.get(METRIC_NAME);
  if (metricName === '') return;
  if (ctx.typeAndUnitLabels) {
    const type = labels.get('__type__');
    if (type !== 'counter' && type !== 'histogram') {
      ctx.annotations.possibleNonCounterLabel(metricName, type, position);
    }
  } else if (!COUNTER_SUFFIX.test(metricName)) {
    ctx.annotations.possibleNonCounter(metricName, position);
  }
}

/** The ends of the ranges of every step. */
function rangeEnds(source: RangeSource, grid: Grid): Float64Array {
  const endsMs = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i++) {
    endsMs[i] = (source.timestampMs ?? grid.startMs + i * grid.stepMs) - source.offsetMs;
  }
  return endsMs;
}

/** Left-open, right-closed windows of every step; wider than the range with anchored and smoothed. */
function layWindows(ctx: EvaluationContext, source: RangeSource, endsMs: Float64Array, grid: Grid): Windows {
  const evalMs = new Float64Array(grid.count);
  for (let i = 0; i < grid.count; i++) evalMs[i] = grid.startMs + i * grid.stepMs;
  const extended = source.anchored || source.smoothed;
  const beforeMs = source.rangeMs + (extended ? ctx.lookbackMs : 0);
  return new Windows(evalMs, endsMs, beforeMs, source.smoothed ? ctx.lookbackMs : 0);
}

/** One series with 1 at the steps where no series has a window with points. */
function absentOverTime(call: Call, series: readonly SeriesColumn[], grid: Grid): VectorValue {
  const column = newColumn(absentLabels(call.args[0]!), true, grid.count);
  for (let i = 0; i < grid.count; i++) {
    if (series.some((other) => other.present[i] === 1)) continue;
    column.values[i] = 1;
    column.present[i] = 1;
    column.presentCount++;
  }
  return { kind: 'vector', series: column.presentCount === 0 ? [] : [column] };
}
