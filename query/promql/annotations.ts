/**
 * Warnings and infos that go with a result. They are kept by text, so one problem in a thousand series is told once; when
 * the same text arises at two places of the query, the later place is shown.
 */
import { formatExponent, formatGeneral } from './number-format.ts';
import { linePosition } from './parser/parse-error.ts';
import { quote } from './parser/token.ts';

interface Positioned {
  start: number;
}

/** What forcing the buckets of a classic histogram to rise changed. */
export interface ForcedMonotonicity {
  minBucket: number;
  maxBucket: number;
  maxDifference: number;
}

interface Annotation {
  readonly isInfo: boolean;
  start: number;
  forced: (ForcedMonotonicity & { firstMs: number; lastMs: number; count: number }) | null;
}

export class Annotations {
  private readonly byText = new Map<string, Annotation>();

  private add(isInfo: boolean, text: string, at: Positioned): void {
    const full = `PromQL ${isInfo ? 'info' : 'warning'}: ${text}`;
    const known = this.byText.get(full);
    if (known === undefined) this.byText.set(full, { isInfo, start: at.start, forced: null });
    else known.start = at.start;
  }

  invalidQuantile(q: number, at: Positioned): void {
    this.add(false, `quantile value should be between 0 and 1, got ${formatGeneral(q)}`, at);
  }

  invalidRatio(ratio: number, cap: number, at: Positioned): void {
    const text = `ratio value should be between -1 and 1, got ${formatGeneral(ratio)}, capping to ${formatGeneral(cap)}`;
    this.add(false, text, at);
  }

  badBucketLabel(metricName: string, label: string, at: Positioned): void {
    const text = `bucket label "le" is missing or has a malformed value of ${quote(label)}`;
    this.add(false, text + forMetric(metricName), at);
  }

  startTimeOverlap(metricName: string, at: Positioned): void {
    const text = `sample has start time that overlaps with previous sample timestamp for metric ${quote(metricName)}`;
    this.add(false, text, at);
  }

  sortInRangeQuery(at: Positioned): void {
    this.add(false, 'sort is ineffective for range queries since results are always ordered by labels', at);
  }

  possibleNonCounter(metricName: string, at: Positioned): void {
    const text = `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quote(metricName)}`;
    this.add(true, text, at);
  }

  possibleNonCounterLabel(metricName: string, typeLabel: string, at: Positioned): void {
    const text = `metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${quote(typeLabel)}: ${quote(metricName)}`;
    this.add(true, text, at);
  }

  incompatibleTypes(leftType: string, op: string, rightType: string, at: Positioned): void {
    const text = `incompatible sample types encountered for binary operator ${quote(op)}: ${leftType} ${op} ${rightType}`;
    this.add(true, text, at);
  }

  forcedMonotonicity(metricName: string, forced: ForcedMonotonicity, timeMs: number, at: Positioned): void {
    const text =
      'input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)';
    this.add(true, text + forMetric(metricName), at);
    const annotation = this.byText.get(`PromQL info: ${text}${forMetric(metricName)}`)!;
    const seen = annotation.forced;
    annotation.forced =
      seen === null
        ? { ...forced, firstMs: timeMs, lastMs: timeMs, count: 1 }
        : {
            minBucket: Math.min(seen.minBucket, forced.minBucket),
            maxBucket: Math.max(seen.maxBucket, forced.maxBucket),
            maxDifference: Math.max(seen.maxDifference, forced.maxDifference),
            firstMs: Math.min(seen.firstMs, timeMs),
            lastMs: Math.max(seen.lastMs, timeMs),
            count: seen.count + 1,
          };
  }

  /** A warning of the storage, shown as it is. */
  storageWarning(text: string): void {
    this.byText.set(text, { isInfo: false, start: -1, forced: null });
  }

  /** The texts with their places in the query: `PromQL warning: … (1:7)`. */
  texts(query: string): { warnings: string[]; infos: string[] } {
    const warnings: string[] = [];
    const infos: string[] = [];
    for (const [text, annotation] of this.byText) {
      const { forced, start } = annotation;
      let full = text;
      if (forced !== null) {
        full += `, from buckets ${formatGeneral(forced.minBucket)} to ${formatGeneral(forced.maxBucket)}, with a max diff of ${twoDigits(forced.maxDifference)}, over ${forced.count} samples from ${rfc3339(forced.firstMs)} to ${rfc3339(forced.lastMs)}`;
      }
      if (start >= 0) full += ` (${linePosition(query, start)})`;
      (annotation.isInfo ? infos : warnings).push(full);
    }
    return { warnings, infos };
  }
}

function forMetric(metricName: string): string {
  return metricName === '' ? '' : ` for metric name ${quote(metricName)}`;
}

/** Like %.2g. */
/** Like %.2g. */
function twoDigits(value: number): string {
  const rounded = Number(value.toPrecision(2));
  return Math.abs(rounded) < 100 ? formatGeneral(rounded) : formatExponent(rounded);
}

function rfc3339(ms: number): string {
  const text = new Date(Math.trunc(ms / 1000) * 1000).toISOString();
  return text.replace('.000Z', 'Z');
}
