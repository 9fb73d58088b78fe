/**
 * The naive model that random histories are held against: nested maps of values as text.
 *
 * 1. A value that was acknowledged must be found, exactly, until it is overwritten, deleted or past its retention.
 * 2. One that was written and not acknowledged is found while the process lives. After a crash it may be there or not,
 *    and what is found then is the truth from there on.
 * 3. Rows of a delete that failed are in doubt: they may be gone at once, or come to be so by the next start.
 * 4. Nothing else may ever be found.
 */

/** A value as text; of doubles the bits, so that −0 and NaN payloads count. */
export type Value = string;

/** time in ns → field → value. */
export type Rows = Map<bigint, Map<string, Value>>;

interface Write {
  key: string;
  time: bigint;
  values: Map<string, Value>;
}

/** What may differ from the truth in a check. */
export interface Allowance {
  /** Whether rows of that time may have been dropped by retention. */
  isExpired(database: string, time: bigint): boolean;
  /** Whether a value was in a file that was reported as lost. */
  isLost?(database: string, series: string, time: bigint, field: string): boolean;
  /** Whether the process died since the last acknowledgement. */
  crashed?: boolean;
}

export class Model {
  private readonly truth = new Map<string, Rows>();
  /** Every value that a cell ever had. */
  private readonly ever = new Map<string, Map<bigint, Map<string, Set<Value>>>>();
  private pending: Write[] = [];
  private doubts: { key: string; min: bigint; max: bigint }[] = [];

  /** A row was written, and is not acknowledged yet. */
  write(database: string, series: string, time: bigint, values: Map<string, Value>): void {
    const key = keyOf(database, series);
    this.pending.push({ key, time, values });
    for (const [field, value] of values) {
      const cells = nested(
        nested(this.ever, key, newMap<bigint, Map<string, Set<Value>>>),
        time,
        newMap<string, Set<Value>>,
      );
      nested(cells, field, () => new Set<Value>()).add(value);
    }
  }

  /** All that was written is acknowledged. */
  settle(): void {
    for (const { key, time, values } of this.pending) putRow(this.rowsOf(key), time, values);
    this.pending = [];
  }

  /** Rows between two times, inclusive, were deleted. */
  delete(database: string, series: string, min: bigint, max: bigint): void {
    const rows = this.rowsOf(keyOf(database, series));
    for (const time of rows.keys()) if (time >= min && time <= max) rows.delete(time);
  }

  /** A delete failed: after the next start its rows are there or not. */
  doubt(database: string, series: string, min: bigint, max: bigint): void {
    this.doubts.push({ key: keyOf(database, series), min, max });
  }

  /** A database is gone, with every row that it ever had. */
  forget(database: string): void {
    const isOf = (key: string) => key.startsWith(keyOf(database, ''));
    for (const map of [this.truth, this.ever]) for (const key of map.keys()) if (isOf(key)) map.delete(key);
    this.pending = this.pending.filter(({ key }) => !isOf(key));
    this.doubts = this.doubts.filter(({ key }) => !isOf(key));
  }

  /** Series of a database with rows, written or in doubt. */
  seriesOf(database: string): string[] {
    const prefix = keyOf(database, '');
    const keys = new Set([...this.truth.keys(), ...this.pending.map((write) => write.key)]);
    return [...keys].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /** Compares the rows found of one series. Returns what differs, or null. */
  differences(database: string, series: string, found: Rows, allow: Allowance): string | null {
    const key = keyOf(database, series);
    const want = this.expected(key);
    const at = (time: bigint, field: string) => `${key} at ${time} ${field}`;
    for (const time of new Set([...want.keys(), ...found.keys()])) {
      const expired = allow.isExpired(database, time);
      const wanted = want.get(time);
      const actual = found.get(time);
      for (const field of new Set([...(wanted?.keys() ?? []), ...(actual?.keys() ?? [])])) {
        const value = actual?.get(field);
        if (value === wanted?.get(field)) continue;
        const known = this.ever.get(key)?.get(time)?.get(field);
        if (value !== undefined && known?.has(value) !== true) return `${at(time, field)}: ${value} was never written`;
        if (expired || allow.isLost?.(database, series, time, field) === true) continue;
        if (value === undefined && this.isInDoubt(key, time)) continue;
        if (allow.crashed === true && this.maySurvive(key, time, field, value)) continue;
        return `${at(time, field)}: ${value ?? 'nothing'} instead of ${wanted?.get(field) ?? 'nothing'}`;
      }
    }
    return null;
  }

  /** After a start: what is found of what was pending or in doubt is the truth. */
  adopt(find: (database: string, series: string) => Rows): void {
    const times = new Map<string, Set<bigint>>();
    for (const { key, time } of this.pending) nested(times, key, () => new Set<bigint>()).add(time);
    for (const { key, min, max } of this.doubts) {
      for (const time of this.rowsOf(key).keys())
        if (time >= min && time <= max) nested(times, key, () => new Set<bigint>()).add(time);
    }
    this.pending = [];
    this.doubts = [];
    for (const [key, some] of times) {
      const found = find(...(key.split(SEPARATOR) as [string, string]));
      const rows = this.rowsOf(key);
      for (const time of some) {
        const row = found.get(time);
        if (row === undefined) rows.delete(time);
        else rows.set(time, new Map(row));
      }
    }
  }

  /** Whether a crash can have left this value, or none, of a cell. */
  private maySurvive(key: string, time: bigint, field: string, value: Value | undefined): boolean {
    const acknowledged = this.truth.get(key)?.get(time)?.get(field);
    if (value === undefined) return acknowledged === undefined;
    if (value === acknowledged) return true;
    return this.pending.some((write) => write.key === key && write.time === time && write.values.get(field) === value);
  }

  private isInDoubt(key: string, time: bigint): boolean {
    return this.doubts.some((doubt) => doubt.key === key && time >= doubt.min && time <= doubt.max);
  }

  private rowsOf(key: string): Rows {
    return nested(this.truth, key, newMap<bigint, Map<string, Value>>);
  }

  /** What a living process must show: the truth, and what is pending on top of it. */
  private expected(key: string): Rows {
    const rows = this.rowsOf(key);
    const writes = this.pending.filter((write) => write.key === key);
    if (writes.length === 0) return rows;
    const copy: Rows = new Map([...rows].map(([time, row]) => [time, new Map(row)]));
    for (const { time, values } of writes) putRow(copy, time, values);
    return copy;
  }
}

const SEPARATOR = '|';

/** What rows of a series are found by; neither name has the separator. */
function keyOf(database: string, series: string): string {
  return `${database}${SEPARATOR}${series}`;
}

function putRow(rows: Rows, time: bigint, values: Map<string, Value>): void {
  const row = nested(rows, time, newMap<string, Value>);
  for (const [field, value] of values) row.set(field, value);
}

function newMap<K, V>(): Map<K, V> {
  return new Map<K, V>();
}

function nested<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
