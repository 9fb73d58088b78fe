/** Series in memory behind the Querier interface: for tests, and a model of what a storage has to do. */
import { compareLabels, type Labels } from './labels.ts';
import { compileMatcher } from './matcher.ts';
import type { Querier, SeriesSet } from './querier.ts';
import { setStaleAt, wordsOf } from './value.ts';

/** One sample; value 'stale' is a stale marker. */
export interface MemorySample {
  readonly timeMs: number;
  readonly value: number | 'stale';
  /** 0: unknown. */
  readonly startMs?: number;
}

interface MemorySeries {
  readonly labels: Labels;
  readonly samples: Map<number, MemorySample>;
  /** Times of native histogram samples; such a series cannot be read. */
  readonly histogramTimesMs: number[];
  columns: { times: Float64Array; values: Float64Array; starts: Float64Array } | null;
}

export class MemoryQuerier implements Querier {
  private readonly series = new Map<string, MemorySeries>();
  /** Cut what is returned to the asked range, as a storage may: finds ranges that are asked too narrow. */
  private readonly cuts: boolean;

  constructor(options: { cuts?: boolean } = {}) {
    this.cuts = options.cuts ?? true;
  }

  clear(): void {
    this.series.clear();
  }

  private seriesOf(labels: Labels): MemorySeries {
    let series = this.series.get(labels.key);
    if (series === undefined) {
      series = { labels, samples: new Map(), histogramTimesMs: [], columns: null };
      this.series.set(labels.key, series);
    }
    return series;
  }

  /** Adds a sample; the last one of equal times stays. */
  add(labels: Labels, sample: MemorySample): void {
    const series = this.seriesOf(labels);
    series.samples.set(sample.timeMs, sample);
    series.columns = null;
  }

  addHistogram(labels: Labels, timeMs: number): void {
    this.seriesOf(labels).histogramTimesMs.push(timeMs);
  }

  select: Querier['select'] = (matchers, range): SeriesSet => {
    const tests = matchers.map((matcher) => ({ name: matcher.name, test: compileMatcher(matcher) }));
    const found = [...this.series.values()]
      .filter((series) => tests.every(({ name, test }) => test(series.labels.get(name))))
      .sort((a, b) => compareLabels(a.labels, b.labels));
    const columns = found.map((series) => {
      const all = columnsOf(series);
      if (!this.cuts) return all;
      let lo = 0;
      while (lo < all.times.length && all.times[lo]! < range.startMs) lo++;
      let hi = lo;
      while (hi < all.times.length && all.times[hi]! <= range.endMs) hi++;
      return {
        times: all.times.subarray(lo, hi),
        values: all.values.subarray(lo, hi),
        starts: all.starts.subarray(lo, hi),
      };
    });
    return {
      count: found.length,
      labels: (i) => found[i]!.labels,
      times: (i) => columns[i]!.times,
      values: (i) => columns[i]!.values,
      startTimes: (i) => (columns[i]!.starts.some((start) => start !== 0) ? columns[i]!.starts : null),
      hasHistograms: (i) =>
        found[i]!.histogramTimesMs.some((timeMs) => timeMs >= range.startMs && timeMs <= range.endMs),
    };
  };
}

function columnsOf(series: MemorySeries): { times: Float64Array; values: Float64Array; starts: Float64Array } {
  if (series.columns === null) {
    const samples = [...series.samples.values()].sort((a, b) => a.timeMs - b.timeMs);
    const times = Float64Array.from(samples, (sample) => sample.timeMs);
    const values = Float64Array.from(samples, (sample) => (sample.value === 'stale' ? 0 : sample.value));
    const words = wordsOf(values);
    samples.forEach((sample, i) => {
      if (sample.value === 'stale') setStaleAt(words, i);
    });
    const starts = Float64Array.from(samples, (sample) => sample.startMs ?? 0);
    series.columns = { times, values, starts };
  }
  return series.columns;
}
