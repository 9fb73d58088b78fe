/** The sort functions; they order the result of an instant query, and do nothing for a range query. */
import type { EvaluationContext } from '../context.ts';
import { compareLabels, compareText } from '../labels.ts';
import type { Call } from '../parser/ast.ts';
import type { Grid, VectorValue } from '../value.ts';
import { stringArg, vectorArg } from './arguments.ts';

export function sortByValue(ctx: EvaluationContext, call: Call, grid: Grid, descending: boolean): VectorValue {
  const vector = vectorArg(ctx, call, 0, grid);
  if (grid.endMs !== grid.startMs) {
    ctx.annotations.sortInRangeQuery(call);
    return vector;
  }
  // NaN comes last either way.
  vector.series.sort((a, b) => {
    const va = a.values[0]!;
    const vb = b.values[0]!;
    if (Number.isNaN(va) || Number.isNaN(vb)) return (Number.isNaN(va) ? 1 : 0) - (Number.isNaN(vb) ? 1 : 0);
    if (va === vb) return 0;
    return va < vb === descending ? 1 : -1;
  });
  return vector;
}

export function sortByLabel(ctx: EvaluationContext, call: Call, grid: Grid, descending: boolean): VectorValue {
  const vector = vectorArg(ctx, call, 0, grid);
  if (grid.endMs !== grid.startMs) {
    ctx.annotations.sortInRangeQuery(call);
    return vector;
  }
  const names = call.args.slice(1).map((_, i) => stringArg(call, i + 1));
  const sign = descending ? -1 : 1;
  vector.series.sort((a, b) => {
    for (const name of names) {
      const va = a.labels.get(name);
      const vb = b.labels.get(name);
      if (va !== vb) return naturallyBefore(va, vb) ? -sign : sign;
    }
    return sign * compareLabels(a.labels, b.labels);
  });
  return vector;
}

const CHUNKS = /\d+|\D+/g;

/** Natural order: runs of digits compare as numbers. */
function naturallyBefore(a: string, b: string): boolean {
  const chunksA = a.match(CHUNKS) ?? [''];
  const chunksB = b.match(CHUNKS) ?? [''];
  for (let i = 0; i < chunksA.length; i++) {
    if (i >= chunksB.length) return false;
    const chunkA = chunksA[i]!;
    const chunkB = chunksB[i]!;
    const order = compareChunks(chunkA, chunkB);
    if (order !== 0) return order < 0;
    if (i === chunksA.length - 1) return true;
    if (i === chunksB.length - 1) return false;
  }
  return false;
}

function compareChunks(a: string, b: string): number {
  if (a >= '0' && a < ':' && b >= '0' && b < ':') return Number(a) - Number(b);
  return compareText(a, b);
}
