/** The least version of Node, here and in package.json. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeProblem } from './node-version.ts';

test('versions of Node before the least are refused, as package.json says', () => {
  expect(['22.18.0', '22.20.1', '24.0.0', '100.1.2'].map(nodeProblem)).toEqual([null, null, null, null]);
  for (const version of ['18.20.4', '20.20.2', '22.17.9']) {
    expect(nodeProblem(version)).toBe(`varve needs Node 22.18 or later, and this is ${version}`);
  }
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(engines.node).toBe('>=22.18');
});
