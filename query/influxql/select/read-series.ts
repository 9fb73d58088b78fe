/** Points of one series in one partition, filtered, as a frame. */
import type { RowSlice } from '../../../batch/column.ts';
import { FIELD_TYPE_NAMES } from '../../../batch/field-type.ts';
import type { SeriesReader } from '../../../engine/series-reader.ts';
import type { VariableNode } from '../ast.ts';
import type { FieldKind, ValueColumn } from '../functions/kernel.ts';
import type { NumberColumn } from '../result.ts';
import { castColumn, constantColumn, fromStorage, gather, isNull, nullColumn, numberColumn } from './column.ts';
import { variablesOfFilter } from './condition.ts';
import { evaluateCondition, type Scope } from './evaluate.ts';
import type { Frame, TagSet } from './frame.ts';
import type { LeafSeries } from './groups.ts';
import { callMath, isMath } from './math.ts';
import { type Options, type Reference, referenceOf } from './plan.ts';
import type { Run } from './run.ts';

const NANOS_PER_SEC = 1e9;

/** What is read of each series of a leaf. */
export class SeriesPoints {
  private readonly run: Run;
  private readonly series: LeafSeries;
  private readonly driver: Reference | null;
  private readonly options: Options;
  /** [filter] names of fields to read: driver, references, and what the filter looks at. */
  private readonly fieldsFor: string[][];
  private readonly variablesFor: Map<string, VariableNode>[];

  constructor(run: Run, series: LeafSeries, driver: Reference | null, options: Options) {
    this.run = run;
    this.series = series;
    this.driver = driver;
    this.options = options;
    const wanted = [...(driver === null ? [] : [driver]), ...options.aux];
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
  }

  /** Points of the i-th series in a partition of the reader, in the query's order; null when there are none. */
  read(i: number, reader: SeriesReader, place: number, startSec: number, tags: TagSet): Frame | null {
    const { series, driver, options } = this;
    const filterPlace = series.filterOf[i];
    const fields = this.fieldsFor[filterPlace];
    if (driver?.kind === 'tag' || fields.length === 0) return null;
    const ref = series.refs[i];
    const slice = reader.readPartition(place, ref, fields);
    if (slice === null) return null;
    const value = driver === null ? null : this.fieldColumn(slice, driver);
    if (driver !== null && value === null) return null;
    const aux = options.aux.map((reference) => this.column(slice, ref, reference));
    const rows = this.rowsOf(slice, ref, value, aux, filterPlace);
    this.run.count(rows === null ? slice.rows : rows.length);
    if (rows?.length === 0) return null;
    return frameOf(slice, startSec, tags, value, aux, rows, options.ascending);
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
    aux: readonly ValueColumn[],
    filterPlace: number,
  ): Int32Array | null {
    const { rows } = slice;
    const fields = this.options.aux.map(({ kind }, i) => (kind === 'tag' || kind === null ? null : aux[i]));
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

  private column(slice: RowSlice, ref: number, reference: Reference): ValueColumn {
    const { name, kind } = reference;
    if (kind === 'tag' || kind === null) return this.tagColumn(ref, name, slice.rows);
    return this.fieldColumn(slice, reference) ?? nullColumn(kind, slice.rows);
  }

  private tagColumn(ref: number, name: string, rows: number): ValueColumn {
    const { keys, values } = this.series.database.index.tags(ref);
    const at = keys.indexOf(name);
    return constantColumn('string', at < 0 ? null : values[at], rows);
  }
}

function frameOf(
  slice: RowSlice,
  startSec: number,
  tags: TagSet,
  value: ValueColumn | null,
  aux: readonly ValueColumn[],
  places: Int32Array | null,
  ascending: boolean,
): Frame {
  const { times } = slice;
  const rows = places === null ? slice.rows : places.length;
  const sec = new Float64Array(rows);
  const nano = new Float64Array(rows);
  const order = ascending ? places : descending(places, slice.rows);
  for (let i = 0; i < rows; i++) {
    const offset = times[order === null ? i : order[i]];
    const whole = Math.floor(offset / NANOS_PER_SEC);
    sec[i] = startSec + whole;
    nano[i] = offset - whole * NANOS_PER_SEC;
  }
  return {
    rows,
    sec,
    nano,
    tagOf: null,
    tagSets: [tags],
    value: value === null || order === null ? value : gather(value, order),
    weights: null,
    aux: order === null ? aux : aux.map((column) => gather(column, order)),
  };
}

function descending(places: Int32Array | null, rows: number): Int32Array {
  if (places !== null) return places.slice().reverse();
  const order = new Int32Array(rows);
  for (let i = 0; i < rows; i++) order[i] = rows - 1 - i;
  return order;
}
