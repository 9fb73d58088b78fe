/**
 * Regular expressions of InfluxQL: Go's syntax and semantics, unanchored, so a match anywhere in the text counts.
 * Matching takes time linear in the text, whatever the pattern.
 */
import { RE2JS } from 're2js';
import { VarveError } from '../../../errors/errors.ts';

const CACHE_LIMIT = 256;
const cache = new Map<string, (text: string) => boolean>();

/** Whether a pattern matches somewhere in a text. Throws `bad_request` for a pattern that Go does not take. */
export function matcherOf(pattern: string): (text: string) => boolean {
  const known = cache.get(pattern);
  if (known !== undefined) {
    // Moved to the end, so that the first entry is the one used longest ago.
    cache.delete(pattern);
    cache.set(pattern, known);
    return known;
  }
  const test = literalTest(pattern) ?? automatonTest(pattern);
  if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value as string);
  cache.set(pattern, test);
  return test;
}

/** Patterns without special characters, but for anchors at the ends, are plain comparisons of strings. */
function literalTest(pattern: string): ((text: string) => boolean) | null {
  if (pattern === '.*' || pattern === '^.*' || pattern === '') return () => true;
  const anchored = /^(\^?)([^\\^$.|?*+()[\]{}]*)(\$?)$/.exec(pattern);
  if (anchored === null) return null;
  const [, start, literal, end] = anchored;
  if (start !== '' && end !== '') return (text) => text === literal;
  if (start !== '') return (text) => text.startsWith(literal);
  if (end !== '') return (text) => text.endsWith(literal);
  return (text) => text.includes(literal);
}

function automatonTest(pattern: string): (text: string) => boolean {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    throw new VarveError('bad_request', (error as Error).message, { cause: error });
  }
  return (text) => compiled.matcher(text).find();
}
