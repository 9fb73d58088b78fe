/**
 * Finds every selector of a prepared expression, works out which time range of its series can matter, and fetches them
 * all. Selectors that ask for the same are fetched once.
 */
import { patternCost } from './functions/label-pattern.ts';
import { infoReference } from './info-reference.ts';
import { METRIC_NAME } from './labels.ts';
import type { LabelMatcher } from './matcher.ts';
import type { Call, Expr, Subquery, VectorSelector } from './parser/ast.ts';
import type { Querier, SelectRange, SeriesSet } from './querier.ts';
import { type Grid, gridEndMs, gridOf } from './value.ts';

/** One fetch: which series, and what of them. */
export interface FetchPlan {
  readonly matchers: readonly LabelMatcher[];
  readonly range: SelectRange;
}

/** Which fetch each selector reads, and the fetches. info() calls have one of their own, for the info series. */
export interface FetchPlans {
  readonly plans: FetchPlan[];
  readonly planOfNode: Map<VectorSelector | Call, number>;
  /** Parallel to `plans`: about how many values are made of each series on the way to the result. */
  readonly valuesPerSeries: number[];
  /** About how many values are made that belong to no selected series. */
  readonly otherValues: number;
}

export interface FetchSettings {
  readonly lookbackMs: number;
  readonly defaultSubqueryStepMs: number;
}

/** Functions that look at each window anew. */
export const UNSLIDING: ReadonlySet<string | null> = new Set([
  'mad_over_time',
  'quantile_over_time',
  'double_exponential_smoothing',
]);

/** What surrounds a selector, as hints for the storage. */
interface Surroundings {
  readonly func: string | null;
  readonly grouping: SelectRange['grouping'];
}

const NOTHING: Surroundings = { func: null, grouping: null };

/** The grid on which a subquery evaluates its inner expression when the outer one is evaluated on `grid`. */
export function subqueryGrid(subquery: Subquery, grid: Grid, defaultStepMs: number): Grid {
  const stepMs = subquery.stepMs !== 0 ? subquery.stepMs : defaultStepMs;
  const firstMs = (subquery.timestampMs ?? grid.startMs) - subquery.offsetMs - subquery.rangeMs;
  const endMs = (subquery.timestampMs ?? gridEndMs(grid)) - subquery.offsetMs;
  let startMs = stepMs * Math.trunc(firstMs / stepMs);
  if (startMs <= firstMs) startMs += stepMs;
  return gridOf(startMs, endMs, stepMs);
}

/** The grid of an expression that is evaluated once. */
export function firstStepOf(grid: Grid): Grid {
  return { startMs: grid.startMs, stepMs: grid.stepMs, count: Math.min(1, grid.count), endMs: grid.startMs };
}

export function planFetches(root: Expr, grid: Grid, settings: FetchSettings): FetchPlans {
  const plans: FetchPlan[] = [];
  const planOfNode = new Map<VectorSelector | Call, number>();
  const planByKey = new Map<string, number>();
  const valuesPerSeries: number[] = [];
  let otherValues = 0;
  const { lookbackMs } = settings;

  const add = (node: VectorSelector | Call, matchers: readonly LabelMatcher[], range: SelectRange, values: number) => {
    // Most queries have one selector, for which no key is made.
    let key = '';
    if (plans.length > 0) {
      if (plans.length === 1) planByKey.set(keyOf(plans[0]!), 0);
      key = keyOf({ matchers, range });
    }
    let plan = planByKey.get(key);
    if (plan === undefined) {
      plan = plans.push({ matchers, range }) - 1;
      if (plan > 0) planByKey.set(key, plan);
      valuesPerSeries.push(0);
    }
    valuesPerSeries[plan] += values;
    planOfNode.set(node, plan);
  };

  const addSelector = (node: VectorSelector, over: Grid, around: Surroundings, rangeMs: number, values: number) => {
    if (over.count === 0) return;
    const earliestMs = (node.timestampMs ?? over.startMs) - node.offsetMs;
    const latestMs = (node.timestampMs ?? gridEndMs(over)) - node.offsetMs;
    const isInstant = rangeMs === 0;
    const before = isInstant || node.anchored || node.smoothed ? rangeMs + lookbackMs : rangeMs;
    const after = node.smoothed ? lookbackMs : 0;
    add(
      node,
      node.matchers,
      {
        startMs: earliestMs - before + 1,
        endMs: latestMs + after,
        stepMs: node.timestampMs === null && over.count > 1 ? over.stepMs : 0,
        rangeMs,
        ...(node.anchored || node.smoothed ? { extended: true } : {}),
        func: around.func,
        grouping: around.grouping,
      },
      values,
    );
  };

  const addInfo = (call: Call, over: Grid) => {
    if (over.count === 0) return;
    const reference = infoReference(call.args[0]!);
    const shiftMs = reference?.shiftMs ?? 0;
    const earliestMs = reference?.fixedMs ?? over.startMs - shiftMs;
    const latestMs = reference?.fixedMs ?? gridEndMs(over) - shiftMs;
    add(
      call,
      infoMatchers(call),
      {
        startMs: earliestMs - lookbackMs + 1,
        endMs: latestMs,
        stepMs: 0,
        rangeMs: 0,
        func: 'info',
        grouping: null,
      },
      over.count,
    );
  };

  /** @param above values that are made of one series further up. */
  const visit = (expr: Expr, over: Grid, around: Surroundings, above: number): void => {
    const values = above + over.count;
    otherValues += over.count;
    switch (expr.type) {
      case 'number':
      case 'string':
        return;
      case 'vectorSelector':
        addSelector(expr, over, around, 0, values);
        return;
      case 'matrixSelector':
        addSelector(expr.vector, over, around, expr.rangeMs, values);
        return;
      case 'subquery':
        {
          const inner = subqueryGrid(expr, over, settings.defaultSubqueryStepMs);
          // Windows that are each looked at anew, at the worst.
          const looked = UNSLIDING.has(around.func) ? over.count * (expr.rangeMs / inner.stepMs) : 0;
          otherValues += looked;
          visit(expr.expr, inner, NOTHING, values + looked);
        }
        return;
      case 'stepInvariant':
        visit(expr.expr, firstStepOf(over), around, values);
        return;
      case 'paren':
      case 'unary':
        visit(expr.expr, over, around, values);
        return;
      case 'aggregation': {
        const grouping = { labels: expr.grouping, without: expr.without };
        visit(expr.expr, over, { func: expr.op, grouping }, values);
        if (expr.param !== null) visit(expr.param, over, NOTHING, values);
        return;
      }
      case 'binary':
        visit(expr.left, over, NOTHING, values);
        visit(expr.right, over, NOTHING, values);
        return;
      case 'call': {
        const isInfo = expr.func.name === 'info';
        if (isInfo) addInfo(expr, over);
        for (const arg of isInfo ? expr.args.slice(0, 1) : expr.args) {
          visit(arg, over, { func: expr.func.name, grouping: null }, values + patternCost(expr));
        }
        return;
      }
    }
  };
  visit(root, grid, NOTHING, 0);
  return { plans, planOfNode, valuesPerSeries, otherValues };
}

/** The same for fetches of the same. */
function keyOf({ matchers, range }: FetchPlan): string {
  return JSON.stringify([matchers, range]);
}

/** The matchers of info()'s second argument, with the metric names that they stand for. */
function infoMatchers(call: Call): LabelMatcher[] {
  const selector = call.args[1];
  const given = selector?.type === 'vectorSelector' ? selector.matchers : [];
  return [...infoNameMatchers(given), ...given.filter((matcher) => matcher.name !== METRIC_NAME)];
}

/** Which metrics count as info metrics: target_info by default; what only negative matchers leave of `*_info`. */
export function infoNameMatchers(given: readonly LabelMatcher[]): LabelMatcher[] {
  const names = given.filter((matcher) => matcher.name === METRIC_NAME);
  if (names.length === 0) return [{ name: METRIC_NAME, op: '=', value: 'target_info' }];
  if (names.some((matcher) => matcher.op === '=' || matcher.op === '=~')) return names;
  return [{ name: METRIC_NAME, op: '=~', value: '.+_info' }, ...names];
}

/** All fetches at once; the result is parallel to `plans`. */
export function fetchAll(plans: readonly FetchPlan[], querier: Querier): Promise<SeriesSet[]> {
  return Promise.all(plans.map(({ matchers, range }) => querier.select(matchers, range)));
}
