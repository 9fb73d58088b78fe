/**
 * GROUP BY time's last two steps: points get the times of their windows, and windows without points are filled in.
 *
 * Filling walks over the points once. It expects the next window of the tag set at hand; a later point, one of another
 * tag set, or the end of all, makes it put in points until the range's end. Where a subquery gives points of several tag sets
 * in turns, each turn is therefore filled from the first window to the last, as InfluxDB does it.
 */
import { VarveError } from '../../../errors/errors.ts';
import type { Fill } from '../ast.ts';
import { columnWriter } from '../functions/column.ts';
import type { FieldKind, ValueColumn } from '../functions/kernel.ts';
import { castNumber, gather, isNull, type Value, valueAt } from './column.ts';
import type { Frame } from './frame.ts';
import type { Options } from './plan.ts';
import { MIN_NS, nanoOf, nsOf, secOf } from './time.ts';
import { windowOf, zoneOffsetNs } from './window.ts';
import { cutWindows } from './windows.ts';

/** Times become the starts of windows; that of a window without a start becomes the epoch. */
export function atWindowStarts(frame: Frame, { windowing }: Options): Frame {
  const sec = new Float64Array(frame.rows);
  const nano = new Float64Array(frame.rows);
  const { count, lo, hi, startSec, startNano } = cutWindows(frame, windowing, false);
  const minSec = secOf(MIN_NS);
  const minNano = nanoOf(MIN_NS);
  for (let w = 0; w < count; w++) {
    if (startSec[w] === minSec && startNano[w] === minNano) continue;
    sec.fill(startSec[w], lo[w], hi[w]);
    nano.fill(startNano[w], lo[w], hi[w]);
  }
  return { ...frame, sec, nano };
}

/** What is put into windows without points. */
type Filling = { readonly kind: 'null' | 'previous' | 'linear' } | { readonly kind: 'constant'; readonly value: Value };

function fillingOf(fill: Fill, kind: FieldKind, isCount: boolean): Filling {
  const numeric = kind === 'float' || kind === 'integer' || kind === 'unsigned';
  if (fill.kind === 'number') return { kind: 'constant', value: constantOf(fill.value, kind) };
  if (fill.kind === 'null' && isCount) return { kind: 'constant', value: constantOf(0, kind) };
  if (fill.kind === 'previous') return { kind: 'previous' };
  return { kind: fill.kind === 'linear' && numeric ? 'linear' : 'null' };
}

/** The number of fill() as a value of some type; what is no number there gets the type's zero. */
export function constantOf(value: number | bigint, kind: FieldKind): Value {
  if (kind === 'float') return Number(value);
  if (kind === 'integer' || kind === 'unsigned') return castNumber(value, kind);
  return kind === 'boolean' ? false : '';
}

/** Points in the order of the answer: of each, the point of the frame it is, or what was put in. */
class Filled {
  readonly sec: number[] = [];
  readonly nano: number[] = [];
  readonly tagOf: number[] = [];
  /** The point that a row is; −1 for rows that were put in. */
  readonly source: number[] = [];
  /** Of rows put in: the point whose value is repeated, −1 for none. */
  readonly repeated: number[] = [];
  /** Of rows put in by a line: the value. */
  readonly computed: (number | bigint | null)[] = [];
}

/**
 * Yields now and then, as there may be millions.
 *
 * @param limit of windows; 0 is none.
 * @throws VarveError bad_request beyond the limit, which only a range without a beginning gets here with.
 */
export function* fillFrame(frame: Frame, options: Options, isCount: boolean, limit: number): Generator<void, Frame> {
  if (frame.rows === 0 || frame.value === null) return frame;
  const filling = fillingOf(options.fill, frame.value.kind, isCount);
  const filled = yield* fillRows(frame, options, filling, limit === 0 ? Infinity : limit);
  const rows = filled.source.length;
  const source = Int32Array.from(filled.source);
  return {
    rows,
    sec: Float64Array.from(filled.sec),
    nano: Float64Array.from(filled.nano),
    tagOf: frame.tagOf === null ? null : Int32Array.from(filled.tagOf),
    tagSets: frame.tagSets,
    value: filledValues(frame.value, filled, filling),
    weights: null,
    aux: frame.aux.map((column) => gather(column, source)),
  };
}

function filledValues(column: ValueColumn, filled: Filled, filling: Filling): ValueColumn {
  const { source, repeated, computed } = filled;
  if (filling.kind === 'null') return gather(column, Int32Array.from(source));
  if (filling.kind === 'previous') {
    return gather(
      column,
      Int32Array.from(source, (row, i) => (row < 0 ? repeated[i] : row)),
    );
  }
  const writer = columnWriter(column.kind, source.length, true);
  for (let i = 0; i < source.length; i++) {
    if (source[i] >= 0) {
      if (!isNull(column, source[i])) writer.copy(i, column, source[i]);
      continue;
    }
    const value = filling.kind === 'constant' ? filling.value : computed[i];
    if (value === null) continue;
    if (typeof value === 'bigint') writer.setBigint(i, value);
    else if (typeof value === 'string') writer.setText(i, value);
    else writer.set(i, Number(value));
  }
  return writer.finish(source.length);
}

function* fillRows(frame: Frame, options: Options, filling: Filling, limit: number): Generator<void, Filled> {
  const { windowing, ascending } = options;
  const { zone } = windowing;
  const { durationNs } = windowing.interval;
  const startOf = (ns: bigint): bigint => windowOf(windowing, ns).startNs;
  // Where time has no beginning windows begin with the first point.
  const isOpen = windowing.minNs <= MIN_NS;
  const firstNs = startOf(ascending ? windowing.minNs : windowing.maxNs);
  const lastNs = startOf(ascending ? windowing.maxNs : windowing.minNs);
  const timeOf = (row: number): bigint => nsOf(frame.sec[row], frame.nano[row]);
  const tagAt = (row: number): number => (frame.tagOf === null ? 0 : frame.tagOf[row]);
  const filled = new Filled();
  let row = 0;
  let tag = tagAt(0);
  let previous = -1;
  let time = 0n;
  let offset = 0n;
  /** The time of the last point before those of another tag set. */
  const lastOfTurn = (): bigint => {
    let end = row + 1;
    while (end < frame.rows && tagAt(end) === tag) end++;
    return timeOf(end - 1);
  };
  const begin = (): void => {
    time = ascending && isOpen ? startOf(timeOf(row)) : firstNs;
    offset = zoneOffsetNs(zone, time);
    previous = -1;
    // What can be known before is not found out by filling all memory.
    const windows = ascending ? (lastNs - time) / durationNs : (time - (isOpen ? lastOfTurn() : lastNs)) / durationNs;
    if (windows > 0n) refuseBeyond(limit, filled.source.length + Number(windows));
  };
  const inRange = (): boolean => (ascending ? time <= lastNs : time >= lastNs && !isOpen);
  begin();
  for (;;) {
    if ((filled.source.length & 4095) === 4095) yield;
    const ended = row === frame.rows || tagAt(row) !== tag;
    if (ended && !inRange()) {
      if (row === frame.rows) return filled;
      tag = tagAt(row);
      begin();
      continue;
    }
    const early = !ended && (ascending ? timeOf(row) > time : timeOf(row) < time);
    if (ended || early) {
      refuseBeyond(limit, filled.source.length);
      filled.source.push(-1);
      filled.repeated.push(previous >= 0 && !isNull(frame.value!, previous) ? previous : -1);
      const next = ended ? -1 : row;
      filled.computed.push(filling.kind === 'linear' ? onLine(frame, previous, next, time, timeOf, durationNs) : null);
      filled.sec.push(secOf(time));
      filled.nano.push(nanoOf(time));
    } else {
      filled.source.push(row);
      filled.repeated.push(-1);
      filled.computed.push(null);
      filled.sec.push(frame.sec[row]);
      filled.nano.push(frame.nano[row]);
      previous = row++;
    }
    filled.tagOf.push(tag);
    time += ascending ? durationNs : -durationNs;
    if (zone === null) continue;
    const now = zoneOffsetNs(zone, time - 1n);
    if (now === offset) continue;
    const change = offset - now;
    if ((change < 0n ? -change : change) < durationNs) time += change;
    offset = now;
  }
}

function refuseBeyond(limit: number, windows: number): void {
  if (windows >= limit)
    throw new VarveError('bad_request', `max-select-buckets limit exceeded: (${windows + 1}/${limit})`);
}

/** The value at a time on the line between two points; null where one of them is missing. */
function onLine(
  frame: Frame,
  previous: number,
  next: number,
  time: bigint,
  timeOf: (row: number) => bigint,
  durationNs: bigint,
): number | bigint | null {
  const column = frame.value!;
  if (previous < 0 || next < 0 || isNull(column, previous)) return null;
  const before = valueAt(column, previous) as number | bigint;
  const after = (valueAt(column, next) ?? 0) as number | bigint;
  const from = timeOf(previous) / durationNs;
  const x = Number(time / durationNs - from);
  const span = Number(timeOf(next) / durationNs - from);
  if (typeof before === 'number') return ((Number(after) - before) / span) * x + before;
  const slope = Number((after as bigint) - before) / span;
  return castNumber(slope * x + Number(before), column.kind as 'integer' | 'unsigned');
}
