/**
 * The shape of the source tree: imports follow the data's path in one direction, no cycles, no folder or file without a
 * subject, a README for every part.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, readSourceTree, type SourceFile } from './source-tree.ts';

/** From the ground up. A folder may import from those before its row, and from itself; within a row, none. */
const LAYERS: readonly (readonly string[])[] = [
  ['errors', 'bytes', 'clock', 'disk', 'batch'],
  ['index', 'wal', 'tsm', 'access'],
  ['memtable', 'compaction', 'retention'],
  ['engine'],
  ['ingest', 'query'],
  ['rules'],
  ['server'],
  ['config'],
  ['cli'],
];

/** The ground row is not strict: its folders are small and may use each other where there is no cycle. */
const GROUND = new Set(LAYERS[0]);

/** These look at everything from outside. */
const OUTSIDE = new Set(['bench', 'loadtest', 'tests', 'deploy', 'docs', 'ui']);

const LONGEST_FILE_LINES = 500;

const { files, folders } = readSourceTree();

const layerOf = new Map(LAYERS.flatMap((row, i) => row.map((folder) => [folder, i] as const)));

function folderOf(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** Tests and benchmarks set up whole scenes, so they may import from anywhere. */
function isTestOrBench(path: string): boolean {
  return /\.(test|bench|cases)\.ts$/.test(path);
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  const fromLayer = layerOf.get(from);
  const toLayer = layerOf.get(to);
  if (fromLayer === undefined || toLayer === undefined) return false;
  return toLayer < fromLayer || (GROUND.has(from) && GROUND.has(to));
}

test('the tree is found', () => {
  expect(files.length).toBeGreaterThan(20);
});

test('every folder of sources has its place in the layers', () => {
  const unknown = folders.map((folder) => folder.split('/')[0]).filter((top) => top !== '');
  expect(unknown.filter((top) => !layerOf.has(top) && !OUTSIDE.has(top))).toEqual([]);
});

test('relative imports lead to a file', () => {
  expect(files.flatMap((file) => file.broken.map((specifier) => `${file.path}: ${specifier}`))).toEqual([]);
});

test('imports point from the edge to the ground, never back', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = folderOf(file.path);
    if (from === '' || OUTSIDE.has(from) || isTestOrBench(file.path)) continue;
    for (const target of file.imports) {
      const to = folderOf(target);
      if (to !== '' && !mayImport(from, to)) wrong.push(`${file.path} imports ${target}`);
      if (isTestOrBench(target)) wrong.push(`${file.path} imports a test: ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('no file imports itself through others when it runs', () => {
  expect(findCycle(files)).toBeNull();
});

test('no folder or file is called by a name that says nothing', () => {
  const empty = /(^|\/)(utils?|common|helpers?|misc|shared|lib)(\/|\.|$)/i;
  expect(files.map((file) => file.path).filter((path) => empty.test(path))).toEqual([]);
});

test('every part has a README', () => {
  // The languages under query/ are parts of their own.
  const parts = folders.filter((folder) => /^(\w[\w-]*|query\/[\w-]+)$/.test(folder));
  expect(parts.filter((folder) => !existsSync(join(ROOT, folder, 'README.md')))).toEqual([]);
});

test('long files are few and known', () => {
  const long = files.filter((file) => file.lines > LONGEST_FILE_LINES && !isTestOrBench(file.path));
  for (const file of long) console.warn(`${file.path} has ${file.lines} lines: look for its second noun`);
  expect(long.filter((file) => file.lines > 2 * LONGEST_FILE_LINES).map((file) => file.path)).toEqual([]);
});

/** The first cycle of imports, as `a → b → a`, or null. Depth-first with the three colours. */
function findCycle(sources: readonly SourceFile[]): string | null {
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): string | null => {
    if (done.has(name)) return null;
    const at = path.indexOf(name);
    if (at >= 0) return [...path.slice(at), name].join(' → ');
    path.push(name);
    for (const next of byPath.get(name)?.runtimeImports ?? []) {
      const cycle = visit(next);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(name);
    return null;
  };
  for (const file of sources) {
    const cycle = visit(file.path);
    if (cycle !== null) return cycle;
  }
  return null;
}
