/**
 * Runs a query: prepares the tree, fetches all series, evaluates it over columns and tidies the result.
 */
import { VarveError } from '../../errors/errors.ts';
import { Annotations } from './annotations.ts';
import type { EvaluationContext } from './context.ts';
import { evaluateExpression } from './expression.ts';
import { type FetchPlans, fetchAll, planFetches } from './fetch.ts';
import { compareLabels } from './labels.ts';
import { Budget, type CancelSignal, DEFAULT_LIMITS, type QueryLimits } from './limits.ts';
import { mergeSameLabels } from './merge.ts';
import type { Call, Expr, VectorSelector } from './parser/ast.ts';
import { valueTypeOf } from './parser/ast.ts';
import { parseExpression } from './parser/parser.ts';
import { prepareExpression, type QueryTimes } from './prepare.ts';
import type { Querier, SeriesSet } from './querier.ts';
import { type Grid, gridOf, type Value } from './value.ts';

export type { QueryTimes } from './prepare.ts';

export interface QueryOptions {
  /** How far back an instant selector looks for a sample; 5 minutes by default. */
  readonly lookbackMs?: number;
  /** The step of subqueries that name none; 1 minute by default. */
  readonly defaultSubqueryStepMs?: number;
  readonly delayedNameRemoval?: boolean;
  readonly typeAndUnitLabels?: boolean;
  readonly limits?: Partial<QueryLimits>;
  /** Overrides limits.timeoutMs. */
  readonly timeoutMs?: number;
  readonly signal?: CancelSignal | null;
}

/** Figures of a finished query. */
export interface QueryStats {
  /** Samples looked at, over all steps. */
  readonly totalSamples: number;
  /** The most samples that were held at once. */
  readonly peakSamples: number;
  readonly fetchMs: number;
  readonly evaluateMs: number;
}

export interface QueryResult {
  /**
   * Of an instant query: a scalar, string, vector (one step) or matrix (raw points). Of a range query: a vector over the
   * grid, in the order of labels, or a scalar over the grid.
   */
  readonly value: Value;
  readonly grid: Grid;
  readonly warnings: string[];
  readonly infos: string[];
  readonly stats: QueryStats;
}

/** A query that is prepared, so that what it fetches is known; see prepareQuery. */
export interface PreparedQuery {
  readonly query: string;
  readonly expr: Expr;
  readonly times: QueryTimes;
  readonly grid: Grid;
  readonly fetches: FetchPlans;
}

const DEFAULT_LOOKBACK_MS = 5 * 60_000;
const DEFAULT_SUBQUERY_STEP_MS = 60_000;

/** Prepares a parsed query. Throws `bad_request` for durations that come to nothing, and for ranges over the wrong type. */
export function prepareQuery(expr: Expr, times: QueryTimes, options: QueryOptions = {}, query = ''): PreparedQuery {
  const type = valueTypeOf(expr);
  if (times.stepMs > 0 && type !== 'vector' && type !== 'scalar') {
    const shown = type === 'matrix' ? 'range vector' : type;
    throw new VarveError(
      'bad_request',
      `invalid expression type "${shown}" for range query, must be Scalar or instant Vector`,
    );
  }
  const prepared = prepareExpression(expr, times);
  const grid = gridOf(times.startMs, times.endMs, times.stepMs);
  const fetches = planFetches(prepared, grid, {
    lookbackMs: options.lookbackMs ?? DEFAULT_LOOKBACK_MS,
    defaultSubqueryStepMs: options.defaultSubqueryStepMs ?? DEFAULT_SUBQUERY_STEP_MS,
  });
  return { query, expr: prepared, times, grid, fetches };
}

/**
 * Evaluates a parsed query. stepMs 0 makes it an instant query (startMs is endMs). Throws VarveErrors: `bad_request`,
 * `unprocessable` (Prometheus' "execution"), `timeout`, `canceled`, and what the querier throws.
 *
 * `query` is the text of the expression, for the places in warnings and infos.
 */
export async function evaluateQuery(
  expr: Expr,
  times: QueryTimes,
  querier: Querier,
  options: QueryOptions = {},
  query = '',
): Promise<QueryResult> {
  const startedMs = performance.now();
  const prepared = prepareQuery(expr, times, options, query);
  const sets = await fetchAll(prepared.fetches.plans, querier);
  return evaluatePrepared(prepared, sets, options, startedMs);
}

/** Parses and evaluates a query text. */
export function evaluate(
  query: string,
  times: QueryTimes,
  querier: Querier,
  options: QueryOptions = {},
): Promise<QueryResult> {
  return evaluateQuery(parseQuery(query), times, querier, options, query);
}

/** Trees of texts asked for lately: a dashboard asks the same ones all day. Nobody changes a parsed tree. */
const KEPT_TREES = 256;
const KEPT_TEXT_LENGTH = 4096;
const trees = new Map<string, Expr>();

/** The tree of a query text, as parseExpression makes it, or the one that it made before. */
export function parseQuery(query: string): Expr {
  const known = trees.get(query);
  if (known !== undefined) return known;
  const expr = parseExpression(query);
  if (query.length > KEPT_TEXT_LENGTH) return expr;
  if (trees.size === KEPT_TREES) trees.delete(trees.keys().next().value!);
  trees.set(query, expr);
  return expr;
}

/** The synchronous part: `sets` are the results of prepared.fetches.plans, in their order. */
export function evaluatePrepared(
  prepared: PreparedQuery,
  sets: readonly SeriesSet[],
  options: QueryOptions,
  startedMs = performance.now(),
): QueryResult {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  if (options.timeoutMs !== undefined) limits.timeoutMs = options.timeoutMs;
  const budget = new Budget(limits, options.signal ?? null, startedMs);
  budget.checkpoint();
  budget.checkTime();
  const annotations = new Annotations();
  for (const set of sets) for (const warning of set.warnings ?? []) annotations.storageWarning(warning);
  const { planOfNode } = prepared.fetches;
  const delayedNameRemoval = options.delayedNameRemoval ?? false;
  const contextWith = (delayed: boolean): EvaluationContext => {
    const own: EvaluationContext = {
      lookbackMs: options.lookbackMs ?? DEFAULT_LOOKBACK_MS,
      defaultSubqueryStepMs: options.defaultSubqueryStepMs ?? DEFAULT_SUBQUERY_STEP_MS,
      delayedNameRemoval: delayed,
      typeAndUnitLabels: options.typeAndUnitLabels ?? false,
      annotations,
      budget,
      seriesOf: (node: VectorSelector | Call) => sets[planOfNode.get(node)!]!,
      evaluate: (expr: Expr, grid: Grid) => evaluateExpression(own, expr, grid),
      withDelayedNameRemoval: () => contextWith(true),
    };
    return own;
  };
  const context = contextWith(delayedNameRemoval);
  const evaluateStartMs = performance.now();
  const value = tidy(context.evaluate(prepared.expr, prepared.grid), prepared, delayedNameRemoval);
  return {
    value,
    grid: prepared.grid,
    ...annotations.texts(prepared.query),
    stats: {
      totalSamples: budget.totalSamples,
      peakSamples: budget.peakSamples,
      fetchMs: evaluateStartMs - startedMs,
      evaluateMs: performance.now() - evaluateStartMs,
    },
  };
}

/** Drops names that are still to be dropped, and sorts what has no order of its own. */
function tidy(value: Value, prepared: PreparedQuery, delayedNameRemoval: boolean): Value {
  // Labels that are still to be looked up are so now, while the series are there.
  if (value.kind === 'vector' || value.kind === 'matrix') for (const { labels } of value.series) void labels.names;
  if (value.kind === 'vector') {
    if (delayedNameRemoval) {
      for (const column of value.series) {
        if (column.dropName) column.labels = column.labels.withoutMetadata();
      }
      value.series = mergeSameLabels(value.series);
    }
    if (prepared.times.stepMs > 0) value.series.sort((a, b) => compareLabels(a.labels, b.labels));
  } else if (value.kind === 'matrix') {
    for (const series of value.series) {
      if (delayedNameRemoval && series.dropName) series.labels = series.labels.withoutMetadata();
    }
    value.series.sort((a, b) => compareLabels(a.labels, b.labels));
  }
  return value;
}
