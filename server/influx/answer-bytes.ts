/**
 * A growing buffer that answers to InfluxQL are written into: JSON texts and numbers as Go's encoding/json has them, and
 * times as RFC 3339, straight from typed arrays. What is written can be taken away in pieces, and what was not taken yet
 * can be taken back, which an error in the middle of a statement needs.
 */
import { zoneOf } from '../../query/influxql/select/zone.ts';
import { writeDigits } from '../digits.ts';

const encoder = new TextEncoder();

/** Longest text of a number or a time, with some room. */
export const NUMBER_BYTES = 40;

const NO_BYTES = new Uint8Array(0);

export class AnswerBytes {
  /** Made when it is first needed: many buffers are asked for that stay empty. */
  private bytes: Uint8Array<ArrayBuffer> = NO_BYTES;
  private length = 0;
  private taken = 0;
  /** Room to begin with: as much as the piece before needed. */
  private capacity: number;

  constructor(capacity = 4096) {
    this.capacity = capacity;
  }

  /** Bytes written since the start, taken away or not. */
  get position(): number {
    return this.taken + this.length;
  }

  /** Bytes that are here. */
  get pending(): number {
    return this.length;
  }

  /** Forgets what was written after a position; false when some of it is gone already. */
  cut(position: number): boolean {
    if (position < this.taken) return false;
    this.length = position - this.taken;
    return true;
  }

  /** What is here, for the caller to keep. */
  take(): Uint8Array<ArrayBuffer> {
    const { bytes, length } = this;
    const out = bytes.subarray(0, length);
    this.capacity = Math.max(this.capacity, length);
    this.bytes = NO_BYTES;
    this.taken += length;
    this.length = 0;
    return out;
  }

  private reserve(more: number): void {
    const need = this.length + more;
    if (need <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.bytes.length * 2, this.capacity));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /**
   * Room for so many more bytes, for who writes them himself: from `pending` on, and says by `wroteTo` how far. What else
   * is written meanwhile may move it.
   */
  room(count: number): Uint8Array {
    this.reserve(count);
    return this.bytes;
  }

  wroteTo(end: number): void {
    this.length = end;
  }

  byte(code: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = code;
  }

  /** Text as it is, in UTF-8. */
  text(text: string): void {
    const { length } = text;
    this.reserve(length * 3);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.length = at + encoder.encodeInto(text.slice(i), bytes.subarray(at)).written;
        return;
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A text as a JSON string. Like Go, it escapes what HTML could take for its own. */
  json(text: string): void {
    const { length } = text;
    // An escape is six bytes, any other unit of UTF-16 at most three.
    this.reserve(length * 6 + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = 34;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < 128 && PLAIN[code] === 1) {
        bytes[at++] = code;
      } else if (code < 128 || code === 0x2028 || code === 0x2029) {
        at = writeEscape(bytes, at, code);
      } else {
        let end = i + 1;
        for (; end < length; end++) {
          const next = text.charCodeAt(end);
          if (next < 128 || next === 0x2028 || next === 0x2029) break;
        }
        at += encoder.encodeInto(text.slice(i, end), bytes.subarray(at)).written;
        i = end - 1;
      }
    }
    bytes[at++] = 34;
    this.length = at;
  }

  /** A double as JSON has it; what JSON cannot say is null. */
  float(value: number): void {
    this.reserve(NUMBER_BYTES);
    const { bytes } = this;
    if (value >= 0 && value < 10_000_000 && value === (value | 0) && !(value === 0 && 1 / value < 0)) {
      this.length = writeDigits(bytes, this.length, value);
      return;
    }
    this.length = writeFloat(bytes, this.length, value);
  }

  /** A whole number within ±2^53. */
  integer(value: number): void {
    this.reserve(NUMBER_BYTES);
    const { bytes } = this;
    let at = this.length;
    let rest = value;
    if (rest < 0) {
      bytes[at++] = 45;
      rest = -rest;
    }
    this.length = writeDigits(bytes, at, rest);
  }

  /** A whole number of any size. */
  wide(value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) this.integer(number);
    else this.text(value.toString());
  }

  /** An instant as RFC 3339 with as many decimals as it needs, in UTC or, with a zone, in local time. No quotes. */
  instant(sec: number, nano: number, zone: string | null): void {
    this.reserve(NUMBER_BYTES);
    const { bytes } = this;
    let at = this.length;
    const offsetSec = zone === null ? 0 : zoneOf(zone).offsetSec(sec);
    const local = sec + offsetSec;
    const day = Math.floor(local / 86_400);
    if (day !== shownDay.day) showDay(day);
    const { text } = shownDay;
    for (let i = 0; i < 11; i++) bytes[at++] = text[i];
    const rest = local - day * 86_400;
    const hours = (rest / 3600) | 0;
    const minutes = ((rest - hours * 3600) / 60) | 0;
    at = writePair(bytes, at, hours);
    bytes[at++] = 58;
    at = writePair(bytes, at, minutes);
    bytes[at++] = 58;
    at = writePair(bytes, at, rest - hours * 3600 - minutes * 60);
    if (nano !== 0) at = writeFraction(bytes, at, nano);
    this.length = zone === null ? writeZulu(bytes, at) : writeOffset(bytes, at, offsetSec);
  }

  /**
   * An instant in units since the epoch, cut off towards zero as Go divides.
   * @param unitSec seconds of a unit, for units of a second and more; else 0.
   * @param digits decimals of a second that are kept, for smaller units: 9, 6 or 3.
   */
  epoch(sec: number, nano: number, unitSec: number, digits: number): void {
    this.reserve(NUMBER_BYTES);
    const { bytes } = this;
    let at = this.length;
    let whole = sec;
    let rest = nano;
    if (whole < 0) {
      // Both parts of the magnitude: 1.5 s before the epoch is held as -2 s and 5e8 ns.
      whole = rest === 0 ? -whole : -whole - 1;
      rest = rest === 0 ? 0 : 1_000_000_000 - rest;
      const isZero = unitSec > 0 ? whole < unitSec : whole === 0 && rest < 10 ** (9 - digits);
      if (!isZero) bytes[at++] = 45;
    }
    if (unitSec > 0) {
      this.length = writeDigits(bytes, at, Math.floor(whole / unitSec));
      return;
    }
    const fraction = Math.floor(rest / 10 ** (9 - digits));
    if (whole === 0) {
      this.length = writeDigits(bytes, at, fraction);
      return;
    }
    at = writeDigits(bytes, at, whole);
    this.length = at + digits;
    let left = fraction | 0;
    for (let place = at + digits - 1; place >= at; place--) {
      const next = (left / 10) | 0;
      bytes[place] = 48 + left - next * 10;
      left = next;
    }
  }
}

/** Characters that stand for themselves in a JSON string of Go's. */
const PLAIN = new Uint8Array(128);
for (let code = 32; code < 128; code++) PLAIN[code] = 1;
for (const character of '"\\<>&') PLAIN[character.charCodeAt(0)] = 0;

const SHORT_ESCAPES = new Map([
  [34, 34],
  [92, 92],
  [10, 110],
  [13, 114],
  [9, 116],
]);

function writeEscape(bytes: Uint8Array, start: number, code: number): number {
  let at = start;
  bytes[at++] = 92;
  const short = SHORT_ESCAPES.get(code);
  if (short !== undefined) {
    bytes[at++] = short;
    return at;
  }
  bytes[at++] = 117;
  const digits = code.toString(16).padStart(4, '0');
  for (let i = 0; i < 4; i++) bytes[at++] = digits.charCodeAt(i);
  return at;
}

/** The date that was written last, as `2006-01-02T`: rows follow each other in time. */
const shownDay = { day: Number.NaN, text: new Uint8Array(11) };

function showDay(day: number): void {
  shownDay.day = day;
  const text = new Date(day * 86_400_000).toISOString();
  for (let i = 0; i < 11; i++) shownDay.text[i] = text.charCodeAt(i);
}

function writePair(bytes: Uint8Array, at: number, value: number): number {
  const tens = (value / 10) | 0;
  bytes[at] = 48 + tens;
  bytes[at + 1] = 48 + value - tens * 10;
  return at + 2;
}

function writeFraction(bytes: Uint8Array, start: number, nano: number): number {
  let end = 9;
  let rest = nano;
  while (rest % 10 === 0) {
    rest /= 10;
    end--;
  }
  bytes[start] = 46;
  for (let i = end; i > 0; i--) {
    const next = Math.floor(rest / 10);
    bytes[start + i] = 48 + rest - next * 10;
    rest = next;
  }
  return start + 1 + end;
}

function writeZulu(bytes: Uint8Array, at: number): number {
  bytes[at] = 90;
  return at + 1;
}

function writeOffset(bytes: Uint8Array, start: number, offsetSec: number): number {
  if (offsetSec === 0) return writeZulu(bytes, start);
  const minutes = Math.trunc(Math.abs(offsetSec) / 60);
  bytes[start] = offsetSec < 0 ? 45 : 43;
  let at = writePair(bytes, start + 1, Math.trunc(minutes / 60));
  bytes[at++] = 58;
  at = writePair(bytes, at, minutes % 60);
  return at;
}

/**
 * Texts of numbers written lately. Answers repeat their values, and the shortest text of a double takes ten times as long
 * to find as to copy. A number has one place, by a hash of its bits, which the next one takes over.
 */
const KEPT = 1 << 13;
const kept = {
  numbers: new Float64Array(KEPT).fill(Number.NaN),
  lengths: new Uint8Array(KEPT),
  texts: new Uint8Array(KEPT * NUMBER_BYTES),
};
const number = new Float64Array(1);
const numberWords = new Int32Array(number.buffer);

function writeFloat(bytes: Uint8Array, at: number, value: number): number {
  number[0] = value;
  const hash = Math.imul(numberWords[0] ^ Math.imul(numberWords[1], 0x9e3779b1), 0x85ebca6b);
  const place = (hash ^ (hash >>> 15)) & (KEPT - 1);
  const { numbers, lengths, texts } = kept;
  const from = place * NUMBER_BYTES;
  // Zeros of both signs are equal, but only the negative one gets here.
  if (numbers[place] !== value) {
    const text = jsonFloat(value);
    for (let i = 0; i < text.length; i++) texts[from + i] = text.charCodeAt(i);
    numbers[place] = value;
    lengths[place] = text.length;
  }
  const length = lengths[place];
  for (let i = 0; i < length; i++) bytes[at + i] = texts[from + i];
  return at + length;
}

/** JavaScript's own layout is that of encoding/json: an exponent below 1e-6 and from 1e21. */
function jsonFloat(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  return value === 0 ? '-0' : `${value}`;
}
