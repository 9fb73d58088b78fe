/** Sets what time a SELECT covers, in place of what its condition says of time. */
import type { Expression, SelectStatement } from '../ast.ts';

const TRUE: Expression = { kind: 'boolean', value: true };

/** The statement over `start` to before `end`, ns since the epoch. */
export function withTimeRange(statement: SelectStatement, start: bigint, end: bigint): SelectStatement {
  const range = and(timeIs('>=', start), timeIs('<', end));
  const rest = statement.condition === null ? null : withoutTime(statement.condition);
  const condition = rest === null ? range : and({ kind: 'parentheses', inner: rest }, range);
  return { ...statement, condition };
}

/** What is left of a condition without comparisons of time; null when that is nothing. */
function withoutTime(node: Expression): Expression | null {
  if (node.kind === 'parentheses') {
    const inner = withoutTime(node.inner);
    return inner === null ? null : { ...node, inner };
  }
  if (node.kind !== 'binary') return node;
  if (node.operator === 'AND' || node.operator === 'OR') {
    const left = withoutTime(node.left);
    const right = withoutTime(node.right);
    if (node.operator === 'AND') return left === null ? right : right === null ? left : { ...node, left, right };
    return left === null && right === null ? null : { ...node, left: left ?? TRUE, right: right ?? TRUE };
  }
  return isTime(node.left) || isTime(node.right) ? null : node;
}

function isTime(node: Expression): boolean {
  return node.kind === 'variable' && node.name.toLowerCase() === 'time';
}

function timeIs(operator: '>=' | '<', value: bigint): Expression {
  const left: Expression = { kind: 'variable', name: 'time', cast: null };
  return { kind: 'binary', operator, left, right: { kind: 'time', value } };
}

function and(left: Expression, right: Expression): Expression {
  return { kind: 'binary', operator: 'AND', left, right };
}
