/**
 * Reduction: whatever in an expression does not depend on data is computed once.
 */
import type { Expression } from '../ast.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import { MATH_KERNELS } from '../functions/math.ts';
import { isLiteral, mapChildren } from './expressions.ts';
import { foldLiterals } from './fold.ts';

export interface ReduceOptions {
  /** What now() is, ns since the epoch; null leaves it. */
  readonly nowNs: bigint | null;
  /** IANA name of the zone that instants without an offset are in; null is UTC. */
  readonly timezone: string | null;
  /** Compute math functions of literals. InfluxDB does so in fields, not in conditions. Default false. */
  readonly math?: boolean;
}

/** An expression with its constant parts computed, without parentheses around it. Never changes what it is given. */
export function reduceExpression(expression: Expression, options: ReduceOptions): Expression {
  const reduced = reduce(expression, options);
  return reduced.kind === 'parentheses' ? reduced.inner : reduced;
}

/** As `reduceExpression`, with the outer parentheses left. */
export function reduce(node: Expression, options: ReduceOptions): Expression {
  const mapped = mapChildren(node, (child) => reduce(child, options));
  switch (mapped.kind) {
    case 'binary':
      return (
        reduceLogic(mapped) ?? foldLiterals(mapped.operator, mapped.left, mapped.right, options.timezone) ?? mapped
      );
    case 'parentheses':
      return mapped.inner.kind === 'binary' ? mapped : mapped.inner;
    case 'call':
      return reduceCall(mapped, options);
    default:
      return mapped;
  }
}

/** AND and OR of a truth value and anything. */
function reduceLogic({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): Expression | null {
  if (operator !== 'AND' && operator !== 'OR') return null;
  // What decides the result whatever the other side is.
  const deciding = operator === 'OR';
  for (const side of [left, right]) if (side.kind === 'boolean' && side.value === deciding) return side;
  if (left.kind === 'boolean') return right;
  return right.kind === 'boolean' ? left : null;
}

function reduceCall(call: Extract<Expression, { kind: 'call' }>, options: ReduceOptions): Expression {
  if (call.name === 'now' && call.arguments.length === 0 && options.nowNs !== null) {
    return { kind: 'time', value: options.nowNs };
  }
  if (options.math !== true || !call.arguments.every(isLiteral)) return call;
  return computeMath(call.name, call.arguments) ?? call;
}

function computeMath(name: string, list: readonly Expression[]): Expression | null {
  const kernel = MATH_KERNELS.get(name);
  const columns = list.map(columnOf);
  const argumentCount = name === 'atan2' || name === 'pow' || name === 'log' ? 2 : 1;
  if (kernel === undefined || list.length !== argumentCount) return null;
  if (columns.includes(null)) return { kind: 'nil' };
  const result = kernel(columns as ValueColumn[], 1);
  if (result.kind === 'string' || result.present?.[0] === 0) return { kind: 'nil' };
  if (result.kind === 'float') return { kind: 'number', value: result.values[0] };
  const whole = result.wide === null ? BigInt(result.values[0]) : result.wide[0];
  if (result.kind === 'unsigned') return { kind: 'unsigned', value: BigInt.asUintN(64, whole) };
  return { kind: 'integer', value: whole };
}

/** A number as a column of one row; null for what is none. */
function columnOf(node: Expression): ValueColumn | null {
  if (node.kind === 'number') {
    return { kind: 'float', values: Float64Array.of(node.value), wide: null, present: null };
  }
  if (node.kind !== 'integer' && node.kind !== 'unsigned') return null;
  const wide = BigInt64Array.of(BigInt.asIntN(64, node.value));
  return { kind: node.kind, values: Float64Array.of(Number(node.value)), wide, present: null };
}
