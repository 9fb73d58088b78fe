/** The parts of a double, and operations that need them: mantissa and exponent, powers of two, fused multiply-add. */

const double = new Float64Array(1);
/** Low and high word; every platform that Node runs on is little-endian. */
const words = new Uint32Array(double.buffer);

/** 2^exponent, for exponents of normal doubles (-1022 … 1023). */
export function twoTo(exponent: number): number {
  words[0] = 0;
  words[1] = (exponent + 1023) << 20;
  return double[0]!;
}

/** The exponent of the last split(); a second result without an object per call. */
let splitExponent = 0;

/** |x| = fraction × 2^exponent with a fraction in [0.5, 1); 0, infinities and NaN come back as they are with exponent 0. */
export function fractionOf(x: number): number {
  splitExponent = 0;
  if (x === 0 || !Number.isFinite(x)) return x;
  let normal = x;
  if (Math.abs(x) < 2.2250738585072014e-308) {
    normal = x * 2 ** 52;
    splitExponent = -52;
  }
  double[0] = normal;
  splitExponent += ((words[1]! >>> 20) & 0x7ff) - 1022;
  words[1] = (words[1]! & 0x800fffff) | (1022 << 20);
  return double[0]!;
}

/** The exponent that belongs to the last fractionOf(). */
export function exponentOfLast(): number {
  return splitExponent;
}

/** fraction × 2^exponent, rounded once when it is subnormal. */
export function scale(fraction: number, exponent: number): number {
  if (fraction === 0 || !Number.isFinite(fraction)) return fraction;
  const normal = fractionOf(fraction);
  const sum = exponent + splitExponent - 1;
  if (sum < -1075) return normal < 0 ? -0 : 0;
  if (sum > 1023) return normal < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (sum < -1022) return normal * 2 * twoTo(sum + 53) * 2 ** -53;
  return normal * 2 * twoTo(sum);
}

/** Splits a double into halves of 26 bits (Veltkamp). */
const SPLITTER = 134217729;

/**
 * a × b + c, rounded once. For operands whose product and sum are far from overflow and underflow.
 *
 * The product is taken apart exactly into two doubles (Dekker), the low part is added to c exactly, and what is left over is
 * rounded to odd before the last addition, which then rounds correctly (Boldo and Melquiond, IEEE TC 57, 2008).
 */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  if (product === 0 || !Number.isFinite(product) || !Number.isFinite(c)) return product + c;
  const aHigh = SPLITTER * a - (SPLITTER * a - a);
  const aLow = a - aHigh;
  const bHigh = SPLITTER * b - (SPLITTER * b - b);
  const bLow = b - bHigh;
  const productLow = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  const t = c + productLow;
  const tFrom = t - c;
  const tLow = c - (t - tFrom) + (productLow - tFrom);
  const v = product + t;
  const vFrom = v - product;
  const vLow = product - (v - vFrom) + (t - vFrom);
  return v + addToOdd(tLow, vLow);
}

/** x + y, rounded to the neighbour with an odd mantissa when it is not exact. */
function addToOdd(x: number, y: number): number {
  const sum = x + y;
  const from = sum - x;
  const rest = x - (sum - from) + (y - from);
  if (rest === 0) return sum;
  double[0] = sum;
  if ((words[0]! & 1) === 1) return sum;
  // Even, and not exact: one step towards the rest, away from or towards zero.
  const away = rest > 0 === sum > 0;
  if (away) {
    words[0] = words[0]! + 1;
  } else {
    if (words[0] === 0) words[1] = words[1]! - 1;
    words[0] = words[0]! - 1;
  }
  return double[0]!;
}
