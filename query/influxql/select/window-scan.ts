/**
 * The short way for what most queries are: counts, sums, means and extremes of numeric fields by windows of time, straight
 * from the columns of storage into one slot per window.
 *
 * It gives the same rows as the general way (points.ts, fill.ts), which does the rest: filters of fields, companions of
 * selectors, time zones, fill(previous) and fill(linear), columns with gaps, 64-bit integers beyond 2^53. Row groups that lie
 * in one window are not decoded when their statistics say enough.
 *
 * Invariants: windows are multiples of the interval since the epoch plus the offset, counted from the first one that the
 * time range, or the data, may reach; integer sums that leave ±2^53 are left to the general way.
 */
import type { RowSlice } from '../../../batch/column.ts';
import { FIELD_TYPE_NAMES, FLOAT, INTEGER } from '../../../batch/field-type.ts';
import type { SeriesReader } from '../../../engine/series-reader.ts';
import { type BlockChoice, createNumberBuffer, type KeptSpan, type NumberSpan } from '../../../tsm/number-reader.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import { castNumber, numberColumn } from './column.ts';
import type { Rows } from './frame.ts';
import { type Group, inKeyOrder, type LeafSeries } from './groups.ts';
import type { Leaf, Level, Options } from './plan.ts';
import { project } from './project.ts';
import type { Run } from './run.ts';
import { columnCache } from './scan-cache.ts';
import { MIN_NS, nanoOf, nsOf, secOf } from './time.ts';
import { windowOf } from './window.ts';
import { cutRuns, FieldWindows, type Wanted, type WindowRuns } from './window-slots.ts';

const buffer = createNumberBuffer();

/** Windows that have a slot each. */
const LARGEST_SLOTS = 2_000_000;
/** Rows that leave at a time. */
const CHUNK_ROWS = 65_536;

const NS_PER_SEC = 1_000_000_000n;

type Function = 'count' | 'sum' | 'mean' | 'min' | 'max' | 'first' | 'last';

const FUNCTIONS: ReadonlySet<string> = new Set(['count', 'sum', 'mean', 'min', 'max', 'first', 'last']);

/** A call over a field. */
interface ScanCall {
  readonly key: string;
  readonly name: Function;
  /** Place of its field among those of the scan. */
  readonly field: number;
}

interface ScanField {
  readonly name: string;
  readonly kind: 'float' | 'integer';
  wanted: Wanted;
}

/** Windows by number: window w begins at firstNs + w · durationNs; without an interval there is one. */
interface Grid {
  readonly firstNs: bigint;
  readonly durationNs: bigint;
  /** Windows of the time range; those behind all data have no slots. */
  readonly total: number;
  /** Windows with slots. */
  readonly count: number;
}

/** How to evaluate a level the short way; null when it cannot be. A run's own, as it remembers what it has read. */
export function scanOf(level: Level, run: Run): WindowScan | null {
  let scan = run.scans.get(level);
  if (scan === undefined) {
    scan = planScan(level);
    run.scans.set(level, scan);
  }
  return scan;
}

function planScan(level: Level): WindowScan | null {
  const { options } = level;
  const { zone, interval } = options.windowing;
  const { kind } = options.fill;
  if (options.aux.length > 0 || options.groupBy.length !== options.dimensions.length) return null;
  if (interval.durationNs !== 0n && (zone !== null || kind === 'previous' || kind === 'linear')) return null;
  if (interval.durationNs > 2n ** 52n) return null;
  const fields: ScanField[] = [];
  const calls: ScanCall[] = [];
  let leaf: Leaf | null = null;
  for (const { key, source } of level.calls) {
    if (source.kind !== 'interval' || source.input.kind !== 'reduce') return null;
    const { call, driver, sources } = source.input;
    if (sources.length !== 1 || sources[0].kind !== 'leaf' || !FUNCTIONS.has(call.name)) return null;
    if (leaf !== null && leaf !== sources[0]) return null;
    leaf = sources[0];
    if (driver.kind !== 'float' && driver.kind !== 'integer') return null;
    // Without windows these go by the merged order of points.
    if (interval.durationNs === 0n && (call.name === 'first' || call.name === 'last')) return null;
    let field = fields.findIndex(({ name, kind: type }) => name === driver.name && type === driver.kind);
    if (field < 0) field = fields.push({ name: driver.name, kind: driver.kind, wanted: NOTHING }) - 1;
    fields[field].wanted = including(fields[field].wanted, call.name as Function);
    calls.push({ key, name: call.name as Function, field });
  }
  return leaf === null ? null : new WindowScan(level, leaf, fields, calls);
}

const NOTHING: Wanted = { sums: false, minima: false, maxima: false, edges: false };

function including({ sums, minima, maxima, edges }: Wanted, name: Function): Wanted {
  return {
    sums: sums || name === 'sum' || name === 'mean',
    minima: minima || name === 'min',
    maxima: maxima || name === 'max',
    edges: edges || name === 'first' || name === 'last',
  };
}

export class WindowScan {
  private readonly level: Level;
  private readonly leaf: Leaf;
  private readonly fields: readonly ScanField[];
  private readonly calls: readonly ScanCall[];
  private slots: FieldWindows[] = [];
  private grid: Grid | null = null;
  /** Of the group that was read last; null when there was nothing to read. */
  private shown: Grid | null = null;
  /** Of partitions, by their starts: grids of one scan differ in their lengths alone. */
  private readonly places = new Map<number, Place>();
  /** The runs that were cut last: most series have their rows at the same times. */
  private runs: { readonly place: Place; readonly cut: WindowRuns } | null = null;

  constructor(level: Level, leaf: Leaf, fields: readonly ScanField[], calls: readonly ScanCall[]) {
    this.level = level;
    this.leaf = leaf;
    this.fields = fields;
    this.calls = calls;
  }

  /** Reads a group, whose rows then leave by `rows`; false when it must be done the general way. */
  async read(group: Group, run: Run): Promise<boolean> {
    const all = group.leaves.get(this.leaf);
    if (all === undefined || !this.isPlain(all)) return false;
    const { options } = this.level;
    const { windowing, limit, offset, fill } = options;
    // LIMIT counts the windows of each call by itself, and these may be others for another field.
    const isLimited = limit > 0 || offset > 0;
    if (isLimited && this.fields.length > 1 && (fill.kind === 'none' || windowing.minNs <= MIN_NS)) return false;
    const { partitionStartsSec } = run.reader(all.database, windowing.minNs, windowing.maxNs);
    this.shown = null;
    if (partitionStartsSec.length === 0) return true;
    const endSec = partitionStartsSec[partitionStartsSec.length - 1] + all.database.partitionDurationSec;
    this.grid ??= gridOf(options, partitionStartsSec[0], endSec);
    if (this.grid === null) return false;
    // Sums of parts have their last digits by the order in which they are added.
    const series = this.needsOrder ? inKeyOrder(all, true) : all;
    const { count } = this.grid;
    // With LIMIT the first windows may be all that is needed.
    const isShort = limit > 0 && options.ascending && this.grid.durationNs !== 0n;
    for (let looked = isShort ? Math.min(count, 2 * (limit + offset)) : count; ; ) {
      const grid = { ...this.grid, count: looked };
      if (!(await this.readSeries(series, grid, run))) return false;
      const needed = isShort ? this.windowsNeeded(grid, limit + offset) : 0;
      if (looked === count || needed <= looked) {
        this.shown = grid;
        return true;
      }
      looked = Math.min(count, needed);
    }
  }

  /** How many windows have to be looked at for so many rows. */
  private windowsNeeded({ count }: Grid, rows: number): number {
    const { fill, windowing } = this.level.options;
    const used = this.windowsUsed(count);
    if (fill.kind === 'none') return used.length >= rows ? count : count * 4;
    // What is filled in depends on whether there is any point at all.
    if (!this.slots.every(({ any }) => any)) return count * 4;
    return windowing.minNs > MIN_NS ? rows : used[0] + rows;
  }

  private windowsUsed(count: number): Int32Array {
    const used = new Int32Array(count);
    let n = 0;
    for (let w = 0; w < count; w++) if (this.slots.some((slots) => slots.counts[w] > 0)) used[n++] = w;
    return used.subarray(0, n);
  }

  /** Fills the slots; false when it must be done the general way. */
  private async readSeries(series: LeafSeries, grid: Grid, run: Run): Promise<boolean> {
    const { minNs, maxNs } = this.level.options.windowing;
    const endNs = grid.durationNs === 0n ? maxNs : grid.firstNs + BigInt(grid.count) * grid.durationNs - 1n;
    this.beginGroup(grid.count);
    for (let i = 0; i < series.refs.length; i++) {
      if (run.due) await run.pause();
      const reader = run.reader(series.database, minNs, endNs < maxNs ? endNs : maxNs);
      for (let f = 0; f < this.fields.length; f++) {
        const rows = this.readField(reader, series.refs[i], f, grid);
        if (rows < 0) return false;
        run.count(rows);
      }
    }
    return true;
  }

  private get needsOrder(): boolean {
    return this.fields.some(({ wanted }) => wanted.sums);
  }

  /** Whether no row must be looked at for itself, and fields are of the types that were planned for. */
  private isPlain({ database, refs, filters }: LeafSeries): boolean {
    if (filters.some((filter) => filter !== null)) return false;
    if (refs.length === 0) return true;
    const { index } = database;
    const measurement = index.measurementOf(refs[0]);
    return this.fields.every(({ name, kind }) => {
      const field = index.fieldId(measurement, name);
      return field < 0 || FIELD_TYPE_NAMES[index.fields[field].type] === kind;
    });
  }

  private beginGroup(count: number): void {
    if (this.slots.length === 0 || this.slots[0].count !== count) {
      this.slots = this.fields.map(({ wanted }) => new FieldWindows(count, wanted));
    } else {
      for (const slots of this.slots) slots.clear();
    }
  }

  /** Rows looked at, −1 when the column needs the general way. */
  private readField(reader: SeriesReader, ref: number, f: number, grid: Grid): number {
    const { name, wanted } = this.fields[f];
    const slots = this.slots[f];
    const byKept = this.readKept(reader, ref, f, grid);
    if (byKept !== null) return byKept;
    let rows = 0;
    let partitions = 0;
    let lastStartSec = Number.NaN;
    let plain = true;
    buffer.used = 0;
    const placeAt = (startSec: number): Place => this.placeAt(startSec, grid);
    const choiceAt = (startSec: number): BlockChoice => {
      const place = placeAt(startSec);
      return {
        uncut: (min, max) => place.slotOf(min) === place.slotOf(max),
        suffices: (_statistics, type) => type === INTEGER || (type === FLOAT && !wanted.sums),
      };
    };
    slots.beginSeries();
    const visit = (startSec: number, piece: NumberSpan | RowSlice): void => {
      if (startSec !== lastStartSec) {
        lastStartSec = startSec;
        partitions++;
      }
      rows += add(slots, placeAt(startSec), piece);
      if (rows < 0) plain = false;
    };
    reader.readPieces(ref, name, buffer, columnCache, choiceAt, visit);
    return plain && this.endSeries(f, partitions) ? rows : -1;
  }

  /** As `readField`, where all columns are kept decoded; null where not, with nothing added. */
  private readKept(reader: SeriesReader, ref: number, f: number, grid: Grid): number | null {
    const slots = this.slots[f];
    const spans: KeptSpan[] = [];
    const startsSec: number[] = [];
    const isKept = reader.readKept(ref, this.fields[f].name, columnCache, (startSec, span) => {
      spans.push(span);
      startsSec.push(startSec);
    });
    if (!isKept) return null;
    slots.beginSeries();
    let rows = 0;
    let partitions = 0;
    for (let i = 0; i < spans.length; i++) {
      const { times, from, to, column } = spans[i];
      const place = this.placeAt(startsSec[i], grid);
      slots.addKept(column, this.runsOf(times, from, to, place), place);
      rows += to - from;
      if (i === 0 || startsSec[i] !== startsSec[i - 1]) partitions++;
    }
    return this.endSeries(f, partitions) ? rows : -1;
  }

  private endSeries(f: number, partitions: number): boolean {
    const hasMean = this.hasMean(f);
    // The mean of parts is that of their means, and so are the last digits.
    const isExact = !this.fields[f].wanted.sums || partitions < 2 || (this.fields[f].kind !== 'float' && !hasMean);
    return isExact && this.slots[f].endSeries(hasMean);
  }

  private placeAt(startSec: number, grid: Grid): Place {
    let place = this.places.get(startSec);
    if (place === undefined) {
      place = placeOf(grid, startSec);
      this.places.set(startSec, place);
    }
    return place;
  }

  private runsOf(times: Float64Array, from: number, to: number, place: Place): WindowRuns {
    const { runs } = this;
    if (runs?.place === place && runs.cut.times === times && runs.cut.from === from && runs.cut.to === to)
      return runs.cut;
    const cut = cutRuns(times, from, to, place);
    this.runs = { place, cut };
    return cut;
  }

  private hasMean(f: number): boolean {
    return this.calls.some(({ name, field }) => name === 'mean' && field === f);
  }

  /** The rows of the group that was read last. */
  async *rows(group: Group, run: Run): AsyncGenerator<Rows> {
    const { options } = this.level;
    const { shown } = this;
    if (shown === null || this.slots.every((slots) => !slots.any)) return;
    const windows = shownWindows(this.windowsUsed(shown.count), shown, options);
    const { limit, offset } = options;
    const end = limit === 0 ? windows.count : Math.min(windows.count, offset + limit);
    for (let from = offset; from < end; from += CHUNK_ROWS) {
      if (run.due) await run.pause();
      yield this.chunk(group, shown, windows, from, Math.min(end, from + CHUNK_ROWS));
    }
  }

  /** Rows `from` … `to − 1`. */
  private chunk(group: Group, grid: Grid, windows: ShownWindows, from: number, to: number): Rows {
    const { windowing } = this.level.options;
    const rows = to - from;
    const order = new Float64Array(rows);
    for (let i = 0; i < rows; i++) order[i] = windows.at(from + i);
    const sec = new Float64Array(rows);
    const nano = new Float64Array(rows);
    // What has no beginning is shown at the epoch.
    if (windowing.interval.durationNs !== 0n || windowing.minNs > MIN_NS) fillTimes(order, grid, sec, nano);
    const symbols = new Map<string, ValueColumn>();
    for (const call of this.calls) symbols.set(call.key, this.column(call, order, grid.count));
    return project(this.level, { rows, sec, nano, tagOf: null, tagSets: [group.tags] }, symbols);
  }

  private column({ name, field }: ScanCall, order: Float64Array, count: number): ValueColumn {
    const { fill, windowing } = this.level.options;
    const { kind } = this.fields[field];
    const slots = this.slots[field];
    const rows = order.length;
    const values = new Float64Array(rows);
    const present = new Uint8Array(rows);
    const outKind = name === 'count' ? 'integer' : name === 'mean' ? 'float' : kind;
    let nulls = false;
    const fills = windowing.interval.durationNs !== 0n;
    const filled = fills ? constantFor(name, fill, outKind, slots.any) : null;
    for (let i = 0; i < rows; i++) {
      const w = order[i];
      if (w < count && slots.counts[w] > 0) {
        values[i] = slots.value(name, w);
        present[i] = 1;
      } else if (filled !== null) {
        values[i] = filled;
        present[i] = 1;
      } else nulls = true;
    }
    return numberColumn(outKind, values, nulls ? present : null);
  }
}

/** The number in windows without points; null for none. Where a field has no point at all, a count of it is null. */
function constantFor(name: Function, fill: Options['fill'], kind: 'float' | 'integer', any: boolean): number | null {
  if (fill.kind === 'number') return kind === 'float' ? Number(fill.value) : Number(castNumber(fill.value, 'integer'));
  return fill.kind === 'null' && name === 'count' && any ? 0 : null;
}

/** Windows that have a row, by their place in the answer. */
interface ShownWindows {
  readonly count: number;
  at(place: number): number;
}

function shownWindows(used: Int32Array, { total }: Grid, { fill, windowing, ascending }: Options): ShownWindows {
  if (fill.kind === 'none' || windowing.interval.durationNs === 0n) {
    const { length } = used;
    return { count: length, at: (place) => used[ascending ? place : length - 1 - place] };
  }
  // Without a lower bound the first point decides where windows begin.
  const first = windowing.minNs <= MIN_NS ? used[0] : 0;
  return { count: total - first, at: (place) => (ascending ? first + place : total - 1 - place) };
}

function fillTimes(order: Float64Array, grid: Grid, sec: Float64Array, nano: Float64Array): void {
  const { firstNs, durationNs } = grid;
  if (firstNs % NS_PER_SEC === 0n && durationNs % NS_PER_SEC === 0n) {
    const firstSec = secOf(firstNs);
    const durationSec = Number(durationNs / NS_PER_SEC);
    for (let i = 0; i < order.length; i++) sec[i] = firstSec + order[i] * durationSec;
    return;
  }
  for (let i = 0; i < order.length; i++) {
    const ns = firstNs + BigInt(order[i]) * durationNs;
    sec[i] = secOf(ns);
    nano[i] = nanoOf(ns);
  }
}

/** The windows of a time range; null when there are too many to have a slot each. */
function gridOf({ windowing }: Options, dataStartSec: number, dataEndSec: number): Grid | null {
  const { interval, minNs, maxNs } = windowing;
  const { durationNs } = interval;
  if (durationNs === 0n) return { firstNs: minNs, durationNs, total: 1, count: 1 };
  const from = minNs <= MIN_NS ? nsOf(dataStartSec, 0) : minNs;
  const firstNs = windowOf(windowing, from).startNs;
  // The first of all windows is cut off, and not where others begin.
  if (firstNs <= MIN_NS) return null;
  const windowsUntil = (ns: bigint): number =>
    ns < from ? 0 : Number((windowOf(windowing, ns).startNs - firstNs) / durationNs) + 1;
  const total = windowsUntil(maxNs);
  const count = Math.min(total, windowsUntil(nsOf(dataEndSec, 0)));
  return count > LARGEST_SLOTS ? null : { firstNs, durationNs, total, count };
}

/** Windows seen from a partition: times are ns since its start. */
export interface Place {
  /** Number of the window of a time. */
  slotOf(offsetNs: number): number;
  /** Where the next window begins. */
  endOf(slot: number): number;
}

function placeOf({ firstNs, durationNs }: Grid, startSec: number): Place {
  if (durationNs === 0n) return { slotOf: () => 0, endOf: () => Number.POSITIVE_INFINITY };
  const length = Number(durationNs);
  const past = nsOf(startSec, 0) - firstNs;
  // The last window that begins at or before the partition's start, and how far it begins before it.
  let slot = past / durationNs;
  if (slot * durationNs > past) slot -= 1n;
  const before = Number(past - slot * durationNs);
  const base = Number(slot);
  const endOf = (w: number): number => (w - base + 1) * length - before;
  return {
    endOf,
    slotOf(offsetNs) {
      let w = base + Math.floor((offsetNs + before) / length);
      // Quotients of large numbers may be rounded to the next whole.
      if (offsetNs >= endOf(w)) w++;
      else if (offsetNs < endOf(w - 1)) w--;
      return w;
    },
  };
}

/** Adds a piece to its windows; rows of it, or minus infinity for what needs the general way. */
function add(slots: FieldWindows, place: Place, piece: NumberSpan | RowSlice): number {
  if ('valuesFrom' in piece) {
    const { times, from, to, statistics } = piece;
    if (statistics !== null) {
      slots.addBlock(times, to - from, statistics, place);
      return to - from;
    }
    slots.add(times, from, to, buffer.values, piece.valuesFrom, place);
    return to - from;
  }
  const [column] = piece.columns;
  if (column === undefined) return 0;
  if (column.present !== null || column.wide !== null || column.stringOffsets !== null) return Number.NEGATIVE_INFINITY;
  slots.add(piece.times, 0, piece.rows, column.values, 0, place);
  return piece.rows;
}
