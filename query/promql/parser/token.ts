/**
 * Tokens of PromQL and how they are named in error messages. The kinds and the keyword table follow the language
 * reference; a keyword is recognised in any letter case, and most keywords may still be metric or label names.
 */

/** A lexical unit. `text` is the source text; `pos` is its offset in UTF-16 units; for `error` `text` is the message. */
export interface Token {
  readonly kind: TokenKind;
  readonly pos: number;
  readonly text: string;
}

export type TokenKind =
  | 'eof'
  | 'error'
  | 'identifier'
  | 'metric_identifier'
  | 'string'
  | 'number'
  | 'duration'
  | PunctuationKind
  | OperatorKind
  | AggregatorKind
  | KeywordKind
  | PreprocessorKind;

export type PunctuationKind = '(' | ')' | '{' | '}' | '[' | ']' | ',' | ':' | '=';

export type OperatorKind =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '</'
  | '>/'
  | '=~'
  | '!~'
  | '@'
  | 'and'
  | 'or'
  | 'unless'
  | 'atan2';

export type AggregatorKind =
  | 'sum'
  | 'avg'
  | 'count'
  | 'min'
  | 'max'
  | 'group'
  | 'stddev'
  | 'stdvar'
  | 'topk'
  | 'bottomk'
  | 'count_values'
  | 'quantile'
  | 'limitk'
  | 'limit_ratio';

export type KeywordKind =
  | 'offset'
  | 'smoothed'
  | 'anchored'
  | 'by'
  | 'without'
  | 'on'
  | 'ignoring'
  | 'group_left'
  | 'group_right'
  | 'fill'
  | 'fill_left'
  | 'fill_right'
  | 'bool';

/** Words that have a meaning after `@` or inside a duration, and are functions elsewhere. */
export type PreprocessorKind = 'start' | 'end' | 'step' | 'range';

const OPERATOR_WORDS: readonly string[] = ['and', 'or', 'unless', 'atan2'];

const AGGREGATORS: readonly string[] = [
  'sum',
  'avg',
  'count',
  'min',
  'max',
  'group',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
];

const KEYWORDS: readonly string[] = [
  'offset',
  'smoothed',
  'anchored',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'fill',
  'fill_left',
  'fill_right',
  'bool',
];

const PREPROCESSORS: readonly string[] = ['start', 'end', 'step', 'range'];

/** Lower-case word → kind of token. */
export const WORD_KINDS: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ...[...OPERATOR_WORDS, ...AGGREGATORS, ...KEYWORDS, ...PREPROCESSORS].map((word): [string, TokenKind] => [
    word,
    word as TokenKind,
  ]),
  ['inf', 'number'],
  ['nan', 'number'],
]);

const OPERATORS: ReadonlySet<string> = new Set([
  ...OPERATOR_WORDS,
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '</',
  '>/',
  '=~',
  '!~',
  '@',
]);
const AGGREGATOR_SET: ReadonlySet<string> = new Set(AGGREGATORS);
const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);

export function isAggregator(kind: TokenKind): kind is AggregatorKind {
  return AGGREGATOR_SET.has(kind);
}

/** Words that the grammar also takes as a metric name when no `(` makes them something else. */
const METRIC_WORDS: ReadonlySet<string> = new Set([
  ...AGGREGATORS,
  ...PREPROCESSORS,
  'and',
  'or',
  'unless',
  'by',
  'without',
  'offset',
  'anchored',
  'smoothed',
  'fill',
  'fill_left',
  'fill_right',
]);

export function canBeMetricName(kind: TokenKind): boolean {
  return kind === 'identifier' || kind === 'metric_identifier' || METRIC_WORDS.has(kind);
}

/** Words that the grammar also takes as a label name inside `by (…)`, `on (…)` and the like; `without` is not among them. */
export function canBeLabelName(kind: TokenKind): boolean {
  switch (kind) {
    case 'atan2':
    case 'bool':
    case 'group_left':
    case 'group_right':
    case 'ignoring':
    case 'on':
      return true;
    case 'without':
    case 'metric_identifier':
      return false;
    default:
      return canBeMetricName(kind);
  }
}

/** Whether an expression may start with such a token. */
export function canStartExpression(kind: TokenKind): boolean {
  switch (kind) {
    case 'number':
    case 'duration':
    case 'string':
    case '(':
    case '{':
    case '+':
    case '-':
      return true;
    default:
      return canBeMetricName(kind);
  }
}

/** A token as error messages name it: `identifier "foo"`, `<op:==>`, `end of input`, … */
export function describeToken(token: Token): string {
  const { kind, text } = token;
  switch (kind) {
    case 'eof':
      return 'end of input';
    case 'error':
      return `error ${text}`;
    case 'identifier':
      return `identifier ${quote(text)}`;
    case 'metric_identifier':
      return `metric identifier ${quote(text)}`;
    case 'string':
      return `string ${shorten(text)}`;
    case 'number':
      return `number ${shorten(text)}`;
    case 'duration':
      return `duration ${shorten(text)}`;
    default:
      if (KEYWORD_SET.has(kind)) return `<${text}>`;
      if (OPERATORS.has(kind)) return `<op:${text}>`;
      if (AGGREGATOR_SET.has(kind)) return `<aggr:${text}>`;
      return shorten(text);
  }
}

function shorten(text: string): string {
  const points = [...text];
  return points.length > 10 ? `${quote(points.slice(0, 10).join(''))}...` : quote(text);
}

/** Go's %q for printable text: double quotes, with the usual escapes. */
export function quote(text: string): string {
  let out = '"';
  for (const point of text) {
    const code = point.codePointAt(0)!;
    if (point === '"' || point === '\\') out += `\\${point}`;
    else if (code >= 0x20 && code < 0x7f) out += point;
    else out += escapePoint(point, code);
  }
  return `${out}"`;
}

const NAMED_ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
};

const PRINTABLE = /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u;

function escapePoint(point: string, code: number): string {
  const named = NAMED_ESCAPES[code];
  if (named !== undefined) return named;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  // A byte that is no UTF-8, see unquote().
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  if (code >= 0xd800 && code < 0xe000) return '\\ufffd';
  if (PRINTABLE.test(point)) return point;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Go's %q of a rune: single quotes. */
export function quoteRune(text: string): string {
  if (text === "'") return "'\\''";
  if (text === '"') return "'\"'";
  return `'${quote(text).slice(1, -1)}'`;
}
