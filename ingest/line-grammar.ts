/**
 * One line of line protocol, by the whole grammar: escapes, quoted strings, every refusal with its position. The fast
 * parser comes here for a line that it does not fully foresee, so this decides what is accepted; it is quick, but it
 * favours being complete. Nothing but values in the batch's free slots is written before the line is known to be good.
 *
 * Grammar, as InfluxDB 1.8 reads it:
 *
 *     line   = key SP+ fields [SP+ timestamp] SP* [CR] LF
 *     key    = measurement *( "," tagkey "=" tagvalue )
 *     fields = fieldkey "=" value *( "," fieldkey "=" value )
 *
 * - A byte that follows a backslash is never a delimiter. Backslashes stay, except before the bytes a name escapes.
 * - In a quoted string a backslash escapes a quote or a backslash, and newlines are part of the string.
 * - A newline ends a line everywhere else, after a backslash and in a comment, too.
 */
import type { Batch } from '../batch/batch.ts';
import { BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { BOOLEAN, STRING } from '../batch/field-type.ts';
import type { LimitName } from '../engine/write-limits.ts';
import { type IngestLimits, type Refusal, tooLong, tooMany } from './limits.ts';
import {
  INTEGER_OVERFLOW,
  INVALID_FLOAT,
  INVALID_NUMBER,
  isDelimiter,
  numberKind,
  scanNumber,
  wideNumber,
} from './number-parser.ts';
import { BAD_TIMESTAMP, type Precision, scanTimestamp, timestampRangeReason } from './timestamp.ts';

const BACKSLASH = 92;
const COMMA = 44;
const EQUALS = 61;
const NEWLINE = 10;
const QUOTE = 34;
const RETURN = 13;
const SPACE = 32;

/** A line taken apart. One is reused for all lines; what it holds is valid until the next line. */
export interface ScannedLine {
  /** The key is `bytes[keyStart .. keyEnd]`, as written. */
  keyStart: number;
  keyEnd: number;
  /** Fields of the line, `time` left out; field i's value is in the batch's slot `valueCount + i`. */
  fieldCount: number;
  /** Unescaped names. */
  fieldNames: Uint8Array[];
  /** Where each field begins, for the position of a conflict. */
  fieldOffsets: number[];
  fieldTypes: Uint8Array;
  /** Whether there was a timestamp, then found in `scannedTime`. */
  hasTime: boolean;
  /** Where the line was refused and why; null when it was not. */
  reason: string | null;
  at: number;
  /** The limit that it is beyond, if that is why. */
  limit: LimitName | null;
  /** The line was refused because of a quoted string, so quotes do not tell where it ends. */
  brokenString: boolean;
  /** It was well-formed, yet refused. */
  readable: boolean;
  /** Newlines inside of its strings. */
  innerNewlines: number;
}

export function newScannedLine(): ScannedLine {
  return {
    keyStart: 0,
    keyEnd: 0,
    fieldCount: 0,
    fieldNames: [],
    fieldOffsets: [],
    fieldTypes: new Uint8Array(64),
    hasTime: false,
    reason: null,
    at: 0,
    limit: null,
    brokenString: false,
    readable: false,
    innerNewlines: 0,
  };
}

/** Records a refusal; returns −1, the position of no return. */
export function refuse(line: ScannedLine, at: number, reason: string, readable = false): number {
  line.reason = reason;
  line.limit = null;
  line.at = at;
  line.readable = readable;
  return -1;
}

/** Records that a well-formed line is beyond a limit; returns −1. */
export function refuseBeyond(line: ScannedLine, at: number, { limit, text }: Refusal): number {
  refuse(line, at, text, true);
  line.limit = limit;
  return -1;
}

/**
 * Scans the line at `start` (not blank, not a comment, leading blanks skipped) and puts its values into free slots of
 * `batch`; `bytes[end - 1]` is a newline.
 * @returns the position of its newline, or −1 with the refusal in `line`.
 */
export function scanLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  batch: Batch,
  precision: Precision,
  limits: IngestLimits,
  line: ScannedLine,
): number {
  line.reason = null;
  line.brokenString = false;
  line.innerNewlines = 0;
  line.fieldCount = 0;
  line.keyStart = start;
  let p = scanKey(bytes, start, line);
  if (p < 0) return -1;
  line.keyEnd = p;
  if (p - start > limits.maxSeriesKeyBytes) {
    const text = `max key length exceeded: ${p - start} > ${limits.maxSeriesKeyBytes} (limit max-series-key-size)`;
    return refuseBeyond(line, start, { limit: 'maxSeriesKeyBytes', text });
  }
  p = scanFields(bytes, skipBlanks(bytes, p), end, batch, limits, line);
  if (p < 0) return -1;
  p = skipBlanks(bytes, p);
  line.hasTime = !isLineEnd(bytes, p);
  if (line.hasTime) {
    const from = p;
    p = scanTimestamp(bytes, p, precision);
    if (p === BAD_TIMESTAMP) return refuse(line, from, 'bad timestamp');
    if (p < 0) return refuse(line, from, timestampRangeReason(word(bytes, from)));
    while (bytes[p] === SPACE) p++;
    if (!isLineEnd(bytes, p)) return refuse(line, p, 'point is invalid');
  }
  return bytes[p] === RETURN ? p + 1 : p;
}

/** Skips what InfluxDB takes for blanks between the parts of a line: spaces, tabs, NULs. */
export function skipBlanks(bytes: Uint8Array, from: number): number {
  let p = from;
  while (bytes[p] === SPACE || bytes[p] === 9 || bytes[p] === 0) p++;
  return p;
}

export function isLineEnd(bytes: Uint8Array, p: number): boolean {
  return bytes[p] === NEWLINE || (bytes[p] === RETURN && bytes[p + 1] === NEWLINE);
}

/** Walks over measurement and tags to the space that ends them. */
function scanKey(bytes: Uint8Array, start: number, line: ScannedLine): number {
  let p = start;
  if (bytes[p] === COMMA) return refuse(line, p, 'missing measurement');
  p = scanUntil(bytes, p, false);
  while (bytes[p] === COMMA) {
    p++;
    const first = bytes[p];
    if (first === COMMA || first === SPACE || first === EQUALS || isLineEnd(bytes, p)) {
      return refuse(line, p, 'missing tag key');
    }
    p = scanUntil(bytes, p, true);
    if (bytes[p] !== EQUALS) return refuse(line, p, 'missing tag value');
    p++;
    if (bytes[p] === COMMA || bytes[p] === SPACE || isLineEnd(bytes, p)) return refuse(line, p, 'missing tag value');
    p = scanUntil(bytes, p, true);
    if (bytes[p] === EQUALS) return refuse(line, p, 'invalid tag format');
  }
  if (bytes[p] !== SPACE) return refuse(line, p, 'missing fields');
  return p;
}

/** The first byte after `from` that delimits: comma, space, newline, and equals if asked for. */
function scanUntil(bytes: Uint8Array, from: number, equals: boolean): number {
  let p = from;
  if (bytes[p] === NEWLINE) return p;
  for (p++; ; p++) {
    const c = bytes[p];
    if (c === NEWLINE) return p;
    if ((c === COMMA || c === SPACE || (equals && c === EQUALS)) && bytes[p - 1] !== BACKSLASH) return p;
  }
}

function scanFields(
  bytes: Uint8Array,
  start: number,
  end: number,
  batch: Batch,
  limits: IngestLimits,
  line: ScannedLine,
): number {
  let p = start;
  for (;;) {
    const from = p;
    if (bytes[p] === EQUALS) return refuse(line, p, 'missing field key');
    while (bytes[p] !== EQUALS || bytes[p - 1] === BACKSLASH) {
      const c = bytes[p];
      if (c === NEWLINE || ((c === COMMA || c === SPACE) && bytes[p - 1] !== BACKSLASH)) {
        return refuse(line, p, 'invalid field format');
      }
      p++;
    }
    const name = unescapeName(bytes, from, p, FIELD_ESCAPES);
    if (name.length > limits.maxNameBytes) {
      return refuseBeyond(line, from, tooLong('field key', name.length, 'maxNameBytes', limits));
    }
    const i = line.fieldCount;
    batch.reserve(i + 1);
    if (i === line.fieldTypes.length) {
      const grown = new Uint8Array(i * 2);
      grown.set(line.fieldTypes);
      line.fieldTypes = grown;
    }
    p = scanValue(bytes, p + 1, end, batch, batch.valueCount + i, limits, line);
    if (p < 0) return -1;
    line.fieldNames[i] = name;
    line.fieldOffsets[i] = from;
    line.fieldTypes[i] = numberKind[0];
    if (!isTimeName(name)) line.fieldCount++;
    if (line.fieldCount > limits.maxFields) {
      return refuseBeyond(line, from, tooMany('fields', line.fieldCount, 'maxFields', limits));
    }
    if (bytes[p] !== COMMA) return p;
    p++;
  }
}

/** Reads one value into the slot; its type goes to `numberKind[0]`. Returns where it ends, or −1. */
function scanValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  batch: Batch,
  slot: number,
  limits: IngestLimits,
  line: ScannedLine,
): number {
  const c = bytes[start];
  if ((c >= 48 && c <= 57) || c === 46 || c === 45) {
    const p = scanNumber(bytes, start, batch.values, slot);
    if (p < 0) return refuse(line, start, numberReason(p, word(bytes, start)));
    if (numberKind[1] === 1) batch.setBox(slot, BOX_WIDE, batch.addWide(wideNumber[0]));
    return p;
  }
  if (c === QUOTE) return scanString(bytes, start + 1, end, batch, slot, limits, line);
  if (c === COMMA || c === SPACE || isLineEnd(bytes, start)) return refuse(line, start, 'missing field value');
  if (c === 78 || c === 110) return refuse(line, start, 'invalid number');
  const p = scanBoolean(bytes, start);
  if (p < 0 || !isDelimiter(bytes, p)) return refuse(line, start, 'invalid boolean');
  numberKind[0] = BOOLEAN;
  batch.values[slot] = (c | 32) === 116 ? 1 : 0;
  return p;
}

/** Walks over t, T, true, True, TRUE and the same of false; −1 for anything else. */
export function scanBoolean(bytes: Uint8Array, p: number): number {
  const c = bytes[p];
  const lower = c | 32;
  if (lower !== 116 && lower !== 102) return -1;
  const next = bytes[p + 1];
  if ((next | 32) !== (lower === 116 ? 114 : 97)) return p + 1;
  const rest = lower === 116 ? 'rue' : 'alse';
  // All lower case, or, after a capital, all upper case: tRUE and TRue are no booleans.
  const bit = next & 32;
  if (bit === 0 && (c & 32) !== 0) return -1;
  for (let i = 0; i < rest.length; i++) {
    if (bytes[p + 1 + i] !== ((rest.charCodeAt(i) & ~32) | bit)) return -1;
  }
  return p + 1 + rest.length;
}

function scanString(
  bytes: Uint8Array,
  start: number,
  end: number,
  batch: Batch,
  slot: number,
  limits: IngestLimits,
  line: ScannedLine,
): number {
  let escapes = 0;
  let newlines = 0;
  let p = start;
  for (; bytes[p] !== QUOTE; p++) {
    if (bytes[p] === BACKSLASH && (bytes[p + 1] === QUOTE || bytes[p + 1] === BACKSLASH)) {
      escapes++;
      p++;
    } else if (bytes[p] === NEWLINE) newlines++;
    if (p + 1 >= end) {
      line.brokenString = true;
      return refuse(line, start - 1, 'unbalanced quotes');
    }
  }
  if (!isDelimiter(bytes, p + 1)) {
    line.brokenString = true;
    return refuse(line, p + 1, 'invalid field format');
  }
  const length = p - start - escapes;
  line.innerNewlines += newlines;
  if (length > limits.maxStringBytes) {
    return refuseBeyond(line, start, tooLong('string value', length, 'maxStringBytes', limits));
  }
  if (escapes === 0) batch.setBox(slot, BOX_STRING, batch.addString(bytes, start, p));
  else {
    const plain = unescapeName(bytes, start, p, STRING_ESCAPES);
    batch.setBox(slot, BOX_STRING, batch.addString(plain, 0, plain.length));
  }
  numberKind[0] = STRING;
  return p + 1;
}

/** Where the line that begins at `start` ends: at the first newline that is not inside of a well-formed string. */
export function findLineEnd(bytes: Uint8Array, start: number, end: number): number {
  let p = skipBlanks(bytes, start);
  if (bytes[p] === 35) return bytes.indexOf(NEWLINE, p);
  let fields = false;
  let equals = false;
  for (; p < end; p++) {
    const c = bytes[p];
    if (c === NEWLINE) return p;
    if (c === BACKSLASH && bytes[p + 1] !== NEWLINE) p++;
    else if (c === SPACE) fields = true;
    else if (fields && c === QUOTE && equals) {
      for (p++; p < end && bytes[p] !== QUOTE; p++) if (bytes[p] === BACKSLASH && bytes[p + 1] !== NEWLINE) p++;
      if (p >= end || !isDelimiter(bytes, p + 1)) break;
    }
    equals = c === EQUALS;
  }
  return bytes.indexOf(NEWLINE, start);
}

/** Bytes that a backslash hides in names: a set of flags by byte. */
const escapeSet = (text: string): Uint8Array => {
  const set = new Uint8Array(256);
  for (const c of text) set[c.charCodeAt(0)] = 1;
  return set;
};
export const NAME_ESCAPES = escapeSet(', ="');
export const TAG_ESCAPES = escapeSet(', =');
const FIELD_ESCAPES = NAME_ESCAPES;
const STRING_ESCAPES = escapeSet('"\\');

/** `bytes[start .. end]` without the backslashes before bytes of `set`; a view of `bytes` if it has none. */
export function unescapeName(bytes: Uint8Array, start: number, end: number, set: Uint8Array): Uint8Array {
  let p = start;
  while (p < end && bytes[p] !== BACKSLASH) p++;
  if (p === end) return bytes.subarray(start, end);
  const plain = new Uint8Array(end - start);
  let length = 0;
  for (p = start; p < end; p++) {
    if (bytes[p] === BACKSLASH && p + 1 < end && set[bytes[p + 1]] === 1) p++;
    plain[length++] = bytes[p];
  }
  return plain.subarray(0, length);
}

/** The field and tag key that InfluxDB keeps for itself. */
export function isTimeName(name: Uint8Array): boolean {
  return name.length === 4 && name[0] === 116 && name[1] === 105 && name[2] === 109 && name[3] === 101;
}

function numberReason(code: number, text: string): string {
  if (code === INVALID_NUMBER) return 'invalid number';
  if (code === INVALID_FLOAT) return 'invalid float';
  const digits = text.slice(0, -1);
  const [type, parse] = code === INTEGER_OVERFLOW ? ['integer', 'ParseInt'] : ['unsigned', 'ParseUint'];
  return `unable to parse ${type} ${digits}: strconv.${parse}: parsing "${digits}": value out of range`;
}

/** The text from `start` up to a delimiter. */
function word(bytes: Uint8Array, start: number): string {
  let p = start;
  while (!isDelimiter(bytes, p)) p++;
  return String.fromCharCode(...bytes.subarray(start, Math.min(p, start + 64)));
}
