import { describe, expect, it } from 'vitest';
import { History } from './histories.ts';

const SEEDS = Number(process.env.VARVE_HISTORIES ?? 300);
const FIRST_SEED = Number(process.env.VARVE_SEED ?? 1);
const STEPS = 40;

describe('random histories', () => {
  it(`agree with the model (seeds ${FIRST_SEED} … ${FIRST_SEED + SEEDS - 1})`, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const history = new History(seed);
      await history.open();
      try {
        for (let step = 0; step < STEPS; step++) {
          await history.step();
          const difference = history.check();
          expect(difference, `seed ${seed} after: ${history.steps.slice(-12).join('; ')}`).toBeNull();
        }
        await history.end();
      } catch (error) {
        throw new Error(`seed ${seed} after: ${history.steps.slice(-12).join('; ')}`, { cause: error });
      }
    }
  }, 600_000);
});
