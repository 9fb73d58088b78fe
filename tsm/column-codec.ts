/**
 * One column of a row group as bytes. Every encoding returns exactly the bits it was given.
 *
 * Bytes: [u8 kind | 128 if sparse]
 *        [presence: integers 0 / 1, one per row]        only when sparse; what follows holds the present rows alone
 *   INTEGERS    [integers]                               v = m
 *   LONG_DECIMAL [u8 exponent e][u8 4 mode + 2 if lattice + 1 if exceptions + 16 if corrections], then as DECIMAL
 *   DECIMAL     kinds 8 + 12 e + 4 mode + 2 if lattice + 1 if exceptions, e ≤ 9, mode 0 decimal, 1 float32, 2 reread
 *               [varint count][rows: integers][8 raw bytes each]   with exceptions
 *               [lattice]                                          with a lattice: see lattice.ts
 *               [corrections: integers]                            with corrections
 *               [m, or k: integers]                                see decimals.ts
 *   WORDS       [words]                                  the 64 bits of each double
 *   FLOAT32     [words]                                  the 32 bits of each double as a float32
 *   WIDE        [words]                                  64-bit integers
 *   DICTIONARY, TEXT                                     see strings.ts
 *   CONSTANT    [8 raw bytes]                            all values have these bits
 */
import type { Column } from '../batch/column.ts';
import { type FieldType, FLOAT, STRING } from '../batch/field-type.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readRaw, readVarint } from './cursor.ts';
import { type DecimalPlan, POWERS_OF_TEN, planDecimals, rereadCached, rereadCorrections } from './decimals.ts';
import { decodeIntegers, describeIntegers, encodeIntegers, MAX_INTEGER } from './integers.ts';
import { findLattice, fromLattice, readLattice, toLattice, writeLattice } from './lattice.ts';
import { decodeDictionary, decodeText, dictionaryOf, encodeDictionary, encodeText, type Strings } from './strings.ts';
import { decodeWords, encodeWords } from './words.ts';

const INTEGERS = 0;
const LONG_DECIMAL = 1;
const WORDS = 2;
const FLOAT32 = 3;
const WIDE = 4;
const DICTIONARY = 5;
const TEXT = 6;
const CONSTANT = 7;
/** The first of the kinds that spell out how a decimal is stored. */
const DECIMAL = 8;
const SPARSE = 128;
const KIND_NAMES = ['integers', 'long decimal', 'words', 'float32', 'wide', 'dictionary', 'text', 'constant'] as const;

/** The encoding of a column whose first two bytes these are, for people. */
export function kindName(header: number, second: number): string {
  const kind = header & ~SPARSE;
  if (kind < DECIMAL && kind !== LONG_DECIMAL) {
    const name = KIND_NAMES[kind];
    return kind === INTEGERS && header < SPARSE ? `${name}, ${describeIntegers(second)}` : name;
  }
  if (kind === LONG_DECIMAL) return 'decimal, long form';
  const mode = ['decimal', 'float32 decimal', 'reread float32 decimal'][
    ((kind - DECIMAL) % DECIMALS_PER_EXPONENT) >>> 2
  ];
  const exponent = Math.floor((kind - DECIMAL) / DECIMALS_PER_EXPONENT);
  const lattice = ((kind - DECIMAL) % DECIMALS_PER_EXPONENT) & 2 ? ' lattice' : '';
  return `${mode}${lattice} e${exponent}`;
}

/** Whether a column whose first byte this is lacks values in some rows. */
export function isSparse(header: number): boolean {
  return header >= SPARSE;
}

const DECIMALS_PER_EXPONENT = 12;
const MODE_FLOAT32 = 1;
const MODE_REREAD = 2;
const MAX_SHORT_EXPONENT = 9;
const HAS_CORRECTIONS = 16;
const BITS_HANDICAP = 1.05;

/** The words of a Float64Array or BigInt64Array, sharing its memory. */
function wordsOf(values: Float64Array | BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

/** How the values were scaled, so that statistics can be stored as integers too: the decimal exponent, or -1. */
export function encodeColumn(w: ByteWriter, column: Column, cold: boolean): number {
  const rows = column.rows;
  let dense = column;
  if (column.present !== null) {
    const present = new Float64Array(column.present.subarray(0, rows));
    dense = densified(column);
    if (dense.rows !== rows) {
      const start = w.length;
      w.u8(SPARSE);
      encodeIntegers(w, present, rows, cold);
      const at = w.length;
      const exponent = encodeDense(w, dense, cold);
      // The kind belongs in front: fold the header just written into the first byte.
      w.bytes[start] |= w.bytes[at];
      w.bytes.copyWithin(at, at + 1, w.length);
      w.length--;
      return exponent;
    }
  }
  return encodeDense(w, dense, cold);
}

function encodeDense(w: ByteWriter, column: Column, cold: boolean): number {
  const n = column.rows;
  if (column.type === STRING) {
    const strings: Strings = { offsets: column.stringOffsets!, bytes: column.stringBytes! };
    const dictionary = dictionaryOf(strings, n);
    w.u8(dictionary === null ? TEXT : DICTIONARY);
    if (dictionary === null) encodeText(w, strings, n, cold);
    else encodeDictionary(w, strings, dictionary, cold);
    return -1;
  }
  if (column.wide !== null) {
    w.u8(WIDE);
    encodeWords(w, wordsOf(column.wide.subarray(0, n)), n, true, cold);
    return -1;
  }
  const values = column.values.length === n ? column.values : column.values.subarray(0, n);
  if (allIntegers(values, n)) {
    w.u8(INTEGERS);
    encodeIntegers(w, values, n, cold);
    return 0;
  }
  return encodeFloats(w, values, n, cold, column.type);
}

/** Integers that an integer stream takes: in range and not -0. */
function allIntegers(values: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    const v = values[i];
    if (v !== Math.floor(v) || v > MAX_INTEGER || v < -MAX_INTEGER || (v === 0 && 1 / v < 0)) return false;
  }
  return true;
}

function encodeFloats(w: ByteWriter, values: Float64Array, n: number, cold: boolean, type: FieldType): number {
  const words = wordsOf(values);
  let same = true;
  for (let i = 1; i < n && same; i++) same = words[2 * i] === words[0] && words[2 * i + 1] === words[1];
  const plan = type === FLOAT ? planDecimals(values, n) : null;
  if (same && (plan === null || plan.exceptions.length > 0)) {
    w.u8(CONSTANT);
    w.raw(new Uint8Array(values.buffer, values.byteOffset, 8));
    return -1;
  }
  if (plan === null) {
    encodeBits(w, values, words, n, cold);
    return -1;
  }
  const start = w.length;
  encodeDecimals(w, plan, values, words, n, cold);
  if (plan.exponent > 5 && n > 1) {
    // Long decimals may have fewer bits in common than the doubles themselves, which also decode faster.
    const other = new ByteWriter(n * 8 + 64);
    encodeBits(other, values, words, n, cold);
    if (other.length < (w.length - start) * BITS_HANDICAP) {
      w.length = start;
      w.raw(other.view8());
      return -1;
    }
  }
  return plan.float32 ? -1 : plan.exponent;
}

function hasNonZero(values: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) if (values[i] !== 0) return true;
  return false;
}

function encodeDecimals(
  w: ByteWriter,
  plan: DecimalPlan,
  values: Float64Array,
  words: Int32Array,
  n: number,
  cold: boolean,
): void {
  const reread = cold && plan.float32 && hasNonZero(plan.corrections, n) && rereadCorrections(values, n, plan);
  const lattice = cold && n >= 8 && plan.exponent <= MAX_SHORT_EXPONENT ? findLattice(plan.mantissas, n) : null;
  const exceptions = plan.exceptions.length;
  const mode = plan.float32 ? (reread ? MODE_REREAD : MODE_FLOAT32) : 0;
  const hasCorrections = plan.float32 && hasNonZero(plan.corrections, n);
  const flags = mode * 4 + (lattice !== null ? 2 : 0) + (exceptions > 0 ? 1 : 0);
  if (plan.exponent > MAX_SHORT_EXPONENT || hasCorrections) {
    w.u8(LONG_DECIMAL);
    w.u8(plan.exponent);
    w.u8(flags + (hasCorrections ? HAS_CORRECTIONS : 0));
  } else {
    w.u8(DECIMAL + plan.exponent * DECIMALS_PER_EXPONENT + flags);
  }
  if (exceptions > 0) {
    w.varint(exceptions);
    encodeIntegers(w, Float64Array.from(plan.exceptions), exceptions, cold);
    for (const row of plan.exceptions) {
      w.u32(words[2 * row]);
      w.u32(words[2 * row + 1]);
    }
  }
  const { mantissas } = plan;
  if (lattice !== null) {
    writeLattice(w, lattice);
    const rests = toLattice(mantissas, n, lattice);
    if (rests !== null) encodeIntegers(w, rests, n, cold);
  }
  if (hasCorrections) encodeIntegers(w, plan.corrections, n, cold);
  encodeIntegers(w, mantissas, n, cold);
}

const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);

function encodeBits(w: ByteWriter, values: Float64Array, words: Int32Array, n: number, cold: boolean): void {
  let allSingle = true;
  for (let i = 0; i < n && allSingle; i++) allSingle = values[i] === Math.fround(values[i]);
  if (!allSingle) {
    w.u8(WORDS);
    encodeWords(w, words, n, false, cold);
    return;
  }
  const narrow = new Int32Array(2 * n);
  for (let i = 0; i < n; i++) {
    single[0] = values[i];
    narrow[2 * i] = singleBits[0];
  }
  w.u8(FLOAT32);
  encodeWords(w, narrow, n, false, cold);
}

/** The present rows of a sparse column, as a dense one. */
function densified(column: Column): Column {
  const present = column.present!;
  let n = 0;
  for (let i = 0; i < column.rows; i++) n += present[i];
  const dense: Column = { ...column, rows: n, present: null };
  let at = 0;
  if (column.type === STRING) {
    const from = column.stringOffsets!;
    const offsets = new Int32Array(n + 1);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < column.rows; i++) {
      if (present[i] === 0) continue;
      parts.push(column.stringBytes!.subarray(from[i], from[i + 1]));
      offsets[at + 1] = offsets[at] + from[i + 1] - from[i];
      at++;
    }
    dense.stringOffsets = offsets;
    dense.stringBytes = Buffer.concat(parts);
  } else if (column.wide !== null) {
    dense.wide = new BigInt64Array(n);
    for (let i = 0; i < column.rows; i++) if (present[i] === 1) dense.wide[at++] = column.wide[i];
  } else {
    dense.values = new Float64Array(n);
    const from = wordsOf(column.values.subarray(0, column.rows));
    const to = wordsOf(dense.values);
    for (let i = 0; i < column.rows; i++) {
      if (present[i] === 0) continue;
      to[2 * at] = from[2 * i];
      to[2 * at + 1] = from[2 * i + 1];
      at++;
    }
  }
  return dense;
}

const NO_VALUES = new Float64Array(0);

/**
 * Reads a column of `rows` rows; the caller owns the result, which is in `into` (of length `rows`) when that is given and the
 * column is a dense numeric one. Throws a RangeError on bytes that are no such column.
 */
export function decodeColumn(c: Cursor, rows: number, type: FieldType, into: Float64Array | null = null): Column {
  const header = readByte(c);
  const column: Column = {
    type,
    rows,
    values: NO_VALUES,
    wide: null,
    stringOffsets: null,
    stringBytes: null,
    present: null,
  };
  const kind = header & 127;
  if (header < SPARSE) {
    decodeDense(c, kind, rows, column, into);
    return column;
  }
  const bits = new Float64Array(rows);
  decodeIntegers(c, rows, bits);
  const present = new Uint8Array(bits);
  let n = 0;
  for (let i = 0; i < rows; i++) n += present[i];
  const dense: Column = { ...column, rows: n };
  decodeDense(c, kind, n, dense, null);
  column.present = present;
  spread(dense, column, present);
  return column;
}

function spread(dense: Column, column: Column, present: Uint8Array): void {
  let at = 0;
  if (dense.stringOffsets !== null) {
    const offsets = new Int32Array(column.rows + 1);
    for (let i = 0; i < column.rows; i++) {
      if (present[i] === 1) at++;
      offsets[i + 1] = dense.stringOffsets[at];
    }
    column.stringOffsets = offsets;
    column.stringBytes = dense.stringBytes;
  } else if (dense.wide !== null) {
    column.wide = new BigInt64Array(column.rows);
    for (let i = 0; i < column.rows; i++) if (present[i] === 1) column.wide[i] = dense.wide[at++];
  } else {
    column.values = new Float64Array(column.rows);
    const from = wordsOf(dense.values);
    const to = wordsOf(column.values);
    for (let i = 0; i < column.rows; i++) {
      if (present[i] === 0) continue;
      to[2 * i] = from[2 * at];
      to[2 * i + 1] = from[2 * at + 1];
      at++;
    }
  }
}

function decodeDense(c: Cursor, kind: number, n: number, column: Column, into: Float64Array | null): void {
  if (kind === TEXT || kind === DICTIONARY) {
    const strings = kind === TEXT ? decodeText(c, n) : decodeDictionary(c, n);
    column.stringOffsets = strings.offsets;
    column.stringBytes = strings.bytes;
    return;
  }
  if (kind === WIDE) {
    column.wide = new BigInt64Array(n);
    decodeWords(c, n, wordsOf(column.wide));
    return;
  }
  column.values = into ?? new Float64Array(n);
  decodeNumbers(c, kind, n, n, column.values);
}

/** Fills values[0, n), which has n elements; of integers, only as many of the first as are needed. */
function decodeNumbers(c: Cursor, kind: number, n: number, need: number, values: Float64Array): void {
  if (kind === INTEGERS) decodeIntegers(c, n, values, need);
  else if (kind >= DECIMAL || kind === LONG_DECIMAL) decodeDecimals(c, kind, n, values);
  else if (kind === WORDS) decodeWords(c, n, wordsOf(values));
  else if (kind === FLOAT32) decodeSingles(c, n, values);
  else if (kind === CONSTANT) {
    const bytes = readRaw(c, 8);
    const all = new Uint8Array(values.buffer, values.byteOffset, n * 8);
    for (let i = 0; i < n; i++) all.set(bytes, i * 8);
  } else throw new RangeError(`unknown kind of column ${kind}`);
}

/**
 * Reads a column of numbers into `out`, whose length is `rows`: at least the first `need` rows, what follows may be left
 * as it was. False, with nothing read, when the column is sparse, text, or holds integers beyond the exact range of doubles.
 */
export function decodeNumbersInto(c: Cursor, rows: number, need: number, out: Float64Array): boolean {
  const kind = c.bytes[c.at];
  if (kind >= SPARSE || kind === TEXT || kind === DICTIONARY || kind === WIDE) return false;
  c.at++;
  decodeNumbers(c, kind, rows, need, out);
  return true;
}

function decodeSingles(c: Cursor, n: number, values: Float64Array): void {
  const words = new Int32Array(2 * n);
  decodeWords(c, n, words);
  for (let i = 0; i < n; i++) {
    singleBits[0] = words[2 * i];
    values[i] = single[0];
  }
}

function decodeDecimals(c: Cursor, kind: number, n: number, values: Float64Array): void {
  const isLong = kind === LONG_DECIMAL;
  const exponent = isLong ? readByte(c) : Math.floor((kind - DECIMAL) / DECIMALS_PER_EXPONENT);
  const flags = isLong ? readByte(c) : (kind - DECIMAL) % DECIMALS_PER_EXPONENT;
  if (exponent >= POWERS_OF_TEN.length) throw new RangeError(`a decimal exponent of ${exponent}`);
  const scale = POWERS_OF_TEN[exponent];
  const mode = (flags >>> 2) & 3;
  const exceptions = flags & 1 ? readVarint(c) : 0;
  if (exceptions > n) throw new RangeError(`${exceptions} exceptions of ${n} values`);
  const rows = new Float64Array(exceptions);
  decodeIntegers(c, exceptions, rows);
  const raw = readRaw(c, exceptions * 8);
  const lattice = flags & 2 ? readLattice(c) : null;
  const rests = lattice?.rough === true ? new Float64Array(n) : null;
  if (rests !== null) decodeIntegers(c, n, rests);
  if (mode !== 0) {
    const corrections = flags & HAS_CORRECTIONS ? new Float64Array(n) : null;
    if (corrections !== null) decodeIntegers(c, n, corrections);
    decodeIntegers(c, n, values);
    if (lattice !== null) fromLattice(values, n, lattice, rests);
    for (let i = 0; i < n; i++) values[i] = Math.fround(values[i] / scale);
    if (mode === MODE_REREAD) for (let i = 0; i < n; i++) values[i] = rereadCached(values[i]);
    if (corrections !== null) applyCorrections(values, corrections, n);
  } else {
    decodeIntegers(c, n, values);
    if (lattice !== null) fromLattice(values, n, lattice, rests);
    if (exponent > 0) for (let i = 0; i < n; i++) values[i] /= scale;
  }
  const bytes = new Uint8Array(values.buffer, values.byteOffset, n * 8);
  for (let i = 0; i < exceptions; i++) {
    if (!(rows[i] >= 0 && rows[i] < n)) throw new RangeError('an exception outside its column');
    bytes.set(raw.subarray(i * 8, i * 8 + 8), rows[i] * 8);
  }
}

function applyCorrections(values: Float64Array, corrections: Float64Array, n: number): void {
  const words = wordsOf(values);
  for (let i = 0; i < n; i++) {
    const correction = corrections[i];
    if (correction === 0) continue;
    const sum = (words[2 * i] >>> 0) + correction;
    words[2 * i] = sum;
    if (sum < 0) words[2 * i + 1]--;
    else if (sum > 4294967295) words[2 * i + 1]++;
  }
}
