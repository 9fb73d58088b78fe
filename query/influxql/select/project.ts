/** A statement's fields as expressions over columns of calls and references. */
import type { ValueColumn } from '../functions/kernel.ts';
import { nullColumn } from './column.ts';
import { evaluate, type Scope } from './evaluate.ts';
import type { Rows } from './frame.ts';
import { callMath, isMath } from './math.ts';
import { keyOf, type Level } from './plan.ts';

/** Times and tag sets of rows. */
export type Heads = Pick<Rows, 'rows' | 'sec' | 'nano' | 'tagOf' | 'tagSets'>;

/** The statement's fields over their symbols. */
export function project(level: Level, heads: Heads, symbols: ReadonlyMap<string, ValueColumn>): Rows {
  const { rows, sec, nano, tagOf, tagSets } = heads;
  const scope: Scope = {
    rows,
    integersDivideAsFloats: true,
    nullIsFalse: false,
    isMath,
    math: callMath,
    column: (node) => symbols.get(keyOf(node)) ?? null,
  };
  const columns = level.fields.map(({ expression, kind }) => {
    return evaluate(expression, scope) ?? nullColumn(kind, rows);
  });
  return { rows, sec, nano, tagOf, tagSets, columns };
}
