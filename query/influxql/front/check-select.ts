/**
 * What InfluxDB checks of a SELECT before it looks at data, and what follows from the statement alone: its range of time, its
 * windows, the name of its time column.
 *
 * A subquery is checked as part of the statement around it: it takes over the windows when it has none.
 */
import type { Expression, Fill, SelectField, SelectStatement, Source } from '../ast.ts';
import { MATH_KERNELS } from '../functions/math.ts';
import { parseError } from '../parser/parse-error.ts';
import { printExpression } from '../print.ts';
import { type CallScope, checkCall, mathArguments } from './check-call.ts';
import { conditionOf, type TimeBounds } from './condition.ts';
import { childrenOf } from './expressions.ts';
import { reduceExpression } from './reduce.ts';
import { isTimeLike, requireTimeLiteral } from './time-literal.ts';

export interface Windows {
  /** 0: there are none. */
  readonly durationNs: bigint;
  readonly offsetNs: bigint;
}

export interface CheckedSelect {
  /**
   * The statement with constants computed, DISTINCT as a call, `time` taken out of the fields and of the condition, and the
   * arguments of time() as durations. Subqueries keep their conditions, with now() put in.
   */
  readonly statement: SelectStatement;
  /** What the column of time is called. */
  readonly timeColumn: string;
  /** ns, inclusive. With windows and without an upper bound it ends now. */
  readonly minNs: bigint;
  readonly maxNs: bigint;
  /** Whether the statement says where it begins. */
  readonly hasMin: boolean;
  readonly windows: Windows;
}

const NO_WINDOWS: Windows = { durationNs: 0n, offsetNs: 0n };

/** Throws `bad_request` with InfluxDB's messages. `nowNs` is what now() is. */
export function checkSelect(statement: SelectStatement, nowNs: bigint): CheckedSelect {
  const scope = newScope(statement, nowNs, NO_WINDOWS);
  const checked = checkLevel(scope, nowNs);
  return {
    statement: {
      ...checked,
      condition: scope.condition,
      fields: checked.fields.filter(({ expression }) => !isTime(expression)).map(distinctAsCall),
    },
    timeColumn: timeColumnOf(statement),
    minNs: scope.bounds.minNs,
    maxNs: scope.bounds.maxNs,
    hasMin: scope.bounds.hasMin,
    windows: scope.windows,
  };
}

/** A statement in the middle of being checked. */
interface Scope extends CallScope {
  readonly windows: Windows;
  readonly statement: SelectStatement;
  readonly condition: Expression | null;
  readonly dimensions: readonly Expression[];
  readonly bounds: TimeBounds;
  readonly fill: Fill['kind'];
  readonly ascending: boolean;
}

function newScope(statement: SelectStatement, nowNs: bigint, outer: Windows): Scope {
  const { timezone } = statement;
  const { condition, ...bounds } = conditionOf(statement.condition, { nowNs, timezone });
  if (condition !== null) checkCondition(condition);
  const { windows, dimensions } = checkDimensions(statement, nowNs);
  const inherited = windows.durationNs === 0n && outer.durationNs !== 0n;
  return {
    statement,
    condition,
    dimensions,
    bounds: !bounds.hasMax && windows.durationNs !== 0n ? { ...bounds, maxNs: nowNs } : bounds,
    fill: statement.fill?.kind ?? 'null',
    ascending: statement.orderBy.length === 0 || statement.orderBy[0].ascending,
    windows: inherited ? outer : windows,
    inheritedWindows: inherited,
    limit: statement.limit,
    writesInto: statement.into !== null,
    fields: 0,
    calls: 0,
    onlySelectors: true,
    hasDistinct: false,
    extreme: '',
    hasPlainFields: false,
  };
}

function checkLevel(scope: Scope, nowNs: bigint): SelectStatement {
  const { statement } = scope;
  const fields = checkFields(scope);
  checkTogether(scope);
  const sources = statement.sources.map((source): Source => {
    if (source.kind !== 'subquery') return source;
    return { ...source, statement: checkSubquery(source.statement, scope, nowNs) };
  });
  return { ...statement, fields, sources, dimensions: scope.dimensions };
}

function checkSubquery(statement: SelectStatement, outer: Scope, nowNs: bigint): SelectStatement {
  const scope = newScope(statement, nowNs, outer.windows);
  if (statement.orderBy.length > 0 && scope.ascending !== outer.ascending) {
    throw parseError('subqueries must be ordered in the same direction as the query itself');
  }
  const { condition, timezone } = statement;
  const reduced = condition === null ? null : reduceExpression(condition, { nowNs, timezone, math: true });
  // Windows of a subquery that have no value are left out, not null.
  const ownWindows = scope.windows.durationNs !== 0n && !scope.inheritedWindows;
  const fill = ownWindows && scope.fill === 'null' ? 'none' : scope.fill;
  return { ...checkLevel({ ...scope, fill, ascending: outer.ascending }, nowNs), condition: reduced };
}

/** Each field is checked after its constants have been computed; `time` is none. */
function checkFields(scope: Scope): SelectField[] {
  return scope.statement.fields.map((field) => {
    if (isTime(field.expression)) return field;
    const expression = reduceExpression(field.expression, { nowNs: null, timezone: null, math: true });
    scope.fields++;
    checkCall(expression, scope);
    return { ...field, expression };
  });
}

function isTime(node: Expression): boolean {
  return node.kind === 'variable' && node.name === 'time';
}

/** Rules about what may stand beside each other. */
function checkTogether(scope: Scope): void {
  const { calls, extreme, fill } = scope;
  if (scope.fields === 0) throw parseError('at least 1 non-time field must be queried');
  if (calls > 1 && extreme !== '') {
    throw parseError(`selector function ${extreme}() cannot be combined with other functions`);
  }
  if (calls === 0) {
    if (fill === 'none' || fill === 'linear') throw parseError(`fill(${fill}) must be used with a function`);
    if (scope.windows.durationNs !== 0n && !scope.inheritedWindows) {
      throw parseError('GROUP BY requires at least one aggregate function');
    }
  }
  if (scope.hasDistinct && (calls !== 1 || scope.hasPlainFields)) {
    throw parseError('aggregate function distinct() cannot be combined with other functions or fields');
  }
  if (!scope.hasPlainFields) return;
  if (!scope.onlySelectors) throw parseError('mixing aggregate and non-aggregate queries is not supported');
  if (calls > 1) throw parseError('mixing multiple selector functions with tags or fields is not supported');
}

function checkDimensions(
  statement: SelectStatement,
  nowNs: bigint,
): { windows: Windows; dimensions: readonly Expression[] } {
  let windows = NO_WINDOWS;
  const dimensions = statement.dimensions.map((dimension): Expression => {
    const node = reduceExpression(dimension, { nowNs: null, timezone: null });
    switch (node.kind) {
      case 'wildcard':
      case 'regex':
        return node;
      case 'variable':
        if (node.name.toLowerCase() === 'time') {
          throw parseError('time() is a function and expects at least one argument');
        }
        return node;
      case 'call': {
        const [duration, offset] = windowArguments(node.name, node.arguments);
        if (windows.durationNs !== 0n) throw parseError('multiple time dimensions not allowed');
        windows = { durationNs: duration, offsetNs: 0n };
        if (offset === undefined) return node;
        windows = { ...windows, offsetNs: offsetOf(offset, duration, statement.timezone, nowNs) };
        return { ...node, arguments: [node.arguments[0], { kind: 'duration', value: windows.offsetNs }] };
      }
      default:
        throw parseError('only time and tag dimensions allowed');
    }
  });
  return { windows, dimensions };
}

function windowArguments(name: string, list: readonly Expression[]): [durationNs: bigint, offset?: Expression] {
  if (name !== 'time') throw parseError('only time() calls allowed in dimensions');
  if (list.length < 1 || list.length > 2) throw parseError('time dimension expected 1 or 2 arguments');
  const [duration, offset] = list;
  if (duration.kind !== 'duration') throw parseError('time dimension must have duration argument');
  return [duration.value, offset];
}

/** Where Go's time begins, the year 1: instants are cut into windows from there when they are an offset. */
const YEAR_ONE_NS = -62_135_596_800n * 1_000_000_000n;

function offsetOf(offset: Expression, durationNs: bigint, timezone: string | null, nowNs: bigint): bigint {
  // Windows of no length have no offset either.
  const since = (instant: bigint) => (durationNs <= 0n ? 0n : (instant - YEAR_ONE_NS) % durationNs);
  switch (offset.kind) {
    case 'duration':
      return durationNs === 0n ? 0n : offset.value % durationNs;
    case 'time':
      return since(offset.value);
    case 'call':
      if (offset.name !== 'now') throw parseError('time dimension offset function must be now()');
      if (offset.arguments.length > 0) throw parseError('time dimension offset now() function requires no arguments');
      return since(nowNs);
    case 'string':
      if (!isTimeLike(offset.value)) break;
      requireTimeLiteral(offset.value, timezone);
      // It is understood, and then nothing takes it.
      throw parseError(`invalid time dimension offset: ${printExpression(offset)}`);
  }
  throw parseError('time dimension offset must be duration or now()');
}

/** The only functions in a condition are those of single values. */
function checkCondition(node: Expression): void {
  if (node.kind === 'binary') {
    checkCondition(node.left);
    checkCondition(node.right);
    return;
  }
  if (node.kind !== 'call') return;
  if (!MATH_KERNELS.has(node.name)) throw parseError(`invalid function call in condition: ${printExpression(node)}`);
  mathArguments(node, 'condition');
  for (const child of childrenOf(node)) checkCondition(child);
}

/** The alias of the last field that is `time`. */
function timeColumnOf({ fields }: SelectStatement): string {
  return fields.findLast(({ expression, alias }) => isTime(expression) && alias !== '')?.alias ?? 'time';
}

function distinctAsCall(field: SelectField): SelectField {
  return { ...field, expression: distinctCalls(field.expression) };
}

/** `DISTINCT x` as `distinct(x)`: as a field, and as an argument. */
function distinctCalls(node: Expression): Expression {
  if (node.kind === 'distinct') {
    return { kind: 'call', name: 'distinct', arguments: [{ kind: 'variable', name: node.field, cast: null }] };
  }
  if (node.kind !== 'call') return node;
  return { ...node, arguments: node.arguments.map(distinctCalls) };
}
