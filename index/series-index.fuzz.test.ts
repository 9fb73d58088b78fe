import { expect, test } from 'vitest';
import { Random } from '../bytes/random.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { hashBytes } from './hash.ts';
import { IndexLog } from './index-log.ts';
import type { TagMatcher } from './matchers.ts';
import { ModelIndex } from './model.ts';
import { SeriesIndex } from './series-index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));

const MEASUREMENTS = ['cpu', 'mem', 'a b', 'x\\'];
const KEYS = ['host', 'dc', 'rack', 'path,x'];
const PATTERNS = [
  '.*',
  '.+',
  '',
  'v1.*',
  '.*3',
  '.*2.*',
  'v1|v2|v3',
  '(v1|v4)',
  'v[0-9]',
  'v1?',
  '(v1)?',
  'v\\d\\d',
  '[^v].*',
];

/** One random history over the index and its model, with logs and saves on the way. */
class History {
  readonly random: Random;
  index = new SeriesIndex();
  log = new IndexLog(this.index);
  model = new ModelIndex();
  /** What the write-ahead log has, since the last save. */
  wal: Uint8Array[] = [];
  readonly fs = new MemoryFileSystem(1);

  constructor(historySeed: number) {
    this.random = new Random(historySeed);
    this.fs.makeDirectory('db');
  }

  private value(): string {
    return this.random.chance(0.1) ? 'C:\\' : `v${this.random.below(this.random.chance(0.5) ? 5 : 200)}`;
  }

  define(): void {
    const { random } = this;
    const measurement = random.pick(MEASUREMENTS);
    const keys: string[] = [];
    for (const key of KEYS) if (random.chance(0.6)) keys.splice(random.below(keys.length + 1), 0, key);
    const values = keys.map(() => this.value());
    const ref = this.index.define(
      encoder.encode(measurement),
      keys.map((k) => encoder.encode(k)),
      values.map((v) => encoder.encode(v)),
    );
    const tags = Object.fromEntries(keys.map((key, i) => [key, values[i]]));
    const known = this.model.series.get(ref);
    if (known === undefined) this.model.series.set(ref, { measurement, tags, fields: new Set() });
    else expect([known.measurement, known.tags]).toEqual([measurement, tags]);
    if (random.chance(0.7)) this.row(ref);
  }

  private row(ref: number): void {
    const { random, index } = this;
    let shape = index.rootShape(index.measurementOf(ref));
    const fields = this.model.series.get(ref)?.fields as Set<string>;
    for (const name of ['a', 'b', 'c']) {
      if (!random.chance(0.5)) continue;
      const bytes = encoder.encode(name);
      shape = index.transition(shape, bytes, 0, bytes.length, 0);
      fields.add(name);
    }
    if (index.lastShape[ref] !== shape.id) index.noteShape(ref, shape.id);
  }

  alias(): void {
    const ref = this.anyRef();
    if (ref < 0) return;
    const bytes = encoder.encode(`alias ${ref} ${this.random.below(3)}`);
    const hash = hashBytes(bytes, 0, bytes.length);
    const found = this.index.find(bytes, 0, bytes.length, hash);
    if (found < 0) this.index.alias(bytes, 0, bytes.length, hash, ref);
    else expect(found).toBe(ref);
  }

  remove(): void {
    const refs = [...this.model.series.keys()].filter(() => this.random.chance(0.3));
    this.index.remove(Int32Array.from(refs));
    for (const ref of refs) this.model.series.delete(ref);
    if (this.random.chance(0.5)) {
      this.save();
      this.index.releaseRemoved();
    }
  }

  drain(mayFail = true): void {
    const payload = this.index.drainDefinitions();
    if (payload === null) return;
    if (mayFail && this.random.chance(0.1)) this.index.undrainDefinitions();
    else this.wal.push(payload);
  }

  save(): void {
    this.drain(false);
    if (this.random.chance(0.3)) this.log.saveBase(this.fs, 'db');
    else this.log.saveDelta(this.fs, 'db');
    this.wal = [];
  }

  restart(): void {
    this.drain(false);
    const fields = new Map([...this.model.series].map(([ref, one]) => [ref, one.fields]));
    const saved = this.index;
    this.index = new SeriesIndex();
    this.log = new IndexLog(this.index);
    this.log.load(this.fs, 'db');
    for (const payload of this.wal) this.index.applyDefinitions(payload);
    // A crash brings removals that were not saved back; the engine would remove them again.
    const back: number[] = [];
    for (let ref = 0; ref < this.index.refLimit; ref++) {
      if (this.index.isLive(ref) && !this.model.series.has(ref)) back.push(ref);
    }
    this.index.remove(Int32Array.from(back));
    for (const [ref, names] of fields) {
      for (const name of names) {
        const bytes = encoder.encode(name);
        const root = this.index.rootShape(this.index.measurementOf(ref));
        this.index.noteShape(ref, this.index.transition(root, bytes, 0, bytes.length, 0).id);
      }
    }
    expect(this.index.shapes.length).toBeGreaterThanOrEqual(saved.shapes.length);
  }

  private anyRef(): number {
    const refs = [...this.model.series.keys()];
    return refs.length === 0 ? -1 : this.random.pick(refs);
  }

  checkSelection(): void {
    const { random, index, model } = this;
    const matchers: TagMatcher[] = [];
    for (let n = random.below(4); n > 0; n--) {
      const op = random.pick(['=', '!=', '=~', '!~'] as const);
      const value = op.endsWith('~') ? random.pick(PATTERNS) : random.chance(0.2) ? '' : this.value();
      matchers.push({ key: random.pick([...KEYS, 'nokey']), op, value });
    }
    const measurement = random.chance(0.5) ? null : random.pick([...MEASUREMENTS, 'none']);
    const refs = index.select(measurement, matchers);
    const want = model.select(measurement, matchers);
    if (refs.join() !== want.join()) expect([...refs], JSON.stringify([measurement, matchers])).toEqual(want);
  }

  checkAll(): void {
    const { index, model } = this;
    expect(index.seriesCount).toBe(model.series.size);
    for (const [ref, one] of model.series) {
      const key = index.seriesKey(ref);
      expect(index.find(key, 0, key.length, hashBytes(key, 0, key.length))).toBe(ref);
      const { keys, values } = index.tags(ref);
      expect(Object.fromEntries(keys.map((k, i) => [k, values[i]]))).toEqual(one.tags);
      expect(index.measurementName(ref)).toBe(one.measurement);
      for (const name of ['a', 'b', 'c']) {
        const field = index.fieldId(index.measurementOf(ref), name);
        expect(field >= 0 && index.seriesHasField(ref, field)).toBe(one.fields.has(name));
      }
    }
    for (const key of KEYS) {
      const want = model.tagValues(key);
      expect(index.tagValueNames(key)).toEqual([...want.keys()].sort());
      const some = [...model.series.keys()].filter((ref) => ref % 2 === 0);
      const ofSome = some.map((ref) => model.series.get(ref)?.tags[key]).filter((v) => v !== undefined);
      expect(index.tagValueNames(key, Int32Array.from(some))).toEqual([...new Set(ofSome)].sort());
    }
    const cardinality = index.cardinality(3);
    const pairs = KEYS.flatMap((key) => [...model.tagValues(key).values()]).sort((a, b) => b - a);
    expect(cardinality.seriesByPair.map((p) => p.count)).toEqual(pairs.slice(0, 3));
  }
}

test(`random histories agree with a naive index (VARVE_SEED=${seed})`, () => {
  for (let n = 0; n < 25; n++) {
    const history = new History(seed + n);
    const { random } = history;
    for (let step = 0; step < 300; step++) {
      const dice = random.unit();
      if (dice < 0.75) history.define();
      else if (dice < 0.82) history.alias();
      else if (dice < 0.84) history.remove();
      else if (dice < 0.88) history.drain();
      else if (dice < 0.9) history.save();
      else if (dice < 0.91) history.restart();
      else history.checkSelection();
    }
    history.checkAll();
    history.restart();
    history.checkAll();
  }
});

test('the model is fair: keys decode', () => {
  const index = new SeriesIndex();
  const ref = index.define(encoder.encode('x\\'), [encoder.encode('path,x')], [encoder.encode('C:\\')]);
  expect(decoder.decode(index.seriesKey(ref))).toBe('x\\\n,path\\,x=C:\\\n');
});
