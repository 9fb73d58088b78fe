/**
 * Types of expressions, from those of fields and tags.
 *
 * A variable that has a type in its cast has that; any other asks the sources. Errors are of the outermost operation whose
 * sides do not fit. These are the types by which InfluxDB chooses how to compute and what a subquery's columns are; where
 * it is imprecise, so is this: a quotient of integers is said to be an integer, a math function to be what it is given.
 */
import type { BinaryOperator, CallNode, Expression, Source } from '../ast.ts';
import { TECHNICAL_FUNCTIONS } from '../functions/technical.ts';
import { parseError } from '../parser/parse-error.ts';
import { printExpression } from '../print.ts';
import { type SchemaType, type SchemaView, strongerType } from '../schema/schema-view.ts';
import { fieldByName } from './column-names.ts';
import { isLiteral } from './expressions.ts';

/** The type of an expression over sources; null when it is not known. Throws `bad_request` for types that do not fit. */
export function typeOf(node: Expression, sources: readonly Source[], schema: SchemaView | null): SchemaType | null {
  switch (node.kind) {
    case 'variable': {
      if (node.cast !== null && node.cast !== 'anyField') return node.cast;
      return schema === null ? null : typeOfName(node.name, sources, schema);
    }
    case 'call':
      return typeOfCall(
        node,
        node.arguments.map((each) => typeOf(each, sources, schema)),
      );
    case 'binary':
      return typeOfBinary(node, typeOf(node.left, sources, schema), typeOf(node.right, sources, schema));
    case 'parentheses':
      return typeOf(node.inner, sources, schema);
    case 'number':
      return 'float';
    case 'integer':
    case 'unsigned':
    case 'string':
    case 'boolean':
      return node.kind;
    default:
      return null;
  }
}

/** As `typeOf`, but null where the types do not fit. */
export function typeOrNull(node: Expression, sources: readonly Source[], schema: SchemaView | null): SchemaType | null {
  try {
    return typeOf(node, sources, schema);
  } catch {
    return null;
  }
}

/** The strongest of a name's types in several sources. */
function typeOfName(name: string, sources: readonly Source[], schema: SchemaView): SchemaType | null {
  let type: SchemaType | null = null;
  for (const source of sources) {
    if (source.kind === 'measurement') {
      type = stronger(type, schema.typeOf(source, name));
      continue;
    }
    const { statement } = source;
    const field = fieldByName(statement, name);
    if (field !== null) type = stronger(type, typeOf(field, statement.sources, schema));
    // Tags by which a subquery groups are columns of it.
    if (type === null && statement.dimensions.some((each) => each.kind === 'variable' && each.name === name)) {
      type = 'tag';
    }
  }
  return type;
}

function stronger(a: SchemaType | null, b: SchemaType | null): SchemaType | null {
  if (a === null || b === null) return a ?? b;
  return strongerType(a, b);
}

const FLOAT_CALLS: ReadonlySet<string> = new Set([
  'mean',
  'median',
  'integral',
  'stddev',
  'derivative',
  'non_negative_derivative',
  'moving_average',
  ...TECHNICAL_FUNCTIONS,
  'holt_winters',
  'holt_winters_with_fit',
]);

/** Anything that is not known by name is of its first argument's type. */
function typeOfCall({ name }: CallNode, list: readonly (SchemaType | null)[]): SchemaType | null {
  if (FLOAT_CALLS.has(name)) return 'float';
  if (name === 'count' || name === 'elapsed') return 'integer';
  return list[0] ?? null;
}

type Binary = Extract<Expression, { kind: 'binary' }>;

function typeOfBinary(node: Binary, left: SchemaType | null, right: SchemaType | null): SchemaType | null {
  if (left === 'unsigned' && right === 'integer') checkSigns(node, node.left, node.right);
  else if (left === 'integer' && right === 'unsigned') checkSigns(node, node.right, node.left);
  if (left === null || right === null) return left ?? right;
  const type = resultType(node.operator, left, right);
  if (type === null) throw typeError(node, `incompatible types: ${left} and ${right}`);
  return type;
}

/** Unsigned and signed values only mix when the signed one is a literal. */
function checkSigns(node: Binary, unsigned: Expression, signed: Expression): void {
  if (isLiteral(unsigned)) {
    throw typeError(node, `cannot use ${node.operator} with an integer and unsigned literal`);
  }
  if (!isLiteral(signed)) {
    throw typeError(node, `cannot use ${node.operator} between an integer and unsigned, an explicit cast is required`);
  }
}

function typeError(node: Expression, message: string): Error {
  return parseError(`type error: ${printExpression(node)}: ${message}`);
}

const COMPARISONS: ReadonlySet<BinaryOperator> = new Set(['=', '!=', '<', '<=', '>', '>=']);
const BITWISE: ReadonlySet<BinaryOperator> = new Set(['&', '|', '^']);
const ARITHMETIC: ReadonlySet<BinaryOperator> = new Set(['+', '-', '*', '/', '%']);

/** Null: no such operation. */
function resultType(operator: BinaryOperator, left: SchemaType, right: SchemaType): SchemaType | null {
  if (COMPARISONS.has(operator)) return 'boolean';
  if (left === 'boolean') {
    const logic = operator === 'AND' || operator === 'OR' || BITWISE.has(operator);
    return logic ? 'boolean' : null;
  }
  if (!isNumber(left) || !isNumber(right)) {
    const text = left === 'string' || left === 'tag';
    return text && (operator === '=~' || operator === '!~') ? 'boolean' : null;
  }
  if (left === 'float' || right === 'float') return ARITHMETIC.has(operator) ? 'float' : null;
  if (!ARITHMETIC.has(operator) && !BITWISE.has(operator)) return null;
  return left === 'unsigned' || right === 'unsigned' ? 'unsigned' : 'integer';
}

function isNumber(type: SchemaType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}
