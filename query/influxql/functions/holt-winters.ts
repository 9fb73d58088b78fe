/**
 * holt_winters(), holt_winters_with_fit(): forecasts by exponential smoothing with a damped trend and, when the season has
 * two intervals or more, multiplicative seasons (Hyndman and Athanasopoulos, Forecasting, chapter 7).
 *
 * 1. Put the points on a grid of intervals; missing ones are NaN.
 * 2. Guess level, trend and seasons from the first values.
 * 3. From 16 combinations of the four smoothing parameters search for the least squared error of fitting (nelder-mead.ts).
 * 4. Run the recurrences with the best parameters, N intervals beyond the data.
 *
 * The search is chaotic: another order of operations gives other digits, so it is that of influxd.
 *
 * It can take minutes, and grows with the square of the season, so it is done in steps and has limits, which influxd has not.
 */

import { VarveError } from '../../../errors/errors.ts';
import { exponentOfLast, fractionOf, scale } from '../../go-math/float-bits.ts';
import type { NumberColumn } from '../result.ts';
import { doublesOf } from './column.ts';
import type { CallOptions, Points, SteppedKernel, StreamKernel, StreamResult } from './kernel.ts';
import { findMinimum } from './nelder-mead.ts';
import { floatColumn } from './stream.ts';

const EPSILON = 1e-4;
const FIRST_GUESSES: readonly number[] = [0.3, 0.7];
/** Where the parameters lie: α, β, γ, φ, level, trend, then the seasons. */
const LEVEL = 4;
const TREND = 5;
const SEASONS = 6;

/** Intervals of data and of forecast together. */
const MOST_INTERVALS = 1_000_000;
/** The simplex of the longest season takes 32 MB. */
const LONGEST_SEASON = 2_000;

/** The kernel in steps. @param withFit the answer begins with what the model makes of the data. */
export function holtWintersSteps(withFit: boolean): SteppedKernel {
  return (points, options) => predict(points, options, withFit);
}

/** A kernel in steps as one without. */
export function inOneGo(steps: SteppedKernel): StreamKernel {
  return (points, _windows, options) => {
    const run = steps(points, options);
    for (;;) {
      const { done, value } = run.next();
      if (done === true) return value;
    }
  };
}

function instantNs(points: Points, index: number): bigint {
  return BigInt(points.sec[index]!) * 1_000_000_000n + BigInt(points.nano[index]!);
}

/** To the nearest multiple of the interval; the division cuts towards zero. */
function roundTime(ns: bigint, interval: bigint): bigint {
  const whole = ns / interval;
  return (ns % interval > interval / 2n ? whole + 1n : whole) * interval;
}

/** @throws VarveError bad_request beyond the limits. */
function* predict(points: Points, options: CallOptions, withFit: boolean): Generator<void, StreamResult> {
  if (options.season > LONGEST_SEASON) throw tooLarge('season', options.season, LONGEST_SEASON);
  const season = options.season < 2 ? 0 : options.season;
  if (points.length < 2 || points.length < season || options.count <= 0) return rowsFrom(0n, 0n, [], 0);
  const interval = BigInt(options.intervalNs);
  const intervals = (instantNs(points, points.length - 1) - instantNs(points, 0)) / interval + BigInt(options.count);
  if (intervals > MOST_INTERVALS) throw tooLarge('interval', intervals, MOST_INTERVALS);
  const grid = onGrid(points, interval);
  if (grid === null) return rowsFrom(0n, 0n, [], 0);
  const model: Model = { grid, season };
  const forecast = run(model, yield* bestParameters(model), options.count);
  if (withFit) return rowsFrom(instantNs(points, 0), interval, forecast, 0);
  return rowsFrom(instantNs(points, points.length - 1) + interval, interval, forecast, grid.length);
}

function tooLarge(what: string, found: number | bigint, most: number): VarveError {
  return new VarveError('bad_request', `holt_winters ${what} limit exceeded: (${found}/${most})`);
}

/** The forecast from an index on, at a time each, without NaN. */
function rowsFrom(start: bigint, interval: bigint, forecast: ArrayLike<number>, from: number): StreamResult {
  const values: number[] = [];
  const sec: number[] = [];
  const nano: number[] = [];
  for (let i = from; i < forecast.length; i++) {
    if (Number.isNaN(forecast[i]!)) continue;
    const ns = start + interval * BigInt(i - from);
    const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    values.push(forecast[i]!);
    sec.push(Number((ns - nanos) / 1_000_000_000n));
    nano.push(Number(nanos));
  }
  return {
    length: values.length,
    values: floatColumn(Float64Array.from(values), values.length),
    sec: Float64Array.from(sec),
    nano: Float64Array.from(nano),
  };
}

/** One value per interval from the first point to the last, NaN where there is none; null when all are in one interval. */
function onGrid(points: Points, interval: bigint): Float64Array | null {
  const values = doublesOf(points.values as NumberColumn, points.length);
  let time = roundTime(instantNs(points, 0), interval);
  if (roundTime(instantNs(points, points.length - 1), interval) <= time) return null;
  const grid = [values[0]!];
  for (let i = 1; i < points.length; i++) {
    const rounded = roundTime(instantNs(points, i), interval);
    // The first point of an interval stays.
    if (rounded <= time) continue;
    for (time += interval; time !== rounded; time += interval) grid.push(Number.NaN);
    grid.push(values[i]!);
  }
  return Float64Array.from(grid);
}

interface Model {
  readonly grid: Float64Array;
  /** 0: no seasons. */
  readonly season: number;
}

function firstParameters({ grid, season }: Model): Float64Array {
  const parameters = new Float64Array(SEASONS + season);
  let level = 0;
  let trend = 0;
  if (season === 0) {
    level = 0.5 * grid[0]!;
    if (!Number.isNaN(grid[1]!)) trend = 0.5 * (grid[1]! - grid[0]!);
  }
  for (let i = 0; i < season; i++) {
    if (!Number.isNaN(grid[i]!)) level += (1 / season) * grid[i]!;
  }
  for (let i = 0; i < season && season + i < grid.length; i++) {
    const change = grid[season + i]! - grid[i]!;
    if (!Number.isNaN(change)) trend += (1 / (season * season)) * change;
  }
  parameters[LEVEL] = level;
  parameters[TREND] = trend;
  for (let i = 0; i < season; i++) parameters[SEASONS + i] = Number.isNaN(grid[i]!) ? 0 : grid[i]! / level;
  return parameters;
}

function* bestParameters(model: Model): Generator<void, Float64Array> {
  const start = firstParameters(model);
  let best: Float64Array | null = null;
  let leastError = Number.POSITIVE_INFINITY;
  const errorOf = (parameters: Float64Array): number => squaredError(model, parameters);
  for (let guess = 0; guess < 16; guess++) {
    for (let i = 0; i < 4; i++) start[i] = FIRST_GUESSES[(guess >> (3 - i)) & 1]!;
    const minimum = yield* findMinimum(errorOf, start, EPSILON);
    if (minimum.value < leastError || best === null) {
      leastError = minimum.value;
      best = minimum.parameters;
    }
  }
  return best!;
}

function squaredError(model: Model, parameters: Float64Array): number {
  const { grid } = model;
  const fitted = run(model, parameters, 0);
  let error = 0;
  for (let i = 0; i < grid.length; i++) {
    if (Number.isNaN(grid[i]!)) continue;
    if (Number.isNaN(fitted[i]!)) return Number.POSITIVE_INFINITY;
    const difference = fitted[i]! - grid[i]!;
    error += difference * difference;
  }
  return error;
}

/**
 * The recurrences over the data and `ahead` intervals more. Changes the parameters: the smoothing ones are pulled into
 * 0 … 1, and the seasons are a ring in which each is replaced when it comes round.
 */
function run({ grid, season }: Model, parameters: Float64Array, ahead: number): Float64Array {
  for (let i = 0; i < 4; i++) {
    if (parameters[i]! > 1) parameters[i] = 1;
    if (parameters[i]! < 0) parameters[i] = 0;
  }
  const alpha = parameters[0]!;
  const beta = parameters[1]!;
  const gamma = parameters[2]!;
  const phi = parameters[3]!;
  const seasons = parameters.subarray(SEASONS);
  const length = grid.length + ahead;
  const phiTo = wholePowers(phi, length);
  const out = new Float64Array(length);
  let y = grid[0]!;
  let level = parameters[LEVEL]!;
  let trend = parameters[TREND]!;
  let phiSum = phi;
  let offset = season - 1;
  let past = 1;
  let future = 1;
  out[0] = y;
  for (let t = 1; t < length; t++) {
    if (season > 0) {
      past = seasons[(t - season + offset) % season]!;
      future = seasons[(t - season + (t % season) + offset) % season]!;
    }
    const lastLevel = level;
    const lastTrend = trend;
    level = alpha * (y / past) + (1 - alpha) * (lastLevel + phi * lastTrend);
    trend = beta * (level - lastLevel) + (1 - beta) * phi * lastTrend;
    const seasonal = gamma * (y / (lastLevel + phi * lastTrend)) + (1 - gamma) * past;
    y = (level + phiSum * trend) * future;
    phiSum += phiTo(t);
    if (season > 0) {
      seasons[(t + offset) % season] = seasonal;
      offset++;
    }
    out[t] = y;
  }
  return out;
}

/** power(base, t) of go-math.ts for whole t from 1 to `most`, with the repeated squares computed once. */
function wholePowers(base: number, most: number): (t: number) => number {
  if (base === 0 || base === 1 || Number.isNaN(base)) return () => base;
  const bits = 32 - Math.clz32(most);
  const squares = new Float64Array(bits);
  const exponents = new Int32Array(bits);
  let square = fractionOf(base);
  let exponent = exponentOfLast();
  for (let bit = 0; bit < bits; bit++) {
    squares[bit] = square;
    exponents[bit] = Math.max(exponent, -5000);
    square *= square;
    exponent *= 2;
    if (square < 0.5) {
      square += square;
      exponent--;
    }
  }
  return (t) => {
    if (t === 1) return base;
    let mantissa = 1;
    let sum = 0;
    for (let bit = 0, left = t; left !== 0; bit++, left >>= 1) {
      if ((left & 1) === 0) continue;
      mantissa *= squares[bit]!;
      sum += exponents[bit]!;
    }
    return scale(mantissa, sum);
  };
}
