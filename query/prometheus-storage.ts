/**
 * The samples behind PromQL: fields as columns of ms times and doubles.
 *
 * Times in ns become ms by flooring; of several samples in one ms the last counts. Booleans are 0 and 1, integers the
 * nearest double. A series is read when it is asked for, and once.
 */
import type { Column } from '../batch/column.ts';
import { UNSIGNED } from '../batch/field-type.ts';
import type { Database } from '../engine/database.ts';
import type { PartitionRows, SeriesReader } from '../engine/series-reader.ts';
import { instantFromMs } from '../engine/time.ts';
import { type FieldSource, type PrometheusSeries, selectSeries } from './prometheus-series.ts';
import type { LabelMatcher } from './promql/matcher.ts';
import { EMPTY_SERIES_SET, type Querier, type SelectRange, type SeriesSet } from './promql/querier.ts';
import { type StartTimes, startTimes } from './start-times.ts';

/** Samples of one series, ascending strictly. */
export interface Samples {
  timesMs: Float64Array;
  values: Float64Array;
}

const NO_SAMPLES: Samples = { timesMs: new Float64Array(0), values: new Float64Array(0) };

/**
 * A querier over one database; undefined is a database that does not exist, and holds nothing.
 * @param starts the companion that holds the start times of its samples, if there is one.
 */
export function prometheusQuerier(database: Database | undefined, starts?: Database): Querier {
  return {
    select(matchers, range) {
      return database === undefined ? EMPTY_SERIES_SET : selectSamples(database, starts, matchers, range);
    },
  };
}

function selectSamples(
  database: Database,
  starts: Database | undefined,
  matchers: readonly LabelMatcher[],
  range: SelectRange,
): SeriesSet {
  const series = selectSeries(database, matchers);
  const source = new SampleReader(database, range.startMs, range.endMs);
  let read: Samples[] | null = null;
  const samplesOf = (i: number): Samples => {
    read ??= source.readAll(series);
    return read[i];
  };
  const set: SeriesSet = {
    count: series.length,
    labels: (i) => series[i].labels,
    times: (i) => samplesOf(i).timesMs,
    values: (i) => samplesOf(i).values,
  };
  if (starts !== undefined) {
    let startsOf: StartTimes | null = null;
    set.startTimes = (i) => {
      startsOf ??= startTimes(database, starts, range.startMs, range.endMs);
      return startsOf(series[i], samplesOf(i).timesMs);
    };
  }
  return set;
}

/** Reads the samples of PromQL series between two times, both inclusive, in ms. */
export class SampleReader {
  private readonly reader: SeriesReader;
  /** Series that share a time column share its conversion. */
  private readonly converted = new WeakMap<Float64Array, Float64Array>();

  constructor(database: Database, startMs: number, endMs: number) {
    const end = instantFromMs(Math.floor(endMs));
    // The last ms counts whole.
    this.reader = database.reader(instantFromMs(startMs), {
      sec: end.sec,
      nano: Math.min(end.nano + 999_999, 999_999_999),
    });
  }

  /**
   * The samples of many series, parallel to them. They are read in the order of their refs, as files hold them, so that
   * what several short series are packed into is decoded once.
   */
  readAll(series: readonly PrometheusSeries[]): Samples[] {
    const order = Uint32Array.from(series.keys()).sort((a, b) => series[a].sources[0].ref - series[b].sources[0].ref);
    const samples = new Array<Samples>(series.length);
    for (const i of order) samples[i] = this.read(series[i]);
    return samples;
  }

  read(series: PrometheusSeries): Samples {
    if (series.sources.length === 1) return this.readField(series.sources[0]);
    return mergeSamples(series.sources.map((source) => this.readField(source)));
  }

  private readField({ ref, field }: FieldSource): Samples {
    const parts = this.reader.read(ref, [field]);
    if (parts.length === 0) return NO_SAMPLES;
    if (parts.length === 1) return this.convert(parts[0]);
    return concatenate(parts.map((part) => this.convert(part)));
  }

  private convert({ startSec, slice }: PartitionRows): Samples {
    const column = slice.columns[0];
    const values = doublesOf(column);
    if (column.present !== null) {
      return withoutRepeats({
        timesMs: present(toMs(slice.times, startSec), column.present),
        values: present(values, column.present),
      });
    }
    let timesMs = this.converted.get(slice.times);
    if (timesMs === undefined) {
      timesMs = toMs(slice.times, startSec);
      this.converted.set(slice.times, timesMs);
    }
    return withoutRepeats({ timesMs, values });
  }
}

function toMs(times: Float64Array, startSec: number): Float64Array {
  const startMs = startSec * 1000;
  const timesMs = new Float64Array(times.length);
  for (let i = 0; i < times.length; i++) timesMs[i] = startMs + Math.floor(times[i] / 1e6);
  return timesMs;
}

/** A numeric column as doubles; a column of doubles is returned as it is. */
function doublesOf(column: Column): Float64Array {
  if (column.wide === null) return column.values;
  const values = new Float64Array(column.rows);
  for (let i = 0; i < values.length; i++) {
    values[i] = Number(column.type === UNSIGNED ? BigInt.asUintN(64, column.wide[i]) : column.wide[i]);
  }
  return values;
}

/** The values of present rows, every bit kept. */
function present(values: Float64Array, flags: Uint8Array): Float64Array {
  const kept = new Float64Array(values.length);
  const from = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const to = new Int32Array(kept.buffer);
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    if (flags[i] === 0) continue;
    to[2 * n] = from[2 * i];
    to[2 * n + 1] = from[2 * i + 1];
    n++;
  }
  return kept.subarray(0, n);
}

/** Of several samples with one time, the last. The same arrays when there are none. */
function withoutRepeats(samples: Samples): Samples {
  const { timesMs, values } = samples;
  let repeats = false;
  for (let i = 1; i < timesMs.length && !repeats; i++) repeats = timesMs[i] === timesMs[i - 1];
  if (!repeats) return samples;
  const flags = new Uint8Array(timesMs.length);
  for (let i = 0; i < flags.length; i++) flags[i] = i + 1 === flags.length || timesMs[i + 1] !== timesMs[i] ? 1 : 0;
  return { timesMs: present(timesMs, flags), values: present(values, flags) };
}

/** Parts that follow one another in time. */
function concatenate(parts: Samples[]): Samples {
  let length = 0;
  for (const part of parts) length += part.timesMs.length;
  const timesMs = new Float64Array(length);
  const values = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    timesMs.set(part.timesMs, at);
    values.set(part.values, at);
    at += part.timesMs.length;
  }
  return { timesMs, values };
}

/** Samples of several fields under one name: by time, of equal times the last source's. */
function mergeSamples(parts: Samples[]): Samples {
  const all = concatenate(parts);
  const order = new Uint32Array(all.timesMs.length).map((_, i) => i);
  order.sort((a, b) => all.timesMs[a] - all.timesMs[b] || a - b);
  const words = new Int32Array(all.values.buffer);
  const values = new Float64Array(order.length);
  const out = new Int32Array(values.buffer);
  const timesMs = new Float64Array(order.length);
  for (let i = 0; i < order.length; i++) {
    timesMs[i] = all.timesMs[order[i]];
    out[2 * i] = words[2 * order[i]];
    out[2 * i + 1] = words[2 * order[i] + 1];
  }
  return withoutRepeats({ timesMs, values });
}
