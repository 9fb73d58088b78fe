/**
 * Names of a SELECT's columns.
 */
import type { Expression, SelectField, SelectStatement } from '../ast.ts';

/** What a field is called before it is told from others: its alias, its function, its variables joined by `_`; or ''. */
export function fieldName({ expression, alias }: SelectField): string {
  if (alias !== '') return alias;
  switch (expression.kind) {
    case 'call':
    case 'variable':
      return expression.name;
    case 'binary': {
      const names: string[] = [];
      collectNames(expression, names);
      return names.join('_');
    }
    case 'parentheses':
      return fieldName({ expression: expression.inner, alias: '' });
    default:
      return '';
  }
}

/** Variables and functions from left to right; what is inside of functions does not count. */
function collectNames(node: Expression, names: string[]): void {
  switch (node.kind) {
    case 'variable':
    case 'call':
      names.push(node.name);
      return;
    case 'binary':
      collectNames(node.left, names);
      collectNames(node.right, names);
      return;
    case 'parentheses':
      collectNames(node.inner, names);
      return;
    default:
  }
}

/**
 * The columns after that of time, in order: one per field, and after top() and bottom() one per tag among their arguments,
 * unless the results are written INTO. Names that come again get `_1`, `_2` and so on; aliases are left as they are.
 */
export function columnNames(statement: SelectStatement): string[] {
  const columns = statement.fields.flatMap((field) => [field, ...addedColumns(statement, field.expression)]);
  const counts = new Map<string, number>();
  for (const { alias } of columns) if (alias !== '') counts.set(alias, 1);
  return columns.map((column) => {
    if (column.alias !== '') return column.alias;
    const name = unusedName(fieldName(column), counts);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return name;
  });
}

/** The name, or with the first number that makes it a new one. */
function unusedName(name: string, counts: Map<string, number>): string {
  let count = counts.get(name);
  if (count === undefined) return name;
  while (counts.has(`${name}_${count}`)) count++;
  counts.set(name, count + 1);
  return `${name}_${count}`;
}

function addedColumns(statement: SelectStatement, expression: Expression): SelectField[] {
  if (statement.into !== null || !isExtreme(expression)) return [];
  return expression.arguments
    .slice(1)
    .filter((each) => each.kind === 'variable')
    .map((each) => ({ expression: each, alias: '' }));
}

function isExtreme(node: Expression): node is Extract<Expression, { kind: 'call' }> {
  return node.kind === 'call' && (node.name === 'top' || node.name === 'bottom');
}

/** The field that a column of a subquery is, or the tag among the arguments of top() and bottom(); null for none. */
export function fieldByName(statement: SelectStatement, name: string): Expression | null {
  for (const field of statement.fields) {
    if (fieldName(field) === name) return field.expression;
    if (!isExtreme(field.expression)) continue;
    for (const each of field.expression.arguments.slice(1, -1)) {
      if (each.kind === 'variable' && each.name === name) return each;
    }
  }
  return null;
}
