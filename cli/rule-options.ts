/** The options of `varve serve` that run rules, and the start of the rules from them. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Logger } from 'pino';
import type { Engine } from '../engine/engine.ts';
import { DEFAULT_DATABASE } from '../engine/engine.ts';
import type { QueryOptions } from '../query/promql/evaluate.ts';
import { RuleManager } from '../rules/manager.ts';
import { expandRuleGlobs, readRuleFile } from '../rules/rule-file.ts';
import { engineStorage } from '../rules/storage.ts';
import { parseDurationOption } from './option-values.ts';

export interface RuleOptions {
  rules: string[];
  alertmanager: string[];
  rulesInterval: number;
  rulesDatabase: string;
  externalLabel: [string, string][];
  externalUrl?: string;
}

/** Options that may be given more than once collect their values. */
function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

export function addRuleOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--rules <file...>', 'rule files to evaluate, or patterns of them; SIGHUP reads them again').default(
        [],
        'none',
      ),
    )
    .addOption(
      new Option('--alertmanager <url>', 'an Alertmanager to send alerts to; may be repeated')
        .argParser(collect(parseUrl))
        .default([], 'none'),
    )
    .addOption(
      new Option('--rules-interval <duration>', 'time between evaluations of groups that do not say')
        .argParser(parseInterval)
        .default(60_000, '1m'),
    )
    .option('--rules-database <name>', 'database that rules read and write', DEFAULT_DATABASE)
    .addOption(
      new Option('--external-label <name=value>', 'a label for all alerts that are sent; may be repeated')
        .argParser(collect(parseLabel))
        .default([], 'none'),
    )
    .addOption(
      new Option('--external-url <url>', 'where this server is reached from outside, for links in alerts').argParser(
        parseUrl,
      ),
    );
}

function parseUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('Give a URL, such as http://127.0.0.1:9093.');
  }
  return text.replace(/\/+$/, '');
}

function parseInterval(text: string): number {
  const ms = parseDurationOption(text);
  if (ms === 0) throw new InvalidArgumentError('Give a duration above zero, such as 30s or 1m.');
  return ms;
}

function parseLabel(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Give NAME=VALUE, such as region=eu.');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** What is wrong with the rule files, to be said before any data is touched; null when nothing is. */
export function ruleProblems({ rules }: RuleOptions): string | null {
  const errors = expandRuleGlobs(rules).flatMap((path) => readRuleFile(path).errors);
  return errors.length === 0 ? null : `cannot load rules:\n${errors.join('\n')}`;
}

/**
 * Starts the rules; null when there are none. Their files are read again at every SIGHUP.
 * @param address where the server listens, which stands for `--external-url`.
 */
export async function startRules(
  options: RuleOptions,
  engine: Engine,
  query: QueryOptions,
  address: string,
  log: Logger,
): Promise<RuleManager | null> {
  if (options.rules.length === 0) return null;
  const manager = new RuleManager({
    storage: engineStorage(engine, options.rulesDatabase),
    files: options.rules,
    intervalMs: options.rulesInterval,
    externalLabels: options.externalLabel,
    externalUrl: options.externalUrl ?? address,
    alertmanagers: options.alertmanager,
    queryOptions: query,
    log: (level, message, fields) => log[level](fields ?? {}, message),
  });
  await manager.load();
  process.on('SIGHUP', () => {
    manager.load().catch((error: Error) => log.error(error.message));
  });
  return manager;
}
