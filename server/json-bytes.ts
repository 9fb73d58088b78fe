/**
 * JSON as bytes, for answers of millions of samples: numbers go from typed arrays into one growing buffer, without a
 * string or an object for each sample that outlives it.
 */
import { formatSampleValue } from '../query/promql/number-format.ts';
import { writeDigits } from './digits.ts';

const encoder = new TextEncoder();

/** Longest text of a sample value or a time, with some room. */
const NUMBER_BYTES = 32;

/** Small answers are written in memory that is used again: making and collecting it would cost more than they do. */
const SPARE_BYTES = 32_768;
let spare: Uint8Array<ArrayBuffer> | null = null;
/** Room behind a small answer for what ends it. */
const ROOM_BYTES = 64;

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

  /** Leaves room for bytes that are written later, in front of everything. */
  skip(count: number): void {
    this.reserve(count);
    this.length += count;
  }

  /** The steps of a series that have a value, each as `[time,"value"]`, with commas between; `present` null: all. */
  steps(times: StepTexts, values: Float64Array, present: Uint8Array | null): void {
    const { words, lengths, stride } = times;
    this.reserve(values.length * (4 * stride + NUMBER_BYTES + 4) + NUMBER_BYTES);
    const { bytes } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const start = this.length;
    let at = start;
    for (let i = 0; i < values.length; i++) {
      if (present !== null && present[i] === 0) continue;
      if (at !== start) bytes[at++] = 44;
      // Whole words; what they say behind the text is written over by what follows.
      const from = i * stride;
      for (let k = 0; k < stride; k++) view.setInt32(at + 4 * k, words[from + k], true);
      at += lengths[i];
      bytes[at++] = 34;
      const value = values[i];
      if (isDigits(value)) {
        at = writeDigits(bytes, at, value);
      } else {
        const place = placeOf(value);
        const length = kept.lengths[place];
        for (let k = 0, word = place * NUMBER_WORDS; 4 * k < length; k++) {
          view.setInt32(at + 4 * k, kept.words[word + k], true);
        }
        at += length;
      }
      bytes[at++] = 34;
      bytes[at++] = 93;
    }
    this.length = at;
  }

  /** A time in ms as seconds: whole, or with exactly three decimals. */
  time(ms: number): void {
    this.reserve(NUMBER_BYTES);
    this.length = writeTime(this.bytes, this.length, ms);
  }

  /**
   * What was written, all or from some place on, in memory of its own, in which there may be room in front and behind;
   * nothing may be written after.
   */
  finish(from = 0): Uint8Array<ArrayBuffer> {
    const { bytes, length } = this;
    if (bytes.length === SPARE_BYTES) {
      this.bytes = bytes.slice(0, Math.min(length + ROOM_BYTES, SPARE_BYTES));
      spare = bytes;
    }
    return this.bytes.subarray(from, length);
  }
}

/**
 * Texts of numbers written lately. Results repeat their values (rates of integers, means of few samples), and the shortest
 * text of a double takes ten times as long to find as to copy. A number has one place, by a hash of its bits, which the next
 * one takes over.
 */
const KEPT = 1 << 13;
const NUMBER_WORDS = NUMBER_BYTES / 4;
const keptTexts = new Uint8Array(KEPT * NUMBER_BYTES);
const kept = {
  numbers: new Float64Array(KEPT).fill(Number.NaN),
  lengths: new Uint8Array(KEPT),
  texts: keptTexts,
  words: new Int32Array(keptTexts.buffer),
};
const number = new Float64Array(1);
const numberWords = new Int32Array(number.buffer);

/** Where a number's text is kept, from now on at least. */
function placeOf(value: number): number {
  number[0] = value;
  const hash = Math.imul(numberWords[0] ^ Math.imul(numberWords[1], 0x9e3779b1), 0x85ebca6b);
  const place = (hash ^ (hash >>> 15)) & (KEPT - 1);
  const { numbers, lengths, texts } = kept;
  // Zeros of both signs are equal, but only the negative one gets here.
  if (numbers[place] !== value) {
    const from = place * NUMBER_BYTES;
    const text = formatSampleValue(value);
    for (let i = 0; i < text.length; i++) texts[from + i] = text.charCodeAt(i);
    numbers[place] = value;
    lengths[place] = text.length;
  }
  return place;
}

/** Writes a sample's value and returns the position after it. */
function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  const place = placeOf(value);
  const from = place * NUMBER_BYTES;
  const length = kept.lengths[place];
  for (let i = 0; i < length; i++) bytes[at + i] = kept.texts[from + i];
  return at + length;
}

/** Writes a time in ms as seconds and returns the position after it. */
function writeTime(bytes: Uint8Array, start: number, ms: number): number {
  let at = start;
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
  return at;
}

/** Short texts, one per step, in whole words: `words[i * stride … ]`, of which `lengths[i]` bytes count. */
export interface StepTexts {
  readonly words: Int32Array;
  readonly lengths: Uint8Array;
  readonly stride: number;
}

/** The times of a grid as JSON, each as `[time,`, made once for all series. */
export function stepTexts(startMs: number, stepMs: number, count: number): StepTexts {
  const farthestMs = Math.max(Math.abs(startMs), Math.abs(startMs + (count - 1) * stepMs));
  const digits = String(Math.floor(farthestMs / 1000)).length;
  const around = startMs < 0 ? '[-,'.length : '[,'.length;
  const decimals = startMs % 1000 === 0 && stepMs % 1000 === 0 ? 0 : '.123'.length;
  const stride = (around + digits + decimals + 3) >> 2;
  const words = new Int32Array(count * stride);
  const lengths = new Uint8Array(count);
  const bytes = new Uint8Array(words.buffer);
  for (let i = 0; i < count; i++) {
    const from = 4 * i * stride;
    bytes[from] = 91;
    const end = writeTime(bytes, from + 1, startMs + i * stepMs);
    bytes[end] = 44;
    lengths[i] = end + 1 - from;
  }
  return { words, lengths, stride };
}

/** Whether a value's text is its digits, few of them. */
function isDigits(value: number): boolean {
  return value >= 0 && value < 10_000_000 && value === (value | 0) && !(value === 0 && 1 / value < 0);
}
