/**
 * Measures the index at a million series of four tags, one of them unique: `node --expose-gc index/index.bench.ts`.
 * An argument sets another number of series.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { FLOAT } from '../batch/field-type.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import { IndexLog } from './index-log.ts';
import { hashBytes, SeriesIndex } from './series-index.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const collectGarbage = (globalThis as { gc?: () => void }).gc ?? (() => {});
const encoder = new TextEncoder();

// Hosts come in random order, as a fleet's do.
const order = new Int32Array(count);
let state = 12345;
for (let i = 0; i < count; i++) {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  const k = state % (i + 1);
  order[i] = order[k];
  order[k] = i;
}
const raw = new Uint8Array(count * 80);
const ends = new Int32Array(count + 1);
for (let i = 0; i < count; i++) {
  const host = order[i];
  const key = `card,dc=dc-${host % 10},host=host-${String(host).padStart(7, '0')},rack=rack-${host % 317},region=eu-west-${host % 7}`;
  ends[i + 1] = ends[i] + encoder.encodeInto(key, raw.subarray(ends[i])).written;
}

function report(what: string, ms: number, detail = ''): void {
  console.log(`${what.padEnd(44)} ${ms.toFixed(1).padStart(9)} ms  ${detail}`);
}

function timed<T>(what: string, run: () => T, detail: (result: T) => string = () => ''): T {
  const start = performance.now();
  const result = run();
  report(what, performance.now() - start, detail(result));
  return result;
}

function defineAll(index: SeriesIndex): void {
  let shape = -1;
  for (let i = 0; i < count; i++) {
    const hash = hashBytes(raw, ends[i], ends[i + 1]);
    if (index.find(raw, ends[i], ends[i + 1], hash) >= 0) continue;
    const ref = index.defineCanonical(raw, ends[i], ends[i + 1], hash);
    if (shape < 0) {
      const name = encoder.encode('value');
      shape = index.transition(index.rootShape(index.measurementOf(ref)), name, 0, name.length, FLOAT).id;
    }
    index.noteShape(ref, shape);
  }
}

function findAll(index: SeriesIndex): number {
  let found = 0;
  for (let i = 0; i < count; i++) {
    if (index.find(raw, ends[i], ends[i + 1], hashBytes(raw, ends[i], ends[i + 1])) >= 0) found++;
  }
  return found;
}

const perSeries = (ms: number) => `${((ms * 1e6) / count).toFixed(0)} ns/series`;

console.log(`${count} series, keys of ${(ends[count] / count).toFixed(1)} bytes`);
collectGarbage();
const before = process.memoryUsage.rss();
const index = new SeriesIndex();
defineAll(index);
collectGarbage();
const resident = (process.memoryUsage.rss() - before) / count;
console.log(`resident ${resident.toFixed(0)} bytes/series, held ${(index.memoryBytes / count).toFixed(0)}`);
let start = performance.now();
defineAll(new SeriesIndex());
let ms = performance.now() - start;
report('define', ms, perSeries(ms));
for (let n = 0; n < 2; n++) {
  start = performance.now();
  findAll(index);
  ms = performance.now() - start;
  report('hash and find', ms, perSeries(ms));
}
const definitions = timed(
  'drain definitions',
  () => index.drainDefinitions() as Uint8Array,
  (d) => `${(d.length / count).toFixed(1)} bytes/series`,
);
const directory = mkdtempSync(`${tmpdir()}/varve-index-`);
timed(
  'save',
  () => new IndexLog(index).saveDelta(nodeFileSystem, directory),
  (n) => `${(n / count).toFixed(2)} bytes/series`,
);
timed('apply definitions to an empty index', () => new SeriesIndex().applyDefinitions(definitions));
for (let n = 0; n < 3; n++) {
  timed(
    'load',
    () => new IndexLog(new SeriesIndex()).load(nodeFileSystem, directory),
    (r) => `${r.series} series, ${r.blocks} blocks`,
  );
}
rmSync(directory, { recursive: true });

const size = (refs: { length: number }) => `${refs.length} found`;
const host = { key: 'host', op: '=', value: 'host-0000777' } as const;
timed('select by unique tag, first (builds postings)', () => index.select('card', [host]), size);
timed('select by unique tag', () => index.select('card', [host]), size);
timed(
  'select by rack and dc, first',
  () =>
    index.select('card', [
      { key: 'rack', op: '=', value: 'rack-7' },
      { key: 'dc', op: '!=', value: 'dc-7' },
    ]),
  size,
);
timed(
  'select by rack and dc',
  () =>
    index.select('card', [
      { key: 'rack', op: '=', value: 'rack-7' },
      { key: 'dc', op: '!=', value: 'dc-7' },
    ]),
  size,
);
timed('select region', () => index.select(null, [{ key: 'region', op: '=', value: 'eu-west-3' }]), size);
timed('select all of a measurement', () => index.select('card', []), size);
timed('select host=~"host-00.*"', () => index.select('card', [{ key: 'host', op: '=~', value: 'host-00.*' }]), size);
timed(
  'select host=~"host-[0-4].*[37]7"',
  () => index.select('card', [{ key: 'host', op: '=~', value: 'host-[0-4].*[37]7' }]),
  size,
);
timed('select host=~".*77"', () => index.select('card', [{ key: 'host', op: '=~', value: '.*77' }]), size);
timed(
  'cardinality, top 10',
  () => index.cardinality(10),
  (c) => `${c.tagValues} tag values`,
);
timed('values of host, first 10 (sorts)', () => index.tagValueNames('host', null, 10), size);
timed('values of host, all', () => index.tagValueNames('host'), size);
const some = index.select('card', [{ key: 'rack', op: '=~', value: 'rack-1.*' }]);
timed(`values of host of ${some.length} series`, () => index.tagValueNames('host', some), size);
timed(
  'remove and release half',
  () => {
    index.remove(Int32Array.from({ length: count / 2 }, (_, i) => i * 2));
    return index.releaseRemoved();
  },
  (n) => `${n} refs`,
);
