/**
 * Aggregations that pick whole samples: topk, bottomk, limitk and limit_ratio. Picked samples keep their labels.
 *
 * topk and bottomk keep a heap of k samples per group and step with the worst on top, exactly as Go's container/heap
 * orders it, so that ties are decided as Prometheus decides them.
 */
import { VarveError } from '../../errors/errors.ts';
import type { EvaluationContext } from './context.ts';
import { type Grouping, groupSeries } from './grouping.ts';
import { hashFraction } from './labels-hash.ts';
import { formatGeneral } from './number-format.ts';
import type { Aggregation } from './parser/ast.ts';
import { largerOf, smallerOf } from './scalar-operators.ts';
import { countPresent, type Grid, type SeriesColumn } from './value.ts';

export function selectK(
  ctx: EvaluationContext,
  expr: Aggregation,
  param: Float64Array,
  series: SeriesColumn[],
  grid: Grid,
): SeriesColumn[] {
  const grouping = groupSeries(series, expr.grouping, expr.without);
  if (expr.op === 'limit_ratio') return limitRatio(ctx, expr, param, series);
  if (!checkCounts(param)) return [];
  const order = pick(ctx, expr, param, series, grouping, grid);
  for (const column of series) {
    column.presentCount = countPresent(column.present);
  }
  // At a single step the picked samples come in order.
  const picked = order === null ? series : order.map((s) => series[s]!);
  return picked.filter((column) => column.presentCount > 0);
}

/** The largest double below 2^63: Prometheus takes no number of samples from there on. */
const MAX_COUNT = 2 ** 63 - 1024;

/** False when no step asks for a sample. */
function checkCounts(param: Float64Array): boolean {
  let least = Number.MAX_VALUE;
  let most = -Number.MAX_VALUE;
  let hasNaN = false;
  for (let i = 0; i < param.length; i++) {
    const k = param[i]!;
    if (Number.isNaN(k)) hasNaN = true;
    least = smallerOf(least, k);
    most = largerOf(most, k);
  }
  if (most < 1) return false;
  if (hasNaN) throw new VarveError('unprocessable', 'Parameter value is NaN');
  if (least <= -(2 ** 63)) {
    throw new VarveError('unprocessable', `Scalar value ${formatGeneral(least)} underflows int64`);
  }
  if (most >= MAX_COUNT) throw new VarveError('unprocessable', `Scalar value ${formatGeneral(most)} overflows int64`);
  return true;
}

/** Clears what is not picked. Returns the order of the picked series when there is only one step. */
function pick(
  ctx: EvaluationContext,
  expr: Aggregation,
  param: Float64Array,
  series: readonly SeriesColumn[],
  grouping: Grouping,
  grid: Grid,
): number[] | null {
  const members: number[][] = grouping.labels.map(() => []);
  for (let s = 0; s < series.length; s++) members[grouping.groupOf[s]!]!.push(s);
  const order: number[] | null = grid.count === 1 ? [] : null;
  const isTop = expr.op === 'topk';
  for (const group of members) {
    for (let i = 0; i < grid.count; i++) {
      if ((i & 31) === 0) ctx.budget.checkpoint();
      const k = Math.min(Math.trunc(param[i]!), series.length);
      let kept: number[] = [];
      if (k >= 1) {
        if (expr.op === 'limitk') {
          for (let m = 0; m < group.length && kept.length < k; m++) {
            if (series[group[m]!]!.present[i] === 1) kept.push(group[m]!);
          }
        } else {
          const { places, values } = presentAt(series, group, i);
          kept = extremes(values, k, isTop, order !== null).map((m) => places[m]!);
        }
      }
      if (kept.length < group.length) keepOnly(series, group, i, kept);
      if (order !== null) order.push(...kept);
    }
  }
  return order;
}

function keepOnly(
  series: readonly SeriesColumn[],
  group: readonly number[],
  step: number,
  kept: readonly number[],
): void {
  for (const s of group) series[s]!.present[step]! <<= 1;
  for (const s of kept) series[s]!.present[step] = 1;
  for (const s of group) if (series[s]!.present[step] !== 1) series[s]!.present[step] = 0;
}

/** The members of a group that have a value at a step, and the values. */
function presentAt(series: readonly SeriesColumn[], group: readonly number[], step: number) {
  const places = new Int32Array(group.length);
  const values = new Float64Array(group.length);
  let n = 0;
  for (const s of group) {
    if (series[s]!.present[step] === 0) continue;
    places[n] = s;
    values[n++] = series[s]!.values[step]!;
  }
  return { places, values: values.subarray(0, n) };
}

/** The aggregations that pick by value or place alone. */
export const PICKS: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk']);

/** What one of PICKS picks of the values of one step, in order. */
export function pickValues(op: string, param: Float64Array, values: Float64Array): number[] {
  if (!checkCounts(param)) return [];
  const k = Math.min(Math.trunc(param[0]!), values.length);
  if (k < 1) return [];
  return op === 'limitk' ? Array.from({ length: k }, (_, i) => i) : extremes(values, k, op === 'topk', true);
}

/** The places of the k largest (or smallest) values, best first when `sorted`; NaN is the worst of all. */
function extremes(values: Float64Array, k: number, isTop: boolean, sorted: boolean): number[] {
  const heap: number[] = [];
  // Whether sample a is worse than b, that is nearer to the heap's top.
  const worse = (a: number, b: number) => {
    const va = values[a]!;
    if (Number.isNaN(va)) return true;
    return isTop ? va < values[b]! : va > values[b]!;
  };
  for (let s = 0; s < values.length; s++) {
    if (heap.length < k) {
      heap.push(s);
      siftUp(heap, worse);
      continue;
    }
    const worst = values[heap[0]!]!;
    const value = values[s]!;
    const better = isTop ? worst < value : worst > value;
    if (better || (Number.isNaN(worst) && !Number.isNaN(value))) {
      heap[0] = s;
      if (k > 1) siftDown(heap, worse);
    }
  }
  if (sorted) {
    heap.sort((a, b) => {
      const va = values[a]!;
      const vb = values[b]!;
      if (Number.isNaN(va) || Number.isNaN(vb)) return (Number.isNaN(va) ? 1 : 0) - (Number.isNaN(vb) ? 1 : 0);
      return isTop ? vb - va || 0 : va - vb || 0;
    });
  }
  return heap;
}

function siftUp(heap: number[], worse: (a: number, b: number) => boolean): void {
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!worse(heap[at]!, heap[parent]!)) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function siftDown(heap: number[], worse: (a: number, b: number) => boolean): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) return;
    if (child + 1 < heap.length && worse(heap[child + 1]!, heap[child]!)) child++;
    if (!worse(heap[child]!, heap[at]!)) return;
    swap(heap, at, child);
    at = child;
  }
}

function swap(heap: number[], a: number, b: number): void {
  const kept = heap[a]!;
  heap[a] = heap[b]!;
  heap[b] = kept;
}

/** Keeps the series whose hash falls into the ratio; a negative ratio keeps the complement. */
function limitRatio(
  ctx: EvaluationContext,
  expr: Aggregation,
  param: Float64Array,
  series: SeriesColumn[],
): SeriesColumn[] {
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < param.length; i++) {
    if (Number.isNaN(param[i])) throw new VarveError('unprocessable', 'Ratio value is NaN');
    if (param[i]! < least) least = param[i]!;
    if (param[i]! > most) most = param[i]!;
  }
  if (least === 0 && most === 0) return [];
  if (most > 1) ctx.annotations.invalidRatio(most, 1, expr.param!);
  if (least < -1) ctx.annotations.invalidRatio(least, -1, expr.param!);
  for (const column of series) {
    ctx.budget.checkpoint();
    const fraction = hashFraction(column.labels);
    for (let i = 0; i < param.length; i++) {
      const ratio = Math.max(-1, Math.min(1, param[i]!));
      const kept = ratio > 0 ? fraction < ratio : ratio < 0 && fraction >= 1 + ratio;
      if (!kept) column.present[i] = 0;
    }
    column.presentCount = countPresent(column.present);
  }
  return series.filter((column) => column.presentCount > 0);
}
