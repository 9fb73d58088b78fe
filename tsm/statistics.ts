/**
 * What a block of one series and field is known for without decoding it.
 *
 * Kept only for numeric blocks (booleans count as 0 and 1) without gaps, whose values are all finite; integers only as
 * long as every partial sum is exact (below 2^53). A block with a NaN, a stale marker or an infinity has none, so a
 * query decodes it.
 *
 * `correction` serves counters: Σ of the value before each drop. So over the whole block
 *   increase = last − first + correction
 * and over consecutive blocks the corrections add up, plus the last value of a block whose successor starts lower.
 *
 * Bytes: [u8 0 none, 255 doubles, else e + 1 for a scale of 10^e]
 *        scaled: zigzag varints of min, max − min, first − min, last − min, sum − rows · first, correction, all times 10^e
 *        doubles: min, max, first, last, sum, correction as f64
 */
import type { Column } from '../batch/column.ts';
import { STRING } from '../batch/field-type.ts';
import type { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readVarint, readZigzag } from './cursor.ts';
import { POWERS_OF_TEN } from './decimals.ts';

/** Of one block; `rows` values, all present. */
export interface Statistics {
  min: number;
  max: number;
  first: number;
  last: number;
  sum: number;
  /** Sum of the values before each decrease: what a counter lost to resets. */
  correction: number;
  /** All values are whole numbers; known of what was read from a file. */
  whole?: boolean;
}

const EXACT_LIMIT = 2 ** 52;

/** Integer multiples of 10^-exponent: summed exactly; or as plain doubles when `exponent` < 0. Null when there are none. */
function measure(values: Float64Array, rows: number, scale: number): Statistics | null {
  let min = values[0] * scale;
  let max = min;
  let sum = 0;
  let magnitude = 0;
  let correction = 0;
  let previous = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < rows; i++) {
    const v = scale === 1 ? values[i] : Math.round(values[i] * scale);
    if (v < min) min = v;
    if (v > max) max = v;
    sum += v;
    magnitude += v < 0 ? -v : v;
    if (v < previous) correction += previous;
    previous = v;
  }
  if (!(magnitude <= Number.MAX_VALUE)) return null;
  if (scale !== 1) {
    min = Math.round(min);
    max = Math.round(max);
  }
  const first = scale === 1 ? values[0] : Math.round(values[0] * scale);
  if (magnitude > EXACT_LIMIT) return scale === 1 ? { min, max, first, last: previous, sum, correction } : null;
  return { min, max, first, last: previous, sum, correction };
}

/**
 * Appends the statistics of a column, or a zero byte.
 * @param exponent the decimal exponent its values were written with, or -1
 */
export function encodeStatistics(w: ByteWriter, column: Column, exponent: number): void {
  if (column.type === STRING || column.wide !== null || column.present !== null || column.rows === 0) {
    w.u8(0);
    return;
  }
  const rows = column.rows;
  const scale = exponent > 0 ? POWERS_OF_TEN[exponent] : 1;
  const s = measure(column.values, rows, scale);
  if (
    s !== null &&
    exponent >= 0 &&
    Math.max(Math.abs(s.sum), rows * Math.max(Math.abs(s.min), Math.abs(s.max))) < EXACT_LIMIT / 2
  ) {
    if (exactlyScaled(column.values, rows, scale)) {
      w.u8(exponent + 1);
      w.zigzag(s.min);
      w.varint(s.max - s.min);
      w.varint(s.first - s.min);
      w.varint(s.last - s.min);
      w.zigzag(s.sum - rows * s.first);
      w.zigzag(s.correction);
      return;
    }
  }
  const plain = column.type === 0 ? measure(column.values, rows, 1) : null;
  if (plain === null) {
    w.u8(0);
    return;
  }
  w.u8(255);
  for (const v of [plain.min, plain.max, plain.first, plain.last, plain.sum, plain.correction]) w.f64(v);
}

/** Exceptions of a decimal column make its scaled statistics wrong. */
function exactlyScaled(values: Float64Array, rows: number, scale: number): boolean {
  for (let i = 0; i < rows; i++) if (Math.round(values[i] * scale) / scale !== values[i]) return false;
  return true;
}

/** Reads what `encodeStatistics` wrote for a block of `rows` rows. */
export function decodeStatistics(c: Cursor, rows: number): Statistics | null {
  const kind = readByte(c);
  if (kind === 0) return null;
  if (kind === 255) {
    if (c.end - c.at < 48) throw new RangeError('statistics run past their end');
    const v = new Float64Array(6);
    for (let i = 0; i < 6; i++) v[i] = c.view.getFloat64(c.at + i * 8, true);
    c.at += 48;
    return { min: v[0], max: v[1], first: v[2], last: v[3], sum: v[4], correction: v[5], whole: false };
  }
  if (kind > POWERS_OF_TEN.length) throw new RangeError(`statistics with a scale of ${kind}`);
  const scale = POWERS_OF_TEN[kind - 1];
  const min = readZigzag(c);
  const max = min + readVarint(c);
  const first = min + readVarint(c);
  const last = min + readVarint(c);
  const sum = readZigzag(c) + rows * first;
  const correction = readZigzag(c);
  return {
    min: min / scale,
    max: max / scale,
    first: first / scale,
    last: last / scale,
    sum: sum / scale,
    correction: correction / scale,
    whole: kind === 1,
  };
}
