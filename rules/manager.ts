/**
 * All rules of a server: loads the files, runs the groups on their schedules, and takes changes over while it runs.
 *
 * A reload reads all files before it touches anything; with a mistake in one of them the groups of before go on. Groups
 * that are the same go on untouched. A changed group takes over alerts and series from the one it replaces. The series of
 * a removed group end with stale markers after two intervals, in which a rule elsewhere may have taken them over.
 */
import { type Clock, systemClock } from '../clock/clock.ts';
import type { Log } from '../engine/options.ts';
import { VarveError } from '../errors/errors.ts';
import type { QueryOptions } from '../query/promql/evaluate.ts';
import { compareText } from '../query/promql/labels.ts';
import { Group, type GroupOptions, groupKey } from './group.ts';
import { createNotifier, type Notifier, type NotifierOptions } from './notifier.ts';
import { DEFAULT_RESTORE, type RestoreOptions } from './restore.ts';
import { expandRuleGlobs, type GroupDefinition, readRuleFile, type TextPairs } from './rule-file.ts';
import { Schedule } from './schedule.ts';
import type { RuleStorage } from './storage.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface RuleManagerOptions {
  storage: RuleStorage;
  /** Rule files, or patterns of them. */
  files: readonly string[];
  /** Ms between evaluations of groups that do not say; 1 minute by default. */
  intervalMs?: number;
  /** How far in the past groups that do not say are evaluated, ms. */
  queryOffsetMs?: number;
  /** Added to alerts when they are sent, and known to templates. */
  externalLabels?: TextPairs;
  /** Where this server is reached from outside, without a slash at the end. */
  externalUrl?: string;
  /** Addresses of Alertmanagers. */
  alertmanagers?: readonly string[];
  queryOptions?: QueryOptions;
  resendDelayMs?: number;
  restore?: RestoreOptions;
  clock?: Clock;
  timers?: Timers;
  log?: Log;
  notifier?: Partial<NotifierOptions>;
}

export class RuleManager {
  readonly notifier: Notifier;
  private readonly options: RuleManagerOptions;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly log: Log;
  private readonly groupOptions: GroupOptions;
  private schedules = new Map<string, Schedule>();
  private readonly ending = new Set<() => void>();
  private loaded = false;
  private stopped = false;
  private loading: Promise<void> = Promise.resolve();

  constructor(options: RuleManagerOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
    this.log = options.log ?? (() => {});
    const externalLabels = options.externalLabels ?? [];
    const externalUrl = options.externalUrl ?? '';
    this.notifier = createNotifier({
      urls: options.alertmanagers ?? [],
      externalLabels,
      externalUrl,
      timers: this.timers,
      log: this.log,
      ...options.notifier,
    });
    this.groupOptions = {
      storage: options.storage,
      environment: { queryOptions: options.queryOptions ?? {}, externalLabels, externalUrl },
      clock: this.clock,
      log: this.log,
      defaultIntervalMs: options.intervalMs ?? 60_000,
      defaultQueryOffsetMs: options.queryOffsetMs ?? 0,
      resendDelayMs: options.resendDelayMs ?? 60_000,
      restore: options.restore ?? DEFAULT_RESTORE,
      notify: (alerts, query) => this.notifier.send(alerts, query),
    };
  }

  /** Groups by file and name. */
  groups(): Group[] {
    const groups = [...this.schedules.values()].map(({ group }) => group);
    return groups.sort(
      (a, b) => compareText(a.definition.file, b.definition.file) || compareText(a.definition.name, b.definition.name),
    );
  }

  /**
   * Reads the rule files, for the first time or again, and starts what is new in them.
   * @throws VarveError `bad_request` that names every mistake; nothing has changed then.
   */
  load(): Promise<void> {
    // Loads one after the other: a signal and a request may come together.
    const loading = this.loading.then(() => this.replaceGroups(this.readFiles()));
    this.loading = loading.catch(() => {});
    return loading;
  }

  /** Ends all evaluations, and sends what waits for Alertmanagers. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.loading;
    for (const cancel of this.ending) cancel();
    await Promise.all([...this.schedules.values()].map((schedule) => schedule.stop()));
    await this.notifier.stop();
  }

  private readFiles(): GroupDefinition[] {
    const files = expandRuleGlobs(this.options.files).map(readRuleFile);
    const errors = files.flatMap((file) => file.errors);
    if (errors.length > 0) throw new VarveError('bad_request', `cannot load rules: ${errors.join('\n')}`);
    return files.flatMap((file) => file.groups);
  }

  private async replaceGroups(definitions: readonly GroupDefinition[]): Promise<void> {
    if (this.stopped) return;
    const before = this.schedules;
    const after = new Map<string, Schedule>();
    const started: Schedule[] = [];
    for (const definition of definitions) {
      const key = groupKey(definition);
      const old = before.get(key);
      if (old !== undefined && isSame(old.group.definition, definition)) {
        after.set(key, old);
        continue;
      }
      const group = new Group(definition, this.groupOptions, this.loaded);
      if (old !== undefined) {
        await old.stop();
        group.takeOver(old.group);
      }
      const restores = old === undefined ? !this.loaded : old.restores;
      const schedule = new Schedule(group, this.clock, this.timers, this.log, restores);
      after.set(key, schedule);
      started.push(schedule);
    }
    for (const [key, schedule] of before) {
      if (after.has(key)) continue;
      await schedule.stop();
      this.endLater(schedule.group);
    }
    this.schedules = after;
    this.loaded = true;
    for (const schedule of started) schedule.start();
    const rules = definitions.reduce((sum, { rules: all }) => sum + all.length, 0);
    this.log('info', 'loaded rules', { groups: after.size, rules });
  }

  private endLater(group: Group): void {
    const stoppedMs = this.clock.nowMs();
    const cancel = this.timers.after(2 * group.intervalMs, () => {
      this.ending.delete(cancel);
      void group.endAllSeries(stoppedMs);
    });
    this.ending.add(cancel);
  }
}

function isSame(a: GroupDefinition, b: GroupDefinition): boolean {
  const text = (definition: GroupDefinition): string =>
    JSON.stringify({ ...definition, rules: definition.rules.map((rule) => ({ ...rule, expr: null })) });
  return text(a) === text(b);
}
