/**
 * The part of remote write that runs for every byte, as WebAssembly: unpacking snappy, and walking over the series of a
 * `prometheus.WriteRequest` as long as they are the ones that are expected. This file is AssemblyScript, made into
 * remote-kernel.wasm by `npm run build:kernel`; ../remote-kernel.ts owns its memory, and says where everything is.
 *
 * It takes 16 bytes at a time where JavaScript takes four, needs no warming up, and decides nothing: at whatever is not
 * as expected it stops, and the decoder in ../remote-write.ts goes on from there.
 *
 * A record is what is known of a series: the bytes with which its message begins and what they mean. Records are
 * chained in the order in which series came last time. All are aligned to 16 bytes:
 *
 *     0        4        8        12          16
 *     ┌────────┬────────┬────────┬───────────┬──────────────────────────────────────┐
 *     │ next   │ ref    │ shape  │ key bytes │ label section, the tag of a sample   │
 *     └────────┴────────┴────────┴───────────┴──────────────────────────────────────┘
 */

/** To be raised with ../remote-kernel.ts' whenever what they tell each other changes: a kernel of before is not used then. */
export const version: i32 = 2;

const NEXT: usize = 0;
const REF: usize = 4;
const SHAPE: usize = 8;
const KEY_BYTES: usize = 12;
const KEY: usize = 16;

/** Rows that the columns have room for. */
const CAPACITY: usize = 8192;
/** Times beyond this are not within 64 bits of nanoseconds. */
const MAX_MS: i64 = 9223372036854;

const SERIES_TAG: i32 = 0x0a;
const SAMPLE_TAG: i32 = 0x12;
const VALUE_TAG: i32 = 0x09;
const TIME_TAG: i32 = 0x10;

/** Where the last `decode` stopped, what it recognised before, and how much. */
export let position: usize = 0;
export let record: usize = 0;
export let series: i32 = 0;
export let rows: i32 = 0;
/** Whether it stopped because the columns had no room for the samples of the next series. */
export let isFull: bool = false;

/** The last time, in ms and split: most are like the one before. */
let lastMs: i64 = 0;
let lastSecond: f64 = 0;
let lastNano: i32 = 0;

/** What `takeSamples` says of samples that it cannot take. */
const UNUSUAL: i32 = -1;
const NO_ROOM: i32 = -2;

function copy16(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
}

/**
 * Unpacks the elements of a snappy block at `block .. end` to `out .. outEnd`. Up to 64 bytes behind either end are read,
 * and those behind `outEnd` written.
 * @returns whether they make up exactly that.
 */
export function unpack(block: usize, end: usize, out: usize, outEnd: usize): bool {
  let at = block;
  let to = out;
  while (at < end) {
    const tag = <usize>load<u8>(at++);
    const kind = tag & 3;
    let length = (tag >> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const lengthBytes = length - 60;
        if (at + lengthBytes > end) return false;
        // What it reads too much is of the block, or behind it. A length of 2^32 becomes 0, which no block may have.
        length = <usize>(load<u32>(at) & (<u32>0xffffffff >>> (32 - 8 * <u32>lengthBytes))) + 1;
        if (length === 0) return false;
        at += lengthBytes;
      }
      if (length > end - at || length > outEnd - to) return false;
      for (let i: usize = 0; i < length; i += 16) copy16(to + i, at + i);
      at += length;
      to += length;
      continue;
    }
    let offset: usize;
    if (kind === 1) {
      length = ((tag >> 2) & 7) + 4;
      offset = ((tag >> 5) << 8) | <usize>load<u8>(at);
      at += 1;
    } else if (kind === 2) {
      offset = <usize>load<u16>(at);
      at += 2;
    } else {
      offset = <usize>load<u32>(at);
      at += 4;
    }
    if (at > end || offset === 0 || offset > to - out || length > outEnd - to) return false;
    const from = to - offset;
    // A copy may overlap what it makes: then it repeats it.
    if (offset >= 16) {
      // Always all that a copy can have: how much it is would be guessed wrong too often.
      copy16(to, from);
      if (kind !== 1) {
        copy16(to + 16, from + 16);
        copy16(to + 32, from + 32);
        copy16(to + 48, from + 48);
      }
    } else {
      for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
    }
    to += length;
  }
  return to === outEnd;
}

/** Whether `bytes` of memory, at least 16, are the same at both places. */
function isEqual(a: usize, b: usize, bytes: usize): bool {
  const last = bytes - 16;
  for (let i: usize = 0; i < last; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
  }
  return !v128.any_true(v128.xor(v128.load(a + last), v128.load(b + last)));
}

/**
 * Walks over the series of a request from `from`, after a series with record `before`, and writes their samples to the
 * columns at `refs`, `shapes`, `seconds`, `nanos` and `values`. It stops at the end, at a series that is not the expected one or
 * has anything but plain samples, and when the columns are full; `position` is then at the start of that series.
 */
export function decode(
  from: usize,
  end: usize,
  before: usize,
  refs: usize,
  shapes: usize,
  seconds: usize,
  nanos: usize,
  values: usize,
): void {
  let p = from;
  let last = before;
  let count = 0;
  let row = 0;
  isFull = false;
  while (p < end && <i32>load<u8>(p) === SERIES_TAG) {
    let start = p + 1;
    let length: usize = 0;
    let byte: usize = 128;
    for (let shift: usize = 0; byte >= 128 && shift < 28; shift += 7) {
      byte = <usize>load<u8>(start++);
      length |= (byte & 127) << shift;
    }
    const known = <usize>load<u32>(last, NEXT);
    if (known === 0 || byte >= 128 || start > end || length > end - start) break;
    const next = start + length;
    const keyBytes = <usize>load<u32>(known, KEY_BYTES);
    if (keyBytes > length || !isEqual(start, known + KEY, keyBytes)) break;
    const taken = takeSamples(start + keyBytes - 1, next, row, seconds, nanos, values);
    if (taken < 0) {
      isFull = taken === NO_ROOM;
      break;
    }
    const ref = load<i32>(known, REF);
    const shape = load<i32>(known, SHAPE);
    for (; row < taken; row++) {
      store<i32>(refs + ((<usize>row) << 2), ref);
      store<i32>(shapes + ((<usize>row) << 2), shape);
    }
    last = known;
    count++;
    p = next;
  }
  position = p;
  record = last;
  series = count;
  rows = row;
}

/** Times and values of the samples at `from .. end`, into rows from `row` on. Returns the row after them, or why not. */
function takeSamples(from: usize, end: usize, row: i32, seconds: usize, nanos: usize, values: usize): i32 {
  let p = from;
  let at = <usize>row;
  while (p < end) {
    if (at >= CAPACITY) return NO_ROOM;
    if (<i32>load<u8>(p) !== SAMPLE_TAG) return UNUSUAL;
    const length = <usize>load<u8>(p, 1);
    const next = p + 2 + length;
    // A value of nine bytes with its tag, and a time of two to eight.
    if (length < 11 || length > 17 || next > end) return UNUSUAL;
    if (<i32>load<u8>(p, 2) !== VALUE_TAG || <i32>load<u8>(p, 11) !== TIME_TAG) return UNUSUAL;
    let q = p + 12;
    let ms: i64 = 0;
    let shift: i64 = 0;
    let byte: i64;
    do {
      byte = <i64>load<u8>(q++);
      ms |= (byte & 127) << shift;
      shift += 7;
    } while (byte >= 128 && q < next);
    if (byte >= 128 || q !== next || ms > MAX_MS) return UNUSUAL;
    if (ms !== lastMs) {
      lastMs = ms;
      lastSecond = <f64>(ms / 1000);
      lastNano = <i32>(ms % 1000) * 1000000;
    }
    store<f64>(seconds + (at << 3), lastSecond);
    store<i32>(nanos + (at << 2), lastNano);
    store<i64>(values + (at << 3), load<i64>(p, 3));
    at++;
    p = next;
  }
  return <i32>at;
}
