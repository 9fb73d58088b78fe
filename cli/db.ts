/** `varve db`: list, create, alter and drop databases of a running server. */
import type { Command } from 'commander';
import { durationText } from '../clock/duration.ts';
import { addClientOptions, ClientError, type ClientOptions, connect, runClient } from './client.ts';
import { tableOf } from './table.ts';

interface DatabaseInfo {
  name: string;
  retentionMs: number;
  retentionIsDefault: boolean;
  partitionDurationSec: number | null;
  sizeCapBytes: number;
  limits: Record<string, number | null>;
  series: number;
  files: number;
  fileBytes: number;
}

interface SettingsOptions extends ClientOptions {
  retention?: string;
  partitionDuration?: string;
  sizeCap?: string;
  maxSeries?: string;
  maxNewSeriesPerSec?: string;
  maxTagsPerSeries?: string;
  maxTagValueBytes?: string;
}

/** Options that are parameters of the API under the same names. */
const SETTINGS: [keyof SettingsOptions & string, string][] = [
  ['retention', 'retention'],
  ['partitionDuration', 'partition-duration'],
  ['sizeCap', 'size-cap'],
  ['maxSeries', 'max-series'],
  ['maxNewSeriesPerSec', 'max-new-series-per-sec'],
  ['maxTagsPerSeries', 'max-tags-per-series'],
  ['maxTagValueBytes', 'max-tag-value-bytes'],
];

export function addDatabaseCommand(program: Command): void {
  const db = program.command('db').description('databases of a running server').addHelpText('after', EXAMPLES);
  addClientOptions(db.command('list').description('all databases, what they hold and how long'))
    .option('--json', 'print what the server says', false)
    .addHelpText('after', EXAMPLES)
    .action((options: ClientOptions & { json: boolean }) => runClient(() => list(options)));
  withSettings(db.command('create').description('make a database').argument('<name>'))
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: SettingsOptions) =>
      runClient(async () => {
        const body = parametersOf(options);
        body.set('name', name);
        await connect(options).request('/api/v1/databases', { method: 'POST', body });
      }),
    );
  withSettings(db.command('alter').description('change settings of a database').argument('<name>'))
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: SettingsOptions) =>
      runClient(async () => {
        const body = parametersOf(options);
        if (body.size === 0) throw new ClientError('cannot alter: give at least one setting, see --help', 0);
        await connect(options).request(`/api/v1/databases/${encodeURIComponent(name)}`, { method: 'POST', body });
      }),
    );
  addClientOptions(db.command('drop').description('remove a database with all its data').argument('<name>'))
    .option('--yes', 'do not ask', false)
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: ClientOptions & { yes: boolean }) =>
      runClient(async () => {
        if (!options.yes) {
          throw new ClientError(`this removes all data of '${name}' for ever: say so with --yes`, 0);
        }
        await connect(options).request(`/api/v1/databases/${encodeURIComponent(name)}`, { method: 'DELETE' });
      }),
    );
}

const EXAMPLES = `
Examples:
  varve db create telegraf --retention 90d --size-cap 50GiB
  varve db alter telegraf --retention forever --max-series 1000000
  varve db drop telegraf --yes

A server changes and drops databases when it was started with --enable-admin-api.
Exit codes: 0 done; 1 refused, or no server.`;

function withSettings(command: Command): Command {
  return addClientOptions(command)
    .option('--retention <duration>', 'drop data older than this; forever, or default for the server’s setting')
    .option('--partition-duration <duration>', 'time range of one partition, while the database is empty')
    .option('--size-cap <size>', 'drop the oldest partitions beyond this much data; or none')
    .option('--max-series <number>', 'series that may exist at once; or default')
    .option('--max-new-series-per-sec <number>', 'new series per second; or default')
    .option('--max-tags-per-series <number>', 'tags of one series; or default')
    .option('--max-tag-value-bytes <number>', 'bytes of one tag value; or default');
}

function parametersOf(options: SettingsOptions): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [option, parameter] of SETTINGS) {
    const value = options[option];
    if (value !== undefined) parameters.set(parameter, value);
  }
  return parameters;
}

async function list(options: ClientOptions & { json: boolean }): Promise<void> {
  const databases = await connect(options).json<DatabaseInfo[]>('/api/v1/databases');
  if (options.json) {
    process.stdout.write(`${JSON.stringify(databases, null, 2)}\n`);
    return;
  }
  const rows = databases.map((one) => [
    one.name,
    String(one.series),
    String(one.files),
    String(one.fileBytes),
    one.retentionMs === 0 ? 'forever' : durationText(one.retentionMs),
    one.partitionDurationSec === null ? '' : durationText(one.partitionDurationSec * 1000),
    one.sizeCapBytes === 0 ? 'none' : sizeText(one.sizeCapBytes),
    limitsText(one.limits),
  ]);
  const columns = ['name', 'series', 'files', 'bytes', 'retention', 'partition', 'size cap', 'limits'];
  process.stdout.write(tableOf({ title: '', columns, rows }));
}

/** As the options take it, in the largest unit that leaves no fraction. */
function sizeText(bytes: number): string {
  const power = [4, 3, 2, 1].find((each) => bytes % 1024 ** each === 0) ?? 0;
  return `${bytes / 1024 ** power}${['', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

/** Limits of its own, by the names of their options: `max-series=1000`. */
function limitsText(limits: DatabaseInfo['limits']): string {
  const set = SETTINGS.filter(([limit]) => typeof limits[limit] === 'number');
  return set.map(([limit, option]) => `${option}=${limits[limit]}`).join(' ');
}
