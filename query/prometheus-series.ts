/**
 * A database as Prometheus sees it: which PromQL series exist.
 *
 * Every field that is not a string is a series: its labels are the tags and `__name__`, which is the measurement when
 * the field is called `value`, else measurement_field. Two fields can come out under one name (`a_b`.`c` and `a`.`b_c`):
 * with the same tags they are one series, whose samples are merged.
 */
import type { Database } from '../engine/database.ts';
import type { PromTarget } from '../index/prom-names.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { type FieldRefs, FoundSeries } from './found-series.ts';
import { compareLabels, compareText, type LabelSource, Labels, labelsFromPairs, METRIC_NAME } from './promql/labels.ts';
import { compileMatcher, type LabelMatcher } from './promql/matcher.ts';
import type { FieldSource } from './sample-reader.ts';

/** One PromQL series; more than one source only where names coincide. */
export interface PrometheusSeries {
  readonly labels: Labels;
  readonly sources: FieldSource[];
  /** What `__name__` is among the labels, where it is known without them. */
  readonly metricName?: string;
}

/** A PromQL name with one field that stands behind it. */
interface NamedField extends PromTarget {
  name: string;
}

/** PromQL names that pass the matchers on `__name__`, with the fields behind them; strings have none. */
export function namedFields(database: Database, matchers: readonly LabelMatcher[]): NamedField[] {
  const tests = matchers.filter((matcher) => matcher.name === METRIC_NAME).map(compileMatcher);
  const found: NamedField[] = [];
  const names = database.index.promNames();
  const exact = matchers.find(({ name, op, value }) => name === METRIC_NAME && op === '=' && value !== '')?.value;
  if (exact !== undefined) {
    if (!tests.every((test) => test(exact))) return found;
    return (names.get(exact) ?? []).map((target) => ({ name: exact, ...target }));
  }
  for (const [name, targets] of names) {
    if (tests.every((test) => test(name))) for (const target of targets) found.push({ name, ...target });
  }
  return found;
}

/** Series that match, in the order of their labels. Whether they have samples at some time is not looked at. */
export function selectSeries(database: Database, matchers: readonly LabelMatcher[]): PrometheusSeries[] {
  return selectUnsorted(database, matchers).sort((a, b) => compareLabels(a.labels, b.labels));
}

/** As selectSeries, but in any order; labels are looked up when they are asked for, until the next await. */
export function selectUnsorted(database: Database, matchers: readonly LabelMatcher[]): PrometheusSeries[] {
  return findMatching(database, matchers).list;
}

/** As selectUnsorted, without an object per series until somebody wants them; also until the next await. */
export function findMatching(database: Database, matchers: readonly LabelMatcher[]): FoundSeries {
  const { index } = database;
  const tagMatchers = matchers
    .filter((matcher) => matcher.name !== METRIC_NAME)
    .map(({ name, op, value }) => ({ key: name, op, value }));
  const refsOf = new Map<number, Int32Array>();
  const fields = namedFields(database, matchers);
  const ambiguous = new Set(fields.map((field) => field.name)).size < fields.length;
  const parts: FieldRefs[] = [];
  for (const { name, measurement, field: fieldId } of fields) {
    let refs = refsOf.get(measurement);
    if (refs === undefined) {
      refs = index.select(measurement, tagMatchers);
      refsOf.set(measurement, refs);
    }
    const found = index.filterByField(refs, fieldId);
    if (found.length > 0) parts.push({ name, field: index.fields[fieldId].name, refs: found });
  }
  const maker = new LabelMaker(index);
  if (ambiguous) return FoundSeries.listed(mergeNames(parts, maker));
  const labelsOf = new Map(parts.map(({ name }) => [name, (ref: number) => maker.labels(ref, name)]));
  return FoundSeries.of(parts, ({ name, field }, ref) => new FieldSeries(ref, field, name, labelsOf.get(name)!));
}

/** Series of several fields; those of one name and the same tags are one series. */
function mergeNames(parts: readonly FieldRefs[], maker: LabelMaker): PrometheusSeries[] {
  const series: PrometheusSeries[] = [];
  const byKey = new Map<string, PrometheusSeries>();
  for (const { name, field, refs } of parts) {
    for (const ref of refs) {
      const labels = maker.labels(ref, name);
      const known = byKey.get(labels.key);
      if (known !== undefined) {
        known.sources.push({ ref, field });
        continue;
      }
      const found = { labels, sources: [{ ref, field }] };
      series.push(found);
      byKey.set(labels.key, found);
    }
  }
  return series;
}

/** A series of one field: there may be millions, so it holds nothing that can be made again. */
export class FieldSeries implements PrometheusSeries {
  private readonly ref: number;
  private readonly field: string;
  readonly metricName: string;
  private readonly labelsOf: LabelSource;
  private made: Labels | null = null;

  constructor(ref: number, field: string, metricName: string, labelsOf: LabelSource) {
    this.ref = ref;
    this.field = field;
    this.metricName = metricName;
    this.labelsOf = labelsOf;
  }

  get labels(): Labels {
    this.made ??= Labels.later(this.labelsOf, this.ref);
    return this.made;
  }

  get sources(): FieldSource[] {
    return [{ ref: this.ref, field: this.field }];
  }
}

/** Sorted label names of a schema, with the place of `__name__` among them. */
interface Layout {
  names: readonly string[];
  at: number;
}

/** Makes label sets of series; series with the same tag keys share their list of names. */
class LabelMaker {
  private readonly index: SeriesIndex;
  /** By schema id; null where the tags cannot be taken in the order in which the index has them. */
  private readonly layouts: (Layout | null | undefined)[] = [];
  /** Texts of tag values, so that equal ones are one string. */
  private readonly texts: string[][] = [];

  constructor(index: SeriesIndex) {
    this.index = index;
  }

  labels(ref: number, name: string): Labels {
    const { keys, values } = this.index.tags(ref, this.texts);
    const schema = this.index.series.schemaOf(ref);
    let layout = this.layouts[schema];
    if (layout === undefined) {
      layout = layoutOf(keys);
      this.layouts[schema] = layout;
    }
    if (layout === null) {
      // A tag of that name would say what the field says.
      const pairs = keys.map((key, i): [string, string] => [key, values[i]]);
      return labelsFromPairs([...pairs, [METRIC_NAME, name]]);
    }
    values.splice(layout.at, 0, name);
    return new Labels(layout.names, values);
  }
}

/** Tags are in the order of their bytes; labels go by UTF-16 units, which differs beyond the basic plane. */
function layoutOf(keys: readonly string[]): Layout | null {
  const names = [...keys, METRIC_NAME].sort(compareText);
  const at = names.indexOf(METRIC_NAME);
  const rest = names.filter((name) => name !== METRIC_NAME);
  return rest.length === keys.length && rest.every((name, i) => name === keys[i]) ? { names, at } : null;
}
