/**
 * A SELECT in terms of what is stored: wildcards and regular expressions written out, every variable with its type.
 */
import type { CallNode, CastType, Expression, SelectField, SelectStatement, Source, VariableNode } from '../ast.ts';
import { parseError } from '../parser/parse-error.ts';
import { printExpression } from '../print.ts';
import { compareBytes } from '../schema/byte-order.ts';
import { matcherOf } from '../schema/patterns.ts';
import { type SchemaType, type SchemaView, strongerType } from '../schema/schema-view.ts';
import { fieldName } from './column-names.ts';
import { mapChildren, someExpression } from './expressions.ts';
import { typeOf, typeOrNull } from './types.ts';

/**
 * The statement, subqueries included, with types in the casts of all variables of fields and conditions: a variable
 * without a cast afterwards is one that nothing has. Throws `bad_request` where wildcards may not be or types do not fit.
 */
export function rewriteSelect(statement: SelectStatement, schema: SchemaView): SelectStatement {
  const rewritten = rewriteFields(statement, schema);
  for (const { expression } of rewritten.fields) typeOf(expression, [], null);
  return rewritten;
}

function rewriteFields(statement: SelectStatement, schema: SchemaView): SelectStatement {
  const sources = statement.sources.map(
    (source): Source =>
      source.kind === 'subquery' ? { ...source, statement: rewriteFields(source.statement, schema) } : source,
  );
  const typed = (node: Expression) => withTypes(node, sources, schema);
  const other: SelectStatement = {
    ...statement,
    sources,
    fields: statement.fields.map((field) => ({ ...field, expression: typed(field.expression) })),
    condition: statement.condition === null ? null : typed(statement.condition),
  };
  const fieldWildcards = other.fields.some(({ expression }) => someExpression(expression, isWildcard));
  const tagWildcards = other.dimensions.some(isWildcard);
  if (!fieldWildcards && !tagWildcards) return other;
  const found = fieldsAndTags(sources, schema);
  const tags = [...found.tags].sort(compareBytes);
  const columns = columnsOf(found, tagWildcards ? [] : tags, other.dimensions);
  return {
    ...other,
    fields: fieldWildcards ? other.fields.flatMap((field) => expandField(field, columns)) : other.fields,
    dimensions: tagWildcards ? other.dimensions.flatMap((each) => expandDimension(each, tags)) : other.dimensions,
  };
}

function isWildcard(node: Expression): boolean {
  return node.kind === 'wildcard' || node.kind === 'regex';
}

function withTypes(node: Expression, sources: readonly Source[], schema: SchemaView): Expression {
  if (node.kind !== 'variable') return mapChildren(node, (child) => withTypes(child, sources, schema));
  if (node.cast !== null && node.cast !== 'anyField') return node;
  const type = typeOrNull(node, sources, schema);
  // `::field` of a tag is nothing.
  if (type === 'tag' && node.cast === 'anyField') return node;
  return { ...node, cast: type };
}

/** Types of fields by name, null for those of subqueries that are not known; names of tags. */
interface Found {
  readonly fields: ReadonlyMap<string, SchemaType | null>;
  readonly tags: ReadonlySet<string>;
}

function fieldsAndTags(sources: readonly Source[], schema: SchemaView): Found {
  const fields = new Map<string, SchemaType | null>();
  const tags = new Set<string>();
  const add = (name: string, type: SchemaType | null) => {
    const before = fields.get(name) ?? null;
    fields.set(name, before === null || type === null ? (before ?? type) : strongerType(before, type));
  };
  for (const source of sources) {
    if (source.kind === 'measurement') {
      const own = schema.fieldsAndTags(source);
      for (const [name, type] of own.fields) add(name, type);
      for (const key of own.tagKeys) tags.add(key);
      continue;
    }
    const { statement } = source;
    for (const field of statement.fields)
      add(fieldName(field), typeOrNull(field.expression, statement.sources, schema));
    for (const each of statement.dimensions) if (each.kind === 'variable') tags.add(each.name);
  }
  return { fields, tags };
}

interface Column {
  readonly name: string;
  readonly type: SchemaType | null;
}

/** Where a name is a field and a tag, the field comes first. */
const TYPE_ORDER: readonly (SchemaType | null)[] = [null, 'float', 'integer', 'string', 'boolean', 'tag', 'unsigned'];

/** What `*` means, in order: fields, and tags by which nothing is grouped. Where there is no field there is nothing. */
function columnsOf({ fields }: Found, tags: readonly string[], dimensions: readonly Expression[]): Column[] {
  if (fields.size === 0) return [];
  const columns: Column[] = [...fields].map(([name, type]) => ({ name, type }));
  const grouped = new Set(dimensions.map((each) => (each.kind === 'variable' ? each.name : '')));
  for (const name of tags) if (!grouped.has(name)) columns.push({ name, type: 'tag' });
  return columns.sort(
    (a, b) => compareBytes(a.name, b.name) || TYPE_ORDER.indexOf(a.type) - TYPE_ORDER.indexOf(b.type),
  );
}

function variableOf({ name, type }: Column): VariableNode {
  return { kind: 'variable', name, cast: type as CastType | null };
}

function expandField(field: SelectField, columns: readonly Column[]): SelectField[] {
  const { expression } = field;
  const bare = (column: Column): SelectField => ({ expression: variableOf(column), alias: '' });
  switch (expression.kind) {
    case 'wildcard':
      return columns
        .filter(({ type }) => expression.only === null || (type === 'tag') === (expression.only === 'tag'))
        .map(bare);
    case 'regex': {
      const matches = matcherOf(expression.pattern);
      return columns.filter(({ name }) => matches(name)).map(bare);
    }
    case 'call':
      return expandCall(field, expression, columns);
    case 'binary': {
      const has = (kind: Expression['kind']) => someExpression(expression, (node) => node.kind === kind);
      if (has('wildcard')) throw parseError(`unsupported expression with wildcard: ${printExpression(expression)}`);
      if (has('regex')) throw parseError(`unsupported expression with regex field: ${printExpression(expression)}`);
      return [field];
    }
    default:
      return [field];
  }
}

/** One field for each column that the innermost call of a chain can take, named for both. */
function expandCall(field: SelectField, expression: CallNode, columns: readonly Column[]): SelectField[] {
  const call = innermostCall(expression);
  const argument = call.arguments.at(0);
  if (argument === undefined || !isWildcard(argument)) return [field];
  if (argument.kind === 'wildcard' && argument.only === 'tag') {
    throw parseError(`unable to use tag wildcard in ${call.name}()`);
  }
  const supported = expandableTypes(call.name);
  const matches = argument.kind === 'regex' ? matcherOf(argument.pattern) : () => true;
  return columns
    .filter(({ name, type }) => type !== null && supported.has(type) && matches(name))
    .map((column) => ({
      expression: replaceInnermost(expression, variableOf(column)),
      alias: `${fieldName(field)}_${column.name}`,
    }));
}

function innermostCall(call: CallNode): CallNode {
  const first = call.arguments.at(0);
  return first?.kind === 'call' ? innermostCall(first) : call;
}

function replaceInnermost(call: CallNode, argument: Expression): CallNode {
  const [first, ...rest] = call.arguments;
  return { ...call, arguments: [first.kind === 'call' ? replaceInnermost(first, argument) : argument, ...rest] };
}

const TAKES_STRINGS: ReadonlySet<string> = new Set(['count', 'first', 'last', 'distinct', 'elapsed', 'mode', 'sample']);

function expandableTypes(name: string): ReadonlySet<SchemaType> {
  const types = new Set<SchemaType>(['float', 'integer', 'unsigned']);
  if (TAKES_STRINGS.has(name)) types.add('string');
  if (TAKES_STRINGS.has(name) || name === 'min' || name === 'max') types.add('boolean');
  if (name === 'holt_winters' || name === 'holt_winters_with_fit') types.delete('unsigned');
  return types;
}

function expandDimension(dimension: Expression, tags: readonly string[]): Expression[] {
  if (!isWildcard(dimension)) return [dimension];
  const matches = dimension.kind === 'regex' ? matcherOf(dimension.pattern) : () => true;
  return tags.filter(matches).map((name) => ({ kind: 'variable', name, cast: null }));
}
