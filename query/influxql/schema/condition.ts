/**
 * A condition of a statement about the schema, taken apart: the range of time it names and the rest. And the part of the
 * rest that decides over measurements, which InfluxDB separates from what decides over series.
 */
import { VarveError } from '../../../errors/errors.ts';
import type { BinaryNode, Expression } from '../ast.ts';
import { compareBytes } from './byte-order.ts';
import { matcherOf } from './patterns.ts';
import { isSystemName } from './series-sets.ts';

/** Whether a condition says anything of time. */
export function namesTime(expression: Expression | null): boolean {
  if (expression === null) return false;
  switch (expression.kind) {
    case 'variable':
      return expression.name.toLowerCase() === 'time';
    case 'parentheses':
      return namesTime(expression.inner);
    case 'binary':
      return namesTime(expression.left) || namesTime(expression.right);
    default:
      return false;
  }
}

/** Throws for any operator that conditions on tags do not know. */
export function refuseOtherOperators(expression: Expression | null): void {
  if (expression === null) return;
  if (expression.kind === 'parentheses') refuseOtherOperators(expression.inner);
  if (expression.kind !== 'binary') return;
  if (!isTagOperator(expression.operator)) throw new VarveError('bad_request', 'invalid tag comparison operator');
  refuseOtherOperators(expression.left);
  refuseOtherOperators(expression.right);
}

function isTagOperator(operator: BinaryNode['operator']): boolean {
  return isComparison(operator) || operator === 'AND' || operator === 'OR';
}

function isComparison(operator: BinaryNode['operator']): boolean {
  return operator === '=' || operator === '!=' || operator === '=~' || operator === '!~';
}

/**
 * What is left of a condition when only some of its comparisons are kept: AND and OR lose the side that is gone, so that
 * an OR of both kinds becomes an AND of the two parts, as in InfluxDB.
 */
export function keepComparisons(
  expression: Expression | null,
  keep: (comparison: BinaryNode) => boolean,
): Expression | null {
  if (expression === null) return null;
  if (expression.kind === 'parentheses') {
    const inner = keepComparisons(expression.inner, keep);
    return inner === null ? null : { kind: 'parentheses', inner };
  }
  if (expression.kind !== 'binary') return expression;
  if (isComparison(expression.operator)) return keep(expression) ? expression : null;
  if (expression.operator !== 'AND' && expression.operator !== 'OR') return expression;
  const left = keepComparisons(expression.left, keep);
  const right = keepComparisons(expression.right, keep);
  return left !== null && right !== null ? { ...expression, left, right } : (left ?? right);
}

/** Comparisons with `_name`. */
export function isOfMeasurement({ left }: BinaryNode): boolean {
  return left.kind === 'variable' && left.name === '_name';
}

/** Comparisons with a tag, or what may be one. */
export function isOfTag({ left }: BinaryNode): boolean {
  return left.kind === 'variable' && !isSystemName(left.name);
}

/** Measurements of which a tag has some value that passes a test, or has values and none passes. */
export type MeasurementsByTag = (
  key: string,
  test: (value: string) => boolean,
  literal: string | null,
  some: boolean,
) => readonly string[];

/** Names for which a condition holds, among those given, in their order. Texts of errors are InfluxDB's. */
export function filterMeasurements(
  names: readonly string[],
  expression: Expression,
  byTag: MeasurementsByTag,
): readonly string[] {
  if (expression.kind === 'parentheses') return filterMeasurements(names, expression.inner, byTag);
  if (expression.kind !== 'binary') throw new VarveError('bad_request', goSyntax(expression));
  const { operator, left, right } = expression;
  if (operator === 'AND' || operator === 'OR') {
    const first = filterMeasurements(names, left, byTag);
    const second = new Set(filterMeasurements(names, right, byTag));
    if (operator === 'AND') return first.filter((name) => second.has(name));
    return [...new Set([...first, ...second])].sort(compareBytes);
  }
  if (!isComparison(operator)) throw new VarveError('bad_request', 'invalid tag comparison operator');
  if (left.kind !== 'variable') throw new VarveError('bad_request', `left side of '${operator}' must be a tag key`);
  const isRegex = operator === '=~' || operator === '!~';
  if (isRegex && right.kind !== 'regex') {
    throw new VarveError('bad_request', `right side of '${operator}' must be a regular expression`);
  }
  if (!isRegex && right.kind !== 'string') {
    throw new VarveError('bad_request', `right side of '${operator}' must be a tag value string`);
  }
  const literal = right.kind === 'string' ? right.value : null;
  const test = right.kind === 'regex' ? matcherOf(right.pattern) : (text: string) => text === literal;
  const positive = operator === '=' || operator === '=~';
  if (left.name === '_name') return names.filter((name) => test(name) === positive);
  if (isSystemName(left.name)) return [];
  return byTag(left.name, test, literal, positive);
}

/** A node as Go prints it with %#v, which is how InfluxDB says that it cannot use one. */
function goSyntax(expression: Expression): string {
  switch (expression.kind) {
    case 'boolean':
      return `&influxql.BooleanLiteral{Val:${expression.value}}`;
    case 'integer':
      return `&influxql.IntegerLiteral{Val:${expression.value}}`;
    case 'number':
      return `&influxql.NumberLiteral{Val:${expression.value}}`;
    case 'string':
      return `&influxql.StringLiteral{Val:${JSON.stringify(expression.value)}}`;
    case 'variable':
      return `&influxql.VarRef{Val:${JSON.stringify(expression.name)}, Type:0}`;
    default:
      return `invalid condition: ${expression.kind}`;
  }
}
