import { describe, expect, it } from 'vitest';
import type { RowSlice } from '../batch/column.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { createDecodeCache } from './decode-cache.ts';
import { type Random, randomOf, randomSlice, rowTexts } from './random-rows.ts';
import { openTsm } from './reader.ts';
import { verifyTsm } from './verify.ts';
import { createTsm } from './writer.ts';

const PATH = '/data/file.tsm';
const ALL = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

type Model = Map<number, RowSlice[]>;

function headerOf(cold: boolean) {
  return {
    database: 'metrics',
    partitionStartSec: 86400 * 19000,
    partitionDurationSec: 86400,
    indexEpoch: 'epoch-1',
    level: 1,
    cold,
  };
}

function keyOf(ref: number): Buffer {
  return Buffer.from(`m\\ ${ref % 3},host=h${ref}`);
}

function writeRandom(fs: MemoryFileSystem, random: Random, cold: boolean, seriesCount: number, longest: number): Model {
  fs.makeDirectory('/data');
  const model: Model = new Map();
  const writer = createTsm(fs, PATH, headerOf(cold));
  let ref = Math.floor(random() * 5);
  for (let s = 0; s < seriesCount; s++) {
    ref += 1 + (random() < 0.3 ? Math.floor(random() * 1000) : 0);
    const slices: RowSlice[] = [];
    let after = Math.floor(random() * 1e9);
    for (let parts = random() < 0.2 ? 3 : 1; parts > 0; parts--) {
      const slice = randomSlice(random, 1 + Math.floor(random() ** 5 * longest), after);
      after = slice.times[slice.rows - 1];
      slices.push(slice);
      writer.addSeries(ref, keyOf(ref), slice);
    }
    model.set(ref, slices);
  }
  writer.finish();
  return model;
}

function compare(fs: MemoryFileSystem, random: Random, model: Model): void {
  const file = openTsm(fs, PATH);
  expect([...file.refs]).toEqual([...model.keys()]);
  let rows = 0;
  for (const [ref, slices] of model) {
    const first = slices[0];
    const last = slices[slices.length - 1];
    const middle = first.times[Math.floor(random() * first.rows)];
    const trials: [string[] | null, number, number][] = [
      [null, ...ALL],
      [['load'], ...ALL],
      [['up', 'state'], middle, last.times[last.rows - 1] - 1],
      [['none'], ...ALL],
    ];
    for (const [fields, min, max] of trials) {
      const want = slices.flatMap((slice) => rowTexts(slice, fields, min, max));
      const got = file.read(ref, fields, min, max);
      expect(got === null ? [] : rowTexts(got, null, ...ALL)).toEqual(want);
    }
    rows += slices.reduce((sum, slice) => sum + slice.rows, 0);
    for (const name of ['load', 'bytes']) {
      const want = slices.flatMap((slice) => rowTexts(slice, [name], ...ALL));
      const got = file.blocks(ref, name).flatMap((block) => {
        const { times, column } = block.read();
        expect(times[0]).toBe(block.minOffsetNs);
        expect(times[times.length - 1]).toBe(block.maxOffsetNs);
        return rowTexts({ rows: times.length, times, fields: [name], columns: [column] }, null, ...ALL);
      });
      expect(got).toEqual(want);
    }
    if (!model.has(ref + 1)) expect(file.read(ref + 1, null, ...ALL)).toBe(null);
  }
  expect(file.meta.rows).toBe(rows);
  expect([...file.keys()].map(({ ref, key }) => `${ref} ${Buffer.from(key)}`)).toEqual(
    [...model.keys()].map((ref) => `${ref} ${keyOf(ref)}`),
  );
  // Sparse columns may leave a short series without any value: its key stays, its rows do not.
  const withRows = [...model.keys()].filter((ref) =>
    model.get(ref)!.some((slice) => rowTexts(slice, null, ...ALL).length > 0),
  );
  const wanted = Int32Array.from(
    [...model.keys()].flatMap((ref) => (random() < 0.5 ? [ref, ref + 1] : [])).sort((a, b) => a - b),
  );
  const many: number[] = [];
  file.readMany(new Int32Array(new Set(wanted)), null, ...ALL, (ref) => many.push(ref));
  expect(many).toEqual([...new Set(wanted)].filter((ref) => withRows.includes(ref)));
  expect([...file.iterate()].map(({ ref }) => ref)).toEqual(withRows);
  expect(verifyTsm(fs, PATH)).toEqual([]);
  file.close();
}

describe('files against a naive model', () => {
  it('read back what was written, whatever it was', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomOf(seed);
      const fs = new MemoryFileSystem();
      try {
        const model = writeRandom(
          fs,
          random,
          seed % 2 === 0,
          seed % 20 === 0 ? 4 : 1 + Math.floor(random() ** 2 * 120),
          seed % 20 === 0 ? 40000 : 600,
        );
        compare(fs, random, model);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
});

/** All that can be read of a file, as text. */
function everything(fs: MemoryFileSystem): string {
  const file = openTsm(fs, PATH);
  const { path: _, ...meta } = file.meta;
  const series = [...file.iterate()].map(
    ({ ref, key, slice }) => `${ref} ${Buffer.from(key)} ${rowTexts(slice, null, ...ALL).join(';')}`,
  );
  file.close();
  return JSON.stringify([meta, series]);
}

/** Damage must be found by the check, and reading must give the truth or say that it cannot. */
function expectDetected(fs: MemoryFileSystem, truth: string, what: string): void {
  const problems = verifyTsm(fs, PATH);
  if (problems.length === 0) expect.fail(`${what} was not detected`);
  try {
    if (everything(fs) !== truth) expect.fail(`${what} changed what is read`);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'corrupt')) throw error;
    expect(error.message).toContain(PATH);
  }
}

function overwrite(fs: MemoryFileSystem, bytes: Uint8Array): void {
  const file = fs.create(PATH);
  file.write(bytes);
  file.close();
}

describe('damage', () => {
  for (const cold of [false, true]) {
    it(`is found at every byte and every length of a small ${cold ? 'cold' : 'hot'} file`, () => {
      const fs = new MemoryFileSystem();
      writeRandom(fs, randomOf(11), cold, 5, 40);
      const sound = fs.readFile(PATH).slice();
      const truth = everything(fs);
      for (let at = 0; at < sound.length; at++) {
        const damaged = sound.slice();
        damaged[at] ^= 1 << (at % 8);
        overwrite(fs, damaged);
        expectDetected(fs, truth, `a flipped bit of byte ${at}`);
      }
      for (let length = 0; length < sound.length; length++) {
        overwrite(fs, sound.subarray(0, length));
        expectDetected(fs, truth, `a cut to ${length} bytes`);
      }
      expect(sound.length).toBeLessThan(8000);
    });
  }

  it('in one row group of a larger file leaves the other series readable', () => {
    const fs = new MemoryFileSystem();
    fs.makeDirectory('/data');
    const random = randomOf(5);
    const writer = createTsm(fs, PATH, headerOf(false));
    for (let ref = 0; ref < 20; ref++) {
      const times = Float64Array.from({ length: 2000 }, (_, i) => i * 1e9);
      const values = Float64Array.from({ length: 2000 }, () => random());
      const column = {
        type: 0 as const,
        rows: 2000,
        values,
        wide: null,
        stringOffsets: null,
        stringBytes: null,
        present: null,
      };
      writer.addSeries(ref, keyOf(ref), { rows: 2000, times, fields: ['v'], columns: [column] });
    }
    writer.finish();
    const bytes = fs.readFile(PATH).slice();
    bytes[bytes.length >> 1] ^= 4;
    overwrite(fs, bytes);
    const file = openTsm(fs, PATH);
    let lost = 0;
    for (let ref = 0; ref < 20; ref++) {
      try {
        expect(file.read(ref, null, ...ALL)?.rows).toBe(2000);
      } catch (error) {
        expect((error as VarveError).code).toBe('corrupt');
        lost++;
      }
    }
    expect(lost).toBe(1);
    const problems = verifyTsm(fs, PATH);
    expect(problems).toHaveLength(1);
    expect(problems[0].refs).toHaveLength(1);
  });
});

describe('a cache that reuses arrays', () => {
  it('gives the same rows, valid until the next read', () => {
    const fs = new MemoryFileSystem();
    const model = writeRandom(fs, randomOf(21), true, 40, 3000);
    const file = openTsm(fs, PATH);
    const cache = createDecodeCache(1 << 20, true);
    for (const [ref, slices] of model) {
      const got = file.read(ref, null, ...ALL, cache);
      const want = slices.flatMap((slice) => rowTexts(slice, null, ...ALL));
      expect(got === null ? [] : rowTexts(got, null, ...ALL)).toEqual(want);
    }
    file.close();
  });
});

describe('the writer', () => {
  it('leaves nothing behind when it gives up, and nothing under the name before it is complete', () => {
    const fs = new MemoryFileSystem();
    fs.makeDirectory('/data');
    const writer = createTsm(fs, PATH, headerOf(false));
    writer.addSeries(1, keyOf(1), randomSlice(randomOf(1), 100, 0));
    expect(fs.exists(PATH)).toBe(false);
    writer.abort();
    expect(fs.list('/data')).toEqual([]);
  });

  it('stores times that many series share once', () => {
    const random = randomOf(2);
    const times = new Float64Array(2000);
    for (let i = 1; i < 2000; i++) times[i] = times[i - 1] + 1 + Math.floor(random() * 1e9);
    const sizeOf = (seriesCount: number): number => {
      const fs = new MemoryFileSystem();
      fs.makeDirectory('/data');
      const writer = createTsm(fs, PATH, headerOf(false));
      for (let ref = 0; ref < seriesCount; ref++) {
        const values = new Float64Array(2000).fill(ref);
        const column = {
          type: 1 as const,
          rows: 2000,
          values,
          wide: null,
          stringOffsets: null,
          stringBytes: null,
          present: null,
        };
        writer.addSeries(ref, keyOf(ref), { rows: 2000, times: times.slice(), fields: ['v'], columns: [column] });
      }
      return writer.finish().sizeBytes;
    };
    expect(sizeOf(20) - sizeOf(1)).toBeLessThan(19 * 60);
  });
});
