/**
 * Regular expressions of InfluxQL: Go's syntax and semantics, unanchored, so a match anywhere in the text counts.
 * Matching takes time linear in the text, whatever the pattern.
 *
 * Patterns without special characters but for anchors at their ends are plain comparisons. Of those anchored at the start
 * the index is told what they begin with or, as of `^(a|b|c)$`, which dashboards make of several chosen values, all that
 * they match: then it looks values up instead of trying each.
 */
import { RE2JS } from 're2js';
import { VarveError } from '../../../errors/errors.ts';
import type { TagMatcher } from '../../../index/series-index.ts';

/** A compiled pattern. */
interface Pattern {
  readonly test: (text: string) => boolean;
  /** All texts that match, when they can be listed; else null. */
  readonly literals: readonly string[] | null;
  /** What every match begins with; may be empty. */
  readonly prefix: string;
}

const CACHE_LIMIT = 256;
const cache = new Map<string, Pattern>();

/** Whether a pattern matches somewhere in a text. Throws `bad_request` for a pattern that Go does not take. */
export function matcherOf(pattern: string): (text: string) => boolean {
  return compiled(pattern).test;
}

/** A matcher of the index for `key =~ /pattern/` or `!~`. Throws as `matcherOf`. */
export function patternMatcher(key: string, op: '=~' | '!~', pattern: string): TagMatcher {
  return { key, op, value: pattern, ...compiled(pattern) };
}

function compiled(pattern: string): Pattern {
  const known = cache.get(pattern);
  if (known !== undefined) {
    // Moved to the end, so that the first entry is the one used longest ago.
    cache.delete(pattern);
    cache.set(pattern, known);
    return known;
  }
  const made = comparison(pattern) ?? alternatives(pattern) ?? automaton(pattern);
  if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value as string);
  cache.set(pattern, made);
  return made;
}

/** One literal, anchored or not. */
function comparison(pattern: string): Pattern | null {
  if (pattern === '.*' || pattern === '^.*' || pattern === '') return { test: () => true, literals: null, prefix: '' };
  const anchored = /^(\^?)((?:[^\\^$.|?*+()[\]{}]|\\[!-/:-@[-`{-~])*)(\$?)$/.exec(pattern);
  if (anchored === null) return null;
  const [, start, escaped, end] = anchored;
  const literal = unescaped(escaped);
  if (start !== '' && end !== '') return { test: (text) => text === literal, literals: [literal], prefix: literal };
  if (start !== '') return { test: (text) => text.startsWith(literal), literals: null, prefix: literal };
  const test = end !== '' ? (text: string) => text.endsWith(literal) : (text: string) => text.includes(literal);
  return { test, literals: null, prefix: '' };
}

/** `^(a|b|c)$` and `^(?:a|b|c)$`. */
function alternatives(pattern: string): Pattern | null {
  const group = /^\^\((?:\?:)?((?:[^\\^$.?*+()[\]{}]|\\[!-/:-@[-`{-~])*)\)\$$/.exec(pattern);
  if (group === null) return null;
  const literals = splitAlternatives(group[1]).map(unescaped);
  const set = new Set(literals);
  return { test: (text) => set.has(text), literals: [...set], prefix: '' };
}

/** The parts between bars that have no backslash before them. */
function splitAlternatives(body: string): string[] {
  const parts = [''];
  for (let i = 0; i < body.length; i++) {
    if (body[i] === '|') parts.push('');
    else if (body[i] === '\\') parts[parts.length - 1] += body[i] + body[++i];
    else parts[parts.length - 1] += body[i];
  }
  return parts;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function automaton(pattern: string): Pattern {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch (error) {
    throw new VarveError('bad_request', (error as Error).message, { cause: error });
  }
  const prefix = literalStart(pattern);
  const test = (text: string) => text.startsWith(prefix) && regex.test(text);
  return { test, literals: null, prefix };
}

/** What a pattern that is anchored at its start begins with; nothing where there are alternatives. */
function literalStart(pattern: string): string {
  if (!pattern.startsWith('^') || pattern.includes('|')) return '';
  const [, literal, next] = /^\^((?:[^\\^$.|?*+()[\]{}]|\\[!-/:-@[-`{-~])*)(.?)/s.exec(pattern) as RegExpExecArray;
  // What is repeated need not be there at all.
  const repeated = next === '*' || next === '?' || next === '{' || next === '+';
  const kept = repeated ? literal.replace(/(?:\\.|[\uD800-\uDBFF][\uDC00-\uDFFF]|.)$/su, '') : literal;
  return unescaped(kept);
}
