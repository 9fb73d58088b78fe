/**
 * SHOW statements, except those without operands.
 */
import type {
  MeasurementSource,
  ShowCardinalityStatement,
  ShowFieldKeysStatement,
  ShowMeasurementsStatement,
  ShowModuleStatement,
  ShowRetentionPoliciesStatement,
  ShowSeriesStatement,
  ShowTagKeysStatement,
  ShowTagValuesStatement,
  TagKeyCondition,
} from '../ast.ts';
import { parseRegex } from './expression-parser.ts';
import {
  parseCondition,
  parseCount,
  parseDimensions,
  parseMeasurement,
  parseMeasurements,
  parseOrderBy,
} from './select-parser.ts';
import type { TokenStream } from './token-stream.ts';

function parseOn(stream: TokenStream): string {
  return stream.accept('ON') ? stream.identifier() : '';
}

function parseFrom(stream: TokenStream): MeasurementSource[] {
  return stream.accept('FROM') ? parseMeasurements(stream) : [];
}

function parsePage(stream: TokenStream): { limit: number; offset: number } {
  const limit = parseCount(stream, 'LIMIT');
  return { limit, offset: parseCount(stream, 'OFFSET') };
}

/** After SHOW SERIES. */
export function parseShowSeries(stream: TokenStream): ShowSeriesStatement | ShowCardinalityStatement {
  const exact = stream.accept('EXACT');
  if (stream.accept('CARDINALITY')) return parseCardinality(stream, 'series', exact);
  const database = parseOn(stream);
  const sources = parseFrom(stream);
  const condition = parseCondition(stream);
  const orderBy = parseOrderBy(stream);
  return { kind: 'show series', database, sources, condition, orderBy, ...parsePage(stream) };
}

/** After the CARDINALITY of something. */
function parseCardinality(
  stream: TokenStream,
  of: ShowCardinalityStatement['of'],
  exact: boolean,
): ShowCardinalityStatement {
  const database = parseOn(stream);
  const sources = parseFrom(stream);
  const keys = of === 'tag values' ? parseWithKey(stream) : null;
  const condition = parseCondition(stream);
  const dimensions = parseDimensions(stream);
  return { kind: 'show cardinality', of, exact, database, sources, keys, condition, dimensions, ...parsePage(stream) };
}

/** After SHOW TAG KEY or SHOW FIELD KEY. */
export function parseShowKeyCardinality(stream: TokenStream, of: 'tag key' | 'field key'): ShowCardinalityStatement {
  const exact = stream.accept('EXACT');
  stream.expect('CARDINALITY', ...(exact ? ['CARDINALITY'] : ['EXACT', 'CARDINALITY']));
  return parseCardinality(stream, of, exact);
}

/** After SHOW MEASUREMENT. */
export function parseShowMeasurementCardinality(stream: TokenStream): ShowCardinalityStatement {
  const exact = stream.accept('EXACT');
  stream.expect('CARDINALITY', ...(exact ? ['CARDINALITY'] : ['EXACT', 'CARDINALITY']));
  return parseCardinality(stream, 'measurement', exact);
}

/** After SHOW MEASUREMENTS. */
export function parseShowMeasurements(stream: TokenStream): ShowMeasurementsStatement {
  const database = parseOn(stream);
  let source: MeasurementSource | null = null;
  if (stream.accept('WITH')) {
    stream.expect('MEASUREMENT');
    const operator = stream.read();
    if (operator.kind !== '=' && operator.kind !== '=~') throw stream.unexpected(operator, ['=', '=~']);
    source = parseMeasurement(stream);
  }
  const condition = parseCondition(stream);
  const orderBy = parseOrderBy(stream);
  return { kind: 'show measurements', database, sources: [], source, condition, orderBy, ...parsePage(stream) };
}

/** After SHOW TAG KEYS. */
export function parseShowTagKeys(stream: TokenStream): ShowTagKeysStatement {
  const database = parseOn(stream);
  const sources = parseFrom(stream);
  const condition = parseCondition(stream);
  const orderBy = parseOrderBy(stream);
  const page = parsePage(stream);
  const seriesLimit = parseCount(stream, 'SLIMIT');
  const seriesOffset = parseCount(stream, 'SOFFSET');
  return { kind: 'show tag keys', database, sources, condition, orderBy, ...page, seriesLimit, seriesOffset };
}

/** After SHOW TAG VALUES. */
export function parseShowTagValues(stream: TokenStream): ShowTagValuesStatement | ShowCardinalityStatement {
  if (stream.accept('EXACT')) {
    stream.expect('CARDINALITY');
    return parseCardinality(stream, 'tag values', true);
  }
  if (stream.accept('CARDINALITY')) return parseCardinality(stream, 'tag values', false);
  const database = parseOn(stream);
  const sources = parseFrom(stream);
  const keys = parseWithKey(stream);
  const condition = parseCondition(stream);
  const orderBy = parseOrderBy(stream);
  return { kind: 'show tag values', database, sources, keys, condition, orderBy, ...parsePage(stream) };
}

function parseWithKey(stream: TokenStream): TagKeyCondition {
  stream.expect('WITH');
  stream.expect('KEY');
  const operator = stream.read();
  switch (operator.kind) {
    case 'IN': {
      stream.expect('(');
      const names = [stream.identifier()];
      while (stream.accept(',')) names.push(stream.identifier());
      stream.expect(')');
      return { operator: 'IN', names, regex: null };
    }
    case '=':
    case '!=':
      return { operator: operator.kind, names: [stream.identifier()], regex: null };
    case '=~':
    case '!~': {
      const regex = parseRegex(stream);
      if (regex === null) throw stream.unexpected(stream.read(), ['regex']);
      return { operator: operator.kind, names: [], regex };
    }
    default:
      throw stream.unexpected(operator, ['IN', '=', '=~']);
  }
}

/** After SHOW FIELD KEYS. */
export function parseShowFieldKeys(stream: TokenStream): ShowFieldKeysStatement {
  const database = parseOn(stream);
  const sources = parseFrom(stream);
  const orderBy = parseOrderBy(stream);
  return { kind: 'show field keys', database, sources, orderBy, ...parsePage(stream) };
}

/** After SHOW RETENTION POLICIES. */
export function parseShowRetentionPolicies(stream: TokenStream): ShowRetentionPoliciesStatement {
  return { kind: 'show retention policies', database: parseOn(stream) };
}

/** After SHOW STATS or SHOW DIAGNOSTICS. */
export function parseShowModule(stream: TokenStream, kind: ShowModuleStatement['kind']): ShowModuleStatement {
  return { kind, module: stream.accept('FOR') ? stream.expect('string', 'string').text : '' };
}
