/**
 * Tokens as the parser takes them: one after the other, with steps back, parameters replaced by their values.
 *
 * A regular expression can only be told from a division by the parser, so `regex` looks at the character after the last
 * token that was read from the text; tokens that were given back come first, as in InfluxDB.
 */
import type { VarveError } from '../../../errors/errors.ts';
import { isSpace, Lexer } from './lexer.ts';
import type { Parameters } from './parameters.ts';
import { parseError, parseErrorAt } from './parse-error.ts';
import { describeToken, type Token, type TokenKind } from './token.ts';

/** How deep parentheses, calls and subqueries may nest. */
const NESTING_LIMIT = 400;

/** How high the tree of an expression may be: what walks it afterwards does so recursively. */
export const HEIGHT_LIMIT = 1500;

export class TokenStream {
  private readonly lexer: Lexer;
  private readonly parameters: Parameters;
  /** The last tokens read; few are ever given back, so older ones are let go. */
  private tokens: Token[] = [];
  private next = 0;
  private depth = 0;

  constructor(text: string, parameters: Parameters) {
    this.lexer = new Lexer(text);
    this.parameters = parameters;
  }

  /** The next token, whatever it is. */
  scan(): Token {
    return this.take(() => this.lexer.next());
  }

  /** The next token that is neither space nor comment. */
  read(): Token {
    for (;;) {
      const token = this.scan();
      if (token.kind !== 'space' && token.kind !== 'comment') return token;
    }
  }

  /** Gives the last token back. */
  back(): void {
    this.next--;
  }

  /** Reads the next token if it is of a kind; else it, without what is skipped before it, stays. */
  accept(kind: TokenKind): boolean {
    if (this.read().kind === kind) return true;
    this.back();
    return false;
  }

  /** Whether the very next token is of a kind, which is then read; spaces count. */
  acceptAdjacent(kind: TokenKind): boolean {
    if (this.scan().kind === kind) return true;
    this.back();
    return false;
  }

  expect(kind: TokenKind, ...expected: string[]): Token {
    const token = this.read();
    if (token.kind !== kind) throw this.unexpected(token, expected.length === 0 ? [kind] : expected);
    return token;
  }

  identifier(): string {
    return this.expect('identifier').text;
  }

  skipSpace(): void {
    this.acceptAdjacent('space');
  }

  /** The character after the tokens read so far. */
  peekChar(): string {
    return this.lexer.peek();
  }

  /** A regular expression, if one begins here: the token, which may be of another kind when one was given back; else null. */
  regex(): Token | null {
    if (isSpace(this.peekChar())) this.skipSpace();
    const char = this.peekChar();
    if (char === '$') {
      const { kind } = this.scan();
      this.back();
      if (kind !== 'regex') return null;
    } else if (char !== '/') {
      return null;
    }
    return this.take(() => this.lexer.nextRegex());
  }

  /** Runs what may contain itself. */
  nested<T>(parse: () => T): T {
    if (this.depth >= NESTING_LIMIT) throw parseError(`too deeply nested: at most ${NESTING_LIMIT} levels are allowed`);
    this.depth++;
    try {
      return parse();
    } finally {
      this.depth--;
    }
  }

  unexpected(found: Token, expected: readonly string[]): VarveError {
    return this.error(`found ${describeToken(found)}, expected ${expected.join(', ')}`, found);
  }

  /** A message and the place of a token. */
  error(message: string, at: Token): VarveError {
    return parseErrorAt(message, this.lexer.text, at.offset);
  }

  private take(read: () => Token): Token {
    if (this.next < this.tokens.length) return this.tokens[this.next++];
    if (this.tokens.length >= 64) {
      this.tokens = this.tokens.slice(-8);
      this.next = this.tokens.length;
    }
    const token = this.bound(read());
    this.tokens.push(token);
    this.next++;
    return token;
  }

  /** A parameter's value as a token in its place. */
  private bound(token: Token): Token {
    if (token.kind !== 'parameter') return token;
    const value = this.parameters.get(token.text.slice(1));
    return value === undefined ? token : { ...value, offset: token.offset };
  }
}
