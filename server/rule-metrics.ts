/** Metrics of rules and notifications, read from their own counters when somebody asks for /metrics. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Group } from '../rules/group.ts';
import type { RuleManager } from '../rules/manager.ts';
import type { NotifierCounters } from '../rules/notifier.ts';

const GROUP_COUNTERS: readonly [string, string, (group: Group) => number][] = [
  ['varve_rule_evaluations_total', 'Evaluations of rules.', ({ counters }) => counters.evaluations],
  ['varve_rule_evaluation_failures_total', 'Evaluations of rules that failed.', ({ counters }) => counters.failures],
  [
    'varve_rule_group_iterations_total',
    'Evaluations of groups that the schedule asked for, held or missed.',
    ({ counters }) => counters.iterations,
  ],
  [
    'varve_rule_group_iterations_missed_total',
    'Evaluations of groups that were left out because the one before took too long.',
    ({ counters }) => counters.missed,
  ],
];

const GROUP_GAUGES: readonly [string, string, (group: Group) => number][] = [
  ['varve_rule_group_rules', 'Rules of the group.', ({ rules }) => rules.length],
  ['varve_rule_group_interval_seconds', 'Time between evaluations.', ({ intervalMs }) => intervalMs / 1000],
  [
    'varve_rule_group_last_duration_seconds',
    'Duration of the last evaluation.',
    ({ evaluationMs }) => evaluationMs / 1000,
  ],
  [
    'varve_rule_group_last_evaluation_timestamp_seconds',
    'When the group was evaluated last; 0: never.',
    ({ lastEvaluationMs }) => (lastEvaluationMs ?? 0) / 1000,
  ],
  ['varve_rule_group_last_evaluation_samples', 'Samples of the last evaluation.', ({ counters }) => counters.samples],
];

const NOTIFIER_COUNTERS: readonly [string, string, (counters: NotifierCounters) => number][] = [
  ['varve_notifications_sent_total', 'Alerts delivered to an Alertmanager.', ({ sent }) => sent],
  [
    'varve_notifications_dropped_total',
    'Alerts that were not delivered: the queue was full or all tries failed.',
    ({ dropped }) => dropped,
  ],
  ['varve_notifications_errors_total', 'Requests to an Alertmanager that failed.', ({ errors }) => errors],
];

export function addRuleMetrics(registry: Registry, rules: RuleManager): void {
  const registers = [registry];
  const labelOf = ({ definition: { file, name } }: Group) => ({ rule_group: `${file};${name}` });
  for (const [name, help, read] of GROUP_COUNTERS) {
    new Counter({
      name,
      help,
      labelNames: ['rule_group'],
      registers,
      collect() {
        this.reset();
        for (const group of rules.groups()) this.inc(labelOf(group), read(group));
      },
    });
  }
  for (const [name, help, read] of GROUP_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ['rule_group'],
      registers,
      collect() {
        this.reset();
        for (const group of rules.groups()) this.set(labelOf(group), read(group));
      },
    });
  }
  for (const [name, help, read] of NOTIFIER_COUNTERS) {
    new Counter({
      name,
      help,
      labelNames: ['alertmanager'],
      registers,
      collect() {
        this.reset();
        for (const [url, counters] of rules.notifier.counters) this.inc({ alertmanager: url }, read(counters));
      },
    });
  }
  new Gauge({
    name: 'varve_notifications_queue_length',
    help: 'Alerts that wait to be sent.',
    registers,
    collect() {
      this.set(rules.notifier.queued());
    },
  });
}
