/** Rates of whole numbers, which take a way of their own, against the general one. */
import { describe, expect, test } from 'vitest';
import { Annotations } from '../annotations.ts';
import { seededRandom } from '../expression-generator.ts';
import { wholeLosses } from './counter-resets.ts';
import { RANGE_FUNCTIONS } from './range-functions.ts';
import type { RangeInput } from './range-kernel.ts';

function columnsOf(name: string, values: Float64Array, before: number) {
  const random = seededRandom(5);
  const times = Float64Array.from(values, (_, i) => 1000 * i + random.below(400));
  const stepCount = 90;
  const rangeMs = 20_000;
  const rangeEndMs = Float64Array.from({ length: stepCount }, (_, i) => (i + before) * 3000);
  const lo = new Int32Array(stepCount);
  const hi = new Int32Array(stepCount);
  for (let i = 0; i < stepCount; i++) {
    lo[i] = before;
    while (lo[i]! < values.length && times[lo[i]!]! <= rangeEndMs[i]! - rangeMs) lo[i]!++;
    hi[i] = lo[i]!;
    while (hi[i]! < values.length && times[hi[i]!]! <= rangeEndMs[i]!) hi[i]!++;
  }
  const input: RangeInput = {
    times,
    values,
    startTimes: null,
    lo,
    hi,
    stepCount,
    evalMs: rangeEndMs,
    rangeEndMs,
    rangeMs,
    scalars: [],
    anchored: false,
    smoothed: false,
    metricName: 'm',
    annotations: new Annotations(),
    position: { start: 0 },
  };
  const out = new Float64Array(stepCount);
  const present = new Uint8Array(stepCount);
  RANGE_FUNCTIONS[name]!.kernel(input, out, present);
  return { bits: [...new BigUint64Array(out.buffer)], present: [...present] };
}

describe('rates of whole numbers', () => {
  test.each(['rate', 'increase'])('%s is the same, bit by bit, as with a fraction outside of all windows', (name) => {
    const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    for (let round = 0; round < 200; round++) {
      const most = random.pick([1, 3, 100, 2 ** 31 - 1]);
      const values = new Float64Array(250);
      for (let i = 1; i < values.length; i++) {
        const value = random.chance(0.5) ? random.below(most + 1) : values[i - 1]! + random.below(3);
        values[i] = Math.min(2 ** 31 - 1, value);
      }
      const general = values.slice();
      general[0] = 0.5;
      expect(wholeLosses(values)).not.toBeNull();
      expect(wholeLosses(general)).toBeNull();
      expect(columnsOf(name, values, 1)).toEqual(columnsOf(name, general, 1));
    }
  });

  test.each([[[1, -0, 2]], [[1, -1, 2]], [[1, 2 ** 31, 2]], [[1, Number.NaN]], [[Infinity]], [[]]])(
    'not %j',
    (values) => {
      expect(wholeLosses(Float64Array.from(values))).toBeNull();
    },
  );
});
