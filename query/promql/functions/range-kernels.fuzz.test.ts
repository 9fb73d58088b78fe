/** Every range function, sliding over random points, against the same function computed for one window at a time. */
import { describe, expect, it } from 'vitest';

import { Annotations } from '../annotations.ts';
import { type Random, seededRandom } from '../expression-generator.ts';
import { RANGE_FUNCTIONS } from './range-functions.ts';
import type { RangeInput } from './range-kernel.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));

type ValueKind = 'integers' | 'walk' | 'odd' | 'large';

function randomValue(random: Random, kind: ValueKind, previous: number): number {
  switch (kind) {
    case 'integers':
      return random.below(6);
    case 'walk':
      return previous + random.next() - 0.5;
    case 'large':
      return 1e9 + random.below(1000) / 8;
    case 'odd':
      return random.pick([0, 1, 2, 2, -3, 1e300, Number.NaN, Infinity, -Infinity, 0.1]);
  }
}

function randomInput(random: Random, kind: ValueKind): RangeInput {
  const count = 1 + random.below(300);
  const times = new Float64Array(count);
  const values = new Float64Array(count);
  let time = 1_700_000_000_000;
  let value = 0;
  for (let i = 0; i < count; i++) {
    time += 1000 + random.below(30) * 500;
    times[i] = time;
    value = randomValue(random, kind, Number.isFinite(value) ? value : 0);
    values[i] = value;
  }
  const startTimes = random.chance(0.2)
    ? Float64Array.from(times, (t) => random.pick([0, t - 500, t - 20_000, times[0]! - 1]))
    : null;
  const stepCount = 1 + random.below(120);
  const stepMs = 1000 * (1 + random.below(60));
  const rangeMs = 1000 * (1 + random.below(900));
  const firstMs = times[0]! - rangeMs + random.below(2 * rangeMs);
  const rangeEndMs = Float64Array.from({ length: stepCount }, (_, i) => firstMs + i * stepMs);
  const lo = new Int32Array(stepCount);
  const hi = new Int32Array(stepCount);
  for (let i = 0; i < stepCount; i++) {
    while (lo[i]! < count && times[lo[i]!]! <= rangeEndMs[i]! - rangeMs) lo[i]!++;
    hi[i] = lo[i]!;
    while (hi[i]! < count && times[hi[i]!]! <= rangeEndMs[i]!) hi[i]!++;
  }
  return {
    times,
    values,
    startTimes,
    lo,
    hi,
    stepCount,
    evalMs: rangeEndMs,
    rangeEndMs,
    rangeMs,
    scalars: [new Float64Array(stepCount).fill(0.3), new Float64Array(stepCount).fill(0.6)],
    anchored: false,
    smoothed: false,
    metricName: 'm',
    annotations: new Annotations(),
    position: { start: 0 },
  };
}

/** One step of the input as an input of its own, so that nothing can slide. */
function singleStep(input: RangeInput, step: number): RangeInput {
  const lo = input.lo[step]!;
  const hi = input.hi[step]!;
  return {
    ...input,
    times: input.times.slice(lo, hi),
    values: input.values.slice(lo, hi),
    startTimes: input.startTimes === null ? null : input.startTimes.slice(lo, hi),
    lo: Int32Array.of(0),
    hi: Int32Array.of(hi - lo),
    stepCount: 1,
    evalMs: input.evalMs.slice(step, step + 1),
    rangeEndMs: input.rangeEndMs.slice(step, step + 1),
    scalars: input.scalars.map((scalar) => scalar.slice(step, step + 1)),
  };
}

function close(a: number, b: number, scale: number): boolean {
  if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) + 1e-12 * scale;
}

describe(`range functions, seed ${SEED}`, () => {
  for (const [name, { kernel }] of Object.entries(RANGE_FUNCTIONS)) {
    it(name, () => {
      const random = seededRandom(SEED);
      for (let round = 0; round < 60; round++) {
        const kind = random.pick<ValueKind>(['integers', 'walk', 'odd', 'large']);
        const input = randomInput(random, kind);
        const out = new Float64Array(input.stepCount);
        const present = new Uint8Array(input.stepCount);
        kernel(input, out, present);
        for (let step = 0; step < input.stepCount; step++) {
          const wanted = new Float64Array(1);
          const wantedPresent = new Uint8Array(1);
          kernel(singleStep(input, step), wanted, wantedPresent);
          const where = `round ${round}, step ${step}, ${kind}`;
          expect(present[step], where).toBe(wantedPresent[0]);
          if (present[step] === 0) continue;
          const scale = kind === 'large' ? 1e9 : 1;
          // Where 1e300 meets infinities the order of additions decides between infinities and NaN.
          if (kind === 'odd' && /sum|avg|std|deriv|predict|smoothing/.test(name)) {
            expect(Number.isFinite(out[step]!), where).toBe(Number.isFinite(wanted[0]!));
            continue;
          }
          expect(close(out[step]!, wanted[0]!, scale), `${where}: ${out[step]} instead of ${wanted[0]}`).toBe(true);
        }
      }
    });
  }
});
