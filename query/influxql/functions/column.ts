/**
 * Reading and making columns of values, with 64-bit integers kept exact.
 *
 * Integers are doubles until one of a column is beyond ±2^53; then the column is a BigInt64Array (`wide`), of which
 * unsigned values are the two's complement bits. Kernels compute with doubles where that is exact and with bigints else;
 * the writer below starts narrow and widens itself on the first value that needs it.
 */
import type { NumberColumn, TextColumn } from '../result.ts';
import type { FieldKind, ValueColumn } from './kernel.ts';

export const LARGEST_EXACT = Number.MAX_SAFE_INTEGER;

/** One value as a bigint; of an unsigned column never negative. The column is one of integers. */
export function bigintAt(column: NumberColumn, index: number): bigint {
  if (column.wide === null) return BigInt(column.values[index]!);
  const bits = column.wide[index]!;
  return column.kind === 'unsigned' ? BigInt.asUintN(64, bits) : bits;
}

/** Wraps as Go's int64 and uint64 do. */
export function wrap(kind: FieldKind, value: bigint): bigint {
  return kind === 'unsigned' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value);
}

/** The column as doubles, nearest for wide integers: `float64(v)` of Go. Not a copy when it is narrow. */
export function doublesOf(column: NumberColumn, length: number): Float64Array {
  if (column.wide === null) return column.values;
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) out[i] = Number(bigintAt(column, i));
  return out;
}

/** The column as Float64Array for comparisons alone: ranks where doubles cannot tell values apart. */
export function sortKeysOf(column: ValueColumn, length: number): Float64Array {
  if (column.kind === 'string') {
    const texts = Array.from({ length }, (_, i) => column.values[i] ?? '');
    return ranksOf(texts, compareTexts);
  }
  if (column.wide === null) return column.values;
  const values = Array.from({ length }, (_, i) => bigintAt(column, i));
  return ranksOf(values, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function ranksOf<T>(values: readonly T[], compare: (a: T, b: T) => number): Float64Array {
  const distinct = [...new Set(values)].sort(compare);
  const rankOf = new Map(distinct.map((value, rank) => [value, rank]));
  return Float64Array.from(values, (value) => rankOf.get(value)!);
}

/** Orders as Go's strings do, by UTF-8 bytes, which is by code points. */
export function compareTexts(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Halves of surrogate pairs stand for code points above all others of 16 bits.
    const xPaired = x >= 0xd800 && x <= 0xdfff;
    const yPaired = y >= 0xd800 && y <= 0xdfff;
    if (xPaired !== yPaired) return xPaired ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Fills a column of a known length, or a growing one; every index is written at most once. */
export interface ColumnWriter {
  /** A double; for integer columns an exact one. */
  set(index: number, value: number): void;
  /** An integer of any size, already wrapped. */
  setBigint(index: number, value: bigint): void;
  setText(index: number, value: string): void;
  /** Copies a value of a column of the same kind. */
  copy(index: number, from: ValueColumn, source: number): void;
  /** The column; it has nulls when `sparse` was asked for and some index was not written. */
  finish(length: number): ValueColumn;
}

/** A writer of `length` values. Sparse: what is not written is null. */
export function columnWriter(kind: FieldKind, length: number, sparse: boolean): ColumnWriter {
  return kind === 'string' ? textWriter(length) : numberWriter(kind, length, sparse);
}

function textWriter(length: number): ColumnWriter {
  const values: (string | null)[] = new Array(length).fill(null);
  return {
    set: () => unreachable(),
    setBigint: () => unreachable(),
    setText(index, value) {
      values[index] = value;
    },
    copy(index, from, source) {
      values[index] = (from as TextColumn).values[source] ?? null;
    },
    finish: (count) => ({ kind: 'string', values: count === values.length ? values : values.slice(0, count) }),
  };
}

function unreachable(): never {
  throw new Error('BUG: a number was written into a column of texts');
}

function numberWriter(kind: NumberColumn['kind'], length: number, sparse: boolean): ColumnWriter {
  const values = new Float64Array(length);
  const present = sparse ? new Uint8Array(length) : null;
  let wide: BigInt64Array | null = null;
  const widen = (): BigInt64Array => {
    wide = new BigInt64Array(length);
    // The narrow values so far are whole numbers; slots not yet written are zero.
    for (let i = 0; i < length; i++) wide[i] = BigInt(values[i]!);
    return wide;
  };
  const setBigint = (index: number, value: bigint): void => {
    if (present !== null) present[index] = 1;
    const narrow = Number(value);
    values[index] = narrow;
    if (wide !== null) wide[index] = value;
    else if (!Number.isSafeInteger(narrow)) {
      values[index] = 0;
      widen()[index] = value;
      values[index] = narrow;
    }
  };
  return {
    set(index, value) {
      values[index] = value;
      if (present !== null) present[index] = 1;
      if (wide !== null) wide[index] = BigInt(value);
    },
    setBigint,
    setText: () => unreachable(),
    copy(index, from, source) {
      const column = from as NumberColumn;
      if (column.wide !== null) {
        setBigint(index, bigintAt(column, source));
        return;
      }
      values[index] = column.values[source]!;
      if (present !== null) present[index] = 1;
      if (wide !== null) wide[index] = BigInt(column.values[source]!);
    },
    finish(count) {
      const whole = present === null || present.subarray(0, count).every((flag) => flag === 1);
      return {
        kind,
        values: count === length ? values : values.subarray(0, count),
        wide: wide === null || count === length ? wide : wide.subarray(0, count),
        present: whole || present === null ? null : present.subarray(0, count),
      };
    },
  };
}
