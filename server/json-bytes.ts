/**
 * JSON as bytes, for answers of millions of samples: numbers go from typed arrays into one growing buffer, without a
 * string or an object for each sample that outlives it.
 */
import { formatSampleValue } from '../query/promql/number-format.ts';

const encoder = new TextEncoder();

/** Longest text of a sample value or a time, with some room. */
const NUMBER_BYTES = 32;

export class JsonBytes {
  private bytes: Uint8Array<ArrayBuffer>;
  private length = 0;

  constructor(capacity = 16_384) {
    this.bytes = new Uint8Array(capacity);
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
    if (value >= 0 && value < 10_000_000 && value === (value | 0) && !Object.is(value, -0)) {
      at = writeDigits(bytes, at, value);
    } else {
      const text = formatSampleValue(value);
      for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    }
    bytes[at++] = 34;
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

  /** What was written, without a copy; nothing may be written after. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
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
