/**
 * Statements and expressions as canonical InfluxQL, the text that SHOW CONTINUOUS QUERIES and SHOW QUERIES show. Parsing
 * it gives the same tree again, but for floats, of which InfluxDB writes three digits after the point, and passwords.
 */
import type {
  Expression,
  Fill,
  LiteralNode,
  MeasurementSource,
  RegexNode,
  SelectStatement,
  SortField,
  Source,
} from './ast.ts';
import { formatDuration } from './parser/duration.ts';
import { printIdentifier, printString } from './print-identifier.ts';

export function printExpression(node: Expression): string {
  switch (node.kind) {
    case 'variable':
      return `${printIdentifier(node.name)}${node.cast === null ? '' : `::${node.cast === 'anyField' ? 'field' : node.cast}`}`;
    case 'call':
      return `${node.name}(${node.arguments.map(printExpression).join(', ')})`;
    case 'binary':
      return `${printExpression(node.left)} ${node.operator} ${printExpression(node.right)}`;
    case 'parentheses':
      return `(${printExpression(node.inner)})`;
    case 'wildcard':
      return node.only === null ? '*' : `*::${node.only}`;
    case 'distinct':
      return `DISTINCT ${node.field}`;
    case 'regex':
      return printRegex(node);
    default:
      return printLiteral(node);
  }
}

function printRegex({ pattern }: RegexNode): string {
  return `/${pattern.replaceAll('/', '\\/')}/`;
}

function printLiteral(node: LiteralNode): string {
  switch (node.kind) {
    case 'number':
      return threeDigits(node.value);
    case 'string':
      return printString(node.value);
    case 'duration':
      return formatDuration(node.value);
    case 'time':
      return `'${printTime(node.value)}'`;
    case 'nil':
      return 'nil';
    default:
      return String(node.value);
  }
}

/** RFC 3339 in UTC, with as many digits of the fraction as there are. */
export function printTime(ns: bigint): string {
  const fraction = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = new Date(Number((ns - fraction) / 1_000_000n)).toISOString().slice(0, -5);
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return `${seconds}${digits === '' ? '' : `.${digits}`}Z`;
}

/** Without an exponent, rounded to the nearest, of two equally near ones to the even. */
function threeDigits(value: number): string {
  // Only a multiple of 1/16 can lie in the middle between two thousandths.
  const sixteenths = Math.abs(value) * 16;
  if (!Number.isInteger(sixteenths)) return value.toFixed(3);
  const scaled = BigInt(sixteenths) * 1000n;
  let thousandths = scaled / 16n;
  const rest = scaled % 16n;
  if (rest > 8n || (rest === 8n && thousandths % 2n === 1n)) thousandths++;
  const digits = String(thousandths).padStart(4, '0');
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

/** As few digits as tell it from its neighbours; very large and very small ones with an exponent of two digits. */
function shortest(value: number): string {
  const exponent = value === 0 ? 0 : Number(value.toExponential().split('e')[1]);
  if (exponent >= -4 && exponent < 21) return Object.is(value, -0) ? '-0' : String(value);
  const [mantissa, power] = value.toExponential().split('e');
  return `${mantissa}e${power[0]}${power.slice(1).padStart(2, '0')}`;
}

export function printMeasurement(source: MeasurementSource): string {
  const { database, retentionPolicy, name, regex } = source;
  let text = '';
  if (database !== '') text += `${printIdentifier(database)}.`;
  if (retentionPolicy !== '') text += printIdentifier(retentionPolicy);
  if (database !== '' || retentionPolicy !== '') text += '.';
  if (name !== '') return text + printIdentifier(name);
  return regex === null ? text : text + printRegex(regex);
}

export function printSources(sources: readonly Source[]): string {
  return sources
    .map((source) => (source.kind === 'subquery' ? `(${printSelect(source.statement)})` : printMeasurement(source)))
    .join(', ');
}

export function printOrderBy(fields: readonly SortField[]): string {
  return fields
    .map(({ name, ascending }) => `${name === '' ? '' : `${name} `}${ascending ? 'ASC' : 'DESC'}`)
    .join(', ');
}

/** A LIMIT or the like; '' when there is none. A count beyond the integers that are exact is the largest there is. */
export function printCount(keyword: string, count: number): string {
  if (count === 0) return '';
  return ` ${keyword} ${count >= 2 ** 63 ? (1n << 63n) - 1n : BigInt(count)}`;
}

function printFill(fill: Fill | null): string {
  if (fill === null || fill.kind === 'null') return '';
  if (fill.kind !== 'number') return ` fill(${fill.kind})`;
  return ` fill(${typeof fill.value === 'bigint' ? fill.value : shortest(fill.value)})`;
}

export function printSelect(statement: SelectStatement): string {
  const fields = statement.fields.map(
    ({ expression, alias }) => `${printExpression(expression)}${alias === '' ? '' : ` AS ${printIdentifier(alias)}`}`,
  );
  let text = `SELECT ${fields.join(', ')}`;
  if (statement.into !== null) {
    text += ` INTO ${printMeasurement(statement.into.measurement)}${statement.into.backReference ? ':MEASUREMENT' : ''}`;
  }
  if (statement.sources.length > 0) text += ` FROM ${printSources(statement.sources)}`;
  if (statement.condition !== null) text += ` WHERE ${printExpression(statement.condition)}`;
  if (statement.dimensions.length > 0) text += ` GROUP BY ${statement.dimensions.map(printExpression).join(', ')}`;
  text += printFill(statement.fill);
  if (statement.orderBy.length > 0) text += ` ORDER BY ${printOrderBy(statement.orderBy)}`;
  text += printCount('LIMIT', statement.limit) + printCount('OFFSET', statement.offset);
  text += printCount('SLIMIT', statement.seriesLimit) + printCount('SOFFSET', statement.seriesOffset);
  return statement.timezone === null ? text : `${text} TZ('${statement.timezone}')`;
}
