/**
 * Floats as integers. Most measured values are decimals, or decimals that went through a 32-bit float, or counts of some
 * device's quantum rounded to decimals; as integers they take a fraction of the bits. Everything is checked bit by bit:
 * a value that does not come back exactly becomes an exception that is stored raw.
 * (The idea of decimals as integers: Afroozeh et al., "ALP: Adaptive Lossless floating-Point Compression", 2023.)
 *
 * A value v is restored from its integer m, in this order:
 *   decimal        v = m / 10^e                      (a correctly rounded division: what a parser makes of the digits)
 *   float32        v = fround(m / 10^e), then its 64 bits as an integer + c, where c is a small correction: readers that
 *                  round carelessly miss by a few units in the last place
 *   reread         as float32, but fround(m / 10^e) is first printed with the fewest digits that identify it as a double,
 *                  and read back by a reader that scales by powers of ten step by step (`rereadFloat32`): what many
 *                  tables of single-precision data have been through
 *   lattice        m = g · (base + round(k · q + phase / 16)) for an integer k, with any of the above: see lattice.ts
 */

/** The largest decimal exponent: 10^22 is the last power of ten that is exact, but more than 17 digits never help. */
const MAX_EXPONENT = 17;
const MAX_FLOAT32_EXPONENT = 9;
const MAX_MANTISSA = 2 ** 50;
const MAX_CORRECTION = 7;
const SAMPLES = 48;

export const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, e) => Number(`1e${e}`));

/** How to write a float column; arrays are scratch of this module, valid until the next call. */
export interface DecimalPlan {
  exponent: number;
  float32: boolean;
  /** [n] integers; an exception repeats its predecessor. */
  mantissas: Float64Array;
  /** [n] corrections in units of the last place; only with `float32`. */
  corrections: Float64Array;
  /** Rows whose values are stored raw, ascending. */
  exceptions: number[];
}

const pair = new Float64Array(2);
const pairBits = new Int32Array(pair.buffer);

/** bits(b) − bits(a) as 64-bit integers, or NaN when they differ by more than a few. */
function ulpsBetween(a: number, b: number): number {
  pair[0] = a;
  pair[1] = b;
  const high = pairBits[3] - pairBits[1];
  const low = (pairBits[2] >>> 0) - (pairBits[0] >>> 0) + high * 4294967296;
  return low >= -MAX_CORRECTION && low <= MAX_CORRECTION ? low : Number.NaN;
}

const REREAD_DIGITS = 17;

/**
 * What a simple text reader makes of the shortest digits of a double: it gathers up to 17 significant digits in a
 * double, then divides by 10, 100, 10^4, 10^8 for the bits of the decimal exponent, rounding each time.
 * Returns `v` itself for numbers that print with an exponent.
 */
function rereadFloat32(v: number): number {
  const text = String(v < 0 ? -v : v);
  let number = 0;
  let digits = 0;
  let scale = 0;
  let point = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x2e) {
      point = true;
    } else if (c < 0x30 || c > 0x39) {
      return v;
    } else if (digits < REREAD_DIGITS) {
      number = number * 10 + (c - 0x30);
      if (number !== 0) digits++;
      if (point) scale++;
    } else if (!point) {
      return v;
    }
  }
  for (let power = 10; scale > 0; scale >>>= 1, power *= power) if (scale & 1) number /= power;
  return v < 0 ? -number : number;
}

const REREAD_SLOTS = 4096;
const rereadKeys = new Float64Array(REREAD_SLOTS).fill(Number.NaN);
const rereadValues = new Float64Array(REREAD_SLOTS);

/** `rereadFloat32` with a memory: columns of such data hold few distinct values. */
export function rereadCached(v: number): number {
  pair[0] = v;
  const slot = (Math.imul(pairBits[0] ^ pairBits[1], 0x9e3779b1) >>> 16) & (REREAD_SLOTS - 1);
  if (rereadKeys[slot] === v) return v === 0 ? v : rereadValues[slot];
  const result = rereadFloat32(v);
  rereadKeys[slot] = v;
  rereadValues[slot] = result;
  return result;
}

/** Replaces the corrections of a float32 plan by those against reread numbers, if more of them are zero; true if so. */
export function rereadCorrections(values: Float64Array, n: number, plan: DecimalPlan): boolean {
  const { mantissas, corrections } = plan;
  const scale = POWERS_OF_TEN[plan.exponent];
  const reread = new Float64Array(n);
  let zeros = 0;
  let rereadZeros = 0;
  let e = 0;
  for (let i = 0; i < n; i++) {
    if (plan.exceptions[e] === i) {
      e++;
      continue;
    }
    reread[i] = ulpsBetween(rereadCached(Math.fround(mantissas[i] / scale)), values[i]);
    if (Number.isNaN(reread[i])) return false;
    if (corrections[i] === 0) zeros++;
    if (reread[i] === 0) rereadZeros++;
  }
  if (rereadZeros <= zeros) return false;
  corrections.set(reread);
  return true;
}

/** The integer of a plain decimal, or NaN. */
function plainMantissa(v: number, scale: number): number {
  const m = Math.round(v * scale);
  return m / scale === v && m < MAX_MANTISSA && m > -MAX_MANTISSA && (m !== 0 || 1 / v > 0) ? m + 0 : Number.NaN;
}

/** The integer of a decimal that was a float32, or NaN. */
function float32Mantissa(v: number, scale: number): number {
  const m = Math.round(v * scale);
  if (!(m < MAX_MANTISSA && m > -MAX_MANTISSA) || (m === 0 && 1 / v < 0)) return Number.NaN;
  return Number.isNaN(ulpsBetween(Math.fround(m / scale), v)) ? Number.NaN : m + 0;
}

/** The exponent that serves nine tenths of the sample with the fewest digits; -1 when none does. */
function commonExponent(
  values: Float64Array,
  n: number,
  mantissaOf: (v: number, scale: number) => number,
  limit: number,
): number {
  const step = Math.max(1, Math.floor(n / SAMPLES));
  const count = new Int32Array(limit + 1);
  let sampled = 0;
  let served = 0;
  for (let i = 0; i < n; i += step) {
    sampled++;
    // Start at the exponent before: neighbours have about as many digits.
    for (let e = 0; e <= limit; e++) {
      if (Number.isNaN(mantissaOf(values[i], POWERS_OF_TEN[e]))) continue;
      count[e]++;
      served++;
      break;
    }
    if (sampled >= 12 && served === 0) return -1;
  }
  if (served < sampled * 0.6) return -1;
  let sum = 0;
  for (let e = 0; e <= limit; e++) {
    sum += count[e];
    // All but a few; the last of those few may need many digits more, which all would pay for.
    if (sum >= served * 0.95) return e;
  }
  return -1;
}

let mantissas = new Float64Array(1024);
let corrections = new Float64Array(1024);

function fill(values: Float64Array, n: number, exponent: number, float32: boolean): DecimalPlan | null {
  if (n > mantissas.length) {
    mantissas = new Float64Array(2 ** Math.ceil(Math.log2(n)));
    corrections = new Float64Array(mantissas.length);
  }
  const exceptions: number[] = [];
  const scale = POWERS_OF_TEN[exponent];
  const limit = Math.max(2, n >>> 3);
  let previous = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    const m = float32 ? float32Mantissa(v, scale) : plainMantissa(v, scale);
    if (!Number.isNaN(m)) {
      mantissas[i] = m;
      if (float32) corrections[i] = ulpsBetween(Math.fround(m / scale), v);
      previous = m;
      continue;
    }
    mantissas[i] = previous;
    corrections[i] = 0;
    exceptions.push(i);
    if (exceptions.length > limit) return null;
  }
  if (exceptions.length > 0 && exceptions[0] === 0) {
    // Leading exceptions take the first good integer, so that they do not widen the range.
    let first = 0;
    while (first < exceptions.length && exceptions[first] === first) first++;
    if (first < n) for (let i = 0; i < first; i++) mantissas[i] = mantissas[first];
  }
  return { exponent, float32, mantissas, corrections, exceptions };
}

/** Finds how `values[0, n)` are decimals, or null when they are not. */
export function planDecimals(values: Float64Array, n: number): DecimalPlan | null {
  const plain = commonExponent(values, n, plainMantissa, MAX_EXPONENT);
  // Short decimals are what they seem; long ones, or those with exceptions, may be widened float32s with fewer digits.
  let best = plain >= 0 ? fill(values, n, plain, false) : null;
  if (best !== null && plain <= 5 && best.exceptions.length === 0) return best;
  const widened = commonExponent(values, n, float32Mantissa, MAX_FLOAT32_EXPONENT);
  if (widened < 0) return best;
  const exceptions = best?.exceptions.length ?? n;
  const exponent = best === null ? MAX_EXPONENT + 1 : plain;
  const plan = fill(values, n, widened, true);
  if (
    plan !== null &&
    (plan.exceptions.length < exceptions || (plan.exceptions.length === exceptions && widened < exponent))
  ) {
    return plan;
  }
  // The scratch now holds the other plan.
  best = plain >= 0 ? fill(values, n, plain, false) : null;
  return best;
}
