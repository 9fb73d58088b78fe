/** and, or, unless: which samples are kept depends on whether the other side has one with the same matching labels. */
import { mergeSameLabels } from './merge.ts';
import type { BinaryExpr } from './parser/ast.ts';
import { countPresent, type Grid, type SeriesColumn, type VectorValue } from './value.ts';
import { signatureFunction } from './vector-matching.ts';

export function evaluateSetOperator(expr: BinaryExpr, left: VectorValue, right: VectorValue, grid: Grid): VectorValue {
  const signatureOf = signatureFunction(expr.matching!);
  switch (expr.op) {
    case 'and':
      return {
        kind: 'vector',
        series: keep(left.series, presenceBySignature(right, signatureOf, grid), signatureOf, 1),
      };
    case 'unless':
      return {
        kind: 'vector',
        series: keep(left.series, presenceBySignature(right, signatureOf, grid), signatureOf, 0),
      };
    default: {
      const added = keep(right.series, presenceBySignature(left, signatureOf, grid), signatureOf, 0);
      return { kind: 'vector', series: mergeSameLabels([...left.series, ...added]) };
    }
  }
}

type SignatureOf = (column: SeriesColumn) => string;

/** Per signature, at which steps some series has a value. */
function presenceBySignature(vector: VectorValue, signatureOf: SignatureOf, grid: Grid): Map<string, Uint8Array> {
  const presence = new Map<string, Uint8Array>();
  for (const column of vector.series) {
    const signature = signatureOf(column);
    let steps = presence.get(signature);
    if (steps === undefined) {
      steps = new Uint8Array(grid.count);
      presence.set(signature, steps);
    }
    for (let i = 0; i < steps.length; i++) steps[i]! |= column.present[i]!;
  }
  return presence;
}

/** Keeps the samples at steps where the other side's presence is `wanted`. */
function keep(
  series: readonly SeriesColumn[],
  presence: ReadonlyMap<string, Uint8Array>,
  signatureOf: SignatureOf,
  wanted: 0 | 1,
): SeriesColumn[] {
  const kept: SeriesColumn[] = [];
  for (const column of series) {
    const other = presence.get(signatureOf(column));
    if (other === undefined) {
      if (wanted === 0) kept.push(column);
      continue;
    }
    const { present } = column;
    for (let i = 0; i < present.length; i++) {
      if (other[i] !== wanted) present[i] = 0;
    }
    column.presentCount = countPresent(present);
    if (column.presentCount > 0) kept.push(column);
  }
  return kept;
}
