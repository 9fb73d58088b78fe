/**
 * Expressions: literals, variables with casts, calls, operators by precedence.
 *
 * Operators of one level are collected on a stack, not by recursion, so only what nests recurses. The height of the tree is
 * kept count of, because everything after the parser walks it recursively: too high a tree is refused here.
 */
import type { BinaryOperator, CastType, Expression, RegexNode, VariableNode } from '../ast.ts';
import { printIdentifier } from '../print-identifier.ts';
import { matcherOf } from '../schema/patterns.ts';
import { parseDuration } from './duration.ts';
import { parseError } from './parse-error.ts';
import type { Token, TokenKind } from './token.ts';
import { HEIGHT_LIMIT, type TokenStream } from './token-stream.ts';

/** `IN` has the place of a comparison in the grammar, although nothing evaluates it. */
const PRECEDENCE: ReadonlyMap<TokenKind, number> = new Map<TokenKind, number>([
  ['OR', 1],
  ['AND', 2],
  ['=', 3],
  ['!=', 3],
  ['=~', 3],
  ['!~', 3],
  ['<', 3],
  ['<=', 3],
  ['>', 3],
  ['>=', 3],
  ['+', 4],
  ['-', 4],
  ['|', 4],
  ['^', 4],
  ['*', 5],
  ['/', 5],
  ['%', 5],
  ['&', 5],
]);

const CASTS: ReadonlyMap<string, CastType> = new Map([
  ['float', 'float'],
  ['integer', 'integer'],
  ['unsigned', 'unsigned'],
  ['string', 'string'],
  ['boolean', 'boolean'],
]);

const CAST_NAMES = ['float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag'];

const MAX_INT64 = (1n << 63n) - 1n;
const MAX_UINT64 = (1n << 64n) - 1n;

/** A tree and an upper bound of its height. */
interface Measured {
  readonly expression: Expression;
  readonly height: number;
}

export function parseExpression(stream: TokenStream): Expression {
  return expression(stream).expression;
}

function expression(stream: TokenStream): Measured {
  const operands = [unary(stream)];
  const operators: BinaryOperator[] = [];
  for (;;) {
    const operator = stream.read();
    const precedence = PRECEDENCE.get(operator.kind);
    if (precedence === undefined) {
      stream.back();
      while (operators.length > 0) join(operands, operators);
      return operands[0];
    }
    while (operators.length > 0 && precedenceOf(operators.at(-1) as BinaryOperator) >= precedence)
      join(operands, operators);
    const right = operator.kind === '=~' || operator.kind === '!~' ? leaf(requiredRegex(stream)) : unary(stream);
    operators.push(operator.kind as BinaryOperator);
    operands.push(right);
  }
}

function precedenceOf(operator: BinaryOperator): number {
  return PRECEDENCE.get(operator) as number;
}

function join(operands: Measured[], operators: BinaryOperator[]): void {
  const right = operands.pop() as Measured;
  const left = operands.pop() as Measured;
  const operator = operators.pop() as BinaryOperator;
  operands.push(
    measured(
      { kind: 'binary', operator, left: left.expression, right: right.expression },
      1 + Math.max(left.height, right.height),
    ),
  );
}

function measured(expression: Expression, height: number): Measured {
  if (height > HEIGHT_LIMIT)
    throw parseError(`expression too large: more than ${HEIGHT_LIMIT} operations follow on each other`);
  return { expression, height };
}

function leaf(expression: Expression): Measured {
  return { expression, height: 1 };
}

function requiredRegex(stream: TokenStream): RegexNode {
  const regex = parseRegex(stream);
  if (regex === null) throw stream.unexpected(stream.read(), ['regex']);
  return regex;
}

/** The regular expression that begins here; null when something else does. */
export function parseRegex(stream: TokenStream): RegexNode | null {
  const token = stream.regex();
  if (token === null) return null;
  if (token.kind === 'badRegex') throw stream.error(`bad regex: ${token.text}`, token);
  if (token.kind !== 'regex') throw stream.unexpected(token, ['regex']);
  return regexOf(stream, token);
}

function regexOf(stream: TokenStream, token: Token): RegexNode {
  try {
    matcherOf(token.text);
  } catch (error) {
    throw stream.error((error as Error).message, token);
  }
  return { kind: 'regex', pattern: token.text };
}

function unary(stream: TokenStream): Measured {
  const token = stream.read();
  switch (token.kind) {
    case '(': {
      const inner = stream.nested(() => expression(stream));
      stream.expect(')');
      return measured({ kind: 'parentheses', inner: inner.expression }, inner.height + 1);
    }
    case 'identifier':
      if (stream.acceptAdjacent('(')) return call(stream, token.text);
      stream.back();
      return leaf(variable(stream));
    case 'DISTINCT':
      return distinct(stream);
    case '+':
    case '-':
      return signed(stream, token.kind === '-');
    case '*':
      return leaf(wildcard(stream));
    default:
      return leaf(literal(stream, token));
  }
}

function literal(stream: TokenStream, token: Token): Expression {
  switch (token.kind) {
    case 'string':
      return { kind: 'string', value: token.text };
    case 'number':
      return { kind: 'number', value: finite(stream, token) };
    case 'integer':
      return integer(stream, token);
    case 'TRUE':
    case 'FALSE':
      return { kind: 'boolean', value: token.kind === 'TRUE' };
    case 'duration':
      return { kind: 'duration', value: parseDuration(token.text) };
    case 'regex':
      return regexOf(stream, token);
    case 'parameter': {
      const name = token.text.replace(/^\$/, '');
      throw parseError(name === '' ? 'empty bound parameter' : `missing parameter: ${name}`);
    }
    default:
      throw stream.unexpected(token, ['identifier', 'string', 'number', 'bool']);
  }
}

function finite(stream: TokenStream, token: Token): number {
  const value = Number(token.text);
  if (!Number.isFinite(value)) throw stream.error('unable to parse number', token);
  return value;
}

/** Signed when it fits 64 bits with a sign, else unsigned. */
function integer(stream: TokenStream, token: Token): Expression {
  const value = BigInt(token.text);
  if (value <= MAX_INT64) return { kind: 'integer', value };
  if (value <= MAX_UINT64) return { kind: 'unsigned', value };
  throw stream.error('unable to parse integer', token);
}

/** After a sign. Literals take it in; anything else is multiplied with 1 or -1. */
function signed(stream: TokenStream, negative: boolean): Measured {
  const next = stream.read();
  switch (next.kind) {
    case 'number':
    case 'integer':
    case 'duration':
    case '(':
    case 'identifier':
      break;
    default:
      throw stream.unexpected(next, ['identifier', 'number', 'duration', '(']);
  }
  stream.back();
  const operand = unary(stream);
  const node = operand.expression;
  if (node.kind === 'number') return leaf({ kind: 'number', value: negative ? -node.value : node.value });
  if (node.kind === 'integer' || node.kind === 'duration') {
    return leaf({ kind: node.kind, value: negative ? BigInt.asIntN(64, -node.value) : node.value });
  }
  if (node.kind === 'unsigned') {
    if (!negative) return operand;
    // The least integer has no positive counterpart, so it comes here as an unsigned one.
    if (node.value === MAX_INT64 + 1n) return leaf({ kind: 'integer', value: -node.value });
    throw parseError(`constant -${node.value} underflows int64`);
  }
  const factor: Expression = { kind: 'integer', value: negative ? -1n : 1n };
  return measured({ kind: 'binary', operator: '*', left: factor, right: node }, operand.height + 1);
}

/** After DISTINCT: a call when a parenthesis follows directly, else an identifier. */
function distinct(stream: TokenStream): Measured {
  const next = stream.scan();
  if (next.kind === '(') return call(stream, 'distinct');
  if (next.kind !== 'space') throw stream.unexpected(next, ['(', 'identifier']);
  return leaf({ kind: 'distinct', field: stream.identifier() });
}

/** After `*`. */
function wildcard(stream: TokenStream): Expression {
  if (!stream.acceptAdjacent('::')) return { kind: 'wildcard', only: null };
  const type = stream.scan();
  if (type.kind !== 'FIELD' && type.kind !== 'TAG') throw stream.unexpected(type, ['field', 'tag']);
  return { kind: 'wildcard', only: type.kind === 'FIELD' ? 'field' : 'tag' };
}

function variable(stream: TokenStream): VariableNode {
  const name = parseSegments(stream).join('.');
  return { kind: 'variable', name, cast: stream.acceptAdjacent('::') ? castType(stream) : null };
}

/** After `::`. */
function castType(stream: TokenStream): CastType {
  const type = stream.scan();
  if (type.kind === 'FIELD') return 'anyField';
  if (type.kind === 'TAG') return 'tag';
  if (type.kind !== 'identifier')
    throw stream.unexpected(
      type,
      CAST_NAMES.filter((name) => name !== 'unsigned'),
    );
  const cast = CASTS.get(type.text.toLowerCase());
  if (cast === undefined) throw stream.unexpected(type, CAST_NAMES);
  return cast;
}

/** Identifiers joined by dots; a missing one in the middle is ''. A regex or `:` after a dot is left to the caller. */
export function parseSegments(stream: TokenStream): string[] {
  const segments = [stream.identifier()];
  while (stream.acceptAdjacent('.')) {
    const char = stream.peekChar();
    if (char === '/' || char === ':') break;
    segments.push(char === '.' ? '' : stream.identifier());
  }
  if (segments.length > 3) {
    throw parseError(`too many segments in ${printIdentifier(...segments)} at line 1, char 1`);
  }
  return segments;
}

/** After the name and its parenthesis. */
function call(stream: TokenStream, name: string): Measured {
  return stream.nested(() => {
    const list: Measured[] = [];
    const first = parseRegex(stream);
    if (first !== null) {
      list.push(leaf(first));
    } else if (stream.acceptAdjacent(')')) {
      return leaf({ kind: 'call', name: name.toLowerCase(), arguments: [] });
    } else {
      list.push(expression(stream));
    }
    while (stream.accept(',')) {
      const regex = parseRegex(stream);
      list.push(regex === null ? expression(stream) : leaf(regex));
    }
    const end = stream.scan();
    if (end.kind !== ')') throw stream.unexpected(end, [')']);
    return measured(
      { kind: 'call', name: name.toLowerCase(), arguments: list.map((each) => each.expression) },
      1 + Math.max(...list.map((each) => each.height)),
    );
  });
}
