/**
 * The plan of a SELECT: a tree that says where points come from and what is done to them, made once per statement.
 *
 *   Level                    a statement: its calls and references, its fields as expressions over them
 *   ├─ calls: PointSource[]  one per function call; a call's input is another PointSource
 *   └─ aux: RowSource        without calls: rows of fields and tags
 *      └─ Leaf | Level       a measurement, or a subquery
 *
 * A subquery takes over what the statement around it says: bounds of time, tags to group by, the interval when it has none,
 * the order. `dimensions` are the outermost statement's tags: all that happens below happens apart for each of their sets.
 *
 * The statement has been rewritten before: no wildcards, types of variables are in their casts, time is out of WHERE.
 */
import type { CallNode, Expression, Fill, MeasurementSource, SelectStatement, VariableNode } from '../ast.ts';
import type { FieldKind } from '../functions/kernel.ts';
import type { Windowing } from './window.ts';

/** A field or a tag; `kind` null is a name that is neither, and null in every row. */
export interface Reference {
  readonly name: string;
  readonly kind: FieldKind | 'tag' | null;
}

/** What InfluxDB calls iterator options: they change on the way down. */
export interface Options {
  readonly windowing: Windowing;
  /** Tags by which points are told apart here; sorted. */
  readonly groupBy: readonly string[];
  /** Tags of the outermost statement; sorted. */
  readonly dimensions: readonly string[];
  readonly fill: Fill;
  readonly condition: Expression | null;
  readonly ascending: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly seriesLimit: number;
  readonly seriesOffset: number;
  /** Read along with each point. */
  readonly aux: readonly Reference[];
}

/** A measurement source of a statement; every call over it shares it. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly source: MeasurementSource;
  readonly condition: Expression | null;
  readonly seriesLimit: number;
  readonly seriesOffset: number;
}

/** Where a column of a subquery's rows comes from. */
export type RowColumn =
  | { readonly kind: 'field'; readonly index: number; readonly as: FieldKind | 'tag' | null }
  | { readonly kind: 'tag'; readonly key: string }
  | { readonly kind: 'null' };

export interface SubquerySource {
  readonly kind: 'subquery';
  readonly level: Level;
  /** Of the statement around it, on the subquery's rows. */
  readonly condition: Expression | null;
  readonly driver: RowColumn | null;
  readonly aux: readonly RowColumn[];
}

/** Rows in the order of time. */
export interface RowSource {
  readonly kind: 'rows';
  /** The field that drives a call; null for rows of several fields. */
  readonly driver: Reference | null;
  readonly sources: readonly (Leaf | SubquerySource)[];
  readonly options: Options;
}

/** A call of count, min, max, sum, first, last or mean, whose results can be merged. */
export interface ReduceSource {
  readonly kind: 'reduce';
  readonly call: CallNode;
  readonly driver: Reference;
  readonly sources: readonly (Leaf | SubquerySource)[];
  readonly options: Options;
}

/** Any other call, over the points of its input. */
export interface CallSource {
  readonly kind: 'call';
  readonly call: CallNode;
  readonly input: PointSource;
  readonly options: Options;
}

/** What makes times those of windows and fills in those that are missing. */
export interface IntervalSource {
  readonly kind: 'interval';
  readonly input: PointSource;
  readonly options: Options;
  /** Fill them; else only their times change. */
  readonly fills: boolean;
  /** Null fill of count() is 0. */
  readonly isCount: boolean;
}

export type PointSource = RowSource | ReduceSource | CallSource | IntervalSource;

export interface PlannedCall {
  readonly key: string;
  readonly kind: FieldKind;
  readonly source: PointSource;
}

export interface LevelField {
  readonly name: string;
  /** A tag that top() or bottom() names: written INTO a measurement it is a tag again. */
  readonly isTag: boolean;
  readonly expression: Expression;
  readonly kind: FieldKind;
}

export interface Level {
  readonly statement: SelectStatement;
  readonly options: Options;
  readonly fields: readonly LevelField[];
  readonly calls: readonly PlannedCall[];
  /** Of references, in the order of `options.aux`; their symbols by name and type. */
  readonly auxKeys: readonly string[];
  /** Rows without calls; null when there are calls, or nothing that could have a value. */
  readonly rows: RowSource | null;
}

const keys = new WeakMap<Expression, string>();

/** One text per expression, equal for equal ones. */
export function keyOf(expression: Expression): string {
  let key = keys.get(expression);
  if (key === undefined) {
    key = writeKey(expression);
    keys.set(expression, key);
  }
  return key;
}

function writeKey(expression: Expression): string {
  // Most are variables; no JSON begins so.
  if (expression.kind === 'variable') return `${expression.cast} ${expression.name}`;
  return JSON.stringify(expression, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

export function referenceOf({ name, cast }: VariableNode): Reference {
  return { name, kind: cast === 'anyField' ? 'float' : cast };
}
