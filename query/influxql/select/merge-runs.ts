/** Runs of ascending keys made one, pair by pair: what a heap does with a comparison per level of it, in plain loops. */

/**
 * The order in which rows of all runs ascend; of equal keys those of the earlier run come first.
 * @param keys of all rows, run after run; overwritten
 * @param starts [run + 1] where runs begin
 * @returns places in `keys`
 */
export function mergeRuns(keys: Float64Array, starts: Int32Array): Int32Array {
  const { length } = keys;
  let from: Rows = { keys, places: new Int32Array(length) };
  let to: Rows = { keys: new Float64Array(length), places: new Int32Array(length) };
  for (let i = 0; i < length; i++) from.places[i] = i;
  let bounds = Array.from(starts);
  while (bounds.length > 2) {
    const joined = [0];
    for (let run = 0; run + 1 < bounds.length; run += 2) {
      const end = bounds[Math.min(run + 2, bounds.length - 1)];
      mergePair(from, to, bounds[run], bounds[run + 1], end);
      joined.push(end);
    }
    bounds = joined;
    [from, to] = [to, from];
  }
  return from.places;
}

interface Rows {
  readonly keys: Float64Array;
  readonly places: Int32Array;
}

/** Merges the runs [start, middle) and [middle, end) into the same places of another list. */
function mergePair(from: Rows, to: Rows, start: number, middle: number, end: number): void {
  const { keys, places } = from;
  const { keys: outKeys, places: outPlaces } = to;
  let a = start;
  let b = middle;
  for (let at = start; at < end; at++) {
    const i = b === end || (a < middle && keys[a] <= keys[b]) ? a++ : b++;
    outKeys[at] = keys[i];
    outPlaces[at] = places[i];
  }
}
