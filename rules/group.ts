/**
 * A group of rules: evaluated one after the other, so that a rule sees what those before it have just stored.
 *
 * A rule that fails keeps its series of before as they are and does not stop the others. Series that a rule made last
 * time and no longer makes get a stale marker; so do those of rules that a reload has removed.
 */
import { type Clock, systemClock } from '../clock/clock.ts';
import type { Log } from '../engine/options.ts';
import { hashBytes } from '../index/hash.ts';
import type { Labels } from '../query/promql/labels.ts';
import { type Alert, type AlertingRule, alertingRule, takeAlertsToSend } from './alerting-rule.ts';
import { type RecordingRule, recordingRule } from './recording-rule.ts';
import { type RestoreOptions, restoreForState } from './restore.ts';
import type { RuleEnvironment } from './rule.ts';
import type { GroupDefinition, RuleDefinition } from './rule-file.ts';
import type { RuleStorage } from './storage.ts';

/** What groups share. */
export interface GroupOptions {
  readonly storage: RuleStorage;
  readonly environment: Omit<RuleEnvironment, 'querier'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ms between evaluations of groups that do not say. */
  readonly defaultIntervalMs: number;
  /** Query offset in ms of groups that do not say. */
  readonly defaultQueryOffsetMs: number;
  /** Least time in ms between two notifications of one alert. */
  readonly resendDelayMs: number;
  readonly restore: RestoreOptions;
  /** Takes alerts to Alertmanager; `query` is the expression that made them. */
  notify(alerts: readonly Alert[], query: string): void;
}

/** What a group has done so far. */
export interface GroupCounters {
  evaluations: number;
  failures: number;
  /** Evaluations of the whole group, and how many of the schedule could not be held. */
  iterations: number;
  missed: number;
  /** Samples of the last evaluation. */
  samples: number;
}

export type GroupRule = RecordingRule | AlertingRule;

const encoder = new TextEncoder();

export class Group {
  readonly definition: GroupDefinition;
  readonly rules: readonly GroupRule[];
  readonly intervalMs: number;
  readonly queryOffsetMs: number;
  readonly counters: GroupCounters = { evaluations: 0, failures: 0, iterations: 0, missed: 0, samples: 0 };
  /** Ms that the last evaluation took, and when it was; null before the first. */
  evaluationMs = 0;
  lastEvaluationMs: number | null = null;
  private staleSeries: Labels[] = [];
  private evaluating = false;
  private stopped = false;
  private readonly options: GroupOptions;

  constructor(definition: GroupDefinition, options: GroupOptions, restored: boolean) {
    this.definition = definition;
    this.options = options;
    this.intervalMs = definition.intervalMs === 0 ? options.defaultIntervalMs : definition.intervalMs;
    this.queryOffsetMs = definition.queryOffsetMs ?? options.defaultQueryOffsetMs;
    this.rules = definition.rules.map((rule) =>
      rule.kind === 'alert' ? alertingRule(rule, restored) : recordingRule(rule),
    );
  }

  /** What tells this group from others: names are unique in a file only. */
  get key(): string {
    return groupKey(this.definition);
  }

  /**
   * The last time of its schedule that is not after `nowMs`. Groups have their own phase in the interval, the same
   * after every start, so that not all are evaluated at once.
   */
  slotBefore(nowMs: number): number {
    const bytes = encoder.encode(this.key);
    const phaseMs = (hashBytes(bytes, 0, bytes.length) >>> 0) % this.intervalMs;
    return Math.floor((nowMs - phaseMs) / this.intervalMs) * this.intervalMs + phaseMs;
  }

  /** Lets an evaluation end after the rule it is at. */
  stop(): void {
    this.stopped = true;
  }

  /** Evaluates all rules at `timeMs`. Never throws for what a rule does. */
  async evaluate(timeMs: number): Promise<void> {
    if (this.evaluating) throw new Error(`BUG: group ${this.key} is being evaluated already`);
    this.evaluating = true;
    const { clock } = this.options;
    const startedMs = clock.monotonicMs();
    const startMs = clock.nowMs();
    this.counters.iterations++;
    let samples = 0;
    try {
      for (const rule of this.rules) {
        if (this.stopped) return;
        samples += await this.evaluateRule(rule, timeMs);
      }
      this.counters.samples = samples;
      await this.endSeries(timeMs);
    } finally {
      this.evaluating = false;
      this.evaluationMs = clock.monotonicMs() - startedMs;
      this.lastEvaluationMs = startMs;
    }
  }

  private async evaluateRule(rule: GroupRule, timeMs: number): Promise<number> {
    const { clock, storage, environment, resendDelayMs, notify } = this.options;
    const startedMs = clock.monotonicMs();
    const startMs = clock.nowMs();
    this.counters.evaluations++;
    try {
      const full = { ...environment, querier: () => storage.querier() };
      const samples = await rule.evaluate(timeMs, this.queryOffsetMs, this.definition.limit, full);
      if (rule.kind === 'alerting') {
        notify(takeAlertsToSend(rule, timeMs, resendDelayMs, this.intervalMs), rule.query);
      }
      const series = new Map(samples.map(({ labels }) => [labels.key, labels]));
      const gone = [...rule.previousSeries.values()].filter(({ key }) => !series.has(key));
      await storage.append(timeMs - this.queryOffsetMs, samples, gone);
      rule.previousSeries = series;
      rule.health = 'ok';
      rule.lastError = '';
      return samples.length;
    } catch (error) {
      this.failed(rule, error as Error);
      return 0;
    } finally {
      rule.evaluationMs = clock.monotonicMs() - startedMs;
      rule.lastEvaluationMs = startMs;
    }
  }

  private failed(rule: GroupRule, error: Error): void {
    rule.health = 'err';
    rule.lastError = error.message;
    if (this.stopped) return;
    this.counters.failures++;
    const { file, name } = this.definition;
    this.options.log('warn', `cannot evaluate rule ${rule.definition.name}: ${error.message}`, { file, group: name });
  }

  /** Restores the state of alerts from before a restart; to be called after two evaluations. */
  async restore(nowMs: number): Promise<void> {
    for (const rule of this.rules) {
      if (rule.kind !== 'alerting') continue;
      try {
        await restoreForState(rule, nowMs, this.options.storage, this.options.restore);
      } catch (error) {
        // It cannot be tried again later: its own series would be in the way.
        rule.restored = true;
        this.options.log('error', `cannot restore alert ${rule.definition.name}: ${(error as Error).message}`);
      }
    }
  }

  /**
   * Takes over from the group of the same name that it replaces: alerts and series of rules with the same name and
   * labels, the first of equal ones from the first. What is left over ends with a stale marker.
   */
  takeOver(from: Group): void {
    this.evaluationMs = from.evaluationMs;
    this.lastEvaluationMs = from.lastEvaluationMs;
    Object.assign(this.counters, from.counters);
    const left = new Map<string, GroupRule[]>();
    for (const rule of from.rules) {
      const key = identity(rule.definition);
      left.set(key, [...(left.get(key) ?? []), rule]);
    }
    for (const rule of this.rules) {
      const old = left.get(identity(rule.definition))?.shift();
      if (old === undefined) continue;
      rule.previousSeries = old.previousSeries;
      if (rule.kind === 'alerting' && old.kind === 'alerting') {
        rule.active = old.active;
        rule.restored = old.restored;
      }
    }
    this.staleSeries = [...from.staleSeries];
    for (const rule of [...left.values()].flat()) this.staleSeries.push(...rule.previousSeries.values());
  }

  /** Ends all series of a group that is configured no longer. */
  async endAllSeries(timeMs: number): Promise<void> {
    for (const rule of this.rules) {
      this.staleSeries.push(...rule.previousSeries.values());
      rule.previousSeries = new Map();
    }
    await this.endSeries(timeMs);
  }

  private async endSeries(timeMs: number): Promise<void> {
    if (this.staleSeries.length === 0) return;
    try {
      await this.options.storage.append(timeMs - this.queryOffsetMs, [], this.staleSeries);
      this.staleSeries = [];
    } catch (error) {
      this.options.log('warn', `cannot end series of removed rules: ${(error as Error).message}`);
    }
  }
}

export function groupKey({ file, name }: GroupDefinition): string {
  return `${file};${name}`;
}

function identity({ kind, name, labels }: RuleDefinition): string {
  return JSON.stringify([kind, name, labels]);
}

/** Options that do nothing beside evaluating: no notifications, no log. */
export function plainGroupOptions(storage: RuleStorage, restore: RestoreOptions): GroupOptions {
  return {
    storage,
    environment: { queryOptions: {}, externalLabels: [], externalUrl: '' },
    clock: systemClock,
    log: () => {},
    defaultIntervalMs: 60_000,
    defaultQueryOffsetMs: 0,
    resendDelayMs: 60_000,
    restore,
    notify: () => {},
  };
}
