/** histogram_quantile, histogram_quantiles and histogram_fraction over classic histograms: series with an `le` label. */
import type { EvaluationContext } from '../context.ts';
import { dropMetadata } from '../drop-metadata.ts';
import { BUCKET_LABEL, type Labels } from '../labels.ts';
import { mergeSameLabels } from '../merge.ts';
import { formatOpenMetrics } from '../number-format.ts';
import type { Call, Expr } from '../parser/ast.ts';
import { type Grid, newColumn, type SeriesColumn, type VectorValue } from '../value.ts';
import { scalarArg, stringArg, vectorArg } from './arguments.ts';
import { type Bucket, bucketFraction, bucketQuantile } from './buckets.ts';

/** The bucket series of one histogram. */
interface ClassicHistogram {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly buckets: { readonly upperBound: number; readonly column: SeriesColumn }[];
}

/** Names that are dropped at once are not told. */
function nameInRemarks(ctx: EvaluationContext, labels: Labels): string {
  return ctx.delayedNameRemoval ? labels.metricName : '';
}

function groupHistograms(ctx: EvaluationContext, vector: VectorValue, position: Expr): ClassicHistogram[] {
  const histograms = new Map<string, ClassicHistogram>();
  for (const column of vector.series) {
    const bound = column.labels.get(BUCKET_LABEL);
    const upperBound = parseBound(bound);
    if (upperBound === null) {
      ctx.annotations.badBucketLabel(nameInRemarks(ctx, column.labels), bound, position);
      continue;
    }
    const labels = column.labels.with(BUCKET_LABEL, '');
    let histogram = histograms.get(labels.key);
    if (histogram === undefined) {
      histogram = { labels, dropName: column.dropName, buckets: [] };
      histograms.set(labels.key, histogram);
    }
    histogram.buckets.push({ upperBound, column });
  }
  return [...histograms.values()];
}

/** A bound as Go's ParseFloat reads it, or null: also with underscores between digits and in hexadecimal. */
function parseBound(text: string): number | null {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/(?<![\da-fx])_|_(?![\da-f])/i.test(text)) return null;
  const digits = text.replaceAll('_', '');
  const hexadecimal = /^([+-]?)0x(?=\.?[\da-f])([\da-f]*)\.?([\da-f]*)p([+-]?\d+)$/i.exec(digits);
  let bound: number;
  if (hexadecimal !== null) {
    const [, sign, whole, fraction, exponent] = hexadecimal;
    bound = Number(`0x${whole}${fraction}`) * 2 ** (Number(exponent) - 4 * fraction!.length) * (sign === '-' ? -1 : 1);
  } else if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits)) bound = Number(digits);
  else return null;
  return Number.isFinite(bound) ? bound : null;
}

/** One result column per histogram, computed at the steps where it has buckets. */
function evaluateHistograms(
  ctx: EvaluationContext,
  histograms: readonly ClassicHistogram[],
  grid: Grid,
  labelsOf: (labels: Labels) => Labels,
  compute: (buckets: Bucket[], step: number, labels: Labels) => number,
): SeriesColumn[] {
  const results: SeriesColumn[] = [];
  for (const { labels, buckets } of histograms) {
    ctx.budget.checkpoint();
    const result = newColumn(labels, true, grid.count);
    dropMetadata(ctx, result);
    result.labels = labelsOf(result.labels);
    for (let i = 0; i < grid.count; i++) {
      const found: Bucket[] = [];
      for (const { upperBound, column } of buckets) {
        if (column.present[i] === 1) found.push({ upperBound, count: column.values[i]! });
      }
      if (found.length === 0) continue;
      result.values[i] = compute(found, i, labels);
      result.present[i] = 1;
      result.presentCount++;
    }
    if (result.presentCount > 0) results.push(result);
  }
  return results;
}

function finish(ctx: EvaluationContext, series: SeriesColumn[]): VectorValue {
  return { kind: 'vector', series: ctx.delayedNameRemoval ? series : mergeSameLabels(series) };
}

function warnInvalid(ctx: EvaluationContext, q: Float64Array, position: Expr): void {
  for (let i = 0; i < q.length; i++) {
    if (!(q[i]! >= 0 && q[i]! <= 1)) ctx.annotations.invalidQuantile(q[i]!, position);
  }
}

function quantileColumns(
  ctx: EvaluationContext,
  histograms: readonly ClassicHistogram[],
  q: Float64Array,
  grid: Grid,
  position: Expr,
  labelsOf: (labels: Labels) => Labels,
): SeriesColumn[] {
  return evaluateHistograms(ctx, histograms, grid, labelsOf, (buckets, step, labels) => {
    const { value, forced } = bucketQuantile(q[step]!, buckets);
    if (forced !== null) {
      ctx.annotations.forcedMonotonicity(
        nameInRemarks(ctx, labels),
        forced,
        grid.startMs + step * grid.stepMs,
        position,
      );
    }
    return value;
  });
}

export function histogramQuantile(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const q = scalarArg(ctx, call, 0, grid);
  const input = vectorArg(ctx, call, 1, grid);
  warnInvalid(ctx, q, call.args[0]!);
  const histograms = groupHistograms(ctx, input, call.args[1]!);
  return finish(
    ctx,
    quantileColumns(ctx, histograms, q, grid, call.args[1]!, (labels) => labels),
  );
}

export function histogramQuantiles(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const input = vectorArg(ctx, call, 0, grid);
  const label = stringArg(call, 1);
  const quantiles = call.args.slice(2).map((_, i) => scalarArg(ctx, call, i + 2, grid));
  quantiles.forEach((q, i) => {
    warnInvalid(ctx, q, call.args[i + 2]!);
  });
  const histograms = groupHistograms(ctx, input, call.args[0]!);
  const series: SeriesColumn[] = [];
  for (const q of quantiles) {
    // A quantile that changes from step to step yields one series per value.
    for (const value of new Set(q)) {
      const text = formatOpenMetrics(value + 0);
      const columns = quantileColumns(ctx, histograms, q, grid, call.args[0]!, (labels) => labels.with(label, text));
      for (const column of columns) series.push(...onlyAt(column, q, value));
    }
  }
  return { kind: 'vector', series: mergeSameLabels(series) };
}

/** The column at the steps where the quantile has the value. */
function onlyAt(column: SeriesColumn, q: Float64Array, value: number): SeriesColumn[] {
  for (let i = 0; i < q.length; i++) {
    if (Object.is(q[i], value) || q[i] === value || column.present[i] === 0) continue;
    column.present[i] = 0;
    column.presentCount--;
  }
  return column.presentCount > 0 ? [column] : [];
}

export function histogramFraction(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const lower = scalarArg(ctx, call, 0, grid);
  const upper = scalarArg(ctx, call, 1, grid);
  const input = vectorArg(ctx, call, 2, grid);
  const histograms = groupHistograms(ctx, input, call.args[2]!);
  const series = evaluateHistograms(
    ctx,
    histograms,
    grid,
    (labels) => labels,
    (buckets, step) => bucketFraction(lower[step]!, upper[step]!, buckets),
  );
  return finish(ctx, series);
}
