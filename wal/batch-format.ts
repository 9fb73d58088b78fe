/**
 * The form of a batch as the payload of a log record; batch-encoder.ts writes it, batch-decoder.ts reads it. This runs for
 * every sample that is written, so it is kept to a few nanoseconds per value: byte tokens, no bit packing, no allocation
 * but for growth.
 *
 * The body has five parts, one after the other (wal/README.md draws them):
 *
 *   counts   rows, values, wide integers, strings, and the time unit
 *   shapes   runs: (length, shape id)
 *   series   zigzag difference from the row before
 *   times    runs of equal differences from the row before, in the time unit; far jumps are written whole
 *   values   one token per value, row by row, followed by the bytes the token asks for
 *
 * A value's token says how it was written: an integer of −16 … 175 is the token itself; other integers take 1–7 bytes,
 * decimals (m / 10^e, only where that division gives the very same double) a scaled integer, widened floats 4 bytes,
 * and the rest their 8 bytes as they are. So every bit comes back: −0, denormals, NaN payloads, stale markers.
 *
 * Around the body is one byte: 0 plain, 1 LZ4. Numbers as above hardly get smaller by LZ4, while strings do; so it is
 * tried, and tried less and less often while it does not pay (`Compression`).
 */

/** What the codec needs of a shape: how many fields a row has, and their types. */
export interface RowShape {
  readonly width: number;
  /** [width] a `FieldType` each. */
  readonly types: Uint8Array;
}

export const PLAIN = 0;
export const LZ4 = 1;

// Tokens. Those below 192 are the value + 16.
export const SMALL_BIAS = 16;
export const SMALL_END = 192;
/** 191 + n: an integer in n = 1 … 7 bytes, zigzag, little-endian. */
export const INTEGER_BASE = 191;
/** 199 + 7 (e − 1) + (n − 1): a decimal m / 10^e, e = 1 … 6, m in n = 1 … 7 bytes. */
export const DECIMAL_BASE = 199;
export const DECIMAL_END = 241;
export const RAW = 241;
export const FLOAT32 = 242;
export const WIDE = 243;
export const TEXT = 244;

/** m of integers and decimals: its zigzag must stay below 2^53. */
export const SCALED_LIMIT = 2 ** 52;
export const SHIFT_32 = 4294967296;
export const MAX_DECIMALS = 6;
export const POWERS = new Float64Array([1, 10, 100, 1000, 1e4, 1e5, 1e6]);
/** Nanoseconds per time unit. */
export const UNITS = new Float64Array([1, 1e3, 1e6, 1e9]);
