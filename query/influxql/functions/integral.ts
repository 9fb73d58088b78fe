/**
 * integral(): the area under a sequence of points by the trapezium rule, per window.
 *
 * At the end of a window the area is cut at its bound, where the value is interpolated; the rest counts for the window of
 * the next point, however many empty ones lie between. Of several points at one time the last counts. A window whose only
 * point lies on its start has no area and gives no row.
 *
 * Oddities of influxd are kept: for integers the slice after a bound is computed with the interpolated value as its end and
 * the point before the bound as its start; with ORDER BY time DESC a window is begun anew by a point on its start, and rows
 * carry the end of their window; without GROUP BY time floats answer at the epoch, integers at the begin of the time range.
 */
import type { NumberColumn } from '../result.ts';
import { doublesOf } from './column.ts';
import { nsBetween } from './elapsed-time.ts';
import type { CallOptions, Points, StreamKernel, StreamResult, WindowBounds, Windows } from './kernel.ts';
import { floatColumn } from './stream.ts';

/** The start of a time range without a lower bound, which rows show as the epoch. */
const LEAST_SEC = -9223372037;
const LEAST_NANO = 145224194;

interface Rows {
  readonly values: number[];
  readonly sec: number[];
  readonly nano: number[];
}

export const integralKernel: StreamKernel = (points, windows, options) => {
  const rows: Rows = { values: [], sec: [], nano: [] };
  const isFloat = points.values.kind === 'float';
  if (windows === null || windows.bounds === null || (isFloat && options.intervalNs === 0)) {
    wholeArea(points, options, rows);
  } else {
    areas(points, windows, windows.bounds, options, rows);
  }
  return finish(rows);
};

function finish(rows: Rows): StreamResult {
  return {
    length: rows.values.length,
    values: floatColumn(Float64Array.from(rows.values), rows.values.length),
    sec: Float64Array.from(rows.sec),
    nano: Float64Array.from(rows.nano),
  };
}

function emit(rows: Rows, value: number, sec: number, nano: number): void {
  rows.values.push(value);
  rows.sec.push(sec);
  rows.nano.push(nano);
}

/** One row at the epoch, which a single point gives too unless it is at the epoch itself. */
function wholeArea(points: Points, options: CallOptions, rows: Rows): void {
  if (points.length === 0) return;
  const values = doublesOf(points.values as NumberColumn, points.length);
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    const elapsedNs = nsBetween(points.sec[i - 1]!, points.nano[i - 1]!, points.sec[i]!, points.nano[i]!);
    if (elapsedNs === 0) continue;
    sum += 0.5 * (values[i]! + values[i - 1]!) * (elapsedNs / options.unitNs);
  }
  const last = points.length - 1;
  if (points.sec[last] !== 0 || points.nano[last] !== 0) emit(rows, sum, 0, 0);
}

function areas(points: Points, windows: Windows, bounds: WindowBounds, options: CallOptions, rows: Rows): void {
  const column = points.values as NumberColumn;
  const isFloat = column.kind === 'float';
  const values = doublesOf(column, points.length);
  // The near and far bounds of a window in the direction of the query.
  const near = options.ascending ? 'start' : 'end';
  const far = options.ascending ? 'end' : 'start';
  const secOf = { start: bounds.startSec, end: bounds.endSec };
  const nanoOf = { start: bounds.startNano, end: bounds.endNano };
  const forward = options.ascending ? 1 : -1;
  let window = -1;
  let next = 0;
  let sum = 0;
  let sec = 0;
  let nano = 0;
  let value = 0;
  for (let i = 0; i < points.length; i++) {
    while (next < windows.count && i >= windows.hi[next]!) next++;
    const pointSec = points.sec[i]!;
    const pointNano = points.nano[i]!;
    if (window < 0) window = next;
    else if (pointSec !== sec || pointNano !== nano) {
      let end = values[i]!;
      const farSec = secOf[far][window]!;
      const farNano = nanoOf[far][window]!;
      if (nsBetween(farSec, farNano, pointSec, pointNano) * forward >= 0) {
        const toBoundNs = nsBetween(sec, nano, farSec, farNano);
        if (toBoundNs !== 0) {
          const slope = (values[i]! - value) / nsBetween(sec, nano, pointSec, pointNano);
          const atBound = slope * toBoundNs + value;
          sum += 0.5 * (atBound + value) * (toBoundNs / options.unitNs);
          sec = farSec;
          nano = farNano;
          if (isFloat) value = atBound;
          else end = atBound;
        }
        emit(rows, sum, secOf[near][window]!, nanoOf[near][window]!);
        window = next;
        sum = 0;
      }
      sum += 0.5 * (end + value) * (nsBetween(sec, nano, pointSec, pointNano) / options.unitNs);
    }
    sec = pointSec;
    nano = pointNano;
    value = values[i]!;
  }
  if (window < 0) return;
  const startSec = secOf[near][window]!;
  const startNano = nanoOf[near][window]!;
  if (startSec === LEAST_SEC && startNano === LEAST_NANO) {
    if (sec !== 0 || nano !== 0) emit(rows, sum, 0, 0);
  } else if (sec !== startSec || nano !== startNano) emit(rows, sum, startSec, startNano);
}
