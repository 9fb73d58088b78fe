/**
 * Walking over expressions and rebuilding them.
 */
import type { Expression } from '../ast.ts';

/** What an expression consists of directly. */
export function childrenOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case 'call':
      return node.arguments;
    case 'binary':
      return [node.left, node.right];
    case 'parentheses':
      return [node.inner];
    default:
      return [];
  }
}

/** Whether an expression or anything in it is so. */
export function someExpression(node: Expression, is: (node: Expression) => boolean): boolean {
  if (is(node)) return true;
  for (const child of childrenOf(node)) if (someExpression(child, is)) return true;
  return false;
}

/** The same with other children; the node itself where all are the same. */
export function mapChildren(node: Expression, map: (child: Expression) => Expression): Expression {
  switch (node.kind) {
    case 'call': {
      const list = node.arguments.map(map);
      return list.every((each, i) => each === node.arguments[i]) ? node : { ...node, arguments: list };
    }
    case 'binary': {
      const left = map(node.left);
      const right = map(node.right);
      return left === node.left && right === node.right ? node : { ...node, left, right };
    }
    case 'parentheses': {
      const inner = map(node.inner);
      return inner === node.inner ? node : { ...node, inner };
    }
    default:
      return node;
  }
}

/** Whether an expression is a value by itself. */
export function isLiteral(node: Expression): boolean {
  switch (node.kind) {
    case 'number':
    case 'integer':
    case 'unsigned':
    case 'string':
    case 'boolean':
    case 'duration':
    case 'time':
    case 'nil':
    case 'regex':
      return true;
    default:
      return false;
  }
}

/** The Go type of a node: messages of InfluxDB name it. */
export function goTypeName(node: Expression): string {
  return `*influxql.${GO_NAMES[node.kind]}`;
}

const GO_NAMES: Readonly<Record<Expression['kind'], string>> = {
  variable: 'VarRef',
  call: 'Call',
  binary: 'BinaryExpr',
  parentheses: 'ParenExpr',
  wildcard: 'Wildcard',
  distinct: 'Distinct',
  regex: 'RegexLiteral',
  number: 'NumberLiteral',
  integer: 'IntegerLiteral',
  unsigned: 'UnsignedLiteral',
  string: 'StringLiteral',
  boolean: 'BooleanLiteral',
  duration: 'DurationLiteral',
  time: 'TimeLiteral',
  nil: 'NilLiteral',
};
