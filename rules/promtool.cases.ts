/** Runs the real promtool and Varve's own commands on the same files, for tests that compare them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { havePrograms } from '../tests/peers.ts';
import { ROOT } from '../tests/source-tree.ts';

export const havePromtool = havePrograms('promtool');

export interface Verdict {
  code: number | null;
  /** Standard output without empty lines, and standard error. */
  out: string;
  err: string;
}

const COMMANDS = { check: ['check', 'rules'], test: ['test', 'rules'] } as const;

export function promtool(command: 'check' | 'test', files: string[], directory: string): Verdict {
  return run('promtool', [...COMMANDS[command], ...files], directory);
}

export function varveRules(command: 'check' | 'test', files: string[], directory: string): Verdict {
  return run(process.execPath, [join(ROOT, 'cli/main.ts'), 'rules', command, ...files], directory);
}

function run(program: string, args: string[], cwd: string): Verdict {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return { code: status, out: stdout.replaceAll(/\n+/g, '\n'), err: stderr };
}
