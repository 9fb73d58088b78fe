/**
 * Identifiers and strings as InfluxQL texts.
 */
import { isBareWord } from './parser/lexer.ts';
import { keyword } from './parser/token.ts';

function needsQuotes(identifier: string): boolean {
  return keyword(identifier) !== undefined || (identifier !== '' && !isBareWord(identifier));
}

/**
 * Segments joined by dots. All but the last are quoted, so that none is taken for another part of the name; an empty one
 * in the middle is left out.
 */
export function printIdentifier(...segments: readonly string[]): string {
  const last = segments.length - 1;
  return segments
    .map((segment, i) => {
      const quoted = needsQuotes(segment) || (segment === '' ? i === 0 || i === last : i < last);
      const escaped = segment.replaceAll(/[\n\\"]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
      return quoted ? `"${escaped}"` : escaped;
    })
    .join('.');
}

export function printString(text: string): string {
  return `'${text.replaceAll(/[\n\\']/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}'`;
}
