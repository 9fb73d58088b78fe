/**
 * Prometheus' own test vectors, which lie outside of the repository. Every case that is free of native histograms has to
 * pass; each that is left out is listed with its reason.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { runTestFile } from './promqltest.ts';
import { memoryBackend } from './promqltest-memory.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/promqltest');

if (!existsSync(FOLDER)) {
  describe.skip(`test vectors: ${FOLDER} is not there`, () => {
    it('runs them', () => {});
  });
} else {
  describe('test vectors', () => {
    for (const file of readdirSync(FOLDER)
      .filter((name) => name.endsWith('.test'))
      .sort()) {
      it(file, async () => {
        const outcomes = await runTestFile(
          readFileSync(join(FOLDER, file), 'utf8'),
          memoryBackend({ delayedNameRemoval: true }),
        );
        const byStatus = (status: string) => outcomes.filter((outcome) => outcome.status === status);
        const leftOut = byStatus('left out');
        console.log(`${file}: ${byStatus('passed').length} passed, ${leftOut.length} left out`);
        for (const { line, reason, query } of leftOut) console.log(`  ${file}:${line}: left out, ${reason}: ${query}`);
        const failures = byStatus('failed').map(
          ({ line, query, reason }) => `${file}:${line}: ${query}\n    ${reason}`,
        );
        expect(failures).toEqual([]);
      });
    }
  });
}
