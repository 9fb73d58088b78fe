/** Binary operators: between scalars, a vector and a scalar, and two vectors. */
import type { EvaluationContext } from './context.ts';
import { dropMetadata } from './drop-metadata.ts';
import { mergeSameLabels } from './merge.ts';
import { type BinaryExpr, isSetOperator } from './parser/ast.ts';
import { arithmeticOf, comparisonOf } from './scalar-operators.ts';
import { evaluateSetOperator } from './set-operators.ts';
import { countPresent, type Grid, type ScalarValue, type Value, type VectorValue } from './value.ts';
import { matchVectors } from './vector-matching.ts';

export function evaluateBinary(ctx: EvaluationContext, expr: BinaryExpr, grid: Grid): Value {
  const left = ctx.evaluate(expr.left, grid);
  const right = ctx.evaluate(expr.right, grid);
  if (left.kind === 'scalar' && right.kind === 'scalar') return scalars(expr, left, right);
  if (left.kind === 'vector' && right.kind === 'scalar') return vectorScalar(ctx, expr, left, right, false);
  if (left.kind === 'scalar' && right.kind === 'vector') return vectorScalar(ctx, expr, right, left, true);
  const before = heldBy(left as VectorValue) + heldBy(right as VectorValue);
  const result = isSetOperator(expr.op)
    ? evaluateSetOperator(expr, left as VectorValue, right as VectorValue, grid)
    : matchVectors(ctx, expr, left as VectorValue, right as VectorValue, grid);
  ctx.budget.hold(heldBy(result));
  ctx.budget.release(before);
  return result;
}

function heldBy(value: VectorValue): number {
  let count = 0;
  for (const column of value.series) count += column.presentCount;
  return count;
}

function scalars(expr: BinaryExpr, left: ScalarValue, right: ScalarValue): ScalarValue {
  const a = left.values;
  const b = right.values;
  const arithmetic = arithmeticOf(expr.op);
  if (arithmetic !== undefined) {
    for (let i = 0; i < a.length; i++) a[i] = arithmetic(a[i]!, b[i]!);
    return left;
  }
  const compare = comparisonOf(expr.op)!;
  for (let i = 0; i < a.length; i++) a[i] = compare(a[i]!, b[i]!) ? 1 : 0;
  return left;
}

/** Changes the vector in place. `swapped`: the scalar stood on the left. */
function vectorScalar(
  ctx: EvaluationContext,
  expr: BinaryExpr,
  vector: VectorValue,
  scalar: ScalarValue,
  swapped: boolean,
): VectorValue {
  const other = scalar.values;
  const arithmetic = arithmeticOf(expr.op);
  const compare = comparisonOf(expr.op);
  if (arithmetic === undefined && compare === undefined) {
    // The trim operators are for histograms only.
    if (vector.series.length > 0) ctx.annotations.incompatibleTypes('float', expr.op, 'float', expr);
    return { kind: 'vector', series: [] };
  }
  for (const column of vector.series) {
    ctx.budget.checkpoint();
    const { values, present } = column;
    if (arithmetic !== undefined) {
      if (swapped) for (let i = 0; i < values.length; i++) values[i] = arithmetic(other[i]!, values[i]!);
      else for (let i = 0; i < values.length; i++) values[i] = arithmetic(values[i]!, other[i]!);
    } else if (expr.returnBool) {
      for (let i = 0; i < values.length; i++) {
        const holds = swapped ? compare!(other[i]!, values[i]!) : compare!(values[i]!, other[i]!);
        values[i] = holds ? 1 : 0;
      }
    } else {
      for (let i = 0; i < values.length; i++) {
        const holds = swapped ? compare!(other[i]!, values[i]!) : compare!(values[i]!, other[i]!);
        if (!holds) present[i] = 0;
      }
      const before = column.presentCount;
      column.presentCount = countPresent(present);
      ctx.budget.release(before - column.presentCount);
    }
    if (arithmetic !== undefined || expr.returnBool) dropMetadata(ctx, column);
  }
  const kept = vector.series.filter((column) => column.presentCount > 0);
  return { kind: 'vector', series: ctx.delayedNameRemoval ? kept : mergeSameLabels(kept) };
}
