import { describe, expect, test } from 'vitest';
import { FLOAT, INTEGER, STRING } from '../batch/field-type.ts';
import { hashBytes, SeriesIndex } from './series-index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

function define(index: SeriesIndex, measurement: string, tags: Record<string, string> = {}): number {
  return index.define(bytes(measurement), Object.keys(tags).map(bytes), Object.values(tags).map(bytes));
}

function find(index: SeriesIndex, key: string): number {
  const raw = bytes(`##${key}##`);
  return index.find(raw, 2, raw.length - 2, hashBytes(raw, 2, raw.length - 2));
}

function transition(index: SeriesIndex, from: ReturnType<SeriesIndex['rootShape']>, name: string, type: 0 | 1 | 4) {
  const raw = bytes(`x${name}=`);
  return index.transition(from, raw, 1, raw.length - 1, type);
}

describe('series', () => {
  test('a defined series is found by its canonical key, whatever the order of its tags was', () => {
    const index = new SeriesIndex();
    const ref = define(index, 'cpu', { region: 'eu', host: 'a' });
    expect(define(index, 'cpu', { host: 'a', region: 'eu' })).toBe(ref);
    expect(find(index, 'cpu,host=a,region=eu')).toBe(ref);
    expect(find(index, 'cpu,region=eu,host=a')).toBe(-1);
    expect(decoder.decode(index.seriesKey(ref))).toBe('cpu,host=a,region=eu');
    expect(index.tags(ref)).toEqual({ keys: ['host', 'region'], values: ['a', 'eu'] });
    expect(index.measurementName(ref)).toBe('cpu');
    expect(index.seriesCount).toBe(1);
  });

  test('an alias is found until its series is removed', () => {
    const index = new SeriesIndex();
    const ref = define(index, 'cpu', { host: 'a', region: 'eu' });
    const raw = bytes('cpu,region=eu,host=a');
    index.alias(raw, 0, raw.length, hashBytes(raw, 0, raw.length), ref);
    expect(find(index, 'cpu,region=eu,host=a')).toBe(ref);
    index.remove(Int32Array.of(ref));
    expect(find(index, 'cpu,region=eu,host=a')).toBe(-1);
    expect(find(index, 'cpu,host=a,region=eu')).toBe(-1);
  });

  test('aliases stop at eight per series, so that shuffled tags cannot fill the memory', () => {
    const index = new SeriesIndex();
    const ref = define(index, 'cpu', { host: 'a' });
    for (let i = 0; i < 20; i++) {
      const raw = bytes(`alias${i}`);
      index.alias(raw, 0, raw.length, hashBytes(raw, 0, raw.length), ref);
    }
    expect(find(index, 'alias7')).toBe(ref);
    expect(find(index, 'alias8')).toBe(-1);
  });

  test('an empty tag value is no tag, and of a repeated key the last value counts', () => {
    const index = new SeriesIndex();
    const ref = index.define(bytes('m'), ['b', 'a', 'b'].map(bytes), ['1', '', '2'].map(bytes));
    expect(decoder.decode(index.seriesKey(ref))).toBe('m,b=2');
  });

  test('a canonical raw key is defined without being split, any other is refused', () => {
    const index = new SeriesIndex();
    const tryKey = (key: string) => {
      const raw = bytes(key);
      return index.defineCanonical(raw, 0, raw.length, hashBytes(raw, 0, raw.length));
    };
    expect(tryKey('m,a=1,b=x\\ y')).toBe(0);
    expect(index.tags(0)).toEqual({ keys: ['a', 'b'], values: ['1', 'x y'] });
    for (const bad of ['m,b=1,a=1', 'm,a=1,a=2', 'm,a=', 'm,=1', 'm,a', 'm,', 'm\\=x', 'm x', 'm,a=b=c', 'm,a=1\\']) {
      expect(tryKey(bad), bad).toBe(-1);
    }
    expect(index.seriesCount).toBe(1);
  });

  test('a key beyond 65535 bytes is refused and leaves no trace', () => {
    const index = new SeriesIndex();
    expect(() => define(index, 'm', { a: 'x'.repeat(65535) })).toThrow(/65539 bytes, more than 65535/);
    expect(index.seriesCount).toBe(0);
    const ref = define(index, 'm', { a: 'x'.repeat(65531) });
    expect(index.seriesKey(ref).length).toBe(65535);
  });
});

describe('fields and shapes', () => {
  test('the same fields in the same order are the same shape', () => {
    const index = new SeriesIndex();
    const root = index.rootShape(index.measurementOf(define(index, 'm')));
    const ab = transition(index, transition(index, root, 'a', FLOAT), 'b', INTEGER);
    expect(transition(index, transition(index, root, 'a', FLOAT), 'b', INTEGER)).toBe(ab);
    expect(index.shapes[ab.id]).toBe(ab);
    expect([...ab.types]).toEqual([FLOAT, INTEGER]);
    expect(ab.names.map((n) => decoder.decode(n))).toEqual(['a', 'b']);
    const ba = transition(index, transition(index, root, 'b', INTEGER), 'a', FLOAT);
    expect(ba).not.toBe(ab);
    expect([...ba.fields]).toEqual([...ab.fields].reverse());
  });

  test("another type is a conflict in InfluxDB's words, known shape or not", () => {
    const index = new SeriesIndex();
    const root = index.rootShape(index.measurementOf(define(index, 'm')));
    const a = transition(index, root, 'x', FLOAT);
    const want = 'input field "x" on measurement "m" is type integer, already exists as type float';
    expect(() => transition(index, root, 'x', INTEGER)).toThrow(want);
    const y = transition(index, root, 'y', FLOAT);
    expect(() => transition(index, y, 'x', INTEGER)).toThrow(want);
    try {
      transition(index, y, 'x', INTEGER);
    } catch (error) {
      expect((error as { code: string }).code).toBe('field_type_conflict');
    }
    expect(transition(index, root, 'x', FLOAT)).toBe(a);
  });

  test('a field twice on a line leaves the shape as it is', () => {
    const index = new SeriesIndex();
    const root = index.rootShape(index.measurementOf(define(index, 'm')));
    const a = transition(index, root, 'a', FLOAT);
    expect(transition(index, a, 'a', FLOAT)).toBe(a);
  });

  test('optional fields reach the shape limit, one wide row does not', () => {
    const index = new SeriesIndex();
    const wide = index.measurementOf(define(index, 'wide'));
    let shape = index.rootShape(wide);
    for (let i = 0; i < 1500; i++) shape = transition(index, shape, `f${i}`, FLOAT);
    expect(index.shapeLimitReached(wide)).toBe(false);
    const loose = index.measurementOf(define(index, 'loose'));
    for (let bits = 0; bits < 4096; bits++) {
      shape = index.rootShape(loose);
      for (let i = 0; i < 12; i++) if ((bits >> i) & 1) shape = transition(index, shape, `f${i}`, FLOAT);
    }
    expect(index.shapeLimitReached(loose)).toBe(true);
    const name = bytes('f3');
    expect(index.singleFieldShape(loose, name, 0, 2, FLOAT).width).toBe(1);
  });

  test('a series has the fields of all shapes it ever had', () => {
    const index = new SeriesIndex();
    const ref = define(index, 'm', { t: '1' });
    const other = define(index, 'm', { t: '2' });
    const root = index.rootShape(index.measurementOf(ref));
    const a = transition(index, root, 'a', FLOAT);
    const b = transition(index, root, 'b', STRING);
    index.noteShape(ref, a.id);
    index.noteShape(ref, b.id);
    index.noteShape(other, b.id);
    expect(index.lastShape[ref]).toBe(b.id);
    const [fieldA, fieldB] = [index.fieldId(0, 'a'), index.fieldId(0, 'b')];
    expect(index.seriesHasField(ref, fieldA)).toBe(true);
    expect(index.seriesHasField(other, fieldA)).toBe(false);
    expect([...index.filterByField(Int32Array.of(ref, other), fieldA)]).toEqual([ref]);
    expect(index.seriesByField()[fieldB]).toBe(2);
    index.remove(Int32Array.of(other));
    expect(index.seriesByField()[fieldB]).toBe(1);
  });

  test('the series with a field are the same whether few or many are asked about', () => {
    const index = new SeriesIndex();
    const refs = Array.from({ length: 40 }, (_, i) => {
      const ref = define(index, `m${i % 8}`, { t: String(i) });
      const root = index.rootShape(index.measurementOf(ref));
      index.noteShape(ref, transition(index, root, i < 20 ? 'a' : 'b', FLOAT).id);
      return ref;
    });
    for (let field = 0; field < index.fields.length; field++) {
      const having = refs.filter((ref) => index.seriesHasField(ref, field));
      expect([...index.filterByField(Int32Array.from(refs), field)]).toEqual(having);
      expect(refs.flatMap((ref) => [...index.filterByField(Int32Array.of(ref), field)])).toEqual(having);
      expect(index.seriesByField()[field]).toBe(having.length);
    }
  });

  test('PromQL names: the field called value takes the name of its measurement, strings have none', () => {
    const index = new SeriesIndex();
    const fieldOn = (measurement: string, field: string, type: 0 | 4) =>
      transition(index, index.rootShape(index.measurementOf(define(index, measurement))), field, type);
    fieldOn('up', 'value', FLOAT);
    fieldOn('cpu', 'usage', FLOAT);
    fieldOn('cpu', 'note', STRING);
    fieldOn('cpu_usage', 'value', FLOAT);
    expect([...index.promNames().keys()]).toEqual(['up', 'cpu_usage']);
    expect(index.promNames().get('cpu_usage')).toHaveLength(2);
    fieldOn('late', 'value', FLOAT);
    expect(index.promNames().has('late')).toBe(true);
  });
});
