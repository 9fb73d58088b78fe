/**
 * Runs unit tests of rules over series in memory: at every step of the evaluation interval the samples up to then are
 * loaded, all groups are evaluated, and alerts that are to be checked are compared; expressions are compared at the end.
 *
 * Failures are told in promtool's words, so that what reads those can read these.
 */

import { compareLabels, EMPTY_LABELS, type Labels, labelsFromPairs } from '../../query/promql/labels.ts';
import { formatDurationMs } from '../../query/promql/parser/duration.ts';
import { parseExpression } from '../../query/promql/parser/parser.ts';
import { quote } from '../../query/promql/parser/token.ts';
import { parseSeriesLine } from '../../query/promql/promqltest-parser.ts';
import type { VectorSample } from '../alert-template.ts';
import { ALERT_NAME, activeAlerts } from '../alerting-rule.ts';
import { Group, type GroupOptions, plainGroupOptions } from '../group.ts';
import { DEFAULT_RESTORE } from '../restore.ts';
import { instantVector, type RuleEnvironment } from '../rule.ts';
import { type GroupDefinition, readRuleFile } from '../rule-file.ts';
import { MemoryStorage } from '../storage.ts';
import { lineDiff } from './line-diff.ts';
import type { AlertTest, ExpressionTest, RuleTest, RuleTestFile } from './test-file.ts';

export interface RunOptions {
  /** Show failures as a diff of what was expected and what came. */
  diff?: boolean;
}

/** Runs one test of a file. Returns its failures; none is success. */
export async function runRuleTest(test: RuleTest, file: RuleTestFile, options: RunOptions = {}): Promise<string[]> {
  const definitions: GroupDefinition[] = [];
  for (const path of file.ruleFiles) {
    const { groups, errors } = readRuleFile(path);
    if (errors.length > 0) return errors;
    definitions.push(...groups);
  }
  const nameless = test.alertTests.find(({ alertName }) => alertName === '');
  if (nameless !== undefined) {
    const where = test.name === '' ? '' : ` (in TestGroup ${test.name})`;
    const time = formatDurationMs(nameless.evalTimeMs);
    return [`an item under alert_rule_test misses required attribute alertname at eval_time ${time}${where}`];
  }
  let run: TestRun;
  try {
    run = new TestRun(test, file, definitions, options);
  } catch (error) {
    return [(error as Error).message];
  }
  return run.run();
}

class TestRun {
  private readonly test: RuleTest;
  private readonly file: RuleTestFile;
  private readonly options: RunOptions;
  private readonly storage = new MemoryStorage();
  private readonly groups: Group[];
  private readonly environment: RuleEnvironment;
  private readonly input: { labels: Labels; points: (number | 'stale' | null)[]; loaded: number }[];
  private readonly failures: string[] = [];

  constructor(test: RuleTest, file: RuleTestFile, definitions: readonly GroupDefinition[], options: RunOptions) {
    this.test = test;
    this.file = file;
    this.options = options;
    const environment = {
      queryOptions: { defaultSubqueryStepMs: file.evaluationIntervalMs },
      externalLabels: test.externalLabels,
      externalUrl: test.externalUrl,
    };
    this.environment = { ...environment, querier: () => this.storage.querier() };
    const groupOptions: GroupOptions = {
      ...plainGroupOptions(this.storage, DEFAULT_RESTORE),
      environment,
      defaultIntervalMs: test.intervalMs,
    };
    const order = (name: string) => Math.max(0, file.groupOrder.indexOf(name));
    this.groups = [...definitions]
      .sort((a, b) => order(a.name) - order(b.name))
      .map((definition) => new Group(definition, groupOptions, true));
    this.input = test.inputSeries.map(({ series, values }) => {
      const { labels, points } = parseSeriesLine(`${series} ${values}`);
      if (points.includes('histogram')) throw new Error(`cannot load ${series}: native histograms are not supported`);
      return { labels, points: points as (number | 'stale' | null)[], loaded: 0 };
    });
  }

  async run(): Promise<string[]> {
    const { test } = this;
    const step = this.file.evaluationIntervalMs;
    const times = [...test.alertTests, ...test.expressionTests].map(({ evalTimeMs }) => evalTimeMs);
    const lastMs = Math.max(0, ...times);
    const due = [...test.alertTests].sort((a, b) => a.evalTimeMs - b.evalTimeMs);
    for (let atMs = 0; atMs <= lastMs; atMs += step) {
      this.load(atMs);
      if (!(await this.evaluate(atMs))) return this.failures;
      // A test between two evaluations sees the alerts of the first.
      while (due.length > 0 && due[0]!.evalTimeMs < atMs + step) this.checkAlerts(due.shift()!);
    }
    for (const expression of test.expressionTests) await this.checkExpression(expression);
    return this.failures;
  }

  private load(atMs: number): void {
    for (const series of this.input) {
      for (; series.loaded < series.points.length; series.loaded++) {
        const timeMs = series.loaded * this.test.intervalMs;
        if (timeMs > atMs) break;
        const point = series.points[series.loaded]!;
        if (point !== null) this.storage.add(series.labels, this.test.startMs + timeMs, point);
      }
    }
  }

  /** False when a rule failed: what follows would only be a consequence. */
  private async evaluate(atMs: number): Promise<boolean> {
    let good = true;
    for (const group of this.groups) {
      await group.evaluate(this.test.startMs + atMs);
      for (const { definition, lastError } of group.rules) {
        if (lastError === '') continue;
        good = false;
        this.failures.push(`    rule: ${definition.name}, time: ${goDuration(atMs)}, err: ${lastError}`);
      }
    }
    return good;
  }

  private checkAlerts({ evalTimeMs, alertName, expected }: AlertTest): void {
    const got: ComparedAlert[] = [];
    for (const rule of this.groups.flatMap(({ rules }) => rules)) {
      if (rule.kind !== 'alerting' || rule.definition.name !== alertName) continue;
      for (const { state, labels, annotations } of activeAlerts(rule)) {
        if (state === 'firing') got.push({ labels, annotations: labelsFromPairs(annotations) });
      }
    }
    const wanted = expected.map(({ labels, annotations }) => ({
      labels: labelsFromPairs([...labels, [ALERT_NAME, alertName]]),
      annotations: labelsFromPairs(annotations),
    }));
    const gotText = alertsText(got);
    const wantedText = alertsText(wanted);
    if (gotText === wantedText) return;
    const name = this.test.name === '' ? '' : `    name: ${this.test.name},\n`;
    const head = `${name}    alertname: ${alertName}, time: ${formatDurationMs(evalTimeMs)}, `;
    if (this.options.diff === true) {
      this.failures.push(`${head}\n        diff:\n${indent(lineDiff(wantedText, gotText), 12)}`);
      return;
    }
    this.failures.push(`${head}\n        exp:${hang(wantedText)}, \n        got:${hang(gotText)}`);
  }

  private async checkExpression({ expr, evalTimeMs, expected }: ExpressionTest): Promise<void> {
    const head = `    expr: ${quote(expr)}, time: ${formatDurationMs(evalTimeMs)},`;
    let got: readonly VectorSample[];
    const wanted: VectorSample[] = [];
    try {
      got = await instantVector(parseExpression(expr), this.test.startMs + evalTimeMs, this.environment, expr);
      for (const { labels, value, histogram } of expected) {
        if (histogram !== '') throw new Error('native histograms are not supported');
        wanted.push({ labels: parseMetric(labels), value });
      }
    } catch (error) {
      this.failures.push(`${head} err: ${(error as Error).message}`);
      return;
    }
    const order = (a: VectorSample, b: VectorSample) => compareLabels(a.labels, b.labels);
    const sortedGot = [...got].sort(order);
    wanted.sort(order);
    const same = wanted.length === sortedGot.length && wanted.every((sample, i) => this.isSame(sample, sortedGot[i]!));
    if (same) return;
    if (this.options.diff === true) {
      const lines = (samples: VectorSample[]) => samples.map(sampleText).join('\n');
      this.failures.push(`${head}\n        diff:\n${indent(lineDiff(lines(wanted), lines(sortedGot)), 12)}`);
      return;
    }
    const text = (samples: VectorSample[]) => (samples.length === 0 ? 'nil' : samples.map(sampleText).join(', '));
    this.failures.push(`${head}\n        exp: ${text(wanted)}\n        got: ${text(sortedGot)}`);
  }

  private isSame(wanted: VectorSample, got: VectorSample): boolean {
    if (wanted.labels.key !== got.labels.key) return false;
    const [a, b] = [wanted.value, got.value];
    // A NaN equals none, not even where one is expected; so says promtool.
    if (a === b || !this.file.fuzzyCompare) return a === b;
    return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
  }
}

/** `up{job="a"}`, `{}` or `{"name with spaces"}`. */
function parseMetric(text: string): Labels {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '{}') return EMPTY_LABELS;
  try {
    const { labels, points } = parseSeriesLine(trimmed);
    if (points.length > 0) throw new Error(`unexpected text behind the labels`);
    return labels;
  } catch (error) {
    throw new Error(`labels ${quote(text)}: ${(error as Error).message}`);
  }
}

interface ComparedAlert {
  labels: Labels;
  annotations: Labels;
}

function alertsText(alerts: ComparedAlert[]): string {
  if (alerts.length === 0) return '[]';
  const sorted = [...alerts].sort(
    (a, b) => compareLabels(a.labels, b.labels) || compareLabels(a.annotations, b.annotations),
  );
  const items = sorted.map(({ labels, annotations }, i) => `${i}:\n  Labels:${labels}\n  Annotations:${annotations}`);
  return `[\n${items.join(',\n')}\n]`;
}

/** All lines but the first by as much as they hang under `exp:`. */
function hang(text: string): string {
  return text.replaceAll('\n', `\n${' '.repeat(12)}`);
}

function indent(text: string, spaces: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(spaces));
}

/** As Go's %.4G shows a sample's value here: `3E+01`. */
function sampleText({ labels, value }: VectorSample): string {
  return `${labels} ${goExponent(value)}`;
}

function goExponent(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const [mantissa, power] = (Object.is(value, -0) ? '-0e+0' : value.toExponential()).split('e') as [string, string];
  return `${mantissa}E${power[0]}${power.slice(1).padStart(2, '0')}`;
}

/** Go's time.Duration: `1h0m0s`. */
function goDuration(ms: number): string {
  if (ms === 0) return '0s';
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
