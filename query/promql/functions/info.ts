/**
 * info(v, {matchers}): adds the data labels of info series (target_info by default) to the series of v that share their
 * identifying labels, job and instance.
 *
 * 1. Per info series and step, the time of its current sample tells which of several is the newest.
 * 2. Per base series and step, the newest info series of each info metric gives its labels, unless the base has them.
 * 3. Without any match a series stays as it is, or goes when some matcher insists on a label.
 */
import { VarveError } from '../../../errors/errors.ts';
import type { EvaluationContext } from '../context.ts';
import { infoNameMatchers } from '../fetch.ts';
import { infoReference } from '../info-reference.ts';
import { instantVector } from '../instant-selector.ts';
import { type Labels, METRIC_NAME } from '../labels.ts';
import { compileMatcher } from '../matcher.ts';
import { sameLabelsError } from '../merge.ts';
import type { Call } from '../parser/ast.ts';
import { type Grid, newColumn, type SeriesColumn, type VectorValue } from '../value.ts';
import { vectorArg } from './arguments.ts';

const IDENTIFYING_LABELS: readonly string[] = ['instance', 'job'];

export function evaluateInfo(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const base = vectorArg(ctx, call, 0, grid);
  const selector = call.args[1];
  const matchers = selector?.type === 'vectorSelector' ? selector.matchers : [];
  const nameTests = infoNameMatchers(matchers).map(compileMatcher);
  const dataMatchers = matchers.filter((matcher) => matcher.name !== METRIC_NAME);
  const enricher: Enricher = {
    wanted: dataMatchers.length > 0 ? new Set(dataMatchers.map((matcher) => matcher.name)) : null,
    mayStayPlain: dataMatchers.every((matcher) => compileMatcher(matcher)('')),
    bySignature: newestInfo(infoSamples(ctx, call, base, nameTests, grid), base, grid),
  };

  const results = new Map<string, SeriesColumn>();
  for (const column of base.series) {
    ctx.budget.checkpoint();
    const isInfo = nameTests.every((test) => test(column.labels.metricName));
    if (isInfo) addAll(results, column, grid);
    else enrich(enricher, results, column, grid);
  }
  return { kind: 'vector', series: [...results.values()].filter((column) => column.presentCount > 0) };
}

interface Enricher {
  /** Names of the data labels that are asked for; null: all. */
  readonly wanted: ReadonlySet<string> | null;
  readonly mayStayPlain: boolean;
  readonly bySignature: ReadonlyMap<string, InfoGroup[]>;
}

/** The info series of one metric with the same identifying labels. */
interface InfoGroup {
  readonly metricName: string;
  /** Per step the newest series, or null. */
  readonly newest: (Labels | null)[];
  readonly newestMs: Float64Array;
}

/** The identifying labels of a series; '' when it has none. */
function signatureOf(labels: Labels): string {
  const values = IDENTIFYING_LABELS.map((name) => labels.get(name));
  return values.every((value) => value === '') ? '' : values.join('\u0000');
}

/** The info series that may belong to some base series, as columns of their samples' times. */
function infoSamples(
  ctx: EvaluationContext,
  call: Call,
  base: VectorValue,
  nameTests: readonly ((name: string) => boolean)[],
  grid: Grid,
): SeriesColumn[] {
  const toEnrich = base.series.filter(({ labels }) => !nameTests.every((test) => test(labels.metricName)));
  const isWanted = identifiedLike(toEnrich);
  if (isWanted === null) return [];
  const reference = infoReference(call.args[0]!);
  const set = ctx.seriesOf(call);
  const { series } = instantVector(ctx, set, grid, reference?.fixedMs ?? null, reference?.shiftMs ?? 0, 'time');
  return series.filter(({ labels }) => isWanted(labels));
}

/**
 * Whether each identifying label of a series has a value that it has somewhere in `base`, among the series with the
 * same identifying labels; null when none of them has any.
 */
function identifiedLike(base: readonly SeriesColumn[]): ((labels: Labels) => boolean) | null {
  const byPresence = new Map<string, Set<string>[]>();
  for (const { labels } of base) {
    const presence = presenceOf(labels);
    if (presence === '') continue;
    let values = byPresence.get(presence);
    if (values === undefined) {
      values = IDENTIFYING_LABELS.map(() => new Set());
      byPresence.set(presence, values);
    }
    for (let k = 0; k < values.length; k++) values[k]!.add(labels.get(IDENTIFYING_LABELS[k]!));
  }
  if (byPresence.size === 0) return null;
  return (labels) =>
    byPresence.get(presenceOf(labels))?.every((values, k) => values.has(labels.get(IDENTIFYING_LABELS[k]!))) ?? false;
}

/** The identifying labels that a series has; '' when it has none. */
function presenceOf(labels: Labels): string {
  return IDENTIFYING_LABELS.filter((name) => labels.get(name) !== '').join();
}

/** Two info series that are equally new at a step are an error, but only where there is some base series. */
function newestInfo(samples: readonly SeriesColumn[], base: VectorValue, grid: Grid): Map<string, InfoGroup[]> {
  const bySignature = new Map<string, InfoGroup[]>();
  if (samples.length === 0) return bySignature;
  const hasBase = new Uint8Array(grid.count);
  for (const { present } of base.series) {
    for (let i = 0; i < grid.count; i++) hasBase[i]! |= present[i]!;
  }
  for (const { labels, values, present } of samples) {
    const signature = signatureOf(labels);
    let groups = bySignature.get(signature);
    if (groups === undefined) {
      groups = [];
      bySignature.set(signature, groups);
    }
    const metricName = labels.metricName;
    let group = groups.find((other) => other.metricName === metricName);
    if (group === undefined) {
      group = { metricName, newest: new Array(grid.count).fill(null), newestMs: new Float64Array(grid.count) };
      groups.push(group);
    }
    for (let i = 0; i < grid.count; i++) {
      if (present[i] === 0 || hasBase[i] === 0) continue;
      const timeMs = Math.round(values[i]! * 1000);
      const known = group.newest[i];
      if (known != null && group.newestMs[i] === timeMs) {
        throw new VarveError(
          'unprocessable',
          `found duplicate series for info metric: existing ${known} @ ${timeMs}, new ${labels} @ ${timeMs}`,
        );
      }
      if (known == null || group.newestMs[i]! < timeMs) {
        group.newest[i] = labels;
        group.newestMs[i] = timeMs;
      }
    }
  }
  return bySignature;
}

function addAll(results: Map<string, SeriesColumn>, column: SeriesColumn, grid: Grid): void {
  for (let i = 0; i < grid.count; i++) {
    if (column.present[i] === 1) addSample(results, column, column.labels, i, grid);
  }
}

function addSample(
  results: Map<string, SeriesColumn>,
  column: SeriesColumn,
  labels: Labels,
  step: number,
  grid: Grid,
): void {
  let result = results.get(labels.key);
  if (result === undefined) {
    result = newColumn(labels, column.dropName, grid.count);
    results.set(labels.key, result);
  }
  if (result.present[step] === 1) throw sameLabelsError();
  result.values[step] = column.values[step]!;
  result.present[step] = 1;
  result.presentCount++;
}

function enrich(enricher: Enricher, results: Map<string, SeriesColumn>, column: SeriesColumn, grid: Grid): void {
  const groups = enricher.bySignature.get(signatureOf(column.labels)) ?? [];
  // Info labels rarely change: the labels of the step before are kept while the same series are the newest.
  let lastMatch: (Labels | null)[] | null = null;
  let lastLabels = column.labels;
  for (let i = 0; i < grid.count; i++) {
    if (column.present[i] === 0) continue;
    const match = groups.map((group) => group.newest[i] ?? null);
    if (lastMatch === null || match.some((labels, g) => labels !== lastMatch![g])) {
      lastLabels = enrichedLabels(enricher, column.labels, match);
      lastMatch = match;
    }
    if (!enricher.mayStayPlain && match.every((labels) => labels === null)) continue;
    addSample(results, column, lastLabels, i, grid);
  }
}

function enrichedLabels(enricher: Enricher, base: Labels, match: readonly (Labels | null)[]): Labels {
  const added = new Map<string, string>();
  for (const info of match) {
    if (info === null) continue;
    for (let k = 0; k < info.size; k++) {
      const name = info.names[k]!;
      const value = info.values[k]!;
      if (name === METRIC_NAME || (enricher.wanted !== null && !enricher.wanted.has(name))) continue;
      const known = added.get(name);
      if (known !== undefined && known !== value) {
        throw new VarveError('unprocessable', `conflicting label: ${name}`);
      }
      if (base.get(name) === '') added.set(name, value);
    }
  }
  let labels = base;
  for (const [name, value] of added) labels = labels.with(name, value);
  return labels;
}
