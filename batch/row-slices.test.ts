import { describe, expect, it } from 'vitest';
import type { Column, RowSlice } from './column.ts';
import { FLOAT, INTEGER, STRING } from './field-type.ts';
import { cutRows, mergeSlices } from './row-slices.ts';

type Value = number | bigint | string;
type Model = Map<number, Record<string, Value>>;

/** A slice that says what the model says. */
function sliceOf(model: Model): RowSlice {
  const rows = [...model].sort((a, b) => a[0] - b[0]);
  const names = [...new Set(rows.flatMap(([, row]) => Object.keys(row)))];
  const columns = names.map((name): Column => {
    const cells = rows.map(([, row]) => row[name]);
    const present = cells.some((cell) => cell === undefined)
      ? Uint8Array.from(cells, (c) => (c === undefined ? 0 : 1))
      : null;
    const column: Column = {
      type: name === 's' ? STRING : name === 'i' ? INTEGER : FLOAT,
      rows: rows.length,
      values: new Float64Array(0),
      wide: null,
      stringOffsets: null,
      stringBytes: null,
      present,
    };
    if (name === 's') {
      const encoded = cells.map((cell) => new TextEncoder().encode((cell as string) ?? ''));
      column.stringOffsets = new Int32Array(rows.length + 1);
      encoded.forEach((bytes, i) => {
        column.stringOffsets![i + 1] = column.stringOffsets![i] + bytes.length;
      });
      column.stringBytes = new Uint8Array(Buffer.concat(encoded));
    } else if (cells.some((cell) => typeof cell === 'bigint')) {
      column.wide = BigInt64Array.from(cells, (cell) => BigInt((cell as number | bigint) ?? 0));
    } else column.values = Float64Array.from(cells, (cell) => (cell as number) ?? 0);
    return column;
  });
  return { rows: rows.length, times: Float64Array.from(rows, ([time]) => time), fields: names, columns };
}

function modelOf(slice: RowSlice | null): Model {
  const model: Model = new Map();
  for (let r = 0; r < (slice?.rows ?? 0); r++) {
    const row: Record<string, Value> = {};
    slice!.columns.forEach((column, c) => {
      if (column.present !== null && column.present[r] === 0) return;
      if (column.stringOffsets !== null) {
        row[slice!.fields[c]] = new TextDecoder().decode(
          column.stringBytes!.subarray(column.stringOffsets[r], column.stringOffsets[r + 1]),
        );
      } else if (column.wide !== null) {
        const value = column.wide[r];
        row[slice!.fields[c]] = Number.isSafeInteger(Number(value)) ? Number(value) : value;
      } else row[slice!.fields[c]] = column.values[r];
    });
    model.set(slice!.times[r], row);
  }
  return model;
}

describe('row slices', () => {
  it('merge and cut as a map does', () => {
    for (let seed = 1; seed <= 500; seed++) {
      let state = seed;
      const random = (n: number) => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return (state >>> 8) % n;
      };
      const models: Model[] = Array.from({ length: 1 + random(4) }, () => {
        const model: Model = new Map();
        for (let k = random(12); k >= 0; k--) {
          const row: Record<string, Value> = {};
          if (random(2) === 0) row.f = random(10);
          if (random(2) === 0) row.i = random(5) === 0 ? 9007199254740993n : random(10);
          if (random(2) === 0 || Object.keys(row).length === 0) row.s = `x${random(100)}`;
          model.set(random(30), row);
        }
        return model;
      });
      const want: Model = new Map();
      for (const model of models) for (const [time, row] of model) want.set(time, { ...want.get(time), ...row });
      const merged = mergeSlices(models.map(sliceOf));
      expect(modelOf(merged), `seed ${seed}`).toEqual(want);
      expect([...merged.times], `seed ${seed}`).toEqual([...want.keys()].sort((a, b) => a - b));
      const min = random(30);
      const max = min + random(10);
      const outside = [...want].filter(([time]) => time < min || time > max);
      expect(modelOf(cutRows(merged, min, max)), `seed ${seed}`).toEqual(new Map(outside));
    }
  });

  it('keep the bits of a signalling NaN', () => {
    const slice = sliceOf(new Map([[1, { f: 0 }]]));
    new Uint32Array(slice.columns[0].values.buffer).set([2, 0x7ff00000]);
    const merged = mergeSlices([slice, sliceOf(new Map([[1, { i: 1 }]])), sliceOf(new Map([[0, { f: 1 }]]))]);
    const values = merged.columns[merged.fields.indexOf('f')].values;
    expect([...new Uint32Array(values.buffer)].slice(2)).toEqual([2, 0x7ff00000]);
  });
});
