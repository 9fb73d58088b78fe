/**
 * Values while a query is evaluated. An instant vector over the whole step grid is a list of columns: per series one
 * value per step, and a byte per step that tells whether there is one. A scalar is a column without gaps.
 *
 * A series of these columns holds floats. Native histograms would be a second, optional column here; until there is one,
 * selecting them is an error.
 */
import type { Labels } from './labels.ts';

/** The evaluation times: startMs, startMs + stepMs, …, `count` of them. stepMs is at least 1. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
  /** Where the range ends, which the last step may not reach. */
  readonly endMs: number;
}

export function gridEndMs(grid: Grid): number {
  return grid.startMs + (grid.count - 1) * grid.stepMs;
}

export function gridOf(startMs: number, endMs: number, stepMs: number): Grid {
  const step = Math.max(1, stepMs);
  return { startMs, stepMs: step, count: endMs < startMs ? 0 : Math.floor((endMs - startMs) / step) + 1, endMs };
}

export interface SeriesColumn {
  labels: Labels;
  /** The metric's name, type and unit are to be dropped at the end (delayed name removal). */
  dropName: boolean;
  /** One value per step; meaningless where `present` is 0. */
  values: Float64Array;
  /** 1 where the series has a value. */
  present: Uint8Array;
  /** How many steps are present; never 0 in a finished vector. */
  presentCount: number;
}

export interface VectorValue {
  readonly kind: 'vector';
  series: SeriesColumn[];
}

export interface ScalarValue {
  readonly kind: 'scalar';
  readonly values: Float64Array;
}

export interface StringValue {
  readonly kind: 'string';
  readonly value: string;
}

/** Raw points per series: the result of a bare range selector or subquery. */
export interface MatrixValue {
  readonly kind: 'matrix';
  readonly series: PointSeries[];
}

export interface PointSeries {
  labels: Labels;
  dropName: boolean;
  times: Float64Array;
  values: Float64Array;
  /** Parallel start timestamps, 0: unknown; null when none are known. */
  startTimes: Float64Array | null;
}

export type Value = VectorValue | ScalarValue | StringValue | MatrixValue;

export function newColumn(labels: Labels, dropName: boolean, stepCount: number): SeriesColumn {
  if (stepCount > SHORT_STEPS) {
    return {
      labels,
      dropName,
      values: new Float64Array(stepCount),
      present: new Uint8Array(stepCount),
      presentCount: 0,
    };
  }
  if (blockUsed + stepCount > BLOCK_STEPS) {
    blockValues = new Float64Array(BLOCK_STEPS);
    blockPresent = new Uint8Array(BLOCK_STEPS);
    blockUsed = 0;
  }
  const from = blockUsed;
  blockUsed += stepCount;
  return {
    labels,
    dropName,
    values: blockValues.subarray(from, blockUsed),
    present: blockPresent.subarray(from, blockUsed),
    presentCount: 0,
  };
}

/** Short columns are cut from blocks: of a million series, each array's own memory would weigh more than its values. */
const SHORT_STEPS = 16;
const BLOCK_STEPS = 4096;
let blockValues = new Float64Array(0);
let blockPresent = new Uint8Array(0);
let blockUsed = BLOCK_STEPS;

export function countPresent(present: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < present.length; i++) count += present[i]!;
  return count;
}

const STALE_HIGH = 0x7ff00000;
const STALE_LOW = 2;

/**
 * A view on the words of a column for isStaleAt. The bits are looked at, never the number: arithmetic, and even copying
 * through a register, may change the payload of a NaN.
 */
export function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

/** Whether sample i is a stale marker. Little-endian words, as on every platform Node runs on. */
export function isStaleAt(words: Uint32Array, i: number): boolean {
  return words[2 * i] === STALE_LOW && words[2 * i + 1] === STALE_HIGH;
}

/** Writes a stale marker without going through a number. */
export function setStaleAt(words: Uint32Array, i: number): void {
  words[2 * i] = STALE_LOW;
  words[2 * i + 1] = STALE_HIGH;
}
