/** Groups of an aggregation: which series belong together, and the labels of what comes out. */
import { EMPTY_LABELS, type Labels, METRIC_NAME } from './labels.ts';
import type { SeriesColumn } from './value.ts';

export interface Grouping {
  /** Group of each series. */
  readonly groupOf: Int32Array;
  /** Labels per group, in the order in which groups first appear. */
  readonly labels: Labels[];
  /** Whether some series of the group wants its name dropped in the end. */
  readonly dropName: boolean[];
}

/** A function that gives the labels which `by (…)` or `without (…)` leave of a series. */
export function groupLabelsFunction(names: readonly string[], without: boolean): (labels: Labels) => Labels {
  if (without) {
    const dropped = new Set(names);
    dropped.add(METRIC_NAME);
    return (labels) => labels.filter((name) => !dropped.has(name));
  }
  if (names.length === 0) return () => EMPTY_LABELS;
  const kept = new Set(names);
  return (labels) => labels.filter((name) => kept.has(name));
}

export function groupSeries(series: readonly SeriesColumn[], names: readonly string[], without: boolean): Grouping {
  const groupOf = new Int32Array(series.length);
  const labels: Labels[] = [];
  const dropName: boolean[] = [];
  const groupByKey = new Map<string, number>();
  const labelsOf = groupLabelsFunction(names, without);
  for (let s = 0; s < series.length; s++) {
    const grouped = labelsOf(series[s]!.labels);
    let group = groupByKey.get(grouped.key);
    if (group === undefined) {
      group = labels.push(grouped) - 1;
      dropName.push(false);
      groupByKey.set(grouped.key, group);
    }
    groupOf[s] = group;
    if (series[s]!.dropName) dropName[group] = true;
  }
  return { groupOf, labels, dropName };
}
