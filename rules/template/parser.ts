/**
 * Parses templates in Go's text/template language. Variables and functions must be known, as in Go, so that most
 * mistakes show when rules are loaded rather than when an alert fires.
 */
import { unquote } from '../../query/promql/parser/string-literal.ts';
import { quote } from '../../query/promql/parser/token.ts';
import { type Command, type Node, type Operand, type Pipeline, printNode } from './ast.ts';
import { isFunction } from './functions.ts';
import { type Token, type TokenKind, tokenize } from './lexer.ts';

export interface Template {
  readonly name: string;
  /** The text that positions refer to. */
  readonly text: string;
  readonly nodes: Node[];
  /** Templates defined inside, by name. */
  readonly defined: ReadonlyMap<string, Node[]>;
}

export class TemplateError extends Error {}

/** Parses a template. Throws a TemplateError: `template: NAME:1: function "foo" not defined`. */
export function parseTemplate(name: string, text: string): Template {
  const parser = new Parser(name, tokenize(text));
  const { list, end } = parser.list('top');
  if (end !== 'eof') parser.fail(`unexpected {{${end}}}`);
  return { name, text, nodes: list, defined: parser.defined };
}

type ListEnd = 'eof' | 'end' | 'else' | 'else if' | 'else with';

class Parser {
  readonly defined = new Map<string, Node[]>();
  private readonly name: string;
  private readonly tokens: Token[];
  private at = 0;
  private variables: string[] = ['$'];
  private rangeDepth = 0;
  /** The line of the token read last. */
  private line = 1;

  constructor(name: string, tokens: Token[]) {
    this.name = name;
    this.tokens = tokens;
  }

  fail(message: string): never {
    throw new TemplateError(`template: ${this.name}:${this.line}: ${message}`);
  }

  private unexpected(token: Token, context: string): never {
    if (token.kind === 'error') this.fail(token.text);
    this.fail(`unexpected ${describeToken(token)} in ${context}`);
  }

  private next(): Token {
    const token = this.tokens[Math.min(this.at, this.tokens.length - 1)]!;
    this.at++;
    this.line = token.line;
    return token;
  }

  private peek(): Token {
    return this.tokens[Math.min(this.at, this.tokens.length - 1)]!;
  }

  private skipSpace(): void {
    while (this.peek().kind === 'space') this.next();
  }

  private nextNonSpace(): Token {
    this.skipSpace();
    return this.next();
  }

  private expect(kind: TokenKind, context: string): Token {
    const token = this.nextNonSpace();
    if (token.kind !== kind) this.unexpected(token, context);
    return token;
  }

  /** Nodes up to `{{end}}`, `{{else}}` or the end of the text, which only the top level may meet. */
  list(where: 'top' | 'inner'): { list: Node[]; end: ListEnd } {
    const list: Node[] = [];
    for (;;) {
      const token = this.next();
      if (token.kind === 'text') {
        list.push({ type: 'text', position: token.start, text: token.text });
        continue;
      }
      if (token.kind === 'eof') {
        if (where === 'inner') this.fail('unexpected EOF');
        return { list, end: 'eof' };
      }
      if (token.kind !== 'left') this.unexpected(token, 'input');
      this.skipSpace();
      const word = this.peek();
      if (word.kind !== 'keyword') {
        const pipe = this.pipeline('command', 'right');
        list.push({ type: 'action', position: pipe.position, pipe });
        continue;
      }
      this.next();
      if (word.text === 'end') {
        this.expect('right', 'end');
        return { list, end: 'end' };
      }
      if (word.text === 'else') return { list, end: this.elseClause() };
      const node = this.keyword(word, where);
      if (node !== null) list.push(node);
    }
  }

  private elseClause(): ListEnd {
    this.skipSpace();
    const word = this.peek();
    if (word.kind === 'keyword' && (word.text === 'if' || word.text === 'with')) return `else ${word.text}`;
    this.expect('right', 'else');
    return 'else';
  }

  private keyword(word: Token, where: 'top' | 'inner'): Node | null {
    switch (word.text) {
      case 'if':
      case 'with':
      case 'range':
        return this.control(word.text, word.start);
      case 'template':
        return this.templateCall();
      case 'block':
        return this.block();
      case 'define':
        if (where === 'inner') this.unexpected(word, 'command');
        this.define();
        return null;
      default:
        if (this.rangeDepth === 0) this.fail(`{{${word.text}}} outside {{range}}`);
        this.expect('right', `{{${word.text}}}`);
        return { type: word.text as 'break' | 'continue', position: word.start };
    }
  }

  private control(type: 'if' | 'with' | 'range', position: number): Node {
    const known = this.variables.length;
    const pipe = this.pipeline(type, 'right');
    if (type === 'range') this.rangeDepth++;
    const { list, end } = this.list('inner');
    if (type === 'range') this.rangeDepth--;
    let otherwise: Node[] | null = null;
    if (end === 'else if' || end === 'else with') {
      const chained = end === 'else if' ? 'if' : 'with';
      if (type !== chained) this.fail(`unexpected <${chained}> in else`);
      const word = this.next();
      // `{{else if}}` shares the {{end}} of the {{if}} before it.
      otherwise = [this.control(chained, word.start)];
    } else if (end === 'else') {
      const second = this.list('inner');
      if (second.end !== 'end') this.fail(`expected end; found {{${second.end}}}`);
      otherwise = second.list;
    }
    this.variables.length = known;
    return { type, position, pipe, list, otherwise };
  }

  private templateName(context: string): string {
    const token = this.nextNonSpace();
    if (token.kind !== 'string' && token.kind !== 'raw') this.unexpected(token, context);
    return unquote(token.text);
  }

  private templateCall(): Node {
    this.skipSpace();
    const position = this.peek().start;
    const name = this.templateName('template clause');
    this.skipSpace();
    if (this.peek().kind === 'right') {
      this.next();
      return { type: 'template', position, name, pipe: null };
    }
    return { type: 'template', position, name, pipe: this.pipeline('template clause', 'right') };
  }

  private block(): Node {
    this.skipSpace();
    const position = this.peek().start;
    const name = this.templateName('block clause');
    const pipe = this.pipeline('block clause', 'right');
    this.body(name, 'block clause');
    return { type: 'template', position, name, pipe };
  }

  private define(): void {
    const name = this.templateName('define clause');
    this.expect('right', 'define clause');
    this.body(name, 'define clause');
  }

  /** A template of its own: only `$` is known in it. */
  private body(name: string, context: string): void {
    const { variables, rangeDepth } = this;
    this.variables = ['$'];
    this.rangeDepth = 0;
    const { list, end } = this.list('inner');
    if (end !== 'end') this.fail(`unexpected {{${end}}} in ${context}`);
    this.defined.set(name, list);
    this.variables = variables;
    this.rangeDepth = rangeDepth;
  }

  private pipeline(context: string, end: 'right' | ')'): Pipeline {
    this.skipSpace();
    const position = this.peek().start;
    const pipe: Pipeline = { type: 'pipe', position, isAssign: false, variables: [], commands: [] };
    this.declarations(pipe, context);
    for (;;) {
      const token = this.nextNonSpace();
      if (token.kind === end) {
        this.checkPipeline(pipe, context);
        return pipe;
      }
      if (!STARTS_OPERAND.has(token.kind)) this.unexpected(token, context);
      this.at--;
      pipe.commands.push(this.command());
    }
  }

  /** `$x :=`, `$x =`, and in range `$i, $x :=`. */
  private declarations(pipe: Pipeline, context: string): void {
    const start = this.at;
    const names: string[] = [];
    for (;;) {
      const token = this.nextNonSpace();
      if (token.kind !== 'variable') break;
      names.push(token.text);
      const after = this.nextNonSpace();
      if (after.kind === 'declare' || after.kind === 'assign') {
        pipe.isAssign = after.kind === 'assign';
        pipe.variables = names;
        if (pipe.isAssign) for (const name of names) this.checkVariable(name);
        else this.variables.push(...names);
        return;
      }
      if (after.kind === ',' && context === 'range' && names.length < 2) continue;
      if (after.kind === ',') this.fail(`too many declarations in ${context}`);
      break;
    }
    this.at = start;
  }

  private checkPipeline(pipe: Pipeline, context: string): void {
    if (pipe.commands.length === 0) this.fail(`missing value for ${context}`);
    for (let i = 1; i < pipe.commands.length; i++) {
      switch (pipe.commands[i]!.args[0]!.type) {
        case 'bool':
        case 'dot':
        case 'nil':
        case 'number':
        case 'string':
          this.fail(`non executable command in pipeline stage ${i + 1}`);
      }
    }
  }

  private command(): Command {
    const position = this.peek().start;
    const args: Operand[] = [];
    for (;;) {
      this.skipSpace();
      const operand = this.operand();
      if (operand !== null) args.push(operand);
      const token = this.next();
      if (token.kind === 'space') continue;
      if (token.kind === 'right' || token.kind === ')') this.at--;
      else if (token.kind !== 'pipe') this.unexpected(token, 'operand');
      break;
    }
    if (args.length === 0) this.fail('empty command');
    return { type: 'command', position, args };
  }

  /** A term with the fields behind it; null when none starts here. */
  private operand(): Operand | null {
    const term = this.term();
    if (term === null || this.peek().kind !== 'field') return term;
    // Errors point at the first field behind the term, as Go's do.
    const position = this.peek().start;
    const fields: string[] = [];
    while (this.peek().kind === 'field') fields.push(this.next().text.slice(1));
    if (term.type === 'field' || term.type === 'variable') {
      term.fields.push(...fields);
      term.position = position;
      return term;
    }
    switch (term.type) {
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        this.fail(`unexpected . after term ${quote(printNode(term))}`);
    }
    return { type: 'chain', position, operand: term, fields };
  }

  private term(): Operand | null {
    this.skipSpace();
    const token = this.next();
    const position = token.start;
    switch (token.kind) {
      case 'identifier':
        if (!isFunction(token.text)) this.fail(`function ${quote(token.text)} not defined`);
        return { type: 'function', position, name: token.text };
      case 'dot':
        return { type: 'dot', position };
      case 'nil':
        return { type: 'nil', position };
      case 'variable':
        this.checkVariable(token.text);
        return { type: 'variable', position, name: token.text, fields: [] };
      case 'field':
        return { type: 'field', position, fields: [token.text.slice(1)] };
      case 'bool':
        return { type: 'bool', position, value: token.text === 'true' };
      case 'char':
      case 'number':
        return { type: 'number', position, text: token.text, value: this.number(token) };
      case 'string':
      case 'raw':
        return { type: 'string', position, text: token.text, value: unquote(token.text) };
      case '(':
        return this.pipeline('parenthesized pipeline', ')');
    }
    this.at--;
    return null;
  }

  private checkVariable(name: string): void {
    if (!this.variables.includes(name)) this.fail(`undefined variable ${quote(name)}`);
  }

  /** Integers are bigints and floats are numbers, since Go's comparisons tell them apart. */
  private number({ kind, text }: Token): bigint | number {
    if (kind === 'char') return BigInt(unquote(text).codePointAt(0) ?? 0);
    const plain = text.replaceAll('_', '');
    const sign = plain.startsWith('-') ? -1n : 1n;
    const digits = plain.replace(/^[+-]/, '');
    if (/^(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[1-9][0-9]*|0)$/.test(digits)) return sign * BigInt(digits);
    if (/^0[0-7]+$/.test(digits)) return sign * BigInt(`0o${digits.slice(1)}`);
    const value = Number(plain);
    if (digits === '' || Number.isNaN(value)) this.fail(`illegal number syntax: ${quote(text)}`);
    return value;
  }
}

const STARTS_OPERAND: ReadonlySet<TokenKind> = new Set([
  'bool',
  'char',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'raw',
  'string',
  'variable',
  '(',
]);

function describeToken({ kind, text }: Token): string {
  if (kind === 'eof') return 'EOF';
  if (kind === 'keyword') return `<${text}>`;
  return text.length > 10 ? `${quote(text.slice(0, 10))}...` : quote(text);
}
