/**
 * Canonical Huffman codes over bytes, made for speed of decoding.
 *
 * Why not deflate: one call into zlib costs as much as decoding a whole column here, and a table that yields up to four
 * symbols per lookup decodes small alphabets (the deltas of a gauge) several times faster.
 *
 * Bytes: [varint symbols = highest symbol + 1][code lengths][bits, LSB first, codes bit-reversed as in deflate]
 * Code lengths are nibbles, low one first: 0 … 12 a length, 15 then r: r + 3 zeros, 14 then r: r + 3 times the previous length.
 * A single distinct symbol has length 1 and its bits are still written. The count of symbols is known from outside.
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { type Cursor, readByte, readVarint } from './cursor.ts';

export const MAX_CODE_BITS = 12;
const ZERO_RUN = 15;
const REPEAT_RUN = 14;

/** Code lengths (0 = unused) of an optimal code no longer than `limit` bits for these counts. */
export function codeLengths(counts: Int32Array, symbols: number, limit: number): Uint8Array {
  const lengths = new Uint8Array(symbols);
  const used: number[] = [];
  for (let s = 0; s < symbols; s++) if (counts[s] > 0) used.push(s);
  if (used.length === 1) lengths[used[0]] = 1;
  if (used.length < 2) return lengths;
  used.sort((a, b) => counts[a] - counts[b] || a - b);
  // Two queues: leaves by ascending count, inner nodes in the order they are made (which is ascending too).
  const n = used.length;
  const weight = new Float64Array(2 * n - 1);
  const parent = new Int32Array(2 * n - 1);
  for (let i = 0; i < n; i++) weight[i] = counts[used[i]];
  let leaf = 0;
  let inner = n;
  const next = (limitNode: number): number =>
    inner >= limitNode || (leaf < n && weight[leaf] <= weight[inner]) ? leaf++ : inner++;
  for (let node = n; node < 2 * n - 1; node++) {
    const a = next(node);
    const b = next(node);
    weight[node] = weight[a] + weight[b];
    parent[a] = node;
    parent[b] = node;
  }
  const depth = new Int32Array(2 * n - 1);
  for (let node = 2 * n - 3; node >= 0; node--) depth[node] = depth[parent[node]] + 1;
  // Cut to the limit, then repair Kraft's sum by lengthening the longest codes that are still short enough.
  let kraft = 0;
  const full = 1 << limit;
  for (let i = 0; i < n; i++) {
    if (depth[i] > limit) depth[i] = limit;
    kraft += full >> depth[i];
  }
  for (let i = 0; kraft > full; i = (i + 1) % n) {
    while (depth[i] < limit && kraft > full) {
      depth[i]++;
      kraft -= full >> depth[i];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    while (depth[i] > 1 && kraft + (full >> depth[i]) <= full) {
      kraft += full >> depth[i];
      depth[i]--;
    }
  }
  for (let i = 0; i < n; i++) lengths[used[i]] = depth[i];
  return lengths;
}

/** Bits of the data alone under `lengths`. */
export function codedSizeBits(counts: Int32Array, lengths: Uint8Array): number {
  let bits = 0;
  for (let s = 0; s < lengths.length; s++) bits += counts[s] * lengths[s];
  return bits;
}

/** Codes of `lengths`, already bit-reversed. */
function canonicalCodes(lengths: Uint8Array): Int32Array {
  const codes = new Int32Array(lengths.length);
  let code = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    for (let s = 0; s < lengths.length; s++) {
      if (lengths[s] !== bits) continue;
      let reversed = 0;
      for (let b = 0; b < bits; b++) if ((code >> b) & 1) reversed |= 1 << (bits - 1 - b);
      codes[s] = reversed;
      code++;
    }
    code <<= 1;
  }
  return codes;
}

function nibblesOf(lengths: Uint8Array): number[] {
  const nibbles: number[] = [];
  for (let s = 0; s < lengths.length; ) {
    let run = 1;
    while (s + run < lengths.length && lengths[s + run] === lengths[s]) run++;
    if (lengths[s] === 0 && run >= 3) {
      run = Math.min(run, 18);
      nibbles.push(ZERO_RUN, run - 3);
    } else if (run >= 4) {
      run = Math.min(run, 19);
      nibbles.push(lengths[s], REPEAT_RUN, run - 4);
    } else {
      for (let i = 0; i < run; i++) nibbles.push(lengths[s]);
    }
    s += run;
  }
  return nibbles;
}

const SHORT_CODE_BITS = 10;
/** Its table is a quarter of the size, which counts more than this. */
const SHORT_CODE_LOSS = 1.005;

/** Appends symbols `[0, n)`; `counts` is their histogram over at least `symbols` (highest symbol + 1) entries. */
export function encodeHuffman(w: ByteWriter, data: Uint8Array, n: number, counts: Int32Array, symbols: number): void {
  // Ten bits make a small, fast table; longer codes only where they save something.
  let lengths = codeLengths(counts, symbols, MAX_CODE_BITS);
  const short = codeLengths(counts, symbols, SHORT_CODE_BITS);
  if (codedSizeBits(counts, short) <= codedSizeBits(counts, lengths) * SHORT_CODE_LOSS) lengths = short;
  const codes = canonicalCodes(lengths);
  w.varint(symbols);
  const nibbles = nibblesOf(lengths);
  for (let i = 0; i < nibbles.length; i += 2) w.u8(nibbles[i] | ((nibbles[i + 1] ?? 0) << 4));
  w.reserve(((n * MAX_CODE_BITS) >>> 3) + 8);
  const out = w.bytes;
  let p = w.length;
  let acc = 0;
  let have = 0;
  for (let i = 0; i < n; i++) {
    const s = data[i];
    acc |= codes[s] << have;
    have += lengths[s];
    while (have >= 8) {
      out[p++] = acc;
      acc >>>= 8;
      have -= 8;
    }
  }
  if (have > 0) out[p++] = acc;
  w.length = p;
}

const tableSymbols = new Int32Array(1 << MAX_CODE_BITS);
/** symbols in the entry | bits they take << 3. */
const tableSteps = new Uint8Array(1 << MAX_CODE_BITS);
const single = new Uint16Array(1 << MAX_CODE_BITS);

/** Fills the tables for these lengths and returns the table's index width in bits. */
function buildTable(lengths: Uint8Array, n: number): number {
  let longest = 1;
  for (let s = 0; s < lengths.length; s++) if (lengths[s] > longest) longest = lengths[s];
  const width = Math.max(longest, n >= 4096 ? 10 : n >= 512 ? 8 : 1);
  const size = 1 << width;
  const codes = canonicalCodes(lengths);
  single.fill(0, 0, size);
  for (let s = 0; s < lengths.length; s++) {
    const bits = lengths[s];
    if (bits === 0) continue;
    for (let i = codes[s]; i < size; i += 1 << bits) single[i] = s | (bits << 8);
  }
  for (let i = 0; i < size; i++) {
    let entry = single[i];
    let at = entry >>> 8;
    if (at === 0) {
      tableSteps[i] = 0;
      continue;
    }
    let symbols = entry & 255;
    let count = 1;
    while (count < 4) {
      entry = single[i >>> at];
      const bits = entry >>> 8;
      if (bits === 0 || at + bits > width) break;
      symbols |= (entry & 255) << (8 * count);
      at += bits;
      count++;
    }
    tableSymbols[i] = symbols;
    tableSteps[i] = count | (at << 3);
  }
  return width;
}

/**
 * Decodes `n` symbols into `out[0, n)`, which must have 8 bytes to spare (they are overwritten).
 * `outView` views the same bytes. Throws a RangeError on input that is no code of these lengths.
 */
export function decodeHuffman(c: Cursor, n: number, outView: DataView): void {
  const width = buildTable(readLengths(c), n);
  const mask = (1 << width) - 1;
  const view = c.view;
  const lastByte = c.end;
  let bit = c.at * 8;
  let o = 0;
  while (o < n) {
    // One load holds at least 25 bits: enough for two lookups of at most 12.
    let bits = view.getInt32(bit >>> 3, true) >>> (bit & 7);
    let step = tableSteps[bits & mask];
    outView.setInt32(o, tableSymbols[bits & mask], true);
    o += step & 7;
    bit += step >>> 3;
    if (o >= n) {
      if (o > n) bit = rewind(bit, o - n, bits & mask, step);
      break;
    }
    bits >>>= step >>> 3;
    step = tableSteps[bits & mask];
    if (step === 0 || bit >>> 3 >= lastByte) throw new RangeError('not a Huffman code');
    outView.setInt32(o, tableSymbols[bits & mask], true);
    o += step & 7;
    bit += step >>> 3;
    if (o > n) bit = rewind(bit, o - n, bits & mask, step);
  }
  c.at = (bit + 7) >>> 3;
}

/** The bit position without the last `extra` symbols of an entry, which padding bits made up. */
function rewind(bit: number, extra: number, index: number, step: number): number {
  let keep = (step & 7) - extra;
  let used = 0;
  for (; keep > 0; keep--) used += single[index >>> used] >>> 8;
  return bit - (step >>> 3) + used;
}

function readLengths(c: Cursor): Uint8Array {
  const symbols = readVarint(c);
  if (symbols < 1 || symbols > 256) throw new RangeError(`a code of ${symbols} symbols`);
  const lengths = new Uint8Array(symbols);
  let byte = 0;
  let half = false;
  const nibble = (): number => {
    if (half) {
      half = false;
      return byte >>> 4;
    }
    byte = readByte(c);
    half = true;
    return byte & 15;
  };
  for (let s = 0; s < symbols; ) {
    const v = nibble();
    if (v === ZERO_RUN) {
      s += nibble() + 3;
    } else if (v === REPEAT_RUN) {
      const run = nibble() + 3;
      if (s === 0 || s + run > symbols) throw new RangeError('code lengths overflow');
      lengths.fill(lengths[s - 1], s, s + run);
      s += run;
    } else if (v > MAX_CODE_BITS) {
      throw new RangeError(`a code length of ${v}`);
    } else {
      lengths[s++] = v;
    }
  }
  return lengths;
}
