/**
 * Runs test files of Prometheus' PromQL test language against any backend: the evaluation in this process, or a server
 * behind HTTP.
 *
 * A case that involves native histograms is left out and says so: one that selects a series with histogram samples, or
 * that expects some.
 */
import { compareLabels, type Labels, labelsFromPairs, METRIC_NAME } from './labels.ts';
import { compileMatcher } from './matcher.ts';
import { childrenOf, type Expr } from './parser/ast.ts';
import { parseExpression } from './parser/parser.ts';
import {
  type AnnotationExpectation,
  type EvalCommand,
  type ExpectedSeries,
  type LoadCommand,
  parseTestFile,
  type SequencePoint,
} from './promqltest-parser.ts';

/** A sample to be loaded. */
export interface LoadSample {
  readonly labels: Labels;
  readonly timeMs: number;
  readonly value: number | 'stale';
  /** 0: none. */
  readonly startMs: number;
}

export interface ResultSeries {
  readonly labels: Labels;
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
}

export interface BackendResult {
  readonly type: 'scalar' | 'vector' | 'matrix' | 'string';
  /** Of a scalar: one series without labels. */
  readonly series: readonly ResultSeries[];
  readonly text: string;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

/** What runs the queries. Failures of a query are thrown as errors whose message holds the query's error. */
export interface TestBackend {
  clear(): void | Promise<void>;
  load(samples: readonly LoadSample[]): void | Promise<void>;
  instant(query: string, timeMs: number): Promise<BackendResult>;
  range(query: string, startMs: number, endMs: number, stepMs: number): Promise<BackendResult>;
}

export interface CaseOutcome {
  readonly line: number;
  readonly query: string;
  /** 'passed', 'left out: …' or the reason of the failure. */
  readonly status: 'passed' | 'left out' | 'failed';
  readonly reason: string;
}

export async function runTestFile(text: string, backend: TestBackend): Promise<CaseOutcome[]> {
  const outcomes: CaseOutcome[] = [];
  const model = new LoadedModel();
  await backend.clear();
  for (const command of parseTestFile(text)) {
    switch (command.kind) {
      case 'clear':
        model.clear();
        await backend.clear();
        break;
      case 'load':
        await backend.load(model.load(command));
        break;
      case 'eval':
        outcomes.push(await runCase(command, model, backend));
        break;
    }
  }
  return outcomes;
}

/** What is loaded, as far as the runner has to know: which series hold native histograms. */
class LoadedModel {
  private readonly histogramSeries = new Map<string, Labels>();

  clear(): void {
    this.histogramSeries.clear();
  }

  load(command: LoadCommand): LoadSample[] {
    const samples: LoadSample[] = [];
    const startTimes = new Map<string, SequencePoint[]>();
    for (const series of command.series) {
      if (series.isStartTimes) startTimes.set(series.labels.key, series.points);
    }
    for (const { labels, points, isStartTimes } of command.series) {
      if (isStartTimes) continue;
      if (points.includes('histogram')) this.histogramSeries.set(labels.key, labels);
      if (command.alsoNative) this.addNativeTwin(labels);
      const starts = startTimes.get(labels.key);
      points.forEach((value, i) => {
        if (value === null || value === 'histogram') return;
        const timeMs = i * command.stepMs;
        const start = starts?.[i];
        samples.push({ labels, timeMs, value, startMs: typeof start === 'number' ? timeMs + start : 0 });
      });
    }
    return samples;
  }

  /** The native histogram that a classic one is loaded as, too. */
  private addNativeTwin(labels: Labels): void {
    const name = labels.metricName;
    const base = name.replace(/_(bucket|count|sum)$/, '');
    if (base === name) return;
    const twin = labels.with('le', '').with(METRIC_NAME, base);
    this.histogramSeries.set(twin.key, twin);
  }

  /** Whether some selector of the query can select a series with native histograms. */
  touchesHistograms(query: string): boolean {
    let root: Expr;
    try {
      root = parseExpression(query);
    } catch {
      return false;
    }
    const visit = (expr: Expr): boolean => {
      if (expr.type === 'vectorSelector') {
        const tests = expr.matchers.map((matcher) => ({ name: matcher.name, test: compileMatcher(matcher) }));
        return [...this.histogramSeries.values()].some((labels) =>
          tests.every(({ name, test }) => test(labels.get(name))),
        );
      }
      return childrenOf(expr).some(visit);
    };
    return visit(root);
  }
}

async function runCase(command: EvalCommand, model: LoadedModel, backend: TestBackend): Promise<CaseOutcome> {
  const { line, query, expectation } = command;
  const leftOut = (reason: string): CaseOutcome => ({ line, query, status: 'left out', reason });
  if (expectation.hasHistograms) return leftOut('native histograms are expected');
  if (model.touchesHistograms(query)) return leftOut('selects native histograms');
  let result: BackendResult;
  try {
    result =
      command.stepMs === 0
        ? await backend.instant(query, command.startMs)
        : await backend.range(query, command.startMs, command.endMs, command.stepMs);
  } catch (error) {
    const problem = failureProblem(command, error instanceof Error ? error.message : `${error}`);
    return { line, query, status: problem === null ? 'passed' : 'failed', reason: problem ?? '' };
  }
  const problem = expectation.fails ? 'expected to fail, but it succeeded' : resultProblem(command, result);
  return { line, query, status: problem === null ? 'passed' : 'failed', reason: problem ?? '' };
}

function failureProblem({ expectation }: EvalCommand, message: string): string | null {
  if (!expectation.fails) return `failed: ${message}`;
  if (expectation.failMessage !== null && !message.includes(expectation.failMessage)) {
    return `expected to fail with "${expectation.failMessage}", got "${message}"`;
  }
  if (expectation.failPattern !== null && !new RegExp(expectation.failPattern).test(message)) {
    return `expected to fail with /${expectation.failPattern}/, got "${message}"`;
  }
  return null;
}

function resultProblem(command: EvalCommand, result: BackendResult): string | null {
  const { expectation } = command;
  const annotations =
    annotationProblem('warning', expectation.warnings, result.warnings) ??
    annotationProblem('info', expectation.infos, result.infos);
  if (annotations !== null) return annotations;
  if (expectation.text !== null) {
    return result.type === 'string' && result.text === expectation.text
      ? null
      : `expected the string "${expectation.text}", got ${result.type} "${result.text}"`;
  }
  if (result.type === 'string') return `expected no string, got "${result.text}"`;
  if (expectation.scalar !== null) {
    const value = result.series[0]?.values[0];
    return result.type === 'scalar' && almostEqual(value!, expectation.scalar)
      ? null
      : `expected the scalar ${expectation.scalar}, got ${result.type} ${value}`;
  }
  const times = expectation.rangeVector ?? command;
  if (expectation.ordered) {
    const got = result.series.map((series) => `${series.labels}`);
    const wanted = expectation.series.map((series) => `${series.labels}`);
    if (got.join('\n') !== wanted.join('\n')) return `expected the order ${wanted.join(' ')}, got ${got.join(' ')}`;
  }
  return seriesProblem(expectation.series, result, times.startMs, times.stepMs);
}

function annotationProblem(
  what: string,
  expected: readonly AnnotationExpectation[],
  got: readonly string[],
): string | null {
  for (const entry of expected) {
    if (entry.kind === 'any' && got.length === 0) return `expected some ${what}, got none`;
    if (entry.kind === 'none' && got.length > 0) return `expected no ${what}, got: ${got.join(' | ')}`;
    if (entry.kind === 'message' && !got.includes(entry.text)) {
      return `expected the ${what} "${entry.text}", got: ${got.join(' | ')}`;
    }
    if (entry.kind === 'pattern' && !got.some((text) => new RegExp(entry.text).test(text))) {
      return `expected the ${what} /${entry.text}/, got: ${got.join(' | ')}`;
    }
  }
  const isListed = expected.some((entry) => entry.kind === 'message' || entry.kind === 'pattern');
  if (isListed) {
    const surplus = got.filter(
      (text) =>
        !expected.some(
          (entry) =>
            (entry.kind === 'message' && entry.text === text) ||
            (entry.kind === 'pattern' && new RegExp(entry.text).test(text)),
        ),
    );
    if (surplus.length > 0) return `unexpected ${what}: ${surplus.join(' | ')}`;
  }
  return null;
}

function seriesProblem(
  expected: readonly ExpectedSeries[],
  result: BackendResult,
  startMs: number,
  stepMs: number,
): string | null {
  const gotByKey = new Map(result.series.map((series) => [series.labels.key, series]));
  if (gotByKey.size !== result.series.length) return 'the result has two series with the same labels';
  for (const { labels, points } of expected) {
    const wanted = points.flatMap((value, i) =>
      typeof value === 'number' ? [{ timeMs: startMs + i * stepMs, value }] : [],
    );
    const got = gotByKey.get(labels.key);
    if (got === undefined) {
      if (wanted.length === 0) continue;
      return `expected ${labels}, which is missing; got ${[...gotByKey.values()].map((series) => `${series.labels}`).join(' ') || 'nothing'}`;
    }
    gotByKey.delete(labels.key);
    const same =
      got.values.length === wanted.length &&
      wanted.every(
        ({ timeMs, value }, i) =>
          almostEqual(got.values[i]!, value) && (result.type === 'scalar' || got.timesMs[i] === timeMs),
      );
    if (!same) {
      const shown = (points_: readonly { timeMs: number; value: number }[]) =>
        points_.map((point) => `${point.value}@${point.timeMs}`).join(' ');
      return `${labels}: expected ${shown(wanted)}, got ${shown(got.values.map((value, i) => ({ timeMs: got.timesMs[i]!, value })))}`;
    }
  }
  const surplus = [...gotByKey.values()].filter((series) => series.values.length > 0);
  if (surplus.length > 0) {
    const sorted = surplus.sort((a, b) => compareLabels(a.labels, b.labels));
    return `unexpected ${sorted.map((series) => `${series.labels} ${series.values.join(' ')}`).join('; ')}`;
  }
  return null;
}

const RELATIVE_TOLERANCE = 1e-6;

function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0) return difference < RELATIVE_TOLERANCE * 2.2250738585072014e-308;
  return difference / Math.min(sum, Number.MAX_VALUE) < RELATIVE_TOLERANCE;
}

/** Labels from an object, as JSON answers hold them. */
export function labelsFromObject(object: Readonly<Record<string, string>>): Labels {
  return labelsFromPairs(Object.entries(object));
}
