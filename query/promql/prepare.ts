/**
 * Turns a parsed tree into one that can be evaluated for given times:
 * 1. start(), end(), range() and step() become numbers, duration arithmetic becomes durations;
 * 2. `@ start()` and `@ end()` become timestamps;
 * 3. parentheses around arguments go, so that a function sees the selector or string itself;
 * 4. what has the same value at every step is wrapped to be evaluated once.
 * The parsed tree stays as it is: all nodes are copied.
 */
import { VarveError } from '../../errors/errors.ts';
import { infoReference } from './info-reference.ts';
import type { Call, DurationNode, Expr, MatrixSelector, Subquery, VectorSelector } from './parser/ast.ts';
import { unwrapParens } from './parser/ast.ts';

/** The times of the whole query; stepMs is 0 for an instant query. */
export interface QueryTimes {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

interface Prepared {
  readonly expr: Expr;
  readonly invariant: boolean;
  /** Whether it has to be wrapped when the parent is not step-invariant; literals and range selectors need not. */
  readonly wrap: boolean;
}

/** Functions whose value changes with the evaluation time even when their arguments do not. */
const TIME_DEPENDENT: ReadonlySet<string> = new Set([
  'days_in_month',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'hour',
  'minute',
  'month',
  'year',
  'predict_linear',
  'time',
  'timestamp',
]);

export function prepareExpression(expr: Expr, times: QueryTimes): Expr {
  const prepared = prepare(expr, times);
  return prepared.wrap && prepared.invariant ? invariantOf(prepared.expr) : prepared.expr;
}

function invariantOf(expr: Expr): Expr {
  return { type: 'stepInvariant', expr, start: expr.start, end: expr.end };
}

function prepare(expr: Expr, times: QueryTimes): Prepared {
  switch (expr.type) {
    case 'number':
    case 'string':
      return { expr, invariant: true, wrap: false };
    case 'vectorSelector': {
      const selector = prepareSelector(expr, times);
      const fixed = selector.timestampMs !== null;
      return { expr: selector, invariant: fixed, wrap: fixed };
    }
    case 'matrixSelector': {
      const vector = prepareSelector(expr.vector, times);
      const node: MatrixSelector = { ...expr, vector };
      if (node.rangeExpr !== null) node.rangeMs = resolveDuration(node.rangeExpr, times, false);
      return { expr: node, invariant: vector.timestampMs !== null, wrap: false };
    }
    case 'subquery':
      return prepareSubquery(expr, times);
    case 'paren':
    case 'unary': {
      const inner = prepare(expr.expr, times);
      return { expr: { ...expr, expr: inner.expr }, invariant: inner.invariant, wrap: inner.wrap };
    }
    case 'stepInvariant':
      return prepare(expr.expr, times);
    case 'aggregation': {
      const inner = prepare(unwrapParens(expr.expr), times);
      const param = expr.param === null ? null : prepare(unwrapParens(expr.param), times).expr;
      return { expr: { ...expr, expr: inner.expr, param }, invariant: inner.invariant, wrap: inner.wrap };
    }
    case 'binary': {
      const left = prepare(expr.left, times);
      const right = prepare(expr.right, times);
      if (left.invariant && right.invariant) {
        return { expr: { ...expr, left: left.expr, right: right.expr }, invariant: true, wrap: true };
      }
      return {
        expr: { ...expr, left: wrapIf(left), right: wrapIf(right) },
        invariant: false,
        wrap: false,
      };
    }
    case 'call':
      return prepareCall(expr, times);
  }
}

function wrapIf(prepared: Prepared): Expr {
  return prepared.wrap ? invariantOf(prepared.expr) : prepared.expr;
}

function prepareCall(call: Call, times: QueryTimes): Prepared {
  const constant = queryConstant(call.func.name, times);
  if (constant !== null) {
    const { start, end } = call;
    return { expr: { type: 'number', value: constant, duration: false, start, end }, invariant: true, wrap: false };
  }
  // The second argument of info() is only a set of matchers and is never evaluated.
  const args = call.args.map((arg, i) => {
    const inner = unwrapParens(arg);
    return call.func.name === 'info' && i === 1 ? { expr: inner, invariant: true, wrap: false } : prepare(inner, times);
  });
  const plain: Call = { ...call, args: args.map((arg) => arg.expr) };
  let invariant = !TIME_DEPENDENT.has(call.func.name) && args.every((arg) => arg.invariant);
  // info() looks up other series at the times of its input; it is constant only when there is one such time.
  if (invariant && call.func.name === 'info') invariant = infoReference(plain.args[0]!)?.fixedMs != null;
  if (invariant) return { expr: plain, invariant: true, wrap: true };
  return { expr: { ...call, args: args.map(wrapIf) }, invariant: false, wrap: false };
}

function queryConstant(name: string, times: QueryTimes): number | null {
  switch (name) {
    case 'start':
      return times.startMs / 1000;
    case 'end':
      return times.endMs / 1000;
    case 'range':
      return (times.endMs - times.startMs) / 1000;
    case 'step':
      return times.stepMs / 1000;
    default:
      return null;
  }
}

function prepareSelector(selector: VectorSelector, times: QueryTimes): VectorSelector {
  const node = { ...selector };
  if (node.offsetExpr !== null) node.offsetMs = resolveDuration(node.offsetExpr, times, true);
  if (node.startOrEnd === 'start') node.timestampMs = times.startMs;
  else if (node.startOrEnd === 'end') node.timestampMs = times.endMs;
  return node;
}

function prepareSubquery(subquery: Subquery, times: QueryTimes): Prepared {
  const node = { ...subquery };
  const inner = prepare(node.expr, times);
  node.expr = inner.invariant ? invariantOf(inner.expr) : inner.expr;
  if (node.offsetExpr !== null) node.offsetMs = resolveDuration(node.offsetExpr, times, true);
  if (node.rangeExpr !== null) node.rangeMs = resolveDuration(node.rangeExpr, times, false);
  if (node.stepExpr !== null) node.stepMs = resolveDuration(node.stepExpr, times, false);
  if (node.startOrEnd === 'start') node.timestampMs = times.startMs;
  else if (node.startOrEnd === 'end') node.timestampMs = times.endMs;
  const fixed = node.timestampMs !== null;
  return { expr: node, invariant: fixed, wrap: fixed };
}

/** The ms of a duration expression. Throws `bad_request` when it has none. */
function resolveDuration(expr: DurationNode, times: QueryTimes, mayBeNegative: boolean): number {
  const seconds = durationSeconds(expr, times);
  if (!Number.isFinite(seconds)) failDuration(expr, 'duration is NaN or infinite');
  if (seconds <= 0 && !mayBeNegative) failDuration(expr, 'duration must be greater than 0');
  if (Math.abs(seconds) >= 2 ** 63 / 1e9) failDuration(expr, 'duration is out of range');
  return Math.trunc(seconds * 1000);
}

/** Prometheus names the first character and the one behind the last, counted from 0. */
function failDuration({ start, end }: DurationNode, problem: string): never {
  throw new VarveError('bad_request', `${start}:${end}: ${problem}`);
}

function durationSeconds(expr: DurationNode, times: QueryTimes): number {
  switch (expr.type) {
    case 'number':
      return expr.value;
    case 'durationWord':
      return expr.word === 'step' ? times.stepMs / 1000 : (times.endMs - times.startMs) / 1000;
    case 'durationPick': {
      const left = durationSeconds(expr.left, times);
      const right = durationSeconds(expr.right, times);
      return expr.word === 'min_of' ? Math.min(left, right) : Math.max(left, right);
    }
    case 'durationOp': {
      const right = durationSeconds(expr.right, times);
      if (expr.left === null) return expr.op === '-' ? -right : right;
      const left = durationSeconds(expr.left, times);
      switch (expr.op) {
        case '+':
          return left + right;
        case '-':
          return left - right;
        case '*':
          return left * right;
        case '/':
          if (right === 0) failDuration(expr, 'division by zero');
          return left / right;
        case '%':
          if (right === 0) failDuration(expr, 'modulo by zero');
          return left % right;
        case '^':
          return left ** right;
      }
    }
  }
}
