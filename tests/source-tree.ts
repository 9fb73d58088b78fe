/** The project's sources as a graph: every TypeScript file and what it imports from the project. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '..');

const SKIPPED = new Set(['node_modules', 'dist', 'data', '.git', '.ci']);

export interface SourceFile {
  /** Path from the root, with forward slashes. */
  path: string;
  lines: number;
  /** Paths from the root of the project's files it imports, by any kind of import, types included. */
  imports: string[];
  /** Those of `imports` that are still there when the types are stripped. */
  runtimeImports: string[];
  /** Relative specifiers that lead nowhere. */
  broken: string[];
}

/** Every .ts file below the root, and every directory that holds one. */
export function readSourceTree(): { files: SourceFile[]; folders: string[] } {
  const files: SourceFile[] = [];
  const folders = new Set<string>();
  const walk = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (SKIPPED.has(entry.name) || entry.name.startsWith('.varve-')) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith('.ts')) {
        folders.add(relative(ROOT, directory));
        files.push(readSource(path));
      }
    }
  };
  walk(ROOT);
  return { files, folders: [...folders].sort() };
}

const IMPORTS = [
  /^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  /\bnew URL\(\s*['"](\.[^'"]+\.ts)['"]\s*,\s*import\.meta\.url\s*\)/g,
];

function readSource(path: string): SourceFile {
  const text = readFileSync(path, 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  const imports = new Set<string>();
  const runtimeImports = new Set<string>();
  const broken: string[] = [];
  for (const pattern of IMPORTS) {
    for (const [statement, specifier] of code.matchAll(pattern)) {
      if (!specifier.startsWith('.')) continue;
      const target = resolve(dirname(path), specifier);
      if (!existsSync(target)) {
        broken.push(specifier);
        continue;
      }
      imports.add(relative(ROOT, target));
      if (!/^\s*(?:import|export)\s+type\s/.test(statement)) runtimeImports.add(relative(ROOT, target));
    }
  }
  return {
    path: relative(ROOT, path),
    lines: text.split('\n').length - 1,
    imports: [...imports],
    runtimeImports: [...runtimeImports],
    broken,
  };
}
