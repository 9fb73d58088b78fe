/** Series with their samples as the evaluation asks for them, read when it does. Used on the main thread and on others. */
import { BlockWindows } from './block-windows.ts';
import type { PrometheusSeries } from './prometheus-series.ts';
import type { SeriesSet, WindowRequest } from './promql/querier.ts';
import type { SampleReader, Samples } from './sample-reader.ts';
import type { StartTimes } from './start-times.ts';

export interface SampleSource {
  readonly series: readonly PrometheusSeries[];
  /** Opens what they are read from; called once, when the first samples are asked for. */
  open(): SampleReader;
  /** Opens their start times; null when none are kept. */
  readonly openStarts: (() => StartTimes) | null;
  /** Is told how long reading took. */
  readonly trace: { readMs: number } | null;
}

export function sampleSet({ series, open, openStarts, trace }: SampleSource): SeriesSet {
  let opened: SampleReader | null = null;
  const reader = (): SampleReader => {
    opened ??= open();
    return opened;
  };
  const read: (Samples | undefined)[] = [];
  const samplesOf = (i: number): Samples => {
    let samples = read[i];
    if (samples === undefined) {
      samples = reader().read(series[i]);
      read[i] = samples;
    }
    return samples;
  };
  const set: SeriesSet = {
    count: series.length,
    order: () => orderOfRefs(series),
    labels: (i) => series[i].labels,
    times: (i) => samplesOf(i).timesMs,
    values: (i) => samplesOf(i).values,
  };
  if (openStarts === null) {
    let blocks: BlockWindows | null = null;
    let asked: WindowRequest | null = null;
    set.windows = (i, request, out, present) => {
      if (asked !== request) {
        asked = request;
        blocks = BlockWindows.of(request);
      }
      return blocks === null ? -1 : blocks.windows(reader(), series[i], out, present);
    };
    set.borrow = (i) => {
      if (trace === null) return reader().borrow(series[i]);
      const startedMs = performance.now();
      const borrowed = reader().borrow(series[i]);
      trace.readMs += performance.now() - startedMs;
      return borrowed;
    };
  } else {
    let startsOf: StartTimes | null = null;
    set.startTimes = (i) => {
      startsOf ??= openStarts();
      return startsOf(series[i], samplesOf(i).timesMs);
    };
  }
  return set;
}

/** As files hold them, so that what several short series are packed into is decoded once. */
function orderOfRefs(series: readonly PrometheusSeries[]): Uint32Array {
  const { length } = series;
  const keys = new Float64Array(length);
  for (let i = 0; i < length; i++) keys[i] = series[i].sources[0].ref * length + i;
  keys.sort();
  const order = new Uint32Array(length);
  for (let k = 0; k < length; k++) order[k] = keys[k] % length;
  return order;
}
