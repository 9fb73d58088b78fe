/** Pages that are made from the sources are up to date. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configurationPage } from '../config/document.ts';
import { ROOT } from './source-tree.ts';

test('docs/configuration.md tells of every setting; npm run docs writes it', () => {
  expect(readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')).toBe(configurationPage());
});
