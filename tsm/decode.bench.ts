/**
 * Speed of each encoding on one core, on columns of 8192 values.
 *
 *   node tsm/decode.bench.ts [filter]
 */
import type { Column } from '../batch/column.ts';
import { type FieldType, FLOAT, INTEGER } from '../batch/field-type.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { unpackInt32 } from './bit-packing.ts';
import { decodeColumn, encodeColumn } from './column-codec.ts';
import { cursorOf } from './cursor.ts';

const ROWS = 8192;
const COLUMNS = 16;
const MIN_MS = 150;

let seed = 1;
/** xorshift32 in [0, 1). */
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 4294967296;
}

function gauss(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Runs until `MIN_MS` have passed and returns M values/s of the better half. */
function rate(values: number, run: () => void): number {
  for (let i = 0; i < 30; i++) run();
  let best = 0;
  const end = performance.now() + MIN_MS;
  while (performance.now() < end) {
    const start = performance.now();
    run();
    best = Math.max(best, values / (performance.now() - start) / 1000);
  }
  return best;
}

type Fill = (values: Float64Array) => void;

function walk(step: () => number, start = 0): Fill {
  return (values) => {
    let v = start;
    for (let i = 0; i < values.length; i++) values[i] = v += step();
  };
}

function each(valueAt: (i: number) => number): Fill {
  return (values) => {
    for (let i = 0; i < values.length; i++) values[i] = valueAt(i);
  };
}

const CASES: { name: string; type: FieldType; fill: Fill }[] = [
  { name: 'constant', type: FLOAT, fill: (v) => v.fill(3.25) },
  { name: 'runs', type: INTEGER, fill: each((i) => Math.floor(i / 100) % 7) },
  { name: 'regular', type: INTEGER, fill: walk(() => 1e10) },
  {
    name: 'gauge 0..100',
    type: INTEGER,
    fill: (v) => {
      let s = 50;
      for (let i = 0; i < v.length; i++) {
        s = Math.min(100, Math.max(0, s + gauss()));
        v[i] = Math.floor(s);
      }
    },
  },
  { name: 'counter', type: INTEGER, fill: walk(() => Math.floor(random() * 1000)) },
  { name: 'bytes counter > 2^40', type: INTEGER, fill: walk(() => Math.floor(random() * 1e6), 2 ** 40) },
  { name: 'random 16 bit', type: INTEGER, fill: each(() => Math.floor(random() * 65536)) },
  {
    name: 'decimals, 2 digits',
    type: FLOAT,
    fill: each(() => Math.round(random() * 1e4) / 100),
  },
  {
    name: 'float32 decimals',
    type: FLOAT,
    fill: each(() => Math.fround(Math.round(random() * 1e5) / 1000)),
  },
  { name: 'float32', type: FLOAT, fill: each(() => Math.fround(random())) },
  { name: 'doubles', type: FLOAT, fill: each(() => random() * random()) },
  { name: 'smooth doubles', type: FLOAT, fill: each((i) => Math.sin(i / 1000)) },
];

function columnOf(type: FieldType, fill: Fill): Column {
  const values = new Float64Array(ROWS);
  fill(values);
  return { type, rows: ROWS, values, wide: null, stringOffsets: null, stringBytes: null, present: null };
}

const filter = process.argv[2] ?? '';
console.log('bit-unpacking into Int32Array');
for (const width of [1, 3, 5, 8, 12, 16, 20, 25, 31]) {
  if (!'unpack'.includes(filter)) break;
  const bytes = new Uint8Array(ROWS * 4 + 16).map(() => random() * 256);
  const view = new DataView(bytes.buffer);
  const out = new Int32Array(ROWS);
  const speed = rate(ROWS, () => unpackInt32(view, 0, ROWS, width, out, 0));
  console.log(`  ${String(width).padStart(2)} bits ${speed.toFixed(0).padStart(6)} M values/s`);
}
console.log('columns: bytes per value, M values/s encoded, M values/s decoded');
for (const { name, type, fill } of CASES) {
  if (!name.includes(filter)) continue;
  for (const cold of [false, true]) {
    const columns = Array.from({ length: COLUMNS }, () => columnOf(type, fill));
    const encoded = columns.map((column) => {
      const w = new ByteWriter();
      encodeColumn(w, column, cold);
      return cursorOf(w.take());
    });
    const size = encoded.reduce((sum, c) => sum + c.end, 0) / (ROWS * COLUMNS);
    const w = new ByteWriter(ROWS * 16);
    let turn = 0;
    const encoding = rate(ROWS, () => {
      w.reset();
      encodeColumn(w, columns[turn++ % COLUMNS], cold);
    });
    const decoding = rate(ROWS, () => {
      const c = encoded[turn++ % COLUMNS];
      c.at = 0;
      decodeColumn(c, ROWS, type);
    });
    const label = `${name} ${cold ? 'cold' : 'hot'}`.padEnd(28);
    console.log(
      `  ${label} ${size.toFixed(3).padStart(7)} ${encoding.toFixed(1).padStart(8)} ${decoding.toFixed(0).padStart(8)}`,
    );
  }
}
