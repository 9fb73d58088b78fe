/**
 * The order of series by their labels, out of their keys in shared memory and without making texts of them.
 *
 * 1. Series of one metric with the same tag keys differ in their values only. The values of each are written one behind
 *    the other, each with a zero byte behind it, which sorts before all that a longer value goes on with.
 * 2. These byte strings are sorted five bytes at a time: each chunk, with its string's place behind it, is a 64-bit word,
 *    and words are sorted natively. Strings whose chunks are equal are sorted by the next five.
 *
 * It is done for keys of plain ASCII only, where bytes are in the order of UTF-16 units and no name has escapes.
 */
import { type IndexHandle, viewSeriesKey } from '../../index/worker-view.ts';
import { compareLabels, type Labels, METRIC_NAME } from '../promql/labels.ts';

const COMMA = 44;
const EQUALS = 61;
const BACKSLASH = 92;
const ASCII_END = 128;

const decoder = new TextDecoder();
const NAME_TAG = `,${METRIC_NAME}=`;

const CHUNK_BYTES = 5;
/** Places are the lower 24 bits of a word. */
const MOST_SERIES = 2 ** 24;
const INSERTION_BELOW = 8;

/** Refs in the order of their labels: places in `refs`. Null when it cannot be found this way. */
export function orderOfKeys(handle: IndexHandle, refs: Int32Array): Uint32Array | null {
  const { length } = refs;
  if (length > MOST_SERIES) return null;
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = i;
  if (length < 2) return order;
  const strings = valuesOf(handle, refs);
  if (strings === null) return null;
  sortChunks(order, strings);
  return order;
}

/** The order of so few, or such, that it is found by their labels. */
export function orderOfLabels(count: number, labelsAt: (place: number) => Labels): Uint32Array {
  const labels: Labels[] = new Array(count);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = labelsAt(i);
    order[i] = i;
  }
  return order.sort((a, b) => compareLabels(labels[a], labels[b]));
}

/** String i is bytes[starts[i] … starts[i + 1]). */
interface Strings {
  bytes: Uint8Array;
  starts: Int32Array;
}

/** The tag values of series; null when their tag keys differ, or some byte is not plain. */
function valuesOf(handle: IndexHandle, refs: Int32Array): Strings | null {
  const literals = literalsOf(viewSeriesKey(handle, refs[0]));
  if (literals === null) return null;
  const starts = new Int32Array(refs.length + 1);
  let bytes = new Uint8Array(Math.max(4096, refs.length * 48));
  let used = 0;
  for (let i = 0; i < refs.length; i++) {
    const key = viewSeriesKey(handle, refs[i]);
    if (used + key.length + 1 > bytes.length) {
      const grown = new Uint8Array(bytes.length * 2 + key.length);
      grown.set(bytes);
      bytes = grown;
    }
    let at = 0;
    for (let part = 0; part < literals.length; part++) {
      const literal = literals[part];
      for (let k = 0; k < literal.length; k++) if (key[at++] !== literal[k]) return null;
      if (part === literals.length - 1 && literal[literal.length - 1] !== EQUALS) break;
      while (at < key.length && key[at] !== COMMA) {
        const byte = key[at++];
        if (byte === 0 || byte === BACKSLASH || byte >= ASCII_END) return null;
        bytes[used++] = byte;
      }
      bytes[used++] = 0;
    }
    if (at !== key.length) return null;
    starts[i + 1] = used;
  }
  return { bytes, starts };
}

/** What lies around the values of a key: `card,dc=`, `,host=`. Null when it holds what is not plain. */
function literalsOf(key: Uint8Array): Uint8Array[] | null {
  for (const byte of key) if (byte === 0 || byte === BACKSLASH || byte >= ASCII_END) return null;
  const literals: Uint8Array[] = [];
  let from = 0;
  // An equals sign in a measurement has a backslash before it.
  for (let at = key.indexOf(EQUALS); at >= 0; at = key.indexOf(EQUALS, from)) {
    literals.push(key.slice(from, at + 1));
    const comma = key.indexOf(COMMA, at);
    from = comma < 0 ? key.length : comma;
  }
  if (from < key.length) literals.push(key.slice(from));
  // Such a tag is no label: the metric's name takes its place.
  return literals.some((literal) => decoder.decode(literal).endsWith(NAME_TAG)) ? null : literals;
}

function sortChunks(order: Uint32Array, strings: Strings): void {
  const { bytes, starts } = strings;
  const words = new BigUint64Array(order.length);
  const halves = new Uint32Array(words.buffer);
  const before = new Uint32Array(order.length);
  // An explicit stack of (from, to, depth) triples: strings may be long.
  const stack: number[] = [0, order.length, 0];
  while (stack.length > 0) {
    const depth = stack.pop()!;
    const to = stack.pop()!;
    const from = stack.pop()!;
    if (to - from <= INSERTION_BELOW) {
      insertionSort(order, from, to, depth, strings);
      continue;
    }
    let differ = false;
    let goesOn = false;
    for (let i = from; i < to; i++) {
      const id = order[i];
      const start = starts[id] + depth;
      const end = starts[id + 1];
      let high = 0;
      let low = 0;
      for (let k = 0; k < CHUNK_BYTES; k++) {
        const byte = start + k < end ? bytes[start + k] : 0;
        if (k < 4) high = (high << 8) | byte;
        else low = byte;
      }
      if (start + CHUNK_BYTES < end) goesOn = true;
      halves[2 * i] = ((low << 24) | (i - from)) >>> 0;
      halves[2 * i + 1] = high >>> 0;
      if (halves[2 * i + 1] !== halves[2 * from + 1] || halves[2 * i] >>> 24 !== halves[2 * from] >>> 24) differ = true;
      before[i] = id;
    }
    if (!differ) {
      if (goesOn) stack.push(from, to, depth + CHUNK_BYTES);
      continue;
    }
    words.subarray(from, to).sort();
    let run = from;
    for (let i = from; i < to; i++) {
      order[i] = before[from + (halves[2 * i] & 0xffffff)];
      const isSame = halves[2 * i + 1] === halves[2 * run + 1] && halves[2 * i] >>> 24 === halves[2 * run] >>> 24;
      if (isSame) continue;
      if (i - run > 1) stack.push(run, i, depth + CHUNK_BYTES);
      run = i;
    }
    if (to - run > 1) stack.push(run, to, depth + CHUNK_BYTES);
  }
}

function insertionSort(order: Uint32Array, from: number, to: number, depth: number, strings: Strings): void {
  for (let i = from + 1; i < to; i++) {
    const id = order[i];
    let k = i;
    while (k > from && isBefore(id, order[k - 1], depth, strings)) {
      order[k] = order[k - 1];
      k--;
    }
    order[k] = id;
  }
}

function isBefore(a: number, b: number, depth: number, { bytes, starts }: Strings): boolean {
  const aEnd = starts[a + 1];
  const bEnd = starts[b + 1];
  for (let x = starts[a] + depth, y = starts[b] + depth; x < aEnd && y < bEnd; x++, y++) {
    if (bytes[x] !== bytes[y]) return bytes[x] < bytes[y];
  }
  return aEnd - starts[a] < bEnd - starts[b];
}
