/**
 * From a remote-write series' labels to its ref and shape. The raw bytes of its label section (the `labels` fields of a
 * version 1 TimeSeries, as they stand in the message) are registered as another name of the series, so a known series
 * is found without decoding a label. Version 2 composes the same bytes from its symbols.
 *
 * A sample is a row of the measurement `__name__` with one float field, `value`. Other labels are tags; those with empty
 * values do not count.
 */
import { isUtf8 } from 'node:buffer';
import type { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { countRefusal } from '../engine/refusals.ts';
import { VarveError } from '../errors/errors.ts';
import { hashBytes } from '../index/hash.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { compareBytes } from '../index/series-key.ts';
import { KeyTrail } from './key-trail.ts';
import { DEFAULT_LIMITS, type IngestLimits, type Refusal, tooLong, tooMany } from './limits.ts';
import { malformed, readLength, readVarint, skipField, varint } from './protobuf.ts';
import { newSeriesChain, type SeriesChain } from './remote-kernel.ts';
import { MAX_SERIES_ERRORS, newRemoteOutcome, type RemoteOutcome } from './remote-outcome.ts';
import { resolveSeries, type SeriesDoor, type SeriesParts } from './series-definition.ts';

export interface RemoteOptions {
  limits?: Readonly<IngestLimits>;
  /** Version 2: the type and unit of a series' metadata become its labels `__type__` and `__unit__`. */
  typeAndUnitLabels?: boolean;
  /** Asked before a series or a field is defined that the index does not know. */
  door?: SeriesDoor;
}

/** What decoding remembers of an index between requests. */
interface Memory {
  readonly trail: KeyTrail;
  readonly chain: SeriesChain | null;
  lastRef: number;
  removals: number;
  /** [shape id] 1: a single float named `value`; 2: another. */
  readonly shapeKinds: number[];
}

/** One request being decoded. */
export interface RemoteRun {
  readonly index: SeriesIndex;
  readonly batch: Batch;
  readonly limits: Readonly<IngestLimits>;
  readonly typeAndUnitLabels: boolean;
  readonly door: SeriesDoor | undefined;
  readonly outcome: RemoteOutcome;
  readonly memory: Memory;
  /** Recognises series in place of the trail: of version 1, when the request lies in the kernel's memory. */
  chain: SeriesChain | null;
  /** The last timestamp, split. */
  ms: number;
  sec: number;
  nano: number;
}

/** Label ranges of one series: name i is `bytes[starts[2i] .. ends[2i]]`, its value at 2i + 1. */
export interface LabelRanges {
  bytes: Uint8Array;
  count: number;
  starts: number[];
  ends: number[];
}

const memories = new WeakMap<SeriesIndex, Memory>();
const VALUE = new TextEncoder().encode('value');
const NAME = new TextEncoder().encode('__name__');
const MAX_MS = 9223372036854;

/**
 * Decodes a request of either version: `decode` walks over it.
 * @throws VarveError bad_request when the message is damaged; the batch is then as before.
 */
export function decodeWhole(
  bytes: Uint8Array,
  index: SeriesIndex,
  batch: Batch,
  options: RemoteOptions,
  decode: (run: RemoteRun, bytes: Uint8Array, view: DataView) => void,
): RemoteOutcome {
  const plain = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const run = newRemoteRun(index, batch, options);
  const { rows, valueCount } = batch;
  try {
    decode(run, plain, new DataView(plain.buffer, plain.byteOffset, plain.byteLength));
  } catch (error) {
    batch.rows = rows;
    batch.valueCount = valueCount;
    throw error;
  }
  run.outcome.samples = batch.rows - rows;
  return run.outcome;
}

function newRemoteRun(index: SeriesIndex, batch: Batch, options: RemoteOptions): RemoteRun {
  let memory = memories.get(index);
  if (memory === undefined) {
    const { removals } = index;
    memory = { trail: new KeyTrail(), chain: newSeriesChain(), lastRef: -1, removals, shapeKinds: [] };
    memories.set(index, memory);
  }
  if (memory.removals !== index.removals) {
    memory.removals = index.removals;
    memory.trail.reset();
    memory.chain?.reset();
    memory.lastRef = -1;
  }
  return {
    index,
    batch,
    limits: options.limits ?? DEFAULT_LIMITS,
    typeAndUnitLabels: options.typeAndUnitLabels ?? false,
    door: options.door,
    outcome: newRemoteOutcome(),
    memory,
    chain: null,
    ms: 0,
    sec: 0,
    nano: 0,
  };
}

/**
 * Tries the series that came after the last one before: its label section, followed by the tag of a sample.
 * @returns where the labels of `view[start .. end]` end, with the series as `memory.lastRef`; −1 for another series.
 */
export function guessSeries(run: RemoteRun, view: DataView, start: number, end: number): number {
  const { memory } = run;
  if (run.chain !== null) return -1;
  const keyEnd = memory.trail.match(memory.lastRef, view, start, end);
  if (keyEnd < 0) return -1;
  memory.lastRef = memory.trail.guess;
  return keyEnd - 1;
}

/** The ref of the label section `bytes[start .. end]`, −1 unknown. `follows`: the tag of a sample stands after it. */
export function findSeries(
  run: RemoteRun,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  follows: boolean,
): number {
  const { index, memory } = run;
  const ref = index.find(bytes, start, end, hashBytes(bytes, start, end));
  if (ref < 0) return -1;
  if (follows && run.chain === null) memory.trail.learn(memory.lastRef, ref, view, start, end);
  memory.lastRef = ref;
  return ref;
}

/**
 * Checks and resolves labels that the index did not find.
 * @param section the label section's bytes, to be registered as an alias; null when they do not lie together.
 * @returns the ref, or −1 after counting the refusal.
 */
export function defineRemoteSeries(run: RemoteRun, labels: LabelRanges, section: Uint8Array | null): number {
  const { index, outcome } = run;
  const parts: SeriesParts = { measurement: new Uint8Array(0), tagKeys: [], tagValues: [] };
  const fault = splitLabels(labels, parts, run.limits);
  if (fault !== null) return refuseSeries(run, labels, fault);
  let ref: number | string | Refusal;
  try {
    ref = resolveSeries(index, parts, section, run.door, () => {
      outcome.newSeries++;
    });
  } catch (error) {
    if (!(error instanceof VarveError) || error.status !== 400) throw error;
    ref = error.message;
  }
  if (typeof ref !== 'number') return refuseSeries(run, labels, ref);
  run.memory.lastRef = ref;
  return ref;
}

/** Fills `parts` from labels; returns what is wrong with them, or null. */
function splitLabels(labels: LabelRanges, parts: SeriesParts, limits: Readonly<IngestLimits>): string | Refusal | null {
  const { bytes, count, starts, ends } = labels;
  if (count > limits.maxTags) return tooMany('labels', count, 'maxTags', limits);
  for (let i = 0; i < count; i++) {
    const name = bytes.subarray(starts[2 * i], ends[2 * i]);
    const value = bytes.subarray(starts[2 * i + 1], ends[2 * i + 1]);
    if (name.length === 0) return 'empty label name';
    if (i > 0) {
      const before = 2 * (i - 1);
      const order = compareBytes(bytes, starts[before], ends[before], name, 0, name.length);
      if (order === 0) return `duplicate label name "${text(name)}"`;
      if (order > 0)
        return `labels are not sorted: "${text(name)}" after "${text(bytes.subarray(starts[before], ends[before]))}"`;
    }
    if (!isUtf8(name)) return 'a label name is not valid UTF-8';
    if (!isUtf8(value)) return `the value of label "${text(name)}" is not valid UTF-8`;
    if (name.length > limits.maxNameBytes) return tooLong('label name', name.length, 'maxNameBytes', limits);
    if (value.length > limits.maxTagValueBytes) {
      return tooLong('label value', value.length, 'maxTagValueBytes', limits);
    }
    if (value.length === 0) continue;
    if (compareBytes(name, 0, name.length, NAME, 0, NAME.length) === 0) parts.measurement = value;
    else {
      parts.tagKeys.push(name);
      parts.tagValues.push(value);
    }
  }
  if (parts.measurement.length === 0) return 'no label __name__';
  if (parts.measurement.length > limits.maxNameBytes) {
    return tooLong('metric name', parts.measurement.length, 'maxNameBytes', limits);
  }
  // A line feed is the tag of a label field: a key that began so could equal another series' label section.
  if (parts.measurement[0] === 10) return 'the metric name begins with a line feed';
  return null;
}

const decoder = new TextDecoder();

function text(bytes: Uint8Array): string {
  return decoder.decode(bytes.length > 200 ? bytes.subarray(0, 200) : bytes);
}

/** Counts a refused series and names it; always −1. */
export function refuseSeries(run: RemoteRun, labels: LabelRanges, reason: string | Refusal): number {
  run.outcome.rejectedSeries++;
  if (typeof reason !== 'string') countRefusal(run.outcome.refusals, reason);
  addSeriesError(run.outcome, () => labelsText(labels), typeof reason === 'string' ? reason : reason.text);
  return -1;
}

export function addSeriesError(outcome: RemoteOutcome, series: () => string, reason: string): void {
  outcome.errorCount++;
  if (outcome.errors.length < MAX_SERIES_ERRORS) outcome.errors.push({ series: series(), reason });
}

/** Labels as PromQL writes a series. */
function labelsText(labels: LabelRanges): string {
  let name = '';
  const pairs: string[] = [];
  for (let i = 0; i < labels.count && i < 32; i++) {
    const key = text(labels.bytes.subarray(labels.starts[2 * i], labels.ends[2 * i]));
    const value = text(labels.bytes.subarray(labels.starts[2 * i + 1], labels.ends[2 * i + 1]));
    if (key === '__name__' && name === '') name = value;
    else pairs.push(`${key}=${JSON.stringify(value)}`);
  }
  if (labels.count > 32) pairs.push('…');
  return `${name}{${pairs.join(', ')}}`;
}

/** A known series as PromQL writes it. */
export function seriesText(index: SeriesIndex, ref: number): string {
  const { keys, values } = index.tags(ref);
  return `${index.measurementName(ref)}{${keys.map((key, i) => `${key}=${JSON.stringify(values[i])}`).join(', ')}}`;
}

/** The id of the shape [value: float] in the series' measurement; −1 when `value` has another type there. */
export function valueShape(run: RemoteRun, ref: number): number {
  const { index, memory } = run;
  const last = index.lastShape[ref];
  if (last >= 0) {
    let kind = memory.shapeKinds[last];
    if (kind === undefined) {
      const shape = index.shapes[last];
      const isValue =
        shape.width === 1 &&
        shape.types[0] === FLOAT &&
        compareBytes(shape.names[0], 0, shape.names[0].length, VALUE, 0, 5) === 0;
      kind = memory.shapeKinds[last] = isValue ? 1 : 2;
    }
    if (kind === 1) return last;
  }
  try {
    const root = index.rootShape(index.measurementOf(ref));
    const shape = index.transition(root, VALUE, 0, VALUE.length, FLOAT);
    index.noteShape(ref, shape.id);
    return shape.id;
  } catch (error) {
    if (!(error instanceof VarveError) || error.status !== 400) throw error;
    run.outcome.rejectedSeries++;
    addSeriesError(run.outcome, () => seriesText(index, ref), `field type conflict: ${error.message}`);
    return -1;
  }
}

/**
 * Splits a timestamp into `run.sec` and `run.nano`. False when it is beyond i64 nanoseconds.
 */
export function setTime(run: RemoteRun, ms: number): boolean {
  if (ms > MAX_MS || ms < -MAX_MS) return false;
  const sec = Math.floor(ms / 1000);
  run.ms = ms;
  run.sec = sec;
  run.nano = (ms - sec * 1000) * 1000000;
  return true;
}

/** Walks over the `labels` fields at `start`: where they end. */
export function labelSectionEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && bytes[p] === 0x0a) {
    const length = bytes[p + 1];
    if (length < 128) p += 2 + length;
    else {
      p = readLength(bytes, p + 1, end);
      p += varint[0];
    }
  }
  if (p > end) throw malformed('label beyond its series', start);
  return p;
}

/** Adds the label message `bytes[start .. end]`. Fields may come in any order; the last of a kind counts. */
export function addLabel(labels: LabelRanges, bytes: Uint8Array, start: number, end: number): void {
  const at = 2 * labels.count++;
  labels.bytes = bytes;
  labels.starts[at] = labels.ends[at] = labels.starts[at + 1] = labels.ends[at + 1] = start;
  let p = start;
  while (p < end) {
    p = readVarint(bytes, p, end);
    const tag = varint[0];
    if (tag === 0x0a || tag === 0x12) {
      p = readLength(bytes, p, end);
      const part = tag === 0x0a ? at : at + 1;
      labels.starts[part] = p;
      p += varint[0];
      labels.ends[part] = p;
    } else p = skipField(bytes, p, end, tag);
  }
}
