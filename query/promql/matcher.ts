/** Label matchers: `name = "value"` and its kin. Regular expressions are RE2, matched against the whole value. */
import { VarveError } from '../../errors/errors.ts';
import { compileRegex } from '../../index/regex.ts';
import { quote } from './parser/token.ts';

/** The label that holds a metric's name. */
export const METRIC_NAME = '__name__';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface LabelMatcher {
  readonly name: string;
  readonly op: MatchOperator;
  readonly value: string;
}

/** A predicate over the value of the matcher's label; an absent label is ''. */
export function compileMatcher(matcher: LabelMatcher): (value: string) => boolean {
  const wanted = matcher.value;
  switch (matcher.op) {
    case '=':
      return (value) => value === wanted;
    case '!=':
      return (value) => value !== wanted;
    case '=~':
      return compileRegex(wanted).test;
    case '!~': {
      const { test } = compileRegex(wanted);
      return (value) => !test(value);
    }
  }
}

/** The reason why a pattern is not RE2, or null. */
export function regexProblem(pattern: string): string | null {
  try {
    compileRegex(pattern);
    return null;
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    throw error;
  }
}

/** Whether a text may be a label name: any UTF-8 but nothing. */
export function isLabelName(name: string): boolean {
  return name !== '' && name.isWellFormed();
}

const PLAIN_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Whether a label name needs no quotes. */
export function isPlainLabelName(name: string): boolean {
  return PLAIN_NAME.test(name);
}

/** `name="value"`, with the name quoted when it has to be. */
export function formatMatcher(matcher: LabelMatcher): string {
  const name = isPlainLabelName(matcher.name) ? matcher.name : quote(matcher.name);
  return `${name}${matcher.op}${quote(matcher.value)}`;
}
