/**
 * SELECT and the clauses that other statements share with it.
 */
import type {
  Expression,
  Fill,
  IntoTarget,
  MeasurementSource,
  SelectField,
  SelectStatement,
  SortField,
  Source,
} from '../ast.ts';
import { printExpression } from '../print.ts';
import { parseExpression, parseRegex, parseSegments } from './expression-parser.ts';
import { parseError } from './parse-error.ts';
import { parseTimezone } from './timezone.ts';
import type { Token, TokenKind } from './token.ts';
import type { TokenStream } from './token-stream.ts';

/** After SELECT. Only a continuous query's needs an INTO. */
export function parseSelect(stream: TokenStream, intoRequired: boolean): SelectStatement {
  const fields = parseFields(stream);
  const into = parseInto(stream, intoRequired);
  stream.expect('FROM');
  const sources = parseSources(stream, true);
  const condition = parseCondition(stream);
  const dimensions = parseDimensions(stream);
  const fill = parseFill(stream);
  const orderBy = parseOrderBy(stream);
  const limit = parseCount(stream, 'LIMIT');
  const offset = parseCount(stream, 'OFFSET');
  const seriesLimit = parseCount(stream, 'SLIMIT');
  const seriesOffset = parseCount(stream, 'SOFFSET');
  const timezone = parseTz(stream);
  return {
    kind: 'select',
    fields,
    into,
    sources,
    condition,
    dimensions,
    fill,
    orderBy,
    limit,
    offset,
    seriesLimit,
    seriesOffset,
    timezone,
  };
}

function parseFields(stream: TokenStream): SelectField[] {
  const fields: SelectField[] = [];
  do {
    fields.push(parseField(stream));
  } while (stream.acceptAdjacent(','));
  return fields;
}

function parseField(stream: TokenStream): SelectField {
  let expression: Expression | null = parseRegex(stream);
  if (expression === null) {
    const start = stream.read();
    stream.back();
    expression = parseExpression(stream);
    checkOperators(stream, expression, start);
  }
  const alias = stream.accept('AS') ? stream.identifier() : '';
  stream.skipSpace();
  return { expression, alias };
}

/** Fields are values: comparisons and logic have no place in them. The last such operator is the one told of. */
function checkOperators(stream: TokenStream, expression: Expression, start: Token): void {
  const found = lastCondition(expression);
  if (found === null) return;
  const { message } = stream.error(`invalid operator ${found} in SELECT clause`, start);
  throw parseError(`${message}; operator is intended for WHERE clause`);
}

function lastCondition(expression: Expression): string | null {
  switch (expression.kind) {
    case 'binary':
      if (!'+-*/%&|^'.includes(expression.operator)) return expression.operator;
      return lastCondition(expression.right) ?? lastCondition(expression.left);
    case 'parentheses':
      return lastCondition(expression.inner);
    case 'call':
      return expression.arguments.reduce<string | null>((found, each) => lastCondition(each) ?? found, null);
    default:
      return null;
  }
}

function parseInto(stream: TokenStream, required: boolean): IntoTarget | null {
  const next = stream.read();
  if (next.kind !== 'INTO') {
    if (required) throw stream.unexpected(next, ['INTO']);
    stream.back();
    return null;
  }
  const segments = parseSegments(stream);
  if (segments.length < 3 && stream.peekChar() === ':') {
    stream.expect(':');
    stream.expect('MEASUREMENT');
    segments.push('');
  }
  const name = segments.at(-1) as string;
  return {
    measurement: {
      kind: 'measurement',
      database: segments.length === 3 ? segments[0] : '',
      retentionPolicy: segments.length === 1 ? '' : (segments.at(-2) as string),
      name,
      regex: null,
    },
    backReference: name === '',
  };
}

/** Comma-separated sources without subqueries: what SHOW and DELETE take. */
export function parseMeasurements(stream: TokenStream): MeasurementSource[] {
  return parseSources(stream, false) as MeasurementSource[];
}

function parseSources(stream: TokenStream, subqueries: boolean): Source[] {
  const sources: Source[] = [];
  do {
    sources.push(subqueries ? parseSource(stream) : parseMeasurement(stream));
  } while (stream.accept(','));
  return sources;
}

function parseSource(stream: TokenStream): Source {
  const regex = parseRegex(stream);
  if (regex !== null) return { kind: 'measurement', database: '', retentionPolicy: '', name: '', regex };
  if (!stream.accept('(')) return parseNamedMeasurement(stream);
  return stream.nested(() => {
    stream.expect('SELECT');
    const statement = parseSelect(stream, false);
    stream.expect(')');
    return { kind: 'subquery', statement };
  });
}

export function parseMeasurement(stream: TokenStream): MeasurementSource {
  const regex = parseRegex(stream);
  if (regex !== null) return { kind: 'measurement', database: '', retentionPolicy: '', name: '', regex };
  return parseNamedMeasurement(stream);
}

/** `name`, `rp.name`, `db.rp.name`, where the name may be a regex. */
function parseNamedMeasurement(stream: TokenStream): MeasurementSource {
  const segments = parseSegments(stream);
  const regex = segments.length === 3 ? null : parseRegex(stream);
  if (regex !== null) segments.push('');
  const [name, retentionPolicy = '', database = ''] = segments.toReversed();
  return { kind: 'measurement', database, retentionPolicy, name, regex };
}

export function parseCondition(stream: TokenStream): Expression | null {
  return stream.accept('WHERE') ? parseExpression(stream) : null;
}

export function parseDimensions(stream: TokenStream): Expression[] {
  if (!stream.accept('GROUP')) return [];
  stream.expect('BY');
  const dimensions: Expression[] = [];
  do {
    const regex = parseRegex(stream);
    dimensions.push(regex ?? parseExpression(stream));
    if (regex === null) stream.skipSpace();
  } while (stream.acceptAdjacent(','));
  return dimensions;
}

/** The call of a clause that is written like a function, such as `fill(…)`; null when there is none. */
function parseClauseCall(stream: TokenStream, name: string): Expression | null {
  const next = stream.read();
  stream.back();
  if (next.kind !== 'identifier' || next.text.toLowerCase() !== name) return null;
  const expression = parseExpression(stream);
  if (expression.kind !== 'call') throw parseError(`${name} must be a function call`);
  return expression;
}

function parseFill(stream: TokenStream): Fill | null {
  const call = parseClauseCall(stream, 'fill');
  if (call?.kind !== 'call') return null;
  if (call.arguments.length !== 1) {
    throw parseError('fill requires an argument, e.g.: 0, null, none, previous, linear');
  }
  const option = call.arguments[0];
  const text = printExpression(option);
  if (text === 'null' || text === 'none' || text === 'previous' || text === 'linear') return { kind: text };
  if (option.kind !== 'integer' && option.kind !== 'number') throw parseError('expected number argument in fill()');
  return { kind: 'number', value: option.value };
}

function parseTz(stream: TokenStream): string | null {
  const call = parseClauseCall(stream, 'tz');
  if (call?.kind !== 'call') return null;
  if (call.arguments.length !== 1) throw parseError('tz requires exactly one argument');
  const name = call.arguments[0];
  if (name.kind !== 'string') throw parseError('expected string argument in tz()');
  return parseTimezone(name.value);
}

/** `LIMIT 5` and the like; 0 when it is missing. */
export function parseCount(stream: TokenStream, kind: TokenKind): number {
  if (!stream.accept(kind)) return 0;
  const token = stream.expect('integer', 'integer');
  const value = Number(token.text);
  if (value < 0) throw stream.error(`${kind} must be >= 0`, token);
  return value;
}

const ONLY_TIME = 'only ORDER BY time supported at this time';

export function parseOrderBy(stream: TokenStream): SortField[] {
  if (!stream.accept('ORDER')) return [];
  stream.expect('BY');
  const fields: SortField[] = [];
  const first = stream.read();
  if (first.kind === 'ASC' || first.kind === 'DESC') {
    fields.push({ name: '', ascending: first.kind === 'ASC' });
  } else if (first.kind === 'identifier') {
    fields.push({ name: first.text, ascending: parseDirection(stream) });
    if (first.text !== 'time') throw parseError(ONLY_TIME);
  } else {
    throw stream.unexpected(first, ['identifier', 'ASC', 'DESC']);
  }
  while (stream.accept(',')) fields.push({ name: stream.identifier(), ascending: parseDirection(stream) });
  if (fields.length > 1) throw parseError(ONLY_TIME);
  return fields;
}

function parseDirection(stream: TokenStream): boolean {
  if (stream.accept('DESC')) return false;
  stream.accept('ASC');
  return true;
}
