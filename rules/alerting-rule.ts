/**
 * An alerting rule: every series of its expression is an alert, pending until it has been there for `for`, then firing.
 *
 *     absent → pending ──for──▶ firing ──gone, and keep_firing_for over──▶ inactive (resolved) ──15 min──▶ forgotten
 *                 └─────gone────▶ forgotten
 *
 * An active alert is stored as two series: `ALERTS{alertname, alertstate, …} 1` for people, and
 * `ALERTS_FOR_STATE{alertname, …}` with the Unix time at which it became active, from which its state is restored after
 * a restart. They are not stored before that restoration, lest they overwrite what it is going to read.
 */
import { type Labels, labelsFromPairs, METRIC_NAME } from '../query/promql/labels.ts';
import { printExpression } from '../query/promql/parser/printer.ts';
import { expandAlertTemplate, type VectorSample } from './alert-template.ts';
import { instantVector, instantVectorOf, type Rule, type RuleEnvironment } from './rule.ts';
import type { RuleDefinition, TextPairs } from './rule-file.ts';
import type { RuleSample } from './storage.ts';

export const ALERT_NAME = 'alertname';
const ALERT_STATE = 'alertstate';
const ALERTS = 'ALERTS';
export const ALERTS_FOR_STATE = 'ALERTS_FOR_STATE';

/** For so long a resolved alert is kept and sent again, should Alertmanager have missed its end. */
const RESOLVED_RETENTION_MS = 15 * 60_000;

export type AlertState = 'inactive' | 'pending' | 'firing';

/** One alert. Times are ms since the epoch, null where they have not come. */
export interface Alert {
  state: AlertState;
  readonly labels: Labels;
  annotations: TextPairs;
  /** Of the expression at the last evaluation in which it was there. */
  value: number;
  activeAtMs: number;
  firedAtMs: number | null;
  resolvedAtMs: number | null;
  keepFiringSinceMs: number | null;
  lastSentAtMs: number | null;
  /** Until when Alertmanager takes it for firing if it hears no more. */
  validUntilMs: number;
}

export interface AlertingRule extends Rule {
  readonly kind: 'alerting';
  /** Alerts by the key of their labels, resolved ones included. */
  active: Map<string, Alert>;
  /** Whether the state of a former run was looked for; series are stored from then on. */
  restored: boolean;
}

export function alertingRule(definition: RuleDefinition, restored: boolean): AlertingRule {
  const rule: AlertingRule = {
    kind: 'alerting',
    definition,
    query: printExpression(definition.expr),
    health: 'unknown',
    lastError: '',
    evaluationMs: 0,
    lastEvaluationMs: null,
    previousSeries: new Map(),
    active: new Map(),
    restored,
    evaluate: (timeMs, queryOffsetMs, limit, environment) =>
      evaluateAlerts(rule, timeMs, queryOffsetMs, limit, environment),
  };
  return rule;
}

/** The most severe state of a rule's alerts. */
export function stateOf({ active }: AlertingRule): AlertState {
  let state: AlertState = 'inactive';
  for (const alert of active.values()) {
    if (alert.state === 'firing') return 'firing';
    if (alert.state === 'pending') state = 'pending';
  }
  return state;
}

/** Alerts that are pending or firing. */
export function activeAlerts({ active }: AlertingRule): Alert[] {
  return [...active.values()].filter((alert) => alert.resolvedAtMs === null);
}

/** Alerts that Alertmanager has to hear of now; they are marked as sent. */
export function takeAlertsToSend(
  rule: AlertingRule,
  timeMs: number,
  resendDelayMs: number,
  intervalMs: number,
): Alert[] {
  const due = [...rule.active.values()].filter((alert) => needsSending(alert, timeMs, resendDelayMs));
  return due.map((alert) => {
    alert.lastSentAtMs = timeMs;
    // Room for a few evaluations or deliveries that fail.
    alert.validUntilMs = timeMs + 4 * Math.max(resendDelayMs, intervalMs);
    return { ...alert };
  });
}

function needsSending({ state, resolvedAtMs, lastSentAtMs }: Alert, timeMs: number, resendDelayMs: number): boolean {
  if (state === 'pending') return false;
  if (lastSentAtMs === null || (resolvedAtMs !== null && resolvedAtMs > lastSentAtMs)) return true;
  return lastSentAtMs + resendDelayMs < timeMs;
}

async function evaluateAlerts(
  rule: AlertingRule,
  timeMs: number,
  queryOffsetMs: number,
  limit: number,
  environment: RuleEnvironment,
): Promise<RuleSample[]> {
  const dataMs = timeMs - queryOffsetMs;
  const vector = await instantVector(rule.definition.expr, dataMs, environment, rule.query);
  const found = new Map<string, Alert>();
  for (const sample of vector) {
    const alert = await newAlert(rule.definition, sample, timeMs, dataMs, environment);
    if (found.has(alert.labels.key)) {
      throw new Error('vector contains metrics with the same labelset after applying alert labels');
    }
    found.set(alert.labels.key, alert);
  }
  for (const [key, alert] of found) {
    const known = rule.active.get(key);
    if (known !== undefined && known.state !== 'inactive') {
      known.value = alert.value;
      known.annotations = alert.annotations;
    } else rule.active.set(key, alert);
  }
  return advance(rule, found, timeMs, limit);
}

async function newAlert(
  definition: RuleDefinition,
  sample: VectorSample,
  timeMs: number,
  dataMs: number,
  environment: RuleEnvironment,
): Promise<Alert> {
  const context = {
    alert: definition.name,
    externalLabels: environment.externalLabels,
    externalUrl: environment.externalUrl,
    nowMs: timeMs,
    query: (query: string) => instantVectorOf(query, dataMs, environment),
  };
  const labels = new Map(sample.labels.names.map((name, i) => [name, sample.labels.values[i]!]));
  labels.delete(METRIC_NAME);
  for (const [name, text] of definition.labels) labels.set(name, await expandAlertTemplate(text, sample, context));
  labels.set(ALERT_NAME, definition.name);
  const annotations: [string, string][] = [];
  for (const [name, text] of definition.annotations) {
    annotations.push([name, await expandAlertTemplate(text, sample, context)]);
  }
  return {
    state: 'pending',
    labels: labelsFromPairs(labels),
    annotations,
    value: sample.value,
    activeAtMs: timeMs,
    firedAtMs: null,
    resolvedAtMs: null,
    keepFiringSinceMs: null,
    lastSentAtMs: null,
    validUntilMs: 0,
  };
}

/** Moves all alerts on to `timeMs`, and returns the series of those that are active. */
function advance(rule: AlertingRule, found: ReadonlyMap<string, Alert>, timeMs: number, limit: number): RuleSample[] {
  const { forMs, keepFiringForMs } = rule.definition;
  const samples: RuleSample[] = [];
  let activeCount = 0;
  for (const [key, alert] of rule.active) {
    if (found.has(key)) alert.keepFiringSinceMs = null;
    else if (!keepsFiring(alert, timeMs, keepFiringForMs)) {
      leave(rule, key, alert, timeMs);
      continue;
    }
    activeCount++;
    const held = timeMs - alert.activeAtMs >= forMs;
    if (alert.state === 'pending' && held) {
      alert.state = 'firing';
      alert.firedAtMs = timeMs;
    } else if (alert.state === 'firing' && !held) {
      // `for` has become longer by a reload.
      alert.state = 'pending';
      alert.firedAtMs = null;
      alert.lastSentAtMs = null;
      alert.keepFiringSinceMs = null;
    }
    if (rule.restored) samples.push(...samplesOf(alert));
  }
  if (limit > 0 && activeCount > limit) {
    rule.active.clear();
    throw new Error(`exceeded limit of ${limit} with ${activeCount} alerts`);
  }
  return samples;
}

function keepsFiring(alert: Alert, timeMs: number, keepFiringForMs: number): boolean {
  if (alert.state !== 'firing' || keepFiringForMs === 0) return false;
  alert.keepFiringSinceMs ??= timeMs;
  return timeMs - alert.keepFiringSinceMs < keepFiringForMs;
}

/** An alert whose condition no longer holds. */
function leave(rule: AlertingRule, key: string, alert: Alert, timeMs: number): void {
  const forgotten = alert.resolvedAtMs !== null && timeMs - alert.resolvedAtMs > RESOLVED_RETENTION_MS;
  if (alert.state === 'pending' || forgotten) rule.active.delete(key);
  if (alert.state === 'inactive') return;
  alert.state = 'inactive';
  alert.resolvedAtMs = timeMs;
}

function samplesOf({ labels, state, activeAtMs }: Alert): RuleSample[] {
  return [
    { labels: labels.with(METRIC_NAME, ALERTS).with(ALERT_STATE, state), value: 1 },
    { labels: labels.with(METRIC_NAME, ALERTS_FOR_STATE), value: Math.floor(activeAtMs / 1000) },
  ];
}
