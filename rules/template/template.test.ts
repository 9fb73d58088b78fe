/** Templates: what they make, and that promtool makes the same, error texts included. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { labelsFromPairs, METRIC_NAME } from '../../query/promql/labels.ts';
import { temporaryDirectory } from '../../tests/server-process.ts';
import { type ExpansionContext, expandAlertTemplate } from '../alert-template.ts';
import { havePromtool, promtool, varveRules } from '../promtool.cases.ts';
import { instantVectorOf } from '../rule.ts';
import { MemoryStorage } from '../storage.ts';
import { BROKEN, TEMPLATES } from './template.cases.ts';

const { path: directory, remove } = temporaryDirectory('template');
afterAll(remove);

const storage = new MemoryStorage();
for (const [inst, value] of [
  ['a', 2500],
  ['b', 1],
] as const) {
  storage.add(
    labelsFromPairs([
      [METRIC_NAME, 'm'],
      ['inst', inst],
    ]),
    0,
    value,
  );
}
const environment = { queryOptions: {}, externalLabels: [], externalUrl: '', querier: () => storage.querier() };
const context: ExpansionContext = {
  alert: 'A',
  externalLabels: [['region', 'eu']],
  externalUrl: 'http://ext.example/pre',
  nowMs: 0,
  query: (query) => instantVectorOf(query, 0, environment),
};
const sample = {
  labels: labelsFromPairs([
    [METRIC_NAME, 'v'],
    ['job', 'api'],
  ]),
  value: 1234567.5,
};

test('each template makes its text', async () => {
  for (const { text, want } of TEMPLATES) {
    if (want === undefined) continue;
    const got = await expandAlertTemplate(text, sample, context);
    if (want.endsWith('>') && !want.startsWith('<') && got.startsWith('<error'))
      expect(got.endsWith(want), got).toBe(true);
    else if (got.startsWith('<error')) expect(got.endsWith(want), got).toBe(true);
    else expect(got, text).toBe(want);
  }
});

test('an endless chain of queries ends', async () => {
  const text = '{{ range $i, $x := 2000 }}{{ query (printf "vector(%d)" $i) }}{{ end }}';
  expect(await expandAlertTemplate(text, sample, context)).toContain('200 queries at most');
});

test('a template that calls itself ends', async () => {
  const text = '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" 1 }}';
  expect(await expandAlertTemplate(text, sample, context)).toContain('exceeded maximum template depth');
});

function ruleFile(texts: readonly string[]): string {
  const rules = texts.map(
    (text, i) => `  - alert: A${i}\n    expr: v\n    annotations: {t: ${JSON.stringify(text)}}\n`,
  );
  return `groups:\n- name: g\n  rules:\n${rules.join('')}`;
}

test.runIf(havePromtool)('promtool makes the same of every template', () => {
  const texts = TEMPLATES.filter(({ differs }) => differs !== true).map(({ text }) => text);
  writeFileSync(join(directory, 'rules.yml'), ruleFile(texts));
  writeFileSync(
    join(directory, 'test.yml'),
    `rule_files: [rules.yml]
tests:
- interval: 1m
  external_labels: {region: eu}
  input_series:
  - {series: 'v{job="api"}', values: '1234567.5'}
  - {series: 'm{inst="a"}', values: '2500'}
  - {series: 'm{inst="b"}', values: '1'}
  alert_rule_test:
${texts.map((_, i) => `  - {eval_time: 0m, alertname: A${i}}\n`).join('')}`,
  );
  const wanted = promtool('test', ['test.yml'], directory);
  expect(wanted.err.match(/alertname:/g)).toHaveLength(texts.length);
  expect(varveRules('test', ['test.yml'], directory)).toEqual(wanted);
});

test.runIf(havePromtool)('promtool finds the same faults', () => {
  writeFileSync(join(directory, 'broken.yml'), ruleFile(BROKEN));
  const wanted = promtool('check', ['broken.yml'], directory);
  expect(wanted.err.match(/annotation "t"/g)).toHaveLength(BROKEN.length);
  expect(varveRules('check', ['broken.yml'], directory)).toEqual(wanted);
});
