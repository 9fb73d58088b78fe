/**
 * Answers as MessagePack, in InfluxDB's layout: times are its extension type 5 (i64 seconds, i32 nanoseconds, big
 * endian), or integers when an epoch is asked for.
 *
 * Counts come before what they count, so columns are held until their statement, and with several the whole answer, is done.
 */
import type { ResultColumn } from '../../query/influxql/result.ts';
import { type ResultPart, type SeriesPart, sameSeries } from '../../query/influxql/result-part.ts';
import { AnswerBytes } from './answer-bytes.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { Epoch } from './epoch.ts';

const NIL = 0xc0;
const TIME_EXTENSION = 5;

/** One document of all results. */
export function messagePackAnswer(bytes: AnswerBytes, epoch: Epoch | null): AnswerWriter {
  const body = new AnswerBytes();
  let results = 0;
  let open: ResultPart[] = [];
  const close = () => {
    if (open.length === 0) return;
    writeResult(body, open, epoch);
    open = [];
    results++;
  };
  return {
    write(part) {
      if (open.length > 0 && open[0].statement !== part.statement) close();
      if (part.error !== '') open = [];
      open.push(part);
    },
    end() {
      close();
      bytes.byte(0x81);
      text(bytes, 'results');
      arrayHeader(bytes, results);
      bytes.raw(body.take());
    },
  };
}

/** A document for each part. */
export function chunkedMessagePackAnswer(bytes: AnswerBytes, epoch: Epoch | null): AnswerWriter {
  return {
    write(part) {
      bytes.byte(0x81);
      text(bytes, 'results');
      arrayHeader(bytes, 1);
      writeResult(bytes, [part], epoch);
    },
    end() {},
  };
}

export function messagePackError(bytes: AnswerBytes, message: string): void {
  bytes.byte(0x81);
  text(bytes, 'error');
  text(bytes, message);
}

function writeResult(bytes: AnswerBytes, parts: readonly ResultPart[], epoch: Epoch | null): void {
  const last = parts[parts.length - 1];
  if (last.error !== '') {
    messagePackError(bytes, last.error);
    return;
  }
  const messages = parts.flatMap((part) => part.messages);
  const isPartial = last.partial;
  mapHeader(bytes, 2 + (messages.length > 0 ? 1 : 0) + (isPartial ? 1 : 0));
  text(bytes, 'statement_id');
  integer(bytes, last.statement);
  if (messages.length > 0) {
    text(bytes, 'messages');
    arrayHeader(bytes, messages.length);
    for (const message of messages) {
      mapHeader(bytes, 2);
      text(bytes, 'level');
      text(bytes, message.level);
      text(bytes, 'text');
      text(bytes, message.text);
    }
  }
  text(bytes, 'series');
  const series = mergeSeries(parts);
  arrayHeader(bytes, series.length);
  for (const group of series) writeSeries(bytes, group, epoch);
  if (isPartial) {
    text(bytes, 'partial');
    bytes.byte(0xc3);
  }
}

/** Parts of the same series that follow each other, together. */
function mergeSeries(parts: readonly ResultPart[]): SeriesPart[][] {
  const groups: SeriesPart[][] = [];
  for (const part of parts.flatMap(({ series }) => series)) {
    const before = groups.at(-1);
    if (before !== undefined && sameSeries(before[0].series, part.series)) before.push(part);
    else groups.push([part]);
  }
  return groups;
}

function writeSeries(bytes: AnswerBytes, group: readonly SeriesPart[], epoch: Epoch | null): void {
  const { name, tags, columns } = group[0].series;
  const hasTags = tags !== null && tags.length > 0;
  const isPartial = group[group.length - 1].partial;
  mapHeader(bytes, 2 + (name !== '' ? 1 : 0) + (hasTags ? 1 : 0) + (isPartial ? 1 : 0));
  if (name !== '') {
    text(bytes, 'name');
    text(bytes, name);
  }
  if (hasTags) {
    text(bytes, 'tags');
    mapHeader(bytes, tags.length);
    for (const [key, value] of tags) {
      text(bytes, key);
      text(bytes, value);
    }
  }
  text(bytes, 'columns');
  arrayHeader(bytes, columns.length);
  for (const column of columns) text(bytes, column);
  text(bytes, 'values');
  arrayHeader(
    bytes,
    group.reduce((rows, { start, end }) => rows + end - start, 0),
  );
  for (const { series, start, end } of group) {
    const { values } = series;
    for (let row = start; row < end; row++) {
      arrayHeader(bytes, values.length);
      for (const column of values) cell(bytes, column, row, epoch);
    }
  }
  if (isPartial) {
    text(bytes, 'partial');
    bytes.byte(0xc3);
  }
}

function cell(bytes: AnswerBytes, column: ResultColumn, row: number, epoch: Epoch | null): void {
  switch (column.kind) {
    case 'time':
      time(bytes, column.sec[row], column.nano[row], epoch);
      return;
    case 'string': {
      const value = column.values[row];
      if (value === null) bytes.byte(NIL);
      else text(bytes, value);
      return;
    }
    case 'mixed': {
      const value = column.values[row];
      if (value === null) bytes.byte(NIL);
      else if (typeof value === 'string') text(bytes, value);
      else if (typeof value === 'boolean') bytes.byte(value ? 0xc3 : 0xc2);
      else if (typeof value === 'bigint') wide(bytes, value);
      else if (Number.isSafeInteger(value)) integer(bytes, value);
      else float(bytes, value);
      return;
    }
  }
  if (column.present !== null && column.present[row] === 0) bytes.byte(NIL);
  else if (column.kind === 'float') float(bytes, column.values[row]);
  else if (column.kind === 'boolean') bytes.byte(column.values[row] === 0 ? 0xc2 : 0xc3);
  else if (column.kind === 'unsigned') {
    unsigned(bytes, column.wide === null ? BigInt(column.values[row]) : BigInt.asUintN(64, column.wide[row]));
  } else if (column.wide === null) integer(bytes, column.values[row]);
  else wide(bytes, column.wide[row]);
}

const scratch = new DataView(new ArrayBuffer(16));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A type byte and the first `size` bytes of the scratch. */
function fixed(bytes: AnswerBytes, type: number, size: number): void {
  bytes.byte(type);
  for (let i = 0; i < size; i++) bytes.byte(scratchBytes[i]);
}

function float(bytes: AnswerBytes, value: number): void {
  scratch.setFloat64(0, value);
  fixed(bytes, 0xcb, 8);
}

/** A signed whole number in the smallest signed form that holds it. */
function integer(bytes: AnswerBytes, value: number): void {
  if (value >= -32 && value <= 127) bytes.byte(value & 0xff);
  else if (value >= -128 && value <= 127) {
    scratch.setInt8(0, value);
    fixed(bytes, 0xd0, 1);
  } else if (value >= -32_768 && value <= 32_767) {
    scratch.setInt16(0, value);
    fixed(bytes, 0xd1, 2);
  } else if (value >= -2_147_483_648 && value <= 2_147_483_647) {
    scratch.setInt32(0, value);
    fixed(bytes, 0xd2, 4);
  } else {
    scratch.setBigInt64(0, BigInt(value));
    fixed(bytes, 0xd3, 8);
  }
}

function wide(bytes: AnswerBytes, value: bigint): void {
  const number = Number(value);
  if (Number.isSafeInteger(number)) integer(bytes, number);
  else {
    scratch.setBigInt64(0, value);
    fixed(bytes, 0xd3, 8);
  }
}

function unsigned(bytes: AnswerBytes, value: bigint): void {
  const number = Number(value);
  if (number <= 127) bytes.byte(number);
  else if (number <= 0xff) {
    scratch.setUint8(0, number);
    fixed(bytes, 0xcc, 1);
  } else if (number <= 0xffff) {
    scratch.setUint16(0, number);
    fixed(bytes, 0xcd, 2);
  } else if (number <= 0xffff_ffff) {
    scratch.setUint32(0, number);
    fixed(bytes, 0xce, 4);
  } else {
    scratch.setBigUint64(0, value);
    fixed(bytes, 0xcf, 8);
  }
}

function time(bytes: AnswerBytes, sec: number, nano: number, epoch: Epoch | null): void {
  if (epoch !== null) {
    wide(bytes, epochOf(sec, nano, epoch));
    return;
  }
  bytes.byte(0xc7);
  bytes.byte(12);
  scratch.setBigInt64(0, BigInt(sec));
  scratch.setInt32(8, nano);
  fixed(bytes, TIME_EXTENSION, 12);
}

/** An instant in units of an epoch, cut off towards zero. */
function epochOf(sec: number, nano: number, { unitSec, digits }: Epoch): bigint {
  const unitNs = unitSec > 0 ? BigInt(unitSec) * 1_000_000_000n : 10n ** BigInt(9 - digits);
  return (BigInt(sec) * 1_000_000_000n + BigInt(nano)) / unitNs;
}

function text(bytes: AnswerBytes, value: string): void {
  const length = Buffer.byteLength(value);
  if (length <= 31) bytes.byte(0xa0 | length);
  else if (length <= 0xff) {
    scratch.setUint8(0, length);
    fixed(bytes, 0xd9, 1);
  } else if (length <= 0xffff) {
    scratch.setUint16(0, length);
    fixed(bytes, 0xda, 2);
  } else {
    scratch.setUint32(0, length);
    fixed(bytes, 0xdb, 4);
  }
  bytes.text(value);
}

function arrayHeader(bytes: AnswerBytes, count: number): void {
  header(bytes, count, 0x90, 0xdc, 0xdd);
}

function mapHeader(bytes: AnswerBytes, count: number): void {
  header(bytes, count, 0x80, 0xde, 0xdf);
}

function header(bytes: AnswerBytes, count: number, small: number, middle: number, large: number): void {
  if (count <= 15) bytes.byte(small | count);
  else if (count <= 0xffff) {
    scratch.setUint16(0, count);
    fixed(bytes, middle, 2);
  } else {
    scratch.setUint32(0, count);
    fixed(bytes, large, 4);
  }
}
