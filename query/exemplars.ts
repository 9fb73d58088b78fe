/** Exemplars of series, as /api/v1/query_exemplars gives them. They are rows of the companion database `exemplars`. */
import type { Database } from '../engine/database.ts';
import { type Instant, instantFromMs } from '../engine/time.ts';
import { selectSeries } from './prometheus-series.ts';
import { compareLabels, type Labels } from './promql/labels.ts';
import type { LabelMatcher } from './promql/matcher.ts';
import { childrenOf, type Expr } from './promql/parser/ast.ts';

export interface Exemplar {
  /** The exemplar's own labels, such as a trace's id. */
  labels: Record<string, string>;
  value: number;
  timeMs: number;
}

export interface SeriesExemplars {
  labels: Labels;
  /** By time. */
  exemplars: Exemplar[];
}

const decoder = new TextDecoder();

/** The matchers of every selector in an expression. */
export function selectorsOf(expr: Expr): LabelMatcher[][] {
  if (expr.type === 'vectorSelector') return [[...expr.matchers]];
  return childrenOf(expr).flatMap(selectorsOf);
}

/**
 * Exemplars between two times, both inclusive, of the series that any of the matcher sets selects, in the order of the
 * series' labels. Series without any are left out.
 */
export function findExemplars(
  database: Database | undefined,
  matcherSets: readonly (readonly LabelMatcher[])[],
  startMs: number,
  endMs: number,
): SeriesExemplars[] {
  if (database === undefined) return [];
  const reader = database.reader(instantFromMs(startMs), endOfMs(endMs));
  const found = new Map<number, SeriesExemplars>();
  for (const matchers of matcherSets) {
    for (const { labels, sources } of selectSeries(database, matchers)) {
      const { ref } = sources[0];
      if (found.has(ref)) continue;
      const exemplars: Exemplar[] = [];
      for (const { startSec, slice } of reader.read(ref, ['value', 'labels'])) {
        const values = slice.columns[slice.fields.indexOf('value')];
        const texts = slice.columns[slice.fields.indexOf('labels')];
        for (let row = 0; row < slice.rows; row++) {
          const text = texts.stringBytes!.subarray(texts.stringOffsets![row], texts.stringOffsets![row + 1]);
          exemplars.push({
            labels: JSON.parse(decoder.decode(text)) as Record<string, string>,
            value: values.values[row],
            timeMs: startSec * 1000 + Math.floor(slice.times[row] / 1e6),
          });
        }
      }
      if (exemplars.length > 0) found.set(ref, { labels, exemplars });
    }
  }
  return [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels));
}

/** The last ns of a ms. */
function endOfMs(ms: number): Instant {
  const { sec, nano } = instantFromMs(Math.floor(ms));
  return { sec, nano: Math.min(nano + 999_999, 999_999_999) };
}
