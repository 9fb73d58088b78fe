/** The command line itself: help and examples of every command, exit codes, and what `config check` finds. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, expect, test } from 'vitest';
import { createProgram } from '../cli/program.ts';
import { runCommand, temporaryDirectory } from './server-process.ts';

const { path: directory, remove } = temporaryDirectory('command-line');
afterAll(remove);

/** A command and those below it, by name, with their help. */
function helpOf(command: Command, name: string): [string, string][] {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return [[name, text], ...command.commands.flatMap((below) => helpOf(below, `${name} ${below.name()}`))];
}

test('every command has help with examples', () => {
  const help = new Map(helpOf(createProgram(), 'varve'));
  expect(help.size).toBeGreaterThan(30);
  for (const [name, text] of help) expect(text, name).toMatch(/\nExamples?:\n {2}.*varve /);
});

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  return runCommand(args);
}

test('wrong usage is 2', async () => {
  for (const args of [['dance'], ['serve', '--frobnicate'], ['query'], ['query', 'up', '--format', 'xml']]) {
    expect((await run(...args)).code, args.join(' ')).toBe(2);
  }
});

test('config check finds what would keep the server from starting', async () => {
  const nowhere = join(directory, 'nowhere');
  const cases: [string[], string][] = [
    [['--rules', nowhere], 'cannot load rules'],
    [['--tls-certificate', nowhere], 'give both of tls-certificate and tls-key'],
    [['--tls-certificate', nowhere, '--tls-key', nowhere], 'cannot read certificate'],
    [['--admin-user', 'admin', '--admin-password-file', nowhere], 'cannot read admin-password-file'],
    [['--listen', ':8086', '--data', nowhere], 'refused to listen on :8086'],
    [['--partition-duration', '91d'], 'give a duration of 1s to 90d'],
  ];
  for (const [args, message] of cases) {
    const { code, output } = await run('config', 'check', ...args);
    expect([code, output], args.join(' ')).toEqual([2, expect.stringContaining(message)]);
  }
  const right = await run('config', 'check', '--listen', ':8086', '--auth-enabled', 'true', '--data', nowhere);
  expect([right.code, right.output]).toEqual([0, expect.stringMatching(/^listen +:8086 {3}\(flag\)$/m)]);
  expect(existsSync(nowhere)).toBe(false);
}, 60_000);
