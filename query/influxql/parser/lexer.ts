/**
 * Splits a text into InfluxQL tokens.
 *
 * What a `/` begins depends on where it stands, so the parser asks for a regular expression where one may be, and the
 * lexer never looks further ahead than the token asked for. White space and comments are tokens, because in a few places
 * they make a difference. Nothing throws here: what is wrong becomes a token of its own, and the parser's message shows it.
 *
 * Places of strings and regular expressions in messages are InfluxDB's: one character before the quote or slash.
 */
import { keyword, type SymbolKind, type Token, type TokenKind } from './token.ts';

/** Read at the end of the text. */
const END = '';

const SYMBOLS: ReadonlySet<string> = new Set([...'+-*/%&|^=<>(),:;.', '!=', '=~', '!~', '<=', '>=', '::', '<>']);

export function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\n';
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9';
}

function isLetter(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z');
}

function isWordChar(char: string): boolean {
  return isLetter(char) || isDigit(char) || char === '_';
}

function isDurationChar(char: string): boolean {
  return isLetter(char) || char === 'µ';
}

/** Words that need no quotes as identifiers, except that they may be keywords. */
export function isBareWord(word: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(word);
}

export class Lexer {
  /** With line ends as `\n`, and cut at the first NUL, which ends a text for InfluxDB. */
  readonly text: string;
  /** Of the next character. It goes past the length when the end has been read, because messages tell that apart. */
  private pos = 0;

  constructor(text: string) {
    const nul = text.indexOf('\0');
    this.text = (nul < 0 ? text : text.slice(0, nul)).replace(/\r\n?/g, '\n');
  }

  /** The next character, unread; `''` at the end, which then counts as read. */
  peek(): string {
    if (this.pos < this.text.length) return this.text[this.pos];
    this.pos++;
    return END;
  }

  /** The next token; at the end always `EOF`. */
  next(): Token {
    const start = this.pos;
    const char = this.read();
    if (char === END) return token('EOF', '', start);
    if (isSpace(char)) return this.space(start);
    if (isLetter(char) || char === '_' || char === '"') return this.word(start);
    if (isDigit(char)) return this.number(start);
    if (char === "'") return this.quoted(char, 'string', start);
    if (char === '$') return this.parameter(start);
    const after = this.text.charAt(this.pos);
    if (char === '.' && isDigit(after)) return this.number(start);
    if (char === '-' && after === '-') return this.lineComment(start);
    if (char === '/' && after === '*') return this.blockComment(start);
    return this.symbol(char, after, start);
  }

  /** The regular expression that begins here. */
  nextRegex(): Token {
    const start = Math.max(0, this.pos - 1);
    const from = this.pos + 1;
    for (let i = from; i < this.text.length; i++) {
      const char = this.text[i];
      if (char === '\\' && this.text[i + 1] === '/') {
        i++;
      } else if (char === '/') {
        this.pos = i + 1;
        return token('regex', this.text.slice(from, i).replaceAll('\\/', '/'), start);
      } else if (char === '\n') {
        this.pos = i + 1;
        return token('badRegex', '', start);
      }
    }
    this.pos = this.text.length + 1;
    return token('badRegex', '', start);
  }

  private read(): string {
    return this.text.charAt(this.pos++);
  }

  private space(start: number): Token {
    while (isSpace(this.text.charAt(this.pos))) this.pos++;
    const end = this.pos;
    if (end >= this.text.length) this.pos++;
    return token('space', this.text.slice(start, end), start);
  }

  /** A keyword or identifier; a quoted part replaces what stands before it. */
  private word(start: number): Token {
    this.pos = start;
    const word = this.bareOrQuoted(start);
    if (typeof word !== 'string') return word;
    const known = keyword(word);
    return known === undefined ? token('identifier', word, start) : token(known, '', start);
  }

  private parameter(start: number): Token {
    const word = this.bareOrQuoted(start);
    const text = typeof word === 'string' ? word : word.text;
    if (typeof word !== 'string' && word.kind !== 'identifier') return token(word.kind, `$${text}`, start);
    return token('parameter', `$${text}`, start);
  }

  /** The bare word here, which may be empty, or the token of a quoted one. */
  private bareOrQuoted(start: number): string | Token {
    const from = this.pos;
    while (isWordChar(this.text.charAt(this.pos))) this.pos++;
    const word = this.text.slice(from, this.pos);
    if (this.pos >= this.text.length) {
      // The end is looked at once after the word and once more to see that nothing follows.
      this.pos += word === '' ? 1 : 2;
    } else if (this.text[this.pos] === '"') {
      this.pos++;
      return this.quoted('"', 'identifier', start);
    }
    return word;
  }

  /** After the opening quote. */
  private quoted(quote: string, kind: 'string' | 'identifier', start: number): Token {
    const place = Math.max(0, this.pos - 2);
    let text = '';
    for (;;) {
      const at = this.pos;
      const char = this.read();
      if (char === quote) return token(kind, text, kind === 'string' ? place : start);
      if (char === END || char === '\n') return token('badString', text, place);
      if (char !== '\\') {
        text += char;
        continue;
      }
      const code = this.text.codePointAt(this.pos);
      const escaped = code === undefined ? END : String.fromCodePoint(code);
      this.pos += Math.max(1, escaped.length);
      if (escaped === 'n') text += '\n';
      else if (escaped === '\\' || escaped === '"' || escaped === "'") text += escaped;
      else return token('badEscape', `\\${escaped === END ? '\0' : escaped}`, at + 1);
    }
  }

  private lineComment(start: number): Token {
    const end = this.text.indexOf('\n', this.pos);
    this.pos = end < 0 ? this.text.length + 1 : end + 1;
    return token('comment', '', start);
  }

  private blockComment(start: number): Token {
    const end = this.text.indexOf('*/', this.pos + 1);
    this.pos = end < 0 ? this.text.length + 1 : end + 2;
    return token(end < 0 ? 'illegal' : 'comment', '', start);
  }

  /** Digits with a fraction, or digits, or a duration: digits, then letters and digits. */
  private number(start: number): Token {
    this.pos = start;
    this.digits();
    if (this.text.charAt(this.pos) === '.') {
      const end = this.pos++;
      if (!isDigit(this.text.charAt(this.pos))) return token('number', this.text.slice(start, end), start);
      this.digits();
      return token('number', this.text.slice(start, this.pos), start);
    }
    const digitsEnd = this.pos;
    if (isDurationChar(this.text.charAt(this.pos))) {
      while (isDurationChar(this.text.charAt(this.pos)) || isDigit(this.text.charAt(this.pos))) this.pos++;
    }
    return token(this.pos > digitsEnd ? 'duration' : 'integer', this.text.slice(start, this.pos), start);
  }

  private digits(): void {
    while (isDigit(this.text.charAt(this.pos))) this.pos++;
  }

  private symbol(char: string, after: string, start: number): Token {
    const pair = char + after;
    if (after !== END && SYMBOLS.has(pair)) {
      this.pos++;
      return token(pair === '<>' ? '!=' : (pair as SymbolKind), '', start);
    }
    if (SYMBOLS.has(char)) return token(char as SymbolKind, '', start);
    const whole = String.fromCodePoint(this.text.codePointAt(start) as number);
    this.pos = start + whole.length;
    return token('illegal', whole, start);
  }
}

function token(kind: TokenKind, text: string, offset: number): Token {
  return { kind, text, offset };
}
