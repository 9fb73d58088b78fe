/**
 * Line protocol from bytes into a batch, in one pass and without a string or an object per line.
 *
 * A line is met with three guesses, each checked by comparing bytes:
 *
 * 1. Its key is that of the series that came after the previous line's series last time (`KeyTrail`). If not, the key
 *    is hashed on the way to its end and looked up in the index.
 * 2. Its fields are those that the series had last time, in that order (`FieldGuess`), so a value's column and type are
 *    known before it is read.
 * 3. Its timestamp is the previous line's.
 *
 * `guessedLine` handles lines for which that works out. Anything else (a new series, other fields, escapes, strings
 * with newlines, comments, faults) leaves it without a trace, and `generalLine` reads the line by the whole grammar.
 * Both accept the same lines with the same result.
 *
 * Invariants: the bytes end with a newline, so scans need no bounds check; a row becomes visible only by `batch.rows++`
 * at its end; what a refused line put into the batch's boxes is taken back.
 */
import { type Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { BOOLEAN, INTEGER, STRING } from '../batch/field-type.ts';
import { finishHash, HASH_PRIME, HASH_SEED } from '../index/hash.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { generalLine } from './general-line.ts';
import { DEFAULT_LIMITS, type IngestLimits } from './limits.ts';
import { scanBoolean } from './line-grammar.ts';
import { type LineOutcome, newLineOutcome } from './line-outcome.ts';
import { type LineRun, learnGuess, memoryOf } from './line-run.ts';
import { numberKind, releaseNumberText, scanNumber, wideNumber } from './number-parser.ts';
import { dropOldRows } from './old-rows.ts';
import type { SeriesDoor } from './series-definition.ts';
import { NANOSECONDS, type Precision, scannedTime, scanTimestamp, truncateTime } from './timestamp.ts';

export interface LineOptions {
  /** Unit of the timestamps; nanoseconds unless given. */
  precision?: Precision;
  /** The server's time, for lines without a timestamp; it is truncated to the precision. */
  nowSec: number;
  nowNano: number;
  limits?: Readonly<IngestLimits>;
  /** Asked before a series or a field is defined that the index does not know. */
  door?: SeriesDoor;
  /** 1-based number of the line at `start`; 1 unless given. */
  firstLine?: number;
  /** Stop at the first line end at or after this many bytes; then `nextOffset` and `nextLine` say where to go on. */
  sliceBytes?: number;
  /** Rows from before this instant are dropped and counted as expired. */
  oldest?: { readonly sec: number; readonly nano: number };
}

/**
 * Parses lines `bytes[start .. end]` and appends their rows to `batch`. The bytes are only read, and not kept.
 *
 * Bytes that do not end with a newline are copied to get one; readers of bodies had better append it (`withNewline`).
 *
 * @param outcome what earlier slices of the same body came to; it is added to.
 * @returns `outcome`; errors in lines are in it and never thrown.
 */
export function parseLines(
  bytes: Uint8Array,
  start: number,
  end: number,
  index: SeriesIndex,
  batch: Batch,
  options: LineOptions,
  outcome: LineOutcome = newLineOutcome(),
): LineOutcome {
  outcome.nextOffset = start;
  outcome.nextLine = options.firstLine ?? 1;
  if (start >= end) return outcome;
  if (bytes[end - 1] !== 10) {
    const whole = withNewline(bytes.subarray(start, end));
    parseLines(whole, 0, whole.length, index, batch, options, outcome);
    outcome.nextOffset = Math.min(end, outcome.nextOffset + start);
    return outcome;
  }
  // A Buffer is another hidden class; hot code shall see one.
  const plain = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const precision = options.precision ?? NANOSECONDS;
  const now = truncateTime(options.nowSec, options.nowNano, precision);
  const memory = memoryOf(index);
  const run: LineRun = {
    bytes: plain,
    view: new DataView(plain.buffer, plain.byteOffset, plain.byteLength),
    end,
    index,
    batch,
    memory,
    precision,
    limits: options.limits ?? DEFAULT_LIMITS,
    door: options.door,
    nowSec: now.sec,
    nowNano: now.nano,
    oldestSec: options.oldest?.sec ?? -Infinity,
    oldestNano: options.oldest?.nano ?? 0,
    outcome,
    line: outcome.nextLine,
    timeStart: start,
    timeBytes: 0,
    timeSec: 0,
    timeNano: 0,
  };
  const stop = Math.min(end, start + (options.sliceBytes ?? end));
  const rowsBefore = batch.rows;
  const valuesBefore = batch.valueCount;
  let p = start;
  while (p < stop) {
    const next = guessedLine(run, p);
    p = next > 0 ? next : generalLine(run, p);
  }
  releaseNumberText();
  if (options.oldest !== undefined) outcome.expired += dropOldRows(batch, run.oldestSec, run.oldestNano);
  outcome.rows += batch.rows - rowsBefore;
  outcome.values += batch.valueCount - valuesBefore;
  outcome.nextOffset = p;
  outcome.nextLine = run.line;
  return outcome;
}

/** The bytes, copied with a newline at their end unless they have one. */
function withNewline(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0 && bytes[bytes.length - 1] === 10) return bytes;
  const whole = new Uint8Array(bytes.length + 1);
  whole.set(bytes);
  whole[bytes.length] = 10;
  return whole;
}

/**
 * Reads the line at `start` if all guesses hold. One long function, because its parts share a dozen local variables
 * and a call per field would cost as much as the field.
 * @returns the next line's position, or −1 with nothing changed.
 */
function guessedLine(run: LineRun, start: number): number {
  const { bytes, view, end, index, batch, memory, limits } = run;
  const { trail, lastRef } = memory;

  // The series.
  let p = trail.match(lastRef, view, start, end);
  let ref = trail.guess;
  if (p < 0) {
    p = findKeyEnd(bytes, start);
    if (p < 0) return -1;
    ref = index.find(bytes, start, p, keyHash[0]);
    if (ref < 0) return -1;
    trail.learn(lastRef, ref, view, start, p);
    p++;
  }

  // The fields.
  const shape = index.lastShape[ref];
  if (shape < 0) return -1;
  let guess = memory.guesses[shape];
  if (guess === undefined) guess = learnGuess(memory, index.shapes[shape]);
  if (guess === null) return -1;
  const { width, words, wordStart, lastMask, bytes: nameBytes, types } = guess;
  const row = batch.rows;
  const base = batch.valueCount;
  batch.reserve(width);
  const values = batch.values;
  const wideCount = batch.wideCount;
  const stringCount = batch.stringCount;
  const viewEnd = view.byteLength;
  let word = 0;
  let c = 0;
  for (let i = 0; ; ) {
    const lastWord = wordStart[i + 1] - 1;
    let q = p;
    if (q + 4 * (lastWord - word) + 4 > viewEnd) return undo(batch, wideCount, stringCount);
    while (word < lastWord && view.getInt32(q, true) === words[word]) {
      q += 4;
      word++;
    }
    if (word !== lastWord || (view.getInt32(q, true) & lastMask[i]) !== words[word]) {
      return undo(batch, wideCount, stringCount);
    }
    word++;
    p += nameBytes[i];
    const type = types[i];
    if (type === INTEGER) {
      // Up to nine digits here, the rest by scanNumber.
      const far = p + 9;
      let sum = 0;
      let digit = (bytes[p] - 48) >>> 0;
      q = p;
      while (digit <= 9 && q < far) {
        sum = (Math.imul(sum, 10) + digit) | 0;
        digit = (bytes[++q] - 48) >>> 0;
      }
      if (q > p && bytes[q] === 105) {
        values[base + i] = sum;
        p = q + 1;
      } else {
        p = scanGuessedNumber(bytes, p, batch, base + i, type);
        if (p < 0) return undo(batch, wideCount, stringCount);
      }
    } else if (type === STRING) {
      if (bytes[p] !== 34) return undo(batch, wideCount, stringCount);
      const from = ++p;
      c = bytes[p];
      while (c !== 34 && c !== 92 && c !== 10) c = bytes[++p];
      if (c !== 34 || p - from > limits.maxStringBytes) return undo(batch, wideCount, stringCount);
      batch.setBox(base + i, BOX_STRING, batch.addString(bytes, from, p));
      p++;
    } else if (type === BOOLEAN) {
      c = bytes[p];
      p = scanBoolean(bytes, p);
      if (p < 0) return undo(batch, wideCount, stringCount);
      values[base + i] = (c | 32) === 116 ? 1 : 0;
    } else {
      p = scanGuessedNumber(bytes, p, batch, base + i, type);
      if (p < 0) return undo(batch, wideCount, stringCount);
    }
    c = bytes[p];
    i++;
    if (c === 44) {
      if (i === width) return undo(batch, wideCount, stringCount);
      p++;
    } else {
      if (i !== width) return undo(batch, wideCount, stringCount);
      break;
    }
  }

  // The timestamp and the end of the line.
  let sec = run.nowSec;
  let nano = run.nowNano;
  if (c === 32) {
    p++;
    const timeBytes = run.timeBytes;
    if (timeBytes >= 8 && p + timeBytes < end && isSameTime(view, p, run.timeStart, timeBytes)) {
      sec = run.timeSec;
      nano = run.timeNano;
      p += timeBytes;
    } else {
      const first = bytes[p] - 48;
      if (first >>> 0 > 9 && first !== -3) return undo(batch, wideCount, stringCount);
      const from = p;
      p = scanTimestamp(bytes, p, run.precision);
      if (p < 0) return undo(batch, wideCount, stringCount);
      sec = run.timeSec = scannedTime[0];
      nano = run.timeNano = scannedTime[1];
      run.timeStart = from;
      run.timeBytes = p - from;
    }
    c = bytes[p];
  }
  if (c === 13) c = bytes[++p];
  if (c !== 10 || p - start > limits.maxLineBytes) return undo(batch, wideCount, stringCount);

  batch.series[row] = ref;
  batch.shape[row] = shape;
  batch.sec[row] = sec;
  batch.nano[row] = nano;
  batch.valueStart[row] = base;
  batch.valueCount = base + width;
  batch.rows = row + 1;
  memory.lastRef = ref;
  run.line++;
  return p + 1;
}

/** Takes back the boxes of a line that is given up; always −1. */
function undo(batch: Batch, wideCount: number, stringCount: number): number {
  batch.wideCount = wideCount;
  batch.stringCount = stringCount;
  return -1;
}

/** [0] the hash of the key that `findKeyEnd` walked over. */
const keyHash = new Int32Array(1);

/** The unescaped space that ends the key at `start`; -1 when the line is not one that could be guessed. */
function findKeyEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first <= 32 || first === 35 || first === 44) return -1;
  let hash = Math.imul(HASH_SEED ^ first, HASH_PRIME);
  for (let p = start + 1; ; p++) {
    const c = bytes[p];
    if (c <= 32) {
      if (c === 10) return -1;
      if (c === 32 && bytes[p - 1] !== 92) {
        keyHash[0] = finishHash(hash);
        return p;
      }
    }
    hash = Math.imul(hash ^ c, HASH_PRIME);
  }
}

function scanGuessedNumber(bytes: Uint8Array, p: number, batch: Batch, slot: number, type: number): number {
  const c = bytes[p];
  if ((c < 48 || c > 57) && c !== 45 && c !== 46) return -1;
  const next = scanNumber(bytes, p, batch.values, slot);
  if (next < 0 || numberKind[0] !== type) return -1;
  if (numberKind[1] === 1) batch.setBox(slot, BOX_WIDE, batch.addWide(wideNumber[0]));
  return next;
}

/** Whether the text at `p` is that at `q`, of `count` ≥ 8 bytes, and ends there. */
function isSameTime(view: DataView, p: number, q: number, count: number): boolean {
  let i = 0;
  for (; i + 4 <= count; i += 4) if (view.getInt32(p + i, true) !== view.getInt32(q + i, true)) return false;
  const last = count - 4;
  if (view.getInt32(p + last, true) !== view.getInt32(q + last, true)) return false;
  return (view.getUint8(p + count) - 48) >>> 0 > 9;
}
