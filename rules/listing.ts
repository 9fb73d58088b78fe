/** Rules and alerts in the shapes of /api/v1/rules and /api/v1/alerts. */
import { createHash } from 'node:crypto';
import { compileMatcher, type LabelMatcher } from '../query/promql/matcher.ts';
import { formatExponent } from '../query/promql/number-format.ts';
import { type Alert, activeAlerts, stateOf } from './alerting-rule.ts';
import type { Group, GroupRule } from './group.ts';

/** Which rules to list; empty lists let everything pass. */
export interface RuleFilter {
  type: 'alert' | 'record' | null;
  ruleNames: readonly string[];
  groupNames: readonly string[];
  files: readonly string[];
  /** Matchers on the labels of rules: all of a set, of any set. */
  matcherSets: readonly (readonly LabelMatcher[])[];
  excludeAlerts: boolean;
  /** Most groups on a page; 0: all on one. */
  groupLimit: number;
  /** Where the page begins, as the page before said; '' is the first. */
  nextToken: string;
}

type Json = Record<string, unknown>;

/** Null when `nextToken` names no group. */
export function listRules(groups: readonly Group[], filter: RuleFilter): Json | null {
  const paged = filter.groupLimit > 0;
  let from = 0;
  if (paged && filter.nextToken !== '') {
    from = groups.findIndex((group) => tokenOf(group) === filter.nextToken);
    if (from < 0) return null;
  }
  const listed: Json[] = [];
  for (const group of groups.slice(from)) {
    const { name, file } = group.definition;
    if (!passes(filter.groupNames, name) || !passes(filter.files, file)) continue;
    const rules = group.rules.filter((rule) => isListed(rule, filter));
    if (rules.length === 0) continue;
    if (paged && listed.length === filter.groupLimit) return { groups: listed, groupNextToken: tokenOf(group) };
    listed.push(groupJson(group, rules, filter.excludeAlerts));
  }
  return { groups: listed };
}

/** All alerts that are pending or firing. */
export function listAlerts(groups: readonly Group[]): Json {
  const rules = groups.flatMap((group) => group.rules);
  const alerting = rules.filter((rule) => rule.kind === 'alerting');
  return { alerts: alerting.flatMap((rule) => activeAlerts(rule).map(alertJson)) };
}

function tokenOf({ definition: { file, name } }: Group): string {
  return createHash('sha1').update(`${file};${name}`).digest('hex');
}

function passes(wanted: readonly string[], name: string): boolean {
  return wanted.length === 0 || wanted.includes(name);
}

function isListed(rule: GroupRule, filter: RuleFilter): boolean {
  if (!passes(filter.ruleNames, rule.definition.name)) return false;
  if (filter.type !== null && filter.type !== rule.definition.kind) return false;
  if (filter.matcherSets.length === 0) return true;
  const labels = new Map(rule.definition.labels);
  return filter.matcherSets.some((matchers) =>
    matchers.every((matcher) => compileMatcher(matcher)(labels.get(matcher.name) ?? '')),
  );
}

function groupJson(group: Group, rules: readonly GroupRule[], excludeAlerts: boolean): Json {
  const { name, file, limit } = group.definition;
  return {
    name,
    file,
    rules: rules.map((rule) => ruleJson(rule, excludeAlerts)),
    interval: group.intervalMs / 1000,
    limit,
    evaluationTime: group.evaluationMs / 1000,
    lastEvaluation: timeJson(group.lastEvaluationMs),
  };
}

function ruleJson(rule: GroupRule, excludeAlerts: boolean): Json {
  const { definition, query } = rule;
  const labels = Object.fromEntries(definition.labels);
  const outcome = {
    health: rule.health,
    ...(rule.lastError === '' ? {} : { lastError: rule.lastError }),
    evaluationTime: rule.evaluationMs / 1000,
    lastEvaluation: timeJson(rule.lastEvaluationMs),
  };
  if (rule.kind === 'recording') {
    return {
      name: definition.name,
      query,
      ...(definition.labels.length === 0 ? {} : { labels }),
      ...outcome,
      type: 'recording',
    };
  }
  return {
    state: stateOf(rule),
    name: definition.name,
    query,
    duration: definition.forMs / 1000,
    keepFiringFor: definition.keepFiringForMs / 1000,
    labels,
    annotations: Object.fromEntries(definition.annotations),
    alerts: excludeAlerts ? null : activeAlerts(rule).map(alertJson),
    ...outcome,
    type: 'alerting',
  };
}

function alertJson(alert: Alert): Json {
  const { names, values } = alert.labels;
  return {
    labels: Object.fromEntries(names.map((name, i) => [name, values[i]!])),
    annotations: Object.fromEntries(alert.annotations),
    state: alert.state,
    activeAt: timeJson(alert.activeAtMs),
    ...(alert.keepFiringSinceMs === null ? {} : { keepFiringSince: timeJson(alert.keepFiringSinceMs) }),
    value: formatExponent(alert.value),
  };
}

/** RFC 3339 without trailing zeros; Go's zero time for never. */
function timeJson(ms: number | null): string {
  if (ms === null) return '0001-01-01T00:00:00Z';
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
}
