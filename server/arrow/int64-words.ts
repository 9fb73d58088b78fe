/**
 * 64-bit integers written as two 32-bit words from doubles, since a BigInt per row would cost more than all the rest.
 * Little-endian, as on every platform that Node runs on.
 */

/** The words of a column: `2 * i` is the low one of row i. */
export function wordsOf64(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

const WORD = 2 ** 32;

/** Writes a whole number within ±2^53. */
export function setWhole(words: Int32Array, i: number, value: number): void {
  const high = Math.floor(value / WORD);
  words[2 * i] = value - high * WORD;
  words[2 * i + 1] = high;
}

/** Writes `sec` · 10^9 + `nano`, which has to fit 64 bits. */
export function setNanoseconds(words: Int32Array, i: number, sec: number, nano: number): void {
  // sec = a · 2^17 + b, so that every product below stays under 2^53.
  const a = Math.floor(sec / 0x20000);
  const b = sec - a * 0x20000;
  const top = a * 1e9;
  const high = Math.floor(top / 0x8000);
  const low = (top - high * 0x8000) * 0x20000 + b * 1e9 + nano;
  const carry = Math.floor(low / WORD);
  words[2 * i] = low - carry * WORD;
  words[2 * i + 1] = high + carry;
}
