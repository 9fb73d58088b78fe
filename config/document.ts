/** The settings as a page of Markdown, docs/configuration.md, and as an example of a file. */
import { environmentName, SETTING_NAMES, SETTINGS, type Setting, type SettingName } from './settings.ts';

const INTRODUCTION = `# Configuration

<!-- Written by \`npm run docs\` from config/settings.ts. -->

Every setting has one name and three spellings. A flag wins over the environment, the environment over the file, the
file over the default:

| Where           | How                                                         |
| --------------- | ----------------------------------------------------------- |
| flag            | \`varve serve --merge-rate 32MiB\`                            |
| environment     | \`VARVE_MERGE_RATE=32MiB varve serve\`                        |
| file            | \`merge-rate: 32MiB\` in the file that \`--config\` (or \`VARVE_CONFIG\`) names |

\`varve config check\` says what is wrong, where, and what every setting is in the end:

\`\`\`sh
varve config check --config varve.yml
\`\`\`

Durations have units from large to small: \`90d\`, \`1h30m\`, \`500ms\`; years, weeks, days are \`y\`, \`w\`, \`d\`. Sizes are bytes
with \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\` or none. Lists are repeated flags, commas in the environment, and lists in the file.
`;

/** The page. */
export function configurationPage(): string {
  const parts = [INTRODUCTION];
  for (const section of new Set(SETTING_NAMES.map((name) => SETTINGS[name].section))) {
    const rows = SETTING_NAMES.filter((name) => SETTINGS[name].section === section).map(rowOf);
    parts.push(
      `## ${section}\n\n| Setting | Environment | Kind | Default | Meaning |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`,
    );
  }
  parts.push(`## A file\n\n\`\`\`yaml\n${exampleFile()}\`\`\`\n`);
  return parts.join('\n');
}

function rowOf(name: SettingName): string {
  const { kind, fallbackText, meaning }: Setting = SETTINGS[name];
  const sort = kind.isSwitch ? 'true or false' : kind.argument.replace(/[<>]/g, '').replaceAll('|', ' \\| ');
  const text = meaning.replaceAll('|', '\\|');
  return `| \`${name}\` | \`${environmentName(name)}\` | ${sort} | \`${fallbackText}\` | ${text[0].toUpperCase()}${text.slice(1)}. |`;
}

/** A file with a few settings that many will want to change. */
function exampleFile(): string {
  return `listen: :8086
auth-enabled: true
tls-certificate: /etc/varve/cert.pem
tls-key: /etc/varve/key.pem
data: /var/lib/varve
retention: 400d
size-cap: 200GiB
rules:
  - /etc/varve/rules/*.yml
alertmanager:
  - http://127.0.0.1:9093
log-level: warn
`;
}
