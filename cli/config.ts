/** `varve config check`: whether the settings are right, and what they are in the end. */
import type { Command } from 'commander';
import { SETTING_NAMES } from '../config/settings.ts';
import { EXIT_USAGE } from './exit-codes.ts';
import { addSettingsOptions, settingsOf } from './settings-options.ts';

export function addConfigCommand(program: Command): void {
  const config = program.command('config').description('look at the settings');
  const check = config
    .command('check')
    .description('say what is wrong with the settings, or what they are and where each comes from');
  addSettingsOptions(check)
    .addHelpText(
      'after',
      `
Examples:
  varve config check --config varve.yml
  VARVE_MERGE_RATE=32MiB varve config check

Exits with 0 when all is right, with 2 when something is not.`,
    )
    .action((_options: unknown, command: Command) => {
      const { problems, texts, origins } = settingsOf(command);
      if (problems.length > 0) {
        process.stderr.write(`varve: the settings are wrong:\n${problems.map((line) => `  ${line}\n`).join('')}`);
        process.exit(EXIT_USAGE);
      }
      const width = Math.max(...SETTING_NAMES.map((name) => name.length));
      for (const name of SETTING_NAMES) {
        const origin = origins[name] === 'default' ? '' : `   (${origins[name]})`;
        process.stdout.write(`${name.padEnd(width)}  ${texts[name]}${origin}\n`);
      }
    });
}
