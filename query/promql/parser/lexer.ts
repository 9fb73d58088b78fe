/**
 * Splits a query into tokens, with Prometheus' error texts.
 *
 * The lexer has three modes: statements, inside braces (label matchers, where words are never keywords) and inside
 * brackets (durations). Numbers and durations share their first characters and are told apart by what follows.
 * Comments and white space are skipped. After an error token nothing more is produced.
 */
import { quote, quoteRune, type Token, type TokenKind, WORD_KINDS } from './token.ts';

const END = '';

export function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r';
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9' && char.length === 1;
}

function isAlpha(char: string): boolean {
  return char === '_' || (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z');
}

function isAlphaNumeric(char: string): boolean {
  return isAlpha(char) || isDigit(char);
}

const DURATION_WORDS: ReadonlySet<string> = new Set(['step', 'range', 'min_of', 'max_of']);

export class Lexer {
  private readonly input: string;
  private pos = 0;
  private start = 0;
  private parenDepth = 0;
  private inBraces = false;
  private inBrackets = false;
  private gotColon = false;
  private gotDuration = false;
  private failed = false;

  constructor(input: string) {
    this.input = input;
  }

  /** The next token; `eof` for ever at the end and after an error. */
  next(): Token {
    if (this.failed) return { kind: 'eof', pos: this.input.length, text: '' };
    for (;;) {
      while (isSpace(this.peek())) this.pos++;
      // Right after a bracket '#' is an unexpected character, everywhere else it starts a comment.
      if (this.peek() !== '#' || (this.inBrackets && !this.gotDuration)) break;
      while (this.pos < this.input.length && this.peek() !== '\n' && this.peek() !== '\r') this.pos++;
    }
    this.start = this.pos;
    if (this.inBraces) return this.lexInsideBraces();
    if (this.inBrackets && !this.gotDuration) return this.lexDurationStart();
    return this.lexStatement();
  }

  private peek(ahead = 0): string {
    return this.input[this.pos + ahead] ?? END;
  }

  /** The whole code point at the start of the token, for messages. */
  private point(at: number): string {
    const code = this.input.codePointAt(at);
    return code === undefined ? END : String.fromCodePoint(code);
  }

  private emit(kind: TokenKind): Token {
    return { kind, pos: this.start, text: this.input.slice(this.start, this.pos) };
  }

  private take(length: number, kind: TokenKind): Token {
    this.pos = this.start + length;
    return this.emit(kind);
  }

  private fail(message: string): Token {
    this.failed = true;
    return { kind: 'error', pos: this.start, text: message };
  }

  private lexStatement(): Token {
    const char = this.peek();
    switch (char) {
      case END:
        if (this.parenDepth !== 0) return this.fail('unclosed left parenthesis');
        if (this.inBrackets) return this.fail('unclosed left bracket');
        return this.emit('eof');
      case ',':
      case '*':
      case '%':
      case '+':
      case '-':
      case '^':
      case '/':
      case '@':
        return this.take(1, char);
      case '=':
        if (this.peek(1) === '=') return this.take(2, '==');
        if (this.peek(1) === '~') return this.fail("unexpected character after '=': '~'");
        return this.take(1, '=');
      case '!':
        if (this.peek(1) === '=') return this.take(2, '!=');
        return this.fail(`unexpected character after '!': ${this.runeAt(this.pos + 1)}`);
      case '<':
        if (this.peek(1) === '=') return this.take(2, '<=');
        if (this.peek(1) === '/') return this.take(2, '</');
        return this.take(1, '<');
      case '>':
        if (this.peek(1) === '=') return this.take(2, '>=');
        if (this.peek(1) === '/') return this.take(2, '>/');
        return this.take(1, '>');
      case '(':
        this.parenDepth++;
        return this.take(1, '(');
      case ')':
        return this.lexRightParen();
      case '{':
        this.inBraces = true;
        return this.take(1, '{');
      case '[':
        if (this.inBrackets) return this.fail("unexpected left bracket '['");
        this.inBrackets = true;
        this.gotColon = false;
        this.gotDuration = false;
        return this.take(1, '[');
      case ']':
        if (!this.inBrackets) return this.fail("unexpected right bracket ']'");
        this.inBrackets = false;
        return this.take(1, ']');
      case '"':
      case "'":
      case '`':
        return this.lexString(char);
    }
    if (isDigit(char) || (char === '.' && isDigit(this.peek(1)))) return this.lexNumberOrDuration();
    if (isAlpha(char) || char === ':') return this.inBrackets ? this.lexBracketWord(char) : this.lexWord();
    return this.fail(`unexpected character: ${this.runeAt(this.pos)}`);
  }

  private lexRightParen(): Token {
    const token = this.take(1, ')');
    if (--this.parenDepth >= 0) return token;
    // Prometheus has taken the parenthesis by then: the position shown is the one behind it.
    this.start = this.pos;
    return this.fail("unexpected right parenthesis ')'");
  }

  private runeAt(at: number): string {
    const point = this.point(at);
    return point === END ? "'\\x00'" : quoteRune(point);
  }

  private lexInsideBraces(): Token {
    const char = this.peek();
    switch (char) {
      case END:
        return this.fail('unexpected end of input inside braces');
      case ',':
        return this.take(1, ',');
      case '=':
        return this.peek(1) === '~' ? this.take(2, '=~') : this.take(1, '=');
      case '!':
        if (this.peek(1) === '~') return this.take(2, '!~');
        if (this.peek(1) === '=') return this.take(2, '!=');
        return this.fail(`unexpected character after '!' inside braces: ${this.runeAt(this.pos + 1)}`);
      case '{':
        return this.fail("unexpected left brace '{'");
      case '}':
        this.inBraces = false;
        return this.take(1, '}');
      case '"':
      case "'":
      case '`':
        return this.lexString(char);
    }
    if (isAlpha(char)) {
      while (isAlphaNumeric(this.peek())) this.pos++;
      return this.emit('identifier');
    }
    return this.fail(`unexpected character inside braces: ${this.runeAt(this.pos)}`);
  }

  /** Inside brackets, until the first number or word: only what can start a duration. */
  private lexDurationStart(): Token {
    const char = this.peek();
    switch (char) {
      case END:
        return this.fail('unexpected end of input in duration expression');
      case ']':
        this.inBrackets = false;
        return this.take(1, ']');
      case ':':
        this.start++;
        return this.fail('unexpected colon before duration in duration expression');
      case '(':
        this.parenDepth++;
        return this.take(1, '(');
      case ')':
        return this.lexRightParen();
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
      case '^':
      case ',':
        return this.take(1, char);
    }
    if (isDigit(char) || (char === '.' && isDigit(this.peek(1)))) {
      this.gotDuration = true;
      return this.lexNumberOrDuration();
    }
    return this.lexDurationWord() ?? this.fail(`unexpected character in duration expression: ${this.runeAt(this.pos)}`);
  }

  private lexBracketWord(char: string): Token {
    if (char === ':') {
      if (this.gotColon) return this.fail("unexpected colon ':'");
      this.gotColon = true;
      return this.take(1, ':');
    }
    return this.lexDurationWord() ?? this.fail(`unexpected character: ${this.runeAt(this.pos)}, expected ':'`);
  }

  private lexDurationWord(): Token | null {
    let end = this.pos;
    while (isAlphaNumeric(this.input[end] ?? END)) end++;
    const word = this.input.slice(this.pos, end).toLowerCase();
    if (!DURATION_WORDS.has(word)) return null;
    this.gotDuration = true;
    this.pos = end;
    return this.emit(word === 'step' || word === 'range' ? word : 'identifier');
  }

  private lexWord(): Token {
    while (isAlphaNumeric(this.peek()) || this.peek() === ':') this.pos++;
    const word = this.input.slice(this.start, this.pos);
    const kind = WORD_KINDS.get(word.toLowerCase());
    if (kind === undefined) return this.emit(word.includes(':') ? 'metric_identifier' : 'identifier');
    // The fill modifiers are keywords only before a parenthesis, so that metrics may go by these names.
    if ((kind === 'fill' || kind === 'fill_left' || kind === 'fill_right') && !this.parenFollows()) {
      return this.emit('identifier');
    }
    return this.emit(kind);
  }

  private parenFollows(): boolean {
    let at = this.pos;
    while (isSpace(this.input[at] ?? END)) at++;
    return this.input[at] === '(';
  }

  private lexString(mark: string): Token {
    this.pos++;
    for (;;) {
      const char = this.peek();
      if (char === END) return this.fail(mark === '`' ? 'unterminated raw string' : 'unterminated quoted string');
      this.pos++;
      if (char === mark) return this.emit('string');
      if (mark === '`') continue;
      if (char === '\n') return this.fail('unterminated quoted string');
      if (char === '\\') {
        const problem = this.skipEscape(mark);
        if (problem !== null) return this.fail(problem);
      }
    }
  }

  /** Steps over an escape whose backslash is behind; a message when it is none of Go's. */
  private skipEscape(mark: string): string | null {
    const point = this.point(this.pos);
    if (point === END) return 'escape sequence not terminated';
    if ('abfnrtv\\'.includes(point) || point === mark) {
      this.pos++;
      return null;
    }
    let digits: number;
    let base = 16;
    let limit = 0x10ffff;
    if (point >= '0' && point <= '7' && point.length === 1) {
      digits = 3;
      base = 8;
      limit = 255;
    } else if (point === 'x') {
      digits = 2;
      limit = 255;
    } else if (point === 'u') digits = 4;
    else if (point === 'U') digits = 8;
    else return `unknown escape sequence ${unicodePoint(point)}`;
    if (base === 16) this.pos++;
    let code = 0;
    for (; digits > 0; digits--) {
      const digitPoint = this.point(this.pos);
      if (digitPoint === END) return 'escape sequence not terminated';
      const digit = /^[0-9a-fA-F]$/.test(digitPoint) ? Number.parseInt(digitPoint, 16) : 16;
      if (digit >= base) return `illegal character ${unicodePoint(digitPoint)} in escape sequence`;
      code = code * base + digit;
      this.pos++;
    }
    if (code > limit || (code >= 0xd800 && code < 0xe000)) return 'escape sequence is an invalid Unicode code point';
    return null;
  }

  private lexNumberOrDuration(): Token {
    if (this.scanNumber()) return this.emit('number');
    if (this.scanRestOfDuration()) return this.emit('duration');
    return this.fail(`bad number or duration syntax: ${quote(this.input.slice(this.start, this.pos))}`);
  }

  private accept(chars: string): boolean {
    const char = this.peek();
    if (char === END || !chars.includes(char)) return false;
    this.pos++;
    return true;
  }

  /** Digits, one dot, one exponent, single underscores between digits; or hexadecimal. True when nothing else follows. */
  private scanNumber(): boolean {
    let digits = '0123456789';
    if (this.accept('0') && this.accept('xX')) {
      this.accept('_');
      digits = '0123456789abcdefABCDEF';
    }
    this.accept('.');
    this.accept(digits);
    let dotSeen = false;
    let exponentSeen = false;
    for (;;) {
      const char = this.peek();
      if (char === END) break;
      if (digits.includes(char)) {
        this.pos++;
      } else if (char === '.') {
        this.pos++;
        if (dotSeen) return false;
        dotSeen = true;
        if (this.accept('_.') || digits.length > 10) return false;
      } else if (char === 'e' || char === 'E') {
        this.pos++;
        if (exponentSeen) return false;
        exponentSeen = true;
        this.accept('+-');
        if (this.accept('._eE') || this.peek() === END) return false;
      } else if (char === '_') {
        this.pos++;
        if (this.accept('._eE') || this.peek() === END) return false;
      } else break;
    }
    return !isAlphaNumeric(this.peek());
  }

  private scanRestOfDuration(): boolean {
    if (!this.accept('smhdwy')) return false;
    this.accept('s');
    while (this.accept('0123456789')) {
      while (this.accept('0123456789')) {}
      if (!this.accept('smhdw')) return false;
      this.accept('s');
    }
    if (isAlphaNumeric(this.peek())) {
      this.pos++;
      return false;
    }
    return true;
  }
}

function unicodePoint(point: string): string {
  return `U+${point.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} ${quoteRune(point)}`;
}
