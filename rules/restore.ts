/**
 * Brings back since when alerts are active, so that a restart does not start every `for` anew.
 *
 * The last sample of an alert's ALERTS_FOR_STATE tells since when it was active (its value) and until when this was
 * known (its time, taken for the beginning of the outage). Outages of more than an hour are too old to say anything.
 * For an alert that is active again:
 * - it had already been firing: it keeps its time, and fires again at the next evaluation;
 * - less than the grace period was left: it fires after the grace period, so that what an outage of the data itself
 *   set off has time to go away;
 * - else the outage does not count: its time moves by it.
 */
import { METRIC_NAME } from '../query/promql/labels.ts';
import { isStaleAt, wordsOf } from '../query/promql/value.ts';
import { ALERT_NAME, ALERTS_FOR_STATE, type AlertingRule } from './alerting-rule.ts';
import type { RuleStorage } from './storage.ts';

export interface RestoreOptions {
  readonly outageToleranceMs: number;
  readonly forGracePeriodMs: number;
}

export const DEFAULT_RESTORE: RestoreOptions = { outageToleranceMs: 3_600_000, forGracePeriodMs: 600_000 };

/** Restores the active alerts of a rule at `nowMs`; from then on it stores its series. */
export async function restoreForState(
  rule: AlertingRule,
  nowMs: number,
  storage: RuleStorage,
  options: RestoreOptions,
): Promise<void> {
  // With a short `for` there is little to lose, and the grace period would make it longer.
  if (rule.definition.forMs >= options.forGracePeriodMs) await restoreAlerts(rule, nowMs, storage, options);
  rule.restored = true;
}

async function restoreAlerts(
  rule: AlertingRule,
  nowMs: number,
  storage: RuleStorage,
  { outageToleranceMs, forGracePeriodMs }: RestoreOptions,
): Promise<void> {
  const { forMs } = rule.definition;
  const matchers = [
    { name: METRIC_NAME, op: '=', value: ALERTS_FOR_STATE },
    { name: ALERT_NAME, op: '=', value: rule.definition.name },
  ] as const;
  const range = { startMs: nowMs - outageToleranceMs, endMs: nowMs, stepMs: 0, rangeMs: 0, func: null, grouping: null };
  const set = await storage.querier().select(matchers, range);
  for (let i = 0; i < set.count; i++) {
    const alert = rule.active.get(set.labels(i).with(METRIC_NAME, '').key);
    if (alert === undefined) continue;
    const times = set.times(i);
    const values = set.values(i);
    let last = times.length - 1;
    while (last >= 0 && times[last] > nowMs) last--;
    if (last < 0 || times[last] < range.startMs || isStaleAt(wordsOf(values), last)) continue;
    const downAtMs = times[last];
    const activeAtMs = values[last] * 1000;
    const remainingMs = forMs - (downAtMs - activeAtMs);
    if (remainingMs <= 0) alert.activeAtMs = activeAtMs;
    else if (remainingMs < forGracePeriodMs) alert.activeAtMs = nowMs + forGracePeriodMs - forMs;
    else alert.activeAtMs = activeAtMs + (nowMs - downAtMs);
  }
}
