/**
 * Random histories of a database against a naive model of it: what the tests of the engine are made of.
 *
 * The model is nested maps. A value that was acknowledged must be there; one that was written but not acknowledged
 * before a crash may be there or not, and what is found then becomes the truth. Nothing else may ever be found.
 */
import { Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import type { RowSlice } from '../batch/column.ts';
import { BOOLEAN, type FieldType, FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';
import { Random } from '../bytes/random.ts';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { type Engine, openEngine } from './engine.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

type Value = string;
/** time in ns → field → value as text. */
type Rows = Map<bigint, Map<string, Value>>;

const FIELDS: { name: string; type: FieldType }[] = [
  { name: 'f', type: FLOAT },
  { name: 'i', type: INTEGER },
  { name: 'u', type: UNSIGNED },
  { name: 'b', type: BOOLEAN },
  { name: 's', type: STRING },
];
const DATABASES = ['default', 'other'];
const SERIES = 6;
const DAY_SEC = 86_400;
const START_MS = 20 * DAY_SEC * 1000;
const RETENTION_DAYS = 12;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const float = new Float64Array(1);
const floatWords = new Uint32Array(float.buffer);

/** The exact bits of a double as text, so that −0 and NaN payloads count. */
function floatText(value: number): string {
  float[0] = value;
  return `${floatWords[1].toString(16)}:${floatWords[0].toString(16)}`;
}

interface Write {
  database: string;
  series: number;
  time: bigint;
  values: Map<string, Value>;
}

/** One engine, its model, and the steps a history is made of. */
export class History {
  readonly fs: MemoryFileSystem;
  readonly clock = new ManualClock(START_MS);
  readonly random: Random;
  readonly steps: string[] = [];
  private engine!: Engine;
  private readonly truth = new Map<string, Rows>();
  /** Written since the last acknowledgement. */
  private pending: Write[] = [];
  private readonly batch = new Batch();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.fs = new MemoryFileSystem(seed);
  }

  async open(): Promise<void> {
    this.engine = await openEngine({
      dataDir: '/data',
      fs: this.fs,
      clock: this.clock,
      inline: true,
      flushIntervalMs: 0,
      maintenanceIntervalMs: 0,
      walSegmentBytes: 4096,
      retentionMs: RETENTION_DAYS * DAY_SEC * 1000,
    });
  }

  private rows(database: string, series: number): Rows {
    const key = `${database}/${series}`;
    let rows = this.truth.get(key);
    if (rows === undefined) {
      rows = new Map();
      this.truth.set(key, rows);
    }
    return rows;
  }

  /** One random step. */
  async step(): Promise<void> {
    const choice = this.random.below(100);
    if (choice < 55) await this.write();
    else if (choice < 67) await this.did('flush', () => this.engine.flush());
    else if (choice < 77) await this.did('maintain', () => this.engine.maintenance.run());
    else if (choice < 82) await this.did('restart', () => this.restart());
    else if (choice < 87) await this.did('kill', async () => this.crash(() => this.fs.kill()));
    else if (choice < 93) await this.did('power loss', async () => this.crash(() => this.fs.crash()));
    else if (choice < 96) await this.did('a day goes by', async () => this.clock.advance(DAY_SEC * 1000));
    else await this.did('delete', () => this.delete());
  }

  private async did(what: string, action: () => Promise<void>): Promise<void> {
    this.steps.push(what);
    await action();
  }

  private async write(): Promise<void> {
    const database = this.random.pick(DATABASES);
    const target = this.engine.createDatabase(database);
    const { index } = target;
    this.batch.reset();
    const writes: Write[] = [];
    for (let n = 1 + this.random.below(20); n > 0; n--) {
      const series = this.random.below(SERIES);
      const ref = index.define(encoder.encode('m'), [encoder.encode('n')], [encoder.encode(String(series))]);
      const day = this.random.chance(0.8) ? 0 : this.random.below(8);
      const nowSec = Math.floor(this.clock.nowMs() / 1000);
      const sec = nowSec - day * DAY_SEC - this.random.below(50);
      const nano = this.random.chance(0.9) ? 0 : 123_456_789;
      const values = new Map<string, Value>();
      let shape = index.rootShape(index.measurementOf(ref));
      const fields = FIELDS.filter(() => this.random.chance(0.5));
      if (fields.length === 0) fields.push(FIELDS[0]);
      if (this.random.chance(0.2)) fields.reverse();
      for (const { name, type } of fields) {
        const bytes = encoder.encode(name);
        shape = index.transition(shape, bytes, 0, bytes.length, type);
      }
      const start = this.batch.valueCount;
      this.batch.reserve(fields.length);
      for (const [i, { name, type }] of fields.entries()) values.set(name, this.putValue(start + i, type));
      this.batch.valueStart[this.batch.rows] = start;
      this.batch.series[this.batch.rows] = ref;
      this.batch.shape[this.batch.rows] = shape.id;
      this.batch.sec[this.batch.rows] = sec;
      this.batch.nano[this.batch.rows] = nano;
      this.batch.valueCount += fields.length;
      this.batch.rows++;
      writes.push({ database, series, time: BigInt(sec) * 1_000_000_000n + BigInt(nano), values });
    }
    const lsn = this.engine.commit(target, this.batch);
    this.pending.push(...writes);
    const wait = this.random.chance(0.8);
    this.steps.push(`write ${writes.length} rows to ${database}${wait ? '' : ', not waited for'}`);
    if (!wait) return;
    await this.engine.durable(lsn);
    this.settle();
  }

  /** Puts a random value into a slot of the batch; returns its text. */
  private putValue(slot: number, type: FieldType): Value {
    const { batch, random } = this;
    if (type === FLOAT) {
      const specials = [-0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 0.1, 1e300];
      const value = random.chance(0.2) ? random.pick(specials) : random.below(1000) / 8;
      batch.values[slot] = value;
      if (random.chance(0.05)) {
        batch.bits[2 * slot] = 2;
        batch.bits[2 * slot + 1] = 0x7ff00000;
        return '7ff00000:2';
      }
      return floatText(value);
    }
    if (type === BOOLEAN) {
      batch.values[slot] = random.below(2);
      return String(batch.values[slot]);
    }
    if (type === STRING) {
      const text = `text ${'ä'.repeat(random.below(5))} ${random.below(10)}`;
      const bytes = encoder.encode(text);
      batch.setBox(slot, BOX_STRING, batch.addString(bytes, 0, bytes.length));
      return text;
    }
    if (random.chance(0.1)) {
      const wide = type === UNSIGNED ? 18446744073709551615n - BigInt(random.below(9)) : -9223372036854775808n;
      batch.setBox(slot, BOX_WIDE, batch.addWide(wide));
      return String(wide);
    }
    batch.values[slot] = random.below(200);
    return String(batch.values[slot]);
  }

  /** All pending writes are acknowledged: they are the truth. */
  private settle(): void {
    for (const { database, series, time, values } of this.pending) {
      const rows = this.rows(database, series);
      const row = rows.get(time) ?? new Map<string, Value>();
      for (const [field, value] of values) row.set(field, value);
      rows.set(time, row);
    }
    this.pending = [];
  }

  private async restart(): Promise<void> {
    await this.engine.close();
    this.settle();
    await this.open();
  }

  private async crash(lose: () => void): Promise<void> {
    lose();
    this.fs.remove('/data/LOCK');
    await this.open();
    this.adopt();
  }

  private async delete(): Promise<void> {
    const name = this.random.pick(DATABASES);
    const database = this.engine.database(name);
    if (database === undefined) return;
    const series = this.random.below(SERIES);
    const ref = database.index.define(encoder.encode('m'), [encoder.encode('n')], [encoder.encode(String(series))]);
    const nowSec = Math.floor(this.clock.nowMs() / 1000);
    const from = { sec: nowSec - this.random.below(3 * DAY_SEC), nano: 0 };
    const to = { sec: from.sec + this.random.below(2 * DAY_SEC), nano: 5 };
    await this.engine.deleteRows(database, Int32Array.of(ref), from, to);
    this.settle();
    const min = BigInt(from.sec) * 1_000_000_000n;
    const max = BigInt(to.sec) * 1_000_000_000n + 5n;
    const rows = this.rows(name, series);
    for (const time of rows.keys()) if (time >= min && time <= max) rows.delete(time);
  }

  /** After a crash: each pending value is there or not, or an older one is; take over what is found. */
  private adopt(): void {
    const allowed = new Map<string, Set<Value>>();
    for (const { database, series, time, values } of this.pending) {
      for (const [field, value] of values) {
        const key = `${database}/${series}/${time}/${field}`;
        if (!allowed.has(key)) allowed.set(key, new Set());
        allowed.get(key)!.add(value);
      }
    }
    for (const { database, series, time, values } of this.pending) {
      const found = this.find(database, series);
      for (const field of values.keys()) {
        const value = found.get(time)?.get(field);
        if (value === undefined || !allowed.get(`${database}/${series}/${time}/${field}`)!.has(value)) continue;
        const rows = this.rows(database, series);
        const row = rows.get(time) ?? new Map<string, Value>();
        row.set(field, value);
        rows.set(time, row);
      }
    }
    this.pending = [];
  }

  /** Compares everything. Returns what differs, or null. */
  check(): string | null {
    if (this.pending.length > 0) return null;
    const oldest = BigInt(this.clock.nowMs() - RETENTION_DAYS * DAY_SEC * 1000) * 1_000_000n;
    for (const database of DATABASES) {
      for (let series = 0; series < SERIES; series++) {
        const found = this.find(database, series);
        const want = this.rows(database, series);
        for (const [time, row] of want) {
          const actual = found.get(time);
          // What is past the retention may be gone, as a whole.
          if (actual === undefined && time < oldest) continue;
          for (const [field, value] of row) {
            if (actual?.get(field) !== value) {
              return `${database} series ${series} at ${time} ${field}: ${actual?.get(field)} instead of ${value}`;
            }
          }
          if (actual!.size !== row.size) return `${database} series ${series} at ${time}: fields that were not written`;
        }
        for (const time of found.keys()) {
          if (!want.has(time)) return `${database} series ${series} at ${time}: a row that was not written`;
        }
      }
    }
    return null;
  }

  /** All rows the engine has of a series. */
  private find(name: string, series: number): Rows {
    const found: Rows = new Map();
    const database = this.engine.database(name);
    if (database === undefined) return found;
    const refs = database.index.select('m', [{ key: 'n', op: '=', value: String(series) }]);
    for (const ref of refs) {
      for (const { startSec, slice } of database.reader(MIN_INSTANT, MAX_INSTANT).read(ref, null)) {
        for (let r = 0; r < slice.rows; r++) {
          found.set(BigInt(startSec) * 1_000_000_000n + BigInt(slice.times[r]), rowOf(slice, r));
        }
      }
    }
    return found;
  }

  async end(): Promise<void> {
    await this.engine.close();
  }
}

function rowOf(slice: RowSlice, r: number): Map<string, Value> {
  const row = new Map<string, Value>();
  slice.columns.forEach((column, c) => {
    if (column.present !== null && column.present[r] === 0) return;
    let value: Value;
    if (column.stringOffsets !== null) {
      value = decoder.decode(column.stringBytes!.subarray(column.stringOffsets[r], column.stringOffsets[r + 1]));
    } else if (column.wide !== null) {
      value = String(column.type === UNSIGNED ? BigInt.asUintN(64, column.wide[r]) : column.wide[r]);
    } else if (column.type === FLOAT) {
      const words = new Uint32Array(column.values.buffer, column.values.byteOffset, column.values.length * 2);
      value = `${words[2 * r + 1].toString(16)}:${words[2 * r].toString(16)}`;
    } else value = String(column.values[r]);
    row.set(slice.fields[c], value);
  });
  return row;
}
