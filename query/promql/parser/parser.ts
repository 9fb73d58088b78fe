/**
 * Reads a PromQL expression into its syntax tree and checks its types, with Prometheus' grammar and error texts.
 *
 * Precedence climbing over one token of lookahead:
 * 1. An operand is a literal, selector, call, aggregation, parenthesised expression or a signed operand.
 * 2. Postfix modifiers (`[…]`, `offset`, `@`, `anchored`, `smoothed`) bind tightest and change the node they follow.
 * 3. Binary operators follow by precedence; `^` binds to the right; a sign binds like `*`.
 * The first problem ends the parse: Prometheus shows only the first of its list, too.
 */

import { METRIC_NAME } from '../matcher.ts';
import { formatGeneral } from '../number-format.ts';
import {
  type Aggregation,
  type BinaryExpr,
  type Call,
  type DurationNode,
  type Expr,
  hasParam,
  type MatrixSelector,
  type Subquery,
  type VectorMatching,
  type VectorSelector,
} from './ast.ts';
import { checkTypes } from './check.ts';
import { parseNumberToken, parseOffsetDuration, parsePositiveDuration, unexpectedRange } from './duration-parser.ts';
import { functionSignature } from './functions.ts';
import { parseGroupingLabels, parseLabelMatchers } from './selector-parser.ts';
import { unquote } from './string-literal.ts';
import {
  type AggregatorKind,
  canBeMetricName,
  canStartExpression,
  isAggregator,
  type OperatorKind,
  quote,
  type Token,
  type TokenKind,
} from './token.ts';
import { TokenStream } from './token-stream.ts';

const PRECEDENCE: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
};
const UNARY_PRECEDENCE = 5;

/** Nesting beyond which an expression is refused rather than risking the stack; a chain of operators nests, too. */
const MAX_DEPTH = 500;
const MAX_OPERATORS = 1000;
/** Of all chains together, operators and what follows an operand: chains can stand in each other's first operands. */
const MAX_CHAINED = 2000;

/** How many of them this parse has met; parsing is one call, so one count is enough. */
let chained = 0;

/**
 * The checked tree of a query. Throws a VarveError of code `bad_request` with Prometheus' text, e.g.
 * `1:5: parse error: unexpected end of input`.
 */
export function parseExpression(query: string): Expr {
  const stream = new TokenStream(query);
  chained = 0;
  if (stream.at('eof')) stream.fail(0, 'no expression found in input');
  const expr = parseBinary(stream, 0, 0);
  if (!stream.at('eof')) stream.unexpectedInExpression();
  checkTypes(query, expr);
  return expr;
}

/** The selector of `match[]` parameters: an instant vector selector and nothing more. */
export function parseMetricSelector(query: string): VectorSelector {
  const stream = new TokenStream(query);
  if (!stream.at('{') && !canBeMetricName(stream.token.kind)) stream.unexpected('');
  const selector = parseVectorSelector(stream, stream.at('{') ? null : stream.advance());
  if (!stream.at('eof')) stream.unexpected('');
  selector.mayMatchEmpty = true;
  checkTypes(query, selector);
  return selector;
}

function parseBinary(stream: TokenStream, minimum: number, depth: number): Expr {
  if (depth > MAX_DEPTH) stream.fail(stream.token.pos, 'expression is nested too deeply');
  let left = parseUnary(stream, depth);
  for (let operators = 0; ; operators++) {
    const op = stream.token.kind;
    const precedence = PRECEDENCE[op];
    if (precedence === undefined || precedence <= minimum) return left;
    if (operators > MAX_OPERATORS || chained++ > MAX_CHAINED)
      stream.fail(stream.token.pos, 'expression is nested too deeply');
    stream.advance();
    const { returnBool, matching } = parseBinaryModifiers(stream);
    const right = parseBinary(stream, op === '^' ? precedence - 1 : precedence, depth + 1);
    const node: BinaryExpr = {
      type: 'binary',
      op: op as OperatorKind,
      left,
      right,
      returnBool,
      matching,
      start: left.start,
      end: right.end,
    };
    left = node;
  }
}

function parseUnary(stream: TokenStream, depth: number): Expr {
  const sign = stream.token;
  if (sign.kind !== '+' && sign.kind !== '-') return parsePostfix(stream, parseOperand(stream, depth));
  stream.advance();
  const operand = parseBinary(stream, UNARY_PRECEDENCE, depth + 1);
  if (operand.type === 'number') {
    if (sign.kind === '-') operand.value = -operand.value;
    operand.start = sign.pos;
    return operand;
  }
  return { type: 'unary', op: sign.kind, expr: operand, start: sign.pos, end: operand.end };
}

function parseOperand(stream: TokenStream, depth: number): Expr {
  const token = stream.token;
  switch (token.kind) {
    case 'number':
    case 'duration':
      return parseNumberToken(stream);
    case 'string':
      stream.advance();
      return { type: 'string', value: unquote(token.text), start: token.pos, end: token.pos + token.text.length };
    case '(': {
      stream.advance();
      const inner = parseBinary(stream, 0, depth + 1);
      const closing = stream.expectInExpression(')');
      return { type: 'paren', expr: inner, start: token.pos, end: closing.pos + 1 };
    }
    case '{':
      return parseVectorSelector(stream, null);
  }
  if (!canBeMetricName(token.kind)) stream.unexpectedInExpression();
  return parseNamed(stream, depth);
}

/** What starts with a word: a call, an aggregation or a selector, told apart by the token behind the word. */
function parseNamed(stream: TokenStream, depth: number): Expr {
  const word = stream.advance();
  if (isAggregator(word.kind)) {
    if (stream.at('(') || stream.at('by') || stream.at('without')) return parseAggregation(stream, word, depth);
  } else if (stream.at('(') && isCallable(word.kind)) {
    return parseCall(stream, word, depth);
  }
  return parseVectorSelector(stream, word);
}

function isCallable(kind: TokenKind): boolean {
  return kind === 'identifier' || kind === 'start' || kind === 'end' || kind === 'step' || kind === 'range';
}

function parseCall(stream: TokenStream, word: Token, depth: number): Call {
  const args = parseArguments(stream, depth);
  const func = functionSignature(word.text);
  if (func === undefined) stream.fail(word.pos, `unknown function with name ${quote(word.text)}`);
  return { type: 'call', func, args, start: word.pos, end: stream.lastClosing };
}

/** Ends behind the closing parenthesis. */
function parseArguments(stream: TokenStream, depth: number): Expr[] {
  stream.expectInExpression('(');
  const args: Expr[] = [];
  if (!stream.at(')')) {
    for (;;) {
      args.push(parseBinary(stream, 0, depth + 1));
      if (!stream.at(',')) break;
      const comma = stream.advance();
      if (!canStartExpression(stream.token.kind))
        stream.fail(comma.pos, 'trailing commas not allowed in function call args');
    }
  }
  stream.expectInExpression(')');
  return args;
}

function parseAggregation(stream: TokenStream, word: Token, depth: number): Aggregation {
  const op = word.kind as AggregatorKind;
  stream.aggregationDepth++;
  let modifier = parseAggregationModifier(stream);
  if (!stream.at('(')) stream.unexpected('aggregation');
  const args = parseArguments(stream, depth);
  stream.aggregationDepth--;
  modifier ??= parseAggregationModifier(stream);
  if (args.length === 0) stream.fail(word.pos, 'no arguments for aggregate expression provided');
  const wanted = hasParam(op) ? 2 : 1;
  if (args.length !== wanted) {
    stream.fail(
      word.pos,
      `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
    );
  }
  return {
    type: 'aggregation',
    op,
    expr: args[wanted - 1]!,
    param: wanted === 2 ? args[0]! : null,
    grouping: modifier?.grouping ?? [],
    without: modifier?.without ?? false,
    start: word.pos,
    end: stream.lastClosing,
  };
}

/** `by (…)` or `without (…)`, before or behind the arguments; null when there is none. */
function parseAggregationModifier(stream: TokenStream): { without: boolean; grouping: string[] } | null {
  if (!stream.at('by') && !stream.at('without')) return null;
  const without = stream.advance().kind === 'without';
  return { without, grouping: parseGroupingLabels(stream) };
}

/** A selector; `name` is the metric name before the braces, taken already, or null when it starts with the braces. */
function parseVectorSelector(stream: TokenStream, name: Token | null): VectorSelector {
  const first = name ?? stream.token;
  const selector: VectorSelector = {
    type: 'vectorSelector',
    name: name?.text ?? '',
    matchers: [],
    offsetMs: 0,
    offsetExpr: null,
    timestampMs: null,
    startOrEnd: null,
    anchored: false,
    smoothed: false,
    mayMatchEmpty: false,
    start: first.pos,
    end: first.pos + first.text.length,
  };
  if (stream.at('{')) {
    selector.matchers = parseLabelMatchers(stream);
    selector.end = stream.lastClosing;
  }
  if (selector.name !== '') selector.matchers.push({ name: METRIC_NAME, op: '=', value: selector.name });
  return selector;
}

function parseBinaryModifiers(stream: TokenStream): { returnBool: boolean; matching: VectorMatching } {
  const returnBool = stream.accept('bool');
  const matching: VectorMatching = {
    card: 'one-to-one',
    labels: [],
    on: false,
    include: [],
    fillLeft: null,
    fillRight: null,
  };
  if (stream.at('on') || stream.at('ignoring')) {
    matching.on = stream.advance().kind === 'on';
    matching.labels = parseGroupingLabels(stream);
    if (stream.at('group_left') || stream.at('group_right')) {
      matching.card = stream.advance().kind === 'group_left' ? 'many-to-one' : 'one-to-many';
      const mayBeLeftOut = canStartExpression(stream.token.kind) || isFill(stream.token.kind);
      if (stream.at('(') || !mayBeLeftOut) matching.include = parseGroupingLabels(stream);
    }
  }
  parseFill(stream, matching);
  return { returnBool, matching };
}

function isFill(kind: TokenKind): boolean {
  return kind === 'fill' || kind === 'fill_left' || kind === 'fill_right';
}

function parseFill(stream: TokenStream, matching: VectorMatching): void {
  if (stream.accept('fill')) {
    matching.fillLeft = matching.fillRight = parseFillValue(stream);
    return;
  }
  // fill_left and fill_right may both come, in either order, each once.
  for (let i = 0; i < 2; i++) {
    if (stream.at('fill_left') && matching.fillLeft === null) {
      stream.advance();
      matching.fillLeft = parseFillValue(stream);
    } else if (stream.at('fill_right') && matching.fillRight === null) {
      stream.advance();
      matching.fillRight = parseFillValue(stream);
    }
  }
}

function parseFillValue(stream: TokenStream): number {
  stream.expectInExpression('(');
  const value = parseSignedNumber(stream, () => stream.unexpectedInExpression());
  stream.expectInExpression(')');
  return value;
}

function parseSignedNumber(stream: TokenStream, onError: () => never): number {
  const negative = stream.at('-');
  if (negative || stream.at('+')) stream.advance();
  if (!stream.at('number') && !stream.at('duration')) onError();
  const { value } = parseNumberToken(stream);
  return negative ? -value : value;
}

function parsePostfix(stream: TokenStream, operand: Expr): Expr {
  let expr = operand;
  for (;;) {
    switch (stream.token.kind) {
      case '[':
        if (chained++ > MAX_CHAINED) stream.fail(stream.token.pos, 'expression is nested too deeply');
        expr = parseRange(stream, expr);
        break;
      case 'offset': {
        stream.advance();
        setOffset(stream, expr, parseOffsetDuration(stream));
        break;
      }
      case '@':
        parseAt(stream, expr);
        break;
      case 'anchored':
      case 'smoothed':
        setExtension(stream, expr, stream.token.kind);
        stream.advance();
        break;
      default:
        return expr;
    }
  }
}

function parseRange(stream: TokenStream, expr: Expr): MatrixSelector | Subquery {
  const bracket = stream.advance();
  const range = parsePositiveDuration(stream, () => unexpectedRange(stream));
  if (stream.accept(']')) {
    const problem = rangeProblem(expr);
    if (problem !== null) stream.fail(bracket.pos, problem);
    return {
      type: 'matrixSelector',
      vector: expr as VectorSelector,
      ...splitDuration('range', range),
      start: expr.start,
      end: stream.lastClosing,
    };
  }
  if (!stream.accept(':')) stream.unexpected('subquery or range', '":" or "]"');
  let step: DurationNode | null = null;
  if (!stream.at(']')) {
    step = parsePositiveDuration(stream, () =>
      stream.unexpected('subquery selector', 'number, duration, step(), range(), or "]"'),
    );
    if (!stream.at(']')) stream.unexpected('subquery selector', '"]"');
  }
  stream.advance();
  const { rangeMs, rangeExpr } = splitDuration('range', range);
  return {
    type: 'subquery',
    expr,
    rangeMs,
    rangeExpr,
    stepMs: step?.type === 'number' ? literalMs(step.value) : 0,
    stepExpr: step === null || step.type === 'number' ? null : step,
    offsetMs: 0,
    offsetExpr: null,
    timestampMs: null,
    startOrEnd: null,
    start: expr.start,
    end: stream.lastClosing,
  };
}

function splitDuration(_: 'range', node: DurationNode): Pick<MatrixSelector, 'rangeMs' | 'rangeExpr'> {
  return node.type === 'number' ? { rangeMs: literalMs(node.value), rangeExpr: null } : { rangeMs: 0, rangeExpr: node };
}

/** Whole milliseconds of a literal, which is first taken to the nanosecond. */
function literalMs(seconds: number): number {
  return Math.trunc(Math.round(seconds * 1e9) / 1e6);
}

function rangeProblem(expr: Expr): string | null {
  if (expr.type !== 'vectorSelector') return 'ranges only allowed for vector selectors';
  if (expr.offsetMs !== 0 || expr.offsetExpr !== null) return 'no offset modifiers allowed before range';
  if (expr.timestampMs !== null || expr.startOrEnd !== null) return 'no @ modifiers allowed before range';
  return null;
}

/** The node that carries offset and @ of an expression; throws when it has none. */
function modifierTarget(stream: TokenStream, expr: Expr, modifier: string): VectorSelector | Subquery {
  if (expr.type === 'vectorSelector' || expr.type === 'subquery') return expr;
  if (expr.type === 'matrixSelector') return expr.vector;
  return stream.fail(
    expr.start,
    `${modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery`,
  );
}

function setOffset(stream: TokenStream, expr: Expr, duration: DurationNode): void {
  const target = modifierTarget(stream, expr, 'offset');
  if (target.offsetMs !== 0 || target.offsetExpr !== null) {
    stream.fail(expr.start, 'offset may not be set multiple times');
  }
  if (duration.type === 'number') target.offsetMs = literalMs(duration.value);
  else target.offsetExpr = duration;
  expr.end = stream.lastClosing;
}

function parseAt(stream: TokenStream, expr: Expr): void {
  stream.advance();
  const onError = (): never => stream.unexpected('@', 'timestamp');
  const word = stream.token;
  if (word.kind === 'start' || word.kind === 'end') {
    stream.advance();
    if (!stream.accept('(')) onError();
    if (!stream.accept(')')) onError();
    const target = modifierTarget(stream, expr, '@');
    checkAtUnset(stream, expr, target);
    target.startOrEnd = word.kind;
  } else {
    const seconds = parseSignedNumber(stream, onError);
    if (!(Math.abs(seconds) < 2 ** 63)) {
      // From 2^63 on every double is whole.
      const text = Number.isFinite(seconds) ? `${BigInt(seconds)}.000000` : formatGeneral(seconds);
      stream.fail(expr.start, `timestamp out of bounds for @ modifier: ${text}`);
    }
    const target = modifierTarget(stream, expr, '@');
    checkAtUnset(stream, expr, target);
    target.timestampMs = Math.round(seconds * 1000);
  }
  expr.end = stream.lastClosing;
}

function checkAtUnset(stream: TokenStream, expr: Expr, target: VectorSelector | Subquery): void {
  if (target.timestampMs !== null || target.startOrEnd !== null) {
    stream.fail(expr.start, '@ <timestamp> may not be set multiple times');
  }
}

function setExtension(stream: TokenStream, expr: Expr, word: 'anchored' | 'smoothed'): void {
  if (expr.type === 'subquery') stream.fail(expr.start, `${word} modifier is not supported for subqueries`);
  const target = expr.type === 'matrixSelector' ? expr.vector : expr;
  if (target.type !== 'vectorSelector') {
    stream.fail(expr.start, `${word} modifier not implemented`);
  } else {
    target[word] = true;
    if (target.anchored && target.smoothed) {
      stream.fail(expr.start, 'anchored and smoothed modifiers cannot be used together');
    }
  }
}
