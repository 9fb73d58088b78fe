/** Quantiles and fractions of classic histograms, from cumulative bucket counts. */
import type { ForcedMonotonicity } from '../annotations.ts';

export interface Bucket {
  upperBound: number;
  count: number;
}

/** Relative difference up to which neighbouring counts are taken for equal: they come from floating-point sums. */
const TOLERANCE = 1e-12;

export interface QuantileResult {
  value: number;
  /** What had to be changed so that the counts rise, or null. */
  forced: ForcedMonotonicity | null;
}

function sortAndMerge(buckets: readonly Bucket[]): Bucket[] {
  const sorted = buckets.map((bucket) => ({ ...bucket })).sort((a, b) => a.upperBound - b.upperBound || 0);
  const merged: Bucket[] = [];
  for (const bucket of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && last.upperBound === bucket.upperBound) last.count += bucket.count;
    else merged.push(bucket);
  }
  return merged;
}

/** Makes the counts rise; tiny falls and rises are levelled silently. */
function forceMonotonic(buckets: Bucket[]): ForcedMonotonicity | null {
  let forced = null as ForcedMonotonicity | null;
  let previous = buckets[0]!.count;
  for (let i = 1; i < buckets.length; i++) {
    const bucket = buckets[i]!;
    const current = bucket.count;
    if (current === previous) continue;
    if (almostEqual(previous, current)) {
      bucket.count = previous;
    } else if (current < previous) {
      const difference = previous - current;
      forced = {
        minBucket: Math.min(forced?.minBucket ?? Infinity, bucket.upperBound),
        maxBucket: Math.max(forced?.maxBucket ?? -Infinity, bucket.upperBound),
        maxDifference: Math.max(forced?.maxDifference ?? 0, difference),
      };
      bucket.count = previous;
    } else {
      previous = current;
    }
  }
  return forced;
}

function almostEqual(a: number, b: number): boolean {
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  const smallestNormal = 2.2250738585072014e-308;
  if (a === 0 || b === 0 || sum < smallestNormal) return difference < TOLERANCE * smallestNormal;
  return difference / Math.min(sum, Number.MAX_VALUE) < TOLERANCE;
}

export function bucketQuantile(q: number, input: readonly Bucket[]): QuantileResult {
  const plain = (value: number): QuantileResult => ({ value, forced: null });
  if (Number.isNaN(q)) return plain(Number.NaN);
  if (q < 0) return plain(-Infinity);
  if (q > 1) return plain(Infinity);
  const buckets = sortAndMerge(input);
  if (buckets.at(-1)!.upperBound !== Infinity) return plain(Number.NaN);
  const forced = forceMonotonic(buckets);
  if (buckets.length < 2) return plain(Number.NaN);
  const observations = buckets.at(-1)!.count;
  if (observations === 0) return { value: Number.NaN, forced };
  const rank = q * observations;
  const last = buckets.length - 1;
  let at = 0;
  for (let end = last; at < end; ) {
    const middle = (at + end) >> 1;
    if (buckets[middle]!.count >= rank) end = middle;
    else at = middle + 1;
  }
  if (at === last) return { value: buckets[last - 1]!.upperBound, forced };
  const upper = buckets[at]!.upperBound;
  if (at === 0 && upper <= 0) return { value: upper, forced };
  const lower = at > 0 ? buckets[at - 1]!.upperBound : 0;
  const below = at > 0 ? buckets[at - 1]!.count : 0;
  const value = lower + (upper - lower) * ((rank - below) / (buckets[at]!.count - below));
  return { value, forced };
}

/** The fraction of observations between two bounds. */
export function bucketFraction(lower: number, upper: number, input: readonly Bucket[]): number {
  const buckets = sortAndMerge(input);
  if (buckets.at(-1)!.upperBound !== Infinity) return Number.NaN;
  const count = buckets.at(-1)!.count;
  if (count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const lowerRank = Math.min(rankOf(lower, buckets) ?? count, count);
  const upperRank = Math.min(rankOf(upper, buckets) ?? count, count);
  return (upperRank - lowerRank) / count;
}

/** Observations up to a value; null beyond the last bucket's lower bound is reached only by +Inf. */
function rankOf(value: number, buckets: readonly Bucket[]): number | null {
  let rank = 0;
  for (let i = 0; i < buckets.length; i++) {
    const { upperBound, count } = buckets[i]!;
    // The first bucket starts at zero when it is all positive, else it has no lower bound.
    const lowerBound = i > 0 ? buckets[i - 1]!.upperBound : upperBound > 0 ? 0 : -Infinity;
    if (lowerBound >= value) return rank;
    if (upperBound > value) {
      if (lowerBound === -Infinity) return count;
      return rank + ((count - rank) * (value - lowerBound)) / (upperBound - lowerBound);
    }
    rank = count;
  }
  return null;
}
