/** A subquery's rows as points of the statement around it: filtered by its WHERE, columns picked by name. */
import type { VariableNode } from '../ast.ts';
import type { FieldKind, ValueColumn } from '../functions/kernel.ts';
import { castColumn, nullColumn } from './column.ts';
import { evaluateCondition, type Scope } from './evaluate.ts';
import { concatFrames, emptyFrame, type Frame, gatherFrame, type Rows, regroupFrame } from './frame.ts';
import type { Group } from './groups.ts';
import { callMath, isMath } from './math.ts';
import type { Level, Options, RowColumn, SubquerySource } from './plan.ts';
import type { Run } from './run.ts';

export async function subqueryFrame(source: SubquerySource, options: Options, group: Group, run: Run): Promise<Frame> {
  const { groupBy } = source.level.options;
  // Tags that only the subquery groups by end with it.
  const regrouped = (frame: Frame): Frame => regroupFrame(frame, groupBy, options.groupBy);
  const frames: Frame[] = [];
  for await (const rows of run.rowsOf(source.level, group)) frames.push(regrouped(frameOf(source, rows, options)));
  if (frames.length > 0) return concatFrames(frames);
  const none: Rows = {
    ...emptyFrame([{ values: groupBy.map(() => '') }], null),
    columns: source.level.fields.map(({ kind }) => nullColumn(kind, 0)),
  };
  return regrouped(frameOf({ ...source, condition: null }, none, options));
}

function frameOf(source: SubquerySource, rows: Rows, options: Options): Frame {
  const { level, driver } = source;
  const columnOf = (column: RowColumn, fallback: FieldKind): ValueColumn => pick(level, rows, column, fallback);
  const frame: Frame = {
    rows: rows.rows,
    sec: rows.sec,
    nano: rows.nano,
    tagOf: rows.tagOf,
    tagSets: rows.tagSets,
    value: driver === null ? null : columnOf(driver, 'float'),
    weights: null,
    aux: source.aux.map((column, i) => {
      const { kind } = options.aux[i];
      return columnOf(column, kind === 'tag' || kind === null ? 'string' : kind);
    }),
  };
  if (source.condition === null) return frame;
  const holds = evaluateCondition(source.condition, scopeOf(level, rows));
  const places = new Int32Array(rows.rows);
  let n = 0;
  for (let row = 0; row < rows.rows; row++) if (holds[row] === 1) places[n++] = row;
  return n === rows.rows ? frame : gatherFrame(frame, places.subarray(0, n));
}

function pick(level: Level, rows: Rows, column: RowColumn, fallback: FieldKind): ValueColumn {
  if (column.kind === 'null') return nullColumn(fallback, rows.rows);
  if (column.kind === 'tag') return tagColumn(level, rows, column.key);
  const found = rows.columns[column.index];
  const { as } = column;
  return as === null || as === 'tag' ? found : castColumn(found, as, rows.rows);
}

/** A tag by which rows are grouped; what they are not grouped by is empty. */
function tagColumn(level: Level, rows: Rows, key: string): ValueColumn {
  const at = level.options.groupBy.indexOf(key);
  const texts = rows.tagSets.map(({ values }) => (at < 0 ? '' : values[at]));
  const values = new Array<string>(rows.rows);
  for (let row = 0; row < rows.rows; row++) values[row] = texts[rows.tagOf === null ? 0 : rows.tagOf[row]];
  return { kind: 'string', values };
}

function scopeOf(level: Level, rows: Rows): Scope {
  return {
    rows: rows.rows,
    integersDivideAsFloats: false,
    // With fill(number) a null is that number, which no boolean is.
    nullIsFalse: level.options.fill.kind !== 'number',
    isMath,
    math: callMath,
    column: (node) => (node.kind === 'call' ? null : named(level, rows, node)),
  };
}

function named(level: Level, rows: Rows, node: VariableNode): ValueColumn {
  const index = level.fields.findIndex(({ name }) => name === node.name);
  if (index < 0) return tagColumn(level, rows, node.name);
  const as = node.cast === 'anyField' || node.cast === 'tag' ? null : node.cast;
  return pick(level, rows, { kind: 'field', index, as }, 'float');
}
