/**
 * What every file system has to do, whichever it is: the cases that the real disk and the one in memory share.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readFileIfExists, replaceFile } from './atomic-file.ts';
import type { FileSystem } from './file-system.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (from: Uint8Array) => new TextDecoder().decode(from);

/** `make` gives a file system and an empty directory in it. */
export function fileSystemCases(
  name: string,
  make: () => { fs: FileSystem; directory: string; dispose: () => void },
): void {
  describe(name, () => {
    let fs: FileSystem;
    let directory: string;
    let dispose: () => void;
    beforeEach(() => {
      ({ fs, directory, dispose } = make());
    });
    afterEach(() => dispose());

    const put = (name: string, content: string): string => {
      const path = `${directory}/${name}`;
      const file = fs.create(path);
      file.write(bytes(content));
      file.close();
      return path;
    };
    const codeOf = (run: () => unknown): string | undefined => {
      try {
        run();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
      return 'none';
    };

    test('writes go to the end, in order', () => {
      const file = fs.create(`${directory}/a`);
      expect(file.size).toBe(0);
      file.write(bytes('one '));
      file.write(bytes('two'));
      expect(file.size).toBe(7);
      file.close();
      expect(text(fs.readFile(`${directory}/a`))).toBe('one two');
      expect(fs.size(`${directory}/a`)).toBe(7);
    });

    test('create empties a file that is there', () => {
      put('a', 'long content');
      expect(text(fs.readFile(put('a', 'new')))).toBe('new');
    });

    test('openAppend goes on at the end, and misses a missing file', () => {
      const path = put('a', 'one');
      const file = fs.openAppend(path);
      expect(file.size).toBe(3);
      file.write(bytes(' two'));
      file.close();
      expect(text(fs.readFile(path))).toBe('one two');
      expect(codeOf(() => fs.openAppend(`${directory}/none`))).toBe('ENOENT');
    });

    test('openOverwrite keeps what lies behind', () => {
      const path = put('a', 'abcdefgh');
      const file = fs.openOverwrite(path, 2);
      expect(file.size).toBe(2);
      file.write(bytes('XY'));
      expect(file.size).toBe(4);
      file.close();
      expect(text(fs.readFile(path))).toBe('abXYefgh');
      expect(() => fs.openOverwrite(path, 9)).toThrow(RangeError);
    });

    test('read gives exactly what was asked for, or throws', () => {
      const file = fs.openRead(put('a', 'abcdef'));
      expect(file.size).toBe(6);
      expect(text(file.read(2, 3))).toBe('cde');
      expect(file.read(6, 0).length).toBe(0);
      expect(() => file.read(4, 3)).toThrow(RangeError);
      expect(() => file.read(-1, 1)).toThrow(RangeError);
      file.close();
      file.close();
    });

    test('what was read belongs to the reader', () => {
      const path = put('a', 'abc');
      fs.readFile(path).fill(0);
      const file = fs.openRead(path);
      file.read(0, 3).fill(0);
      expect(text(file.read(0, 3))).toBe('abc');
      file.close();
    });

    test('rename replaces, and misses a missing file', () => {
      put('a', 'new');
      put('b', 'old');
      fs.rename(`${directory}/a`, `${directory}/b`);
      expect(fs.list(directory)).toEqual(['b']);
      expect(text(fs.readFile(`${directory}/b`))).toBe('new');
      expect(codeOf(() => fs.rename(`${directory}/a`, `${directory}/c`))).toBe('ENOENT');
    });

    test('link gives a second name to the same file, once', () => {
      const a = put('a', 'shared');
      fs.link(a, `${directory}/b`);
      fs.remove(a);
      expect(text(fs.readFile(`${directory}/b`))).toBe('shared');
      put('c', 'other');
      expect(codeOf(() => fs.link(`${directory}/b`, `${directory}/c`))).toBe('EEXIST');
    });

    test('list is sorted, and empty for a directory that is not there', () => {
      for (const name of ['b', 'a', 'c']) put(name, '');
      fs.makeDirectory(`${directory}/d/e`);
      expect(fs.list(directory)).toEqual(['a', 'b', 'c', 'd']);
      expect(fs.list(`${directory}/none`)).toEqual([]);
    });

    test('directories are made with their parents and removed with all in them', () => {
      fs.makeDirectory(`${directory}/d/e`);
      fs.makeDirectory(`${directory}/d/e`);
      put('d/e/f', 'x');
      expect(fs.exists(`${directory}/d/e/f`)).toBe(true);
      fs.removeTree(`${directory}/d`);
      fs.removeTree(`${directory}/d`);
      expect(fs.exists(`${directory}/d`)).toBe(false);
      expect(fs.list(directory)).toEqual([]);
      expect(codeOf(() => fs.create(`${directory}/d/g`))).toBe('ENOENT');
    });

    test('removing a missing file is fine, reading one is not', () => {
      fs.remove(`${directory}/none`);
      expect(fs.exists(`${directory}/none`)).toBe(false);
      expect(codeOf(() => fs.size(`${directory}/none`))).toBe('ENOENT');
      expect(codeOf(() => fs.readFile(`${directory}/none`))).toBe('ENOENT');
      expect(codeOf(() => fs.openRead(`${directory}/none`))).toBe('ENOENT');
      expect(codeOf(() => fs.truncate(`${directory}/none`, 0))).toBe('ENOENT');
    });

    test('truncate cuts, and lengthens with zeros', () => {
      const path = put('a', 'abcdef');
      fs.truncate(path, 3);
      expect(text(fs.readFile(path))).toBe('abc');
      fs.truncate(path, 5);
      expect([...fs.readFile(path)]).toEqual([97, 98, 99, 0, 0]);
    });

    test('sync, now and later, resolves; so does syncDirectory', async () => {
      const file = fs.create(`${directory}/a`);
      file.write(bytes('x'));
      await file.sync();
      file.syncNow();
      file.close();
      fs.syncDirectory(directory);
      expect(fs.freeBytes(directory)).toBeGreaterThan(0);
    });

    test('replaceFile leaves the new content and no temporary file', () => {
      expect(readFileIfExists(fs, `${directory}/a`)).toBe(null);
      replaceFile(fs, `${directory}/a`, bytes('one'));
      replaceFile(fs, `${directory}/a`, bytes('two'));
      expect(text(readFileIfExists(fs, `${directory}/a`) as Uint8Array)).toBe('two');
      expect(fs.list(directory)).toEqual(['a']);
    });
  });
}
