import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { replaceFile } from './atomic-file.ts';
import { fileSystemCases } from './file-system.suite.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { nodeFileSystem } from './node-file-system.ts';

fileSystemCases('the real file system', () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-disk-'));
  return { fs: nodeFileSystem, directory, dispose: () => rmSync(directory, { recursive: true }) };
});

fileSystemCases('the file system in memory', () => {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  return { fs, directory: '/data', dispose: () => {} };
});

test.skipIf(process.platform !== 'linux')('a directory where none can be made is an error, not an endless wait', () => {
  expect(() => nodeFileSystem.makeDirectory('/proc/varve')).toThrow('ENOENT');
  expect(() => nodeFileSystem.makeDirectory('/proc/varve/data')).toThrow('ENOENT');
});

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (from: Uint8Array) => new TextDecoder().decode(from);

function diskWith(seed: number): MemoryFileSystem {
  const fs = new MemoryFileSystem(seed);
  fs.makeDirectory('/data');
  return fs;
}

test('what was synced, with its name, survives every power loss', async () => {
  for (let seed = 0; seed < 300; seed++) {
    const fs = diskWith(seed);
    const file = fs.create('/data/a');
    file.write(bytes('durable'));
    await file.sync();
    fs.syncDirectory('/data');
    file.write(bytes(' and not'));
    fs.crash();
    expect(text(fs.readFile('/data/a')).slice(0, 7)).toBe('durable');
    expect(() => file.write(bytes('x'))).toThrow('EBADF');
  }
});

test('what was not synced is lost in every possible way: all, none, a part, holes, and the name', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 500; seed++) {
    const fs = diskWith(seed);
    fs.create('/data/new').write(bytes('x'));
    const file = fs.create('/data/a');
    file.syncNow();
    fs.syncDirectory('/data');
    for (let i = 0; i < 4; i++) file.write(new Uint8Array(512).fill(65 + i));
    fs.create('/data/b').write(bytes('x'));
    fs.crash();
    seen.add(`name ${fs.exists('/data/b')}`);
    const content = fs.readFile('/data/a');
    if (content.length === 0) seen.add('none');
    else if (content.length === 2048 && !content.includes(0)) seen.add('all');
    else if (content.includes(0) && content[content.length - 1] !== 0) seen.add('hole');
    else if (content.length % 512 !== 0) seen.add('torn');
  }
  expect([...seen].sort()).toEqual(['all', 'hole', 'name false', 'name true', 'none', 'torn']);
});

test('a sync covers what was written before it began, and not what came while it was in flight', async () => {
  let lost = 0;
  for (let seed = 0; seed < 50; seed++) {
    const fs = diskWith(seed);
    const file = fs.create('/data/a');
    fs.syncDirectory('/data');
    fs.holdSyncs = true;
    file.write(bytes('before'));
    const sync = file.sync();
    file.write(bytes(' while'));
    fs.releaseSyncs();
    await sync;
    fs.crash();
    const content = text(fs.readFile('/data/a'));
    expect(content.startsWith('before')).toBe(true);
    if (content === 'before') lost++;
  }
  expect(lost).toBeGreaterThan(5);
});

test('a replaced file is the old one or the new one after a power loss, and the new one once replaceFile returned', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 400; seed++) {
    const fs = diskWith(seed);
    replaceFile(fs, '/data/a', bytes('old'));
    // The last step fails, so the rename is not durable yet.
    if (seed % 2 === 0) fs.fail('syncDirectory');
    try {
      replaceFile(fs, '/data/a', bytes('new'));
    } catch {
      // As arranged.
    }
    fs.crash();
    const content = text(fs.readFile('/data/a'));
    if (seed % 2 === 1) expect(content).toBe('new');
    seen.add(content);
  }
  expect([...seen].sort()).toEqual(['new', 'old']);
});

test('a full disk takes a part of the write and then says so', () => {
  const fs = diskWith(1);
  fs.capacityBytes = 10;
  const file = fs.create('/data/a');
  file.write(bytes('12345678'));
  expect(() => file.write(bytes('abcdef'))).toThrow('ENOSPC');
  expect(file.size).toBe(8);
  expect(fs.size('/data/a')).toBe(10);
  fs.capacityBytes = 100;
  file.write(bytes('xyz'));
  expect(text(fs.readFile('/data/a'))).toBe('12345678xyz');
});

test('the n-th call of a kind fails, and the next one works', () => {
  const fs = diskWith(1);
  fs.fail('write', { after: 1, code: 'EIO' });
  const file = fs.create('/data/a');
  file.write(bytes('1'));
  expect(() => file.write(bytes('2'))).toThrow('EIO');
  file.write(bytes('3'));
  expect(text(fs.readFile('/data/a'))).toBe('13');
});

test('a flipped bit stays flipped', () => {
  const fs = diskWith(1);
  const file = fs.create('/data/a');
  file.write(bytes('a'));
  file.syncNow();
  fs.syncDirectory('/data');
  fs.flipBit('/data/a', 0, 1);
  expect(text(fs.readFile('/data/a'))).toBe('c');
  fs.crash();
  expect(text(fs.readFile('/data/a'))).toBe('c');
});
