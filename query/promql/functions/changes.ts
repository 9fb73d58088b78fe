/** changes and resets: counts between neighbouring samples, from running counts per series. */
import { countResets } from './counter-resets.ts';
import { changeCounts } from './over-time.ts';
import type { RangeInput, RangeKernel } from './range-kernel.ts';

function fromCounts(counts: (input: RangeInput) => Int32Array | null): RangeKernel {
  return (input, out, present) => {
    const { times, lo, hi, stepCount, rangeEndMs, rangeMs, anchored } = input;
    const running = counts(input);
    for (let i = 0; i < stepCount; i++) {
      const last = hi[i]! - 1;
      let first = lo[i]!;
      if (last < first) continue;
      if (anchored) {
        // The last sample at or before the start of the range is the baseline; without one behind it nothing is known.
        const startMs = rangeEndMs[i]! - rangeMs;
        if (times[last]! <= startMs) continue;
        while (times[first + 1]! <= startMs) first++;
      }
      out[i] = running === null ? 0 : running[last]! - running[first]!;
      present[i] = 1;
    }
  };
}

export const changes = fromCounts(changeCounts);
export const resets = fromCounts(countResets);
