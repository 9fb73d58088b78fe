/**
 * The integer stream: how every sequence of integers in a file is written, be it scaled decimals, times, lengths or codes.
 *
 * 1. If all are multiples of 10, 100, …, they are divided by the largest such unit.
 * 2. An order turns them into small non-negative integers z: offset from the minimum, zigzag, offset from the smallest
 *    delta, zigzag deltas, or zigzag deltas of deltas.
 * 3. A coder writes z: nothing (all zero), bit-packed blocks, Rice, runs, Huffman tokens, or byte planes under zstd or LZ4.
 * Hot files choose by estimates and pack; cold ones measure every order with every coder and keep the smallest.
 *
 * Bytes: [u8 header: order + 5 · coder + 30 if there is a unit + 60 if some z ≥ 2^31; or, for the commonest short streams,
 *            128 + 25 · order + k: Rice with parameter k < 25, no unit and all z < 2^31]
 *        [u8 exponent of the unit]            only with a unit
 *        [zigzag base, …]                     FOR: minimum; DELTA_*: first; DELTA_FOR: also smallest delta; DELTA2: also first delta
 *        [coder's bytes]
 * The count is known from outside; 0 integers take 0 bytes.
 *
 * Invariant: |m| ≤ MAX_INTEGER, so that every z stays below 2^53 and doubles are exact throughout.
 */
import { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readVarint, readZigzag } from './cursor.ts';
import {
  CODER,
  CODER_NAMES,
  chooseCoder,
  decodeCoded,
  decodeSmallTokens,
  encodeCoded,
  packedEstimateBits,
} from './integer-coders.ts';
import { bitLength } from './packed-blocks.ts';
import { decodeRice, decodeShortRice } from './rice.ts';

/** The largest magnitude an integer stream takes: 2^50. */
export const MAX_INTEGER = 2 ** 50;

const FOR = 0;
const ZIGZAG = 1;
const DELTA_FOR = 2;
const DELTA_ZIGZAG = 3;
const DELTA2_ZIGZAG = 4;
type Order = 0 | 1 | 2 | 3 | 4;
const ORDERS = 5;
const HAS_UNIT = 30;
const IS_LONG = 60;
const SHORT_RICE = 128;
const SHORT_RICE_KS = 25;
const ORDER_NAMES = ['for', 'zigzag', 'delta-for', 'delta', 'delta2'] as const;

let scaled = new Float64Array(1024);
let zShort = new Int32Array(1024);
let zLong = new Float64Array(1024);

function reserveScratch(n: number): void {
  if (n <= zShort.length) return;
  const size = 2 ** Math.ceil(Math.log2(n));
  scaled = new Float64Array(size);
  zShort = new Int32Array(size);
  zLong = new Float64Array(size);
}

/** What one pass over the integers finds out. */
interface Profile {
  min: number;
  max: number;
  minDelta: number;
  maxDelta: number;
  changes: number;
  /** Histograms of bit lengths of zigzag deltas and zigzag deltas of deltas. */
  delta: Int32Array;
  delta2: Int32Array;
}

const profile: Profile = {
  min: 0,
  max: 0,
  minDelta: 0,
  maxDelta: 0,
  changes: 0,
  delta: new Int32Array(55),
  delta2: new Int32Array(55),
};

function zigzagBits(d: number): number {
  const z = d < 0 ? -2 * d - 1 : 2 * d;
  return z < 4294967296 ? 32 - Math.clz32(z) : bitLength(z);
}

/** Integers up to this magnitude have deltas of deltas that fit 32 bits, zigzag included. */
const SHORT_LIMIT = 2 ** 28;

function measure(m: Float64Array, n: number): void {
  let min = m[0];
  let max = min;
  for (let i = 1; i < n; i++) {
    const v = m[i];
    if (v < min) min = v;
    if (v > max) max = v;
  }
  profile.min = min;
  profile.max = max;
  profile.delta.fill(0);
  profile.delta2.fill(0);
  if (max < SHORT_LIMIT && min > -SHORT_LIMIT) measureShort(m, n);
  else measureLong(m, n);
}

function measureShort(m: Float64Array, n: number): void {
  const { delta, delta2 } = profile;
  let previous = m[0] | 0;
  let previousDelta = 0;
  let minDelta = 0x7fffffff;
  let maxDelta = -0x7fffffff;
  let changes = 0;
  for (let i = 1; i < n; i++) {
    const v = m[i] | 0;
    const d = (v - previous) | 0;
    const d2 = (d - previousDelta) | 0;
    previous = v;
    previousDelta = d;
    if (d < minDelta) minDelta = d;
    if (d > maxDelta) maxDelta = d;
    changes += d === 0 ? 0 : 1;
    delta[32 - Math.clz32((d << 1) ^ (d >> 31))]++;
    delta2[32 - Math.clz32((d2 << 1) ^ (d2 >> 31))]++;
  }
  profile.minDelta = n > 1 ? minDelta : 0;
  profile.maxDelta = n > 1 ? maxDelta : 0;
  profile.changes = changes;
}

function measureLong(m: Float64Array, n: number): void {
  const { delta, delta2 } = profile;
  let previous = m[0];
  let previousDelta = 0;
  let minDelta = Number.POSITIVE_INFINITY;
  let maxDelta = Number.NEGATIVE_INFINITY;
  let changes = 0;
  for (let i = 1; i < n; i++) {
    const d = m[i] - previous;
    previous = m[i];
    if (d < minDelta) minDelta = d;
    if (d > maxDelta) maxDelta = d;
    if (d !== 0) changes++;
    delta[zigzagBits(d)]++;
    delta2[zigzagBits(d - previousDelta)]++;
    previousDelta = d;
  }
  profile.minDelta = n > 1 ? minDelta : 0;
  profile.maxDelta = n > 1 ? maxDelta : 0;
  profile.changes = changes;
}

/** The largest power of ten that divides all, as an exponent; 0 when there is none worth it. */
function unitExponent(m: Float64Array, n: number): number {
  let exponent = 15;
  for (let i = 0; i < n && exponent > 0; i++) {
    while (exponent > 0 && m[i] % 10 ** exponent !== 0) exponent--;
  }
  return exponent;
}

/** Fills and returns `zShort` or `zLong`. Loops come in pairs, one per array type, because mixed ones are slow. */
function transform(m: Float64Array, n: number, order: Order, long: boolean): Float64Array | Int32Array {
  return long ? transformLong(m, n, order, zLong) : transformShort(m, n, order, zShort);
}

function transformShort(m: Float64Array, n: number, order: Order, z: Int32Array): Int32Array {
  if (order === DELTA_ZIGZAG) return deltasShort(m, n, z);
  if (order === FOR) {
    const { min } = profile;
    for (let i = 0; i < n; i++) z[i] = m[i] - min;
  } else if (order === ZIGZAG) {
    for (let i = 0; i < n; i++) z[i] = m[i] < 0 ? -2 * m[i] - 1 : 2 * m[i];
  } else if (order === DELTA_FOR) {
    const { minDelta } = profile;
    for (let i = 1; i < n; i++) z[i - 1] = m[i] - m[i - 1] - minDelta;
  } else {
    for (let i = 2; i < n; i++) {
      const d = m[i] - 2 * m[i - 1] + m[i - 2];
      z[i - 2] = d < 0 ? -2 * d - 1 : 2 * d;
    }
  }
  return z;
}

function transformLong(m: Float64Array, n: number, order: Order, z: Float64Array): Float64Array {
  if (order === FOR) {
    const { min } = profile;
    for (let i = 0; i < n; i++) z[i] = m[i] - min;
  } else if (order === ZIGZAG) {
    for (let i = 0; i < n; i++) z[i] = m[i] < 0 ? -2 * m[i] - 1 : 2 * m[i];
  } else if (order === DELTA_FOR) {
    const { minDelta } = profile;
    for (let i = 1; i < n; i++) z[i - 1] = m[i] - m[i - 1] - minDelta;
  } else {
    const back = order === DELTA_ZIGZAG ? 1 : 2;
    for (let i = back; i < n; i++) {
      const d = back === 1 ? m[i] - m[i - 1] : m[i] - 2 * m[i - 1] + m[i - 2];
      z[i - back] = d < 0 ? -2 * d - 1 : 2 * d;
    }
  }
  return z;
}

/** The commonest transform, apart so that it stays monomorphic. */
function deltasShort(m: Float64Array, n: number, z: Int32Array): Int32Array {
  let previous = m[0];
  for (let i = 1; i < n; i++) {
    const d = (m[i] - previous) | 0;
    previous = m[i];
    z[i - 1] = (d << 1) ^ (d >> 31);
  }
  return z;
}

function countOf(order: Order, n: number): number {
  return order <= ZIGZAG ? n : order === DELTA2_ZIGZAG ? n - 2 : n - 1;
}

function longestBits(histogram: Int32Array): number {
  let b = 54;
  while (b > 0 && histogram[b] === 0) b--;
  return b;
}

interface Candidate {
  order: Order;
  /** Bits when packed, estimated. */
  bits: number;
  long: boolean;
}

function candidatesFor(n: number): Candidate[] {
  const { min, max, minDelta, maxDelta, delta, delta2 } = profile;
  const range = bitLength(max - min);
  const found: Candidate[] = [{ order: FOR, bits: range * n, long: range > 31 }];
  const zigzag = bitLength(2 * Math.max(Math.abs(min), Math.abs(max)) + 1);
  found.push({ order: ZIGZAG, bits: zigzag === 1 ? -1 : zigzag * n + 1, long: zigzag > 31 });
  if (n >= 2) {
    const deltaRange = bitLength(maxDelta - minDelta);
    found.push({ order: DELTA_FOR, bits: deltaRange * (n - 1) + 1, long: deltaRange > 31 });
    found.push({ order: DELTA_ZIGZAG, bits: packedEstimateBits(delta, n - 1), long: longestBits(delta) > 31 });
  }
  if (n >= 3) {
    // The first delta stands in the header, but the histogram counts it: an estimate all the same.
    found.push({ order: DELTA2_ZIGZAG, bits: packedEstimateBits(delta2, n - 1) + 8, long: longestBits(delta2) > 31 });
  }
  return found.sort((a, b) => a.bits - b.bits);
}

/** Appends `m[0, n)`: integers of magnitude ≤ `MAX_INTEGER`, none of them -0 or NaN. `m` is only read. */
export function encodeIntegers(w: ByteWriter, m: Float64Array, n: number, cold: boolean, nested = false): void {
  if (n === 0) return;
  reserveScratch(n);
  const unit = m[0] % 10 === 0 && m[n - 1] % 10 === 0 && m[n >>> 1] % 10 === 0 ? unitExponent(m, n) : 0;
  let source = m;
  let useUnit = unit > 0;
  measure(m, n);
  if (useUnit) {
    if (profile.max === 0 && profile.min === 0) {
      useUnit = false;
    } else {
      const divisor = 10 ** unit;
      for (let i = 0; i < n; i++) scaled[i] = m[i] / divisor + 0;
      source = scaled;
      measure(source, n);
    }
  }
  const candidates = candidatesFor(n);
  let best = candidates[0];
  let z = transform(source, n, best.order, best.long);
  let chosen = chooseCoder(z, countOf(best.order, n), cold);
  if (cold) {
    for (let i = 1; i < candidates.length; i++) {
      const candidate = candidates[i];
      // Long columns skip orders that packing already shows to be hopeless.
      if (n > 512 && candidate.bits > candidates[0].bits * 1.6 + 64) continue;
      z = transform(source, n, candidate.order, candidate.long);
      const choice = chooseCoder(z, countOf(candidate.order, n), cold);
      if (choice.bytes + headerBytes(candidate.order) < chosen.bytes + headerBytes(best.order)) {
        best = candidate;
        chosen = choice;
      }
    }
    z = transform(source, n, best.order, best.long);
  }
  const runs = profile.changes + 1;
  if (!nested && chosen.coder !== CODER.ZERO && runs <= n >>> 2 && runs * (cold ? 1 : 2) < chosen.bytes) {
    const { min, max } = profile;
    const trial = encodeRuns(source, n, runs, cold);
    if (trial.length < chosen.bytes || (!cold && min === max)) {
      w.u8(FOR + CODER.RUNS * ORDERS + (useUnit ? HAS_UNIT : 0));
      if (useUnit) w.u8(unit);
      w.zigzag(0);
      w.raw(trial);
      return;
    }
    // The nested streams used the scratch: build it again.
    if (useUnit) for (let i = 0; i < n; i++) scaled[i] = m[i] / 10 ** unit + 0;
    measure(source, n);
    z = transform(source, n, best.order, best.long);
  }
  const isShortRice = chosen.coder === CODER.RICE && chosen.k < SHORT_RICE_KS && !useUnit && !best.long;
  if (isShortRice) w.u8(SHORT_RICE + best.order * SHORT_RICE_KS + chosen.k);
  else w.u8(best.order + chosen.coder * ORDERS + (useUnit ? HAS_UNIT : 0) + (best.long ? IS_LONG : 0));
  if (useUnit) w.u8(unit);
  if (best.order === FOR) w.zigzag(profile.min);
  else if (best.order !== ZIGZAG) w.zigzag(source[0]);
  if (best.order === DELTA_FOR) w.zigzag(profile.minDelta);
  if (best.order === DELTA2_ZIGZAG) w.zigzag(source[1] - source[0]);
  if (chosen.coder === CODER.RICE && !isShortRice) w.u8(chosen.k);
  encodeCoded(w, z, countOf(best.order, n), chosen, cold);
}

function headerBytes(order: Order): number {
  return order === ZIGZAG ? 0 : order === DELTA_FOR || order === DELTA2_ZIGZAG ? 2 : 1;
}

function encodeRuns(m: Float64Array, n: number, runs: number, cold: boolean): Uint8Array {
  const values = new Float64Array(runs);
  const lengths = new Float64Array(runs);
  let r = -1;
  for (let i = 0; i < n; i++) {
    if (i === 0 || m[i] !== m[i - 1]) values[++r] = m[i];
    lengths[r]++;
  }
  const w = new ByteWriter(256);
  w.varint(runs);
  encodeIntegers(w, values, runs, cold, true);
  encodeIntegers(w, lengths, runs, cold, true);
  return w.take();
}

/** What the header of a stream says, for people. */
export function describeIntegers(header: number): string {
  if (header >= SHORT_RICE) return `${ORDER_NAMES[Math.floor((header - SHORT_RICE) / SHORT_RICE_KS)]} rice`;
  return `${ORDER_NAMES[header % ORDERS]} ${CODER_NAMES[Math.floor((header % HAS_UNIT) / ORDERS)]}`;
}

/**
 * Reads `n` integers into `out[0, n)`. Throws a RangeError on bytes that are no such stream.
 * @param need only this many of the first ones are wanted: what follows in `out` may be left as it was, and the cursor
 *   is anywhere.
 */
export function decodeIntegers(c: Cursor, n: number, out: Float64Array, need = n): void {
  if (n === 0) return;
  const header = readByte(c);
  const isShortRice = header >= SHORT_RICE;
  const order = isShortRice ? Math.floor((header - SHORT_RICE) / SHORT_RICE_KS) : header % ORDERS;
  const coder = isShortRice ? CODER.RICE : Math.floor((header % HAS_UNIT) / ORDERS);
  const isLong = !isShortRice && header >= IS_LONG;
  const unit = !isShortRice && header % IS_LONG >= HAS_UNIT ? 10 ** readByte(c) : 1;
  shortRiceK = isShortRice ? (header - SHORT_RICE) % SHORT_RICE_KS : -1;
  if (order >= ORDERS) throw new RangeError(`unknown header of integers ${header}`);
  if (coder === CODER.RUNS) {
    readZigzag(c);
    decodeRuns(c, n, out);
  } else {
    reserveScratch(n);
    const z = isLong ? zLong : zShort;
    if (order === FOR) {
      const base = readZigzag(c);
      if (coder === CODER.ZERO) {
        out.fill(base, 0, n);
      } else {
        decodeZ(c, n, z, coder);
        if (z instanceof Int32Array) addBase(z, n, base, out);
        else for (let i = 0; i < n; i++) out[i] = z[i] + base;
      }
    } else if (order === ZIGZAG) {
      decodeZ(c, n, z, coder);
      for (let i = 0; i < n; i++) out[i] = z[i] % 2 === 1 ? -(z[i] + 1) / 2 : z[i] / 2;
    } else if (order === DELTA_FOR || order === DELTA_ZIGZAG) {
      decodeDeltas(c, n, z, coder, order === DELTA_FOR, out, need);
    } else if (order === DELTA2_ZIGZAG) {
      decodeDeltas2(c, n, z, coder, out);
    } else {
      throw new RangeError(`unknown order ${order}`);
    }
  }
  if (unit !== 1) for (let i = 0; i < need; i++) out[i] *= unit;
}

/** The parameter in the header of the stream being decoded, or -1 when it stands before the coder's bytes. */
let shortRiceK = -1;

function decodeZ(c: Cursor, n: number, z: Int32Array | Float64Array, coder: number): void {
  if (coder === CODER.RICE) decodeRice(c, n, z, shortRiceK >= 0 ? shortRiceK : readByte(c));
  else decodeCoded(c, n, z, coder);
}

function decodeDeltas(
  c: Cursor,
  n: number,
  z: Int32Array | Float64Array,
  coder: number,
  offset: boolean,
  out: Float64Array,
  need: number,
): void {
  let v = readZigzag(c);
  out[0] = v;
  const base = offset ? readZigzag(c) : 0;
  if (coder === CODER.ZERO) {
    for (let i = 1; i < n; i++) out[i] = v += base;
    return;
  }
  if (!offset && decodeShortDeltas(c, n, need, coder, v, out)) return;
  decodeZ(c, n - 1, z, coder);
  if (z instanceof Int32Array) {
    if (offset) sumOffsets(z, n, v, base, out);
    else sumDeltas(z, n, v, out);
    return;
  }
  for (let i = 1; i < n; i++) {
    const d = z[i - 1];
    v += offset ? d + base : d % 2 === 1 ? -(d + 1) / 2 : d / 2;
    out[i] = v;
  }
}

/** The commonest streams, decoded no further than needed; false when it is none of them, and the cursor stays. */
function decodeShortDeltas(
  c: Cursor,
  n: number,
  need: number,
  coder: number,
  first: number,
  out: Float64Array,
): boolean {
  if (coder === CODER.HUFFMAN) {
    const small = decodeSmallTokens(c, n - 1, need - 1);
    if (small === null) return false;
    sumSmallDeltas(small, need, first, out);
    return true;
  }
  if (coder !== CODER.RICE) return false;
  const { at } = c;
  if (decodeShortRice(c, need - 1, zShort, shortRiceK >= 0 ? shortRiceK : readByte(c))) {
    sumDeltas(zShort, need, first, out);
    return true;
  }
  c.at = at;
  return false;
}

function addBase(z: Int32Array, n: number, base: number, out: Float64Array): void {
  for (let i = 0; i < n; i++) out[i] = z[i] + base;
}

function sumOffsets(z: Int32Array, n: number, first: number, base: number, out: Float64Array): void {
  let v = first;
  for (let i = 1; i < n; i++) {
    v += z[i - 1] + base;
    out[i] = v;
  }
}

function sumSmallDeltas(z: Uint8Array, n: number, first: number, out: Float64Array): void {
  if (n < 2 ** 23 && Math.abs(first) < 2 ** 29) sumSmallDeltasOfInt32(z, n, first | 0, out);
  else sumSmallDeltasOfAny(z, n, first, out);
}

/** Sums of up to 2^23 deltas of at most 64 stay within 32 bits, whose additions are four times as fast. */
function sumSmallDeltasOfInt32(z: Uint8Array, n: number, first: number, out: Float64Array): void {
  let v = first;
  for (let i = 1; i < n; i++) {
    const d = z[i - 1];
    v = (v + ((d >>> 1) ^ -(d & 1))) | 0;
    out[i] = v;
  }
}

function sumSmallDeltasOfAny(z: Uint8Array, n: number, first: number, out: Float64Array): void {
  let v = first;
  for (let i = 1; i < n; i++) {
    const d = z[i - 1];
    v += (d >>> 1) ^ -(d & 1);
    out[i] = v;
  }
}

/** The hottest loop of all reading: prefix sums of zigzag deltas. */
function sumDeltas(z: Int32Array, n: number, first: number, out: Float64Array): void {
  let v = first;
  for (let i = 1; i < n; i++) {
    const d = z[i - 1];
    v += (d >>> 1) ^ -(d & 1);
    out[i] = v;
  }
}

function decodeDeltas2(c: Cursor, n: number, z: Int32Array | Float64Array, coder: number, out: Float64Array): void {
  let v = readZigzag(c);
  let delta = readZigzag(c);
  out[0] = v;
  if (n > 1) out[1] = v += delta;
  decodeZ(c, n - 2, z, coder);
  for (let i = 2; i < n; i++) {
    const d = z[i - 2];
    delta += d % 2 === 1 ? -(d + 1) / 2 : d / 2;
    v += delta;
    out[i] = v;
  }
}

function decodeRuns(c: Cursor, n: number, out: Float64Array): void {
  const runs = readVarint(c);
  if (runs > n) throw new RangeError(`${runs} runs of ${n} values`);
  const values = new Float64Array(runs);
  const lengths = new Float64Array(runs);
  decodeIntegers(c, runs, values);
  decodeIntegers(c, runs, lengths);
  let at = 0;
  for (let r = 0; r < runs; r++) {
    const to = at + lengths[r];
    if (!(lengths[r] > 0) || to > n) throw new RangeError('run lengths do not add up');
    out.fill(values[r], at, to);
    at = to;
  }
  if (at !== n) throw new RangeError('run lengths do not add up');
}
