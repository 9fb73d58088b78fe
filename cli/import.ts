/**
 * `varve import influx SOURCE`: takes over what an InfluxDB 1.x holds, from the running server or from the files that
 * `influx_inspect export` writes. It writes to a running Varve, and goes on where it stopped when it is started again.
 *
 * Exit codes: 0 all is there; 1 it stopped, or lines were refused.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.ts';
import { exportFiles, importFiles } from './import/export-files.ts';
import { type ImportSummary, importServer } from './import/import-server.ts';
import { openState } from './import/import-state.ts';
import { type Credentials, connectInflux } from './import/influx-server.ts';
import { newProgress } from './import/progress.ts';
import { connectTarget } from './import/varve-target.ts';

/** Refusals that are shown. */
const SHOWN_REFUSALS = 10;

interface ImportOptions {
  to: string;
  database: string[];
  user?: string;
  password?: string;
  toUser?: string;
  toPassword?: string;
  state: string;
}

export function addImportCommand(program: Command): void {
  program
    .command('import')
    .description('take over the data of another database')
    .addHelpText('after', '\nExample:\n  varve import influx http://old:8086 --to http://127.0.0.1:8087')
    .command('influx <url-or-path>')
    .description('from a running InfluxDB 1.x, or from files of influx_inspect export (also packed with gzip)')
    .option('--to <url>', 'the running Varve that takes the data', 'http://127.0.0.1:8086')
    .option(
      '--database <name>',
      'import only this database (may be given again); for files, where lines go that do not say it',
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option('--user <name>', 'user of InfluxDB, by default $INFLUX_USERNAME')
    .option('--password <password>', 'password of InfluxDB, by default $INFLUX_PASSWORD')
    .option('--to-user <name>', 'user of Varve, by default $VARVE_USERNAME')
    .option('--to-password <password>', 'password of Varve, by default $VARVE_PASSWORD')
    .option('--state <file>', 'where it is noted how far the import has come', 'varve-import.state')
    .addHelpText(
      'after',
      `
Examples:
  varve import influx http://old:8086 --to http://127.0.0.1:8087
  varve import influx http://old:8086 --database telegraf --user admin --password secret
  influx_inspect export -datadir DATA -waldir WAL -out dump.gz -compress && varve import influx dump.gz

Databases and retention policies are made as they were. Started again after a stop, it goes on where it was: --state
tells. Passwords are safer in the environment than on the command line.

Exit codes: 0 everything is there; 1 it stopped, or lines were refused.`,
    )
    .action(async (source: string, options: ImportOptions) => {
      process.exitCode = await runImport(source, options);
    });
}

async function runImport(source: string, options: ImportOptions): Promise<number> {
  const { env } = process;
  const progress = newProgress();
  try {
    const to = credentials(options.toUser ?? env.VARVE_USERNAME, options.toPassword ?? env.VARVE_PASSWORD);
    const target = await connectTarget(options.to, to);
    const path = resolve(options.state);
    const isUrl = /^https?:\/\//.test(source);
    let summary: ImportSummary;
    let state: ReturnType<typeof openState>;
    if (isUrl) {
      const from = credentials(options.user ?? env.INFLUX_USERNAME, options.password ?? env.INFLUX_PASSWORD);
      const influx = await connectInflux(source, from);
      state = openState(path, influx.shownUrl, target.shownUrl);
      if (state.doneBefore > 0) progress.say(`going on: ${state.doneBefore} pieces are done, by ${path}`);
      summary = await importServer(influx, target, options.database, state, progress);
    } else {
      if (!existsSync(source)) throw new Error(`cannot import ${source}: there is no such file or directory`);
      const files = exportFiles(resolve(source));
      state = openState(path, resolve(source), target.shownUrl);
      summary = await importFiles(files, target, options.database[0] ?? '', state, progress);
    }
    state.finish();
    progress.end();
    return report(summary);
  } catch (error) {
    progress.end();
    process.stderr.write(`varve: ${(error as Error).message}\n`);
    return EXIT_FAILURE;
  }
}

function credentials(user: string | undefined, password: string | undefined): Credentials | null {
  return user === undefined || user === '' ? null : { user, password: password ?? '' };
}

function report({ lines, bytes, refusals }: ImportSummary): number {
  process.stdout.write(`imported ${lines} lines, ${bytes} bytes of line protocol\n`);
  if (refusals.length === 0) return EXIT_OK;
  process.stderr.write(`varve: lines were refused in ${refusals.length} writes, all others are there:\n`);
  for (const refusal of refusals.slice(0, SHOWN_REFUSALS)) process.stderr.write(`  ${refusal}\n`);
  return EXIT_FAILURE;
}
