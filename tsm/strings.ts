/**
 * String columns: a dictionary with integer codes when values repeat, else all texts one after another, both compressed
 * when that pays.
 *
 * Bytes: DICTIONARY [varint distinct][lengths: integers][texts: byte compression][codes: integers]
 *        TEXT       [lengths: integers][texts: byte compression]
 */
import type { ByteWriter } from '../bytes/writer.ts';
import { decodeBytes, encodeBytes } from './byte-compression.ts';
import { type Cursor, readVarint } from './cursor.ts';
import { decodeIntegers, encodeIntegers } from './integers.ts';

/** Strings i = `bytes[offsets[i], offsets[i + 1])`. */
export interface Strings {
  offsets: Int32Array;
  bytes: Uint8Array;
}

/** The dictionary of strings `[0, n)`, or null when too few repeat. */
export function dictionaryOf(strings: Strings, n: number): { codes: Float64Array; firstRows: number[] } | null {
  const { offsets, bytes } = strings;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seen = new Map<string, number>();
  const codes = new Float64Array(n);
  const firstRows: number[] = [];
  const limit = Math.max(1, n >>> 1);
  for (let i = 0; i < n; i++) {
    const key = text.toString('latin1', offsets[i], offsets[i + 1]);
    let code = seen.get(key);
    if (code === undefined) {
      code = firstRows.length;
      if (code === limit) return null;
      seen.set(key, code);
      firstRows.push(i);
    }
    codes[i] = code;
  }
  return { codes, firstRows };
}

export function encodeDictionary(
  w: ByteWriter,
  strings: Strings,
  dictionary: { codes: Float64Array; firstRows: number[] },
  cold: boolean,
): void {
  const rows = dictionary.firstRows;
  const lengths = new Float64Array(rows.length);
  const parts: Uint8Array[] = [];
  for (let d = 0; d < rows.length; d++) {
    const from = strings.offsets[rows[d]];
    const to = strings.offsets[rows[d] + 1];
    lengths[d] = to - from;
    parts.push(strings.bytes.subarray(from, to));
  }
  w.varint(rows.length);
  encodeIntegers(w, lengths, rows.length, cold);
  encodeBytes(w, Buffer.concat(parts), cold ? 'thorough' : 'fast');
  encodeIntegers(w, dictionary.codes, dictionary.codes.length, cold);
}

export function encodeText(w: ByteWriter, strings: Strings, n: number, cold: boolean): void {
  const lengths = new Float64Array(n);
  for (let i = 0; i < n; i++) lengths[i] = strings.offsets[i + 1] - strings.offsets[i];
  encodeIntegers(w, lengths, n, cold);
  encodeBytes(w, strings.bytes.subarray(strings.offsets[0], strings.offsets[n]), cold ? 'thorough' : 'fast');
}

function offsetsOf(lengths: Float64Array, n: number): Int32Array {
  const offsets = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) {
    if (!(lengths[i] >= 0)) throw new RangeError('a negative string length');
    offsets[i + 1] = offsets[i] + lengths[i];
  }
  return offsets;
}

export function decodeText(c: Cursor, n: number): Strings {
  const lengths = new Float64Array(n);
  decodeIntegers(c, n, lengths);
  const offsets = offsetsOf(lengths, n);
  const bytes = decodeBytes(c);
  if (bytes.length !== offsets[n]) throw new RangeError('strings have another size');
  return { offsets, bytes };
}

export function decodeDictionary(c: Cursor, n: number): Strings {
  const distinct = readVarint(c);
  if (distinct > n) throw new RangeError(`${distinct} distinct strings of ${n}`);
  const dictionary = decodeText(c, distinct);
  const codes = new Float64Array(n);
  decodeIntegers(c, n, codes);
  const offsets = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) {
    const d = codes[i];
    if (!(d >= 0 && d < distinct)) throw new RangeError(`a string code of ${d}`);
    offsets[i + 1] = offsets[i] + dictionary.offsets[d + 1] - dictionary.offsets[d];
  }
  const bytes = new Uint8Array(offsets[n]);
  for (let i = 0; i < n; i++) {
    const d = codes[i];
    bytes.set(dictionary.bytes.subarray(dictionary.offsets[d], dictionary.offsets[d + 1]), offsets[i]);
  }
  return { offsets, bytes };
}
