/**
 * Errors of the parser in the words of Prometheus: `1:5: parse error: unexpected …`. Positions are kept as UTF-16
 * offsets while parsing and turned into a line and a byte column only when the message is built.
 */
import { VarveError } from '../../../errors/errors.ts';

const encoder = new TextEncoder();

/** `line:column` of an offset; both count from 1 and the column counts bytes of UTF-8. */
export function linePosition(query: string, offset: number): string {
  if (query === '') return 'unknown position';
  if (offset < 0 || offset > query.length) return 'invalid position';
  let line = 1;
  let lineStart = 0;
  for (let i = query.indexOf('\n'); i >= 0 && i < offset; i = query.indexOf('\n', i + 1)) {
    line++;
    lineStart = i + 1;
  }
  const column = encoder.encode(query.slice(lineStart, offset)).length + 1;
  return `${line}:${column}`;
}

/** The error of a query that does not parse or does not type-check. Code `bad_request`. */
export function parseError(query: string, offset: number, message: string): VarveError {
  return new VarveError('bad_request', `${linePosition(query, offset)}: parse error: ${message}`);
}
