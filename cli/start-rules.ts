/** The start of the rules that the settings name. */
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import type { Engine } from '../engine/engine.ts';
import type { QueryOptions } from '../query/promql/evaluate.ts';
import { RuleManager } from '../rules/manager.ts';
import { expandRuleGlobs, readRuleFile } from '../rules/rule-file.ts';
import { engineStorage } from '../rules/storage.ts';

/** What is wrong with the rule files, to be said before any data is touched; null when nothing is. */
export function ruleProblems(rules: readonly string[]): string | null {
  const errors = expandRuleGlobs([...rules]).flatMap((path) => readRuleFile(path).errors);
  return errors.length === 0 ? null : `cannot load rules:\n${errors.join('\n')}`;
}

/**
 * Starts the rules; null when there are none. Their files are read again at every SIGHUP.
 * @param address where the server listens, which stands for `external-url`.
 */
export async function startRules(
  settings: Settings,
  engine: Engine,
  query: QueryOptions,
  address: string,
  log: Logger,
): Promise<RuleManager | null> {
  if (settings.rules.length === 0) return null;
  const manager = new RuleManager({
    storage: engineStorage(engine, settings['rules-database']),
    files: settings.rules,
    intervalMs: settings['rules-interval'],
    queryOffsetMs: settings['rules-query-offset'],
    resendDelayMs: settings['rules-resend-delay'],
    restore: {
      outageToleranceMs: settings['rules-outage-tolerance'],
      forGracePeriodMs: settings['rules-grace-period'],
    },
    notifier: { queueCapacity: settings['alertmanager-queue'], timeoutMs: settings['alertmanager-timeout'] },
    externalLabels: settings['external-label'],
    externalUrl: settings['external-url'] ?? address,
    alertmanagers: settings.alertmanager,
    queryOptions: query,
    log: (level, message, fields) => log[level](fields ?? {}, message),
  });
  await manager.load();
  process.on('SIGHUP', () => {
    manager.load().catch((error: Error) => log.error(error.message));
  });
  return manager;
}
