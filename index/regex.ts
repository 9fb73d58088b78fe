/**
 * Regular expressions of matchers: RE2 syntax and semantics, anchored at both ends, the dot matching line feeds too, as
 * Prometheus 3 compiles them: the pattern by itself, then `^(?s:pattern)$`. Matching takes time linear in the input,
 * whatever the pattern. PromQL and the index share this one implementation.
 *
 * Most patterns people write need no automaton, and are told apart here once:
 * - literals and alternations of them (`a|b|c`, `(a|b)`, `\.` for a dot): looked up in the dictionary, not searched;
 * - `.*`, `.+`, `literal.*`, `.*literal`, `.*literal.*` and the same with `.+`: plain string comparisons;
 * - anything else goes to RE2, behind a comparison with the literal it begins with, when it does.
 */
import { RE2JS } from 're2js';
import { VarveError } from '../errors/errors.ts';

export interface Regex {
  readonly pattern: string;
  /** All the strings that match, when they can be listed; else null. */
  readonly literals: readonly string[] | null;
  /** What every match begins with; may be empty. */
  readonly prefix: string;
  /** Whether the whole string matches. */
  test(text: string): boolean;
}

const CACHE_LIMIT = 256;
const cache = new Map<string, Regex>();

/** Compiles a pattern, or takes it from the cache. Throws `bad_request` for a pattern that RE2 does not take. */
export function compileRegex(pattern: string): Regex {
  const known = cache.get(pattern);
  if (known !== undefined) {
    // Moved to the end, so that the first entry is the one used longest ago.
    cache.delete(pattern);
    cache.set(pattern, known);
    return known;
  }
  const regex = compileUncached(pattern);
  if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value as string);
  cache.set(pattern, regex);
  return regex;
}

function compileUncached(pattern: string): Regex {
  const literals = listLiterals(pattern);
  if (literals !== null) {
    const set = new Set(literals);
    return { pattern, literals, prefix: commonPrefix(literals), test: (text) => set.has(text) };
  }
  return wildcard(pattern) ?? automaton(pattern);
}

function automaton(pattern: string): Regex {
  let compiled: RE2JS;
  try {
    // Without flags at first, for the message would show them as if they had been written.
    RE2JS.compile(pattern);
    compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    throw new VarveError('bad_request', (error as Error).message, { cause: error });
  }
  const prefix = literalPrefix(pattern);
  const test =
    prefix === ''
      ? (text: string) => compiled.testExact(text)
      : (text: string) => text.startsWith(prefix) && compiled.testExact(text);
  return { pattern, literals: null, prefix, test };
}

/** `a|b|c`, perhaps in one group, perhaps with escaped punctuation, as the list of its strings; else null. */
function listLiterals(pattern: string): string[] | null {
  const group = /^\((?:\?:)?([^()]*)\)$/.exec(pattern);
  const body = group === null ? pattern : group[1];
  const literals: string[] = [];
  let text = '';
  for (let i = 0; i < body.length; i++) {
    const c = body[i];
    if (c === '|') {
      literals.push(text);
      text = '';
    } else if (c === '\\') {
      const next = body[++i];
      if (next === undefined || !isPunctuation(next)) return null;
      text += next;
    } else if (isMeta(c)) {
      return null;
    } else {
      text += c;
    }
  }
  literals.push(text);
  return literals;
}

/** A literal with `.*` or `.+` before, after or on both sides of it; else null. */
function wildcard(pattern: string): Regex | null {
  let from = 0;
  let to = pattern.length;
  let before = -1;
  let after = -1;
  if (/^\.[*+]/.test(pattern)) {
    before = pattern[1] === '+' ? 1 : 0;
    from = 2;
  }
  if (to - from >= 2 && pattern[to - 2] === '.' && isMeta(pattern[to - 1]) && '*+'.includes(pattern[to - 1])) {
    let backslashes = 0;
    while (to - 3 - backslashes >= from && pattern[to - 3 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) {
      after = pattern[to - 1] === '+' ? 1 : 0;
      to -= 2;
    }
  }
  if (before < 0 && after < 0) return null;
  const body = pattern.slice(from, to);
  if (body.includes('|') || body.includes('(')) return null;
  const literals = listLiterals(body);
  if (literals === null) return null;
  const literal = literals[0];
  const atLeast = (part: number) => Math.max(part, 0);
  // In characters, not code units: both ends need at least one where they have a plus.
  const least = literal.length + atLeast(before) + atLeast(after);
  let test: (text: string) => boolean;
  if (before < 0) test = (text) => text.length >= least && text.startsWith(literal);
  else if (after < 0) test = (text) => text.length >= least && text.endsWith(literal);
  else if (literal === '') test = (text) => countsAtLeast(text, atLeast(before) + atLeast(after));
  else test = (text) => containsBetween(text, literal, atLeast(before), atLeast(after));
  return { pattern, literals: null, prefix: before < 0 ? literal : '', test };
}

/** Whether the literal is in the text with so many units before and after it. */
function containsBetween(text: string, literal: string, before: number, after: number): boolean {
  const latest = text.length - after - literal.length;
  return latest >= before && text.lastIndexOf(literal, latest) >= before;
}

/** Whether the text has at least 0, 1 or 2 characters. */
function countsAtLeast(text: string, least: number): boolean {
  if (least < 2) return text.length >= least;
  return text.length > 2 || (text.length === 2 && (text.codePointAt(0) as number) < 0x10000);
}

/** The literal that a pattern without top-level alternatives begins with. */
function literalPrefix(pattern: string): string {
  if (hasTopLevelAlternative(pattern)) return '';
  let prefix = '';
  let i = 0;
  while (i < pattern.length) {
    let c = pattern[i];
    let width = 1;
    if (c === '\\') {
      const next = pattern[i + 1];
      if (next === undefined || !isPunctuation(next)) break;
      c = next;
      width = 2;
    } else if (isMeta(c)) {
      break;
    }
    const code = c.charCodeAt(0);
    if (code >= 0xd800 && code < 0xe000) break;
    const after = pattern[i + width];
    if (after === '*' || after === '?' || after === '{' || after === '+') break;
    prefix += c;
    i += width;
  }
  return prefix;
}

function hasTopLevelAlternative(pattern: string): boolean {
  if (!pattern.includes('|')) return false;
  // Quoting, classes and unbalanced groups make depth hard to tell; such patterns go without a prefix.
  if (pattern.includes('[') || pattern.includes('\\Q')) return true;
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '\\') i++;
    else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '|' && depth <= 0) return true;
  }
  return false;
}

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0];
  for (const text of texts) {
    let n = 0;
    while (n < prefix.length && n < text.length && prefix[n] === text[n]) n++;
    prefix = prefix.slice(0, n);
  }
  return prefix;
}

function isMeta(c: string): boolean {
  return '\\^$.|?*+()[]{}'.includes(c);
}

/** Characters that RE2 takes literally behind a backslash. */
function isPunctuation(c: string): boolean {
  return /[!-/:-@[-`{-~]/.test(c);
}
