/** Series that came to have the same labels: merged when they never have values at the same step, an error otherwise. */
import { VarveError } from '../../errors/errors.ts';
import type { SeriesColumn } from './value.ts';

export function sameLabelsError(): VarveError {
  return new VarveError('unprocessable', 'vector cannot contain metrics with the same labelset');
}

/**
 * Merges series with the same labels into the first of them; throws when two have a value at one step. The name stays
 * or goes with the earliest sample.
 */
export function mergeSameLabels(series: SeriesColumn[]): SeriesColumn[] {
  if (series.length < 2) return series;
  const byKey = new Map<string, SeriesColumn>();
  let merged = false;
  for (const column of series) {
    const known = byKey.get(column.labels.key);
    if (known === undefined) {
      byKey.set(column.labels.key, column);
      continue;
    }
    merged = true;
    if (column.present.indexOf(1) < known.present.indexOf(1)) known.dropName = column.dropName;
    for (let i = 0; i < column.present.length; i++) {
      if (column.present[i] === 0) continue;
      if (known.present[i] === 1) throw sameLabelsError();
      known.present[i] = 1;
      known.values[i] = column.values[i]!;
      known.presentCount++;
    }
  }
  return merged ? [...byKey.values()] : series;
}
