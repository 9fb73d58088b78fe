/** Half a minute of the load tests with the real k6: they run, nothing fails, and every acknowledged line is found. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findK6 } from '../loadtest/k6.ts';
import { ROOT } from './source-tree.ts';

const haveK6 = findK6() !== null;
if (!haveK6) {
  const message = 'k6 is not installed (npm run loadtest -- install)';
  if (process.env.VARVE_REQUIRE_PEERS === '1') throw new Error(message);
  console.warn(`skipped: ${message}`);
}

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'loadtest/main.ts'), ...args], { cwd: ROOT });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

describe.skipIf(!haveK6)('load tests', () => {
  // Times are none of a test's business: the factor leaves only what must hold on any machine.
  test.each(['write', 'remote-write', 'query', 'mixed', 'spike'])('%s', async (name) => {
    const { code, output } = await run(name, '--duration', '3s', '--rate', '5', '--time-factor', '100');
    expect([code, code === 0 ? '' : output]).toEqual([0, '']);
    const [, acknowledged, found] = /acknowledged (\d+), found (\d+)/.exec(output) ?? [];
    expect(Number(acknowledged)).toBeGreaterThan(0);
    expect(Number(found)).toBeGreaterThanOrEqual(Number(acknowledged));
  });

  test('more memory than the server may take is a failure', async () => {
    const { code, output } = await run('write', '--duration', '1s', '--time-factor', '100', '--memory', '50');
    expect(code).toBe(1);
    expect(output).toContain('the server took more than 50 MiB of memory');
  });

  test('an unknown name and another machine are refused', async () => {
    expect((await run('dance')).code).toBe(2);
    const elsewhere = await run('write', '--url', 'http://192.0.2.1:8086');
    expect(elsewhere.code).not.toBe(0);
    expect(elsewhere.output).toContain('servers on this machine only');
  });
});
