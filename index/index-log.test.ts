import { describe, expect, test } from 'vitest';
import { FLOAT } from '../batch/field-type.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { IndexLog } from './index-log.ts';
import { hashBytes, SeriesIndex } from './series-index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LOG = 'db/index.log';

const logs = new WeakMap<SeriesIndex, IndexLog>();

/** The log of an index, the same one each time. */
function logOf(index: SeriesIndex): IndexLog {
  const log = logs.get(index) ?? new IndexLog(index);
  logs.set(index, log);
  return log;
}

function newDisk(): MemoryFileSystem {
  const fs = new MemoryFileSystem(7);
  fs.makeDirectory('db');
  return fs;
}

function defineHosts(index: SeriesIndex, from: number, to: number): number[] {
  const refs: number[] = [];
  for (let i = from; i < to; i++) {
    const tags = [`host${i}`, `dc${i % 3}`].map((t) => encoder.encode(t));
    refs.push(
      index.define(encoder.encode(i % 5 === 0 ? 'mem' : 'cpu'), [encoder.encode('host'), encoder.encode('dc')], tags),
    );
  }
  return refs;
}

function noteField(index: SeriesIndex, refs: number[], name: string): void {
  const bytes = encoder.encode(name);
  for (const ref of refs) {
    const root = index.rootShape(index.measurementOf(ref));
    index.noteShape(ref, index.transition(root, bytes, 0, bytes.length, FLOAT).id);
  }
}

function reload(fs: MemoryFileSystem, expectedBytes = 0): SeriesIndex {
  const index = new SeriesIndex();
  logOf(index).load(fs, 'db', expectedBytes);
  return index;
}

/** All there is to know of an index, in a form that compares. */
function describeIndex(index: SeriesIndex): unknown {
  const series: unknown[] = [];
  for (let ref = 0; ref < index.refLimit; ref++) {
    if (!index.isLive(ref)) continue;
    const key = index.seriesKey(ref);
    expect(index.find(key, 0, key.length, hashBytes(key, 0, key.length))).toBe(ref);
    series.push([ref, decoder.decode(key), index.tags(ref), index.measurementName(ref), [...index.fieldsOf(ref)]]);
  }
  return {
    epoch: index.epoch,
    series,
    count: index.seriesCount,
    fields: index.fields.map((f) => [f.id, f.measurement, f.name, f.type]),
    shapes: index.shapes.map((s) => [
      s.id,
      s.measurement,
      [...s.fields],
      s.names.map((n) => decoder.decode(n)),
      [...s.types],
    ]),
    cardinality: index.cardinality(5),
    hosts: index.tagValueNames('host'),
    selected: [...index.select('cpu', [{ key: 'dc', op: '=~', value: 'dc[12]' }])],
  };
}

describe('the index log', () => {
  test('gives back everything as it was, saved at once or bit by bit', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    let refs = defineHosts(index, 0, 100);
    noteField(index, refs, 'a');
    expect(logOf(index).saveDelta(fs, 'db')).toBeGreaterThan(0);
    expect(describeIndex(reload(fs))).toEqual(describeIndex(index));
    refs = refs.concat(defineHosts(index, 100, 150));
    noteField(index, refs.slice(90, 110), 'b');
    index.remove(Int32Array.from(refs.slice(0, 30)));
    logOf(index).saveDelta(fs, 'db');
    expect(describeIndex(reload(fs))).toEqual(describeIndex(index));
    index.releaseRemoved();
    // Refs and value ids of removed series are used again.
    defineHosts(index, 20, 25);
    defineHosts(index, 500, 540);
    logOf(index).saveDelta(fs, 'db');
    const want = describeIndex(index);
    expect(describeIndex(reload(fs))).toEqual(want);
    logOf(index).saveBase(fs, 'db');
    expect(describeIndex(reload(fs))).toEqual(want);
  });

  test('says when there is none, and writes nothing when nothing is new', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    expect(logOf(index).load(fs, 'db')).toEqual({ found: false, series: 0, blocks: 0, sizeBytes: 0, cutBytes: 0 });
    defineHosts(index, 0, 1);
    logOf(index).saveDelta(fs, 'db');
    expect(logOf(index).saveDelta(fs, 'db')).toBe(0);
    expect(logOf(reload(fs)).saveDelta(fs, 'db')).toBe(0);
  });

  test('keeps its epoch; another index has another', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    logOf(index).saveDelta(fs, 'db');
    expect(index.epoch).toMatch(/^[0-9a-f]{16}$/);
    expect(reload(fs).epoch).toBe(index.epoch);
    expect(new SeriesIndex().epoch).not.toBe(index.epoch);
  });

  test('loses a block that was torn, at any byte, and goes on from there', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    defineHosts(index, 0, 20);
    logOf(index).saveDelta(fs, 'db');
    const whole = fs.size(LOG);
    const before = describeIndex(index);
    defineHosts(index, 20, 30);
    logOf(index).saveDelta(fs, 'db');
    const after = describeIndex(index);
    const bytes = fs.readFile(LOG);
    for (let cut = whole; cut < bytes.length; cut++) {
      const torn = newDisk();
      const file = torn.create(LOG);
      file.write(bytes.subarray(0, cut));
      file.close();
      const loaded = new SeriesIndex();
      const report = logOf(loaded).load(torn, 'db');
      expect([report.sizeBytes, report.cutBytes]).toEqual([whole, cut - whole]);
      expect(describeIndex(loaded)).toEqual(before);
      // The write-ahead log still defines them.
      defineHosts(loaded, 20, 30);
      logOf(loaded).saveDelta(torn, 'db');
      expect(describeIndex(reload(torn))).toEqual(after);
    }
  });

  test('finds every flipped bit but in its last block, and there too when told how long it was', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    defineHosts(index, 0, 10);
    logOf(index).saveDelta(fs, 'db');
    const first = fs.size(LOG);
    defineHosts(index, 10, 20);
    logOf(index).saveDelta(fs, 'db');
    const size = fs.size(LOG);
    for (let offset = 0; offset < size; offset++) {
      const bit = offset % 8;
      fs.flipBit(LOG, offset, bit);
      const corrupt = expect.objectContaining({ code: 'corrupt', message: expect.stringContaining(LOG) });
      if (offset < first) expect(() => reload(fs), `byte ${offset}`).toThrow(corrupt);
      else expect(reload(fs).seriesCount).toBe(10);
      expect(() => reload(fs, size), `byte ${offset}`).toThrow(corrupt);
      fs.flipBit(LOG, offset, bit);
    }
    expect(reload(fs, size).seriesCount).toBe(20);
  });

  test('names the offset of the damage', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    defineHosts(index, 0, 10);
    logOf(index).saveDelta(fs, 'db');
    defineHosts(index, 10, 20);
    logOf(index).saveDelta(fs, 'db');
    fs.flipBit(LOG, 60, 0);
    expect(() => reload(fs)).toThrow('cannot read db/index.log: wrong checksum at byte 20');
  });

  test('refuses a version it does not know', () => {
    const fs = newDisk();
    logOf(new SeriesIndex()).saveDelta(fs, 'db');
    fs.flipBit(LOG, 4, 1);
    expect(() => reload(fs)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });

  test('a save that fails is made up for by the next', () => {
    for (const kind of ['write', 'sync', 'create', 'rename', 'syncDirectory'] as const) {
      for (const base of [false, true]) {
        const fs = newDisk();
        const index = new SeriesIndex();
        if (!base) logOf(index).saveDelta(fs, 'db');
        defineHosts(index, 0, 10);
        fs.fail(kind, { code: 'EIO' });
        let failed = false;
        try {
          logOf(index).saveDelta(fs, 'db');
        } catch {
          failed = true;
        }
        expect(failed).toBe(base || kind === 'write' || kind === 'sync');
        fs.heal();
        logOf(index).saveDelta(fs, 'db');
        expect(describeIndex(reload(fs))).toEqual(describeIndex(index));
      }
    }
  });

  test('a full disk in the middle of a block is made up for', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    logOf(index).saveDelta(fs, 'db');
    defineHosts(index, 0, 100);
    fs.capacityBytes = fs.size(LOG) + 50;
    expect(() => logOf(index).saveDelta(fs, 'db')).toThrow();
    fs.capacityBytes = Number.POSITIVE_INFINITY;
    logOf(index).saveDelta(fs, 'db');
    expect(describeIndex(reload(fs))).toEqual(describeIndex(index));
  });

  test('what was saved survives a loss of power, whatever else was under way', () => {
    for (let seed = 0; seed < 30; seed++) {
      const fs = new MemoryFileSystem(seed);
      fs.makeDirectory('db');
      const index = new SeriesIndex();
      defineHosts(index, 0, 50);
      logOf(index).saveDelta(fs, 'db');
      defineHosts(index, 50, 60);
      logOf(index).saveDelta(fs, 'db');
      const saved = logOf(index).sizeBytes;
      defineHosts(index, 60, 100);
      fs.fail('sync', { code: 'EIO' });
      expect(() => (seed % 2 === 0 ? logOf(index).saveDelta(fs, 'db') : logOf(index).saveBase(fs, 'db'))).toThrow();
      fs.heal();
      fs.crash();
      const loaded = reload(fs, saved);
      expect(loaded.seriesCount).toBeGreaterThanOrEqual(60);
      expect(decoder.decode(loaded.seriesKey(59))).toBe(decoder.decode(index.seriesKey(59)));
    }
  });

  test('is written anew once most of it is history, and stays small', () => {
    const fs = newDisk();
    const index = new SeriesIndex();
    let largest = 0;
    for (let generation = 0; generation < 20; generation++) {
      const refs = defineHosts(index, generation * 2000, generation * 2000 + 2000);
      logOf(index).saveDelta(fs, 'db');
      index.remove(Int32Array.from(refs));
      logOf(index).saveDelta(fs, 'db');
      index.releaseRemoved();
      largest = Math.max(largest, fs.size(LOG));
    }
    defineHosts(index, 0, 2000);
    logOf(index).saveBase(fs, 'db');
    expect(largest).toBeLessThan(fs.size(LOG) * 12);
    expect(describeIndex(reload(fs))).toEqual(describeIndex(index));
  });
});
