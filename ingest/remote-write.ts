/**
 * Prometheus remote write 1.0: a `prometheus.WriteRequest`, already unpacked, walked over as bytes into a batch.
 *
 *     WriteRequest  1: repeated TimeSeries   3: repeated MetricMetadata
 *     TimeSeries    1: repeated Label   2: repeated Sample   3: repeated Exemplar   4: repeated Histogram
 *     Label         1: name   2: value
 *     Sample        1: double value   2: int64 timestamp (ms)
 *     Exemplar      1: repeated Label   2: double value   3: int64 timestamp (ms)
 *
 * A known series costs a comparison of its label bytes with those of the series expected here, which the kernel does
 * where it can (remote-kernel.ts), and a sample a copy of eight bytes: values are moved as words, never as numbers, so
 * every NaN payload (a stale marker is 0x7ff0000000000002) survives.
 *
 * Fields may come in any order and unknown ones are skipped. A bad series does not stop the good ones; damaged
 * protobuf drops the whole request.
 *
 * Source: https://prometheus.io/docs/specs/prw/remote_write_spec/
 */
import type { Batch } from '../batch/batch.ts';
import { hashBytes } from '../index/hash.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { malformed, readInt64, readLength, readVarint, skipField, varint } from './protobuf.ts';
import type { SeriesChain } from './remote-kernel.ts';
import { METRIC_TYPES, type RemoteOutcome } from './remote-outcome.ts';
import {
  addLabel,
  addSeriesError,
  decodeWhole,
  defineRemoteSeries,
  findSeries,
  guessSeries,
  type LabelRanges,
  labelSectionEnd,
  type RemoteOptions,
  type RemoteRun,
  seriesText,
  setTime,
  valueShape,
} from './remote-series.ts';

const decoder = new TextDecoder();

/**
 * Appends a request's samples to `batch`, one row each. The bytes are only read, and not kept.
 * @throws VarveError bad_request when the message is damaged; the batch is then as before.
 */
export function decodeRemoteWrite(
  bytes: Uint8Array,
  index: SeriesIndex,
  batch: Batch,
  options: RemoteOptions = {},
): RemoteOutcome {
  return decodeWhole(bytes, index, batch, options, decodeRequest);
}

function decodeRequest(run: RemoteRun, bytes: Uint8Array, view: DataView): void {
  run.chain = run.memory.chain?.begin(bytes) ?? null;
  const end = bytes.length;
  let p = 0;
  while (p < end) {
    if (run.chain !== null) {
      p = takeExpected(run, run.chain, p, end);
      if (p === end) break;
    }
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag === 0x0a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      decodeSeries(run, bytes, view, p, next);
      p = next;
    } else if (tag === 0x1a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      decodeMetadata(run, bytes, p, next);
      p = next;
    } else p = skipField(bytes, p, end, tag);
  }
}

/** Takes series by the kernel as long as they are the expected ones; where the first one begins that is not. */
function takeExpected(run: RemoteRun, chain: SeriesChain, from: number, end: number): number {
  let p = from;
  do {
    p = chain.recognise(p, end);
    run.outcome.series += chain.series;
    appendRecognised(run, chain);
  } while (chain.isFull);
  return p;
}

/** Appends rows that the kernel has recognised. */
function appendRecognised({ batch, index }: RemoteRun, { columns, rows: count }: SeriesChain): void {
  if (count === 0) return;
  const { refs, shapes, seconds, nanos, bits } = columns;
  const { rows, valueCount } = batch;
  batch.reserveRows(count);
  batch.series.set(refs.subarray(0, count), rows);
  batch.shape.set(shapes.subarray(0, count), rows);
  batch.sec.set(seconds.subarray(0, count), rows);
  batch.nano.set(nanos.subarray(0, count), rows);
  batch.bits.set(bits.subarray(0, 2 * count), 2 * valueCount);
  batch.rows = rows + count;
  batch.valueCount = valueCount + count;
  completeRows(batch, index, rows, valueCount);
}

/** The places of the values of rows from `firstRow` on, and what the index notes of these rows. */
function completeRows(batch: Batch, index: SeriesIndex, firstRow: number, firstValue: number): void {
  const { rows, series, shape, valueStart } = batch;
  const { lastShape } = index;
  for (let row = firstRow; row < rows; row++) {
    valueStart[row] = firstValue + row - firstRow;
    if (lastShape[series[row]] !== shape[row]) index.noteShape(series[row], shape[row]);
  }
}

function decodeSeries(run: RemoteRun, bytes: Uint8Array, view: DataView, start: number, end: number): void {
  const { batch, outcome, memory } = run;
  outcome.series++;
  const rows = batch.rows;
  const valueCount = batch.valueCount;
  let p = guessSeries(run, view, start, end);
  if (p < 0) {
    p = labelSectionEnd(bytes, start, end);
    if (p === start || findSeries(run, bytes, view, start, p, p < end && bytes[p] === 0x12) < 0) {
      decodeAnySeries(run, bytes, view, start, end);
      return;
    }
  }
  const ref = memory.lastRef;
  const shape = valueShape(run, ref);
  if (shape < 0) {
    outcome.rejectedSamples += countFields(bytes, p, end, 0x12);
    outcome.histograms += countFields(bytes, p, end, 0x22);
    return;
  }
  if (p < end && bytes[p] === 0x12) run.chain?.learn(ref, shape, start, p);
  while (p < end) {
    const tag = bytes[p];
    if (tag === 0x12) p = decodeSample(run, bytes, view, p + 1, end, ref, shape);
    else if (tag === 0x0a) {
      // More labels behind the samples: what was found by the first ones is another series.
      batch.rows = rows;
      batch.valueCount = valueCount;
      decodeAnySeries(run, bytes, view, start, end);
      return;
    } else p = decodeRare(run, bytes, p, end, ref);
  }
}

/** A series by the long way: new to the index, or with its fields in an unusual order. */
function decodeAnySeries(run: RemoteRun, bytes: Uint8Array, view: DataView, start: number, end: number): void {
  const { outcome } = run;
  const labels: LabelRanges = { bytes, count: 0, starts: [], ends: [] };
  let labelFields = 0;
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    if (varint[0] === 0x0a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      addLabel(labels, bytes, p, next);
      labelFields++;
      p = next;
    } else p = skipField(bytes, p, end, varint[0]);
  }
  const sectionEnd = labelSectionEnd(bytes, start, end);
  const together = labelFields > 0 && countFields(bytes, sectionEnd, end, 0x0a) === 0;
  let ref = together ? run.index.find(bytes, start, sectionEnd, hashBytes(bytes, start, sectionEnd)) : -1;
  if (ref < 0)
    ref = defineRemoteSeries(run, labels, together && sectionEnd > start ? bytes.subarray(start, sectionEnd) : null);
  const shape = ref < 0 ? -1 : valueShape(run, ref);
  if (shape < 0) {
    outcome.rejectedSamples += countFields(bytes, start, end, 0x12);
    outcome.histograms += countFields(bytes, start, end, 0x22);
    return;
  }
  if (together && sectionEnd < end && bytes[sectionEnd] === 0x12) run.chain?.learn(ref, shape, start, sectionEnd);
  for (let p = start; p < end; ) {
    if (bytes[p] === 0x12) p = decodeSample(run, bytes, view, p + 1, end, ref, shape);
    else p = decodeRare(run, bytes, p, end, ref);
  }
}

/** The sample whose length stands at `p`: appends its row and returns the position after it. */
export function decodeSample(
  run: RemoteRun,
  bytes: Uint8Array,
  view: DataView,
  from: number,
  end: number,
  ref: number,
  shape: number,
): number {
  let p = from + 1;
  let next = p + bytes[from];
  if (!(bytes[from] < 128 && next <= end)) {
    p = readLength(bytes, from, end);
    next = p + varint[0];
  }
  let low = 0;
  let high = 0;
  let ms = 0;
  let startMs = 0;
  const { rows } = run.batch;
  let plain = next - p > 10 && next - p < 18 && bytes[p] === 0x09 && bytes[p + 9] === 0x10 && bytes[next - 1] < 128;
  if (plain) {
    low = view.getInt32(p + 1, true);
    high = view.getInt32(p + 5, true);
    let q = p + 10;
    let scale = 1;
    while (q < next) {
      const b = bytes[q++];
      ms += (b & 127) * scale;
      if (b < 128) break;
      scale *= 128;
    }
    // More fields behind the time, such as a start time: small times leave room for it here.
    plain = q === next;
  }
  if (!plain) {
    ms = 0;
    while (p < next) {
      p = readVarint(bytes, p, next);
      const tag = varint[0];
      if (tag === 0x09) {
        if (p + 8 > next) throw malformed('sample cut short', p);
        low = view.getInt32(p, true);
        high = view.getInt32(p + 4, true);
        p += 8;
      } else if (tag === 0x10) {
        p = readInt64(bytes, p, next);
        ms = varint[0];
      } else if (tag === 0x18) {
        p = readInt64(bytes, p, next);
        startMs = varint[0];
      } else p = skipField(bytes, p, next, tag);
    }
  }
  appendSample(run, ref, shape, low, high, ms);
  if (startMs !== 0) noteStart(run, rows, startMs);
  return next;
}

/** Notes the start time (version 2's third field of a sample) of rows from `fromRow` on. */
export function noteStart(run: RemoteRun, fromRow: number, startMs: number): void {
  const { starts } = run.outcome;
  for (let row = fromRow; row < run.batch.rows; row++) {
    starts.rows.push(row);
    starts.startsMs.push(startMs);
  }
}

/** Appends a row with one float, given as its low and high words. */
function appendSample(run: RemoteRun, ref: number, shape: number, low: number, high: number, ms: number): void {
  const { batch, outcome } = run;
  if (ms !== run.ms && !setTime(run, ms)) {
    outcome.rejectedSamples++;
    addSeriesError(outcome, () => seriesText(run.index, ref), `timestamp ${ms} ms is out of range`);
    return;
  }
  batch.reserve(1);
  const row = batch.rows;
  const slot = batch.valueCount;
  batch.series[row] = ref;
  batch.shape[row] = shape;
  batch.sec[row] = run.sec;
  batch.nano[row] = run.nano;
  batch.valueStart[row] = slot;
  batch.bits[2 * slot] = low;
  batch.bits[2 * slot + 1] = high;
  batch.valueCount = slot + 1;
  batch.rows = row + 1;
}

/** The field of a TimeSeries at `p` that is neither a label nor a sample. */
function decodeRare(run: RemoteRun, bytes: Uint8Array, from: number, end: number, ref: number): number {
  const { outcome } = run;
  let p = readVarint(bytes, from, end);
  const tag = varint[0];
  if (tag === 0x22) outcome.histograms++;
  if (tag !== 0x1a) return skipField(bytes, p, end, tag);
  p = readLength(bytes, p, end);
  const next = p + varint[0];
  decodeExemplar(run, bytes, p, next, ref);
  return next;
}

function decodeExemplar(run: RemoteRun, bytes: Uint8Array, start: number, end: number, ref: number): void {
  const labels: LabelRanges = { bytes, count: 0, starts: [], ends: [] };
  let value = 0;
  let timestampMs = 0;
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag === 0x0a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      addLabel(labels, bytes, p, next);
      p = next;
    } else if (tag === 0x11) {
      if (p + 8 > end) throw malformed('exemplar cut short', p);
      value = new DataView(bytes.buffer, bytes.byteOffset + p, 8).getFloat64(0, true);
      p += 8;
    } else if (tag === 0x18) {
      p = readInt64(bytes, p, end);
      timestampMs = varint[0];
    } else p = skipField(bytes, p, end, tag);
  }
  const pairs: [string, string][] = [];
  for (let i = 0; i < 2 * labels.count; i += 2) {
    pairs.push([
      decoder.decode(bytes.subarray(labels.starts[i], labels.ends[i])),
      decoder.decode(bytes.subarray(labels.starts[i + 1], labels.ends[i + 1])),
    ]);
  }
  run.outcome.exemplars.push({ ref, labels: pairs, value, timestampMs });
}

function decodeMetadata(run: RemoteRun, bytes: Uint8Array, start: number, end: number): void {
  const metadata = { metric: '', type: METRIC_TYPES[0] as string, help: '', unit: '' };
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag === 0x08) {
      p = readVarint(bytes, p, end);
      metadata.type = METRIC_TYPES[varint[0]] ?? 'unknown';
    } else if (tag === 0x12 || tag === 0x22 || tag === 0x2a) {
      p = readLength(bytes, p, end);
      const text = decoder.decode(bytes.subarray(p, p + varint[0]));
      if (tag === 0x12) metadata.metric = text;
      else if (tag === 0x22) metadata.help = text;
      else metadata.unit = text;
      p += varint[0];
    } else p = skipField(bytes, p, end, tag);
  }
  if (metadata.metric !== '') run.outcome.metadata.push(metadata);
}

/** How many fields with this tag the message has. */
export function countFields(bytes: Uint8Array, start: number, end: number, tag: number): number {
  let count = 0;
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    if (varint[0] === tag) count++;
    p = skipField(bytes, p, end, varint[0]);
  }
  return count;
}
