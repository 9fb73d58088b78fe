/** Rule files: what is taken, what is refused and how, and that promtool gives the same verdicts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../tests/server-process.ts';
import { havePromtool, promtool, varveRules } from './promtool.cases.ts';
import { expandRuleGlobs, parseRules, readRuleFile } from './rule-file.ts';

const { path: directory, remove } = temporaryDirectory('rule-file');
afterAll(remove);

const rule = (text: string) => `groups:\n- name: g\n  rules:\n  - ${text.trim().replaceAll('\n', '\n    ')}\n`;

test('a file with everything', () => {
  const { groups, errors } = parseRules(
    `groups:
  - name: g
    interval: 30s
    query_offset: 10s
    limit: 5
    labels: {team: a, severity: none}
    rules:
      - record: job:up:sum
        expr: |
          sum by (job) (up)
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is down"}
  - name: second
`,
    'f.yml',
  );
  expect(errors).toEqual([]);
  expect(groups).toMatchObject([
    {
      name: 'g',
      file: 'f.yml',
      intervalMs: 30_000,
      queryOffsetMs: 10_000,
      limit: 5,
      rules: [
        {
          kind: 'record',
          name: 'job:up:sum',
          query: 'sum by (job) (up)',
          labels: [
            ['severity', 'none'],
            ['team', 'a'],
          ],
        },
        {
          kind: 'alert',
          name: 'Down',
          forMs: 300_000,
          keepFiringForMs: 60_000,
          labels: [
            ['severity', 'page'],
            ['team', 'a'],
          ],
          annotations: [['summary', '{{ $labels.instance }} is down']],
        },
      ],
    },
    { name: 'second', intervalMs: 0, queryOffsetMs: null, limit: 0, rules: [] },
  ]);
});

function check(text: string, ...want: string[]): void {
  const { groups, errors } = parseRules(text, 'f.yml');
  expect(errors).toEqual(want);
  if (want.length > 0) expect(groups).toEqual([]);
}

test('numbers and booleans stand for their text', () => {
  const { groups } = parseRules(rule('alert: 5\nexpr: 1.50\nlabels: {on: true, n: 007}'), 'f.yml');
  expect(groups[0]!.rules[0]).toMatchObject({
    name: '5',
    query: '1.50',
    labels: [
      ['n', '007'],
      ['on', 'true'],
    ],
  });
});

test('anchors and merges', () => {
  const text = `groups:
- name: g
  rules:
  - &base
    alert: A
    expr: up
    labels: &l {a: x}
  - <<: *base
    alert: B
  - {alert: C, expr: up, labels: *l}
`;
  const { groups, errors } = parseRules(text, 'f.yml');
  expect(errors).toEqual([]);
  expect(groups[0]!.rules.map(({ name, labels }) => [name, labels])).toEqual([
    ['A', [['a', 'x']]],
    ['B', [['a', 'x']]],
    ['C', [['a', 'x']]],
  ]);
});

test('every mistake is named with its place', () => {
  check(
    'groups: [{name: g, rules: [{record: a, expr: up, nope: 1}]}]',
    'yaml: unmarshal errors:\n  line 1: field nope not found in type rulefmt.Rule',
  );
  check(
    rule('record: a\nalert: b\nexpr: up'),
    '4:13: 5:12: group "g", rule 1, "b": only one of \'record\' and \'alert\' must be set',
  );
  check(rule('expr: up'), '4:5: group "g", rule 1, "": one of \'record\' or \'alert\' must be set');
  check(rule('record: a'), '4:5: group "g", rule 1, "a": field \'expr\' must be set in rule');
  check(
    rule('record: a\nexpr: sum('),
    '5:11: group "g", rule 1, "a": could not parse expression: 1:5: parse error: unclosed left parenthesis',
  );
  check(
    rule('record: a{b="c"}\nexpr: up'),
    '4:13: group "g", rule 1, "a{b="c"}": braces present in the recording rule name; should it be in expr?: a{b="c"}'.replace(
      '"a{b="c"}"',
      '"a{b=\\"c\\"}"',
    ),
  );
  check(
    rule('record: a\nexpr: up\nfor: 1m\nkeep_firing_for: 1m\nannotations: {a: b}'),
    '4:13: group "g", rule 1, "a": invalid field \'annotations\' in recording rule',
    '4:13: group "g", rule 1, "a": invalid field \'for\' in recording rule',
    '4:13: group "g", rule 1, "a": invalid field \'keep_firing_for\' in recording rule',
  );
  check(rule('record: a\nexpr: up\nlabels: {__name__: b}'), 'group "g", rule 1, "a": invalid label name: __name__');
  check(
    'groups:\n- {name: a}\n- {name: a}\n- {name: ""}\n',
    '3:3: groupname: "a" is repeated in the same file',
    '4:3: Groupname must not be empty',
  );
  check('groups:\n- name: a\n  interval: 5\n', 'yaml: unmarshal errors:\n  line 3: not a valid duration string: "5"');
  check(
    rule('alert: a\nexpr: up\nannotations: {x: "{{ $nope }}"}'),
    'group "g", rule 1, "a": annotation "x": template: __alert_a:1: undefined variable "$nope"',
  );
});

test('files by patterns', () => {
  const sub = join(directory, 'globs');
  mkdirSync(sub);
  for (const name of ['b.yml', 'a.yml', 'c.txt']) writeFileSync(join(sub, name), '');
  expect(expandRuleGlobs([join(sub, '*.yml'), join(sub, 'a.yml'), join(sub, 'none*')])).toEqual([
    join(sub, 'a.yml'),
    join(sub, 'b.yml'),
  ]);
  expect(readRuleFile(join(sub, 'missing.yml')).errors[0]).toContain('missing.yml');
});

/** Files that promtool judges, with the same output unless noted. */
const FILES: Record<string, { text: string /** Only verdict and exit code are the same. */; verdict?: true }> = {
  empty: { text: '' },
  comment: { text: '# nothing\n' },
  none: { text: 'groups:\n' },
  list: { text: 'groups: []\n' },
  good: { text: rule('record: job:up:sum\nexpr: sum by (job) (up)\nlabels: {a: b}') },
  alert: { text: rule('alert: Down\nexpr: up == 0\nfor: 5m\nannotations: {s: "{{ $value | humanize }}"}') },
  both: { text: rule('record: a\nalert: b\nexpr: up') },
  unknownField: { text: rule('record: a\nexpr: up\nexprs: up') },
  unknownTop: { text: 'group:\n- name: a\n' },
  unknownGroup: { text: 'groups:\n- name: a\n  intervall: 5m\n' },
  badExpr: { text: rule('record: a\nexpr: rate(up)') },
  badExprBlock: { text: rule('record: a\nexpr: |\n  sum(\n    foo +\n  )') },
  emptyExpr: { text: rule('record: a\nexpr: ""') },
  noExpr: { text: rule('record: a'), verdict: true },
  noName: { text: rule('expr: up'), verdict: true },
  recordFor: { text: rule('record: a\nexpr: up\nfor: 5m') },
  recordAnnotations: { text: rule('record: a\nexpr: up\nannotations: {a: b}') },
  nameLabel: { text: rule('record: a\nexpr: up\nlabels: {__name__: b}') },
  badTemplate: { text: rule('alert: a\nexpr: up\nlabels: {x: "{{ foo }}"}') },
  repeatedGroup: { text: 'groups:\n- name: a\n- name: a\n' },
  namelessGroup: { text: 'groups:\n- interval: 5m\n' },
  badDuration: { text: 'groups:\n- name: a\n  interval: 5x\n', verdict: true },
  repeatedKey: { text: rule('record: a\nrecord: b\nexpr: up') },
  listForMap: { text: rule('record: a\nexpr: up\nlabels: [a]') },
  textForList: { text: 'groups:\n- name: a\n  rules: b\n', verdict: true },
  textForInt: { text: 'groups:\n- name: a\n  limit: many\n' },
  brokenYaml: { text: 'groups: [\n', verdict: true },
  tabs: { text: 'groups:\n\t- name: a\n', verdict: true },
  root: { text: '- a\n', verdict: true },
  duplicates: {
    text: `${rule('record: a\nexpr: up\nlabels: {x: y}')}  - record: a\n    expr: down\n    labels: {x: y}\n`,
  },
};

/** All files at once, since starting a process takes longer than what it does. */
function named(verdict: boolean): string[] {
  const names = Object.keys(FILES).filter((name) => (FILES[name]!.verdict === true) === verdict);
  for (const name of names) writeFileSync(join(directory, `${name}.yml`), FILES[name]!.text);
  return names.map((name) => `${name}.yml`);
}

test.runIf(havePromtool)('promtool check rules agrees, to the letter', () => {
  const theirs = promtool('check', named(false), directory);
  // The type's name of before version 3.
  theirs.err = theirs.err.replaceAll('rulefmt.RuleNode', 'rulefmt.Rule');
  expect(theirs.out).toContain('SUCCESS: 1 rules found');
  expect(varveRules('check', named(false), directory)).toEqual(theirs);
});

test.runIf(havePromtool)('promtool check rules gives the same verdicts', () => {
  const { code, out } = promtool('check', named(true), directory);
  expect(varveRules('check', named(true), directory)).toMatchObject({ code, out });
});
