/** The settings as options of a command, and their values from flags, environment and file. */
import { type Command, Option } from 'commander';
import { type Resolved, resolveSettings } from '../config/resolve.ts';
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from '../config/settings.ts';

/** Adds an option for every setting, and `--config`. Values stay texts here: `settingsOf` makes them what they are. */
export function addSettingsOptions(command: Command): Command {
  command.option('-c, --config <file>', 'read settings from this YAML file (VARVE_CONFIG)');
  for (const name of SETTING_NAMES) command.addOption(optionOf(name, SETTINGS[name]));
  return command;
}

function optionOf(name: SettingName, { kind, short, meaning, fallbackText }: Setting): Option {
  const flag = `${short === null ? '' : `-${short}, `}--${name}`;
  // What can be switched on by the environment or the file must be possible to switch off.
  const usage = `${meaning} (default: ${fallbackText})`;
  const option = new Option(kind.isSwitch ? `${flag} [true|false]` : `${flag} ${kind.argument}`, usage);
  if (kind.isList && !kind.argument.includes('...')) {
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  }
  return option;
}

/** The settings as this command line, this environment and the file make them. */
export function settingsOf(command: Command): Resolved {
  const flags: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const option = command.options.find(({ long }) => long === `--${name}`);
    if (option !== undefined) flags[name] = command.getOptionValue(option.attributeName());
  }
  const path: string | undefined = command.getOptionValue('config') ?? process.env.VARVE_CONFIG;
  return resolveSettings(flags, process.env, path === undefined || path === '' ? null : path);
}
