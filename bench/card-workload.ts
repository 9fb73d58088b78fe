/**
 * The card workload: a million series with four tags and one field, a few rounds of one sample each. It is about what a
 * series costs, not a sample.
 */
import { CPU_START_SEC } from './cpu-workload.ts';
import { randomSource } from './random.ts';

export interface CardWorkload {
  series: number;
  rounds: number;
  seed: number;
}

export const CARD_DEFAULTS: CardWorkload = { series: 1_000_000, rounds: 3, seed: 7 };
export const CARD_STEP_SEC = 60;
/** First timestamp, s since the epoch: noon, so that all rounds fall into one day. */
export const CARD_START_SEC = CPU_START_SEC + 43_200;

/** Yields bodies of line protocol, round after round, series in order; values are 0 … 100 with two decimals. */
export function* cardBodies(workload: CardWorkload, linesPerBody: number): Generator<{ body: Buffer }> {
  const random = randomSource(workload.seed);
  let lines: string[] = [];
  for (let round = 0; round < workload.rounds; round++) {
    const stamp = `${CARD_START_SEC + round * CARD_STEP_SEC}000000000\n`;
    for (let i = 0; i < workload.series; i++) {
      const value = Math.floor(random() * 10_000) / 100;
      lines.push(
        `card,dc=dc-${i % 40},host=host_${i},region=region-${i % 8},service=svc-${Math.floor(i / 1000) % 100} value=${value} ${stamp}`,
      );
      if (lines.length === linesPerBody) {
        yield { body: Buffer.from(lines.join('')) };
        lines = [];
      }
    }
  }
  if (lines.length > 0) yield { body: Buffer.from(lines.join('')) };
}
