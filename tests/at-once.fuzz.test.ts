/**
 * Everybody at once on one engine, see at-once.ts. `VARVE_AT_ONCE_SEC=600` runs for longer than a test does, and
 * `VARVE_SEED=n` begins with another seed; threads and the disk have a say in what happens, so a seed does not tell all.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AtOnce } from './at-once.ts';

const TOTAL_MS = Number(process.env.VARVE_AT_ONCE_SEC ?? 14) * 1000;
const FIRST_SEED = Number(process.env.VARVE_SEED ?? Date.now() % 1_000_000);
const STORM_MS = 4000;
/** A disk that takes its time, and where there is one, memory that takes none: other things happen at once then. */
const PLACES = [tmpdir(), '/dev/shm'].filter((path) => existsSync(path));

test('whoever writes, reads, deletes, flushes and merges at once agrees with the model', {
  timeout: TOTAL_MS + 60_000,
}, async () => {
  const endMs = performance.now() + TOTAL_MS;
  const counts: Record<string, number> = {};
  let seed = FIRST_SEED;
  for (; seed === FIRST_SEED || performance.now() < endMs; seed++) {
    const dataDir = mkdtempSync(join(PLACES[seed % PLACES.length], 'varve-at-once-'));
    const storm = new AtOnce(dataDir, seed);
    try {
      await storm.run(STORM_MS);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
    for (const [what, count] of Object.entries(storm.counts)) counts[what] = (counts[what] ?? 0) + count;
  }
  console.log(`seeds ${FIRST_SEED} to ${seed - 1}:`, counts);
  expect(counts.write).toBeGreaterThan(0);
});
