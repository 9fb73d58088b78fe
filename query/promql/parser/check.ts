/**
 * The type checker: which node may stand where, with Prometheus' error texts. It also settles what the grammar left
 * open: the cardinality of set operators, and that no vector matching is kept when a side is a scalar.
 */
import { compileMatcher, METRIC_NAME } from '../matcher.ts';
import {
  type BinaryExpr,
  type Call,
  type Expr,
  isComparison,
  isSetOperator,
  type ValueType,
  type VectorSelector,
  valueTypeOf,
} from './ast.ts';
import { isSpace } from './lexer.ts';
import { parseError } from './parse-error.ts';
import { quote } from './token.ts';

/** A type as messages call it. */
function documentedType(type: ValueType): string {
  if (type === 'vector') return 'instant vector';
  if (type === 'matrix') return 'range vector';
  return type;
}

/** Throws the first type error of the tree (VarveError, `bad_request`). */
export function checkTypes(query: string, root: Expr): void {
  const fail = (at: number, message: string): never => {
    throw parseError(query, at, message);
  };

  const expectType = (expr: Expr, wanted: ValueType, context: string) => {
    const type = check(expr);
    if (type !== wanted) {
      fail(expr.start, `expected type ${documentedType(wanted)} in ${context}, got ${documentedType(type)}`);
    }
  };

  function check(expr: Expr): ValueType {
    switch (expr.type) {
      case 'aggregation':
        expectType(expr.expr, 'vector', 'aggregation expression');
        if (expr.param !== null) {
          expectType(expr.param, expr.op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter');
        }
        break;
      case 'binary':
        checkBinary(expr);
        break;
      case 'call':
        checkCall(expr);
        break;
      case 'paren':
      case 'stepInvariant':
        check(expr.expr);
        break;
      case 'unary': {
        const type = check(expr.expr);
        if (type !== 'scalar' && type !== 'vector') {
          const got = quote(documentedType(type));
          fail(expr.start, `unary expression only allowed on expressions of type scalar or instant vector, got ${got}`);
        }
        break;
      }
      case 'subquery': {
        const type = check(expr.expr);
        if (type !== 'vector') fail(expr.start, `subquery is only allowed on instant vector, got ${type} instead`);
        break;
      }
      case 'matrixSelector':
        check(expr.vector);
        break;
      case 'vectorSelector':
        checkSelector(expr);
        break;
      case 'number':
      case 'string':
        break;
    }
    return valueTypeOf(expr);
  }

  function checkBinary(expr: BinaryExpr): void {
    const left = check(expr.left);
    const right = check(expr.right);
    const opStart = () => {
      let at = expr.left.end;
      while (isSpace(query[at] ?? '')) at++;
      return at;
    };
    const { op, matching } = expr;
    if (expr.returnBool && !isComparison(op)) {
      fail(opStart(), 'bool modifier can only be used on comparison operators');
    }
    if (isComparison(op) && !expr.returnBool && left === 'scalar' && right === 'scalar') {
      fail(opStart(), 'comparisons between scalars must use BOOL modifier');
    }
    if (matching !== null) {
      if (isSetOperator(op) && matching.card === 'one-to-one') matching.card = 'many-to-many';
      for (const label of matching.labels) {
        if (matching.on && matching.include.includes(label)) {
          fail(opStart(), `label ${quote(label)} must not occur in ON and GROUP clause at once`);
        }
      }
    }
    if (left !== 'scalar' && left !== 'vector') {
      fail(expr.left.start, 'binary expression must contain only scalar and instant vector types');
    }
    if (right !== 'scalar' && right !== 'vector') {
      fail(expr.right.start, 'binary expression must contain only scalar and instant vector types');
    }
    if (matching !== null) {
      const filled = matching.fillLeft !== null || matching.fillRight !== null;
      if (left !== 'vector' || right !== 'vector') {
        if (matching.labels.length > 0) fail(expr.start, 'vector matching only allowed between instant vectors');
        if (filled) fail(expr.start, 'filling in missing series only allowed between instant vectors');
        expr.matching = null;
      } else if (isSetOperator(op)) {
        if (matching.card === 'one-to-many' || matching.card === 'many-to-one') {
          fail(expr.start, `no grouping allowed for ${quote(op)} operation`);
        }
        if (filled) fail(expr.start, 'filling in missing series not allowed for set operators');
      }
    }
    if ((left === 'scalar' || right === 'scalar') && isSetOperator(op)) {
      fail(expr.start, `set operator ${quote(op)} not allowed in binary scalar expression`);
    }
  }

  function checkCall(expr: Call): void {
    const { func, args } = expr;
    const name = quote(func.name);
    const wanted = func.args.length;
    if (func.variadic === 0) {
      if (wanted !== args.length) {
        fail(expr.start, `expected ${wanted} argument(s) in call to ${name}, got ${args.length}`);
      }
    } else {
      const least = wanted - 1;
      const most = least + func.variadic;
      if (least > args.length) {
        fail(expr.start, `expected at least ${least} argument(s) in call to ${name}, got ${args.length}`);
      } else if (func.variadic > 0 && most < args.length) {
        fail(expr.start, `expected at most ${most} argument(s) in call to ${name}, got ${args.length}`);
      }
    }
    if (func.name === 'info' && args.length > 1) checkInfoSelector(expr, args[1]!);
    for (let i = 0; i < args.length; i++) {
      const type = func.args[Math.min(i, wanted - 1)]!;
      expectType(args[i]!, type, `call to function ${name}`);
    }
  }

  function checkInfoSelector(call: Call, selector: Expr): void {
    const type = valueTypeOf(selector);
    if (type !== 'vector') {
      fail(call.start, `expected type instant vector in call to function "info", got ${documentedType(type)}`);
    }
    if (selector.type !== 'vectorSelector') {
      fail(selector.start, 'expected label selectors only');
    } else {
      if (selector.name !== '') fail(selector.start, 'expected label selectors only, got vector selector instead');
      selector.mayMatchEmpty = true;
    }
  }

  function checkSelector(selector: VectorSelector): void {
    if (selector.name !== '') {
      for (const matcher of selector.matchers.slice(0, -1)) {
        if (matcher.name === METRIC_NAME) {
          fail(selector.start, `metric name must not be set twice: ${quote(selector.name)} or ${quote(matcher.value)}`);
        }
      }
      return;
    }
    if (selector.mayMatchEmpty) return;
    if (!selector.matchers.some((matcher) => !compileMatcher(matcher)(''))) {
      fail(selector.start, 'vector selector must contain at least one non-empty matcher');
    }
  }

  check(root);
}
