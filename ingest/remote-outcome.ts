/**
 * What became of a remote-write request: samples kept, and series that were not and why. Shared by both versions of
 * the protocol.
 */

import type { RefusalCounts } from '../engine/refusals.ts';

/** How many refused series are named; the others are only counted. */
export const MAX_SERIES_ERRORS = 10;

export interface SeriesError {
  /** As PromQL writes it, shortened: `up{job="a"}`. */
  series: string;
  reason: string;
}

/** An exemplar as received, for the caller to keep. */
export interface Exemplar {
  /** Series of the exemplar. */
  ref: number;
  labels: [name: string, value: string][];
  value: number;
  timestampMs: number;
}

/** Metadata of a metric as received, for the caller to keep. */
export interface MetricMetadata {
  metric: string;
  /** counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown. */
  type: string;
  help: string;
  unit: string;
}

/** Start times of samples, for the caller to keep: row `rows[i]` of the batch began at `startsMs[i]`. */
export interface SampleStarts {
  rows: number[];
  startsMs: number[];
}

/** Metric types by their number in both versions of the protocol. */
export const METRIC_TYPES = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
] as const;

export interface RemoteOutcome {
  /** Samples appended to the batch, one row each. */
  samples: number;
  /** Series met, good and bad. */
  series: number;
  newSeries: number;
  rejectedSeries: number;
  /** Float samples not kept: those of rejected series, and those outside the time range. */
  rejectedSamples: number;
  /** Native histogram samples met; none is kept. */
  histograms: number;
  exemplars: Exemplar[];
  starts: SampleStarts;
  metadata: MetricMetadata[];
  /** The first refusals, at most `MAX_SERIES_ERRORS`. */
  errors: SeriesError[];
  /** Refusals in all. */
  errorCount: number;
  /** Series beyond a limit, by limit. */
  refusals: RefusalCounts;
}

export function newRemoteOutcome(): RemoteOutcome {
  return {
    samples: 0,
    series: 0,
    newSeries: 0,
    rejectedSeries: 0,
    rejectedSamples: 0,
    histograms: 0,
    exemplars: [],
    starts: { rows: [], startsMs: [] },
    metadata: [],
    errors: [],
    errorCount: 0,
    refusals: new Map(),
  };
}

/**
 * Why a request was not stored whole, as plain text for a 400; null when it was. Native histograms count: a sender must
 * learn that they are not kept.
 */
export function remoteErrorText(outcome: RemoteOutcome): string | null {
  const parts = outcome.errors.map(({ series, reason }) => `cannot store series ${series}: ${reason}`);
  const more = outcome.errorCount - outcome.errors.length;
  if (more > 0) parts.push(`and ${more} more`);
  if (outcome.histograms > 0) parts.push(`native histograms are not supported: ${outcome.histograms} samples dropped`);
  return parts.length === 0 ? null : parts.join('\n');
}
