/**
 * Cardinality: where the series are, for status pages, limits and the hunt for labels that explode. Everything comes
 * from counts that the dictionaries keep, so the cost is one pass over the distinct values and not over series.
 */
import type { Dictionary } from './dictionary.ts';
import type { SeriesTable } from './series-table.ts';

export interface CountedName {
  name: string;
  count: number;
}

export interface Cardinality {
  series: number;
  measurements: number;
  tagKeys: number;
  /** Distinct values over all tag keys. */
  tagValues: number;
  /** Most series first. */
  seriesByMeasurement: CountedName[];
  /** Series that have the tag key, most first. */
  seriesByTagKey: CountedName[];
  /** Distinct values of the tag key, most first. */
  valuesByTagKey: CountedName[];
  /** Series by `key=value`, most first. */
  seriesByPair: CountedName[];
}

/** Statistics with at most `top` entries per list. */
export function cardinalityOf(series: SeriesTable, top: number): Cardinality {
  const { measurements, tagKeys, tagValues } = series;
  const keys = new Top(top);
  const distinct = new Top(top);
  const pairs = new Top(top);
  const pairKeys: number[] = [];
  let liveKeys = 0;
  let liveValues = 0;
  for (let key = 0; key < tagValues.length; key++) {
    const dictionary = tagValues[key];
    if (dictionary.total === 0) continue;
    liveKeys++;
    liveValues += dictionary.live;
    keys.offer(key, dictionary.total);
    distinct.offer(key, dictionary.live);
    // The best of this key compete with the best of the others, under a number that tells both.
    for (const [value, count] of topOf(dictionary, top).entries()) {
      pairs.offer(pairKeys.length, count);
      pairKeys.push(key, value);
    }
  }
  return {
    series: series.count,
    measurements: measurements.live,
    tagKeys: liveKeys,
    tagValues: liveValues,
    seriesByMeasurement: topOf(measurements, top).named((id) => measurements.string(id)),
    seriesByTagKey: keys.named((id) => tagKeys.string(id)),
    valuesByTagKey: distinct.named((id) => tagKeys.string(id)),
    seriesByPair: pairs.named((at) => {
      const key = pairKeys[at];
      return `${tagKeys.string(key)}=${tagValues[key].string(pairKeys[at + 1])}`;
    }),
  };
}

function topOf(dictionary: Dictionary, top: number): Top {
  const best = new Top(top);
  for (let id = 0; id < dictionary.limit; id++) if (dictionary.counts[id] > 0) best.offer(id, dictionary.counts[id]);
  return best;
}

/** The n ids with the highest counts; of equal counts the lower id. A small sorted list: n is tens. */
class Top {
  private readonly size: number;
  private readonly ids: number[] = [];
  private readonly counts: number[] = [];

  constructor(size: number) {
    this.size = size;
  }

  offer(id: number, count: number): void {
    const { ids, counts } = this;
    let i = ids.length;
    if (i === this.size) {
      if (i === 0 || count <= counts[i - 1]) return;
      i--;
    }
    while (i > 0 && counts[i - 1] < count) {
      ids[i] = ids[i - 1];
      counts[i] = counts[i - 1];
      i--;
    }
    ids[i] = id;
    counts[i] = count;
  }

  entries(): [id: number, count: number][] {
    return this.ids.map((id, i) => [id, this.counts[i]]);
  }

  named(name: (id: number) => string): CountedName[] {
    return this.ids.map((id, i) => ({ name: name(id), count: this.counts[i] }));
  }
}
