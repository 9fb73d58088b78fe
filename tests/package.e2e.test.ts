/** The package as a user gets it: packed, unpacked somewhere else, compiled to JavaScript with types. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from './source-tree.ts';

const directory = mkdtempSync(join(tmpdir(), 'varve-package-'));
const modules = join(directory, 'node_modules');

beforeAll(() => {
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', directory], {
      cwd: ROOT,
      encoding: 'utf8',
    }),
  );
  mkdirSync(modules);
  execFileSync('tar', ['-xzf', packed[0].filename], { cwd: directory });
  // Its dependencies are the ones installed here.
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '.bin') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  execFileSync('mv', ['package', join(modules, 'varve')], { cwd: directory });
}, 120_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('holds compiled files and types, and no sources or tests', () => {
  const files = readdirSync(join(modules, 'varve'), { recursive: true }).map(String);
  expect(files).toContain('dist/open.js');
  expect(files).toContain('dist/open.d.ts');
  expect(files.filter((name) => /(?<!\.d)\.ts$|\.test\./.test(name))).toEqual([]);
});

it('is a library that writes, queries and flushes on its background thread', () => {
  writeFileSync(
    join(directory, 'use.mjs'),
    `import { open } from 'varve';
     const db = await open({ dataDir: 'data' });
     await db.write('room,name=attic temperature=21.5 1700000000000000000');
     const { value } = await db.query('room_temperature * 2', { timeMs: 1700000000000 });
     await db.close();
     console.log(value.series[0].values[0]);`,
  );
  expect(execFileSync(process.execPath, ['use.mjs'], { cwd: directory, encoding: 'utf8' }).trim()).toBe('43');
  expect(readdirSync(join(directory, 'data/db/1')).some((name) => name.endsWith('.tsm'))).toBe(true);
});

it('is a command', () => {
  const { version, bin } = JSON.parse(readFileSync(join(modules, 'varve/package.json'), 'utf8'));
  const command = join(modules, 'varve', bin.varve);
  expect(execFileSync(process.execPath, [command, '--version'], { encoding: 'utf8' }).trim()).toBe(version);
});
