/** Label matchers in braces, and the label lists of `by`, `on`, `group_left` and the like. */
import { isLabelName, type LabelMatcher, type MatchOperator, METRIC_NAME, regexProblem } from '../matcher.ts';
import { unquote } from './string-literal.ts';
import { canBeLabelName, quote } from './token.ts';
import type { TokenStream } from './token-stream.ts';

/** The matchers of `{…}`; the current token is the brace. Ends behind the closing brace. */
export function parseLabelMatchers(stream: TokenStream): LabelMatcher[] {
  stream.advance();
  const matchers: LabelMatcher[] = [];
  while (!stream.at('}')) {
    matchers.push(parseMatcher(stream));
    if (stream.accept(',')) continue;
    if (!stream.at('}')) stream.unexpected('label matching', '"," or "}"');
  }
  stream.advance();
  return matchers;
}

function parseMatcher(stream: TokenStream): LabelMatcher {
  const nameToken = stream.token;
  let name: string;
  if (nameToken.kind === 'identifier') {
    name = nameToken.text;
    stream.advance();
    if (!isMatchOperator(stream.token.kind)) stream.unexpected('label matching', 'label matching operator');
  } else if (nameToken.kind === 'string') {
    name = unquote(nameToken.text);
    stream.advance();
    // A lone quoted string is the metric name.
    if (stream.at(',') || stream.at('}')) return { name: METRIC_NAME, op: '=', value: name };
    if (!isMatchOperator(stream.token.kind)) stream.unexpected('label matching', '"," or "}"');
  } else {
    return stream.unexpected('label matching', 'identifier or "}"');
  }
  const op = stream.advance().kind as MatchOperator;
  if (!stream.at('string')) stream.unexpected('label matching', 'string');
  const value = unquote(stream.token.text);
  if (op === '=~' || op === '!~') {
    const problem = regexProblem(value);
    if (problem !== null) stream.fail(nameToken.pos, problem);
  }
  stream.advance();
  return { name, op, value };
}

function isMatchOperator(kind: string): boolean {
  return kind === '=' || kind === '!=' || kind === '=~' || kind === '!~';
}

/** A parenthesised list of label names; the current token should be the parenthesis. */
export function parseGroupingLabels(stream: TokenStream): string[] {
  if (!stream.at('(')) stream.unexpected('grouping opts', '"("');
  stream.advance();
  const labels: string[] = [];
  while (!stream.at(')')) {
    labels.push(parseGroupingLabel(stream));
    if (stream.accept(',')) continue;
    if (!stream.at(')')) stream.unexpected('grouping opts', '"," or ")"');
  }
  stream.advance();
  return labels;
}

function parseGroupingLabel(stream: TokenStream): string {
  const token = stream.token;
  if (token.kind === 'string') {
    const name = unquote(token.text);
    if (!isLabelName(name)) stream.fail(token.pos, `invalid label name for grouping: ${quote(name)}`);
    stream.advance();
    return name;
  }
  if (!canBeLabelName(token.kind)) stream.unexpected('grouping opts', 'label');
  stream.advance();
  return token.text;
}
