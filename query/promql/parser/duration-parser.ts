/**
 * Durations in brackets and after `offset`, including arithmetic over them: `[5m + step()]`, `offset max_of(1m, 30s)`.
 *
 * In brackets the whole arithmetic is read. After `offset` only one signed primary is, so that `x offset 5m + y` stays an
 * addition of vectors; parentheses make more of it.
 */
import type { DurationExpr, DurationNode, NumberLiteral } from './ast.ts';
import { parseDurationMs } from './duration.ts';
import { parseNumber } from './number-literal.ts';
import type { TokenStream } from './token-stream.ts';

const MAX_SECONDS = 2 ** 63 / 1e9;

const DURATION_PRECEDENCE: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '%': 2, '^': 3 };
const UNARY_PRECEDENCE = 2;

const WANTED = 'number, duration, step(), or range()';

/** A number or duration literal as an expression; durations are in seconds. */
export function parseNumberToken(stream: TokenStream): NumberLiteral {
  const token = stream.token;
  const isDuration = token.kind === 'duration';
  let value: number;
  if (isDuration) {
    const ms = parseDurationMs(token.text);
    if (typeof ms !== 'number') stream.fail(token.pos, ms.error);
    value = ms / 1000;
  } else {
    const number = parseNumber(token.text);
    if (typeof number !== 'number') stream.fail(token.pos, `error parsing number: ${number.error}`);
    value = number;
  }
  stream.advance();
  return { type: 'number', value, duration: isDuration, start: token.pos, end: token.pos + token.text.length };
}

function checkRange(stream: TokenStream, literal: NumberLiteral, offset: number): void {
  if (!(Math.abs(literal.value) <= MAX_SECONDS)) stream.fail(offset, 'duration out of range');
}

/** The duration of a range or a subquery's step: greater than 0 when it is a literal. */
export function parsePositiveDuration(stream: TokenStream, onError: () => never): DurationNode {
  const node = parseBinary(stream, 0, onError);
  if (node.type === 'number' && !(node.value > 0)) stream.fail(node.start, 'duration must be greater than 0');
  return node;
}

/** The duration after `offset`. */
export function parseOffsetDuration(stream: TokenStream): DurationNode {
  const onError = (): never => stream.unexpected('offset', WANTED);
  const sign = stream.token;
  if (sign.kind !== '+' && sign.kind !== '-') return parsePrimary(stream, onError);
  stream.advance();
  return applySign(stream, sign.kind, sign.pos, parsePrimary(stream, onError));
}

export function unexpectedRange(stream: TokenStream): never {
  stream.unexpected('subquery or range selector', WANTED);
}

function parseBinary(stream: TokenStream, minimum: number, onError: () => never): DurationNode {
  let left = parseUnary(stream, onError);
  for (;;) {
    const op = stream.token.kind;
    const precedence = DURATION_PRECEDENCE[op];
    if (precedence === undefined || precedence <= minimum) return left;
    const opPos = stream.token.pos;
    stream.advance();
    // ^ binds to the right, the others to the left.
    const right = parseBinary(stream, op === '^' ? precedence - 1 : precedence, onError);
    if ((op === '/' || op === '%') && right.type === 'number' && right.value === 0) {
      stream.fail(opPos, op === '/' ? 'division by zero' : 'modulo by zero');
    }
    left = {
      type: 'durationOp',
      op: op as '+' | '-' | '*' | '/' | '%' | '^',
      left,
      right,
      wrapped: false,
      start: left.start,
      end: right.end,
    };
  }
}

function parseUnary(stream: TokenStream, onError: () => never): DurationNode {
  const sign = stream.token;
  if (sign.kind !== '+' && sign.kind !== '-') return parsePrimary(stream, onError);
  stream.advance();
  // A sign binds like * does, so -2^2 is -(2^2).
  return applySign(stream, sign.kind, sign.pos, parseBinary(stream, UNARY_PRECEDENCE, onError));
}

function applySign(stream: TokenStream, sign: '+' | '-', start: number, node: DurationNode): DurationNode {
  if (node.type === 'number') {
    if (sign === '-') node.value = -node.value;
    checkRange(stream, node, start);
    node.start = start;
    return node;
  }
  if (sign === '+') return node;
  return { type: 'durationOp', op: '-', left: null, right: node, wrapped: false, start, end: node.end };
}

function parsePrimary(stream: TokenStream, onError: () => never): DurationNode {
  const token = stream.token;
  switch (token.kind) {
    case 'number':
    case 'duration': {
      const literal = parseNumberToken(stream);
      checkRange(stream, literal, literal.start);
      return literal;
    }
    case 'step':
    case 'range': {
      stream.advance();
      if (!stream.accept('(')) onError();
      const end = stream.token.pos + 1;
      if (!stream.accept(')')) onError();
      return { type: 'durationWord', word: token.kind, wrapped: false, start: token.pos, end };
    }
    case 'identifier': {
      const word = token.text.toLowerCase();
      if (word !== 'min_of' && word !== 'max_of') return onError();
      stream.advance();
      if (!stream.accept('(')) onError();
      const left = parseBinary(stream, 0, onError);
      if (!stream.accept(',')) onError();
      const right = parseBinary(stream, 0, onError);
      const end = stream.token.pos + 1;
      if (!stream.accept(')')) onError();
      return { type: 'durationPick', word, left, right, wrapped: false, start: token.pos, end };
    }
    case '(': {
      stream.advance();
      const inner = parseBinary(stream, 0, onError);
      const end = stream.token.pos + 1;
      if (!stream.accept(')')) onError();
      return wrap(inner, token.pos, end);
    }
    default:
      return onError();
  }
}

/** Keeps the parentheses for the printer: a literal in them becomes a unary plus. */
function wrap(node: DurationNode, start: number, end: number): DurationExpr {
  if (node.type === 'number') {
    return { type: 'durationOp', op: '+', left: null, right: node, wrapped: true, start, end };
  }
  node.wrapped = true;
  return node;
}
