/**
 * Filters that say between which values numeric fields must lie, as most do that look at fields: they can be answered by
 * columns and by the statistics of blocks.
 */
import type { BinaryNode, Expression, LiteralNode, VariableNode } from '../ast.ts';

/** Values of a field from `low` to `high`, both inclusive; what is no number is in no range. */
export interface ValueRange {
  readonly field: string;
  readonly kind: 'float' | 'integer';
  readonly low: number;
  readonly high: number;
}

/** The ranges that a filter asks for, all of which must hold; null when it asks for anything else. */
export function rangesOf(filter: Expression): ValueRange[] | null {
  if (filter.kind === 'parentheses') return rangesOf(filter.inner);
  if (filter.kind !== 'binary') return null;
  if (filter.operator === 'AND') {
    const left = rangesOf(filter.left);
    const right = left === null ? null : rangesOf(filter.right);
    return left === null || right === null ? null : [...left, ...right];
  }
  const range = rangeOf(filter);
  return range === null ? null : [range];
}

const MIRRORED = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' } as const;

function rangeOf({ operator, left, right }: BinaryNode): ValueRange | null {
  if (!isMirrored(operator)) return null;
  if (left.kind === 'variable') return rangeFrom(left, operator, right);
  return right.kind === 'variable' ? rangeFrom(right, MIRRORED[operator], left) : null;
}

function isMirrored(operator: string): operator is keyof typeof MIRRORED {
  return operator in MIRRORED;
}

function rangeFrom(
  { name, cast }: VariableNode,
  operator: keyof typeof MIRRORED,
  literal: Expression,
): ValueRange | null {
  if (cast !== 'float' && cast !== 'integer') return null;
  const value = numberOf(literal as LiteralNode);
  if (value === null) return null;
  const low = operator === '>' ? nextAbove(value) : operator === '>=' || operator === '=' ? value : -Infinity;
  const high = operator === '<' ? -nextAbove(-value) : operator === '<=' || operator === '=' ? value : Infinity;
  return { field: name, kind: cast, low, high };
}

/** Null for what doubles cannot be compared with. */
function numberOf(literal: LiteralNode): number | null {
  if (literal.kind === 'number') return Number.isFinite(literal.value) ? literal.value : null;
  if (literal.kind !== 'integer') return null;
  const value = Number(literal.value);
  return Number.isSafeInteger(value) ? value : null;
}

const double = new Float64Array(1);
const bits = new BigInt64Array(double.buffer);

/** The smallest double above a finite one. */
function nextAbove(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  double[0] = value;
  bits[0] += value > 0 ? 1n : -1n;
  return double[0];
}
