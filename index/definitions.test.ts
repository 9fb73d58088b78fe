import { describe, expect, test } from 'vitest';
import { FLOAT, INTEGER } from '../batch/field-type.ts';
import { SeriesIndex } from './series-index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function define(index: SeriesIndex, measurement: string, host: string): number {
  return index.define(encoder.encode(measurement), [encoder.encode('host')], [encoder.encode(host)]);
}

function transition(index: SeriesIndex, ref: number, names: string[], type: 0 | 1 = FLOAT) {
  let shape = index.rootShape(index.measurementOf(ref));
  for (const name of names) {
    const bytes = encoder.encode(name);
    shape = index.transition(shape, bytes, 0, bytes.length, type);
  }
  return shape;
}

function keysOf(index: SeriesIndex): [number, string][] {
  const keys: [number, string][] = [];
  for (let ref = 0; ref < index.refLimit; ref++) {
    if (index.isLive(ref)) keys.push([ref, decoder.decode(index.seriesKey(ref))]);
  }
  return keys;
}

describe('definitions', () => {
  test('replayed, they give every series, field and shape the id it had', () => {
    const index = new SeriesIndex();
    const a = define(index, 'cpu', 'a');
    define(index, 'mem', 'ü b');
    const shape = transition(index, a, ['x', 'y'], INTEGER);
    const copy = new SeriesIndex();
    copy.applyDefinitions(index.drainDefinitions() as Uint8Array);
    expect(index.drainDefinitions()).toBeNull();
    define(index, 'cpu', 'b');
    transition(index, a, ['y', 'x'], INTEGER);
    copy.applyDefinitions(index.drainDefinitions() as Uint8Array);
    expect(keysOf(copy)).toEqual(keysOf(index));
    expect(copy.fields).toEqual(index.fields);
    expect(copy.shapes.map((s) => [...s.fields])).toEqual(index.shapes.map((s) => [...s.fields]));
    expect([...copy.shapes[shape.id].types]).toEqual([INTEGER, INTEGER]);
    expect(copy.drainDefinitions()).toBeNull();
  });

  test('many of them are packed', () => {
    const index = new SeriesIndex();
    for (let i = 0; i < 1000; i++) define(index, 'cpu', `a rather long name of a host ${i * 7919}`);
    const payload = index.drainDefinitions() as Uint8Array;
    expect(payload.length).toBeLessThan(20_000);
    const copy = new SeriesIndex();
    copy.applyDefinitions(payload);
    expect(keysOf(copy)).toEqual(keysOf(index));
    expect(() => new SeriesIndex().applyDefinitions(Uint8Array.of(3))).toThrow('version 3 is not known');
  });

  test('replayed twice, they change nothing', () => {
    const index = new SeriesIndex();
    transition(index, define(index, 'cpu', 'a'), ['x']);
    const payload = index.drainDefinitions() as Uint8Array;
    index.applyDefinitions(payload);
    expect(index.seriesCount).toBe(1);
    expect(index.shapes).toHaveLength(3);
    expect(index.drainDefinitions()).toBeNull();
  });

  test('taken back, they come again with what followed', () => {
    const index = new SeriesIndex();
    define(index, 'cpu', 'a');
    index.drainDefinitions();
    index.undrainDefinitions();
    define(index, 'cpu', 'b');
    const copy = new SeriesIndex();
    copy.applyDefinitions(index.drainDefinitions() as Uint8Array);
    expect(keysOf(copy)).toEqual(keysOf(index));
  });

  test('the record wins over what a ref or a key stood for', () => {
    const index = new SeriesIndex();
    const record = (build: (from: SeriesIndex) => void) => {
      const from = new SeriesIndex();
      build(from);
      return from.drainDefinitions() as Uint8Array;
    };
    index.applyDefinitions(record((from) => ['a', 'b'].map((host) => define(from, 'm', host))));
    // Ref 0 is another series now, and b has another ref.
    index.applyDefinitions(record((from) => ['c', 'd', 'b'].map((host) => define(from, 'm', host))));
    expect(keysOf(index)).toEqual([
      [0, 'm,host=c'],
      [1, 'm,host=d'],
      [2, 'm,host=b'],
    ]);
    expect(index.seriesCount).toBe(3);
    expect(index.tagValueNames('host')).toEqual(['b', 'c', 'd']);
  });

  test('refs that the record skips are not given away before they are released', () => {
    const from = new SeriesIndex();
    for (const host of ['a', 'b', 'c']) define(from, 'm', host);
    from.remove(Int32Array.of(0, 1));
    const index = new SeriesIndex();
    index.applyDefinitions(from.drainDefinitions() as Uint8Array);
    expect(keysOf(index)).toEqual([[2, 'm,host=c']]);
    expect(define(index, 'm', 'x')).toBe(3);
    index.releaseRemoved();
    expect(define(index, 'm', 'y')).toBe(0);
  });

  test('a contradiction is damage, not a guess', () => {
    const index = new SeriesIndex();
    transition(index, define(index, 'cpu', 'a'), ['x']);
    const other = new SeriesIndex();
    transition(other, define(other, 'mem', 'a'), ['x']);
    const corrupt = expect.objectContaining({ code: 'corrupt' });
    expect(() => index.applyDefinitions(other.drainDefinitions() as Uint8Array)).toThrow(corrupt);
    // What builds on ids that are not there is damage as well.
    const later = new SeriesIndex();
    transition(later, define(later, 'cpu', 'a'), ['x']);
    later.drainDefinitions();
    transition(later, define(later, 'cpu', 'a'), ['y']);
    const payload = later.drainDefinitions() as Uint8Array;
    expect(() => new SeriesIndex().applyDefinitions(payload)).toThrow(corrupt);
    // Unless the schema alone was told before.
    const told = new SeriesIndex();
    told.applyDefinitions(later.schemaDefinitions());
    told.applyDefinitions(payload);
    expect(told.shapes).toHaveLength(later.shapes.length);
  });

  test('series come back from data files under their refs', () => {
    const index = new SeriesIndex();
    index.restoreSeries(5, encoder.encode('cpu,host=a'));
    index.restoreSeries(2, encoder.encode('cpu,host=b'));
    index.restoreSeries(5, encoder.encode('cpu,host=a'));
    expect(keysOf(index)).toEqual([
      [2, 'cpu,host=b'],
      [5, 'cpu,host=a'],
    ]);
    expect(define(index, 'cpu', 'c')).toBe(6);
  });
});
