/**
 * Series that the index does not know yet: taking a key apart, checking its names, asking for admission, defining it.
 * Off the hot path: each series comes here once per spelling of its key.
 */
import type { SeriesAdmission } from '../engine/series-admission.ts';
import { hashBytes } from '../index/hash.ts';
import type { SeriesIndex } from '../index/series-index.ts';
import { compareBytes, KeyWriter } from '../index/series-key.ts';
import type { IngestLimits, Refusal } from './limits.ts';
import { isTimeName, NAME_ESCAPES, TAG_ESCAPES, unescapeName } from './line-grammar.ts';

/** What is asked before something is defined that an index does not know. */
export type SeriesDoor = Pick<SeriesAdmission, 'needsParts' | 'admit' | 'admitNames' | 'hasRoom'>;

/** A series by its parts, unescaped. */
export interface SeriesParts {
  measurement: Uint8Array;
  tagKeys: Uint8Array[];
  tagValues: Uint8Array[];
}

/** The parts of a key that the grammar has accepted. */
export function splitKey(bytes: Uint8Array, start: number, end: number): SeriesParts {
  let p = nextDelimiter(bytes, start, end, 44);
  const parts: SeriesParts = {
    measurement: unescapeName(bytes, start, p, NAME_ESCAPES),
    tagKeys: [],
    tagValues: [],
  };
  while (p < end) {
    const key = p + 1;
    const equals = nextDelimiter(bytes, key, end, 61);
    p = nextDelimiter(bytes, equals + 1, end, 44);
    parts.tagKeys.push(unescapeName(bytes, key, equals, TAG_ESCAPES));
    parts.tagValues.push(unescapeName(bytes, equals + 1, p, TAG_ESCAPES));
  }
  return parts;
}

/** The first `delimiter` after `from` that no backslash precedes; a part has at least one byte. */
function nextDelimiter(bytes: Uint8Array, from: number, end: number, delimiter: number): number {
  for (let p = from + 1; p < end; p++) if (bytes[p] === delimiter && bytes[p - 1] !== 92) return p;
  return end;
}

const decoder = new TextDecoder();

/** What is wrong with a tag that has the name of the time, in InfluxDB's words; null when there is none. */
export function timeTagFault({ measurement, tagKeys }: SeriesParts): string | null {
  if (!tagKeys.some(isTimeName)) return null;
  return `invalid tag key: input tag "time" on measurement "${decoder.decode(measurement)}" is invalid`;
}

/** Whether two tags have the same key. */
export function hasDuplicateTags(tagKeys: Uint8Array[]): boolean {
  const seen = new Set<string>();
  for (const key of tagKeys) seen.add(Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1'));
  return seen.size < tagKeys.length;
}

/**
 * Whether a key that the grammar has accepted needs no second look: no backslashes, tags sorted, none repeated, nothing
 * over a limit or reserved. It is then canonical as it stands. Allocates nothing; most new series pass.
 */
export function isPlainKey(bytes: Uint8Array, start: number, end: number, limits: Readonly<IngestLimits>): boolean {
  let tags = 0;
  let keyStart = 0;
  let keyEnd = 0;
  let partStart = start;
  let isKey = false;
  for (let p = start; p <= end; p++) {
    const c = p < end ? bytes[p] : 44;
    if (c === 92) return false;
    if (c === 61 && isKey) {
      const length = p - partStart;
      if (length > limits.maxNameBytes) return false;
      if (length === 4 && isTimeName(bytes.subarray(partStart, p))) return false;
      if (tags > 0 && compareBytes(bytes, keyStart, keyEnd, bytes, partStart, p) >= 0) return false;
      keyStart = partStart;
      keyEnd = p;
      tags++;
      isKey = false;
      partStart = p + 1;
      if (bytes[partStart] === 61) return false;
    } else if (c === 44) {
      if (p - partStart > (tags === 0 ? limits.maxNameBytes : limits.maxTagValueBytes)) return false;
      isKey = true;
      partStart = p + 1;
    }
  }
  return tags <= limits.maxTags;
}

const writer = new KeyWriter();

/**
 * The ref of a series whose spelling the index did not find; it will from now on.
 *
 * @param spelling the bytes it was looked up by; null when there are none to remember. Copied.
 * @param door asked only if the series is new by any spelling.
 * @param defined told of a new series.
 * @returns the ref, or why the series is refused.
 */
export function resolveSeries(
  index: SeriesIndex,
  parts: SeriesParts,
  spelling: Uint8Array | null,
  door: SeriesDoor | undefined,
  defined: () => void,
): number | Refusal {
  writer.write(parts.measurement, parts.tagKeys, parts.tagValues);
  let ref = index.find(writer.bytes, 0, writer.length, hashBytes(writer.bytes, 0, writer.length));
  if (ref < 0) {
    const refusal = door === undefined ? null : door.admit(parts);
    if (refusal !== null) return refusal;
    ref = index.define(parts.measurement, parts.tagKeys, parts.tagValues);
    defined();
  }
  if (spelling !== null) {
    const hash = hashBytes(spelling, 0, spelling.length);
    if (index.find(spelling, 0, spelling.length, hash) < 0) index.alias(spelling, 0, spelling.length, hash, ref);
  }
  return ref;
}
