/** Frames of several series, shards or sources made into one, in InfluxDB's orders. */

import { compareTexts } from '../functions/column.ts';
import type { ValueColumn } from '../functions/kernel.ts';
import { concatFrames, type Frame, gatherFrame } from './frame.ts';
import { type MergedRows, mergeRows, mergeWindows, type RowLess } from './go-heap.ts';
import { mergeRuns } from './merge-runs.ts';
import type { Windowing } from './window.ts';
import { cutWindows } from './windows.ts';

/** By time, then by the texts beside it. `frames` are all of one measurement and one set of outermost tags. */
export function mergeByTime(frames: readonly Frame[], ascending: boolean): Frame {
  const filled = frames.filter(({ rows }) => rows > 0);
  if (filled.length === 0) return frames[0];
  if (filled.length === 1) return filled[0];
  const ranks = ranksOf(filled);
  const merged = ranks === null ? null : mergeInRanks(filled, ranks, ascending);
  if (merged !== null) return merged;
  const lengths = filled.map(({ rows }) => rows);
  return inOrder(filled, mergeRows(lengths, timeLess(filled, ranks, ascending)));
}

/** Seconds that can be told apart to the ns in a double. */
const MOST_SEC = 2 ** 53 / 1e9;

/**
 * Frames that all differ in rank, by time and rank: there is one order of their rows, whoever finds it. Null where ranks
 * repeat, or times do not ascend or are too far apart.
 */
function mergeInRanks(frames: readonly Frame[], ranks: Int32Array, ascending: boolean): Frame | null {
  const inRank: Frame[] = [];
  for (let i = 0; i < frames.length; i++) inRank[ranks[i]] = frames[i];
  if (inRank.length !== frames.length) return null;
  if (!ascending) inRank.reverse();
  const starts = new Int32Array(inRank.length + 1);
  for (let i = 0; i < inRank.length; i++) starts[i + 1] = starts[i] + inRank[i].rows;
  const keys = new Float64Array(starts[inRank.length]);
  const baseSec = inRank[0].sec[0];
  const sign = ascending ? 1 : -1;
  for (let i = 0; i < inRank.length; i++) {
    const { rows, sec, nano } = inRank[i];
    let last = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < rows; row++) {
      const past = sec[row] - baseSec;
      const key = sign * (past * 1e9 + nano[row]);
      if (!(key >= last) || !(Math.abs(past) < MOST_SEC - 1)) return null;
      keys[starts[i] + row] = key;
      last = key;
    }
  }
  return gatherFrame(concatFrames(inRank), mergeRuns(keys, starts));
}

function inOrder(frames: readonly Frame[], { input, row }: MergedRows): Frame {
  const offsets = new Int32Array(frames.length);
  for (let i = 1; i < frames.length; i++) offsets[i] = offsets[i - 1] + frames[i - 1].rows;
  const places = new Int32Array(row.length);
  for (let i = 0; i < places.length; i++) places[i] = offsets[input[i]] + row[i];
  return gatherFrame(concatFrames(frames), places);
}

function timeLess(frames: readonly Frame[], ranks: Int32Array | null, ascending: boolean): RowLess {
  const secs = frames.map(({ sec }) => sec);
  const nanos = frames.map(({ nano }) => nano);
  const texts = frames.map(({ aux }) => aux);
  if (ranks !== null) {
    return (a, rowA, b, rowB) => {
      const order = secs[a][rowA] - secs[b][rowB] || nanos[a][rowA] - nanos[b][rowB] || ranks[a] - ranks[b];
      return ascending ? order < 0 : order > 0;
    };
  }
  return (a, rowA, b, rowB) => {
    const order = secs[a][rowA] - secs[b][rowB] || nanos[a][rowA] - nanos[b][rowB];
    if (order !== 0) return ascending ? order < 0 : order > 0;
    return ascending ? textsLess(texts[a], rowA, texts[b], rowB) : textsLess(texts[b], rowB, texts[a], rowA);
  };
}

/**
 * [frame] its place among the frames by the texts beside it, where these are tags: the same in all of its rows. Null where
 * they are not, or some are null, so that rows must be compared.
 */
function ranksOf(frames: readonly Frame[]): Int32Array | null {
  const leading = frames.map(({ aux, rows }) => leadingTexts(aux, rows));
  const tuples: (readonly string[])[] = [];
  for (const tuple of leading) {
    if (tuple === null) return null;
    tuples.push(tuple);
  }
  const compare = (a: number, b: number): number => {
    for (let i = 0; i < tuples[a].length; i++) {
      if (tuples[a][i] !== tuples[b][i]) return compareTexts(tuples[a][i], tuples[b][i]);
    }
    return 0;
  };
  const order = [...tuples.keys()].sort(compare);
  const ranks = new Int32Array(frames.length);
  for (let i = 1; i < order.length; i++) {
    ranks[order[i]] = ranks[order[i - 1]] + (compare(order[i - 1], order[i]) === 0 ? 0 : 1);
  }
  return ranks;
}

/** The texts of the first columns, up to the first that holds none; null when rows differ in them. */
function leadingTexts(aux: readonly ValueColumn[], rows: number): string[] | null {
  const tuple: string[] = [];
  for (const column of aux) {
    if (column.kind !== 'string') return tuple;
    if (column.coded?.texts.length === 1) {
      const [text] = column.coded.texts;
      if (text === null) return null;
      tuple.push(text);
      continue;
    }
    const [text] = column.values;
    if (text === null) return null;
    for (let row = 1; row < rows; row++) if (column.values[row] !== text) return null;
    tuple.push(text);
  }
  return tuple;
}

/** What is no text, or null, ends the comparison: rows are equal then. */
function textsLess(a: readonly ValueColumn[], rowA: number, b: readonly ValueColumn[], rowB: number): boolean {
  for (let i = 0; i < a.length; i++) {
    const left = a[i];
    const right = b[i];
    if (left.kind !== 'string' || right.kind !== 'string') return false;
    const x = left.values[rowA];
    const y = right.values[rowB];
    if (x === null || y === null) return false;
    if (x !== y) return compareTexts(x, y) < 0;
  }
  return false;
}

/** By window: of one window, all points of one frame after all of another. */
export function mergeByWindow(frames: readonly Frame[], windowing: Windowing, ascending: boolean): Frame {
  const filled = frames.filter(({ rows }) => rows > 0);
  if (filled.length === 0) return frames[0];
  if (filled.length === 1) return filled[0];
  const lengths = filled.map(({ rows }) => rows);
  const starts = filled.map((frame) => windowStarts(frame, windowing));
  const less: RowLess = (a, rowA, b, rowB) => {
    const order = starts[a].sec[rowA] - starts[b].sec[rowB] || starts[a].nano[rowA] - starts[b].nano[rowB];
    return ascending ? order < 0 : order > 0;
  };
  const same = (input: number, rowA: number, rowB: number): boolean =>
    starts[input].sec[rowA] === starts[input].sec[rowB] && starts[input].nano[rowA] === starts[input].nano[rowB];
  return inOrder(filled, mergeWindows(lengths, less, same));
}

/** [row] where its window starts. */
function windowStarts(frame: Frame, windowing: Windowing): { sec: Float64Array; nano: Float64Array } {
  const sec = new Float64Array(frame.rows);
  const nano = new Float64Array(frame.rows);
  const { count, lo, hi, startSec, startNano } = cutWindows(frame, windowing, false);
  for (let w = 0; w < count; w++) {
    sec.fill(startSec[w], lo[w], hi[w]);
    nano.fill(startNano[w], lo[w], hi[w]);
  }
  return { sec, nano };
}
