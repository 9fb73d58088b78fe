/**
 * Line protocol, written into a buffer that is sent when it is full.
 */
const SPACE = 32;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;

export class LineWriter {
  private bytes: Uint8Array<ArrayBuffer>;
  private length = 0;
  /** Lines that were ended and not taken. */
  lines = 0;

  constructor(capacityBytes = 1 << 20) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  get size(): number {
    return this.length;
  }

  /** What was written; the writer starts over with another buffer. */
  take(): Uint8Array<ArrayBuffer> {
    const written = this.bytes.subarray(0, this.length);
    this.bytes = new Uint8Array(this.bytes.length);
    this.length = 0;
    this.lines = 0;
    return written;
  }

  /** Where the next line goes, for `cut`. */
  mark(): number {
    return this.length;
  }

  /** Forgets what was written after a mark, but not how many lines were ended. */
  cut(mark: number): void {
    this.length = mark;
  }

  private reserve(more: number): void {
    const need = this.length + more;
    if (need <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** ASCII. */
  text(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  /** A field's text value, in quotes. */
  string(value: Uint8Array): void {
    this.reserve(value.length * 2 + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < value.length; i++) {
      const code = value[i];
      if (code === QUOTE || code === BACKSLASH) bytes[at++] = BACKSLASH;
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** Ends a line with its timestamp. */
  end(time: string): void {
    this.text(` ${time}\n`);
    this.lines++;
  }
}

/** A measurement and tags, as the start of a line. Tags without a value are left out. */
export function lineStart(measurement: string, tags: readonly (readonly [string, string])[]): Uint8Array {
  let text = measurement.replace(/[, ]/g, '\\$&');
  for (const [key, value] of tags) if (value !== '') text += `,${escapeKey(key)}=${escapeKey(value)}`;
  return Buffer.from(text);
}

/** ` name=` or `,name=`, as it stands before a field's value. */
export function fieldStart(name: string, isFirst: boolean): Uint8Array {
  return Buffer.from(`${isFirst ? ' ' : ','}${escapeKey(name)}=`);
}

function escapeKey(text: string): string {
  return text.replace(/[,= ]/g, '\\$&');
}

/**
 * Where whole lines end in a piece of line protocol: after the last newline that is not inside a field's quotes.
 * @param bytes start at the start of a line.
 * @returns 0 when no line ends in it.
 */
export function endOfLines(bytes: Uint8Array): number {
  let end = 0;
  let at = 0;
  const { length } = bytes;
  while (at < length) {
    if (bytes[at] === 35) {
      at = bytes.indexOf(NEWLINE, at);
      if (at < 0) return end;
      end = ++at;
      continue;
    }
    // Up to the blank before the fields, quotes mean nothing.
    for (; at < length && bytes[at] !== SPACE && bytes[at] !== NEWLINE; at++) {
      if (bytes[at] === BACKSLASH && at + 1 < length) at++;
    }
    let quoted = false;
    for (; at < length; at++) {
      const code = bytes[at];
      if (code === BACKSLASH) {
        // In quotes, only quotes and backslashes are escaped; elsewhere anything that is not a newline may be.
        if (
          at + 1 < length &&
          (quoted ? bytes[at + 1] === QUOTE || bytes[at + 1] === BACKSLASH : bytes[at + 1] !== NEWLINE)
        )
          at++;
      } else if (code === QUOTE) quoted = quoted ? false : opensValue(bytes, at);
      else if (code === NEWLINE && !quoted) break;
    }
    if (at >= length) return end;
    end = ++at;
  }
  return end;
}

/** A quote opens a value only right after an equals sign. */
function opensValue(bytes: Uint8Array, at: number): boolean {
  return bytes[at - 1] === EQUALS;
}
