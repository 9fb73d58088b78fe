/**
 * The value of a quoted PromQL string: Go's escapes in '…' and "…", none in `…`.
 *
 * Byte escapes may make text that is not UTF-8. Such a byte b is kept as the lone surrogate U+DC00 + b, so that the text can
 * still be told apart and shown, and isWellFormed() is false for it.
 */
export function unquote(literal: string): string {
  const mark = literal[0]!;
  const body = literal.slice(1, -1);
  if (mark === '`') {
    return body.replaceAll('\r', '');
  }
  if (!body.includes('\\')) return body;
  const parts: string[] = [];
  // Byte escapes (\x41, \101) are bytes of UTF-8; runs of them are decoded together.
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) parts.push(decodeBytes(bytes));
    bytes = [];
  };
  for (let i = 0; i < body.length; i++) {
    if (body[i] !== '\\') {
      flush();
      parts.push(body[i]!);
      continue;
    }
    const escaped = body[++i]!;
    const simple = SIMPLE_ESCAPES[escaped];
    if (simple !== undefined) {
      flush();
      parts.push(simple);
    } else if (escaped === 'x') {
      bytes.push(Number.parseInt(body.slice(i + 1, i + 3), 16));
      i += 2;
    } else if (escaped === 'u' || escaped === 'U') {
      flush();
      const width = escaped === 'u' ? 4 : 8;
      parts.push(String.fromCodePoint(Number.parseInt(body.slice(i + 1, i + 1 + width), 16)));
      i += width;
    } else if (escaped >= '0' && escaped <= '7') {
      bytes.push(Number.parseInt(body.slice(i, i + 3), 8));
      i += 2;
    } else {
      flush();
      parts.push(escaped);
    }
  }
  flush();
  return parts.join('');
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 with the bytes that are none kept as lone surrogates. */
function decodeBytes(bytes: readonly number[]): string {
  let out = '';
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    const slice = Uint8Array.from(bytes.slice(at, at + length));
    let point: string | null = null;
    if (length > 0 && slice.length === length) {
      try {
        point = strictDecoder.decode(slice);
      } catch {
        point = null;
      }
    }
    out += point ?? String.fromCharCode(0xdc00 + lead);
    at += point === null ? 1 : length;
  }
  return out;
}
