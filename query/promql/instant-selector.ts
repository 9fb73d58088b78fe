/**
 * Instant vector selectors over the step grid: per step the last sample within the lookback, unless it is a stale marker.
 * The steps and the samples are walked side by side.
 */
import { VarveError } from '../../errors/errors.ts';
import type { EvaluationContext } from './context.ts';
import { EMPTY_LABELS } from './labels.ts';
import type { VectorSelector } from './parser/ast.ts';
import type { SeriesSet } from './querier.ts';
import { type Grid, isStaleAt, newColumn, type SeriesColumn, type VectorValue, wordsOf } from './value.ts';

/** What of the found sample the vector holds. */
export type SampleAspect = 'value' | 'time' | 'startTime';

export function evaluateSelector(ctx: EvaluationContext, selector: VectorSelector, grid: Grid): VectorValue {
  const set = ctx.seriesOf(selector);
  if (selector.smoothed) return smoothedVector(ctx, selector, set, grid);
  return instantVector(ctx, set, grid, selector.timestampMs, selector.offsetMs, 'value');
}

/**
 * Evaluates series at every step, or all steps at one time when fixedMs is given. Times are in seconds when they are what
 * is asked for.
 */
export function instantVector(
  ctx: EvaluationContext,
  set: SeriesSet,
  grid: Grid,
  fixedMs: number | null,
  offsetMs: number,
  aspect: SampleAspect,
): VectorValue {
  const series: SeriesColumn[] = [];
  checkSeriesLimit(ctx, set);
  const stepMs = fixedMs === null ? grid.stepMs : 0;
  const firstMs = (fixedMs ?? grid.startMs) - offsetMs;
  const found: (SeriesColumn | undefined)[] = new Array(set.count);
  const order = set.order?.() ?? null;
  for (let k = 0; k < set.count; k++) {
    const s = order === null ? k : order[k]!;
    ctx.budget.checkpoint();
    refuseHistograms(set, s);
    const starts = aspect === 'startTime' ? (set.startTimes?.(s) ?? null) : null;
    const column = newColumn(set.labels(s), false, grid.count);
    const { timesMs, values } = set.borrow?.(s) ?? { timesMs: set.times(s), values: set.values(s) };
    fillColumn(column, timesMs, values, starts, firstMs, stepMs, ctx.lookbackMs, aspect);
    if (column.presentCount === 0) continue;
    ctx.budget.hold(column.presentCount);
    ctx.budget.totalSamples += column.presentCount;
    found[s] = column;
  }
  for (const column of found) if (column !== undefined) series.push(column);
  return { kind: 'vector', series };
}

/**
 * Reads a selector's series into one column after the other, in the order in which they are cheapest to have, and hands it
 * to `visit`: the column is overwritten by the next. They count as held, as those of a vector do.
 */
export function readSelector(
  ctx: EvaluationContext,
  { timestampMs, offsetMs }: VectorSelector,
  set: SeriesSet,
  grid: Grid,
  visit: (series: number, column: SeriesColumn) => void,
): void {
  checkSeriesLimit(ctx, set);
  const stepMs = timestampMs === null ? grid.stepMs : 0;
  const firstMs = (timestampMs ?? grid.startMs) - offsetMs;
  const order = set.order?.() ?? null;
  const column = newColumn(EMPTY_LABELS, false, grid.count);
  for (let k = 0; k < set.count; k++) {
    const s = order === null ? k : order[k]!;
    ctx.budget.checkpoint();
    refuseHistograms(set, s);
    const { timesMs, values } = set.borrow?.(s) ?? { timesMs: set.times(s), values: set.values(s) };
    column.present.fill(0);
    fillColumn(column, timesMs, values, null, firstMs, stepMs, ctx.lookbackMs, 'value');
    if (column.presentCount === 0) continue;
    ctx.budget.hold(column.presentCount);
    ctx.budget.totalSamples += column.presentCount;
    visit(s, column);
  }
}

function fillColumn(
  column: SeriesColumn,
  times: Float64Array,
  values: Float64Array,
  starts: Float64Array | null,
  firstMs: number,
  stepMs: number,
  lookbackMs: number,
  aspect: SampleAspect,
): void {
  const { values: out, present } = column;
  const words = wordsOf(values);
  const end = times.length;
  let next = 0;
  let count = 0;
  let atMs = firstMs;
  for (let i = 0; i < out.length; i++, atMs += stepMs) {
    while (next < end && times[next]! <= atMs) next++;
    const found = next - 1;
    if (found < 0 || times[found]! <= atMs - lookbackMs) continue;
    const value = values[found]!;
    if (Number.isNaN(value) && isStaleAt(words, found)) continue;
    if (aspect === 'value') out[i] = value;
    else if (aspect === 'time') out[i] = times[found]! / 1000;
    else out[i] = starts === null ? 0 : starts[found]! / 1000;
    present[i] = 1;
    count++;
  }
  column.presentCount = count;
}

/** `smoothed` instant selectors: linear between the neighbours within the lookback, else the last sample before. */
function smoothedVector(ctx: EvaluationContext, selector: VectorSelector, set: SeriesSet, grid: Grid): VectorValue {
  const series: SeriesColumn[] = [];
  checkSeriesLimit(ctx, set);
  const { lookbackMs } = ctx;
  for (let s = 0; s < set.count; s++) {
    ctx.budget.checkpoint();
    refuseHistograms(set, s);
    const { times, values } = withoutStale(set.times(s), set.values(s), null);
    const column = newColumn(set.labels(s), false, grid.count);
    let next = 0;
    for (let i = 0; i < grid.count; i++) {
      const atMs = (selector.timestampMs ?? grid.startMs + i * grid.stepMs) - selector.offsetMs;
      while (next < times.length && times[next]! < atMs) next++;
      const hasNext = next < times.length && times[next]! <= atMs + lookbackMs;
      const hasPrevious = next > 0 && times[next - 1]! > atMs - lookbackMs;
      if (hasNext && times[next] === atMs) column.values[i] = values[next]!;
      else if (!hasPrevious) continue;
      else if (!hasNext) column.values[i] = values[next - 1]!;
      else {
        const y1 = values[next - 1]!;
        const t1 = times[next - 1]!;
        column.values[i] = y1 + ((values[next]! - y1) * (atMs - t1)) / (times[next]! - t1);
      }
      column.present[i] = 1;
      column.presentCount++;
    }
    if (column.presentCount === 0) continue;
    ctx.budget.hold(column.presentCount);
    ctx.budget.totalSamples += column.presentCount;
    series.push(column);
  }
  return { kind: 'vector', series };
}

export function checkSeriesLimit(ctx: EvaluationContext, set: SeriesSet): void {
  const { maxSeries } = ctx.budget.limits;
  if (maxSeries > 0 && set.count > maxSeries) {
    throw new VarveError(
      'unprocessable',
      `query selects ${set.count} series, which is more than the limit of ${maxSeries}`,
    );
  }
}

/** The text of the error for native histograms, for those who must tell it from others. */
const HISTOGRAMS_UNSUPPORTED = 'native histograms are not supported yet';

export function refuseHistograms(set: SeriesSet, series: number): void {
  if (set.hasHistograms?.(series)) {
    throw new VarveError('unprocessable', `cannot evaluate ${set.labels(series)}: ${HISTOGRAMS_UNSUPPORTED}`);
  }
}

export interface Points {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly startTimes: Float64Array | null;
}

/** The samples that are no stale markers; the same arrays when there are none. */
export function withoutStale(times: Float64Array, values: Float64Array, startTimes: Float64Array | null): Points {
  const words = wordsOf(values);
  let stale = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]) && isStaleAt(words, i)) stale++;
  }
  if (stale === 0) return { times, values, startTimes };
  const kept = values.length - stale;
  const keptTimes = new Float64Array(kept);
  const keptValues = new Float64Array(kept);
  const keptStarts = startTimes === null ? null : new Float64Array(kept);
  let k = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]) && isStaleAt(words, i)) continue;
    keptTimes[k] = times[i]!;
    keptValues[k] = values[i]!;
    if (keptStarts !== null) keptStarts[k] = startTimes![i]!;
    k++;
  }
  return { times: keptTimes, values: keptValues, startTimes: keptStarts };
}
