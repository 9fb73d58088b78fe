/**
 * JSON as bytes, for answers of millions of samples: numbers go from typed arrays into one growing buffer, without a
 * string or an object for each sample that outlives it.
 */
import { formatSampleValue } from '../query/promql/number-format.ts';

const encoder = new TextEncoder();

/** Longest text of a sample value or a time, with some room. */
const NUMBER_BYTES = 32;

/** Small answers are written in memory that is used again: making and collecting it would cost more than they do. */
const SPARE_BYTES = 32_768;
let spare: Uint8Array<ArrayBuffer> | null = null;

export class JsonBytes {
  private bytes: Uint8Array<ArrayBuffer>;
  private length = 0;

  constructor(capacity = 0) {
    if (capacity <= SPARE_BYTES && spare !== null) {
      this.bytes = spare;
      spare = null;
    } else {
      this.bytes = new Uint8Array(Math.max(SPARE_BYTES, capacity));
    }
  }

  /** Makes room for `more` bytes. */
  private reserve(more: number): void {
    const need = this.length + more;
    if (need <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** JSON text as it is, of any characters. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    const { bytes: to } = this;
    let at = this.length;
    for (let i = start; i < end; i++) to[at++] = bytes[i];
    this.length = at;
  }

  /** One ASCII character. */
  byte(code: number): void {
    this.reserve(1);
    this.bytes[this.length++] = code;
  }

  /** A sample's value in quotes, as Prometheus writes it. */
  sampleValue(value: number): void {
    this.reserve(NUMBER_BYTES + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = 34;
    if (isDigits(value)) {
      at = writeDigits(bytes, at, value);
    } else {
      at = writeNumber(bytes, at, value);
    }
    bytes[at++] = 34;
    this.length = at;
  }

  /**
   * The steps of a series that have a value, each as `[time,"value"]`, with commas between.
   * @param times all steps as `[time,`, one after the other: step i is times[offsets[i] … offsets[i + 1]).
   * @param present null: all.
   */
  steps(times: Uint8Array, offsets: Int32Array, values: Float64Array, present: Uint8Array | null): void {
    this.reserve(times.length + values.length * (NUMBER_BYTES + 4));
    const { bytes } = this;
    const start = this.length;
    let at = start;
    for (let i = 0; i < values.length; i++) {
      if (present !== null && present[i] === 0) continue;
      if (at !== start) bytes[at++] = 44;
      for (let k = offsets[i], end = offsets[i + 1]; k < end; k++) bytes[at++] = times[k];
      bytes[at++] = 34;
      const value = values[i];
      if (isDigits(value)) at = writeDigits(bytes, at, value);
      else at = writeNumber(bytes, at, value);
      bytes[at++] = 34;
      bytes[at++] = 93;
    }
    this.length = at;
  }

  /** A time in ms as seconds: whole, or with exactly three decimals. */
  time(ms: number): void {
    this.reserve(NUMBER_BYTES);
    const { bytes } = this;
    let at = this.length;
    let rest = ms;
    if (rest < 0) {
      bytes[at++] = 45;
      rest = -rest;
    }
    const seconds = Math.floor(rest / 1000);
    const fraction = rest - seconds * 1000;
    at = writeDigits(bytes, at, seconds);
    if (fraction > 0) {
      bytes[at++] = 46;
      bytes[at++] = 48 + Math.floor(fraction / 100);
      bytes[at++] = 48 + (Math.floor(fraction / 10) % 10);
      bytes[at++] = 48 + (fraction % 10);
    }
    this.length = at;
  }

  /** Bytes written so far. */
  get size(): number {
    return this.length;
  }

  /** What was written; nothing may be written after. */
  finish(): Uint8Array<ArrayBuffer> {
    const { bytes, length } = this;
    if (bytes.length !== SPARE_BYTES) return bytes.subarray(0, length);
    const written = bytes.slice(0, length);
    spare = bytes;
    this.bytes = written;
    return written;
  }
}

/**
 * Texts of numbers written lately. Results repeat their values (rates of integers, means of few samples), and the shortest
 * text of a double takes ten times as long to find as to copy. A number has one place, by a hash of its bits, which the next
 * one takes over.
 */
const KEPT = 1 << 13;
const kept = {
  numbers: new Float64Array(KEPT).fill(Number.NaN),
  lengths: new Uint8Array(KEPT),
  texts: new Uint8Array(KEPT * NUMBER_BYTES),
};
const number = new Float64Array(1);
const numberWords = new Int32Array(number.buffer);

/** Writes a sample's value and returns the position after it. */
function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  number[0] = value;
  const hash = Math.imul(numberWords[0] ^ Math.imul(numberWords[1], 0x9e3779b1), 0x85ebca6b);
  const place = (hash ^ (hash >>> 15)) & (KEPT - 1);
  const { numbers, lengths, texts } = kept;
  const from = place * NUMBER_BYTES;
  // Zeros of both signs are equal, but only the negative one gets here.
  if (numbers[place] !== value) {
    const text = formatSampleValue(value);
    for (let i = 0; i < text.length; i++) texts[from + i] = text.charCodeAt(i);
    numbers[place] = value;
    lengths[place] = text.length;
  }
  const length = lengths[place];
  for (let i = 0; i < length; i++) bytes[at + i] = texts[from + i];
  return at + length;
}

/** Whether a value's text is its digits, few of them. */
function isDigits(value: number): boolean {
  return value >= 0 && value < 10_000_000 && value === (value | 0) && !(value === 0 && 1 / value < 0);
}

/** Writes a whole number ≥ 0 in decimal and returns the position after it. */
function writeDigits(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = 48 + value;
    return at + 1;
  }
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  const end = at + digits;
  let rest = value;
  for (let p = end - 1; p >= at; p--) {
    const next = Math.floor(rest / 10);
    bytes[p] = 48 + (rest - next * 10);
    rest = next;
  }
  return end;
}
