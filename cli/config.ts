/** `varve config check`: whether the settings are right, and what they are in the end. */
import type { Command } from 'commander';
import { SETTING_NAMES } from '../config/settings.ts';
import { EXIT_USAGE } from './exit-codes.ts';
import { addSettingsOptions, settingsOf } from './settings-options.ts';
import { startProblem } from './start-problem.ts';

const EXAMPLES = `
Examples:
  varve config check --config varve.yml
  VARVE_MERGE_RATE=32MiB varve config check

Files that the settings name are looked into, too: rules, certificates, passwords. Exits with 0 when a server would start
with these settings, with 2 when it would not.`;

export function addConfigCommand(program: Command): void {
  const config = program.command('config').description('look at the settings').addHelpText('after', EXAMPLES);
  const check = config
    .command('check')
    .description('say what is wrong with the settings, or what they are and where each comes from');
  addSettingsOptions(check)
    .addHelpText('after', EXAMPLES)
    .action((_options: unknown, command: Command) => {
      const { values, problems, texts, origins } = settingsOf(command);
      if (problems.length > 0) {
        process.stderr.write(`varve: the settings are wrong:\n${problems.map((line) => `  ${line}\n`).join('')}`);
        process.exit(EXIT_USAGE);
      }
      const problem = startProblem(values, process.env);
      if (problem !== null) {
        process.stderr.write(`varve: ${problem}\n`);
        process.exit(EXIT_USAGE);
      }
      const width = Math.max(...SETTING_NAMES.map((name) => name.length));
      for (const name of SETTING_NAMES) {
        const origin = origins[name] === 'default' ? '' : `   (${origins[name]})`;
        process.stdout.write(`${name.padEnd(width)}  ${texts[name]}${origin}\n`);
      }
    });
}
