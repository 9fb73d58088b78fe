/**
 * Errors of the parser, with InfluxDB's texts. Lines and characters count from 1, characters in code points.
 */
import { VarveError } from '../../../errors/errors.ts';

/** A message that tells no place. */
export function parseError(message: string): VarveError {
  return new VarveError('bad_request', message);
}

/** A message and the place of an offset. */
export function parseErrorAt(message: string, text: string, offset: number): VarveError {
  return parseError(`${message} at ${placeOf(text, offset)}`);
}

/**
 * `line L, char C` of an offset. The end of the text is a character of its own, and what is read after it lies one further:
 * any offset beyond the length is that place.
 */
function placeOf(text: string, offset: number): string {
  let line = 1;
  let char = 1;
  const end = Math.min(offset, text.length);
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x0a) {
      line++;
      char = 1;
    } else if (code < 0xdc00 || code > 0xdfff || i === 0 || !isHighSurrogate(text.charCodeAt(i - 1))) {
      char++;
    }
  }
  if (offset > text.length) char++;
  return `line ${line}, char ${char}`;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
