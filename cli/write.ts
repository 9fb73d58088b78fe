/** `varve write`: line protocol from files or stdin to a running server. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Command, Option } from 'commander';
import { addClientOptions, type Client, ClientError, type ClientOptions, connect, runClient } from './client.ts';

/** Bytes of one request: large enough to cost little, small enough to be tried again. */
const REQUEST_BYTES = 4 << 20;
const NEWLINE = 10;
const PROGRESS_MS = 500;

interface WriteOptions extends ClientOptions {
  db: string;
  precision: string;
}

export function addWriteCommand(program: Command): void {
  const command = program
    .command('write')
    .description('write line protocol from files (also packed with gzip) or stdin to a running server')
    .argument('[file...]', 'files to read; - or none is stdin')
    .option('--db <name>', 'database', 'default')
    .addOption(
      new Option('--precision <unit>', 'unit of the timestamps')
        .choices(['ns', 'us', 'ms', 's', 'm', 'h'])
        .default('ns'),
    );
  addClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  echo 'room,name=attic temperature=21.5' | varve write
  varve write --db telegraf --precision s january.lp february.lp.gz

Good lines are stored even when others are bad; bad ones are named. Exit codes: 0 all is stored; 1 some is not.`,
    )
    .action((files: string[], options: WriteOptions) => runClient(() => write(files, options)));
}

async function write(files: string[], options: WriteOptions): Promise<void> {
  const client = connect(options);
  const path = `/write?${new URLSearchParams({ db: options.db, precision: options.precision })}`;
  const progress = newProgress();
  let bytes = 0;
  for (const file of files.length === 0 ? ['-'] : files) {
    for await (const body of bodies(inputOf(file), file)) {
      await send(client, path, body);
      bytes += body.length;
      progress.show(bytes);
    }
  }
  progress.end();
}

async function send(client: Client, path: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await client.request(path, { method: 'POST', body });
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 400) throw error;
    // Bad lines: the good ones beside them are stored, and the rest of the input shall be.
    process.stderr.write(`varve: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function inputOf(file: string): Readable {
  if (file === '-') return process.stdin;
  const raw = createReadStream(file);
  if (!file.endsWith('.gz')) return raw;
  const unpacked = createGunzip();
  raw.on('error', (error) => unpacked.destroy(error));
  return raw.pipe(unpacked);
}

/** The input in pieces of whole lines. */
async function* bodies(input: Readable, name: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      parts.push(chunk);
      length += chunk.length;
      if (length < REQUEST_BYTES) continue;
      const all = Buffer.concat(parts);
      const end = all.lastIndexOf(NEWLINE) + 1;
      if (end > 0) yield Uint8Array.from(all.subarray(0, end));
      parts = [all.subarray(end)];
      length = all.length - end;
    }
  } catch (error) {
    throw new ClientError(`cannot read ${name}: ${(error as Error).message}`, 0);
  }
  if (length > 0) yield Uint8Array.from(Buffer.concat(parts));
}

/** Bytes written so far, on a terminal. */
function newProgress(): { show(bytes: number): void; end(): void } {
  if (!process.stderr.isTTY) return { show() {}, end() {} };
  const startedMs = performance.now();
  let shownMs = 0;
  const line = (bytes: number) => {
    const seconds = (performance.now() - startedMs) / 1000;
    return `\r${(bytes / 1e6).toFixed(1)} MB written, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s `;
  };
  let last = 0;
  return {
    show(bytes) {
      last = bytes;
      if (performance.now() - shownMs < PROGRESS_MS) return;
      shownMs = performance.now();
      process.stderr.write(line(bytes));
    },
    end: () => void process.stderr.write(`${line(last)}\n`),
  };
}
