/**
 * Names and values of labels, and label sets of series, as Prometheus' metadata endpoints list them.
 *
 * Without matchers and times the index is asked as a whole: it holds what the retention has left. Else only series with
 * data in a partition of the range count, which is as fine as Prometheus' blocks are.
 */
import type { Database } from '../engine/database.ts';
import { type Instant, MAX_INSTANT, MIN_INSTANT } from '../engine/time.ts';
import { namedFields, type PrometheusSeries, selectSeries } from './prometheus-series.ts';
import { compareLabels, compareText, type Labels, METRIC_NAME } from './promql/labels.ts';
import type { LabelMatcher } from './promql/matcher.ts';

/** What to list: series that match any of the matcher sets, or all when there is none. */
export interface LabelScope {
  matcherSets: readonly (readonly LabelMatcher[])[];
  from?: Instant;
  to?: Instant;
  /** At most so many results; 0 is no limit. */
  limit?: number;
}

/** Results with whether the limit cut some off. */
export interface Limited<T> {
  items: T[];
  truncated: boolean;
}

function limited<T>(items: T[], limit = 0): Limited<T> {
  if (limit === 0 || items.length <= limit) return { items, truncated: false };
  return { items: items.slice(0, limit), truncated: true };
}

/** Label names, sorted. */
export function labelNames(database: Database | undefined, scope: LabelScope): Limited<string> {
  if (database === undefined) return limited([]);
  const names = new Set<string>();
  if (scope.matcherSets.length === 0) {
    for (const name of database.index.tagKeyNames(refsInRange(database, scope))) names.add(name);
    if (metricNames(database, scope).length > 0) names.add(METRIC_NAME);
  } else {
    for (const { labels } of matchingSeries(database, scope)) for (const name of labels.names) names.add(name);
  }
  return limited([...names].sort(compareText), scope.limit);
}

/** Values of a label, sorted. */
export function labelValues(database: Database | undefined, name: string, scope: LabelScope): Limited<string> {
  if (database === undefined) return limited([]);
  const values = new Set<string>();
  if (scope.matcherSets.length === 0) {
    const found =
      name === METRIC_NAME
        ? metricNames(database, scope)
        : database.index.tagValueNames(name, refsInRange(database, scope));
    for (const value of found) values.add(value);
  } else {
    for (const { labels } of matchingSeries(database, scope)) {
      const value = labels.get(name);
      if (value !== '') values.add(value);
    }
  }
  return limited([...values].sort(compareText), scope.limit);
}

/** Label sets of series, sorted. */
export function seriesLabels(database: Database | undefined, scope: LabelScope): Limited<Labels> {
  if (database === undefined) return limited([]);
  const found = new Map<string, Labels>();
  for (const { labels } of matchingSeries(database, scope)) found.set(labels.key, labels);
  const all = [...found.values()];
  if (scope.matcherSets.length > 1) all.sort(compareLabels);
  return limited(all, scope.limit);
}

/** The series with data in the range; null stands for all when no range is given. */
function refsInRange(database: Database, scope: LabelScope): Int32Array | null {
  if (scope.from === undefined && scope.to === undefined) return null;
  const reader = database.reader(scope.from ?? MIN_INSTANT, scope.to ?? MAX_INSTANT);
  return database.index.select(null, []).filter((ref) => reader.has(ref));
}

/** The names of metrics with data in the range, or of all; some more than once. */
function metricNames(database: Database, scope: LabelScope): string[] {
  const fields = namedFields(database, []);
  if (scope.from === undefined && scope.to === undefined) return fields.map(({ name }) => name);
  const { index } = database;
  const reader = database.reader(scope.from ?? MIN_INSTANT, scope.to ?? MAX_INSTANT);
  return fields
    .filter(({ measurement, field }) =>
      index.filterByField(index.select(measurement, []), field).some((ref) => reader.has(ref)),
    )
    .map(({ name }) => name);
}

function* matchingSeries(database: Database, scope: LabelScope): Generator<PrometheusSeries> {
  const reader = database.reader(scope.from ?? MIN_INSTANT, scope.to ?? MAX_INSTANT);
  for (const matchers of scope.matcherSets) {
    for (const series of selectSeries(database, matchers)) {
      if (series.sources.some((source) => reader.has(source.ref))) yield series;
    }
  }
}
