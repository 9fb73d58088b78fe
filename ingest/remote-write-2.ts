/**
 * Prometheus remote write 2.0: an `io.prometheus.write.v2.Request`, already unpacked, into a batch.
 *
 *     Request     4: repeated string symbols   5: repeated TimeSeries
 *     TimeSeries  1: repeated uint32 labels_refs   2: repeated Sample   3: repeated Histogram
 *                 4: repeated Exemplar   5: Metadata   6: int64 created_timestamp (ms)
 *     Sample      1: double value   2: int64 timestamp (ms)   3: int64 start_timestamp (ms)
 *     Exemplar    1: repeated uint32 labels_refs   2: double value   3: int64 timestamp (ms)
 *     Metadata    1: type   3: uint32 help_ref   4: uint32 unit_ref
 *
 * References count symbols of this one request, so they say nothing about the next. A series' labels are therefore
 * composed from the symbols into the label section that version 1 would send, and looked up by it: both versions share
 * their aliases.
 *
 * Start timestamps are noted for the caller to keep: those of samples, and those that a TimeSeries of an earlier draft
 * of the protocol has for all of its samples. Native histograms are counted and refused.
 *
 * Source: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
 */
import type { Batch } from '../batch/batch.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { compareBytes } from '../index/series-key.ts';
import { malformed, readInt64, readLength, readVarint, skipField, varint } from './protobuf.ts';
import { METRIC_TYPES, type RemoteOutcome } from './remote-outcome.ts';
import {
  addLabel,
  addSeriesError,
  decodeWhole,
  defineRemoteSeries,
  findSeries,
  guessSeries,
  type LabelRanges,
  type RemoteOptions,
  type RemoteRun,
  refuseSeries,
  valueShape,
} from './remote-series.ts';
import { countFields, decodeSample, noteStart } from './remote-write.ts';

/** The symbols of a request: symbol i is `bytes[starts[i] .. ends[i]]`. */
interface Symbols {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  starts: Int32Array;
  ends: Int32Array;
  count: number;
}

/** A label section being composed. `length` bytes of `bytes` are in use. */
const section = { bytes: new Uint8Array(4096), view: new DataView(new ArrayBuffer(0)), length: 0 };
section.view = new DataView(section.bytes.buffer);

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const TYPE_LABEL = '__type__';
const UNIT_LABEL = '__unit__';
const NO_LABELS: LabelRanges = { bytes: new Uint8Array(0), count: 0, starts: [], ends: [] };

/**
 * Appends a request's samples to `batch`, one row each. The bytes are only read, and not kept.
 * @throws VarveError bad_request when the message is damaged; the batch is then as before.
 */
export function decodeRemoteWrite2(
  bytes: Uint8Array,
  index: SeriesIndex,
  batch: Batch,
  options: RemoteOptions = {},
): RemoteOutcome {
  return decodeWhole(bytes, index, batch, options, decodeRequest);
}

function decodeRequest(run: RemoteRun, bytes: Uint8Array, view: DataView): void {
  const end = bytes.length;
  const known = new Map<number, number>();
  const symbols = collectSymbols(bytes, view);
  for (let p = 0; p < end; ) {
    p = readVarint(bytes, p, end);
    if (varint[0] === 0x2a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      decodeSeries(run, symbols, bytes, view, p, next, known);
      p = next;
    } else p = skipField(bytes, p, end, varint[0]);
  }
}

/**
 * The headers of the answer to a version 2 request, good or bad: what was written of each kind.
 */
export function writtenHeaders(outcome: RemoteOutcome): Record<string, string> {
  return {
    'X-Prometheus-Remote-Write-Samples-Written': String(outcome.samples),
    'X-Prometheus-Remote-Write-Histograms-Written': '0',
    'X-Prometheus-Remote-Write-Exemplars-Written': String(outcome.exemplars.length),
  };
}

function collectSymbols(bytes: Uint8Array, view: DataView): Symbols {
  const symbols: Symbols = { bytes, view, starts: new Int32Array(1024), ends: new Int32Array(1024), count: 0 };
  const end = bytes.length;
  for (let p = 0; p < end; ) {
    p = readVarint(bytes, p, end);
    if (varint[0] !== 0x22) {
      p = skipField(bytes, p, end, varint[0]);
      continue;
    }
    p = readLength(bytes, p, end);
    if (symbols.count === symbols.starts.length) {
      const starts = new Int32Array(symbols.count * 2);
      starts.set(symbols.starts);
      symbols.starts = starts;
      const ends = new Int32Array(symbols.count * 2);
      ends.set(symbols.ends);
      symbols.ends = ends;
    }
    symbols.starts[symbols.count] = p;
    p += varint[0];
    symbols.ends[symbols.count++] = p;
  }
  if (symbols.count > 0 && symbols.ends[0] !== symbols.starts[0]) {
    throw malformed('first symbol is not the empty string', symbols.starts[0]);
  }
  return symbols;
}

function decodeSeries(
  run: RemoteRun,
  symbols: Symbols,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  known: Map<number, number>,
): void {
  const { outcome, memory } = run;
  outcome.series++;
  const withMetadata = run.typeAndUnitLabels;
  const fault = composeSection(symbols, bytes, start, end, withMetadata);
  if (withMetadata && section.length > 0) insertTypeAndUnit(symbols, bytes, start, end);
  const { length } = section;
  let ref = -1;
  if (fault !== null) refuseSeries(run, NO_LABELS, fault);
  else if (length === 0) refuseSeries(run, NO_LABELS, 'no labels');
  else if (
    guessSeries(run, section.view, 0, length + 1) === length ||
    findSeries(run, section.bytes, section.view, 0, length, true) >= 0
  ) {
    ref = memory.lastRef;
  } else ref = defineRemoteSeries(run, sectionLabels(), section.bytes.subarray(0, length));
  const shape = ref < 0 ? -1 : valueShape(run, ref);
  if (shape < 0) {
    outcome.rejectedSamples += countFields(bytes, start, end, 0x12);
    outcome.histograms += countFields(bytes, start, end, 0x1a);
    return;
  }
  const { rows } = run.batch;
  for (let p = start; p < end; ) {
    const tag = bytes[p];
    if (tag === 0x12) {
      p = decodeSample(run, bytes, view, p + 1, end, ref, shape);
      continue;
    }
    p = readVarint(bytes, p, end);
    if (tag === 0x22 || tag === 0x2a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      if (tag === 0x22) decodeExemplar(run, symbols, view, p, next, ref);
      else decodeMetadata(run, symbols, p, next, ref, known);
      p = next;
    } else if (tag === 0x30) {
      p = readInt64(bytes, p, end);
      if (varint[0] !== 0) noteStart(run, rows, varint[0]);
    } else {
      if (tag === 0x1a) outcome.histograms++;
      p = skipField(bytes, p, end, varint[0]);
    }
  }
}

/**
 * Puts the label section of a series into `section`, a sample's tag behind it. Returns what is wrong, or null.
 * @param skipMetadata leaves out the labels that the metadata is to say.
 */
function composeSection(
  symbols: Symbols,
  bytes: Uint8Array,
  start: number,
  end: number,
  skipMetadata: boolean,
): string | null {
  section.length = 0;
  let nameRef = -1;
  for (let p = start; p < end; ) {
    const tag = bytes[p];
    if (tag !== 0x0a && tag !== 0x08) {
      p = readVarint(bytes, p, end);
      p = skipField(bytes, p, end, varint[0]);
      continue;
    }
    let next = p + 1;
    if (tag === 0x0a) {
      p = readLength(bytes, p + 1, end);
      next = p + varint[0];
    } else {
      p = next;
      next = readVarint(bytes, p, end);
    }
    while (p < next) {
      let reference = bytes[p];
      if (reference < 128) p++;
      else {
        p = readVarint(bytes, p, next);
        reference = varint[0];
      }
      if (reference >= symbols.count) return `label reference ${reference} is beyond the ${symbols.count} symbols`;
      if (nameRef < 0) nameRef = reference;
      else {
        if (!skipMetadata || !isMetadataLabel(symbols, nameRef)) appendLabel(symbols, nameRef, reference);
        nameRef = -1;
      }
    }
  }
  if (nameRef >= 0) return 'a label name without a value';
  section.bytes[section.length] = 0x12;
  return null;
}

function isMetadataLabel(symbols: Symbols, reference: number): boolean {
  const name = symbolText(symbols, reference);
  return name === TYPE_LABEL || name === UNIT_LABEL;
}

/** Puts the type and unit that a series' metadata knows among the labels of the section. */
function insertTypeAndUnit(symbols: Symbols, bytes: Uint8Array, start: number, end: number): void {
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag !== 0x2a) {
      p = skipField(bytes, p, end, tag);
      continue;
    }
    p = readLength(bytes, p, end);
    const next = p + varint[0];
    const { type, unitRef } = readMetadata(bytes, p, next);
    if (type > 0 && type < METRIC_TYPES.length) insertLabel(TYPE_LABEL, METRIC_TYPES[type]);
    const unit = symbolText(symbols, unitRef);
    if (unit !== '') insertLabel(UNIT_LABEL, unit);
    p = next;
  }
  section.bytes[section.length] = 0x12;
}

/** Puts a label where its name belongs among the others. */
function insertLabel(name: string, value: string): void {
  const { bytes, count, starts, ends } = sectionLabels();
  const nameBytes = encoder.encode(name);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (compareBytes(bytes, starts[2 * i], ends[2 * i], nameBytes, 0, nameBytes.length) > 0) break;
    at = ends[2 * i + 1];
  }
  const rest = section.bytes.slice(at, section.length);
  section.length = at;
  const texts = encoder.encode(name + value);
  const symbols: Symbols = {
    bytes: texts,
    view: new DataView(texts.buffer),
    starts: Int32Array.of(0, name.length),
    ends: Int32Array.of(name.length, texts.length),
    count: 2,
  };
  appendLabel(symbols, 0, 1);
  reserveSection(rest.length + 1);
  section.bytes.set(rest, section.length);
  section.length += rest.length;
}

/** Appends a Label message; the section keeps one byte free. */
function appendLabel(symbols: Symbols, nameRef: number, valueRef: number): void {
  const nameBytes = symbols.ends[nameRef] - symbols.starts[nameRef];
  const valueBytes = symbols.ends[valueRef] - symbols.starts[valueRef];
  if (nameBytes + valueBytes < 124) {
    appendShortLabel(symbols, symbols.starts[nameRef], nameBytes, symbols.starts[valueRef], valueBytes);
    return;
  }
  const nameHead = 1 + varintBytes(nameBytes);
  const valueHead = 1 + varintBytes(valueBytes);
  const size = nameHead + nameBytes + valueHead + valueBytes;
  reserveSection(size + 12);
  const out = section.bytes;
  let at = section.length;
  out[at++] = 0x0a;
  at = putVarint(out, at, size);
  out[at++] = 0x0a;
  at = putVarint(out, at, nameBytes);
  at = appendSymbol(symbols, nameRef, at);
  out[at++] = 0x12;
  at = putVarint(out, at, valueBytes);
  section.length = appendSymbol(symbols, valueRef, at);
}

/** Makes room for so many more bytes. */
function reserveSection(bytes: number): void {
  const need = section.length + bytes;
  if (need <= section.bytes.length) return;
  const grown = new Uint8Array(need * 2);
  grown.set(section.bytes.subarray(0, section.length));
  section.bytes = grown;
  section.view = new DataView(grown.buffer);
}

/**
 * A label whose message is shorter than 128 bytes, so that all lengths are single bytes: heads and texts are written by
 * words, up to three bytes too many, which the next part overwrites.
 */
function appendShortLabel(symbols: Symbols, name: number, nameBytes: number, value: number, valueBytes: number): void {
  reserveSection(144);
  const { view } = symbols;
  const out = section.view;
  const limit = view.byteLength - 3;
  let at = section.length;
  out.setInt32(at, 0x000a000a | ((nameBytes + valueBytes + 4) << 8) | (nameBytes << 24), true);
  at += 4;
  const valueAt = at + nameBytes;
  const nameEnd = name + nameBytes;
  const valueEnd = value + valueBytes;
  if (nameEnd > limit || valueEnd > limit) {
    const { bytes } = symbols;
    for (let p = name; p < nameEnd; p++) section.bytes[at++] = bytes[p];
    out.setInt16(valueAt, 0x12 | (valueBytes << 8), true);
    at += 2;
    for (let p = value; p < valueEnd; p++) section.bytes[at++] = bytes[p];
  } else {
    for (let p = name; p < nameEnd; p += 4, at += 4) out.setInt32(at, view.getInt32(p, true), true);
    out.setInt16(valueAt, 0x12 | (valueBytes << 8), true);
    at = valueAt + 2;
    for (let p = value; p < valueEnd; p += 4, at += 4) out.setInt32(at, view.getInt32(p, true), true);
  }
  section.length = valueAt + 2 + valueBytes;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest >>>= 7) bytes++;
  return bytes;
}

function putVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    out[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

/** Copies a symbol to `at` of the section; returns its end. */
function appendSymbol(symbols: Symbols, reference: number, at: number): number {
  const text = symbols.bytes.subarray(symbols.starts[reference], symbols.ends[reference]);
  section.bytes.set(text, at);
  return at + text.length;
}

/** The labels of the composed section. */
function sectionLabels(): LabelRanges {
  const labels: LabelRanges = { bytes: section.bytes, count: 0, starts: [], ends: [] };
  for (let p = 0; p < section.length; ) {
    p = readLength(section.bytes, p + 1, section.length);
    const next = p + varint[0];
    addLabel(labels, section.bytes, p, next);
    p = next;
  }
  return labels;
}

function symbolText(symbols: Symbols, reference: number): string {
  if (reference >= symbols.count) return '';
  return decoder.decode(symbols.bytes.subarray(symbols.starts[reference], symbols.ends[reference]));
}

function decodeExemplar(
  run: RemoteRun,
  symbols: Symbols,
  view: DataView,
  start: number,
  end: number,
  ref: number,
): void {
  const { bytes } = symbols;
  const references: number[] = [];
  let value = 0;
  let timestampMs = 0;
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag === 0x0a) {
      p = readLength(bytes, p, end);
      const next = p + varint[0];
      while (p < next) {
        p = readVarint(bytes, p, next);
        references.push(varint[0]);
      }
    } else if (tag === 0x08) {
      p = readVarint(bytes, p, end);
      references.push(varint[0]);
    } else if (tag === 0x11) {
      if (p + 8 > end) throw malformed('exemplar cut short', p);
      value = view.getFloat64(p, true);
      p += 8;
    } else if (tag === 0x18) {
      p = readInt64(bytes, p, end);
      timestampMs = varint[0];
    } else p = skipField(bytes, p, end, tag);
  }
  if (references.length % 2 === 1 || references.some((reference) => reference >= symbols.count)) {
    addSeriesError(run.outcome, () => 'of an exemplar', 'label references are odd or beyond the symbols');
    return;
  }
  const labels: [string, string][] = [];
  for (let i = 0; i < references.length; i += 2) {
    labels.push([symbolText(symbols, references[i]), symbolText(symbols, references[i + 1])]);
  }
  run.outcome.exemplars.push({ ref, labels, value, timestampMs });
}

/** Adds a series' metadata, once per metric and request while it does not change. */
function decodeMetadata(
  run: RemoteRun,
  symbols: Symbols,
  start: number,
  end: number,
  ref: number,
  known: Map<number, number>,
): void {
  const { type, helpRef, unitRef } = readMetadata(symbols.bytes, start, end);
  const metric = run.index.measurementOf(ref);
  const mark = (helpRef * 16777216 + unitRef) * 16 + type;
  if (known.get(metric) === mark || (type === 0 && helpRef === 0 && unitRef === 0)) return;
  known.set(metric, mark);
  run.outcome.metadata.push({
    metric: run.index.measurementName(ref),
    type: METRIC_TYPES[type] ?? 'unknown',
    help: symbolText(symbols, helpRef),
    unit: symbolText(symbols, unitRef),
  });
}

function readMetadata(
  bytes: Uint8Array,
  start: number,
  end: number,
): { type: number; helpRef: number; unitRef: number } {
  let type = 0;
  let helpRef = 0;
  let unitRef = 0;
  for (let p = start; p < end; ) {
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag === 0x08 || tag === 0x18 || tag === 0x20) {
      p = readVarint(bytes, p, end);
      if (tag === 0x08) type = varint[0];
      else if (tag === 0x18) helpRef = varint[0];
      else unitRef = varint[0];
    } else p = skipField(bytes, p, end, tag);
  }
  return { type, helpRef, unitRef };
}
