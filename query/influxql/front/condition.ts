/**
 * Conditions taken apart: the range of time that a WHERE means, and what is left of it for fields and tags.
 *
 * Comparisons with `time` are always combined as if by AND, whatever stands between them, as InfluxDB does.
 */
import type { BinaryOperator, Expression } from '../ast.ts';
import { parseError } from '../parser/parse-error.ts';
import { printExpression, printTime } from '../print.ts';
import { MAX_NS, MIN_NS } from '../select/time.ts';
import { goTypeName } from './expressions.ts';
import { type ReduceOptions, reduce, reduceExpression } from './reduce.ts';
import { isTimeLike, requireTimeLiteral } from './time-literal.ts';

export interface TimeBounds {
  /** ns since the epoch, inclusive. */
  readonly minNs: bigint;
  readonly maxNs: bigint;
  /** Whether the condition names a bound, or these are the ends of time. */
  readonly hasMin: boolean;
  readonly hasMax: boolean;
}

export interface SplitCondition extends TimeBounds {
  /** Reduced; null when nothing is left. */
  readonly condition: Expression | null;
}

const ALL_TIME: TimeBounds = { minNs: MIN_NS, maxNs: MAX_NS, hasMin: false, hasMax: false };

const NO_VALUES: ReduceOptions = { nowNs: null, timezone: null };

/** Throws `bad_request` for what cannot be a condition, with InfluxDB's messages. */
export function conditionOf(expression: Expression | null, options: ReduceOptions): SplitCondition {
  if (expression === null) return { ...ALL_TIME, condition: null };
  const { condition, ...bounds } = split(expression, options);
  const bare = condition?.kind === 'parentheses' ? condition.inner : condition;
  // Bounds wrap as 64-bit integers do. A condition that always holds is none.
  return {
    ...bounds,
    minNs: BigInt.asIntN(64, bounds.minNs),
    maxNs: BigInt.asIntN(64, bounds.maxNs),
    condition: bare?.kind === 'boolean' && bare.value ? null : bare,
  };
}

function split(node: Expression, options: ReduceOptions): SplitCondition {
  switch (node.kind) {
    case 'binary':
      if (node.operator === 'AND' || node.operator === 'OR') {
        const left = split(node.left, options);
        const right = split(node.right, options);
        return { ...intersect(left, right), condition: combine(node.operator, left.condition, right.condition) };
      }
      if (isTime(node.left)) return { ...boundsOf(node.operator, node.right, options), condition: null };
      if (isTime(node.right)) return { ...boundsOf(mirrored(node.operator), node.left, options), condition: null };
      return { ...ALL_TIME, condition: reduce(node, options) };
    case 'parentheses': {
      const inner = split(node.inner, options);
      if (inner.condition === null) return inner;
      return { ...inner, condition: reduce({ kind: 'parentheses', inner: inner.condition }, NO_VALUES) };
    }
    case 'boolean':
      return { ...ALL_TIME, condition: node };
    default:
      throw parseError(`invalid condition expression: ${printExpression(node)}`);
  }
}

function combine(operator: 'AND' | 'OR', left: Expression | null, right: Expression | null): Expression | null {
  if (left === null || right === null) return left ?? right;
  return reduceOnce({ kind: 'binary', operator, left, right });
}

/** Both sides are reduced already, so only their connection is looked at. */
function reduceOnce(node: Extract<Expression, { kind: 'binary' }>): Expression {
  const { operator, left, right } = node;
  const deciding = operator === 'OR';
  for (const side of [left, right]) if (side.kind === 'boolean' && side.value === deciding) return side;
  if (left.kind === 'boolean') return right;
  return right.kind === 'boolean' ? left : node;
}

function isTime(node: Expression): boolean {
  return node.kind === 'variable' && node.name.toLowerCase() === 'time';
}

/** The range in both. */
function intersect(a: TimeBounds, b: TimeBounds): TimeBounds {
  return {
    minNs: later(a.minNs, b.minNs),
    maxNs: a.maxNs === later(a.maxNs, b.maxNs) ? b.maxNs : a.maxNs,
    hasMin: a.hasMin || b.hasMin,
    hasMax: a.hasMax || b.hasMax,
  };
}

function later(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

function mirrored(operator: BinaryOperator): BinaryOperator {
  switch (operator) {
    case '<':
      return '>';
    case '<=':
      return '>=';
    case '>':
      return '<';
    case '>=':
      return '<=';
    default:
      return operator;
  }
}

/** What `time <operator> value` leaves. */
function boundsOf(operator: BinaryOperator, value: Expression, options: ReduceOptions): TimeBounds {
  const instant = instantOf(value, options);
  switch (operator) {
    case '=':
      return { minNs: instant, maxNs: instant, hasMin: true, hasMax: true };
    case '>':
      return { ...ALL_TIME, minNs: instant + 1n, hasMin: true };
    case '>=':
      return { ...ALL_TIME, minNs: instant, hasMin: true };
    case '<':
      return { ...ALL_TIME, maxNs: instant - 1n, hasMax: true };
    case '<=':
      return { ...ALL_TIME, maxNs: instant, hasMax: true };
    default:
      throw parseError(`invalid time comparison operator: ${operator}`);
  }
}

function instantOf(value: Expression, options: ReduceOptions): bigint {
  if (value.kind === 'string' && isTimeLike(value.value))
    return checked(requireTimeLiteral(value.value, options.timezone));
  const reduced = reduceExpression(value, options);
  switch (reduced.kind) {
    case 'time':
      return checked(reduced.value);
    case 'duration':
    case 'integer':
      return reduced.value;
    case 'number':
      return BigInt.asIntN(64, BigInt(Math.trunc(reduced.value)));
    default:
      throw parseError(`invalid operation: time and ${goTypeName(reduced)} are not compatible`);
  }
}

/** Only what is written as an instant must be one that can be stored. */
function checked(ns: bigint): bigint {
  if (ns > MAX_NS) throw parseError(`time ${wholeSeconds(ns)} overflows time literal`);
  if (ns < MIN_NS + 1n) throw parseError(`time ${wholeSeconds(ns)} underflows time literal`);
  return ns;
}

function wholeSeconds(ns: bigint): string {
  const nano = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return printTime(ns - nano);
}
