/**
 * A table of columns as an Arrow IPC stream: schema, dictionaries, record batches of up to 65,536 rows. Columns come as
 * typed arrays, and batches are views of them; nothing is made per row.
 *
 * Loading the library takes a large part of a second, so nobody imports this file but by `await import`.
 */
import {
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  makeData,
  makeVector,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  TimestampNanosecond,
  Uint64,
  Utf8,
} from 'apache-arrow';

/** `present[row]` is 0 where there is no value; null: every row has one. */
interface Nullable {
  readonly present: Uint8Array | null;
}

/** Times since the epoch, in ms or ns, of a zone. */
export interface TimestampColumn {
  readonly kind: 'timestamp';
  readonly unit: 'ms' | 'ns';
  readonly timezone: string;
  readonly values: BigInt64Array;
}

export interface FloatColumn extends Nullable {
  readonly kind: 'float';
  readonly values: Float64Array;
}

/** Unsigned ones as two's complement bits. */
export interface IntegerColumn extends Nullable {
  readonly kind: 'integer' | 'unsigned';
  readonly values: BigInt64Array;
}

export interface BooleanColumn extends Nullable {
  readonly kind: 'boolean';
  /** 0 or 1. */
  readonly values: Uint8Array;
}

export interface TextColumn {
  readonly kind: 'text';
  readonly values: readonly (string | null)[];
}

/** Few words, each said by many rows: `codes[row]` is one's place in `words`, -1 for none. */
export interface WordColumn {
  readonly kind: 'words';
  readonly codes: Int32Array;
  readonly words: readonly string[];
}

export type ArrowColumn = TimestampColumn | FloatColumn | IntegerColumn | BooleanColumn | TextColumn | WordColumn;

export interface ArrowTable {
  /** Parallel; names are different from each other. */
  readonly names: readonly string[];
  readonly columns: readonly ArrowColumn[];
  readonly rows: number;
  /** Of the schema. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A multiple of eight, so that a batch's bits begin with a byte. */
const BATCH_ROWS = 65_536;

const encoder = new TextEncoder();

/** The whole stream. The table's arrays may be used again afterwards. */
export function arrowStream({ names, columns, rows, metadata }: ArrowTable): Uint8Array<ArrayBuffer> {
  const sources = columns.map(sourceOf);
  const fields = sources.map(({ type, isNullable }, i) => new Field(names[i], type, isNullable));
  const schema = new Schema(fields, new Map(metadata));
  const struct = new Struct(fields);
  const writer = new RecordBatchStreamWriter();
  for (let start = 0; start === 0 || start < rows; start += BATCH_ROWS) {
    const end = Math.min(rows, start + BATCH_ROWS);
    const children = sources.map(({ slice }) => slice(start, end));
    const data = makeData({ type: struct, length: end - start, nullCount: 0, children });
    writer.write(new RecordBatch(schema, data));
  }
  writer.finish();
  return writer.toUint8Array(true) as Uint8Array<ArrayBuffer>;
}

/** A column as the library wants it, batch by batch. */
interface Source {
  readonly type: DataType;
  readonly isNullable: boolean;
  slice(start: number, end: number): Data;
}

function sourceOf(column: ArrowColumn): Source {
  switch (column.kind) {
    case 'timestamp': {
      const { unit, timezone, values } = column;
      const type = unit === 'ms' ? new TimestampMillisecond(timezone) : new TimestampNanosecond(timezone);
      return plain(type, null, (start, end) => values.subarray(start, end));
    }
    case 'float':
      return plain(new Float64(), column.present, (start, end) => column.values.subarray(start, end));
    case 'integer':
      return plain(new Int64(), column.present, (start, end) => column.values.subarray(start, end));
    case 'unsigned': {
      const bits = new BigUint64Array(column.values.buffer, column.values.byteOffset, column.values.length);
      return plain(new Uint64(), column.present, (start, end) => bits.subarray(start, end));
    }
    case 'boolean':
      return plain(new Bool(), column.present, (start, end) => bitsOf(column.values, start, end));
    case 'text':
      return textSource(column.values);
    case 'words':
      return wordSource(column);
  }
}

function plain(
  type: DataType,
  present: Uint8Array | null,
  cut: (start: number, end: number) => ArrayBufferView,
): Source {
  return {
    type,
    isNullable: present !== null,
    slice: (start, end) =>
      makeData({ type, length: end - start, ...nullsOf(present, start, end), data: cut(start, end) } as never),
  };
}

/** Where there are values, as a bitmap, and how often there is none. */
function nullsOf(
  present: Uint8Array | null,
  start: number,
  end: number,
): { nullCount: number; nullBitmap?: Uint8Array } {
  if (present === null) return { nullCount: 0 };
  let nullCount = 0;
  for (let row = start; row < end; row++) if (present[row] === 0) nullCount++;
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bitsOf(present, start, end) };
}

/** Bytes of 0 or 1 as bits, the first one lowest. */
function bitsOf(flags: Uint8Array, start: number, end: number): Uint8Array {
  const bits = new Uint8Array((end - start + 7) >> 3);
  for (let row = start; row < end; row++) {
    const i = row - start;
    if (flags[row] !== 0) bits[i >> 3] |= 1 << (i & 7);
  }
  return bits;
}

function textSource(values: readonly (string | null)[]): Source {
  const type = new Utf8();
  return {
    type,
    isNullable: true,
    slice(start, end) {
      let capacity = 0;
      for (let row = start; row < end; row++) capacity += (values[row]?.length ?? 0) * 3;
      const bytes = new Uint8Array(capacity);
      const valueOffsets = new Int32Array(end - start + 1);
      const present = new Uint8Array(end - start);
      let at = 0;
      for (let row = start; row < end; row++) {
        const text = values[row];
        if (text !== null) {
          present[row - start] = 1;
          at += encoder.encodeInto(text, bytes.subarray(at)).written;
        }
        valueOffsets[row - start + 1] = at;
      }
      const nulls = nullsOf(present, 0, end - start);
      return makeData({ type, length: end - start, ...nulls, valueOffsets, data: bytes.subarray(0, at) });
    },
  };
}

/** Indices are as narrow as the number of words allows. */
function wordSource({ codes, words }: WordColumn): Source {
  const isTiny = words.length <= 0x7f;
  const isSmall = words.length <= 0x7fff;
  const dictionary = makeVector(textSource(words).slice(0, words.length));
  const type = new Dictionary(new Utf8(), isTiny ? new Int8() : isSmall ? new Int16() : new Int32());
  const cut = (from: Int32Array) => (isTiny ? new Int8Array(from) : isSmall ? new Int16Array(from) : from);
  const isNullable = codes.includes(-1);
  return {
    type,
    isNullable,
    slice(start, end) {
      const part = codes.subarray(start, end);
      const nulls = nullsOf(isNullable ? presenceOf(part) : null, 0, part.length);
      return makeData({
        type,
        length: part.length,
        ...nulls,
        data: cut(part) as never,
        dictionary: dictionary as never,
      });
    },
  };
}

function presenceOf(codes: Int32Array): Uint8Array {
  const present = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) present[i] = codes[i] < 0 ? 0 : 1;
  return present;
}
