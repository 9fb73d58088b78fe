/**
 * The shell examples of the pages, run as they are written, each page in an empty directory against an empty server. Two
 * things differ: the port, since 8086 may be taken here, and what `NOT_RUN` names.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { havePrograms } from './peers.ts';
import { type ServerProcess, startServer, temporaryDirectory } from './server-process.ts';
import { type ShellExample, shellExamples } from './shell-examples.ts';
import { ROOT } from './source-tree.ts';

const run = promisify(execFile);

const PAGES = [
  'README.md',
  'docs/quick-start.md',
  'docs/ingest.md',
  'docs/promql.md',
  'docs/influxql.md',
  'docs/http-api.md',
  'docs/operations.md',
];

/** Pages whose text says what else a server needs for their examples. */
const ARGUMENTS: Readonly<Record<string, string[]>> = { 'docs/operations.md': ['--enable-admin-api'] };

/** Lines that are left out of a run, each with the reason. */
const NOT_RUN: readonly (readonly [line: RegExp, why: string])[] = [
  [
    /^npm ci && npm (start|test)$/,
    'it would replace node_modules under the running tests; the server here stands for it',
  ],
  [/^node_modules\/\.bin\/node cli\/main\.ts serve /, 'it would not end; the server here stands for it'],
  [/^npm run /, 'measurements and generated pages have commands and tests of their own'],
  [/^varve (doctor|compact) /, 'the server must be stopped for it; its own tests run it'],
];

function runnable({ script }: ShellExample): string {
  const lines = script.split('\n');
  return lines.filter((line) => !NOT_RUN.some(([pattern]) => pattern.test(line))).join('\n');
}

describe.skipIf(!havePrograms('curl'))('shell examples', () => {
  describe.each(PAGES)('%s', (page) => {
    const { path: directory, remove } = temporaryDirectory('examples');
    const examples = shellExamples(readFileSync(join(ROOT, page), 'utf8'));
    let server: ServerProcess;

    beforeAll(async () => {
      server = await startServer({ dataDir: join(directory, 'data'), args: ARGUMENTS[page] ?? [] });
      mkdirSync(join(directory, 'bin'));
      mkdirSync(join(directory, 'empty'));
      const varve = join(directory, 'bin/varve');
      writeFileSync(varve, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'cli/main.ts')}' "$@"\n`);
      chmodSync(varve, 0o755);
    });

    afterAll(async () => {
      await server?.stop();
      remove();
    });

    test.each(examples.map((example) => [example.line, example] as const))('line %i', async (_, example) => {
      const script = runnable(example).replaceAll('127.0.0.1:8086', `127.0.0.1:${server.port}`);
      // Bash takes Node's pipes for a remote shell's, and would read the machine's settings for interactive ones.
      const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
        cwd: join(directory, 'empty'),
        env: {
          ...process.env,
          PATH: `${join(directory, 'bin')}${delimiter}${process.env.PATH}`,
          VARVE_URL: server.url,
        },
      });
      if (example.expected === null) {
        // What a page does not show may be anything but a refusal.
        expect(stdout).not.toMatch(/"error"/);
        return;
      }
      const { kind, text } = example.expected;
      if (kind === 'json') expect(JSON.parse(stdout)).toEqual(JSON.parse(text));
      else expect(trimmed(stdout)).toBe(trimmed(text));
    });
  });
});

/** Without spaces at line ends, and blank lines at the end. */
function trimmed(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(/ +$/gm, '').trimEnd();
}
