/** Points of one series in one partition, filtered, as a frame. */
import type { Column, RowSlice } from '../../../batch/column.ts';
import { FIELD_TYPE_NAMES, type FieldType, STRING } from '../../../batch/field-type.ts';
import type { SeriesReader } from '../../../engine/series-reader.ts';
import { createNumberBuffer, type NumberSpan } from '../../../tsm/number-reader.ts';
import type { VariableNode } from '../ast.ts';
import type { FieldKind, ValueColumn } from '../functions/kernel.ts';
import type { NumberColumn } from '../result.ts';
import { CodedTexts } from './coded-texts.ts';
import { castColumn, fromStorage, gather, isNull, nullColumn, numberColumn } from './column.ts';
import { variablesOfFilter } from './condition.ts';
import { evaluateCondition, type Scope } from './evaluate.ts';
import type { Frame, TagSet } from './frame.ts';
import type { LeafSeries } from './groups.ts';
import { callMath, isMath } from './math.ts';
import { type Options, type Reference, referenceOf } from './plan.ts';
import { type MatchingRows, readMatching } from './read-matching.ts';
import type { Run } from './run.ts';
import { columnCache } from './scan-cache.ts';
import { rangesOf, type ValueRange } from './value-ranges.ts';

const NANOS_PER_SEC = 1e9;

const buffer = createNumberBuffer();

/** What is read of each series of a leaf. */
export class SeriesPoints {
  private readonly run: Run;
  /** The tags that were asked for last. */
  private tagged: { ref: number; keys: string[]; values: string[] } | null = null;
  private readonly series: LeafSeries;
  private readonly driver: Reference | null;
  private readonly options: Options;
  /** [filter] names of fields to read: driver, references, and what the filter looks at. */
  private readonly fieldsFor: string[][];
  private readonly variablesFor: Map<string, VariableNode>[];
  /** [filter] whether all of its fields may be numbers, with a filter to leave most rows out. */
  private readonly numbersFor: boolean[];
  /** [filter] what it asks of fields, where all may be numbers and it asks for nothing else. */
  private readonly rangesFor: (readonly ValueRange[] | null)[];
  /** The driver and the fields among the references. */
  private readonly wanted: readonly Reference[];
  /** The codes of one text in each of so many rows: all tags of a frame share them. */
  private tagCodes = new Int32Array(0);

  constructor(run: Run, series: LeafSeries, driver: Reference | null, options: Options) {
    this.run = run;
    this.series = series;
    this.driver = driver;
    this.options = options;
    const wanted = [...(driver === null ? [] : [driver]), ...options.aux];
    this.wanted = wanted.filter(({ kind }) => kind !== 'tag' && kind !== null);
    this.fieldsFor = series.filters.map((filter) => {
      const names = new Set<string>();
      for (const { name, kind } of wanted) if (kind !== 'tag' && kind !== null) names.add(name);
      const looked = new Map<string, VariableNode>();
      variablesOfFilter(filter, looked);
      for (const { name, cast } of looked.values()) if (cast !== 'tag' && cast !== null) names.add(name);
      return [...names];
    });
    this.variablesFor = series.filters.map((filter) => {
      const variables = new Map<string, VariableNode>();
      variablesOfFilter(filter, variables);
      return variables;
    });
    this.numbersFor = series.filters.map((filter, i) => filter !== null && this.mayBorrow(this.fieldsFor[i]));
    this.rangesFor = series.filters.map((filter, i) => {
      if (filter === null || !this.numbersFor[i]) return null;
      return [...this.variablesFor[i].values()].some(({ cast }) => cast === 'tag') ? null : rangesOf(filter);
    });
  }

  private mayBorrow(fields: readonly string[]): boolean {
    const { database, refs } = this.series;
    if (refs.length === 0) return false;
    const { index } = database;
    const measurement = index.measurementOf(refs[0]);
    return fields.every((name) => {
      const field = index.fieldId(measurement, name);
      return field >= 0 && index.fields[field].type !== STRING;
    });
  }

  /** Points of the i-th series in a partition of the reader, in the query's order; null when there are none. */
  read(i: number, reader: SeriesReader, place: number, startSec: number, tags: TagSet): Frame | null {
    const { series, driver, options } = this;
    const filterPlace = series.filterOf[i];
    const fields = this.fieldsFor[filterPlace];
    if (driver?.kind === 'tag' || fields.length === 0) return null;
    const ref = series.refs[i];
    const ranges = this.rangesFor[filterPlace];
    const matching = ranges === null ? null : readMatching(reader, place, ref, ranges, this.wanted);
    if (matching === 'none') return null;
    if (matching !== null) return this.matchingFrame(matching, ref, startSec, tags);
    const borrowed = this.numbersFor[filterPlace] ? borrowNumbers(reader, place, ref, fields) : null;
    if (borrowed === 'none') return null;
    const slice = borrowed ?? reader.readPartition(place, ref, fields);
    if (slice === null) return null;
    const value = driver === null ? null : this.fieldColumn(slice, driver);
    if (driver !== null && value === null) return null;
    const fieldColumns = options.aux.map((reference) => this.auxColumn(slice, reference));
    const kept = this.rowsOf(slice, ref, value, fieldColumns, filterPlace);
    this.run.count(kept === null ? slice.rows : kept.length);
    if (kept?.length === 0) return null;
    // What is borrowed has to be copied, and a gathered column is a copy.
    const isWhole = kept === null && options.ascending && borrowed === null;
    const places = isWhole ? null : placesOf(kept, slice.rows, options.ascending);
    const rows = kept === null ? slice.rows : kept.length;
    const aux = options.aux.map(({ name, kind }, f): ValueColumn => {
      if (kind === 'tag' || kind === null) return this.tagColumn(ref, name, rows);
      const column = fieldColumns[f];
      if (column === null) return nullColumn(kind, rows);
      return places === null ? column : gather(column, places);
    });
    const driving = value === null || places === null ? value : gather(value, places);
    return frameOf(slice.times, rows, startSec, tags, driving, aux, places);
  }

  private matchingFrame({ rows, times, values }: MatchingRows, ref: number, startSec: number, tags: TagSet): Frame {
    const { driver, wanted } = this;
    const { ascending, aux } = this.options;
    this.run.count(rows);
    if (!ascending) for (const list of [times, ...values]) list.reverse();
    let next = 0;
    const columnOf = (): ValueColumn => numberColumn(wanted[next].kind as NumberColumn['kind'], values[next++]);
    const value = driver === null ? null : columnOf();
    const beside = aux.map(({ name, kind }) =>
      kind === 'tag' || kind === null ? this.tagColumn(ref, name, rows) : columnOf(),
    );
    return frameOf(times, rows, startSec, tags, value, beside, null);
  }

  /** The newest row of the i-th series, when it can be had without decoding; undefined when not, null when there is none. */
  readNewest(i: number, reader: SeriesReader, tags: TagSet): Frame | null | undefined {
    const { series, options } = this;
    const place = series.filterOf[i];
    if (series.filters[place] !== null || this.driver !== null) return undefined;
    const fields = this.fieldsFor[place];
    const found = reader.newestRow(series.refs[i], fields);
    if (found === null) return undefined;
    if (found === 'none') return null;
    const { startSec, row } = found;
    const ref = series.refs[i];
    const columns = fields.map((_, f): ValueColumn | null => {
      const type = row.types[f];
      return type < 0
        ? null
        : numberColumn(FIELD_TYPE_NAMES[type] as NumberColumn['kind'], Float64Array.of(row.values[f]));
    });
    const aux = options.aux.map(({ name, kind }): ValueColumn | null => {
      if (kind === 'tag' || kind === null) return this.tagColumn(ref, name, 1);
      const column = columns[fields.indexOf(name)];
      if (column === null) return nullColumn(kind, 1);
      // Casts are for the general way.
      return column.kind === kind ? column : null;
    });
    if (aux.some((column) => column === null)) return undefined;
    this.run.count(1);
    const whole = Math.floor(row.offsetNs / NANOS_PER_SEC);
    return {
      rows: 1,
      sec: Float64Array.of(startSec + whole),
      nano: Float64Array.of(row.offsetNs - whole * NANOS_PER_SEC),
      tagOf: null,
      tagSets: [tags],
      value: null,
      weights: null,
      aux: aux as ValueColumn[],
    };
  }

  /** Which rows are points, ascending; null: all. */
  private rowsOf(
    slice: RowSlice,
    ref: number,
    value: ValueColumn | null,
    fields: readonly (ValueColumn | null)[],
    filterPlace: number,
  ): Int32Array | null {
    const { rows } = slice;
    const filter = this.series.filters[filterPlace];
    const holds =
      filter === null ? null : evaluateCondition(filter, this.scopeOf(slice, ref, this.variablesFor[filterPlace]));
    const drivers = value === null ? fields.filter((column) => column !== null) : [value];
    const whole = drivers.some((column) => column.kind !== 'string' && column.present === null);
    if (whole && holds === null) return null;
    const places = new Int32Array(rows);
    let n = 0;
    for (let row = 0; row < rows; row++) {
      if (holds !== null && holds[row] === 0) continue;
      if (!whole && drivers.every((column) => isNull(column, row))) continue;
      places[n++] = row;
    }
    return n === rows ? null : places.subarray(0, n);
  }

  private scopeOf(slice: RowSlice, ref: number, variables: ReadonlyMap<string, VariableNode>): Scope {
    return {
      rows: slice.rows,
      integersDivideAsFloats: false,
      nullIsFalse: false,
      isMath,
      math: callMath,
      column: (node) => {
        if (node.kind === 'call') return null;
        const reference = referenceOf(variables.get(node.name) ?? node);
        if (reference.kind === 'tag' || reference.kind === null) return this.tagColumn(ref, node.name, slice.rows);
        return this.fieldColumn(slice, reference);
      },
    };
  }

  /** Null when the series has no such field here, or one of another type. */
  private fieldColumn(slice: RowSlice, { name, kind }: Reference): ValueColumn | null {
    const at = slice.fields.indexOf(name);
    if (at < 0) return null;
    const column = fromStorage(slice.columns[at], 0, slice.rows);
    const wanted = kind as FieldKind;
    if (column.kind === wanted) return column;
    if (column.kind === 'string' || column.kind === 'boolean' || wanted === 'string' || wanted === 'boolean')
      return null;
    return castColumn(column, wanted, slice.rows);
  }

  /** Null for tags, and where nothing is. */
  private auxColumn(slice: RowSlice, reference: Reference): ValueColumn | null {
    return reference.kind === 'tag' || reference.kind === null ? null : this.fieldColumn(slice, reference);
  }

  private tagColumn(ref: number, name: string, rows: number): ValueColumn {
    const { keys, values } = this.tagsOf(ref);
    const at = keys.indexOf(name);
    if (this.tagCodes.length !== rows) this.tagCodes = new Int32Array(rows);
    return new CodedTexts([at < 0 ? null : values[at]], this.tagCodes);
  }

  private tagsOf(ref: number): { keys: string[]; values: string[] } {
    if (this.tagged?.ref === ref) return this.tagged;
    const { database } = this.series;
    let texts = this.run.tagTexts.get(database);
    if (texts === undefined) {
      texts = [];
      this.run.tagTexts.set(database, texts);
    }
    this.tagged = { ref, ...database.index.tags(ref, texts) };
    return this.tagged;
  }
}

function frameOf(
  times: Float64Array,
  rows: number,
  startSec: number,
  tags: TagSet,
  value: ValueColumn | null,
  aux: readonly ValueColumn[],
  places: Int32Array | null,
): Frame {
  const sec = new Float64Array(rows);
  const nano = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const offset = times[places === null ? i : places[i]];
    const whole = Math.floor(offset / NANOS_PER_SEC);
    sec[i] = startSec + whole;
    nano[i] = offset - whole * NANOS_PER_SEC;
  }
  return { rows, sec, nano, tagOf: null, tagSets: [tags], value, weights: null, aux };
}

/** Places of the rows that are kept (null: all) in the query's order. */
function placesOf(kept: Int32Array | null, rows: number, ascending: boolean): Int32Array {
  const places = kept ?? Int32Array.from({ length: rows }, (_, i) => i);
  return ascending ? places : places.slice().reverse();
}

/**
 * Numeric fields of a series in a partition as views of one buffer, good until the next call: 'none' when there are no rows,
 * null when the fields do not lie side by side in one row group, or not in files alone.
 */
function borrowNumbers(
  reader: SeriesReader,
  place: number,
  ref: number,
  fields: readonly string[],
): RowSlice | 'none' | null {
  buffer.used = 0;
  let first: NumberSpan | null = null;
  const columns: Column[] = [];
  for (const field of fields) {
    const spans = reader.readPartitionNumbers(place, ref, field, buffer, columnCache);
    if (spans === null || spans.length > 1) return null;
    if (spans.length === 0) {
      if (fields.length === 1) return 'none';
      return null;
    }
    const [span] = spans;
    first ??= span;
    if (span.times !== first.times || span.from !== first.from || span.to !== first.to) return null;
    const rows = span.to - span.from;
    const values = buffer.values.subarray(span.valuesFrom, span.valuesFrom + rows);
    columns.push({
      type: span.type as FieldType,
      rows,
      values,
      wide: null,
      stringOffsets: null,
      stringBytes: null,
      present: null,
    });
  }
  const { times, from, to } = first!;
  return { rows: to - from, times: times.subarray(from, to), fields: [...fields], columns };
}
