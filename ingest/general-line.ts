/**
 * Lines that turn out otherwise than foreseen: new series, other fields than last time, comments, blank lines, faults.
 * They are read by the grammar, and what they bring that is new is defined before their row is appended. A refused line
 * leaves nothing behind: no values, no boxes, no series.
 */
import type { Batch } from '../batch/batch.ts';
import type { FieldType } from '../batch/field-type.ts';
import { countRefusal } from '../engine/refusals.ts';
import { partsRefusal } from '../engine/write-limits.ts';
import { assert } from '../errors/errors.ts';
import { hashBytes } from '../index/hash.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { tooLong } from './limits.ts';
import {
  findLineEnd,
  isLineEnd,
  newScannedLine,
  refuse,
  refuseBeyond,
  type ScannedLine,
  scanLine,
  skipBlanks,
} from './line-grammar.ts';
import { addLineError } from './line-outcome.ts';
import type { LineRun } from './line-run.ts';
import { checkFields, mergeRepeatedFields, shapeOf } from './row-shape.ts';
import { hasDuplicateTags, isPlainKey, resolveSeries, splitKey, timeTagFault } from './series-definition.ts';
import { scannedTime } from './timestamp.ts';

const scanned: ScannedLine = newScannedLine();
const decoder = new TextDecoder();

/** Reads the line at `start`, whatever it is, and returns the next line's position. */
export function generalLine(run: LineRun, start: number): number {
  const { bytes, end, batch, outcome, limits } = run;
  const first = skipBlanks(bytes, start);
  if (isLineEnd(bytes, first) || bytes[first] === 35) {
    run.line++;
    return bytes.indexOf(10, first) + 1;
  }
  const { wideCount, stringCount } = batch;
  const p = scanLine(bytes, first, end, batch, run.precision, limits, scanned);
  if (p >= 0) {
    if (p - start > limits.maxLineBytes)
      refuseBeyond(scanned, start, tooLong('line', p - start, 'maxLineBytes', limits));
    else if (storeRow(run, scanned)) {
      run.line += 1 + scanned.innerNewlines;
      return p + 1;
    }
  }
  batch.wideCount = wideCount;
  batch.stringCount = stringCount;
  const next = scanned.brokenString ? bytes.indexOf(10, start) : findLineEnd(bytes, start, end);
  const textEnd = next > start && bytes[next - 1] === 13 ? next - 1 : next;
  addLineError(outcome, bytes, start, textEnd, run.line, scanned.at, scanned.reason ?? '', scanned.readable);
  if (scanned.limit !== null) countRefusal(outcome.refusals, { limit: scanned.limit, text: scanned.reason ?? '' });
  for (let q = start; q <= next; q++) if (bytes[q] === 10) run.line++;
  return next + 1;
}

/** Finds or defines the series of a scanned line and completes its row, unless it is too old. False when refused. */
function storeRow(run: LineRun, line: ScannedLine): boolean {
  const { bytes, index, batch, memory } = run;
  const { keyStart, keyEnd } = line;
  if (!mergeRepeatedFields(bytes, batch, line)) return false;
  const sec = line.hasTime ? scannedTime[0] : run.nowSec;
  const nano = line.hasTime ? scannedTime[1] : run.nowNano;
  if (sec < run.oldestSec || (sec === run.oldestSec && nano < run.oldestNano)) {
    run.outcome.expired++;
    return true;
  }
  const hash = hashBytes(bytes, keyStart, keyEnd);
  let ref = index.find(bytes, keyStart, keyEnd, hash);
  if (ref < 0) {
    ref = defineSeries(run, line, hash);
    if (ref < 0) return false;
  } else if (line.fieldCount === 0) {
    refuse(line, keyEnd + 1, timeFieldReason(run, line), true);
    return false;
  } else if (!checkFields(run, index.measurementOf(ref), line)) return false;
  const measurement = index.measurementOf(ref);
  const isCrowded = index.shapeLimitReached(measurement) || run.door?.hasRoom(0) === false;
  if (line.fieldCount > 1 && isCrowded) {
    appendSingleFieldRows(index, batch, ref, measurement, line, sec, nano);
  } else {
    const shapesBefore = index.shapes.length;
    const shape = shapeOf(index, measurement, line);
    run.door?.hasRoom(index.shapes.length - shapesBefore);
    appendRow(batch, ref, shape.id, shape.width, sec, nano);
    if (index.lastShape[ref] !== shape.id) index.noteShape(ref, shape.id);
  }
  memory.trail.learn(memory.lastRef, ref, run.view, keyStart, keyEnd);
  memory.lastRef = ref;
  return true;
}

/** Makes a row of the next `width` values of the batch. */
function appendRow(batch: Batch, ref: number, shape: number, width: number, sec: number, nano: number): void {
  batch.reserve(width);
  const row = batch.rows;
  batch.series[row] = ref;
  batch.shape[row] = shape;
  batch.sec[row] = sec;
  batch.nano[row] = nano;
  batch.valueStart[row] = batch.valueCount;
  batch.valueCount += width;
  batch.rows = row + 1;
}

/**
 * Makes a row of each field of a line, for a measurement whose lines have too many different sets of fields to intern
 * them all. The series' guess stays what it was.
 */
function appendSingleFieldRows(
  index: SeriesIndex,
  batch: Batch,
  ref: number,
  measurement: number,
  line: ScannedLine,
  sec: number,
  nano: number,
): void {
  const guess = index.lastShape[ref];
  for (let i = 0; i < line.fieldCount; i++) {
    const name = line.fieldNames[i];
    const shape = index.singleFieldShape(measurement, name, 0, name.length, line.fieldTypes[i] as FieldType);
    appendRow(batch, ref, shape.id, 1, sec, nano);
    index.noteShape(ref, shape.id);
  }
  if (guess >= 0) index.noteShape(ref, guess);
}

/** The ref of a scanned line's unknown key, -1 when the line is refused. */
function defineSeries(run: LineRun, line: ScannedLine, hash: number): number {
  const { bytes, index, outcome } = run;
  const { keyStart, keyEnd } = line;
  const isPlain =
    line.fieldCount > 0 && run.door?.needsParts !== true && isPlainKey(bytes, keyStart, keyEnd, run.limits);
  if (isPlain) return definePlainSeries(run, line, hash);
  const parts = splitKey(bytes, keyStart, keyEnd);
  if (hasDuplicateTags(parts.tagKeys)) return refuse(line, keyStart, 'duplicate tags');
  const beyond = partsRefusal(parts, run.limits);
  if (beyond !== null) return refuseBeyond(line, keyStart, beyond);
  const fault = timeTagFault(parts);
  if (fault !== null) return refuse(line, keyStart, fault, true);
  if (line.fieldCount === 0) return refuse(line, keyEnd + 1, timeFieldReason(run, line), true);
  // Types are checked first, so that a refused line leaves no series behind.
  const measurement = index.series.measurements.find(parts.measurement, 0, parts.measurement.length);
  if (!checkFields(run, measurement, line)) return -1;
  const ref = resolveSeries(index, parts, bytes.subarray(keyStart, keyEnd), run.door, () => {
    outcome.newSeries++;
  });
  return typeof ref === 'number' ? ref : refuseBeyond(line, keyStart, ref);
}

/** Like `defineSeries` for a key that is canonical as it stands, and so belongs to a new series for certain. */
function definePlainSeries(run: LineRun, line: ScannedLine, hash: number): number {
  const { bytes, index, outcome } = run;
  const { keyStart, keyEnd } = line;
  let nameEnd = keyStart;
  while (nameEnd < keyEnd && bytes[nameEnd] !== 44) nameEnd++;
  const measurement = index.series.measurements.find(bytes, keyStart, nameEnd);
  if (!checkFields(run, measurement, line)) return -1;
  const refusal = run.door === undefined ? null : run.door.admit(null);
  if (refusal !== null) return refuseBeyond(line, keyStart, refusal);
  const ref = index.defineCanonical(bytes, keyStart, keyEnd, hash);
  assert(ref >= 0, 'a plain key is not canonical');
  outcome.newSeries++;
  return ref;
}

function timeFieldReason(run: LineRun, line: ScannedLine): string {
  const name = decoder.decode(splitKey(run.bytes, line.keyStart, line.keyEnd).measurement);
  return `invalid field name: input field "time" on measurement "${name}" is invalid`;
}
