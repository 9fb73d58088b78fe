/**
 * The newest sample of each selected series in Prometheus' text format, with its time: what /federate answers.
 *
 * Series whose newest sample is a stale marker, or older than the lookback, are left out.
 */
import type { Database } from '../engine/database.ts';
import { type PrometheusSeries, selectSeries } from './prometheus-series.ts';
import { openSamples } from './prometheus-storage.ts';
import { compareLabels, compareText, type Labels, METRIC_NAME } from './promql/labels.ts';
import { isPlainLabelName, type LabelMatcher } from './promql/matcher.ts';
import { formatGeneral } from './promql/number-format.ts';
import { isStaleAt, wordsOf } from './promql/value.ts';

export interface FederationOptions {
  nowMs: number;
  lookbackMs: number;
  /** Write names that the old format cannot hold in quotes; else their characters become underscores. */
  quoteNames: boolean;
}

const PLAIN_METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** The exposition of all series that any of the matcher sets selects, grouped by metric. */
export function federate(
  database: Database | undefined,
  matcherSets: readonly (readonly LabelMatcher[])[],
  options: FederationOptions,
): string {
  if (database === undefined) return '';
  const selected = new Map<string, PrometheusSeries>();
  for (const matchers of matcherSets) {
    for (const series of selectSeries(database, matchers)) selected.set(series.labels.key, series);
  }
  const inOrder = [...selected.values()].sort(
    (a, b) => compareText(a.labels.metricName, b.labels.metricName) || compareLabels(a.labels, b.labels),
  );
  const reader = openSamples(database, options.nowMs - options.lookbackMs, options.nowMs);
  const lines: string[] = [];
  let metric = '';
  for (const series of inOrder) {
    const { timesMs, values } = reader.read(series);
    const last = timesMs.length - 1;
    if (last < 0 || isStaleAt(wordsOf(values), last)) continue;
    const name = series.labels.metricName;
    if (name !== metric) {
      lines.push(`# TYPE ${metricText(name, options.quoteNames)} untyped`);
      metric = name;
    }
    lines.push(`${seriesText(series.labels, options.quoteNames)} ${formatGeneral(values[last])} ${timesMs[last]}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function metricText(name: string, quoteNames: boolean): string {
  if (PLAIN_METRIC_NAME.test(name)) return name;
  return quoteNames ? quoted(name) : name.replace(/[^a-zA-Z0-9_:]/gu, '_').replace(/^(?=\d)/, '_');
}

/** A series without `instance` gets an empty one, so that whoever scrapes this does not add its own. */
function seriesText(labels: Labels, quoteNames: boolean): string {
  const parts: string[] = [];
  for (let i = 0; i < labels.size; i++) {
    if (labels.names[i] !== METRIC_NAME)
      parts.push(`${labelText(labels.names[i], quoteNames)}=${quoted(labels.values[i])}`);
  }
  if (labels.get('instance') === '') parts.push('instance=""');
  const name = labels.metricName;
  if (quoteNames && !PLAIN_METRIC_NAME.test(name)) return `{${[quoted(name), ...parts].join(',')}}`;
  return `${metricText(name, quoteNames)}{${parts.join(',')}}`;
}

function labelText(name: string, quoteNames: boolean): string {
  if (isPlainLabelName(name)) return name;
  return quoteNames ? quoted(name) : name.replace(/[^a-zA-Z0-9_]/gu, '_').replace(/^(?=\d)/, '_');
}

function quoted(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')}"`;
}
