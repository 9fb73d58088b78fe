/**
 * Thousands of short histories. A failure prints its seed; `VARVE_SEED=n VARVE_HISTORIES=1` runs that one alone.
 */
import { describe, expect, it } from 'vitest';
import { History } from './histories.ts';

const HISTORIES = Number(process.env.VARVE_HISTORIES ?? 2000);
const FIRST_SEED = Number(process.env.VARVE_SEED ?? 1);
const STEPS = 24;

async function run(seed: number): Promise<void> {
  const history = new History(seed);
  try {
    await history.open();
    for (let step = 0; step < STEPS; step++) await history.step();
    await history.end();
  } catch (error) {
    const steps = history.steps.slice(-25).join('\n  ');
    throw new Error(`seed ${seed}: ${(error as Error).message}\nafter\n  ${steps}`, { cause: error });
  }
}

describe('random histories', () => {
  it(`agree with the model (seeds ${FIRST_SEED} … ${FIRST_SEED + HISTORIES - 1})`, async () => {
    let done = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
      await run(seed);
      done++;
    }
    expect(done).toBe(HISTORIES);
  }, 3_600_000);
});
