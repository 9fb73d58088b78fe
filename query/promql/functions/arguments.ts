/** The arguments of a call, evaluated. The type check has made sure of their types. */
import type { EvaluationContext } from '../context.ts';
import type { Call } from '../parser/ast.ts';
import type { Grid, ScalarValue, VectorValue } from '../value.ts';

export function vectorArg(ctx: EvaluationContext, call: Call, index: number, grid: Grid): VectorValue {
  return ctx.evaluate(call.args[index]!, grid) as VectorValue;
}

/** The steps of a scalar argument; the caller owns the array. */
export function scalarArg(ctx: EvaluationContext, call: Call, index: number, grid: Grid): Float64Array {
  return (ctx.evaluate(call.args[index]!, grid) as ScalarValue).values;
}

export function stringArg(call: Call, index: number): string {
  const arg = call.args[index]!;
  const inner = arg.type === 'stepInvariant' ? arg.expr : arg;
  if (inner.type !== 'string') throw new Error(`BUG: argument ${index} of ${call.func.name} is no string literal`);
  return inner.value;
}
