/**
 * The syntax tree. Nodes are plain objects with a `type`; `start` and `end` are UTF-16 offsets of the query text, used by
 * error messages and annotations. Times and durations are in ms. The parser fills the tree, the planner resolves
 * durations and start()/end() into copies; evaluation never changes it.
 */
import type { LabelMatcher } from '../matcher.ts';
import type { FunctionSignature } from './functions.ts';
import type { AggregatorKind, OperatorKind } from './token.ts';

export type ValueType = 'none' | 'scalar' | 'vector' | 'matrix' | 'string';

interface NodeBase {
  start: number;
  end: number;
}

export interface NumberLiteral extends NodeBase {
  type: 'number';
  value: number;
  /** Written as a duration (5m); the value is then in seconds. */
  duration: boolean;
}

export interface StringLiteral extends NodeBase {
  type: 'string';
  value: string;
}

export interface VectorSelector extends NodeBase {
  type: 'vectorSelector';
  /** The metric name outside the braces, or ''. */
  name: string;
  matchers: LabelMatcher[];
  offsetMs: number;
  offsetExpr: DurationExpr | null;
  /** Of `@ <time>`; null without one. */
  timestampMs: number | null;
  startOrEnd: 'start' | 'end' | null;
  anchored: boolean;
  smoothed: boolean;
  /** info()'s second argument, which may match everything. */
  mayMatchEmpty: boolean;
}

export interface MatrixSelector extends NodeBase {
  type: 'matrixSelector';
  vector: VectorSelector;
  rangeMs: number;
  rangeExpr: DurationExpr | null;
}

export interface Subquery extends NodeBase {
  type: 'subquery';
  expr: Expr;
  rangeMs: number;
  rangeExpr: DurationExpr | null;
  /** 0: the default step. */
  stepMs: number;
  stepExpr: DurationExpr | null;
  offsetMs: number;
  offsetExpr: DurationExpr | null;
  timestampMs: number | null;
  startOrEnd: 'start' | 'end' | null;
}

export interface Call extends NodeBase {
  type: 'call';
  func: FunctionSignature;
  args: Expr[];
}

export interface Aggregation extends NodeBase {
  type: 'aggregation';
  op: AggregatorKind;
  expr: Expr;
  param: Expr | null;
  grouping: string[];
  without: boolean;
}

export interface UnaryExpr extends NodeBase {
  type: 'unary';
  op: '+' | '-';
  expr: Expr;
}

export type MatchCardinality = 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';

export interface VectorMatching {
  card: MatchCardinality;
  labels: string[];
  on: boolean;
  include: string[];
  fillLeft: number | null;
  fillRight: number | null;
}

export interface BinaryExpr extends NodeBase {
  type: 'binary';
  op: OperatorKind;
  left: Expr;
  right: Expr;
  returnBool: boolean;
  /** Null unless both sides are vectors. */
  matching: VectorMatching | null;
}

export interface ParenExpr extends NodeBase {
  type: 'paren';
  expr: Expr;
}

/** Wrapped by the planner around what has the same value at every step: it is evaluated once. */
export interface StepInvariant extends NodeBase {
  type: 'stepInvariant';
  expr: Expr;
}

/** Arithmetic over durations, in seconds. */
export type DurationExpr =
  | (NodeBase & {
      type: 'durationOp';
      op: '+' | '-' | '*' | '/' | '%' | '^';
      /** Null: a unary sign. */
      left: DurationNode | null;
      right: DurationNode;
      wrapped: boolean;
    })
  | (NodeBase & { type: 'durationWord'; word: 'step' | 'range'; wrapped: boolean })
  | (NodeBase & {
      type: 'durationPick';
      word: 'min_of' | 'max_of';
      left: DurationNode;
      right: DurationNode;
      wrapped: boolean;
    });

export type DurationNode = DurationExpr | NumberLiteral;

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | UnaryExpr
  | BinaryExpr
  | ParenExpr
  | StepInvariant;

export function valueTypeOf(expr: Expr): ValueType {
  switch (expr.type) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'vectorSelector':
    case 'aggregation':
      return 'vector';
    case 'matrixSelector':
    case 'subquery':
      return 'matrix';
    case 'call':
      return expr.func.returns;
    case 'binary':
      return valueTypeOf(expr.left) === 'scalar' && valueTypeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    case 'unary':
    case 'paren':
    case 'stepInvariant':
      return valueTypeOf(expr.expr);
  }
}

/** Direct sub-expressions, in the order of the text. */
export function childrenOf(expr: Expr): Expr[] {
  switch (expr.type) {
    case 'number':
    case 'string':
    case 'vectorSelector':
      return [];
    case 'matrixSelector':
      return [expr.vector];
    case 'subquery':
    case 'unary':
    case 'paren':
    case 'stepInvariant':
      return [expr.expr];
    case 'call':
      return expr.args;
    case 'aggregation':
      return expr.param === null ? [expr.expr] : [expr.expr, expr.param];
    case 'binary':
      return [expr.left, expr.right];
  }
}

export function unwrapParens(expr: Expr): Expr {
  let inner = expr;
  while (inner.type === 'paren') inner = inner.expr;
  return inner;
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const SET_OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'unless']);

export function isComparison(op: OperatorKind): boolean {
  return COMPARISONS.has(op);
}

export function isSetOperator(op: OperatorKind): boolean {
  return SET_OPERATORS.has(op);
}

export function hasParam(op: AggregatorKind): boolean {
  return (
    op === 'topk' ||
    op === 'bottomk' ||
    op === 'count_values' ||
    op === 'quantile' ||
    op === 'limitk' ||
    op === 'limit_ratio'
  );
}
