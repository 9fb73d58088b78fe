/**
 * Operations on two literals: what they come to before any data is read.
 *
 * Numbers are computed as the executor computes them: integers wrap at 64 bits, their quotient is a float, division by 0
 * gives 0. Durations and instants mix with integers, which are ns then, and a string that looks like an instant becomes
 * one beside a duration, an integer or an instant.
 */
import type { BinaryOperator, Expression } from '../ast.ts';
import { isTimeLike, parseTimeLiteral } from './time-literal.ts';

type Literal<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

/** The value of an operation, or null where it has none and stays as it is. */
export function foldLiterals(
  operator: BinaryOperator,
  left: Expression,
  right: Expression,
  timezone: string | null,
): Expression | null {
  switch (left.kind) {
    case 'boolean':
      if (right.kind === 'nil') return FALSE;
      return right.kind === 'boolean' ? foldBooleans(operator, left.value, right.value) : null;
    case 'duration':
      return foldDuration(operator, left.value, right, timezone);
    case 'integer':
      return foldInteger(operator, left, right, timezone);
    case 'unsigned':
      return isNumeric(right) ? foldNumbers(operator, left, right) : null;
    case 'number':
      if (right.kind === 'nil') return FALSE;
      return isNumeric(right) ? foldNumbers(operator, left, right) : null;
    case 'string':
      return foldString(operator, left.value, right, timezone);
    case 'time':
      return foldTime(operator, left.value, right, timezone);
    case 'nil':
      return operator === '=' || operator === '!=' ? FALSE : null;
    default:
      return null;
  }
}

const FALSE: Expression = { kind: 'boolean', value: false };

function truth(value: boolean): Expression {
  return { kind: 'boolean', value };
}

/** A comparison; null for another operator. */
function compare<T extends number | bigint>(operator: BinaryOperator, left: T, right: T): Expression | null {
  switch (operator) {
    case '=':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '<=':
      return truth(left <= right);
    case '>':
      return truth(left > right);
    case '>=':
      return truth(left >= right);
    default:
      return null;
  }
}

function foldBooleans(operator: BinaryOperator, left: boolean, right: boolean): Expression | null {
  switch (operator) {
    case '=':
      return truth(left === right);
    case '!=':
    case '^':
      return truth(left !== right);
    case 'AND':
    case '&':
      return truth(left && right);
    case 'OR':
    case '|':
      return truth(left || right);
    default:
      return null;
  }
}

type NumericLiteral = Literal<'number'> | Literal<'integer'> | Literal<'unsigned'>;

function isNumeric(node: Expression): node is NumericLiteral {
  return node.kind === 'number' || node.kind === 'integer' || node.kind === 'unsigned';
}

function foldNumbers(operator: BinaryOperator, left: NumericLiteral, right: NumericLiteral): Expression | null {
  if (left.kind === 'number' || right.kind === 'number') {
    return foldFloats(operator, Number(left.value), Number(right.value));
  }
  if (left.kind === 'integer' && right.kind === 'integer') return foldIntegers(operator, left.value, right.value);
  // A negative integer is below every unsigned one, but in any other operation it is its 64 bits.
  if ('<= >='.includes(operator) && operator !== '=' && (left.value < 0n || right.value < 0n)) {
    return compare(operator, left.value, right.value);
  }
  return foldUnsigned(operator, BigInt.asUintN(64, left.value), BigInt.asUintN(64, right.value));
}

function foldFloats(operator: BinaryOperator, left: number, right: number): Expression | null {
  const number = (value: number): Expression => ({ kind: 'number', value });
  switch (operator) {
    case '+':
      return number(left + right);
    case '-':
      return number(left - right);
    case '*':
      return number(left * right);
    case '/':
      return number(right === 0 ? 0 : left / right);
    case '%':
      return number(left % right);
    default:
      return compare(operator, left, right);
  }
}

function foldIntegers(operator: BinaryOperator, left: bigint, right: bigint): Expression | null {
  if (operator === '/') return foldFloats('/', Number(left), Number(right));
  const value = wholeResult(operator, left, right);
  return value === null ? compare(operator, left, right) : { kind: 'integer', value: BigInt.asIntN(64, value) };
}

function foldUnsigned(operator: BinaryOperator, left: bigint, right: bigint): Expression | null {
  if ('&|^'.includes(operator)) return null;
  const value = operator === '/' ? (right === 0n ? 0n : left / right) : wholeResult(operator, left, right);
  return value === null ? compare(operator, left, right) : { kind: 'unsigned', value: BigInt.asUintN(64, value) };
}

function wholeResult(operator: BinaryOperator, left: bigint, right: bigint): bigint | null {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '%':
      return right === 0n ? 0n : left % right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    default:
      return null;
  }
}

function duration(value: bigint): Expression {
  return { kind: 'duration', value: BigInt.asIntN(64, value) };
}

function time(value: bigint): Expression {
  return { kind: 'time', value };
}

function foldDuration(
  operator: BinaryOperator,
  left: bigint,
  right: Expression,
  timezone: string | null,
): Expression | null {
  switch (right.kind) {
    case 'duration':
      if (operator === '+') return duration(left + right.value);
      if (operator === '-') return duration(left - right.value);
      return compare(operator, left, right.value);
    case 'number':
    case 'integer': {
      // A float loses its fraction here.
      const factor = right.kind === 'integer' ? right.value : wholeOf(right.value);
      if (operator === '*') return duration(left * factor);
      if (operator !== '/') return null;
      if (right.kind === 'number' && right.value !== 0 && factor === 0n) return null;
      return duration(factor === 0n ? 0n : left / factor);
    }
    case 'time':
      return operator === '+' ? time(right.value + left) : null;
    case 'string': {
      const instant = parseTimeLiteral(right.value, timezone);
      return instant !== null && operator === '+' ? time(instant + left) : null;
    }
    case 'nil':
      return FALSE;
    default:
      return null;
  }
}

function wholeOf(value: number): bigint {
  return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : -(1n << 63n);
}

function foldInteger(
  operator: BinaryOperator,
  left: Literal<'integer'>,
  right: Expression,
  timezone: string | null,
): Expression | null {
  switch (right.kind) {
    case 'number':
    case 'integer':
    case 'unsigned':
      return foldNumbers(operator, left, right);
    case 'duration':
      if (operator === '+') return time(left.value + right.value);
      return operator === '-' ? time(left.value - right.value) : null;
    case 'time':
    case 'string':
    case 'nil':
      return foldDuration(operator, left.value, right, timezone);
    default:
      return null;
  }
}

function foldString(
  operator: BinaryOperator,
  left: string,
  right: Expression,
  timezone: string | null,
): Expression | null {
  switch (right.kind) {
    case 'string':
      if (operator === '=' || operator === '!=') return compareStrings(operator, left, right.value, timezone);
      if (operator === '+') return { kind: 'string', value: left + right.value };
      break;
    case 'nil':
      return operator === '=' || operator === '!=' ? FALSE : null;
    case 'duration':
    case 'time':
    case 'integer':
      break;
    default:
      return null;
  }
  const instant = parseTimeLiteral(left, timezone);
  return instant === null ? null : foldTime(operator, instant, right, timezone);
}

/** As instants when both are; else as they are written. */
function compareStrings(operator: '=' | '!=', left: string, right: string, timezone: string | null): Expression | null {
  if (isTimeLike(left) && isTimeLike(right)) {
    const [a, b] = [parseTimeLiteral(left, timezone), parseTimeLiteral(right, timezone)];
    if (a !== null && b !== null) return compare(operator, a, b);
  }
  return truth((left === right) === (operator === '='));
}

const MAX_DURATION = (1n << 63n) - 1n;

function foldTime(
  operator: BinaryOperator,
  left: bigint,
  right: Expression,
  timezone: string | null,
): Expression | null {
  switch (right.kind) {
    case 'duration':
    case 'integer':
      if (operator === '+') return time(left + right.value);
      return operator === '-' ? time(left - right.value) : null;
    case 'time': {
      if (operator !== '-') return compare(operator, left, right.value);
      const difference = left - right.value;
      if (difference > MAX_DURATION) return duration(MAX_DURATION);
      return duration(difference < -MAX_DURATION - 1n ? -MAX_DURATION - 1n : difference);
    }
    case 'string': {
      const instant = parseTimeLiteral(right.value, timezone);
      return instant === null ? null : foldTime(operator, left, time(instant), timezone);
    }
    case 'nil':
      return FALSE;
    default:
      return null;
  }
}
