/**
 * Splits a template in Go's text/template language into text and the tokens of its actions.
 *
 * `{{-` with a space behind it eats the white space before the action, ` -}}` that behind it. Comments vanish. Positions
 * are offsets in UTF-16 units; every token knows its line, because parse errors name it.
 */

export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'identifier'
  | 'field'
  | 'variable'
  | 'dot'
  | 'string'
  | 'raw'
  | 'char'
  | 'number'
  | 'bool'
  | 'nil'
  | 'keyword'
  | 'pipe'
  | 'assign'
  | 'declare'
  | '('
  | ')'
  | ','
  | 'other'
  | 'eof'
  | 'error';

export interface Token {
  kind: TokenKind;
  /** The text; of an error, its message. */
  text: string;
  start: number;
  line: number;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'template',
  'with',
]);

const SPACE = /[ \t\r\n]/;
const ALPHANUMERIC = /[\p{L}\p{N}_]/u;
const NUMBER =
  /^[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[bB][01_]*|0[oO][0-7_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/;

/** All tokens; the last one is `eof` or `error`. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at <= text.length) {
    const open = text.indexOf('{{', at);
    const end = open < 0 ? text.length : open;
    let from = at;
    let to = end;
    if (trimNext) while (from < to && SPACE.test(text[from]!)) from++;
    const trims = open >= 0 && text[open + 2] === '-' && SPACE.test(text[open + 3] ?? '');
    if (trims) while (to > from && SPACE.test(text[to - 1]!)) to--;
    if (to > from) tokens.push({ kind: 'text', text: text.slice(from, to), start: from, line: lineAt(text, from) });
    if (open < 0) break;
    const action = lexAction(text, open, trims, tokens);
    if (action === null) return tokens;
    at = action.next;
    trimNext = action.trims;
  }
  tokens.push({ kind: 'eof', text: '', start: text.length, line: lineAt(text, text.length) });
  return tokens;
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** Reads `{{ … }}` or a comment. Null after an error, which is then the last token. */
function lexAction(
  text: string,
  open: number,
  trims: boolean,
  tokens: Token[],
): { next: number; trims: boolean } | null {
  const push = (kind: TokenKind, start: number, end: number) => {
    tokens.push({ kind, text: text.slice(start, end), start, line: lineAt(text, start) });
  };
  const fail = (start: number, message: string): null => {
    tokens.push({ kind: 'error', text: message, start, line: lineAt(text, start) });
    return null;
  };
  let at = open + (trims ? 4 : 2);
  if (text.startsWith('/*', at)) {
    const close = text.indexOf('*/', at + 2);
    if (close < 0) return fail(at, 'unclosed comment');
    const right = rightDelimiter(text, close + 2);
    if (right === null) return fail(at, 'comment ends before closing delimiter');
    return right;
  }
  push('left', open, open + 2);
  let depth = 0;
  for (;;) {
    const right = rightDelimiter(text, at);
    if (right !== null) {
      if (depth > 0) return fail(at, 'unclosed left paren');
      push('right', right.next - 2, right.next);
      return right;
    }
    const char = text[at];
    if (char === undefined) return fail(at, 'unclosed action');
    let end = at + 1;
    if (SPACE.test(char)) {
      while (SPACE.test(text[end] ?? '') && rightDelimiter(text, end) === null) end++;
      push('space', at, end);
    } else if (char === '=') push('assign', at, end);
    else if (char === ':') {
      if (text[end] !== '=') return fail(at, 'expected :=');
      end++;
      push('declare', at, end);
    } else if (char === '|') push('pipe', at, end);
    else if (char === '"' || char === "'") {
      while (text[end] !== char) {
        if (text[end] === undefined || text[end] === '\n') {
          return fail(at, char === '"' ? 'unterminated quoted string' : 'unterminated character constant');
        }
        end += text[end] === '\\' ? 2 : 1;
      }
      end++;
      push(char === '"' ? 'string' : 'char', at, end);
    } else if (char === '`') {
      const close = text.indexOf('`', end);
      if (close < 0) return fail(at, 'unterminated raw quoted string');
      end = close + 1;
      push('raw', at, end);
    } else if (char === '$' || (char === '.' && !/[0-9]/.test(text[end] ?? ''))) {
      while (ALPHANUMERIC.test(text[end] ?? '')) end++;
      const kind = char === '$' ? 'variable' : end === at + 1 ? 'dot' : 'field';
      if (!atTerminator(text, end)) return fail(end, `bad character ${describe(text, end)}`);
      push(kind, at, end);
    } else if (/[0-9+\-.]/.test(char)) {
      end = at + (NUMBER.exec(text.slice(at))?.[0].length ?? 0);
      if (end <= at || ALPHANUMERIC.test(text[end] ?? '')) {
        return fail(at, `bad number syntax: "${text.slice(at, Math.max(end, at) + 1)}"`);
      }
      push('number', at, end);
    } else if (ALPHANUMERIC.test(char)) {
      while (ALPHANUMERIC.test(text[end] ?? '')) end++;
      if (!atTerminator(text, end)) return fail(end, `bad character ${describe(text, end)}`);
      push(wordKind(text.slice(at, end)), at, end);
    } else if (char === '(') {
      depth++;
      push('(', at, end);
    } else if (char === ')') {
      if (--depth < 0) return fail(at, 'unexpected right paren');
      push(')', at, end);
    } else if (char === ',') push(',', at, end);
    else if (char > ' ' && char <= '~') push('other', at, end);
    else return fail(at, `unrecognized character in action: ${describe(text, at)}`);
    at = end;
  }
}

/** Whether `}}` (or ` -}}`) stands at `at`, and where the text goes on. */
function rightDelimiter(text: string, at: number): { next: number; trims: boolean } | null {
  if (text.startsWith('}}', at)) return { next: at + 2, trims: false };
  if (SPACE.test(text[at] ?? '') && text.startsWith('-}}', at + 1)) return { next: at + 4, trims: true };
  return null;
}

/** Names must be followed by something that ends them, so that a typing error does not pass unseen. */
function atTerminator(text: string, at: number): boolean {
  const char = text[at];
  return char === undefined || SPACE.test(char) || '.,|:)(='.includes(char) || text.startsWith('}}', at);
}

function wordKind(word: string): TokenKind {
  if (KEYWORDS.has(word)) return 'keyword';
  if (word === 'true' || word === 'false') return 'bool';
  return word === 'nil' ? 'nil' : 'identifier';
}

/** Go's %#U: `U+0025 '%'`. */
function describe(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(code)}'`;
}
