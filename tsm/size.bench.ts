/**
 * What files weigh and how fast they are written and read, for three workloads.
 *
 *   node tsm/size.bench.ts [cpu|ett|card] [scale]
 *
 * cpu:  400 hosts × 10 integer fields × 8640 rows (one day, every 10 s), values a clamped random walk, hot and cold
 * ett:  the electricity transformer set from ../shared/data (skipped when absent): one file per day
 * card: 1 M series with four tags and one field, three rows each
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Column, RowSlice } from '../batch/column.ts';
import { type FieldType, FLOAT, INTEGER } from '../batch/field-type.ts';
import { mergeFiles } from '../compaction/merge.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import type { TsmHeader } from './format.ts';
import { openTsm } from './reader.ts';
import { createTsm } from './writer.ts';

const DAY_SEC = 86400;

function headerOf(partitionStartSec: number, cold: boolean): TsmHeader {
  return {
    database: 'default',
    partitionStartSec,
    partitionDurationSec: DAY_SEC,
    indexEpoch: '1f0c9a3b5d7e2468',
    level: cold ? 3 : 0,
    cold,
  };
}

/** A repeatable source of numbers in [0, 1): xorshift32. */
function randomOf(seed: number): () => number {
  let s = seed | 0 || 1;
  return () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) / 4294967296;
  };
}

function columnOf(type: FieldType, values: Float64Array): Column {
  return { type, rows: values.length, values, wide: null, stringOffsets: null, stringBytes: null, present: null };
}

function report(name: string, bytes: number, values: number, ms: number): void {
  const perValue = (bytes / values).toFixed(4);
  const rate = (values / ms / 1000).toFixed(1);
  console.log(`${name.padEnd(28)} ${bytes} bytes  ${perValue} B/value  ${ms.toFixed(0)} ms  ${rate} M values/s`);
}

const CPU_FIELDS = ['user', 'system', 'idle', 'nice', 'iowait', 'irq', 'softirq', 'steal', 'guest', 'guest_nice'].map(
  (name) => `usage_${name}`,
);

function cpuSlices(hosts: number): RowSlice[] {
  const random = randomOf(42);
  const times = Float64Array.from({ length: 8640 }, (_, i) => i * 1e10);
  const slices: RowSlice[] = [];
  for (let h = 0; h < hosts; h++) {
    const columns = CPU_FIELDS.map(() => {
      const values = new Float64Array(8640);
      let state = random() * 100;
      for (let i = 0; i < values.length; i++) {
        values[i] = Math.floor(state);
        const step = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
        state = Math.min(100, Math.max(0, state + step));
      }
      return columnOf(INTEGER, values);
    });
    slices.push({ rows: 8640, times, fields: CPU_FIELDS, columns });
  }
  return slices;
}

function cpuKey(host: number): Uint8Array {
  return Buffer.from(
    `cpu,arch=x${host % 2 ? 64 : 86},datacenter=us-west-1${'abc'[host % 3]},hostname=host_${host},os=Ubuntu15.10,rack=${(host * 7) % 100},region=us-west-1,service=${host % 20},service_environment=staging,service_version=${host % 2},team=${['NYC', 'SF', 'CHI', 'LON'][host % 4]}`,
  );
}

function benchCpu(hosts: number): void {
  const slices = cpuSlices(hosts);
  const fs = new MemoryFileSystem();
  const values = hosts * 86400;
  for (let round = 0; round < 2; round++) {
    const start = performance.now();
    const writer = createTsm(fs, '/hot.tsm', headerOf(0, false));
    slices.forEach((slice, ref) => {
      writer.addSeries(ref, cpuKey(ref), slice);
    });
    const meta = writer.finish();
    if (round === 1) report('cpu hot flush', meta.sizeBytes, values, performance.now() - start);
  }
  const hot = openTsm(fs, '/hot.tsm');
  const start = performance.now();
  const writer = createTsm(fs, '/cold.tsm', headerOf(0, true));
  mergeFiles([hot], writer);
  report('cpu cold merge', writer.finish().sizeBytes, values, performance.now() - start);
  for (const path of ['/hot.tsm', '/cold.tsm']) benchHourlyMeans(fs, path, hosts);
}

/** Hourly means of five of the ten fields over all hosts: half of the values decoded and folded. */
function benchHourlyMeans(fs: MemoryFileSystem, path: string, hosts: number): void {
  const file = openTsm(fs, path);
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    let values = 0;
    let check = 0;
    for (let ref = 0; ref < hosts; ref++) {
      const slice = file.read(ref, CPU_FIELDS.slice(0, 5), 0, Number.POSITIVE_INFINITY)!;
      for (const column of slice.columns) {
        values += column.rows;
        for (let from = 0; from < column.rows; from += 360) check += meanOf(column.values, from, from + 360);
      }
    }
    const ms = performance.now() - start;
    if (round === 2)
      console.log(
        `  hourly means from ${path}: ${values} values in ${ms.toFixed(1)} ms, ${(values / ms / 1000).toFixed(0)} M values/s (${check.toFixed(3)})`,
      );
  }
}

function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  return sum / (to - from);
}

function benchEtt(): void {
  const path = join(dirname(fileURLToPath(import.meta.url)), '../../shared/data/ett.lp.gz');
  if (!existsSync(path)) {
    console.log('ett: skipped, no ../shared/data/ett.lp.gz');
    return;
  }
  const days = new Map<number, Map<string, { times: number[]; values: number[][]; fields: string[] }>>();
  let count = 0;
  for (const line of gunzipSync(readFileSync(path)).toString().split('\n')) {
    if (line === '') continue;
    const [key, fields, time] = line.split(' ');
    const sec = Number(time.slice(0, -9));
    const day = Math.floor(sec / DAY_SEC);
    let series = days.get(day);
    if (series === undefined) {
      series = new Map();
      days.set(day, series);
    }
    let rows = series.get(key);
    const pairs = fields.split(',').map((pair) => pair.split('='));
    if (rows === undefined) {
      rows = { times: [], values: pairs.map(() => []), fields: pairs.map((pair) => pair[0]) };
      series.set(key, rows);
    }
    rows.times.push((sec - day * DAY_SEC) * 1e9);
    pairs.forEach((pair, f) => {
      rows.values[f].push(Number(pair[1]));
      count++;
    });
  }
  for (const cold of [false, true]) {
    const fs = new MemoryFileSystem();
    let bytes = 0;
    const start = performance.now();
    for (const [day, series] of days) {
      const writer = createTsm(fs, `/${day}.tsm`, headerOf(day * DAY_SEC, cold));
      [...series.keys()].sort().forEach((key, ref) => {
        const { times, values, fields } = series.get(key)!;
        const columns = values.map((column) => columnOf(FLOAT, Float64Array.from(column)));
        writer.addSeries(ref, Buffer.from(key), {
          rows: times.length,
          times: Float64Array.from(times),
          fields,
          columns,
        });
      });
      bytes += writer.finish().sizeBytes;
    }
    report(`ett ${cold ? 'cold' : 'hot'}, ${days.size} files`, bytes, count, performance.now() - start);
  }
}

function benchCard(series: number): void {
  const random = randomOf(7);
  const fs = new MemoryFileSystem();
  const keys: Buffer[] = [];
  const slices: RowSlice[] = [];
  for (let s = 0; s < series; s++) {
    const pick = (n: number): number => Math.floor(random() * n);
    keys.push(
      Buffer.from(
        `card,dc=dc-${pick(20)},host=host_${String(s).padStart(6, '0')},region=region-${pick(10)},service=service_${pick(50)}`,
      ),
    );
    const values = Float64Array.from({ length: 3 }, () => Math.round(random() * 10000) / 100);
    slices.push({
      rows: 3,
      times: Float64Array.of(0, 1e10, 2e10),
      fields: ['value'],
      columns: [columnOf(FLOAT, values)],
    });
  }
  for (const cold of [false, true]) {
    const start = performance.now();
    const writer = createTsm(fs, '/card.tsm', headerOf(0, cold));
    for (let s = 0; s < series; s++) writer.addSeries(s, keys[s], slices[s]);
    const meta = writer.finish();
    const ms = performance.now() - start;
    report(`card ${cold ? 'cold' : 'hot'}`, meta.sizeBytes, series * 3, ms);
    console.log(`  ${(meta.sizeBytes / series).toFixed(2)} bytes per series`);
    const opening = performance.now();
    const file = openTsm(fs, '/card.tsm');
    file.find(series >>> 1);
    console.log(`  opened with its series table in ${(performance.now() - opening).toFixed(1)} ms`);
    const reading = performance.now();
    let rows = 0;
    file.readMany(file.refs, ['value'], 0, Number.POSITIVE_INFINITY, (_, slice) => {
      rows += slice.rows;
    });
    console.log(`  read all ${rows} rows in ${(performance.now() - reading).toFixed(0)} ms`);
    const sizes = file.sectionPlaces().map((place) => place.length);
    console.log(`  sections (fields, groups, series, keys, bloom): ${sizes.join(', ')} bytes`);
  }
}

const which = process.argv[2];
const scale = Number(process.argv[3] ?? 1);
if (which === undefined || which === 'cpu') benchCpu(Math.round(400 * scale));
if (which === undefined || which === 'ett') benchEtt();
if (which === undefined || which === 'card') benchCard(Math.round(1e6 * scale));
