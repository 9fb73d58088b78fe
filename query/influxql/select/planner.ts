/**
 * Makes plans: from a checked and rewritten statement to the tree of plan.ts, with what each level takes over from the one
 * around it.
 */
import type { CallNode, Expression, MeasurementSource, SelectStatement, VariableNode } from '../ast.ts';
import type { FieldKind } from '../functions/kernel.ts';
import { TECHNICAL_FUNCTIONS } from '../functions/technical.ts';
import {
  type CallSource,
  keyOf,
  type Leaf,
  type Level,
  type LevelField,
  type Options,
  type PlannedCall,
  type PointSource,
  type ReduceSource,
  type Reference,
  type RowColumn,
  type RowSource,
  referenceOf,
  type SubquerySource,
} from './plan.ts';
import { MAX_NS, MIN_NS } from './time.ts';
import type { Interval } from './window.ts';
import type { Zone } from './zone.ts';

/** What the planner asks of the front end. */
export interface PlanFront {
  /** Time bounds and the rest of a WHERE. */
  conditionOf(statement: SelectStatement): { minNs: bigint; maxNs: bigint; condition: Expression | null };
  /** Names of the columns without time, with those that top() and bottom() add. */
  columnNames(statement: SelectStatement): readonly string[];
  /** Type of an expression over typed variables; null when it has none. */
  kindOf(expression: Expression): FieldKind | null;
  intervalOf(statement: SelectStatement): Interval;
  zoneOf(statement: SelectStatement): Zone | null;
  isMath(name: string): boolean;
  isSelector(name: string): boolean;
  readonly nowNs: bigint;
}

/** The plan of an outermost statement between bounds of time. */
export function planStatement(statement: SelectStatement, front: PlanFront, minNs: bigint, maxNs: bigint): Level {
  const own = optionsOf(statement, front);
  const options: Options = {
    ...own,
    windowing: { ...own.windowing, minNs, maxNs },
    dimensions: own.groupBy,
    // What is null is not written, so nothing need be made up for INTO.
    fill: own.fill.kind === 'null' && statement.into !== null ? { kind: 'none' } : own.fill,
  };
  return planLevel(statement, options, front);
}

function optionsOf(statement: SelectStatement, front: PlanFront): Options {
  const { minNs, maxNs, condition } = front.conditionOf(statement);
  const groupBy = new Set<string>();
  for (const dimension of statement.dimensions) if (dimension.kind === 'variable') groupBy.add(dimension.name);
  const sorted = sortedKeys(groupBy);
  return {
    windowing: { interval: front.intervalOf(statement), zone: front.zoneOf(statement), minNs, maxNs },
    groupBy: sorted,
    dimensions: sorted,
    fill: statement.fill ?? { kind: 'null' },
    condition,
    ascending: statement.orderBy.length === 0 || statement.orderBy[0].ascending,
    limit: statement.limit,
    offset: statement.offset,
    seriesLimit: statement.seriesLimit,
    seriesOffset: statement.seriesOffset,
    aux: [],
  };
}

function sortedKeys(keys: Iterable<string>): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Calls and references of the fields, each once. */
interface Symbols {
  readonly calls: Map<string, CallNode>;
  readonly references: Map<string, VariableNode>;
}

function collectSymbols(expression: Expression, front: PlanFront, into: Symbols): void {
  switch (expression.kind) {
    case 'call':
      if (front.isMath(expression.name)) {
        for (const argument of expression.arguments) collectSymbols(argument, front, into);
      } else {
        into.calls.set(keyOf(expression), expression);
      }
      return;
    case 'variable':
      into.references.set(keyOf(expression), expression);
      return;
    case 'binary':
      collectSymbols(expression.left, front, into);
      collectSymbols(expression.right, front, into);
      return;
    case 'parentheses':
      collectSymbols(expression.inner, front, into);
  }
}

/** The fields with those that top() and bottom() add: the tags among their arguments. */
function outputsOf(statement: SelectStatement, front: PlanFront): LevelField[] {
  const names = front.columnNames(statement);
  const outputs: LevelField[] = [];
  const add = (expression: Expression, name: string, isTag: boolean) =>
    outputs.push({ name, isTag, expression, kind: front.kindOf(expression) ?? NO_KIND });
  let next = 0;
  for (const { expression } of statement.fields) {
    add(expression, names[next++], false);
    if (expression.kind !== 'call' || (expression.name !== 'top' && expression.name !== 'bottom')) continue;
    for (const argument of expression.arguments.slice(1, -1)) {
      if (statement.into === null) add(argument, names[next++], false);
      else if (argument.kind === 'variable' && argument.cast === 'tag') add(argument, argument.name, true);
    }
  }
  return outputs;
}

/** Where no type is known no value is, and any type will do. */
const NO_KIND: FieldKind = 'float';

function planLevel(statement: SelectStatement, given: Options, front: PlanFront): Level {
  const fields = outputsOf(statement, front);
  const symbols: Symbols = { calls: new Map(), references: new Map() };
  for (const { expression } of fields) collectSymbols(expression, front, symbols);
  const references = [...symbols.references].map(([key, node]) => ({ key, reference: referenceOf(node) }));
  references.sort((a, b) => Buffer.compare(Buffer.from(a.reference.name), Buffer.from(b.reference.name)));
  const options: Options = { ...given, aux: references.map(({ reference }) => reference) };
  const auxKeys = references.map(({ key }) => key);
  const planner = new Planner(statement, front);
  if (symbols.calls.size === 0) {
    const rows = options.aux.some(({ kind }) => kind !== null) ? planner.rows(null, options) : null;
    return { statement, options, fields, calls: [], auxKeys, rows };
  }
  const [only] = symbols.calls.values();
  const selector = symbols.calls.size === 1 && front.isSelector(only.name);
  const calls: PlannedCall[] = [];
  for (const [key, call] of symbols.calls) {
    const kind = front.kindOf(call);
    if (kind === null) continue;
    const source = planner.points(call, options, selector);
    if (source !== null) calls.push({ key, kind, source });
  }
  return { statement, options, fields, calls, auxKeys, rows: null };
}

/** Functions whose input begins one interval earlier, so that the first window has one to look back to. */
const LOOKS_BACK: ReadonlySet<string> = new Set([
  'derivative',
  'non_negative_derivative',
  'difference',
  'non_negative_difference',
  'moving_average',
  ...TECHNICAL_FUNCTIONS,
  'elapsed',
]);

const REDUCED: ReadonlySet<string> = new Set(['count', 'min', 'max', 'sum', 'first', 'last', 'mean']);

class Planner {
  private readonly statement: SelectStatement;
  private readonly front: PlanFront;
  private readonly leaves = new Map<MeasurementSource, Leaf>();

  constructor(statement: SelectStatement, front: PlanFront) {
    this.statement = statement;
    this.front = front;
  }

  rows(driver: Reference | null, options: Options): RowSource {
    return { kind: 'rows', driver, sources: this.sources(driver, options), options };
  }

  /** The points of a field, or of a call over it or over another call. */
  points(expression: Expression, given: Options, selector: boolean): PointSource | null {
    if (expression.kind === 'variable') {
      const reference = referenceOf(expression);
      return reference.kind === null || reference.kind === 'tag' ? null : this.rows(reference, given);
    }
    if (expression.kind !== 'call') return null;
    const call = expression;
    const { name } = call;
    // LIMIT is the caller's, after everything else.
    const options: Options = { ...given, limit: 0, offset: 0 };
    const [argument] = call.arguments;
    if (name === 'top' || name === 'bottom') return this.extremes(call, options);
    if (name === 'count' && argument.kind === 'call') return this.aggregate(call, options, selector, selector);
    if (REDUCED.has(name)) {
      if (argument.kind !== 'variable') return null;
      const reduced = this.reduce(call, options);
      return reduced === null ? null : this.interval(reduced, call, options, selector);
    }
    switch (name) {
      case 'median':
      case 'mode':
      case 'stddev':
      case 'spread':
      case 'percentile':
        return this.aggregate(call, options, selector, false);
      case 'distinct': {
        const input = this.points(argument, options, selector);
        if (input === null) return null;
        const rows: CallSource = { kind: 'call', call, input, options };
        return { kind: 'interval', input: rows, options, fills: false, isCount: false };
      }
      case 'holt_winters':
      case 'holt_winters_with_fit': {
        const input = this.points(argument, options, selector);
        return input === null ? null : { kind: 'call', call, input, options };
      }
      default: {
        const inner = LOOKS_BACK.has(name) ? earlier(options) : options;
        const input = this.points(argument, inner, name === 'integral' ? false : selector);
        return input === null ? null : { kind: 'call', call, input, options: inner };
      }
    }
  }

  /** A call over all points of its windows, not merged from parts. */
  private aggregate(call: CallNode, options: Options, selector: boolean, inner: boolean): PointSource | null {
    const input = this.points(call.arguments[0], options, inner);
    if (input === null) return null;
    return this.interval({ kind: 'call', call, input, options }, call, options, selector);
  }

  private interval(input: PointSource, call: CallNode, options: Options, selector: boolean): PointSource {
    const hasInterval = options.windowing.interval.durationNs !== 0n;
    if (selector && !hasInterval) return input;
    const fills = hasInterval && options.fill.kind !== 'none';
    return { kind: 'interval', input, options, fills, isCount: call.name === 'count' };
  }

  private reduce(call: CallNode, options: Options): ReduceSource | null {
    const [argument] = call.arguments;
    if (argument.kind !== 'variable') return null;
    const driver = referenceOf(argument);
    if (driver.kind === null || driver.kind === 'tag') return null;
    return { kind: 'reduce', call, driver, sources: this.sources(driver, options), options };
  }

  private extremes(call: CallNode, options: Options): PointSource | null {
    const [argument] = call.arguments;
    const tags = call.arguments.slice(1, -1);
    let input: PointSource | null;
    if (tags.length > 0) {
      const keys = new Set(options.groupBy);
      for (const tag of tags) if (tag.kind === 'variable') keys.add(tag.name);
      const inner: CallNode = { kind: 'call', name: call.name === 'top' ? 'max' : 'min', arguments: [argument] };
      input = this.reduce(inner, { ...options, groupBy: sortedKeys(keys), fill: { kind: 'none' } });
    } else {
      input = this.points(argument, options, true);
    }
    return input === null ? null : { kind: 'call', call, input, options };
  }

  private sources(driver: Reference | null, options: Options): (Leaf | SubquerySource)[] {
    const sources: (Leaf | SubquerySource)[] = [];
    for (const source of this.statement.sources) {
      if (source.kind === 'measurement') {
        sources.push(this.leaf(source, options));
        continue;
      }
      const driving = driver === null ? null : columnOf(source.statement, driver, this.front);
      // Without what drives it there are no points.
      if (driving?.kind === 'null') continue;
      sources.push({
        kind: 'subquery',
        level: this.subquery(source.statement, options),
        condition: options.condition,
        driver: driving,
        aux: options.aux.map((reference) => columnOf(source.statement, reference, this.front)),
      });
    }
    return sources;
  }

  private leaf(source: MeasurementSource, options: Options): Leaf {
    let leaf = this.leaves.get(source);
    if (leaf === undefined) {
      const { condition, seriesLimit, seriesOffset } = options;
      leaf = { kind: 'leaf', source, condition, seriesLimit, seriesOffset };
      this.leaves.set(source, leaf);
    }
    return leaf;
  }

  private subquery(statement: SelectStatement, outer: Options): Level {
    const own = optionsOf(statement, this.front);
    const outerWindowing = outer.windowing;
    const hasInterval = own.windowing.interval.durationNs !== 0n;
    const minNs = larger(own.windowing.minNs, outerWindowing.minNs);
    let maxNs = smaller(own.windowing.maxNs, outerWindowing.maxNs);
    // Windows without an end would go on for ever.
    if (hasInterval && maxNs >= MAX_NS) maxNs = this.front.nowNs;
    const options: Options = {
      ...own,
      windowing: {
        zone: own.windowing.zone,
        interval: hasInterval ? own.windowing.interval : outerWindowing.interval,
        minNs,
        maxNs,
      },
      groupBy: sortedKeys(new Set([...own.groupBy, ...outer.groupBy])),
      dimensions: outer.dimensions,
      seriesLimit: own.seriesLimit + outer.seriesLimit,
      seriesOffset: own.seriesOffset + outer.seriesOffset,
      ascending: outer.ascending,
      fill: own.fill.kind === 'null' ? { kind: 'none' } : own.fill,
    };
    return planLevel(statement, options, this.front);
  }
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** One interval more to look at. Bounds wrap as 64-bit integers do: without a lower one nothing is found, as in InfluxDB. */
function earlier(options: Options): Options {
  const { windowing, ascending } = options;
  const { durationNs } = windowing.interval;
  if (durationNs === 0n) return options;
  const bounds = ascending
    ? { minNs: BigInt.asIntN(64, windowing.minNs - durationNs) }
    : { maxNs: BigInt.asIntN(64, windowing.maxNs + durationNs) };
  return { ...options, windowing: { ...windowing, ...bounds } };
}

/**
 * Between which bounds, both inclusive, storage is read for a whole statement: its own, and as many intervals more as its
 * functions may look back to. What subqueries look back to beyond that is not there.
 */
export function readBounds({ statement, options }: Level): { minNs: bigint; maxNs: bigint } {
  const { windowing, ascending } = options;
  const { interval, minNs, maxNs } = windowing;
  let intervals = 0n;
  for (const { expression } of statement.fields) intervals = larger(intervals, intervalsBack(expression));
  const more = intervals * interval.durationNs;
  return ascending ? { minNs: larger(MIN_NS, minNs - more), maxNs } : { minNs, maxNs: smaller(MAX_NS, maxNs + more) };
}

function intervalsBack(expression: Expression): bigint {
  switch (expression.kind) {
    case 'binary':
      return larger(intervalsBack(expression.left), intervalsBack(expression.right));
    case 'parentheses':
      return intervalsBack(expression.inner);
    case 'call': {
      if (!LOOKS_BACK.has(expression.name) && expression.name !== 'cumulative_sum') {
        return expression.arguments.map(intervalsBack).reduce(larger, 0n);
      }
      // Functions over so many rows look back so far; others have a duration here, or nothing.
      const rows = expression.arguments[1];
      return rows?.kind === 'integer' ? larger(1n, rows.value) : 1n;
    }
    default:
      return 0n;
  }
}

/** Which column of a subquery's rows a name means. */
function columnOf(statement: SelectStatement, { name, kind }: Reference, front: PlanFront): RowColumn {
  const names = front.columnNames(statement);
  let index = 0;
  for (const { expression } of statement.fields) {
    if (names[index] === name) return { kind: 'field', index, as: kind };
    if (expression.kind === 'call' && (expression.name === 'top' || expression.name === 'bottom')) {
      const tags = expression.arguments.slice(1, -1);
      for (let i = 0; i < tags.length; i++) {
        const tag = tags[i];
        if (tag.kind === 'variable' && tag.name === name) return { kind: 'field', index: index + 1 + i, as: 'string' };
      }
      index += tags.length;
    }
    index++;
  }
  for (const dimension of statement.dimensions) {
    if (dimension.kind === 'variable' && dimension.name === name) return { kind: 'tag', key: name };
  }
  return { kind: 'null' };
}
