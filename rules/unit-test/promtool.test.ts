/** Unit tests of rules: that promtool gives the same verdicts, in the same words. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCommand, temporaryDirectory } from '../../tests/server-process.ts';
import { havePromtool, promtool, varveRules } from '../promtool.cases.ts';

const { path: directory, remove } = temporaryDirectory('rule-test');
afterAll(remove);

writeFileSync(
  join(directory, 'rules.yml'),
  `groups:
- name: recording
  interval: 1m
  rules:
  - record: job:cpu:sum
    expr: sum by (job) (cpu)
  - record: job:cpu:rate
    expr: rate(job:cpu:sum[4m30s])
    labels: {kind: derived}
- name: alerting
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page, region: "{{ $externalLabels.region }}"}
    annotations: {summary: "{{ $labels.inst }} has been down, {{ $value }}", cpu: '{{ with query "sum(cpu)" }}{{ . | first | value | printf "%.1f" }}{{ end }}'}
  - alert: Hot
    expr: job:cpu:sum > 50
  - alert: Kept
    expr: up{inst="1"} == 0
    keep_firing_for: 3m
- name: later
  rules:
  - record: alerts:count
    expr: count(ALERTS{alertstate="firing"})
`,
);
writeFileSync(join(directory, 'failing.yml'), 'groups:\n- name: f\n  rules:\n  - record: x\n    expr: a / on(j) b\n');

const series = `
  input_series:
  - {series: 'up{inst="1"}', values: '1 0x4 1 1 1 0 _ _ 0'}
  - {series: 'up{inst="2"}', values: '1 0 0 0 stale 0x9'}
  - {series: 'cpu{job="a", c="0"}', values: '0+10x12'}
  - {series: 'cpu{job="a", c="1"}', values: '1 _x2 2 3 4e1 -5 Inf NaN 10-1x3'}`;
const body = `rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  name: t\n  external_labels: {region: eu}${series}`;
// Without an order promtool takes the groups as they come, which is not the same every time.
const head = `group_eval_order: [recording, alerting, later]\n${body}`;
const expressions = (times: number[], exprs: string[]) =>
  `\n  promql_expr_test:\n${times.flatMap((time) => exprs.map((expr) => `  - {expr: '${expr}', eval_time: ${time}m}\n`)).join('')}`;
const alerts = (times: number[], names: string[]) =>
  `\n  alert_rule_test:\n${times.flatMap((time) => names.map((name) => `  - {eval_time: ${time}m, alertname: ${name}}\n`)).join('')}`;
const minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

const FILES: Record<string, { text: string; verdict?: true }> = {
  // Nothing is expected, so all that comes is in the failures, to be compared.
  recording: {
    text: head + expressions(minutes, ['job:cpu:sum', 'job:cpu:rate', 'alerts:count']),
  },
  alerting: { text: head + alerts(minutes, ['Down', 'Hot', 'Kept', 'None']) },
  synthetic: {
    text:
      head + expressions(minutes, ['sort_desc(ALERTS)', 'ALERTS_FOR_STATE', 'up', 'count_over_time(ALERTS[4m30s])']),
  },
  between: {
    text: `${head}${alerts([3, 5], ['Down']).replaceAll('m,', 'm30s,')}${expressions([4], ['job:cpu:sum', 'cpu']).replaceAll('m}', 'm30s}')}`,
  },
  subquery: {
    text:
      head +
      expressions(
        [10],
        [
          'max_over_time(sum(cpu)[4m30s:])',
          'avg_over_time(sum(cpu)[4m45s:30s])',
          'vector(1)',
          '1 + 1',
          'scalar(vector(3))',
        ],
      ),
  },
  notVector: { text: head + expressions([1], ['"text"', 'cpu[5m]', 'sum(']) },
  passes: {
    text: `${head}
  alert_rule_test:
  - eval_time: 3m
    alertname: Down
    exp_alerts:
    - exp_labels: {inst: "1", severity: page, region: eu}
      exp_annotations: {summary: "1 has been down, 0", cpu: "32.0"}
    - exp_labels: {inst: "2", severity: page, region: eu}
      exp_annotations: {summary: "2 has been down, 0", cpu: "32.0"}
  promql_expr_test:
  - expr: job:cpu:sum
    eval_time: 3m
    exp_samples: [{labels: 'job:cpu:sum{job="a"}', value: 32}]
  - expr: nothing
    eval_time: 3m
  - {expr: '2', eval_time: 1m, exp_samples: [{labels: '{}', value: 2}]}
`,
  },
  wrong: {
    text: `${head}
  alert_rule_test:
  - {eval_time: 3m, alertname: Down, exp_alerts: [{exp_labels: {inst: "9"}}, {}]}
  promql_expr_test:
  - {expr: 'job:cpu:sum', eval_time: 3m, exp_samples: [{labels: '{job="a"}', value: 32}]}
  - {expr: 'job:cpu:sum', eval_time: 3m, exp_samples: [{labels: 'job:cpu:sum{job="a"}', value: 32.1}]}
  - {expr: 'nothing', eval_time: 3m, exp_samples: [{labels: 'x{b="c",a="d"}', value: -.inf}, {labels: 'x', value: .nan}]}
`,
  },
  nan: {
    text: `${head}\n  promql_expr_test:\n  - {expr: 'cpu{c="1"}', eval_time: 8m, exp_samples: [{labels: 'cpu{job="a",c="1"}', value: .nan}]}\n`,
  },
  nameless: { text: `${head}\n  alert_rule_test: [{eval_time: 1m}]\n` },
  order: {
    text: `group_eval_order: [later, alerting, recording]\n${body}${expressions([3, 4, 5], ['alerts:count', 'job:cpu:rate'])}`,
  },
  orderTwice: { text: `group_eval_order: [a, b, a]\n${body}` },
  longInterval: {
    text: `${head.replace('evaluation_interval: 1m', 'evaluation_interval: 4m')}${alerts(minutes, ['Down', 'Kept'])}${expressions([9], ['job:cpu:sum', 'job:cpu:rate'])}`,
  },
  noMatch: { text: 'rule_files: [none*.yml]\ntests: []\n', verdict: true },
  noRules: { text: `tests:\n- interval: 30s${series}${expressions([1, 2], ['cpu'])}` },
  failingRule: {
    text: `rule_files: [failing.yml]\ntests:\n- interval: 1m\n  input_series:\n  - {series: 'a{j="1"}', values: '1'}\n  - {series: 'b{j="1",k="1"}', values: '1'}\n  - {series: 'b{j="1",k="2"}', values: '1'}\n  promql_expr_test: [{expr: x, eval_time: 3m}]\n`,
    verdict: true,
  },
  badValues: {
    text: `tests:\n- interval: 1m\n  input_series: [{series: a, values: '1 x 2'}]\n  promql_expr_test: [{expr: a, eval_time: 1m}]\n`,
    verdict: true,
  },
  badLabels: {
    text: `${head}\n  promql_expr_test: [{expr: cpu, eval_time: 1m, exp_samples: [{labels: 'cpu{', value: 1}]}]\n`,
    verdict: true,
  },
  unknownField: { text: `${head}\n  promql_expr_tests: []\n` },
  badRules: {
    text: 'rule_files: [broken.yml]\ntests: [{interval: 1m, promql_expr_test: [{expr: a, eval_time: 1m}]}]\n',
  },
  empty: { text: '' },
};
writeFileSync(join(directory, 'broken.yml'), 'groups:\n- name: f\n  rules:\n  - record: x\n    expr: a +\n');
for (const [name, { text }] of Object.entries(FILES)) writeFileSync(join(directory, `${name}.yml`), text);

/** All files at once, since starting a process takes longer than what it does. */
function named(verdict: boolean): string[] {
  return Object.keys(FILES)
    .filter((name) => (FILES[name]!.verdict === true) === verdict)
    .map((name) => `${name}.yml`);
}

test.runIf(havePromtool)('promtool test rules agrees, to the letter', () => {
  const theirs = promtool('test', named(false), directory);
  expect(theirs.out).toContain('SUCCESS');
  expect(theirs.err.length).toBeGreaterThan(10_000);
  expect(varveRules('test', named(false), directory)).toEqual(theirs);
});

test.runIf(havePromtool)('promtool test rules gives the same verdicts', () => {
  const { code, out } = promtool('test', named(true), directory);
  expect(varveRules('test', named(true), directory)).toMatchObject({ code, out });
});

async function run(...args: string[]) {
  return runCommand(['rules', 'test', ...args.map((arg) => (arg.endsWith('.yml') ? join(directory, arg) : arg))]);
}

test('--run chooses tests by name, --junit writes a report, --diff shows differences', async () => {
  const report = join(directory, 'report.xml');
  const all = await run('wrong.yml', 'passes.yml', '--junit', report);
  expect(all.code).toBe(1);
  const xml = readFileSync(report, 'utf8');
  expect(xml).toMatch(/<testsuite name="[^"]*wrong.yml" tests="1" errors="0" failures="1">/);
  expect(xml).toMatch(/<testsuite name="[^"]*passes.yml" tests="1" errors="0" failures="0">/);
  expect(xml).toContain('<failure>    name: t,\n    alertname: Down, time: 3m,');
  expect((await run('wrong.yml', '--run', 'other')).code).toBe(0);
  expect((await run('wrong.yml', '--run', '^t$')).code).toBe(1);
  const diff = await run('wrong.yml', '--diff');
  expect(diff.output).toMatch(/- {3}Labels:\{alertname="Down", inst="9"\}/);
  expect(diff.output).toMatch(/\+ {3}Labels:\{alertname="Down", inst="1", region="eu", severity="page"\}/);
});

test('times can start elsewhere, and values can be compared roughly', async () => {
  const file = join(directory, 'start.yml');
  const text = (fuzzy: boolean) => `fuzzy_compare: ${fuzzy}
tests:
- interval: 1m
  start_timestamp: 2024-01-01T00:00:00Z
  input_series: [{series: a, values: '1+1x5'}]
  promql_expr_test:
  - {expr: timestamp(a), eval_time: 2m, exp_samples: [{labels: '{}', value: 1704067320}]}
  - {expr: a / 3, eval_time: 0m, exp_samples: [{labels: '{}', value: 0.33333333}]}
`;
  writeFileSync(file, text(true));
  expect(await run('start.yml')).toMatchObject({ code: 0 });
  writeFileSync(file, text(false));
  expect((await run('start.yml')).code).toBe(1);
});
