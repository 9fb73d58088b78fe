/** Groups of an aggregation: which series belong together, and the labels of what comes out. */
import { EMPTY_LABELS, type Labels, METRIC_NAME } from './labels.ts';
import type { SeriesSet } from './querier.ts';
import type { SeriesColumn } from './value.ts';

export interface Grouping {
  /** Group of each series. */
  readonly groupOf: Int32Array;
  /** Labels per group, in the order in which groups first appear. */
  readonly labels: Labels[];
  /** Whether some series of the group wants its name dropped in the end, of those that have a value at the last step. */
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

/** Finds the groups of series one after the other; `labels` grows as groups appear. */
export class Groups {
  /** Labels per group, in the order in which groups first appear. */
  readonly labels: Labels[] = [];
  private readonly byKey = new Map<string, number>();
  private readonly labelsOf: (labels: Labels) => Labels;
  /** The labels that are grouped by, as long as that is how it is said. */
  private readonly names: readonly string[] | null;

  constructor(names: readonly string[], without: boolean) {
    this.labelsOf = groupLabelsFunction(names, without);
    this.names = without ? null : names;
  }

  /** The group of a series; a new one is the last of `labels`. */
  of(series: Labels): number {
    const key = this.names === null ? this.labelsOf(series).key : valuesKey(series, this.names);
    let group = this.byKey.get(key);
    if (group === undefined) {
      group = this.labels.push(this.labelsOf(series)) - 1;
      this.byKey.set(key, group);
    }
    return group;
  }
}

/** [series] a number ≥ 0 that is the same where the values of all these labels are; null when the set does not know. */
export function denseLabelIds(set: SeriesSet, names: readonly string[]): Int32Array | null {
  const dense = new Int32Array(set.count);
  for (const name of names) {
    const ids = set.labelIds?.(name) ?? null;
    if (ids === null) return null;
    const known = new Map<number, number>();
    for (let s = 0; s < dense.length; s++) {
      // Both are below the number of series, or not far above: the product is exact.
      const pair = dense[s]! * 2 ** 28 + ids[s]! + 1;
      let id = known.get(pair);
      if (id === undefined) {
        id = known.size;
        known.set(pair, id);
      }
      dense[s] = id;
    }
  }
  return dense;
}

/** The values of some labels as one text. */
function valuesKey(labels: Labels, names: readonly string[]): string {
  if (names.length === 0) return '';
  let key = labels.get(names[0]!);
  for (let i = 1; i < names.length; i++) key += `\u0000${labels.get(names[i]!)}`;
  return key;
}

export function groupSeries(series: readonly SeriesColumn[], names: readonly string[], without: boolean): Grouping {
  const groups = new Groups(names, without);
  const groupOf = new Int32Array(series.length);
  const dropName: boolean[] = [];
  let isMixed = false;
  for (let s = 0; s < series.length; s++) {
    const group = groups.of(series[s]!.labels);
    groupOf[s] = group;
    if (group === dropName.length) dropName.push(series[s]!.dropName);
    else if (dropName[group] !== series[s]!.dropName) isMixed = true;
  }
  if (isMixed) decideAtLastStep(series, groupOf, dropName);
  return { groupOf, labels: groups.labels, dropName };
}

/** Of series that differ in whether their names are to be dropped, one that has a value at the last step decides. */
function decideAtLastStep(series: readonly SeriesColumn[], groupOf: Int32Array, dropName: boolean[]): void {
  const lastStep = new Int32Array(dropName.length).fill(-1);
  for (let s = 0; s < series.length; s++) {
    const group = groupOf[s]!;
    const last = series[s]!.present.lastIndexOf(1);
    if (last < lastStep[group]!) continue;
    dropName[group] = series[s]!.dropName || (last === lastStep[group] && dropName[group]!);
    lastStep[group] = last;
  }
}
