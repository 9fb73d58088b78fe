/** Pages that are made from the sources are up to date. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { configurationPage } from '../config/document.ts';
import { SETTINGS } from '../config/settings.ts';
import { ERROR_TABLE } from '../errors/errors.ts';
import { ROOT, readSourceTree } from './source-tree.ts';

test('docs/configuration.md tells of every setting; npm run docs writes it', () => {
  expect(readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')).toBe(configurationPage());
});

const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

test.each([...PAGES, 'ARCHITECTURE.md', 'CONTRIBUTING.md'])('links of %s lead somewhere', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1].split('#')[0]);
  const local = links.filter((link) => link !== '' && !/^[a-z]+:/.test(link));
  expect(local.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([]);
});

test('docs/operations.md tells of every error, with its status and whether to send again', () => {
  const rows = new Map(
    [...read('docs/operations.md').matchAll(/^\| `(\w+)` +\| (\d{3}) +\| (yes|no) /gm)].map(
      ([, code, status, again]) => [code, { status: Number(status), retryable: again === 'yes' }],
    ),
  );
  expect(Object.fromEntries(rows)).toEqual(ERROR_TABLE);
});

test('refusals and metrics that the pages name are those of the sources', () => {
  const sources = readSourceTree()
    .files.filter(({ path }) => !/\.test\.ts$|^(tests|docs|bench|ui|loadtest)\//.test(path))
    .map(({ path }) => read(path))
    .join('\n');
  const start = /## When it does not start([\s\S]*?)\n## /.exec(read('docs/operations.md'))?.[1] ?? '';
  const rows = [...start.matchAll(/^\| [234] +\| ([^|]*)\|/gm)];
  expect(rows.length).toBeGreaterThan(10);
  const messages = rows.flatMap(([, cell]) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]));
  const pieces = messages.flatMap((text) => text.split('…')).map((text) => text.trim().replace(/^\/|^:\s*/, ''));
  expect(pieces.filter((piece) => !sources.includes(piece))).toEqual([]);
  const metrics = PAGES.flatMap((page) => read(page).match(/\bvarve_[a-z_]+[a-z]\b/g) ?? []);
  expect(metrics.length).toBeGreaterThan(10);
  expect([...new Set(metrics)].filter((name) => !sources.includes(name))).toEqual([]);
});

test('settings that the pages name are there', () => {
  const flags = PAGES.flatMap((page) => [...read(page).matchAll(/varve serve[^\n`]*|`--([a-z][a-z-]+)/g)]).flatMap(
    ([text]) => [...text.matchAll(/--([a-z][a-z-]+)/g)].map((match) => match[1]),
  );
  const known = new Set([...Object.keys(SETTINGS), 'config', 'help', ...OTHER_FLAGS]);
  expect([...new Set(flags)].filter((flag) => !known.has(flag))).toEqual([]);
});

/** Of other commands than `serve`. */
const OTHER_FLAGS = ['repair', 'to', 'state', 'database', 'user', 'password', 'admin', 'data', 'influxql', 'db', 'url'];
