/**
 * The *_over_time family. Sums, means and variances slide with two stacks (see two-stacks.ts), extremes with a monotonic
 * queue, quantiles with a sorted window; where windows hardly overlap they are read one by one, exactly like Prometheus
 * does.
 */

import { quantileOfSorted, SortedWindow, sortNaNFirst } from './quantile.ts';
import { perWindow, type RangeInput, type RangeKernel, slidingPays } from './range-kernel.ts';
import { meanOfWindow, slideSums, slideVariances, sumOfWindow, varianceOfWindow } from './two-stacks.ts';

const directSum = perWindow((input, lo, hi) => sumOfWindow(input.values, lo, hi));
const directMean = perWindow((input, lo, hi) => meanOfWindow(input.values, lo, hi));

export const sumOverTime: RangeKernel = (input, out, present) => {
  if (!slidingPays(input)) return directSum(input, out, present);
  slideSums(input, (i, sum, rest) => {
    out[i] = Math.abs(sum) === Infinity ? sum : sum + rest;
    present[i] = 1;
  });
};

export const avgOverTime: RangeKernel = (input, out, present) => {
  if (!slidingPays(input)) return directMean(input, out, present);
  const { lo, hi, values } = input;
  slideSums(input, (i, sum, rest) => {
    const count = hi[i]! - lo[i]!;
    // The sum overflowed, or there are infinities: the mean needs the careful way.
    out[i] = Math.abs(sum) === Infinity ? meanOfWindow(values, lo[i]!, hi[i]!) : sum / count + rest / count;
    present[i] = 1;
  });
};

export const countOverTime = perWindow((_, lo, hi) => hi - lo);
export const presentOverTime = perWindow(() => 1);
export const firstOverTime = perWindow((input, lo) => input.values[lo]!);
export const lastOverTime = perWindow((input, _, hi) => input.values[hi - 1]!);
export const tsOfFirstOverTime = perWindow((input, lo) => input.times[lo]! / 1000);
export const tsOfLastOverTime = perWindow((input, _, hi) => input.times[hi - 1]! / 1000);

function largestOfWindow({ values }: RangeInput, lo: number, hi: number): number {
  let most = values[lo]!;
  for (let k = lo + 1; k < hi; k++) {
    const value = values[k]!;
    if (value > most || Number.isNaN(most)) most = value;
  }
  return most;
}

function smallestOfWindow({ values }: RangeInput, lo: number, hi: number): number {
  let least = values[lo]!;
  for (let k = lo + 1; k < hi; k++) {
    const value = values[k]!;
    if (value < least || Number.isNaN(least)) least = value;
  }
  return least;
}

let queueBuffer = new Int32Array(0);

/**
 * Smallest or largest value of the window, or the time of it. NaN counts only when there is nothing else; of equal values
 * the first is given, and the last one's time.
 */
export function extreme(isMax: boolean, wantsTime: boolean): RangeKernel {
  const direct = wantsTime ? null : perWindow(isMax ? largestOfWindow : smallestOfWindow);
  return (input, out, present) => {
    if (direct !== null && !slidingPays(input)) return direct(input, out, present);
    const { times, values, lo, hi, stepCount } = input;
    if (queueBuffer.length <= values.length) queueBuffer = new Int32Array(values.length * 2 + 1);
    // A queue of indices whose values fall (or rise) strictly: its head is the extreme of the window.
    const queue = queueBuffer;
    let head = 0;
    let tail = 0;
    let next = lo[0] ?? 0;
    for (let i = 0; i < stepCount; i++) {
      const from = lo[i]!;
      const to = hi[i]!;
      if (next < from) next = from;
      for (; next < to; next++) {
        const value = values[next]!;
        if (Number.isNaN(value)) continue;
        while (tail > head) {
          const other = values[queue[tail - 1]!]!;
          // 0 and -0 are equal: what comes out is the first of them, as when the window is read from its beginning.
          if ((isMax ? other > value : other < value) || (other === value && !wantsTime)) break;
          tail--;
        }
        queue[tail++] = next;
      }
      while (head < tail && queue[head]! < from) head++;
      if (to <= from) continue;
      const at = head < tail ? queue[head]! : to - 1;
      out[i] = wantsTime ? times[at]! / 1000 : values[at]!;
      present[i] = 1;
    }
  };
}

export function variance(isDeviation: boolean): RangeKernel {
  const direct = perWindow((input, lo, hi) => {
    const result = varianceOfWindow(input.values, lo, hi);
    return isDeviation ? Math.sqrt(result) : result;
  });
  return (input, out, present) => {
    if (!slidingPays(input)) return direct(input, out, present);
    slideVariances(input, (i, result) => {
      out[i] = isDeviation ? Math.sqrt(result) : result;
      present[i] = 1;
    });
  };
}

export const quantileOverTime: RangeKernel = (input, out, present) => {
  const { lo, hi, stepCount, values } = input;
  const q = input.scalars[0]!;
  const sorted = new SortedWindow();
  let from = 0;
  let to = 0;
  for (let i = 0; i < stepCount; i++) {
    if (hi[i]! <= lo[i]!) continue;
    const wanted = q[i]!;
    if (!(wanted >= 0 && wanted <= 1)) input.annotations.invalidQuantile(wanted, input.position);
    if (lo[i]! >= to) {
      sorted.replace(values.subarray(lo[i]!, hi[i]!));
    } else {
      for (let k = from; k < lo[i]!; k++) sorted.remove(values[k]!);
      for (let k = to; k < hi[i]!; k++) sorted.add(values[k]!);
    }
    from = lo[i]!;
    to = hi[i]!;
    out[i] = sorted.quantile(wanted);
    present[i] = 1;
  }
};

/** The median of the distances from the median. */
export const madOverTime = perWindow((input, lo, hi) => {
  const window = input.values.slice(lo, hi);
  for (let i = 0; i < window.length; i++) {
    if (Number.isNaN(window[i])) return Number.NaN;
  }
  sortNaNFirst(window);
  const median = quantileOfSorted(0.5, window);
  for (let i = 0; i < window.length; i++) window[i] = Math.abs(window[i]! - median);
  sortNaNFirst(window);
  return quantileOfSorted(0.5, window);
});

let changesBuffer = new Int32Array(0);

/** Running counts of value changes, two NaNs being no change. Valid until the next call. */
export function changeCounts(input: RangeInput): Int32Array {
  const { values } = input;
  if (changesBuffer.length < values.length) changesBuffer = new Int32Array(values.length * 2);
  const counts = changesBuffer;
  counts[0] = 0;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    const previous = values[i - 1]!;
    const changed = value !== previous && !(Number.isNaN(value) && Number.isNaN(previous));
    counts[i] = counts[i - 1]! + (changed ? 1 : 0);
  }
  return counts;
}
