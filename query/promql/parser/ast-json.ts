/** The syntax tree in the shape of /api/v1/parse_query. */
import type { LabelMatcher } from '../matcher.ts';
import { formatPlain } from '../number-format.ts';
import type { DurationNode, Expr, Subquery, VectorSelector } from './ast.ts';

export type JsonTree = { readonly [key: string]: unknown };

export function treeToJson(expr: Expr): JsonTree {
  switch (expr.type) {
    case 'number':
      return { type: 'numberLiteral', val: formatPlain(expr.value) };
    case 'string':
      return { type: 'stringLiteral', val: expr.value };
    case 'vectorSelector':
      return { type: 'vectorSelector', ...selectorJson(expr) };
    case 'matrixSelector':
      return {
        type: 'matrixSelector',
        ...selectorJson(expr.vector),
        range: expr.rangeMs,
        rangeExpr: durationJson(expr.rangeExpr),
      };
    case 'subquery':
      return {
        type: 'subquery',
        expr: treeToJson(expr.expr),
        range: expr.rangeMs,
        rangeExpr: durationJson(expr.rangeExpr),
        offset: expr.offsetMs,
        offsetExpr: durationJson(expr.offsetExpr),
        step: expr.stepMs,
        stepExpr: durationJson(expr.stepExpr),
        ...atJson(expr),
      };
    case 'call': {
      const { name, args, variadic, returns } = expr.func;
      return {
        type: 'call',
        func: { name, argTypes: args, variadic, returnType: returns },
        args: expr.args.map(treeToJson),
      };
    }
    case 'aggregation':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: treeToJson(expr.expr),
        param: expr.param === null ? null : treeToJson(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      };
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: treeToJson(expr.expr) };
    case 'binary': {
      const matching = expr.matching;
      return {
        type: 'binaryExpr',
        op: expr.op,
        lhs: treeToJson(expr.left),
        rhs: treeToJson(expr.right),
        matching:
          matching === null
            ? null
            : {
                card: matching.card,
                labels: matching.labels,
                on: matching.on,
                include: matching.include,
                fillValues: { lhs: matching.fillLeft, rhs: matching.fillRight },
              },
        bool: expr.returnBool,
      };
    }
    case 'paren':
      return { type: 'parenExpr', expr: treeToJson(expr.expr) };
    case 'stepInvariant':
      return treeToJson(expr.expr);
  }
}

function selectorJson(selector: VectorSelector): JsonTree {
  return {
    name: selector.name,
    offset: selector.offsetMs,
    offsetExpr: durationJson(selector.offsetExpr),
    matchers: selector.matchers.map(matcherJson),
    anchored: selector.anchored,
    smoothed: selector.smoothed,
    ...atJson(selector),
  };
}

/** Arithmetic over durations: words are operators without operands, and signs have only the right one. */
function durationJson(node: DurationNode | null): JsonTree | null {
  if (node === null) return null;
  if (node.type === 'number') return { type: 'numberLiteral', val: formatPlain(node.value), duration: node.duration };
  const type = 'durationExpr';
  const { wrapped } = node;
  if (node.type === 'durationWord') return { type, op: node.word, lhs: null, rhs: null, wrapped };
  const op = node.type === 'durationOp' ? node.op : node.word;
  return { type, op, lhs: durationJson(node.left), rhs: durationJson(node.right), wrapped };
}

function matcherJson({ name, op, value }: LabelMatcher): JsonTree {
  return { name, value, type: op };
}

function atJson({ timestampMs, startOrEnd }: VectorSelector | Subquery): JsonTree {
  return { timestamp: timestampMs, startOrEnd };
}
