import { describe, expect, it } from 'vitest';
import type { RowSlice } from '../batch/column.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { type Random, randomOf, randomSlice, valueText } from '../tsm/random-rows.ts';
import { openTsm } from '../tsm/reader.ts';
import { verifyTsm } from '../tsm/verify.ts';
import { createTsm } from '../tsm/writer.ts';
import { type DeletedRange, mergeFiles } from './merge.ts';

const ALL = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** Series → time → field → value: what a database must remember. */
type Model = Map<number, Map<number, Map<string, string>>>;

function headerOf(cold: boolean, level: number) {
  return { database: 'd', partitionStartSec: 0, partitionDurationSec: 86400, indexEpoch: 'e', level, cold };
}

function apply(model: Model, ref: number, slice: RowSlice): void {
  let series = model.get(ref);
  if (series === undefined) {
    series = new Map();
    model.set(ref, series);
  }
  for (let i = 0; i < slice.rows; i++) {
    slice.fields.forEach((field, f) => {
      const column = slice.columns[f];
      if (column.present !== null && column.present[i] === 0) return;
      let row = series.get(slice.times[i]);
      if (row === undefined) {
        row = new Map();
        series.set(slice.times[i], row);
      }
      row.set(field, valueText(column, i));
    });
  }
}

function textOf(model: Model): string {
  const lines: string[] = [];
  for (const [ref, series] of [...model].sort((a, b) => a[0] - b[0])) {
    for (const [time, row] of [...series].sort((a, b) => a[0] - b[0])) {
      lines.push(`${ref} ${time} ${[...row].sort().join(' ')}`);
    }
  }
  return lines.join('\n');
}

function writeInput(fs: MemoryFileSystem, path: string, random: Random, model: Model, cold: boolean): void {
  const writer = createTsm(fs, path, headerOf(cold, 0));
  const longest = random() < 0.2 ? 3000 : 60;
  let count = 0;
  for (let ref = 0; ref < 30; ref++) {
    if (random() < 0.5 && (ref < 29 || count > 0)) continue;
    const slice = randomSlice(
      random,
      1 + Math.floor(random() ** 3 * longest),
      random() < 0.5 ? 0 : Math.floor(random() * 50) * 1e8,
    );
    writer.addSeries(ref, Buffer.from(`m,host=${ref}`), slice);
    apply(model, ref, slice);
    count++;
  }
  writer.finish();
}

function readModel(fs: MemoryFileSystem, path: string): Model {
  const model: Model = new Map();
  const file = openTsm(fs, path);
  for (const { ref, key, slice } of file.iterate()) {
    expect(Buffer.from(key).toString()).toBe(`m,host=${ref}`);
    apply(model, ref, slice);
  }
  file.close();
  return model;
}

function randomHistory(seed: number): void {
  const random = randomOf(seed);
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/d');
  const inputs = 1 + Math.floor(random() * 4);
  const deletedBefore = Math.floor(random() * (inputs + 1));
  const deleted = new Map<number, DeletedRange[]>();
  const dropped = new Set<number>();
  for (let ref = 0; ref < 30; ref++) {
    if (random() < 0.1) dropped.add(ref);
    if (random() < 0.2) {
      const minOffsetNs = Math.floor(random() * 1e9);
      deleted.set(ref, [{ minOffsetNs, maxOffsetNs: minOffsetNs + Math.floor(random() * 2e9) }]);
    }
  }
  const model: Model = new Map();
  for (let i = 0; i < inputs; i++) {
    // Deletes reach the inputs written before them.
    if (i === deletedBefore) removeDeleted(model, deleted);
    writeInput(fs, `/d/${i}.tsm`, random, model, random() < 0.5);
  }
  if (deletedBefore === inputs) removeDeleted(model, deleted);
  for (const ref of dropped) model.delete(ref);
  const files = Array.from({ length: inputs }, (_, i) => openTsm(fs, `/d/${i}.tsm`));
  const writer = createTsm(fs, '/d/out.tsm', headerOf(random() < 0.5, 1));
  let paced = 0;
  const result = mergeFiles(files, writer, {
    drop: (ref) => dropped.has(ref),
    deleted: (input, ref) => (input < deletedBefore ? (deleted.get(ref) ?? null) : null),
    pace: (bytes) => {
      expect(bytes).toBeGreaterThanOrEqual(paced);
      paced = bytes;
    },
  });
  for (const file of files) file.close();
  if (result.seriesCount === 0) {
    writer.abort();
    expect(textOf(model)).toBe('');
    return;
  }
  writer.finish();
  expect(verifyTsm(fs, '/d/out.tsm')).toEqual([]);
  expect(textOf(readModel(fs, '/d/out.tsm'))).toBe(textOf(model));
}

function removeDeleted(model: Model, deleted: Map<number, DeletedRange[]>): void {
  for (const [ref, ranges] of deleted) {
    const series = model.get(ref);
    if (series === undefined) continue;
    for (const time of [...series.keys()]) {
      if (ranges.some((range) => time >= range.minOffsetNs && time <= range.maxOffsetNs)) series.delete(time);
    }
  }
}

describe('merging', () => {
  it('gives what a naive model remembers', () => {
    for (let seed = 1; seed <= 40; seed++) {
      try {
        randomHistory(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });

  it('copies row groups of a cold file that late rows do not touch', () => {
    const fs = new MemoryFileSystem();
    fs.makeDirectory('/d');
    const rowsFor = (ref: number, from: number, rows: number): RowSlice => ({
      rows,
      times: Float64Array.from({ length: rows }, (_, i) => from + i * 1e9 + ((i * 7919) % 1000)),
      fields: ['v'],
      columns: [
        {
          type: 0,
          rows,
          values: Float64Array.from({ length: rows }, (_, i) => Math.sin(ref + i)),
          wide: null,
          stringOffsets: null,
          stringBytes: null,
          present: null,
        },
      ],
    });
    const cold = createTsm(fs, '/d/cold.tsm', headerOf(true, 1));
    for (let ref = 0; ref < 10; ref++) cold.addSeries(ref, Buffer.from(`m,host=${ref}`), rowsFor(ref, 0, 2000));
    cold.finish();
    const late = createTsm(fs, '/d/late.tsm', headerOf(false, 0));
    late.addSeries(4, Buffer.from('m,host=4'), rowsFor(4, 500, 50));
    late.finish();
    const before = readModel(fs, '/d/cold.tsm');
    apply(before, 4, rowsFor(4, 500, 50));
    const writer = createTsm(fs, '/d/out.tsm', headerOf(true, 2));
    const result = mergeFiles([openTsm(fs, '/d/cold.tsm'), openTsm(fs, '/d/late.tsm')], writer);
    writer.finish();
    expect(result).toEqual({ seriesCount: 10, groupsCopied: 9 });
    expect(verifyTsm(fs, '/d/out.tsm')).toEqual([]);
    expect(textOf(readModel(fs, '/d/out.tsm'))).toBe(textOf(before));
    // Copies keep their statistics, and share the times that they shared.
    const out = openTsm(fs, '/d/out.tsm');
    expect(out.blocks(3, 'v')[0].statistics).toEqual(openTsm(fs, '/d/cold.tsm').blocks(3, 'v')[0].statistics);
    expect(out.meta.sizeBytes).toBeLessThan(fs.size('/d/cold.tsm') * 1.2);
  });

  it('has statistics that say what the block holds', () => {
    const fs = new MemoryFileSystem();
    const values = Float64Array.from({ length: 500 }, (_, i) => (i * 3) % 100);
    const writer = createTsm(fs, '/s.tsm', headerOf(false, 0));
    writer.addSeries(0, Buffer.from('m'), {
      rows: 500,
      times: Float64Array.from(values.keys(), (i) => i * 1e9),
      fields: ['v', 'w'],
      columns: [
        { type: 0, rows: 500, values, wide: null, stringOffsets: null, stringBytes: null, present: null },
        {
          type: 0,
          rows: 500,
          values: values.map((v) => (v === 42 ? Number.NaN : v)),
          wide: null,
          stringOffsets: null,
          stringBytes: null,
          present: null,
        },
      ],
    });
    writer.finish();
    const file = openTsm(fs, '/s.tsm');
    let correction = 0;
    for (let i = 1; i < 500; i++) if (values[i] < values[i - 1]) correction += values[i - 1];
    const sum = values.reduce((a, b) => a + b, 0);
    expect(file.blocks(0, 'v')[0].statistics).toEqual({
      min: 0,
      max: 99,
      first: 0,
      last: values[499],
      sum,
      correction,
      whole: true,
    });
    // A NaN makes them unusable.
    expect(file.blocks(0, 'w')[0].statistics).toBe(null);
    expect(file.read(0, ['v'], ...ALL)!.rows).toBe(500);
  });
});
