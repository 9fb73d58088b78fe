/**
 * Numbers of line protocol, read from bytes straight into a column.
 *
 * Floats are correctly rounded for every input, integers exact over the whole i64 and u64 range. No string and no
 * BigInt is made on the usual paths:
 *
 * 1. The first nine significant digits are summed in one int32, the next nine in another, so that eighteen digits cost
 *    integer adds only. Digits after them are counted, not summed.
 * 2. Up to 15 digits and a power of ten up to 10^22 are exact doubles, and so one division or multiplication is
 *    correctly rounded (W. D. Clinger, "How to read floating point numbers accurately", 1990).
 * 3. 16 to 18 digits, as shortest representations of measured doubles have, are held as an unevaluated sum hi + lo.
 *    q = hi / 10^k has an exactly representable remainder, found with Dekker's product; so the true quotient is
 *    q + c with c known to a relative 2^-51. Rounding is monotone: if q + c(1 - 2^-49) and q + c(1 + 2^-49) round to the
 *    same double, that is the answer. Only quotients next to a midpoint fail that.
 * 4. All else (more digits, far exponents, midpoints) goes to `Number()` of the text, which rounds correctly.
 *
 * The caller guarantees that a newline lies at or after the position, so scanning needs no bounds checks.
 */
import { FLOAT, INTEGER, UNSIGNED } from '../batch/field-type.ts';

/** `scanNumber` results below zero: not a number, a float beyond the doubles, an i64 or u64 overflow. */
export const INVALID_NUMBER = -1;
export const INVALID_FLOAT = -2;
export const INTEGER_OVERFLOW = -3;
const UNSIGNED_OVERFLOW = -4;

/** [0] the field type of the last scanned number, [1] one if it is an integer beyond ±2^53, found in `wideNumber`. */
export const numberKind = new Int32Array(2);

/** [0] the last scanned wide integer: its 64 bits as two's complement. */
export const wideNumber = new BigInt64Array(1);

const limbs = new Uint16Array(wideNumber.buffer);
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const SPLITTER = 134217729;
const TWO_53 = 9007199254740992;

/**
 * Reads the number at `start`, which must be delimited by a comma, a space or the line's end, and writes its value to
 * `out[slot]` (nothing for a wide integer) and its type to `numberKind`.
 *
 * @returns the position of the delimiter, or one of the negative codes above.
 */
export function scanNumber(bytes: Uint8Array, start: number, out: Float64Array, slot: number): number {
  let p = start;
  const negative = bytes[p] === 45;
  if (negative) p++;
  const first = p;
  let high = 0;
  let low = 0;
  while (bytes[p] === 48) p++;
  const significant = p;
  let digit = (bytes[p] - 48) >>> 0;
  let stop = p + 9;
  while (digit <= 9 && p < stop) {
    high = (Math.imul(high, 10) + digit) | 0;
    digit = (bytes[++p] - 48) >>> 0;
  }
  if (digit <= 9) {
    stop += 9;
    while (digit <= 9 && p < stop) {
      low = (Math.imul(low, 10) + digit) | 0;
      digit = (bytes[++p] - 48) >>> 0;
    }
    while (digit <= 9) digit = (bytes[++p] - 48) >>> 0;
  }
  let count = p - significant;
  let c = bytes[p];
  if (c === 105 || c === 117) {
    if (p === first || !isDelimiter(bytes, p + 1)) return INVALID_NUMBER;
    if (c === 117 && negative) return INVALID_NUMBER;
    return putInteger(bytes, significant, p, negative, high, low, c === 105 ? INTEGER : UNSIGNED, out, slot);
  }
  let anyDigit = p > first;
  let exponent = 0;
  if (c === 46) {
    const fraction = ++p;
    if (count === 0) while (bytes[p] === 48) p++;
    const from = p;
    digit = (bytes[p] - 48) >>> 0;
    stop = p + 9 - count;
    while (digit <= 9 && p < stop) {
      high = (Math.imul(high, 10) + digit) | 0;
      digit = (bytes[++p] - 48) >>> 0;
    }
    stop = from + 18 - count;
    while (digit <= 9 && p < stop) {
      low = (Math.imul(low, 10) + digit) | 0;
      digit = (bytes[++p] - 48) >>> 0;
    }
    while (digit <= 9) digit = (bytes[++p] - 48) >>> 0;
    count += p - from;
    exponent = fraction - p;
    if (p > fraction) anyDigit = true;
    c = bytes[p];
  }
  if (c === 101 || c === 69) {
    if (!anyDigit) return classifyBadNumber(bytes, start);
    c = bytes[++p];
    const down = c === 45;
    if (down || c === 43) p++;
    const from = p;
    let power = 0;
    digit = (bytes[p] - 48) >>> 0;
    while (digit <= 9) {
      if (power < 100000) power = power * 10 + digit;
      digit = (bytes[++p] - 48) >>> 0;
    }
    if (p === from) return classifyBadNumber(bytes, start);
    exponent += down ? -power : power;
  }
  if (!anyDigit || !isDelimiter(bytes, p)) return classifyBadNumber(bytes, start);
  numberKind[0] = FLOAT;
  numberKind[1] = 0;
  let value = -1;
  if (count <= 18) value = decimal(high, low, count, exponent);
  if (value < 0) {
    value = slowFloat(bytes, first, p);
    if (value === Number.POSITIVE_INFINITY) return INVALID_FLOAT;
  }
  out[slot] = negative ? -value : value;
  return p;
}

/** Whether a value may end at `p`: comma, space, newline, or carriage return before a newline. */
export function isDelimiter(bytes: Uint8Array, p: number): boolean {
  const c = bytes[p];
  return c === 44 || c === 32 || c === 10 || (c === 13 && bytes[p + 1] === 10);
}

/**
 * The double nearest to d · 10^exponent, where d's `count` ≤ 18 digits are `high` (the first nine at most) and `low`
 * (the others). Negative when this needs the slow way.
 */
function decimal(high: number, low: number, count: number, exponent: number): number {
  const scale = count > 9 ? POWERS[count - 9] : 1;
  if (count <= 15) {
    const digits = high * scale + low;
    if (exponent === 0) return digits;
    if (exponent < 0 && exponent >= -22) return digits / POWERS[-exponent];
    if (exponent > 0 && exponent <= 22) return digits * POWERS[exponent];
    return digits === 0 ? 0 : -1;
  }
  // d = t1 + t2 exactly: `high` is cut in two, so that both products stay below 2^53.
  const t1 = (high >>> 15) * 32768 * scale;
  const t2 = (high & 32767) * scale + low;
  const hi = t1 + t2;
  const lo = t2 - (hi - t1);
  if (exponent > 0 || exponent < -22) return -1;
  if (exponent === 0) return hi;
  const divisor = POWERS[-exponent];
  const q = hi / divisor;
  // Dekker: product + error = q · divisor exactly.
  const product = q * divisor;
  const a = q * SPLITTER;
  const qHigh = a - (a - q);
  const qLow = q - qHigh;
  const b = divisor * SPLITTER;
  const dHigh = b - (b - divisor);
  const dLow = divisor - dHigh;
  const error = qLow * dLow - (product - qHigh * dHigh - qLow * dHigh - qHigh * dLow);
  const c = (hi - product - error + lo) / divisor;
  const nudge = c * 1.7763568394002505e-15;
  const below = q + (c - nudge);
  return below === q + (c + nudge) ? below : -1;
}

function putInteger(
  bytes: Uint8Array,
  significant: number,
  end: number,
  negative: boolean,
  high: number,
  low: number,
  type: typeof INTEGER | typeof UNSIGNED,
  out: Float64Array,
  slot: number,
): number {
  const count = end - significant;
  const overflow = type === INTEGER ? INTEGER_OVERFLOW : UNSIGNED_OVERFLOW;
  if (count > 20) return overflow;
  numberKind[0] = type;
  numberKind[1] = 0;
  const value = count <= 9 ? high : high * POWERS[Math.min(count, 18) - 9] + low;
  if (count <= 18 && value < TWO_53) {
    out[slot] = negative && value !== 0 ? -value : value;
    return end + 1;
  }
  limbs.fill(0);
  multiplyAdd(1, high);
  let carry = multiplyAdd(POWERS[Math.min(count, 18) - 9], low);
  for (let i = significant + 18; i < end; i++) carry += multiplyAdd(10, bytes[i] - 48);
  if (carry !== 0) return overflow;
  if (type === INTEGER && limbs[3] >= 0x8000) {
    const least = negative && limbs[3] === 0x8000 && limbs[2] === 0 && limbs[1] === 0 && limbs[0] === 0;
    if (!least) return overflow;
  }
  if (wideNumber[0] === 9007199254740992n) {
    out[slot] = negative ? -TWO_53 : TWO_53;
    return end + 1;
  }
  if (negative) wideNumber[0] = -wideNumber[0];
  numberKind[1] = 1;
  return end + 1;
}

/** limbs = limbs · factor + addend over 64 bits; returns what does not fit. Every product stays below 2^53. */
function multiplyAdd(factor: number, addend: number): number {
  let carry = addend;
  for (let i = 0; i < 4; i++) {
    const sum = limbs[i] * factor + carry;
    carry = Math.floor(sum / 65536);
    limbs[i] = sum - carry * 65536;
  }
  return carry;
}

let textOf: Uint8Array | null = null;
let text: Buffer | null = null;

/** The correctly rounded value of a checked decimal text, by way of a string. */
function slowFloat(bytes: Uint8Array, start: number, end: number): number {
  if (textOf !== bytes || text === null) {
    textOf = bytes;
    text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return Number(text.toString('latin1', start, end));
}

/** Forgets the last buffer that a slow number was read from, so that it can be collected. */
export function releaseNumberText(): void {
  textOf = null;
  text = null;
}

/**
 * InfluxDB tells what cannot begin to be a number ("invalid number") from what has a number's characters but no value
 * ("invalid float").
 */
function classifyBadNumber(bytes: Uint8Array, start: number): number {
  let p = start;
  if (bytes[p] === 45) p++;
  let dots = 0;
  let others = 0;
  for (; !isDelimiter(bytes, p); p++) {
    const c = bytes[p];
    if (c === 46) {
      if (++dots > 1) return INVALID_NUMBER;
    } else if (c === 43 || c === 45) {
      if ((bytes[p - 1] | 32) !== 101) return INVALID_NUMBER;
      others++;
    } else if ((c >= 48 && c <= 57) || ((c | 32) === 101 && p > start)) others++;
    else return INVALID_NUMBER;
  }
  return others === 0 ? INVALID_NUMBER : INVALID_FLOAT;
}
