/**
 * Calls over frames: kernels are given the points of one tag set at a time, cut into windows, and what they answer becomes
 * a frame again, in InfluxDB's order: by window, then by tag set.
 */
import type { CallOptions, ValueColumn, Windows } from '../functions/kernel.ts';
import type { RowsEntry, StreamEntry, WindowEntry } from '../functions/table.ts';
import { emptyColumn, gather, nullColumn, presentRows } from './column.ts';
import { concatFrames, emptyFrame, type Frame, gatherFrame } from './frame.ts';
import type { Options } from './plan.ts';
import { type CutWindows, cutWindows } from './windows.ts';

/** Points of one tag set; [window] which of them are in it. */
interface Part {
  readonly frame: Frame;
  readonly lo: Int32Array;
  readonly hi: Int32Array;
}

function withoutNulls(frame: Frame): Frame {
  const places = frame.value === null ? null : presentRows(frame.value, frame.rows);
  return places === null ? frame : gatherFrame(frame, places);
}

function partsOf(frame: Frame, { count, lo, hi }: CutWindows): Part[] {
  const { tagOf, tagSets } = frame;
  if (tagOf === null) return [{ frame, lo, hi }];
  const parts: Part[] = [];
  for (let set = 0; set < tagSets.length; set++) {
    const places = new Int32Array(frame.rows);
    const partLo = new Int32Array(count);
    const partHi = new Int32Array(count);
    let n = 0;
    for (let w = 0; w < count; w++) {
      partLo[w] = n;
      for (let row = lo[w]; row < hi[w]; row++) if (tagOf[row] === set) places[n++] = row;
      partHi[w] = n;
    }
    if (n === 0) continue;
    const gathered = gatherFrame(frame, places.subarray(0, n));
    parts.push({ frame: { ...gathered, tagOf: null, tagSets: [tagSets[set]] }, lo: partLo, hi: partHi });
  }
  return parts;
}

/** Rows of one tag set that a kernel answered, and the window of each. */
interface PartRows {
  readonly frame: Frame;
  readonly window: Int32Array;
}

/** A window or rows function over all of a frame. */
export function reduceFrame(input: Frame, entry: WindowEntry | RowsEntry, call: CallOptions, options: Options): Frame {
  const frame = withoutNulls(input);
  const cut = cutWindows(frame, options.windowing, true);
  if (cut.count === 0) return emptyResult(frame, entry, call);
  const parts = partsOf(frame, cut).map((part) =>
    entry.kind === 'rows' ? rowsOf(part, cut, entry, call) : windowRowsOf(part, cut, entry, call),
  );
  return interleave(parts, entry.kind === 'rows');
}

/** Kernels know the type of what they answer, also for no points at all. */
function emptyResult(frame: Frame, entry: WindowEntry | RowsEntry, call: CallOptions): Frame {
  const none = new Int32Array(0);
  const points = { length: 0, values: frame.value!, sec: frame.sec, nano: frame.nano, weights: null };
  const { values } = entry.kernel(points, { count: 0, lo: none, hi: none, bounds: null }, call);
  return { ...emptyFrame(frame.tagSets, frame), value: emptyColumn(values.kind) };
}

function windowsOf({ lo, hi }: Part, cut: CutWindows, bounded: boolean): Windows {
  const { count, startSec, startNano, endSec, endNano } = cut;
  return { count, lo, hi, bounds: bounded ? { startSec, startNano, endSec, endNano } : null };
}

function windowRowsOf(part: Part, cut: CutWindows, entry: WindowEntry, call: CallOptions): PartRows {
  const { frame } = part;
  const points = { length: frame.rows, values: frame.value!, sec: frame.sec, nano: frame.nano, weights: frame.weights };
  const { values, source, counts } = entry.kernel(points, windowsOf(part, cut, false), call);
  const kept = new Int32Array(cut.count);
  let n = 0;
  for (let w = 0; w < cut.count; w++) if (counts[w] > 0) kept[n++] = w;
  const window = kept.subarray(0, n);
  const sec = new Float64Array(n);
  const nano = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const w = window[i];
    const from = source === null ? -1 : source[w];
    sec[i] = from < 0 ? cut.startSec[w] : frame.sec[from];
    nano[i] = from < 0 ? cut.startNano[w] : frame.nano[from];
    weights[i] = counts[w];
  }
  const places = source === null ? null : window.map((w) => source[w]);
  const aux = frame.aux.map((column) => (places === null ? nullColumn(column.kind, n) : gather(column, places)));
  const value = withNaN(n === cut.count ? values : gather(values, window), n);
  return { frame: { rows: n, sec, nano, tagOf: null, tagSets: frame.tagSets, value, weights, aux }, window };
}

/** A window with points but without a value, as the deviation of one point: no number, but no null either. */
function withNaN(column: ValueColumn, rows: number): ValueColumn {
  if (column.kind !== 'float' || column.present === null) return column;
  const values = column.values.slice(0, rows);
  for (let row = 0; row < rows; row++) if (column.present[row] === 0) values[row] = Number.NaN;
  return { ...column, values, present: null };
}

function rowsOf(part: Part, cut: CutWindows, entry: RowsEntry, call: CallOptions): PartRows {
  const { frame } = part;
  const points = { length: frame.rows, values: frame.value!, sec: frame.sec, nano: frame.nano, weights: null };
  const { length, values, window, source } = entry.kernel(points, windowsOf(part, cut, false), call);
  const rows: Frame = {
    rows: length,
    sec: Float64Array.from(source, (row) => frame.sec[row]),
    nano: Float64Array.from(source, (row) => frame.nano[row]),
    tagOf: null,
    tagSets: frame.tagSets,
    value: values,
    weights: null,
    aux: frame.aux.map((column) => gather(column, source)),
  };
  return { frame: rows, window };
}

/** Rows of several tag sets in one order. `timed`: within a window by time first. */
function interleave(parts: readonly PartRows[], timed: boolean): Frame {
  if (parts.length === 1) return parts[0].frame;
  const joined = concatFrames(parts.map(({ frame }) => frame));
  const window = new Int32Array(joined.rows);
  let at = 0;
  for (const part of parts) {
    window.set(part.window.subarray(0, part.frame.rows), at);
    at += part.frame.rows;
  }
  const order = Int32Array.from(window.keys());
  const { sec, nano, tagOf } = joined;
  order.sort((a, b) => {
    if (window[a] !== window[b]) return window[a] - window[b];
    const byTime = timed ? sec[a] - sec[b] || nano[a] - nano[b] : 0;
    return byTime || (tagOf === null ? 0 : tagOf[a] - tagOf[b]) || a - b;
  });
  return gatherFrame(joined, order);
}

/** A transformation over all of a frame: each tag set's sequence by itself, what comes out by time. Yields as its kernel does. */
export function* streamFrame(
  input: Frame,
  { kernel, steps }: StreamEntry,
  call: CallOptions,
  options: Options,
): Generator<void, Frame> {
  const frame = withoutNulls(input);
  const cut = cutWindows(frame, options.windowing, false);
  const parts = cut.count === 0 ? [{ frame, lo: cut.lo, hi: cut.hi }] : partsOf(frame, cut);
  const frames: Frame[] = [];
  for (const part of parts) {
    const points = {
      length: part.frame.rows,
      values: part.frame.value!,
      sec: part.frame.sec,
      nano: part.frame.nano,
      weights: null,
    };
    const { length, values, sec, nano } =
      steps === null ? kernel(points, windowsOf(part, cut, true), call) : yield* steps(points, call);
    const aux = part.frame.aux.map(({ kind }) => nullColumn(kind, length));
    const { tagSets } = part.frame;
    frames.push({ rows: length, sec, nano, tagOf: null, tagSets, value: values, weights: null, aux });
  }
  if (frames.length === 1) return frames[0];
  const joined = concatFrames(frames);
  const order = Int32Array.from({ length: joined.rows }, (_, i) => i);
  const sign = options.ascending ? 1 : -1;
  order.sort((a, b) => sign * (joined.sec[a] - joined.sec[b] || joined.nano[a] - joined.nano[b]) || a - b);
  return gatherFrame(joined, order);
}
