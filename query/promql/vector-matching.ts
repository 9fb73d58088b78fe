/**
 * Arithmetic and comparison between two vectors: samples meet when their matching labels are equal.
 *
 * 1. Series are grouped by their signature, the values of the labels that count.
 * 2. Per group and step, the one sample of the "one" side meets each sample of the other side. More than one on the
 *    "one" side, or more than one on the other without group_left/group_right, is an error.
 * 3. Results are collected by their labels.
 * Groups of one series on each side, the usual case, run in one plain loop.
 */
import { VarveError } from '../../errors/errors.ts';
import type { EvaluationContext } from './context.ts';
import { compareLabels, type Labels, METRIC_NAME } from './labels.ts';
import { sameLabelsError } from './merge.ts';
import { type BinaryExpr, isComparison, type VectorMatching } from './parser/ast.ts';
import { arithmeticOf, comparisonOf } from './scalar-operators.ts';
import { type Grid, newColumn, type SeriesColumn, type VectorValue } from './value.ts';

/** A function that gives equal texts for series that match. */
export function signatureFunction(matching: VectorMatching): (column: SeriesColumn) => string {
  const names = new Set(matching.labels);
  if (matching.on) {
    const wanted = [...names].sort();
    return ({ labels }) => {
      let signature = '';
      for (const name of wanted) signature += `${labels.get(name)}\u0000`;
      return signature;
    };
  }
  names.add(METRIC_NAME);
  return ({ labels }) => {
    let signature = '';
    for (let i = 0; i < labels.size; i++) {
      if (!names.has(labels.names[i]!)) signature += `${labels.names[i]}\u0000${labels.values[i]}\u0000`;
    }
    return signature;
  };
}

/** The labels that a match group shares. */
function matchedLabels(labels: Labels, matching: VectorMatching): Labels {
  const names = new Set(matching.labels);
  return matching.on
    ? labels.filter((name) => names.has(name))
    : labels.withoutMetadata().filter((name) => !names.has(name));
}

interface Group {
  /** The "many" side: left, or right with group_right. */
  readonly many: SeriesColumn[];
  readonly one: SeriesColumn[];
}

export function matchVectors(
  ctx: EvaluationContext,
  expr: BinaryExpr,
  left: VectorValue,
  right: VectorValue,
  grid: Grid,
): VectorValue {
  const matching = expr.matching!;
  const filled = matching.fillLeft !== null || matching.fillRight !== null;
  if (left.series.length === 0 && right.series.length === 0) return { kind: 'vector', series: [] };
  if ((left.series.length === 0 || right.series.length === 0) && !filled) return { kind: 'vector', series: [] };
  const isSwapped = matching.card === 'one-to-many';
  const many = isSwapped ? right : left;
  const one = isSwapped ? left : right;

  const signatureOf = signatureFunction(matching);
  const groups = new Map<string, Group>();
  const groupOf = (column: SeriesColumn): Group => {
    const signature = signatureOf(column);
    let group = groups.get(signature);
    if (group === undefined) {
      group = { many: [], one: [] };
      groups.set(signature, group);
    }
    return group;
  };
  for (const column of many.series) groupOf(column).many.push(column);
  for (const column of one.series) groupOf(column).one.push(column);

  const matcher = new Matcher(ctx, expr, matching, isSwapped, grid);
  // A duplicate on the "one" side only matters at steps where the other side has anything at all.
  const activeSteps = filled ? null : stepsWithSamples(many, grid);
  for (const group of groups.values()) {
    ctx.budget.checkpoint();
    if (group.many.length === 1 && group.one.length === 1 && !filled) matcher.matchPair(group.many[0]!, group.one[0]!);
    else matcher.matchGroup(group, activeSteps);
  }
  matcher.throwFirstFault();
  return { kind: 'vector', series: matcher.finish() };
}

function stepsWithSamples(vector: VectorValue, grid: Grid): Uint8Array {
  const steps = new Uint8Array(grid.count);
  for (const { present } of vector.series) {
    for (let i = 0; i < steps.length; i++) steps[i]! |= present[i]!;
  }
  return steps;
}

/** What can be wrong at a step, in the order in which it is looked for. */
const DUPLICATE = 0;
const AMBIGUOUS = 1;
const SAME_LABELS = 2;

interface Fault {
  readonly step: number;
  readonly kind: number;
  readonly error: VarveError;
}

class Matcher {
  private readonly ctx: EvaluationContext;
  private readonly expr: BinaryExpr;
  private readonly matching: VectorMatching;
  private readonly isSwapped: boolean;
  private readonly grid: Grid;
  private readonly arithmetic: ((a: number, b: number) => number) | undefined;
  private readonly compare: ((a: number, b: number) => boolean) | undefined;
  private readonly results = new Map<string, SeriesColumn>();
  private fault: Fault | null = null;

  constructor(ctx: EvaluationContext, expr: BinaryExpr, matching: VectorMatching, isSwapped: boolean, grid: Grid) {
    this.ctx = ctx;
    this.expr = expr;
    this.matching = matching;
    this.isSwapped = isSwapped;
    this.grid = grid;
    this.arithmetic = arithmeticOf(expr.op);
    this.compare = comparisonOf(expr.op);
  }

  finish(): SeriesColumn[] {
    return [...this.results.values()].filter((column) => column.presentCount > 0);
  }

  /** The column that a pair's results go to; other pairs may share it at other steps. */
  private resultOf(manyLabels: Labels, oneLabels: Labels): SeriesColumn {
    const labels = this.resultLabels(manyLabels, oneLabels);
    let result = this.results.get(labels.key);
    if (result === undefined) {
      result = newColumn(labels, this.expr.returnBool, this.grid.count);
      this.results.set(labels.key, result);
    }
    return result;
  }

  private resultLabels(manyLabels: Labels, oneLabels: Labels): Labels {
    const { matching, expr } = this;
    let labels = manyLabels;
    if (!isComparison(expr.op) || (expr.returnBool && !this.ctx.delayedNameRemoval)) labels = labels.withoutMetadata();
    if (matching.card === 'one-to-one') {
      const names = new Set(matching.labels);
      labels = labels.filter((name) => names.has(name) === matching.on);
    }
    for (const name of matching.include) labels = labels.with(name, oneLabels.get(name));
    return labels;
  }

  private emit(result: SeriesColumn, step: number, manyValue: number, oneValue: number): void {
    const a = this.isSwapped ? oneValue : manyValue;
    const b = this.isSwapped ? manyValue : oneValue;
    let value: number;
    if (this.arithmetic !== undefined) value = this.arithmetic(a, b);
    else if (this.compare === undefined) {
      this.ctx.annotations.incompatibleTypes('float', this.expr.op, 'float', this.expr);
      return;
    } else {
      const holds = this.compare(a, b);
      if (this.expr.returnBool) value = holds ? 1 : 0;
      else if (holds) value = a;
      else return;
    }
    if (result.present[step] === 1) {
      this.note(step, SAME_LABELS, sameLabelsError);
      return;
    }
    result.values[step] = value;
    result.present[step] = 1;
    result.presentCount++;
  }

  matchPair(many: SeriesColumn, one: SeriesColumn): void {
    const result = this.resultOf(many.labels, one.labels);
    for (let i = 0; i < this.grid.count; i++) {
      if (many.present[i] === 1 && one.present[i] === 1) this.emit(result, i, many.values[i]!, one.values[i]!);
    }
  }

  /** Any number of series on either side, and fill values. */
  matchGroup(group: Group, activeSteps: Uint8Array | null): void {
    const { matching } = this;
    const isOneToOne = matching.card === 'one-to-one';
    const shared = matchedLabels((group.many[0] ?? group.one[0]!).labels, matching);
    const metThisStep = new Set<string>();
    for (let i = 0; i < this.grid.count; i++) {
      let found: SeriesColumn | null = null;
      for (const column of group.one) {
        if (column.present[i] === 0) continue;
        if (found !== null && (activeSteps === null || activeSteps[i] === 1)) {
          const first = found;
          this.note(i, DUPLICATE, () => this.duplicateError(first, column, shared));
          return;
        }
        found = column;
      }
      metThisStep.clear();
      let met = 0;
      for (const column of group.many) {
        if (column.present[i] === 0) continue;
        if (found === null && matching.fillRight === null) continue;
        if (isOneToOne && met > 0) {
          this.note(i, AMBIGUOUS, implicitManyError);
          return;
        }
        met++;
        const result = this.resultOf(column.labels, found === null ? shared : found.labels);
        if (!isOneToOne) {
          if (metThisStep.has(result.labels.key)) {
            this.note(i, AMBIGUOUS, repeatedGroupError);
            return;
          }
          metThisStep.add(result.labels.key);
        }
        this.emit(result, i, column.values[i]!, found === null ? matching.fillRight! : found.values[i]!);
      }
      if (met === 0 && found !== null && matching.fillLeft !== null) {
        this.emit(this.resultOf(shared, found.labels), i, matching.fillLeft, found.values[i]!);
      }
    }
  }

  /** Throws what goes wrong first: steps are evaluated one after the other, though groups are matched over all of them. */
  throwFirstFault(): void {
    if (this.fault !== null) throw this.fault.error;
  }

  private note(step: number, kind: number, makeError: () => VarveError): void {
    const { fault } = this;
    if (fault !== null && (fault.step < step || (fault.step === step && fault.kind <= kind))) return;
    this.fault = { step, kind, error: makeError() };
  }

  private duplicateError(first: SeriesColumn, second: SeriesColumn, shared: Labels): VarveError {
    const side = this.isSwapped ? 'left' : 'right';
    const [a, b] = [first.labels, second.labels].sort(compareLabels);
    return executionError(
      `found duplicate series for the match group ${shared} on the ${side} hand-side of the operation: [${a}, ${b}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }
}

function implicitManyError(): VarveError {
  return executionError('multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)');
}

function repeatedGroupError(): VarveError {
  return executionError('multiple matches for labels: grouping labels must ensure unique matches');
}

function executionError(message: string): VarveError {
  return new VarveError('unprocessable', message);
}
