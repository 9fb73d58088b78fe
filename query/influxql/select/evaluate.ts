/**
 * Expressions over columns: arithmetic, comparisons and logic, with InfluxQL's rules for types and nulls.
 *
 * - Floats and integers mix as floats; integers wrap at 64 bits; division by zero gives zero.
 * - A null operand makes arithmetic null and comparisons false; in AND and OR beside a boolean it counts as false.
 * - What types do not allow is null, and false as a comparison.
 *
 * Columns of narrow integers are computed with doubles, and anew with bigints when a result turns out too large for them.
 */
import type { BinaryNode, BinaryOperator, CallNode, Expression, VariableNode } from '../ast.ts';
import { bigintAt, columnWriter, wrap } from '../functions/column.ts';
import type { FieldKind, ValueColumn } from '../functions/kernel.ts';
import type { NumberColumn, TextColumn } from '../result.ts';
import { matcherOf } from '../schema/patterns.ts';
import { constantColumn, hasNulls, isNull, numberColumn } from './column.ts';

export interface Scope {
  readonly rows: number;
  /** The column of a variable or of a call that was computed already; null is nothing but nulls, of any type. */
  column(node: VariableNode | CallNode): ValueColumn | null;
  /** A math function of columns; its operands may be null as above. */
  math(name: string, operands: readonly (ValueColumn | null)[], rows: number): ValueColumn | null;
  isMath(name: string): boolean;
  /** Whether a quotient of integers is a float: so among the fields of a SELECT, not in its WHERE. */
  readonly integersDivideAsFloats: boolean;
  /** Whether a null beside a boolean counts as false when they are compared: so of a subquery's rows, not of stored ones. */
  readonly nullIsFalse: boolean;
}

/** The column of an expression; null is nothing but nulls. */
export function evaluate(expression: Expression, scope: Scope): ValueColumn | null {
  switch (expression.kind) {
    case 'variable':
      return scope.column(expression);
    case 'call':
      if (!scope.isMath(expression.name)) return scope.column(expression);
      return scope.math(
        expression.name,
        expression.arguments.map((argument) => evaluate(argument, scope)),
        scope.rows,
      );
    case 'parentheses':
      return evaluate(expression.inner, scope);
    case 'binary':
      return binary(expression, scope);
    case 'number':
      return constantColumn('float', expression.value, scope.rows);
    case 'integer':
      return constantColumn('integer', expression.value, scope.rows);
    case 'unsigned':
      return constantColumn('unsigned', expression.value, scope.rows);
    case 'string':
      return constantColumn('string', expression.value, scope.rows);
    case 'boolean':
      return constantColumn('boolean', expression.value, scope.rows);
    default:
      return null;
  }
}

/** For each row, 1 where a condition holds; null is not. */
export function evaluateCondition(expression: Expression, scope: Scope): Uint8Array {
  const { rows } = scope;
  const holds = new Uint8Array(rows);
  const column = evaluate(expression, scope);
  if (column === null || column.kind !== 'boolean') return holds;
  for (let row = 0; row < rows; row++) {
    holds[row] = column.values[row] === 1 && (column.present === null || column.present[row] === 1) ? 1 : 0;
  }
  return holds;
}

const COMPARISONS: ReadonlySet<BinaryOperator> = new Set(['=', '!=', '<', '<=', '>', '>=']);

function binary(node: BinaryNode, scope: Scope): ValueColumn | null {
  const { operator } = node;
  const { rows } = scope;
  const left = evaluate(node.left, scope);
  if (operator === '=~' || operator === '!~') {
    if (node.right.kind !== 'regex' || left === null || left.kind !== 'string') return null;
    return matchRegex(left, node.right.pattern, operator === '=~', rows);
  }
  const right = evaluate(node.right, scope);
  if (left?.kind === 'boolean' || right?.kind === 'boolean')
    return logic(operator, left, right, rows, scope.nullIsFalse);
  const nothing = COMPARISONS.has(operator) ? constantColumn('boolean', false, rows) : null;
  if (left === null || right === null) return nothing;
  if (left.kind === 'string' || right.kind === 'string') {
    if (left.kind !== 'string' || right.kind !== 'string') return nothing;
    if (operator !== '=' && operator !== '!=') return nothing;
    return compareStrings(operator, left, right, rows);
  }
  if (COMPARISONS.has(operator)) return compareNumbers(operator, left, right, rows);
  if (operator === 'AND' || operator === 'OR') return null;
  if (left.kind === 'float' || right.kind === 'float') return floatArithmetic(operator, left, right, rows);
  if (operator === '/' && scope.integersDivideAsFloats && left.kind === 'integer' && right.kind === 'integer') {
    return floatArithmetic('/', left, right, rows);
  }
  return integerArithmetic(operator, left, right, rows);
}

function matchRegex(column: TextColumn, pattern: string, wanted: boolean, rows: number): NumberColumn {
  const matches = matcherOf(pattern);
  const values = new Float64Array(rows);
  const present = hasNulls(column, rows) ? new Uint8Array(rows) : null;
  let last: string | null = null;
  let outcome = 0;
  for (let row = 0; row < rows; row++) {
    const text = column.values[row];
    if (text === null) continue;
    if (present !== null) present[row] = 1;
    if (text !== last) {
      last = text;
      outcome = matches(text) === wanted ? 1 : 0;
    }
    values[row] = outcome;
  }
  return numberColumn('boolean', values, present);
}

/** At least one side is a boolean; a null on the other side counts as false, but may be equal to nothing. */
function logic(
  operator: BinaryOperator,
  left: ValueColumn | null,
  right: ValueColumn | null,
  rows: number,
  nullIsFalse: boolean,
): ValueColumn | null {
  const known = ['AND', 'OR', '=', '!=', '&', '|', '^'].includes(operator);
  if (!known) return COMPARISONS.has(operator) ? constantColumn('boolean', false, rows) : null;
  // A boolean beside a number or a text is neither equal nor unequal to it.
  if ((left !== null && left.kind !== 'boolean') || (right !== null && right.kind !== 'boolean')) {
    return left?.kind === 'boolean' || COMPARISONS.has(operator) ? constantColumn('boolean', false, rows) : null;
  }
  const values = new Float64Array(rows);
  const present = new Uint8Array(rows);
  let nulls = false;
  for (let row = 0; row < rows; row++) {
    const leftNull = left === null || isNull(left, row);
    const rightNull = right === null || isNull(right, row);
    const equalsNothing = nullIsFalse ? leftNull && rightNull : leftNull || rightNull;
    if (equalsNothing && (operator === '=' || operator === '!=')) {
      present[row] = 1;
      continue;
    }
    if (leftNull && rightNull) {
      nulls = true;
      continue;
    }
    const a = leftNull ? 0 : (left as NumberColumn).values[row];
    const b = rightNull ? 0 : (right as NumberColumn).values[row];
    present[row] = 1;
    if (operator === 'AND' || operator === '&') values[row] = a & b;
    else if (operator === 'OR' || operator === '|') values[row] = a | b;
    else if (operator === '=') values[row] = a === b ? 1 : 0;
    else values[row] = a !== b ? 1 : 0;
  }
  return numberColumn('boolean', values, nulls ? present : null);
}

function compareStrings(operator: '=' | '!=', left: TextColumn, right: TextColumn, rows: number): NumberColumn {
  const values = new Float64Array(rows);
  const wanted = operator === '=';
  for (let row = 0; row < rows; row++) {
    const a = left.values[row];
    const b = right.values[row];
    values[row] = a !== null && b !== null && (a === b) === wanted ? 1 : 0;
  }
  return numberColumn('boolean', values);
}

function isWide(column: NumberColumn): boolean {
  return column.wide !== null;
}

function compareNumbers(operator: BinaryOperator, left: NumberColumn, right: NumberColumn, rows: number): NumberColumn {
  const out = new Float64Array(rows);
  const integers = left.kind !== 'float' && right.kind !== 'float';
  // Signed and unsigned meet as unsigned for equality, but a negative number is below all unsigned ones.
  const mixedSigns = integers && left.kind !== right.kind;
  if ((integers && (isWide(left) || isWide(right))) || mixedSigns) {
    compareWide(operator, left, right, rows, out);
  } else {
    compareDoubles(operator, left.values, right.values, rows, out);
  }
  for (const { present } of [left, right]) {
    if (present !== null) for (let row = 0; row < rows; row++) if (present[row] === 0) out[row] = 0;
  }
  return numberColumn('boolean', out);
}

function compareDoubles(
  operator: BinaryOperator,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  out: Float64Array,
): void {
  switch (operator) {
    case '=':
      for (let i = 0; i < rows; i++) out[i] = a[i] === b[i] ? 1 : 0;
      return;
    case '!=':
      for (let i = 0; i < rows; i++) out[i] = a[i] !== b[i] ? 1 : 0;
      return;
    case '<':
      for (let i = 0; i < rows; i++) out[i] = a[i] < b[i] ? 1 : 0;
      return;
    case '<=':
      for (let i = 0; i < rows; i++) out[i] = a[i] <= b[i] ? 1 : 0;
      return;
    case '>':
      for (let i = 0; i < rows; i++) out[i] = a[i] > b[i] ? 1 : 0;
      return;
    default:
      for (let i = 0; i < rows; i++) out[i] = a[i] >= b[i] ? 1 : 0;
  }
}

function compareWide(
  operator: BinaryOperator,
  left: NumberColumn,
  right: NumberColumn,
  rows: number,
  out: Float64Array,
): void {
  const mixed = left.kind !== right.kind && (operator === '=' || operator === '!=');
  for (let row = 0; row < rows; row++) {
    let a = bigintAt(left, row);
    let b = bigintAt(right, row);
    if (mixed) {
      a = BigInt.asUintN(64, a);
      b = BigInt.asUintN(64, b);
    }
    const order = a < b ? -1 : a > b ? 1 : 0;
    out[row] = holdsFor(operator, order) ? 1 : 0;
  }
}

function holdsFor(operator: BinaryOperator, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    default:
      return order >= 0;
  }
}

/** 1 where both have a value; null when all have. */
function bothPresent(left: NumberColumn, right: NumberColumn, rows: number): Uint8Array | null {
  if (left.present === null) return right.present;
  if (right.present === null) return left.present;
  const present = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) present[row] = left.present[row] & right.present[row];
  return present;
}

function floatArithmetic(
  operator: BinaryOperator,
  left: NumberColumn,
  right: NumberColumn,
  rows: number,
): NumberColumn | null {
  const out = new Float64Array(rows);
  const a = left.values;
  const b = right.values;
  switch (operator) {
    case '+':
      for (let i = 0; i < rows; i++) out[i] = a[i] + b[i];
      break;
    case '-':
      for (let i = 0; i < rows; i++) out[i] = a[i] - b[i];
      break;
    case '*':
      for (let i = 0; i < rows; i++) out[i] = a[i] * b[i];
      break;
    case '/':
      for (let i = 0; i < rows; i++) out[i] = b[i] === 0 ? 0 : a[i] / b[i];
      break;
    case '%':
      for (let i = 0; i < rows; i++) out[i] = a[i] % b[i];
      break;
    default:
      return null;
  }
  return numberColumn('float', out, bothPresent(left, right, rows));
}

function integerArithmetic(
  operator: BinaryOperator,
  left: NumberColumn,
  right: NumberColumn,
  rows: number,
): NumberColumn | null {
  const kind: FieldKind = left.kind === 'unsigned' || right.kind === 'unsigned' ? 'unsigned' : 'integer';
  const present = bothPresent(left, right, rows);
  if (!isWide(left) && !isWide(right) && left.kind === right.kind) {
    const out = new Float64Array(rows);
    if (narrowArithmetic(operator, left.values, right.values, rows, out, kind === 'unsigned')) {
      return numberColumn(kind, out, present);
    }
  }
  const writer = columnWriter(kind, rows, true);
  for (let row = 0; row < rows; row++) {
    if (present !== null && present[row] === 0) continue;
    const value = wideArithmetic(operator, wrap(kind, bigintAt(left, row)), wrap(kind, bigintAt(right, row)));
    if (value === null) return null;
    writer.setBigint(row, wrap(kind, value));
  }
  return writer.finish(rows) as NumberColumn;
}

/** False when it cannot be done with doubles: a result is too large, or the operator is one of bits. */
function narrowArithmetic(
  operator: BinaryOperator,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  out: Float64Array,
  unsigned: boolean,
): boolean {
  switch (operator) {
    case '+':
      for (let i = 0; i < rows; i++) out[i] = a[i] + b[i];
      break;
    case '-':
      for (let i = 0; i < rows; i++) out[i] = a[i] - b[i];
      break;
    case '*':
      for (let i = 0; i < rows; i++) out[i] = a[i] * b[i] + 0;
      break;
    case '/':
      for (let i = 0; i < rows; i++) out[i] = b[i] === 0 ? 0 : Math.trunc(a[i] / b[i]) + 0;
      // The quotient of large doubles may be rounded up to the next integer.
      for (let i = 0; i < rows; i++) if (Math.abs(a[i]) > 2 ** 50) return false;
      break;
    case '%':
      for (let i = 0; i < rows; i++) out[i] = b[i] === 0 ? 0 : (a[i] % b[i]) + 0;
      break;
    default:
      return false;
  }
  for (let i = 0; i < rows; i++) {
    if (!Number.isSafeInteger(out[i]) || (unsigned && out[i] < 0)) return false;
  }
  return true;
}

/** Null for an operator that integers do not have. */
function wideArithmetic(operator: BinaryOperator, a: bigint, b: bigint): bigint | null {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? 0n : a / b;
    case '%':
      return b === 0n ? 0n : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    default:
      return null;
  }
}
