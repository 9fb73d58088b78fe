/**
 * The canonical series key: measurement and tags as line protocol writes them, tags sorted by the bytes of their keys.
 *
 *      cpu,host=a\ b,region=eu
 *
 * A canonical key is what most clients send, so their bytes are looked up as they come. Two keys are equal as bytes
 * exactly when the series are the same, for all bytes that names may hold:
 *
 * - In tag keys and values a comma, space or equals sign has a backslash before it. In measurements a comma or space;
 *   an equals sign or double quote only after a backslash, where line protocol would take it as escaped.
 * - Every other backslash stands for itself. A name that ends with a backslash could hide the separator behind it, and
 *   line protocol cannot say it; such names come by remote write. They get one line feed appended, as do those that
 *   end with a backslash and line feeds, so decoding takes one away. Line protocol has no line feeds in keys.
 *
 * Tags with empty values are no tags.
 */
const COMMA = 44;
const SPACE = 32;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;
const LINE_FEED = 10;

/** 1 for the bytes that mean something in keys. A line feed does so after a backslash only, a quote likewise. */
const SPECIAL = new Uint8Array(256);
for (const byte of [COMMA, SPACE, EQUALS, BACKSLASH]) SPECIAL[byte] = 1;

/** The parts of a key as ranges; names with escapes are unescaped into `scratch`. Reused from key to key. */
export class KeyParts {
  /** Part i: 0 the measurement, then tag keys at 1, 3, 5 … and their values at 2, 4, 6 …, in the order of the key. */
  count = 0;
  start = new Int32Array(64);
  end = new Int32Array(64);
  /** Where each part's range lies: the bytes that were parsed, or `scratch`. */
  source: Uint8Array[] = [];
  scratch = new Uint8Array(256);
  private scratchUsed = 0;

  /** Tags of the key. */
  get tagCount(): number {
    return (this.count - 1) >> 1;
  }

  /** A copy of part i. */
  slice(i: number): Uint8Array {
    return this.source[i].slice(this.start[i], this.end[i]);
  }

  /** @internal */
  begin(rawLength: number): void {
    this.count = 0;
    this.scratchUsed = 0;
    if (this.scratch.length < rawLength) this.scratch = new Uint8Array(rawLength * 2);
  }

  /** Adds a part, unescaping it when it has escapes. @internal */
  add(bytes: Uint8Array, start: number, end: number, escaped: boolean): void {
    if (this.count === this.start.length) this.growParts();
    const i = this.count++;
    if (!escaped) {
      this.source[i] = bytes;
      this.start[i] = start;
      this.end[i] = end;
      return;
    }
    this.source[i] = this.scratch;
    this.start[i] = this.scratchUsed;
    this.scratchUsed = unescapeInto(this.scratch, this.scratchUsed, bytes, start, end, i === 0);
    this.end[i] = this.scratchUsed;
  }

  private growParts(): void {
    const start = new Int32Array(this.start.length * 2);
    const end = new Int32Array(start.length);
    start.set(this.start);
    end.set(this.end);
    this.start = start;
    this.end = end;
  }
}

/**
 * Splits and checks a key. Returns false when the bytes are not a canonical key: tags unsorted or repeated, an empty
 * tag key or value, escapes that the canonical form lacks, or no such syntax at all.
 */
export function parseCanonicalKey(bytes: Uint8Array, start: number, end: number, into: KeyParts): boolean {
  into.begin(end - start);
  let from = start;
  let escaped = false;
  let i = start;
  // One turn per part: 0 is the measurement, odd parts are tag keys, even ones values.
  for (let part = 0; ; part++) {
    const isKey = (part & 1) === 1;
    for (; i < end; i++) {
      const c = bytes[i];
      if (SPECIAL[c] === 0) continue;
      if (c === BACKSLASH) {
        const next = i + 1 < end ? bytes[i + 1] : -1;
        if (next === COMMA || next === SPACE || next === EQUALS || (next === QUOTE && part === 0)) {
          if (part === 0 && (next === EQUALS || next === QUOTE) && (i === from || bytes[i - 1] !== BACKSLASH))
            return false;
          escaped = true;
          i++;
        } else if (next === LINE_FEED) {
          escaped = true;
        } else if (next < 0) {
          return false;
        }
      } else if (c === COMMA) {
        break;
      } else if (c === SPACE) {
        return false;
      } else if (c === EQUALS && part > 0) {
        if (!isKey) return false;
        break;
      }
    }
    if (isKey && (i >= end || bytes[i] !== EQUALS)) return false;
    if (part > 0 && i === from) return false;
    into.add(bytes, from, i, escaped);
    if (isKey && part > 1 && compareParts(into, part - 2, part) >= 0) return false;
    if (i >= end) return true;
    i++;
    from = i;
    escaped = false;
  }
}

/** Compares two parts as byte strings: negative, zero or positive. */
function compareParts(parts: KeyParts, a: number, b: number): number {
  return compareBytes(parts.source[a], parts.start[a], parts.end[a], parts.source[b], parts.start[b], parts.end[b]);
}

/** Compares `a[aStart .. aEnd)` with `b[bStart .. bEnd)` byte by byte: negative, zero or positive. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const n = Math.min(aEnd - aStart, bEnd - bStart);
  for (let i = 0; i < n; i++) {
    const d = a[aStart + i] - b[bStart + i];
    if (d !== 0) return d;
  }
  return aEnd - aStart - (bEnd - bStart);
}

/** Writes canonical keys; its buffer is reused. */
export class KeyWriter {
  /** The key written last is `bytes[0 .. length)`. */
  bytes = new Uint8Array(256);
  length = 0;
  private readonly order: number[] = [];

  /**
   * Writes the key of these parts. Tags may come in any order; of tags with the same key the last one counts; tags
   * with an empty value are left out.
   */
  write(measurement: Uint8Array, tagKeys: readonly Uint8Array[], tagValues: readonly Uint8Array[]): void {
    const order = this.sortTags(tagKeys);
    this.length = 0;
    this.name(measurement, true);
    for (let n = 0; n < order.length; n++) {
      const tag = order[n];
      const key = tagKeys[tag];
      if (
        n + 1 < order.length &&
        compareBytes(key, 0, key.length, tagKeys[order[n + 1]], 0, tagKeys[order[n + 1]].length) === 0
      ) {
        continue;
      }
      if (tagValues[tag].length === 0) continue;
      this.separator(COMMA);
      this.name(key, false);
      this.separator(EQUALS);
      this.name(tagValues[tag], false);
    }
  }

  /** Stable insertion sort of tag positions: tags are few and mostly sorted. */
  private sortTags(keys: readonly Uint8Array[]): number[] {
    const order = this.order;
    order.length = keys.length;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      let k = i;
      while (k > 0 && compareBytes(key, 0, key.length, keys[order[k - 1]], 0, keys[order[k - 1]].length) < 0) {
        order[k] = order[k - 1];
        k--;
      }
      order[k] = i;
    }
    return order;
  }

  private separator(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  private name(bytes: Uint8Array, isMeasurement: boolean): void {
    this.reserve(bytes.length * 2 + 1);
    this.length = escapeInto(this.bytes, this.length, bytes, 0, bytes.length, isMeasurement);
  }

  private reserve(n: number): void {
    if (this.length + n <= this.bytes.length) return;
    const grown = new Uint8Array((this.length + n) * 2);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

/** Writes the canonical form of a name at `out[at ..)`, which has room for 2 · length + 1 bytes; returns its end. */
export function escapeInto(
  out: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  isMeasurement: boolean,
): number {
  for (let i = start; i < end; i++) {
    const c = bytes[i];
    if (c === COMMA || c === SPACE) out[at++] = BACKSLASH;
    else if (c === EQUALS && (!isMeasurement || (i > start && bytes[i - 1] === BACKSLASH))) out[at++] = BACKSLASH;
    else if (c === QUOTE && isMeasurement && i > start && bytes[i - 1] === BACKSLASH) out[at++] = BACKSLASH;
    out[at++] = c;
  }
  if (endsWithBackslash(bytes, start, end)) out[at++] = LINE_FEED;
  return at;
}

/** Writes a name without its escapes at `out[at ..)`, which has room for the raw length; returns its end. */
function unescapeInto(
  out: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  isMeasurement: boolean,
): number {
  const last = bytes[end - 1] === LINE_FEED && endsWithBackslash(bytes, start, end) ? end - 1 : end;
  for (let i = start; i < last; i++) {
    let c = bytes[i];
    if (c === BACKSLASH && i + 1 < last) {
      const next = bytes[i + 1];
      if (next === COMMA || next === SPACE || next === EQUALS || (next === QUOTE && isMeasurement)) {
        c = next;
        i++;
      }
    }
    out[at++] = c;
  }
  return at;
}

/** Whether a name ends with a backslash, or with one and line feeds after it. */
function endsWithBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  let i = end - 1;
  while (i >= start && bytes[i] === LINE_FEED) i--;
  return i >= start && bytes[i] === BACKSLASH;
}

/** Whether writing a name into a key may change its bytes. */
export function needsEscape(bytes: Uint8Array, start: number, end: number): boolean {
  let special = 0;
  for (let i = start; i < end; i++) special |= SPECIAL[bytes[i]];
  return special !== 0;
}
