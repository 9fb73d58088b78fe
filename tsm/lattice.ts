/**
 * Integers that are multiples of some device's quantum, rounded: m = factor · (base + round(k · q + phase / 16) + r).
 *
 * A meter that counts in steps of 66.977 thousandths writes 5.827, 5.693, 5.157: as thousandths they need 10 bits each
 * and differ by 134 and 536, as multiples k they are 87, 85, 77. Where q fits every value of a column, k is stored.
 *
 * r is 0 for most; a mean of two such values is off by up to one, so a coarse lattice may come with r of −1, 0 or 1.
 *
 * Bytes: [varint mantissa · 32 + exponent · 4 + form], q = mantissa / 10^exponent, exponent ≤ 7
 *        form 0: factor 1, base 0, phase 0
 *        form 1: [varint factor], base 0, phase 0
 *        form 2: [varint factor][zigzag base][u8 phase + 8]
 *        form 3: as form 2, then [r: integers]
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readVarint, readZigzag } from './cursor.ts';
import { POWERS_OF_TEN } from './decimals.ts';

export interface Lattice {
  /** q = mantissa / 10^exponent. */
  mantissa: number;
  exponent: number;
  factor: number;
  base: number;
  /** −8 … 8, in sixteenths. */
  phase: number;
  /** Whether some r is not 0. */
  rough: boolean;
}

const MIN_QUANTUM = 3;
const MAX_QUANTUM = 100_000;
const MAX_MAGNITUDE = 2 ** 31;
const MAX_SCAN_STEPS = 40_000;
const MAX_EXPONENT = 7;
/** The smallest gap is this many quanta at most. */
const MAX_MULTIPLE = 3;
const AT_LEAST_DISTINCT = 5;
const PHASES = 16;
/** A lattice with r costs a bit or two per value: it must save more. */
const MIN_ROUGH_QUANTUM = 24;
const AT_LEAST_DISTINCT_ROUGH = 9;

function quantumOf(lattice: Pick<Lattice, 'mantissa' | 'exponent'>): number {
  return lattice.mantissa / POWERS_OF_TEN[lattice.exponent];
}

export function writeLattice(w: ByteWriter, lattice: Lattice): void {
  const { mantissa, exponent, factor, base, phase, rough } = lattice;
  const form = rough ? 3 : base !== 0 || phase !== 0 ? 2 : factor > 1 ? 1 : 0;
  w.varint(mantissa * 32 + exponent * 4 + form);
  if (form > 0) w.varint(factor);
  if (form < 2) return;
  w.zigzag(base);
  w.u8(phase + PHASES / 2);
}

export function readLattice(c: Cursor): Lattice {
  const head = readVarint(c);
  const form = head % 4;
  const lattice: Lattice = {
    mantissa: Math.floor(head / 32),
    exponent: (head % 32) >>> 2,
    factor: form > 0 ? readVarint(c) : 1,
    base: 0,
    phase: 0,
    rough: form === 3,
  };
  if (form >= 2) {
    lattice.base = readZigzag(c);
    lattice.phase = readByte(c) - PHASES / 2;
  }
  return lattice;
}

/** Replaces integers on the lattice by their k; returns their r, or null when all are 0. */
export function toLattice(m: Float64Array, n: number, lattice: Lattice): Float64Array | null {
  const q = quantumOf(lattice);
  const { factor, base, rough } = lattice;
  const shift = lattice.phase / PHASES;
  const rests = rough ? new Float64Array(n) : null;
  for (let i = 0; i < n; i++) {
    const v = m[i] / factor - base;
    const k = Math.round((v - shift) / q) + 0;
    m[i] = k;
    if (rests !== null) rests[i] = v - Math.round(k * q + shift) + 0;
  }
  return rests;
}

/** The inverse; `rests` are the r, null when all are 0. */
export function fromLattice(k: Float64Array, n: number, lattice: Lattice, rests: Float64Array | null): void {
  const q = quantumOf(lattice);
  const { factor, base } = lattice;
  const shift = lattice.phase / PHASES;
  if (rests === null) {
    for (let i = 0; i < n; i++) k[i] = factor * (base + Math.round(k[i] * q + shift)) + 0;
  } else {
    for (let i = 0; i < n; i++) k[i] = factor * (base + Math.round(k[i] * q + shift) + rests[i]) + 0;
  }
}

/**
 * Finds a lattice of quantum ≥ 3 that holds every integer, or null. The steps:
 * 1. Neighbouring rows that differ by 1 or so end the search at once: most columns do.
 * 2. The smallest gap between distinct integers is q ± 1, or a small multiple of it.
 * 3. Scan that range so finely that the largest integer cannot slip between two steps, first for lattices through zero,
 *    then for any, then for coarse ones with r; a candidate ends at its first misfit.
 * 4. From a hit, take the q of fewest decimals that still fits all, and check it as the decoder will use it.
 */
export function findLattice(m: Float64Array, n: number): Lattice | null {
  for (let i = 1; i < n; i++) {
    const d = Math.abs(m[i] - m[i - 1]);
    if (d !== 0 && d < MIN_QUANTUM - 1) return null;
  }
  const distinct = new Float64Array(new Set(m.subarray(0, n))).sort();
  if (distinct.length < AT_LEAST_DISTINCT) return null;
  let factor = 0;
  for (const v of distinct) factor = greatestCommonDivisor(Math.abs(v), factor);
  for (let i = 0; i < distinct.length; i++) distinct[i] /= factor;
  let gap = Number.POSITIVE_INFINITY;
  for (let i = 1; i < distinct.length; i++) gap = Math.min(gap, distinct[i] - distinct[i - 1]);
  const base = distinct[0];
  const largest = Math.max(Math.abs(base), Math.abs(distinct[distinct.length - 1]));
  if (gap < MIN_QUANTUM || gap > MAX_QUANTUM || largest > MAX_MAGNITUDE) return null;
  const throughZero = scan(distinct, gap, 1, largest, (near) => fitThroughZero(distinct, near));
  if (throughZero !== null) return { ...throughZero, factor };
  const shifted = distinct.map((v) => v - base);
  const range = shifted[shifted.length - 1];
  let anywhere = scan(shifted, gap, 1, range, (near) => fitAnywhere(shifted, near, 0));
  if (anywhere === null && gap >= MIN_ROUGH_QUANTUM && distinct.length >= AT_LEAST_DISTINCT_ROUGH) {
    anywhere = scan(shifted, gap, 3, range, (near) => fitAnywhere(shifted, near, 1));
  }
  return anywhere === null ? null : { ...anywhere, factor, base };
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

type Fit = (q: number) => Lattice | null;

/** Tries quanta within `spread` of the gap, of half of it, …; the first that all integers fit. */
function scan(distinct: Float64Array, gap: number, spread: number, largest: number, tryQuantum: Fit): Lattice | null {
  for (let multiple = 1; multiple <= MAX_MULTIPLE; multiple++) {
    const low = (gap - spread) / multiple;
    const high = (gap + spread) / multiple;
    // Between two steps the largest value moves by half a unit at most.
    const step = (0.5 * low) / largest;
    if (low < MIN_QUANTUM - 1 || (high - low) / step > MAX_SCAN_STEPS) return null;
    for (let q = low; q <= high; q += step) {
      const found = tryQuantum(q);
      if (found !== null && holds(distinct, found)) return found;
    }
  }
  return null;
}

/** Whether every integer comes back from its k, with r of −1, 0 or 1 if the lattice is rough. */
function holds(distinct: Float64Array, lattice: Lattice): boolean {
  const q = quantumOf(lattice);
  const shift = lattice.phase / PHASES;
  for (let i = 0; i < distinct.length; i++) {
    const rest = distinct[i] - Math.round(Math.round((distinct[i] - shift) / q) * q + shift);
    if (rest !== 0 && !(lattice.rough && Math.abs(rest) === 1)) return false;
  }
  return true;
}

/** Integer `order` of a walk from both ends inwards: large magnitudes decide quickly. */
function outermost(distinct: Float64Array, order: number): number {
  return distinct[order % 2 === 0 ? distinct.length - 1 - (order >>> 1) : order >>> 1];
}

/** All integers are round(k · q) for a q near `near`: the shortest such q, else null. */
function fitThroughZero(distinct: Float64Array, near: number): Lattice | null {
  let low = near * 0.9;
  let high = near * 1.1;
  for (let i = 0; i < distinct.length; i++) {
    const v = Math.abs(outermost(distinct, i));
    const k = Math.round(v / near);
    if (k === 0) {
      if (v !== 0) return null;
      continue;
    }
    low = Math.max(low, (v - 0.5) / k);
    high = Math.min(high, (v + 0.5) / k);
    if (low >= high) return null;
  }
  return shortest(low, high);
}

/** A number between the bounds with the fewest decimals. */
function shortest(low: number, high: number): Lattice | null {
  for (let exponent = 0; exponent <= MAX_EXPONENT; exponent++) {
    const scale = POWERS_OF_TEN[exponent];
    const mantissa = Math.ceil(low * scale);
    if (mantissa / scale < high) return { mantissa, exponent, factor: 1, base: 0, phase: 0, rough: false };
  }
  return null;
}

/** How far the bounds of the phase may cross while q is still rough: half a scan step at the far end. */
const ROUGH = 0.3;

/**
 * As `fitThroughZero`, for integers counted from the smallest, which itself is off the lattice by the phase.
 * @param tolerance how far the bounds of the phase may cross: 0, or 1 for a lattice with r
 */
function fitAnywhere(distinct: Float64Array, near: number, tolerance: number): Lattice | null {
  if (phaseBounds(distinct, near, near, ROUGH + tolerance) === null) return null;
  // With the k of the rough q, a least-squares line through (k, v) is all but exact.
  let sumK = 0;
  let sumV = 0;
  let sumKK = 0;
  let sumKV = 0;
  const n = distinct.length;
  for (let i = 0; i < n; i++) {
    const k = Math.round(distinct[i] / near);
    sumK += k;
    sumV += distinct[i];
    sumKK += k * k;
    sumKV += k * distinct[i];
  }
  const fitted = (n * sumKV - sumK * sumV) / (n * sumKK - sumK * sumK);
  for (let exponent = 0; exponent <= MAX_EXPONENT; exponent++) {
    const scale = POWERS_OF_TEN[exponent];
    for (const mantissa of [Math.round(fitted * scale), Math.floor(fitted * scale), Math.ceil(fitted * scale)]) {
      const bounds = mantissa > 0 ? phaseBounds(distinct, near, mantissa / scale, tolerance) : null;
      if (bounds === null) continue;
      const rough = bounds.low >= bounds.high;
      const phase = rough ? Math.round(((bounds.low + bounds.high) / 2) * PHASES) : Math.ceil(bounds.low * PHASES);
      if ((!rough && phase / PHASES >= bounds.high) || phase < -PHASES / 2 || phase > PHASES / 2) continue;
      return { mantissa, exponent, factor: 1, base: 0, phase, rough };
    }
  }
  return null;
}

/** Phases in units for which round(k · q + phase) is every integer, k being that of `near`; null when there are none. */
function phaseBounds(
  distinct: Float64Array,
  near: number,
  q: number,
  tolerance: number,
): { low: number; high: number } | null {
  let low = -0.5;
  let high = 0.5;
  for (let i = 0; i < distinct.length; i++) {
    const v = outermost(distinct, i);
    const rest = v - Math.round(v / near) * q;
    if (rest - 0.5 > low) low = rest - 0.5;
    if (rest + 0.5 < high) high = rest + 0.5;
    if (low >= high + tolerance) return null;
  }
  return { low, high };
}
