/** Cuts frames into windows: runs of rows whose times lie between the bounds of one. */
import { boundOf, nsOf } from './time.ts';
import { type TimeWindow, type Windowing, windowOf } from './window.ts';

/** Windows with rows, in the order of the rows. */
export interface CutWindows {
  readonly count: number;
  /** [window] rows lo … hi − 1. */
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  /** [window] its bounds, the end exclusive. */
  readonly startSec: Float64Array;
  readonly startNano: Float64Array;
  readonly endSec: Float64Array;
  readonly endNano: Float64Array;
}

interface Times {
  readonly rows: number;
  readonly sec: Float64Array;
  readonly nano: Float64Array;
}

/** A window as pairs, as rows are compared with it. */
interface PairWindow {
  readonly startSec: number;
  readonly startNano: number;
  readonly endSec: number;
  readonly endNano: number;
}

function pairsOf({ startNs, endNs }: TimeWindow): PairWindow {
  const start = boundOf(startNs);
  const end = boundOf(endNs);
  return { startSec: start.sec, startNano: start.nano, endSec: end.sec, endNano: end.nano };
}

const LARGEST_KEPT = 4096;

/** Windows found before, by where they start: series after series falls into the same ones. */
const keptBy = new WeakMap<Windowing, Map<number, PairWindow>>();

function windowAt(windowing: Windowing, sec: number, nano: number): PairWindow {
  const { durationNs, offsetNs } = windowing.interval;
  if (durationNs === 0n || durationNs % 1_000_000_000n !== 0n || offsetNs % 1_000_000_000n !== 0n) {
    return pairsOf(windowOf(windowing, nsOf(sec, nano)));
  }
  let kept = keptBy.get(windowing);
  if (kept === undefined) {
    kept = new Map();
    keptBy.set(windowing, kept);
  }
  // Bounds are at whole seconds then, so that the second decides; zones shift by whole minutes at the coarsest, of late.
  const key = Math.floor(
    (sec - Number(offsetNs / 1_000_000_000n)) / Math.min(900, Number(durationNs / 1_000_000_000n)),
  );
  const known = kept.get(key);
  if (known !== undefined && contains(known, sec, nano)) return known;
  const found = pairsOf(windowOf(windowing, nsOf(sec, nano)));
  if (kept.size >= LARGEST_KEPT) kept.clear();
  kept.set(key, found);
  return found;
}

function contains({ startSec, startNano, endSec, endNano }: PairWindow, sec: number, nano: number): boolean {
  if (sec < startSec || (sec === startSec && nano < startNano)) return false;
  return sec < endSec || (sec === endSec && nano < endNano);
}

/**
 * @param strict A row that lies in no window ends the frame: a subquery's windows may begin before the time range of the
 * statement around it, and InfluxDB stops there. Otherwise it counts to the window that it would begin.
 */
export function cutWindows({ rows, sec, nano }: Times, windowing: Windowing, strict: boolean): CutWindows {
  const lo: number[] = [];
  const hi: number[] = [];
  const windows: PairWindow[] = [];
  for (let row = 0; row < rows; ) {
    const window = windowAt(windowing, sec[row], nano[row]);
    if (strict && !contains(window, sec[row], nano[row])) break;
    const first = row++;
    while (row < rows && contains(window, sec[row], nano[row])) row++;
    lo.push(first);
    hi.push(row);
    windows.push(window);
  }
  return {
    count: windows.length,
    lo: Int32Array.from(lo),
    hi: Int32Array.from(hi),
    startSec: Float64Array.from(windows, (window) => window.startSec),
    startNano: Float64Array.from(windows, (window) => window.startNano),
    endSec: Float64Array.from(windows, (window) => window.endSec),
    endNano: Float64Array.from(windows, (window) => window.endNano),
  };
}
