/** Label matchers: `name = "value"` and its kin. Regular expressions are RE2, matched against the whole value. */
import { RE2JS } from 're2js';

import { quote } from './parser/token.ts';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface LabelMatcher {
  readonly name: string;
  readonly op: MatchOperator;
  readonly value: string;
}

const ALTERNATION = /^[\p{L}\p{N}_:;,/@%&#"'<>=~! -]*(?:\|[\p{L}\p{N}_:;,/@%&#"'<>=~! -]*)*$/u;

/** A predicate over whole label values. Plain alternations (`a|b|c`) are looked up, not matched. Throws on bad RE2 syntax. */
export function compileRegex(pattern: string): (value: string) => boolean {
  if (ALTERNATION.test(pattern)) {
    const words = new Set(pattern.split('|'));
    return (value) => words.has(value);
  }
  if (pattern === '.*') return () => true;
  if (pattern === '.+') return (value) => value !== '';
  // The flags make . match line breaks, as in Prometheus.
  const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  return (value) => compiled.matches(value);
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
      return compileRegex(wanted);
    case '!~': {
      const matches = compileRegex(wanted);
      return (value) => !matches(value);
    }
  }
}

/** The reason why a pattern is not RE2, or null. */
export function regexProblem(pattern: string): string | null {
  try {
    compileRegex(pattern);
    return null;
  } catch {
    // Without flags, which the message would show as if they had been written.
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      return error instanceof Error ? error.message : `${error}`;
    }
    return 'error parsing regexp';
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
