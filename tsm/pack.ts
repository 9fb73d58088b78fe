/**
 * Short series that wait to share a row group. What they hold is laid together as they come, so that nothing small has
 * to be kept: a pack can be of thousands of series, and the files of a flush of hundreds of packs.
 */
import type { Column, RowSlice } from '../batch/column.ts';
import type { FieldType } from '../batch/field-type.ts';
import { joinColumns } from './pack-columns.ts';
import { PackTimesWriter } from './pack-times.ts';

const FIRST_ROWS = 256;
const NO_VALUES = new Float64Array(0);

export class Pack {
  /** The list of fields that all its series have. */
  readonly list: number;
  /** Positions of the series in the file's series table. */
  readonly positions: number[] = [];
  rows = 0;
  minOffsetNs = Number.POSITIVE_INFINITY;
  maxOffsetNs = Number.NEGATIVE_INFINITY;
  readonly times = new PackTimesWriter();
  private readonly columns: PackColumn[] = [];
  /** The first series, while it is the only one. */
  private first: RowSlice | null = null;

  constructor(list: number) {
    this.list = list;
  }

  /** The slice of the only series; null when there are several. */
  get single(): RowSlice | null {
    return this.first;
  }

  /** Adds the rows of the series at `position`; columns are in the order of the list. Keeps the times. */
  add(position: number, slice: RowSlice): void {
    const times = slice.times.length === slice.rows ? slice.times : slice.times.subarray(0, slice.rows);
    this.first = this.positions.length === 0 ? slice : null;
    this.positions.push(position);
    for (let f = 0; f < slice.columns.length; f++) {
      if (f === this.columns.length) this.columns.push(new PackColumn(slice.columns[f].type));
      this.columns[f].add(slice.columns[f]);
    }
    this.times.add(times);
    this.rows += slice.rows;
    this.minOffsetNs = Math.min(this.minOffsetNs, times[0]);
    this.maxOffsetNs = Math.max(this.maxOffsetNs, times[times.length - 1]);
  }

  /** Each field's values of all series, end to end. */
  joined(): Column[] {
    return this.columns.map((column) => column.joined());
  }
}

/** One field: numbers are copied together; as soon as something else comes, columns are kept and joined at the end. */
class PackColumn {
  private readonly type: FieldType;
  private rows = 0;
  private numbers = NO_VALUES;
  private parts: Column[] | null = null;

  constructor(type: FieldType) {
    this.type = type;
  }

  add(column: Column): void {
    const { rows } = column;
    const isPlain = column.present === null && column.wide === null && column.stringOffsets === null;
    if (this.parts === null && isPlain) {
      if (this.rows + rows > this.numbers.length) this.grow(rows);
      this.numbers.set(column.values.length === rows ? column.values : column.values.subarray(0, rows), this.rows);
    } else {
      this.parts ??= this.rows === 0 ? [] : [this.plain()];
      this.parts.push(column);
    }
    this.rows += rows;
  }

  joined(): Column {
    return this.parts === null ? this.plain() : joinColumns(this.parts, this.rows);
  }

  private plain(): Column {
    const { type, rows } = this;
    const values = this.numbers.subarray(0, rows);
    return { type, rows, values, wide: null, stringOffsets: null, stringBytes: null, present: null };
  }

  private grow(rows: number): void {
    const grown = new Float64Array(Math.max(FIRST_ROWS, (this.rows + rows) * 2));
    grown.set(this.numbers.subarray(0, this.rows));
    this.numbers = grown;
  }
}
