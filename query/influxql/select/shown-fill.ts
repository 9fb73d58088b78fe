/** Which fill() an answer shows in a column of texts or booleans where a row has none: see `answerColumn`. */
import type { Expression, Fill } from '../ast.ts';
import { keyOf, type Level } from './plan.ts';

/** The fill of a level's column. That of a subquery goes through statements around it that only name the column. */
export function shownFill({ rows, fields, auxKeys, options }: Level, index: number): Fill {
  if (rows === null || rows.sources.length !== 1) return options.fill;
  const [source] = rows.sources;
  const expression = withoutParentheses(fields[index].expression);
  if (source.kind !== 'subquery' || expression.kind !== 'variable') return options.fill;
  const column = source.aux[auxKeys.indexOf(keyOf(expression))];
  return column?.kind === 'field' ? shownFill(source.level, column.index) : options.fill;
}

function withoutParentheses(expression: Expression): Expression {
  return expression.kind === 'parentheses' ? withoutParentheses(expression.inner) : expression;
}
