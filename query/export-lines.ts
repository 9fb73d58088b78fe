/**
 * A database as line protocol: all rows of series, every value exact, for moving elsewhere or into another Varve.
 *
 * NaN and infinities, which line protocol cannot say, are left out, and stale markers with them. Lines come series by
 * series, in pieces of about `PIECE_BYTES`; a piece never ends within a line.
 */
import type { Column } from '../batch/column.ts';
import { BOOLEAN, FLOAT, STRING, UNSIGNED } from '../batch/field-type.ts';
import { ByteWriter } from '../bytes/writer.ts';
import type { Database } from '../engine/database.ts';
import type { PartitionRows } from '../engine/series-reader.ts';
import { type Instant, MAX_INSTANT, MIN_INSTANT } from '../engine/time.ts';
import { VarveError } from '../errors/errors.ts';
import { selectUnsorted } from './prometheus-series.ts';
import type { LabelMatcher } from './promql/matcher.ts';

const PIECE_BYTES = 256 << 10;
const COMMA = 44;
const SPACE = 32;
const NEWLINE = 10;
const encoder = new TextEncoder();

export interface ExportRange {
  from: Instant;
  to: Instant;
}

export const EVERYTHING: ExportRange = { from: MIN_INSTANT, to: MAX_INSTANT };

/**
 * Pieces of line protocol; each is the caller's. A reader is opened anew after those of a series and partition, so that
 * files may be merged away between them; rows that are written meanwhile may come or not.
 * @param selectors null for all series; else those whose PromQL series match any of them, with the fields that do.
 * @throws VarveError 'overloaded' when series were removed meanwhile and their refs may be others' by now.
 */
export function* exportLines(
  database: Database,
  selectors: readonly (readonly LabelMatcher[])[] | null,
  range: ExportRange,
): Generator<Uint8Array<ArrayBuffer>> {
  const writer = new ByteWriter(PIECE_BYTES * 2);
  const { releases } = database.index;
  let reader = database.reader(range.from, range.to);
  let starts = reader.partitionStartsSec;
  for (const [ref, fields] of selected(database, selectors)) {
    if (!database.index.isLive(ref)) continue;
    const key = database.index.seriesKey(ref);
    for (let place = 0; place < starts.length; place++) {
      const startSec = starts[place];
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for (const slice of reader.readParts(place, ref, fields)) {
        for (let row = 0; row < slice.rows; row++) {
          writeRow(writer, key, { startSec, slice }, row);
          if (writer.length < PIECE_BYTES) continue;
          pieces.push(writer.take() as Uint8Array<ArrayBuffer>);
          writer.reset();
        }
      }
      if (pieces.length === 0) continue;
      yield* pieces;
      if (database.index.releases !== releases) {
        throw new VarveError('overloaded', 'cannot go on exporting: series were removed meanwhile; try again');
      }
      reader = database.reader(range.from, range.to);
      starts = reader.partitionStartsSec;
      // Partitions may have come or gone.
      place = starts.findLastIndex((each) => each <= startSec);
    }
  }
  if (writer.length > 0) yield writer.take() as Uint8Array<ArrayBuffer>;
}

/** Refs with their fields, or null for all of them. */
function selected(
  database: Database,
  selectors: readonly (readonly LabelMatcher[])[] | null,
): Iterable<[number, readonly string[] | null]> {
  if (selectors === null) return Array.from(database.index.select(null, []), (ref) => [ref, null]);
  const found = new Map<number, string[]>();
  for (const matchers of selectors) {
    for (const { sources } of selectUnsorted(database, matchers)) {
      for (const { ref, field } of sources) {
        const fields = found.get(ref);
        if (fields === undefined) found.set(ref, [field]);
        else if (!fields.includes(field)) fields.push(field);
      }
    }
  }
  return [...found].sort((a, b) => a[0] - b[0]);
}

function writeRow(writer: ByteWriter, key: Uint8Array, { startSec, slice }: PartitionRows, row: number): void {
  const start = writer.length;
  writer.raw(key);
  let separator = SPACE;
  for (let c = 0; c < slice.columns.length; c++) {
    const column = slice.columns[c];
    if (column.present !== null && column.present[row] === 0) continue;
    if (column.type === FLOAT && !Number.isFinite(column.values[row])) continue;
    writer.u8(separator);
    separator = COMMA;
    writer.raw(encoder.encode(`${escapeName(slice.fields[c])}=`));
    writeValue(writer, column, row);
  }
  if (separator === SPACE) {
    writer.length = start;
    return;
  }
  writer.raw(encoder.encode(` ${nanoseconds(startSec, slice.times[row])}`));
  writer.u8(NEWLINE);
}

function writeValue(writer: ByteWriter, column: Column, row: number): void {
  const { type, values, wide } = column;
  if (type === STRING) {
    const { stringOffsets, stringBytes } = column;
    const text = new TextDecoder().decode(stringBytes!.subarray(stringOffsets![row], stringOffsets![row + 1]));
    writer.raw(encoder.encode(`"${text.replace(/["\\]/g, '\\$&')}"`));
  } else if (type === FLOAT) writer.raw(encoder.encode(Object.is(values[row], -0) ? '-0' : String(values[row])));
  else if (type === BOOLEAN) writer.raw(encoder.encode(values[row] === 1 ? 'true' : 'false'));
  else {
    const isUnsigned = type === UNSIGNED;
    const whole = wide === null ? String(values[row]) : String(isUnsigned ? BigInt.asUintN(64, wide[row]) : wide[row]);
    writer.raw(encoder.encode(whole + (isUnsigned ? 'u' : 'i')));
  }
}

function escapeName(name: string): string {
  return name.replace(/[,= ]/g, '\\$&');
}

/** ns since the epoch, exact. */
function nanoseconds(startSec: number, offsetNs: number): string {
  const sec = startSec + Math.floor(offsetNs / 1e9);
  const nano = offsetNs - Math.floor(offsetNs / 1e9) * 1e9;
  if (sec >= 0) return sec === 0 ? String(nano) : `${sec}${String(nano).padStart(9, '0')}`;
  // Before 1970 the nanoseconds count back from the second.
  return String(BigInt(sec) * 1_000_000_000n + BigInt(nano));
}
