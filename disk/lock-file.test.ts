import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VarveError } from '../errors/errors.ts';
import { lockDirectory, type ProcessTable } from './lock-file.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

/** A process table by hand: process id → start time. */
function table(self: number, running: Map<number, string>): ProcessTable {
  return { self, identity: (pid) => running.get(pid) ?? null };
}

function emptyDisk(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  return fs;
}

test('a second process is refused and told who has the directory', () => {
  const fs = emptyDisk();
  const running = new Map([
    [10, 'a'],
    [20, 'b'],
  ]);
  const lock = lockDirectory(fs, '/data', table(10, running));
  expect(() => lockDirectory(fs, '/data', table(20, running))).toThrow('cannot open /data: it is in use by process 10');
  lock.release();
  lockDirectory(fs, '/data', table(20, running));
  expect(fs.list('/data')).toEqual(['LOCK']);
});

test('the lock of a process that was killed is taken over', () => {
  const fs = emptyDisk();
  const running = new Map([
    [10, 'a'],
    [20, 'b'],
  ]);
  lockDirectory(fs, '/data', table(10, running));
  running.delete(10);
  lockDirectory(fs, '/data', table(20, running));
  expect(fs.list('/data')).toEqual(['LOCK']);
});

test('a process that got the id of a killed one does not keep its lock alive', () => {
  const fs = emptyDisk();
  const running = new Map([
    [10, 'started at 1'],
    [20, 'b'],
  ]);
  lockDirectory(fs, '/data', table(10, running));
  running.set(10, 'started at 2');
  lockDirectory(fs, '/data', table(20, running));
});

test('releasing does not remove the lock of a successor', () => {
  const fs = emptyDisk();
  const running = new Map([
    [10, 'a'],
    [20, 'b'],
  ]);
  const first = lockDirectory(fs, '/data', table(10, running));
  running.delete(10);
  lockDirectory(fs, '/data', table(20, running));
  first.release();
  expect(fs.exists('/data/LOCK')).toBe(true);
});

test('a lock that a power loss has torn is nobody’s', () => {
  const fs = emptyDisk();
  fs.create('/data/LOCK').write(new TextEncoder().encode('12'));
  lockDirectory(fs, '/data', table(10, new Map([[10, 'a']])));
});

test('one of many starters gets a stale lock, at every interleaving of two', () => {
  // The second starter runs in full at the n-th disk call of the first.
  for (let n = 0; n < 40; n++) {
    const fs = emptyDisk();
    const running = new Map([
      [10, 'a'],
      [20, 'b'],
      [30, 'c'],
    ]);
    lockDirectory(fs, '/data', table(10, running));
    running.delete(10);
    let calls = 0;
    let second: 'won' | 'lost' | 'not yet' = 'not yet';
    const interleaved = new Proxy(fs, {
      get(target, key) {
        const value = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...values: unknown[]) => {
          if (calls++ === n) second = attempt(() => lockDirectory(fs, '/data', table(30, running)));
          return Reflect.apply(value, target, values);
        };
      },
    });
    const first = attempt(() => lockDirectory(interleaved, '/data', table(20, running)));
    if (second === 'not yet') second = attempt(() => lockDirectory(fs, '/data', table(30, running)));
    expect(
      [first, second].filter((result) => result === 'won'),
      `at call ${n}`,
    ).toHaveLength(1);
  }
});

function attempt(run: () => void): 'won' | 'lost' {
  try {
    run();
    return 'won';
  } catch (error) {
    expect(error).toBeInstanceOf(VarveError);
    expect((error as VarveError).code).toBe('locked');
    return 'lost';
  }
}

test('real processes: one of several starters wins, and a killed one gives way', { timeout: 30_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-lock-'));
  const children: ReturnType<typeof fork>[] = [];
  const start = () => {
    const child = fork(new URL('./testdata/lock-child.ts', import.meta.url), [directory]);
    children.push(child);
    return new Promise<{ child: typeof child; won: boolean }>((resolve, reject) => {
      child.once('message', (won) => resolve({ child, won: won === true }));
      child.once('error', reject);
    });
  };
  try {
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all([start(), start(), start()]);
      const winners = results.filter(({ won }) => won);
      expect(winners).toHaveLength(1);
      const [{ child }] = winners;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      for (const { child: other } of results) other.kill('SIGKILL');
    }
    expect(readdirSync(directory)).toEqual(['LOCK']);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
});
