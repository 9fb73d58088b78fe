/**
 * At which time info() looks at its info series. When every path of the input that yields a vector goes through selectors
 * with one and the same reference time, the info series are looked at then; otherwise at each evaluation step.
 */
import { type Expr, isSetOperator, valueTypeOf } from './parser/ast.ts';

/** The reference time of an evaluation time t: fixedMs, or t - shiftMs when fixedMs is null. */
export interface ReferenceTime {
  readonly fixedMs: number | null;
  readonly shiftMs: number;
}

/** The common reference time of a prepared expression's selectors, or null when there is no common one. */
export function infoReference(expr: Expr): ReferenceTime | null {
  switch (expr.type) {
    case 'number':
    case 'string':
      return null;
    case 'vectorSelector':
      return referenceOf(expr.timestampMs, expr.offsetMs);
    case 'matrixSelector':
      return infoReference(expr.vector);
    case 'subquery': {
      const inner = infoReference(expr.expr);
      if (inner === null || inner.fixedMs !== null) return inner;
      const outer = referenceOf(expr.timestampMs, expr.offsetMs);
      return outer.fixedMs !== null
        ? { fixedMs: outer.fixedMs - inner.shiftMs, shiftMs: 0 }
        : { fixedMs: null, shiftMs: outer.shiftMs + inner.shiftMs };
    }
    case 'paren':
    case 'unary':
    case 'stepInvariant':
    case 'aggregation':
      return infoReference(expr.expr);
    case 'binary': {
      const sides = [expr.left, expr.right].filter((side) => valueTypeOf(side) === 'vector');
      // `and` and `unless` yield samples of their left side only.
      const yielding = isSetOperator(expr.op) && expr.op !== 'or' ? sides.slice(0, 1) : sides;
      return common(yielding);
    }
    case 'call': {
      const first = expr.func.name === 'info' ? expr.args.slice(0, 1) : expr.args;
      return common(first.filter((arg) => valueTypeOf(arg) === 'vector' || valueTypeOf(arg) === 'matrix'));
    }
  }
}

function referenceOf(timestampMs: number | null, offsetMs: number): ReferenceTime {
  return timestampMs === null ? { fixedMs: null, shiftMs: offsetMs } : { fixedMs: timestampMs - offsetMs, shiftMs: 0 };
}

function common(exprs: readonly Expr[]): ReferenceTime | null {
  let found: ReferenceTime | null = null;
  for (const expr of exprs) {
    const reference = infoReference(expr);
    if (reference === null) return null;
    if (found !== null && (found.fixedMs !== reference.fixedMs || found.shiftMs !== reference.shiftMs)) return null;
    found = reference;
  }
  return found;
}
