/**
 * Reads the samples of PromQL series: fields as columns of ms times and doubles.
 *
 * Times in ns become ms by flooring; of several samples in one ms the last counts. Booleans are 0 and 1, integers the
 * nearest double.
 *
 * There are two ways. `read` gives arrays of their own. `borrow` decodes into one buffer that the next call overwrites,
 * and serves the common case: every row of the series in one file per partition. Both give the same samples, bit by bit.
 */
import type { Column } from '../batch/column.ts';
import { FLOAT, UNSIGNED } from '../batch/field-type.ts';
import type { PartitionRows, SeriesReader } from '../engine/series-reader.ts';
import { ColumnCache } from '../tsm/column-cache.ts';
import {
  type BlockChoice,
  createNumberBuffer,
  type KeptSpan,
  type NumberBuffer,
  type NumberSpan,
} from '../tsm/number-reader.ts';
import type { Statistics } from '../tsm/statistics.ts';

/** Columns of this thread's queries, kept decoded between them. */
const COLUMN_CACHE_BYTES = 32 << 20;
const columnCache = new ColumnCache(COLUMN_CACHE_BYTES);

/** A field of a series: where a PromQL series' samples are. */
export interface FieldSource {
  ref: number;
  field: string;
}

/** What a PromQL series is made of: one field, or several whose names coincide. */
export interface SeriesSources {
  readonly sources: readonly FieldSource[];
}

/** Samples of one series, ascending strictly. */
export interface Samples {
  timesMs: Float64Array;
  values: Float64Array;
}

/** Samples until the next call. */
export interface BorrowedSamples extends Samples {
  /** False when there is surely no stale marker among the values. */
  mayHoldStale: boolean;
}

/** Samples whose values lie in columns that are kept decoded: those of all spans together, one behind the other. */
export interface KeptSamples {
  readonly timesMs: Float64Array;
  readonly spans: readonly { readonly span: KeptSpan }[];
}

/** Samples that follow one another: themselves, or what is known of all of them together. */
export interface SamplePiece {
  rows: number;
  /** All times, or with statistics the first and the last. */
  timesMs: Float64Array;
  /** None with statistics. */
  values: Float64Array;
  statistics: Statistics | null;
  mayHoldStale: boolean;
}

const NO_TIMES = new Float64Array(0);
const NO_SAMPLES: BorrowedSamples = { timesMs: NO_TIMES, values: NO_TIMES, mayHoldStale: false };

/** Converted times, for all series that share them. */
interface SharedTimes {
  /** What they were made of: per run, its array, bounds and partition. */
  runs: { times: Float64Array; from: number; to: number; startSec: number }[];
  timesMs: Float64Array;
  /** Whether some ms has more than one. */
  repeats: boolean;
}

/** Reads within the bounds of its SeriesReader. */
export class SampleReader {
  /** Samples read so far. */
  samplesRead = 0;
  /** Row groups decoded so far, as far as `borrow` could do it in place. */
  blocksRead = 0;
  /** Counts both too, when it is set. */
  trace: { samplesRead: number; blocksRead: number } | null = null;
  private readonly reader: SeriesReader;
  private readonly converted = new WeakMap<Float64Array, Float64Array>();
  private ownBuffer: NumberBuffer | null = null;
  private spans: { startSec: number; span: NumberSpan }[] = [];
  private shared: SharedTimes = { runs: [], timesMs: NO_TIMES, repeats: false };
  private readonly visit = (startSec: number, span: NumberSpan): void => {
    this.spans.push({ startSec, span });
  };

  constructor(reader: SeriesReader) {
    this.reader = reader;
  }

  /** Made when something is decoded: small queries may find all that they need. */
  private get buffer(): NumberBuffer {
    this.ownBuffer ??= createNumberBuffer();
    return this.ownBuffer;
  }

  /** All samples of a series; the arrays stay as they are. */
  read({ sources }: SeriesSources): Samples {
    const samples =
      sources.length === 1 ? this.readField(sources[0]) : mergeSamples(sources.map((source) => this.readField(source)));
    this.count(samples.values.length);
    return samples;
  }

  /** As `read`, but valid only until the next call; the times are the same array for series that share them. */
  borrow(series: SeriesSources): BorrowedSamples {
    const { sources } = series;
    const { buffer } = this;
    buffer.used = 0;
    this.spans = [];
    if (
      sources.length === 1 &&
      this.reader.readNumbers(sources[0].ref, sources[0].field, buffer, columnCache, this.visit)
    ) {
      const { spans } = this;
      if (spans.length === 0) return NO_SAMPLES;
      const { timesMs, repeats } = this.timesOf(spans);
      if (!repeats) {
        this.count(timesMs.length);
        this.blocksRead += spans.length;
        if (this.trace !== null) this.trace.blocksRead += spans.length;
        let mayHoldStale = false;
        for (const { span } of spans) if (span.type === FLOAT) mayHoldStale = true;
        return { timesMs, values: this.valuesOf(spans), mayHoldStale };
      }
    }
    return { ...this.read(series), mayHoldStale: true };
  }

  /** The samples of a series where nothing has to be read or decoded for them; null otherwise. None is a stale marker. */
  kept({ sources }: SeriesSources): KeptSamples | null {
    if (sources.length !== 1) return null;
    const [{ ref, field }] = sources;
    const spans: { startSec: number; span: KeptSpan }[] = [];
    if (!this.reader.readKept(ref, field, columnCache, (startSec, span) => spans.push({ startSec, span }))) return null;
    const { timesMs, repeats } = this.timesOf(spans);
    if (repeats) return null;
    this.count(timesMs.length);
    return { timesMs, spans };
  }

  /**
   * The samples of a series in pieces, of which those that `choiceAt` accepts are not decoded; null when they cannot be had
   * this way, or when it would not pay. Valid until the next call.
   */
  pieces({ sources }: SeriesSources, choiceAt: (startSec: number) => BlockChoice): readonly SamplePiece[] | null {
    if (sources.length !== 1) return null;
    const [{ ref, field }] = sources;
    if (!this.reader.isMostlyUncut(ref, choiceAt)) return null;
    const { buffer } = this;
    buffer.used = 0;
    const pieces: SamplePiece[] = [];
    const spanOf: (NumberSpan | null)[] = [];
    this.reader.readPieces(ref, field, buffer, columnCache, choiceAt, (startSec, found) => {
      if ('columns' in found) {
        const { timesMs, values } = this.convert({ startSec, slice: found });
        pieces.push({ rows: timesMs.length, timesMs, values, statistics: null, mayHoldStale: true });
        spanOf.push(null);
        return;
      }
      const { times, from, to, type, statistics } = found;
      const length = statistics === null ? to - from : 2;
      const timesMs = new Float64Array(length);
      fillMs(times, from, from + length, startSec, timesMs, 0);
      const rows = to - from;
      pieces.push({ rows, timesMs, values: NO_TIMES, statistics, mayHoldStale: type === FLOAT });
      spanOf.push(found);
    });
    // Only now, as the buffer's memory may have been replaced while it grew.
    pieces.forEach((piece, i) => {
      if (piece.statistics !== null) return;
      const span = spanOf[i];
      if (span !== null) piece.values = buffer.values.subarray(span.valuesFrom, span.valuesFrom + piece.rows);
      this.count(piece.rows);
      this.blocksRead++;
      if (this.trace !== null) this.trace.blocksRead++;
    });
    return pieces;
  }

  private count(samples: number): void {
    this.samplesRead += samples;
    if (this.trace !== null) this.trace.samplesRead += samples;
  }

  /** The values of all spans, moved together where something lies between them. */
  private valuesOf(spans: readonly { span: NumberSpan }[]): Float64Array {
    const { values } = this.buffer;
    const start = spans[0].span.valuesFrom;
    let end = start;
    for (const { span } of spans) {
      const length = span.to - span.from;
      if (span.valuesFrom !== end) values.copyWithin(end, span.valuesFrom, span.valuesFrom + length);
      end += length;
    }
    return values.subarray(start, end);
  }

  private timesOf(spans: readonly { startSec: number; span: Omit<KeptSpan, 'column'> }[]): SharedTimes {
    const { runs } = this.shared;
    let same = runs.length === spans.length;
    for (let i = 0; i < spans.length && same; i++) {
      const { startSec, span } = spans[i];
      const run = runs[i];
      same = run.times === span.times && run.from === span.from && run.to === span.to && run.startSec === startSec;
    }
    if (same) return this.shared;
    let length = 0;
    for (const { span } of spans) length += span.to - span.from;
    const timesMs = new Float64Array(length);
    let at = 0;
    for (const { startSec, span } of spans) {
      fillMs(span.times, span.from, span.to, startSec, timesMs, at);
      at += span.to - span.from;
    }
    this.shared = {
      runs: spans.map(({ startSec, span: { times, from, to } }) => ({ times, from, to, startSec })),
      timesMs,
      repeats: hasRepeats(timesMs),
    };
    return this.shared;
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
  const timesMs = new Float64Array(times.length);
  fillMs(times, 0, times.length, startSec, timesMs, 0);
  return timesMs;
}

function fillMs(
  times: Float64Array,
  from: number,
  to: number,
  startSec: number,
  timesMs: Float64Array,
  at: number,
): void {
  const startMs = startSec * 1000;
  for (let i = from, o = at; i < to; i++, o++) timesMs[o] = startMs + Math.floor(times[i] / 1e6);
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

function hasRepeats(timesMs: Float64Array): boolean {
  for (let i = 1; i < timesMs.length; i++) if (timesMs[i] === timesMs[i - 1]) return true;
  return false;
}

/** Of several samples with one time, the last. The same arrays when there are none. */
function withoutRepeats(samples: Samples): Samples {
  const { timesMs, values } = samples;
  if (!hasRepeats(timesMs)) return samples;
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
