/**
 * Rule files: YAML with groups of recording and alerting rules, in the format of Prometheus and checked as strictly.
 *
 *     groups:
 *       - name: example
 *         interval: 30s          query_offset: 10s      limit: 100      labels: {team: a}
 *         rules:
 *           - record: job:up:sum
 *             expr: sum by (job) (up)
 *           - alert: Down
 *             expr: up == 0
 *             for: 5m            keep_firing_for: 1m
 *             labels: {severity: page}
 *             annotations: {summary: "{{ $labels.instance }} is down"}
 *
 * All problems of a file are reported, each with its line and column where it has one. A file with a problem yields no
 * groups: half of the rules is worse than the rules of before.
 */
import { globSync, readFileSync } from 'node:fs';
import { VarveError } from '../errors/errors.ts';
import { compareText, METRIC_NAME } from '../query/promql/labels.ts';
import type { Expr } from '../query/promql/parser/ast.ts';
import { parseExpression } from '../query/promql/parser/parser.ts';
import { quote } from '../query/promql/parser/token.ts';
import { alertTemplateText } from './alert-template.ts';
import { parseTemplate } from './template/parser.ts';
import { type Position, type YamlNode, YamlReader } from './yaml-reader.ts';

/** Pairs of label names and values, or of annotation names and templates. */
export type TextPairs = readonly (readonly [string, string])[];

export interface RuleDefinition {
  readonly kind: 'record' | 'alert';
  readonly name: string;
  /** The expression as it was written, without surrounding space. */
  readonly query: string;
  readonly expr: Expr;
  /** How long the condition must hold before the alert fires, ms. */
  readonly forMs: number;
  /** How long an alert goes on firing when the condition no longer holds, ms. */
  readonly keepFiringForMs: number;
  /** Of the group and of the rule; the rule's win. Sorted by name. */
  readonly labels: TextPairs;
  /** Sorted by name. */
  readonly annotations: TextPairs;
}

export interface GroupDefinition {
  readonly name: string;
  /** The path of the file as it was found. */
  readonly file: string;
  /** Ms between evaluations; 0 stands for the default. */
  readonly intervalMs: number;
  /** How far in the past queries are evaluated, ms; null stands for the default. */
  readonly queryOffsetMs: number | null;
  /** The most series or alerts a rule may make; 0 is no limit. */
  readonly limit: number;
  readonly rules: readonly RuleDefinition[];
}

export interface ParsedRules {
  /** Empty when there are errors. */
  groups: GroupDefinition[];
  errors: string[];
}

interface RawRule {
  position: Position;
  record: string;
  alert: string;
  expr: string;
  forMs: number;
  keepFiringForMs: number;
  labels: [string, string][];
  annotations: [string, string][];
  at: { record: Position; alert: Position; expr: Position };
}

interface RawGroup {
  position: Position;
  name: string;
  intervalMs: number;
  queryOffsetMs: number | null;
  limit: number;
  labels: [string, string][];
  rules: RawRule[];
}

/** Reads and checks a file. Every error begins with the path. */
export function readRuleFile(path: string): ParsedRules {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { groups: [], errors: [`${path}: ${(error as Error).message}`] };
  }
  const { groups, errors } = parseRules(text, path);
  return { groups, errors: errors.map((error) => `${path}: ${error}`) };
}

/** Parses and checks the text of a rule file; `file` is noted in the groups. */
export function parseRules(text: string, file: string): ParsedRules {
  const reader = new YamlReader(text);
  const syntax = reader.syntaxError();
  if (syntax !== null) return { groups: [], errors: [syntax] };
  const raw: RawGroup[] = [];
  reader.struct(reader.root, 'rulefmt.RuleGroups', {
    groups: (node) => raw.push(...reader.list(node, 'rulefmt.RuleGroup', (item) => readGroup(reader, item))),
  });
  const problems = reader.message();
  if (problems !== null) return { groups: [], errors: [problems] };
  const errors: string[] = [];
  const groups = checkGroups(raw, file, errors);
  return { groups: errors.length === 0 ? groups : [], errors };
}

/** Files that match any of the patterns (`*`, `?`, `[…]`, `**`), sorted within a pattern, each once. */
export function expandRuleGlobs(patterns: readonly string[]): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const matches = /[*?[\]{}]/.test(pattern) ? globSync(pattern).sort(compareText) : [pattern];
    for (const path of matches) found.add(path);
  }
  return [...found];
}

function readGroup(reader: YamlReader, node: YamlNode): RawGroup {
  const group: RawGroup = {
    position: reader.positionOf(node),
    name: '',
    intervalMs: 0,
    queryOffsetMs: null,
    limit: 0,
    labels: [],
    rules: [],
  };
  reader.struct(node, 'rulefmt.RuleGroup', {
    name: (value) => {
      group.name = reader.text(value);
    },
    interval: (value) => {
      group.intervalMs = reader.durationMs(value);
    },
    query_offset: (value) => {
      group.queryOffsetMs = reader.resolve(value) === null ? null : reader.durationMs(value);
    },
    limit: (value) => {
      group.limit = reader.integer(value);
    },
    labels: (value) => {
      group.labels = reader.textMap(value);
    },
    rules: (value) => {
      group.rules = reader.list(value, 'rulefmt.Rule', (item) => readRule(reader, item));
    },
  });
  return group;
}

function readRule(reader: YamlReader, node: YamlNode): RawRule {
  const position = reader.positionOf(node);
  const rule: RawRule = {
    position,
    record: '',
    alert: '',
    expr: '',
    forMs: 0,
    keepFiringForMs: 0,
    labels: [],
    annotations: [],
    at: { record: position, alert: position, expr: position },
  };
  const named = (field: 'record' | 'alert' | 'expr') => (value: YamlNode) => {
    rule[field] = reader.text(value);
    rule.at[field] = reader.positionOf(value);
  };
  reader.struct(node, 'rulefmt.Rule', {
    record: named('record'),
    alert: named('alert'),
    expr: named('expr'),
    for: (value) => {
      rule.forMs = reader.durationMs(value);
    },
    keep_firing_for: (value) => {
      rule.keepFiringForMs = reader.durationMs(value);
    },
    labels: (value) => {
      rule.labels = reader.textMap(value);
    },
    annotations: (value) => {
      rule.annotations = reader.textMap(value);
    },
  });
  return rule;
}

function checkGroups(raw: readonly RawGroup[], file: string, errors: string[]): GroupDefinition[] {
  const names = new Set<string>();
  return raw.map((group) => {
    const { name, intervalMs, queryOffsetMs, limit, position } = group;
    if (name === '') errors.push(`${place(position)}Groupname must not be empty`);
    if (names.has(name)) errors.push(`${place(position)}groupname: "${name}" is repeated in the same file`);
    names.add(name);
    errors.push(...labelProblems(group.labels));
    const rules = group.rules.map((rule, i) => {
      const shown = rule.alert === '' ? rule.record : rule.alert;
      const report = (text: string, ...at: Position[]) => {
        errors.push(`${at.map(place).join('')}group ${quote(name)}, rule ${i + 1}, ${quote(shown)}: ${text}`);
      };
      return checkRule(rule, group.labels, report);
    });
    return { name, file, intervalMs, queryOffsetMs, limit, rules };
  });
}

function place({ line, column }: Position): string {
  return `${line}:${column}: `;
}

type Report = (text: string, ...at: Position[]) => void;

function checkRule(rule: RawRule, groupLabels: readonly [string, string][], report: Report): RuleDefinition {
  const { record, alert, at } = rule;
  if (record !== '' && alert !== '') report("only one of 'record' and 'alert' must be set", at.record, at.alert);
  if (record === '' && alert === '') report("one of 'record' or 'alert' must be set", rule.position);
  const expr = checkExpression(rule, report);
  if (record !== '') checkRecord(rule, report);
  for (const problem of labelProblems(sorted(rule.labels))) report(problem);
  for (const [name] of sorted(rule.annotations)) if (name === '') report(`invalid annotation name: ${name}`);
  if (alert !== '') checkTemplates(rule, report);
  return {
    kind: alert === '' ? 'record' : 'alert',
    name: alert === '' ? record : alert,
    query: rule.expr.trim(),
    expr,
    forMs: rule.forMs,
    keepFiringForMs: rule.keepFiringForMs,
    labels: sorted([...new Map([...groupLabels, ...rule.labels])]),
    annotations: sorted(rule.annotations),
  };
}

const NOTHING: Expr = { type: 'number', value: 0, duration: false, start: 0, end: 0 };

function checkExpression({ expr, at, position }: RawRule, report: Report): Expr {
  if (expr === '') {
    report("field 'expr' must be set in rule", at.expr.line === 0 ? position : at.expr);
    return NOTHING;
  }
  try {
    return parseExpression(expr);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    report(`could not parse expression: ${error.message}`, at.expr);
    return NOTHING;
  }
}

function checkRecord({ record, annotations, forMs, keepFiringForMs, at }: RawRule, report: Report): void {
  if (annotations.length > 0) report("invalid field 'annotations' in recording rule", at.record);
  if (forMs !== 0) report("invalid field 'for' in recording rule", at.record);
  if (keepFiringForMs !== 0) report("invalid field 'keep_firing_for' in recording rule", at.record);
  // A common mistake is an expression in the place of the name.
  if (/[{}]/.test(record)) {
    report(`braces present in the recording rule name; should it be in expr?: ${record}`, at.record);
  }
}

function labelProblems(labels: readonly (readonly [string, string])[]): string[] {
  const wrong = labels.filter(([name]) => name === '' || name === METRIC_NAME);
  return wrong.map(([name]) => `invalid label name: ${name}`);
}

function checkTemplates(rule: RawRule, report: Report): void {
  const check = (kind: string, pairs: readonly [string, string][]) => {
    for (const [name, text] of sorted(pairs)) {
      try {
        parseTemplate(`__alert_${rule.alert}`, alertTemplateText(text));
      } catch (error) {
        report(`${kind} ${quote(name)}: ${(error as Error).message}`);
      }
    }
  };
  check('label', rule.labels);
  check('annotation', rule.annotations);
}

function sorted(pairs: readonly (readonly [string, string])[]): [string, string][] {
  return pairs.map(([name, value]): [string, string] => [name, value]).sort((a, b) => compareText(a[0], b[0]));
}
