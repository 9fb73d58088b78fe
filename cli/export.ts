/** `varve export`: a database of a running server as line protocol. */
import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { addClientOptions, ClientError, type ClientOptions, connect, runClient } from './client.ts';

interface ExportOptions extends ClientOptions {
  db: string;
  match: string[];
  start?: string;
  end?: string;
  output?: string;
}

export function addExportCommand(program: Command): void {
  const command = program
    .command('export')
    .description('print a database of a running server as line protocol, every value exact')
    .option('--db <name>', 'database; NAME/POLICY for another retention policy', 'default')
    .option(
      '--match <selector>',
      'only series that this PromQL selector matches; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option('--start <time>', 'only rows from then on: RFC 3339 or seconds since 1970')
    .option('--end <time>', 'only rows until then')
    .option('-o, --output <file>', 'write there instead of to stdout; packed when it ends with .gz');
  addClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  varve export --db telegraf -o telegraf.lp.gz
  varve export --match '{__name__=~"cpu_.*",host="web-1"}' | varve write --url http://127.0.0.1:8087

NaN and infinities, which line protocol cannot say, are left out. Exit codes: 0 all is written; 1 it is not.`,
    )
    .action((options: ExportOptions) => runClient(() => exportDatabase(options)));
}

async function exportDatabase(options: ExportOptions): Promise<void> {
  const parameters = new URLSearchParams({ db: options.db });
  for (const selector of options.match) parameters.append('match[]', selector);
  if (options.start !== undefined) parameters.set('start', options.start);
  if (options.end !== undefined) parameters.set('end', options.end);
  const { body } = await connect(options).request('/api/v1/export', { method: 'POST', body: parameters });
  if (body === null) throw new ClientError('the server answered without a body', 200);
  const lines = Readable.fromWeb(body as ReadableStream);
  const { output } = options;
  const target: Writable = output === undefined ? process.stdout : createWriteStream(output);
  try {
    if (output?.endsWith('.gz')) await pipeline(lines, createGzip(), target);
    else await pipeline(lines, target, { end: output !== undefined });
  } catch (error) {
    throw new ClientError(`cannot export: ${(error as Error).message}`, 0);
  }
}
