/**
 * A column of small integers, decoded, in one or two bytes a value. Sums and extremes of many of its values are had from
 * those of runs of RUN values, which are made when somebody first asks; only the ends of a range are looked at one by one.
 */

const RUN_SHIFT = 5;
const RUN = 1 << RUN_SHIFT;

/** The values of so many rows sum up to 31 bits at most. */
const MOST_SUMMED_ROWS = 65_536;

/** What is known of each run. */
interface Runs {
  /** [run + 1] the sum of all values before it. */
  readonly sums: Int32Array;
  readonly smallest: Int16Array;
  readonly largest: Int16Array;
}

export class SmallColumn {
  readonly rows: number;
  /** One of them holds the values. */
  private readonly bytes: Uint8Array | null;
  private readonly shorts: Int16Array | null;
  private runs: Runs | null = null;

  /** Of `values[at, at + rows)`; null when some value does not fit, as -0 does not. */
  static of(values: Float64Array, at: number, rows: number): SmallColumn | null {
    const bytes = bytesOf(values, at, rows);
    if (bytes !== null) return new SmallColumn(rows, bytes, null);
    const shorts = shortsOf(values, at, rows);
    return shorts === null ? null : new SmallColumn(rows, null, shorts);
  }

  private constructor(rows: number, bytes: Uint8Array | null, shorts: Int16Array | null) {
    this.rows = rows;
    this.bytes = bytes;
    this.shorts = shorts;
  }

  /** Of the values, and of the runs whether they are made or not. */
  get byteLength(): number {
    return (this.bytes ?? this.shorts!).byteLength + (this.rows >> RUN_SHIFT) * 8;
  }

  at(row: number): number {
    return this.bytes !== null ? this.bytes[row] : this.shorts![row];
  }

  /** Copies the values `from … to - 1` to `out[at …]`. */
  copy(from: number, to: number, out: Float64Array, at: number): void {
    if (this.bytes !== null) copyBytes(this.bytes, from, to, out, at);
    else copyShorts(this.shorts!, from, to, out, at);
  }

  /** Copies the values of the rows `places[from, to)` to `out[at …]`. */
  gather(places: Int32Array, from: number, to: number, out: Float64Array, at: number): void {
    if (this.bytes !== null) gatherBytes(this.bytes, places, from, to, out, at);
    else gatherShorts(this.shorts!, places, from, to, out, at);
  }

  /** The sum of the values `from … to - 1`. */
  sum(from: number, to: number): number {
    if (to - from <= 2 * RUN || this.rows > MOST_SUMMED_ROWS) return this.plainSum(from, to);
    this.runs ??= this.makeRuns();
    const { sums } = this.runs;
    const first = from >> RUN_SHIFT;
    const last = to >> RUN_SHIFT;
    const before = this.plainSum(first << RUN_SHIFT, from);
    return sums[last] - sums[first] - before + this.plainSum(last << RUN_SHIFT, to);
  }

  /** The smallest of the values `from … to - 1`, of which there are some. */
  smallest(from: number, to: number): number {
    return -this.most(from, to, -1);
  }

  /** The largest of the values `from … to - 1`, of which there are some. */
  largest(from: number, to: number): number {
    return this.most(from, to, 1);
  }

  /** The largest value times `sign`. */
  private most(from: number, to: number, sign: number): number {
    if (to - from <= 2 * RUN) return this.plainMost(from, to, sign);
    this.runs ??= this.makeRuns();
    const first = (from + RUN - 1) >> RUN_SHIFT;
    const last = to >> RUN_SHIFT;
    const ofRuns = mostOfShorts(sign > 0 ? this.runs.largest : this.runs.smallest, first, last, sign);
    const before = this.plainMost(from, first << RUN_SHIFT, sign);
    return Math.max(ofRuns, before, this.plainMost(last << RUN_SHIFT, to, sign));
  }

  private plainSum(from: number, to: number): number {
    return this.bytes !== null ? sumOfBytes(this.bytes, from, to) : sumOfShorts(this.shorts!, from, to);
  }

  private plainMost(from: number, to: number, sign: number): number {
    return this.bytes !== null ? mostOfBytes(this.bytes, from, to, sign) : mostOfShorts(this.shorts!, from, to, sign);
  }

  private makeRuns(): Runs {
    const count = this.rows >> RUN_SHIFT;
    const runs = {
      sums: new Int32Array(count + 1),
      smallest: new Int16Array(count),
      largest: new Int16Array(count),
    };
    for (let run = 0; run < count; run++) {
      const from = run << RUN_SHIFT;
      const to = from + RUN;
      runs.sums[run + 1] = runs.sums[run] + this.plainSum(from, to);
      runs.smallest[run] = -this.plainMost(from, to, -1);
      runs.largest[run] = this.plainMost(from, to, 1);
    }
    return runs;
  }
}

// A loop per array type, as one that meets both is several times slower.

function copyBytes(values: Uint8Array, from: number, to: number, out: Float64Array, at: number): void {
  for (let i = from, o = at; i < to; i++, o++) out[o] = values[i];
}

function copyShorts(values: Int16Array, from: number, to: number, out: Float64Array, at: number): void {
  for (let i = from, o = at; i < to; i++, o++) out[o] = values[i];
}

function gatherBytes(
  values: Uint8Array,
  places: Int32Array,
  from: number,
  to: number,
  out: Float64Array,
  at: number,
): void {
  for (let i = from, o = at; i < to; i++, o++) out[o] = values[places[i]];
}

function gatherShorts(
  values: Int16Array,
  places: Int32Array,
  from: number,
  to: number,
  out: Float64Array,
  at: number,
): void {
  for (let i = from, o = at; i < to; i++, o++) out[o] = values[places[i]];
}

function sumOfBytes(values: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  return sum;
}

function sumOfShorts(values: Int16Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  return sum;
}

/** Below all values. */
const NONE = -(2 ** 16);

function mostOfBytes(values: Uint8Array, from: number, to: number, sign: number): number {
  let most = NONE;
  for (let i = from; i < to; i++) {
    const value = sign * values[i];
    if (value > most) most = value;
  }
  return most;
}

function mostOfShorts(values: Int16Array, from: number, to: number, sign: number): number {
  let most = NONE;
  for (let i = from; i < to; i++) {
    const value = sign * values[i];
    if (value > most) most = value;
  }
  return most;
}

/** Null when some value does not fit; -0 does not. */
function bytesOf(values: Float64Array, at: number, rows: number): Uint8Array | null {
  const small = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    const v = values[at + i];
    small[i] = v;
    if (small[i] !== v || (v === 0 && 1 / v < 0)) return null;
  }
  return small;
}

function shortsOf(values: Float64Array, at: number, rows: number): Int16Array | null {
  const small = new Int16Array(rows);
  for (let i = 0; i < rows; i++) {
    const v = values[at + i];
    small[i] = v;
    if (small[i] !== v || (v === 0 && 1 / v < 0)) return null;
  }
  return small;
}
