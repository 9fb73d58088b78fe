/**
 * Files of unit tests for rules, in promtool's format:
 *
 *     rule_files: [rules/*.yml]            relative to the test file
 *     evaluation_interval: 1m
 *     group_eval_order: [first, second]
 *     fuzzy_compare: true                  compares expected samples to a relative 1e-6
 *     tests:
 *       - name: …
 *         interval: 1m                     between the values of input_series
 *         start_timestamp: …               Unix seconds or RFC 3339; times below are after it
 *         external_labels: {…}
 *         external_url: …
 *         input_series:     [{series: 'up{job="a"}', values: '1 1x5 0+10x3 _ stale'}]
 *         alert_rule_test:  [{eval_time, alertname, exp_alerts: [{exp_labels, exp_annotations}]}]
 *         promql_expr_test: [{expr, eval_time, exp_samples: [{labels, value}]}]
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { expandRuleGlobs } from '../rule-file.ts';
import { type YamlNode, YamlReader } from '../yaml-reader.ts';

export interface ExpectedAlert {
  labels: [string, string][];
  annotations: [string, string][];
}

export interface AlertTest {
  /** Ms after the test's start. */
  evalTimeMs: number;
  alertName: string;
  expected: ExpectedAlert[];
}

export interface ExpressionTest {
  expr: string;
  evalTimeMs: number;
  expected: { labels: string; value: number; histogram: string }[];
}

export interface RuleTest {
  name: string;
  intervalMs: number;
  startMs: number;
  inputSeries: { series: string; values: string }[];
  alertTests: AlertTest[];
  expressionTests: ExpressionTest[];
  externalLabels: [string, string][];
  externalUrl: string;
}

export interface RuleTestFile {
  ruleFiles: string[];
  evaluationIntervalMs: number;
  groupOrder: string[];
  fuzzyCompare: boolean;
  tests: RuleTest[];
  /** Patterns that no file matches. */
  unmatched: string[];
}

/** Reads and checks a file. Throws an Error that says what is wrong with it. */
export function readRuleTestFile(path: string): RuleTestFile {
  const reader = new YamlReader(readFileSync(path, 'utf8'));
  const syntax = reader.syntaxError();
  if (syntax !== null) throw new Error(syntax);
  const file: RuleTestFile = {
    ruleFiles: [],
    evaluationIntervalMs: 0,
    groupOrder: [],
    fuzzyCompare: false,
    tests: [],
    unmatched: [],
  };
  reader.struct(reader.root, 'main.unitTestFile', {
    rule_files: (node) => {
      file.ruleFiles = reader.list(node, 'string', (item) => reader.text(item));
    },
    evaluation_interval: (node) => {
      file.evaluationIntervalMs = reader.durationMs(node);
    },
    group_eval_order: (node) => {
      file.groupOrder = reader.list(node, 'string', (item) => reader.text(item));
    },
    fuzzy_compare: (node) => {
      file.fuzzyCompare = reader.boolean(node);
    },
    tests: (node) => {
      file.tests = reader.list(node, 'main.testGroup', (item) => readTest(reader, item));
    },
  });
  const problems = reader.message();
  if (problems !== null) throw new Error(problems);
  file.evaluationIntervalMs ||= 60_000;
  for (const test of file.tests) test.intervalMs ||= file.evaluationIntervalMs;
  const repeated = file.groupOrder.find((name, i) => file.groupOrder.indexOf(name) < i);
  if (repeated !== undefined) throw new Error(`group name repeated in evaluation order: ${repeated}`);
  findRuleFiles(file, dirname(path));
  return file;
}

function findRuleFiles(file: RuleTestFile, directory: string): void {
  const patterns = file.ruleFiles.map((pattern) =>
    pattern === '' || isAbsolute(pattern) ? pattern : join(directory, pattern),
  );
  file.ruleFiles = [];
  for (const pattern of patterns) {
    const found = expandRuleGlobs([pattern]);
    if (found.length === 0) file.unmatched.push(pattern);
    file.ruleFiles.push(...found);
  }
}

function readTest(reader: YamlReader, node: YamlNode): RuleTest {
  const test: RuleTest = {
    name: '',
    intervalMs: 0,
    startMs: 0,
    inputSeries: [],
    alertTests: [],
    expressionTests: [],
    externalLabels: [],
    externalUrl: '',
  };
  reader.struct(node, 'main.testGroup', {
    name: (value) => {
      test.name = reader.text(value);
    },
    interval: (value) => {
      test.intervalMs = reader.durationMs(value);
    },
    start_timestamp: (value) => {
      test.startMs = startTimeMs(reader, value);
    },
    input_series: (value) => {
      test.inputSeries = reader.list(value, 'main.series', (item) => readSeries(reader, item));
    },
    alert_rule_test: (value) => {
      test.alertTests = reader.list(value, 'main.alertTestCase', (item) => readAlertTest(reader, item));
    },
    promql_expr_test: (value) => {
      test.expressionTests = reader.list(value, 'main.promqlTestCase', (item) => readExpressionTest(reader, item));
    },
    external_labels: (value) => {
      test.externalLabels = reader.textMap(value);
    },
    external_url: (value) => {
      test.externalUrl = reader.text(value);
    },
  });
  return test;
}

function startTimeMs(reader: YamlReader, node: YamlNode): number {
  const text = reader.text(node);
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) reader.problem(node, `cannot parse ${JSON.stringify(text)} as a timestamp`);
  return ms;
}

function readSeries(reader: YamlReader, node: YamlNode): { series: string; values: string } {
  const input = { series: '', values: '' };
  reader.struct(node, 'main.series', {
    series: (value) => {
      input.series = reader.text(value);
    },
    values: (value) => {
      input.values = reader.text(value);
    },
  });
  return input;
}

function readAlertTest(reader: YamlReader, node: YamlNode): AlertTest {
  const test: AlertTest = { evalTimeMs: 0, alertName: '', expected: [] };
  reader.struct(node, 'main.alertTestCase', {
    eval_time: (value) => {
      test.evalTimeMs = reader.durationMs(value);
    },
    alertname: (value) => {
      test.alertName = reader.text(value);
    },
    exp_alerts: (value) => {
      test.expected = reader.list(value, 'main.alert', (item) => {
        const alert: ExpectedAlert = { labels: [], annotations: [] };
        reader.struct(item, 'main.alert', {
          exp_labels: (pairs) => {
            alert.labels = reader.textMap(pairs);
          },
          exp_annotations: (pairs) => {
            alert.annotations = reader.textMap(pairs);
          },
        });
        return alert;
      });
    },
  });
  return test;
}

function readExpressionTest(reader: YamlReader, node: YamlNode): ExpressionTest {
  const test: ExpressionTest = { expr: '', evalTimeMs: 0, expected: [] };
  reader.struct(node, 'main.promqlTestCase', {
    expr: (value) => {
      test.expr = reader.text(value);
    },
    eval_time: (value) => {
      test.evalTimeMs = reader.durationMs(value);
    },
    exp_samples: (value) => {
      test.expected = reader.list(value, 'main.sample', (item) => {
        const sample = { labels: '', value: 0, histogram: '' };
        reader.struct(item, 'main.sample', {
          labels: (text) => {
            sample.labels = reader.text(text);
          },
          value: (number) => {
            sample.value = reader.float(number);
          },
          histogram: (text) => {
            sample.histogram = reader.text(text);
          },
        });
        return sample;
      });
    },
  });
  return test;
}
