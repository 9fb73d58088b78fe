/**
 * Compact JSON, indented by four spaces as it passes, as Go's json.Indent does it: empty arrays and objects stay
 * closed, and lines between documents are kept.
 */
import type { AnswerBytes } from './answer-bytes.ts';

const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const INDENT = 4;

export interface JsonIndenter {
  /** Indents the next bytes, which may end anywhere. */
  write(bytes: Uint8Array): void;
}

/** @param out where the indented text goes. */
export function jsonIndenter(out: AnswerBytes): JsonIndenter {
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** After an opening bracket, until it is known whether anything is inside. */
  let opened = false;
  const newline = () => {
    out.byte(NEWLINE);
    for (let i = 0; i < depth * INDENT; i++) out.byte(SPACE);
  };
  return {
    write(bytes) {
      for (let i = 0; i < bytes.length; i++) {
        const code = bytes[i];
        if (inString) {
          out.byte(code);
          if (escaped) escaped = false;
          else if (code === BACKSLASH) escaped = true;
          else if (code === QUOTE) inString = false;
          continue;
        }
        const closes = code === 93 || code === 125;
        if (opened && !closes) newline();
        if (closes) {
          depth--;
          if (!opened) newline();
        }
        opened = false;
        out.byte(code);
        if (code === 91 || code === 123) {
          depth++;
          opened = true;
        } else if (code === 44) newline();
        else if (code === 58) out.byte(SPACE);
        else if (code === QUOTE) inString = true;
      }
    },
  };
}
