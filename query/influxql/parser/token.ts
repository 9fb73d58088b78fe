/**
 * The tokens of InfluxQL and how error messages name them.
 *
 * A keyword's kind is its text in upper case, an operator's or a bracket's its text; the kinds in lower case are classes
 * of tokens that carry a text. So the kind is also what messages show of a token that carries none.
 */

const KEYWORDS = [
  'ALL',
  'ALTER',
  'ANALYZE',
  'AND',
  'ANY',
  'AS',
  'ASC',
  'BEGIN',
  'BY',
  'CARDINALITY',
  'CONTINUOUS',
  'CREATE',
  'DATABASE',
  'DATABASES',
  'DEFAULT',
  'DELETE',
  'DESC',
  'DESTINATIONS',
  'DIAGNOSTICS',
  'DISTINCT',
  'DROP',
  'DURATION',
  'END',
  'EVERY',
  'EXACT',
  'EXPLAIN',
  'FALSE',
  'FIELD',
  'FOR',
  'FROM',
  'GRANT',
  'GRANTS',
  'GROUP',
  'GROUPS',
  'IN',
  'INF',
  'INSERT',
  'INTO',
  'KEY',
  'KEYS',
  'KILL',
  'LIMIT',
  'MEASUREMENT',
  'MEASUREMENTS',
  'NAME',
  'OFFSET',
  'ON',
  'OR',
  'ORDER',
  'PASSWORD',
  'POLICIES',
  'POLICY',
  'PRIVILEGES',
  'QUERIES',
  'QUERY',
  'READ',
  'REPLICATION',
  'RESAMPLE',
  'RETENTION',
  'REVOKE',
  'SELECT',
  'SERIES',
  'SET',
  'SHARD',
  'SHARDS',
  'SHOW',
  'SLIMIT',
  'SOFFSET',
  'STATS',
  'SUBSCRIPTION',
  'SUBSCRIPTIONS',
  'TAG',
  'TO',
  'TRUE',
  'USER',
  'USERS',
  'VALUES',
  'WHERE',
  'WITH',
  'WRITE',
] as const;

export type Keyword = (typeof KEYWORDS)[number];

export type SymbolKind =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '='
  | '!='
  | '=~'
  | '!~'
  | '<'
  | '<='
  | '>'
  | '>='
  | '('
  | ')'
  | ','
  | ':'
  | '::'
  | ';'
  | '.';

export type TokenKind =
  | Keyword
  | SymbolKind
  | 'EOF'
  | 'space'
  | 'comment'
  | 'identifier'
  | 'parameter'
  | 'number'
  | 'integer'
  | 'duration'
  | 'string'
  | 'badString'
  | 'badEscape'
  | 'regex'
  | 'badRegex'
  | 'illegal';

export interface Token {
  readonly kind: TokenKind;
  /** Without quotes and escapes; '' for keywords and symbols. */
  readonly text: string;
  /** Offset into the lexer's text, of what messages give as the token's place. */
  readonly offset: number;
}

const keywordOf = new Map<string, Keyword>(KEYWORDS.map((word) => [word, word]));

/** The keyword that a word is, in whatever case; else undefined. */
export function keyword(word: string): Keyword | undefined {
  return keywordOf.get(word.toUpperCase());
}

/** What messages call tokens of these kinds when their text is empty. */
const EMPTY_TOKENS: Partial<Record<TokenKind, string>> = {
  space: 'WS',
  comment: '',
  identifier: 'IDENT',
  parameter: '',
  number: 'NUMBER',
  integer: '',
  duration: 'DURATIONVAL',
  string: 'STRING',
  badString: 'BADSTRING',
  badEscape: 'BADESCAPE',
  regex: 'REGEX',
  badRegex: '',
  illegal: 'ILLEGAL',
};

/** A token as messages show it. */
export function describeToken(token: Token): string {
  return token.text !== '' ? token.text : (EMPTY_TOKENS[token.kind] ?? token.kind);
}
