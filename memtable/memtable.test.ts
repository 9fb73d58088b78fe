import { describe, expect, it } from 'vitest';
import { Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { FLOAT, INTEGER, STRING, UNSIGNED } from '../batch/field-type.ts';
import type { Shape } from '../index/shapes.ts';
import { Memtable } from './memtable.ts';
import { readRows } from './read.ts';

const DAY_SEC = 86_400;
const FIELDS = [
  { name: 'f', type: FLOAT },
  { name: 'i', type: INTEGER },
  { name: 'u', type: UNSIGNED },
  { name: 's', type: STRING },
] as const;

/** Shape `id` with the given fields of `FIELDS`. */
function shapeOf(id: number, fields: number[]): Shape {
  return {
    id,
    measurement: 0,
    width: fields.length,
    fields: Int32Array.from(fields),
    names: fields.map((field) => new TextEncoder().encode(FIELDS[field].name)),
    types: Uint8Array.from(fields.map((field) => FIELDS[field].type)),
  };
}

const shapes = [shapeOf(0, [0, 1, 2, 3]), shapeOf(1, [0]), shapeOf(2, [3, 1]), shapeOf(3, [2])];
const plain = shapes.map((shape) => ({
  fields: Array.from(shape.fields, (field) => FIELDS[field].name as string),
  types: shape.types,
}));

type Value = number | bigint | string;

function addRow(batch: Batch, ref: number, shape: number, sec: number, nano: number, values: Value[]): void {
  const start = batch.valueCount;
  batch.reserve(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number') batch.values[start + i] = value;
    else if (typeof value === 'bigint') batch.setBox(start + i, BOX_WIDE, batch.addWide(value));
    else {
      const bytes = new TextEncoder().encode(value);
      batch.setBox(start + i, BOX_STRING, batch.addString(bytes, 0, bytes.length));
    }
  }
  batch.series[batch.rows] = ref;
  batch.shape[batch.rows] = shape;
  batch.sec[batch.rows] = sec;
  batch.nano[batch.rows] = nano;
  batch.valueStart[batch.rows] = start;
  batch.valueCount += values.length;
  batch.rows++;
}

/** Everything of a series in a partition: time → field → value, with wide integers as bigint. */
function contents(
  memtable: Memtable,
  ref: number,
  partition: number,
  fields: string[] | null = null,
  min = 0,
  max = 1e15,
) {
  const slice = readRows(memtable.view(), plain, ref, partition, fields, min, max);
  const rows = new Map<number, Record<string, Value>>();
  if (slice === null) return rows;
  for (let r = 0; r < slice.rows; r++) {
    if (r > 0) expect(slice.times[r]).toBeGreaterThan(slice.times[r - 1]);
    const row: Record<string, Value> = {};
    slice.columns.forEach((column, c) => {
      if (column.present !== null && column.present[r] === 0) return;
      if (column.type === STRING) {
        const bytes = column.stringBytes!.subarray(column.stringOffsets![r], column.stringOffsets![r + 1]);
        row[slice.fields[c]] = new TextDecoder().decode(bytes);
      } else if (column.wide !== null) {
        const wide = column.type === UNSIGNED ? BigInt.asUintN(64, column.wide[r]) : column.wide[r];
        const narrow = Number(wide);
        row[slice.fields[c]] = Number.isSafeInteger(narrow) ? narrow : wide;
      } else row[slice.fields[c]] = column.values[r];
    });
    rows.set(slice.times[r], row);
  }
  return rows;
}

describe('memtable', () => {
  it('keeps every type over the full range', () => {
    const memtable = new Memtable(DAY_SEC);
    const batch = new Batch();
    addRow(batch, 5, 0, 10, 7, [1.5, -9223372036854775808n, 18446744073709551615n, 'ö"x']);
    addRow(batch, 5, 0, 11, 0, [-0, 3, 4, '']);
    memtable.append(batch, shapes, 6);
    const rows = contents(memtable, 5, 0);
    expect(rows.get(10_000_000_007)).toEqual({ f: 1.5, i: -9223372036854775808n, u: 18446744073709551615n, s: 'ö"x' });
    expect(rows.get(11_000_000_000)).toEqual({ f: -0, i: 3, u: 4, s: '' });
  });

  it('keeps the bits of a stale marker', () => {
    const memtable = new Memtable(DAY_SEC);
    const batch = new Batch();
    addRow(batch, 0, 1, 1, 0, [0]);
    batch.bits[0] = 2;
    batch.bits[1] = 0x7ff00000;
    memtable.append(batch, shapes, 1);
    const slice = readRows(memtable.view(), plain, 0, 0, null, 0, 1e15)!;
    expect([...new Uint32Array(slice.columns[0].values.buffer)]).toEqual([2, 0x7ff00000]);
  });

  it('puts negative times into the partition before the epoch', () => {
    const memtable = new Memtable(DAY_SEC);
    const batch = new Batch();
    addRow(batch, 0, 1, -1, 999_999_999, [4]);
    memtable.append(batch, shapes, 1);
    expect([...memtable.partitions.keys()]).toEqual([-1]);
    expect(contents(memtable, 0, -1)).toEqual(new Map([[86_399_999_999_999, { f: 4 }]]));
  });

  it('lets the later row win when shapes that share a field alternate', () => {
    const memtable = new Memtable(DAY_SEC);
    const batch = new Batch();
    addRow(batch, 0, 0, 1, 0, [1, 1, 1, 'a']);
    addRow(batch, 0, 1, 1, 0, [2]);
    addRow(batch, 0, 0, 1, 0, [3, 3, 3, 'c']);
    memtable.append(batch, shapes, 1);
    expect(contents(memtable, 0, 0).get(1e9)).toEqual({ f: 3, i: 3, u: 3, s: 'c' });
  });

  it('costs one series with one row less than 128 bytes', () => {
    const memtable = new Memtable(DAY_SEC, 100_000);
    const batch = new Batch();
    for (let ref = 0; ref < 100_000; ref++) addRow(batch, ref, 1, 1, 0, [ref]);
    memtable.append(batch, shapes, 100_000);
    expect(memtable.bytes / 100_000).toBeLessThan(128);
  });

  it('agrees with a map of maps over random histories', () => {
    for (let seed = 1; seed <= 200; seed++) {
      let state = seed;
      const random = (n: number) => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return (state >>> 8) % n;
      };
      const memtable = new Memtable(DAY_SEC);
      const model = new Map<string, Map<number, Record<string, Value>>>();
      for (let round = 0; round < 5; round++) {
        const batch = new Batch();
        for (let k = random(60); k >= 0; k--) {
          const ref = random(4);
          const shape = random(4);
          const sec = random(3) * DAY_SEC + random(20) - DAY_SEC;
          const values = plain[shape].fields.map((name): Value => {
            if (name === 's') return `text ${random(9)}`;
            if (name === 'f') return random(100) / 4;
            return random(8) === 0 ? 9007199254740995n + BigInt(random(99)) : random(100);
          });
          addRow(batch, ref, shape, sec, 5, values);
          const partition = Math.floor(sec / DAY_SEC);
          const key = `${ref}/${partition}`;
          if (!model.has(key)) model.set(key, new Map());
          const time = (sec - partition * DAY_SEC) * 1e9 + 5;
          const row = model.get(key)!.get(time) ?? {};
          plain[shape].fields.forEach((name, i) => {
            row[name] = values[i];
          });
          model.get(key)!.set(time, row);
        }
        memtable.append(batch, shapes, 4);
      }
      for (const [key, rows] of model) {
        const [ref, partition] = key.split('/').map(Number);
        expect(contents(memtable, ref, partition), `seed ${seed}`).toEqual(
          new Map([...rows].sort((a, b) => a[0] - b[0])),
        );
        const bounded = [...rows].filter(([time, row]) => time >= 5e9 && time <= 12e9 && ('f' in row || 's' in row));
        const picked = bounded.map(([time, row]) => {
          const { i: _i, u: _u, ...rest } = row;
          return [time, rest] as const;
        });
        expect(contents(memtable, ref, partition, ['f', 's'], 5e9, 12e9), `seed ${seed}`).toEqual(
          new Map([...picked].sort((a, b) => a[0] - b[0])),
        );
      }
    }
  });
});
