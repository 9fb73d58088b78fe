/**
 * One token of lookahead over the lexer, and the wording of syntax errors.
 *
 * The next token is read only when it is asked for: a problem of the construct that just ended is found before a
 * lexical error behind it, as in Prometheus.
 */
import { Lexer } from './lexer.ts';
import { parseError } from './parse-error.ts';
import { describeToken, type Token, type TokenKind } from './token.ts';

export class TokenStream {
  readonly query: string;
  /** The end of the last closing bracket, number or duration that was read: where expressions end. */
  lastClosing = 0;
  /** How many aggregations are open around the current token. */
  aggregationDepth = 0;
  private readonly lexer: Lexer;
  private current: Token | null = null;

  constructor(query: string) {
    this.query = query;
    this.lexer = new Lexer(query);
  }

  /** The token to be taken next; throws when there is a lexical error. */
  get token(): Token {
    if (this.current === null) {
      const token = this.lexer.next();
      if (token.kind === 'error') throw parseError(this.query, token.pos, token.text);
      this.current = token;
    }
    return this.current;
  }

  /** Takes the current token. */
  advance(): Token {
    const taken = this.token;
    switch (taken.kind) {
      case ')':
      case ']':
      case '}':
      case 'number':
      case 'duration':
        this.lastClosing = taken.pos + taken.text.length;
    }
    this.current = null;
    return taken;
  }

  at(kind: TokenKind): boolean {
    return this.token.kind === kind;
  }

  /** Takes the token when it is of this kind. */
  accept(kind: TokenKind): boolean {
    if (this.token.kind !== kind) return false;
    this.advance();
    return true;
  }

  /** Throws `unexpected <token> in <context>, expected <expected>` at the current token. */
  unexpected(context: string, expected = ''): never {
    let message = `unexpected ${describeToken(this.token)}`;
    if (context !== '') message += ` in ${context}`;
    if (expected !== '') message += `, expected ${expected}`;
    throw parseError(this.query, this.token.pos, message);
  }

  /** An unexpected token in the middle of an expression: the innermost open aggregation is named. */
  unexpectedInExpression(): never {
    this.unexpected(this.aggregationDepth > 0 ? 'aggregation' : '');
  }

  expectInExpression(kind: TokenKind): Token {
    if (this.token.kind !== kind) this.unexpectedInExpression();
    return this.advance();
  }

  fail(offset: number, message: string): never {
    throw parseError(this.query, offset, message);
  }
}
