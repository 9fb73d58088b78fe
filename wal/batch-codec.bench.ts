/**
 * Encode and decode of the cpu workload: 400 hosts × 10 integers of 0 … 100 a row, 10 s apart, batches of 5000 rows.
 * Run: node wal/batch-codec.bench.ts
 */
import { Batch } from '../batch/batch.ts';
import { FLOAT, INTEGER } from '../batch/field-type.ts';
import { Random } from '../bytes/random.ts';
import { ByteWriter } from '../bytes/writer.ts';
import { createCompression, decodeBatch, encodeBatch, type RowShape } from './batch-codec.ts';

const ROWS = 5000;

function cpuBatch(hosts: number, width: number, next: (before: number) => number): Batch {
  const batch = new Batch();
  const last = new Float64Array(hosts * width).fill(50);
  for (let r = 0; r < ROWS; r++) {
    batch.reserve(width);
    const host = r % hosts;
    batch.series[r] = host + 1;
    batch.shape[r] = 0;
    batch.sec[r] = 1_451_606_400 + 10 * Math.floor(r / hosts);
    batch.nano[r] = 0;
    batch.valueStart[r] = batch.valueCount;
    for (let c = 0; c < width; c++) {
      const at = host * width + c;
      last[at] = next(last[at]);
      batch.values[batch.valueCount++] = last[at];
    }
    batch.rows++;
  }
  return batch;
}

function measure(what: string, batch: Batch, shapes: RowShape[], lz4: boolean): void {
  const out = new ByteWriter(1 << 20);
  const into = new Batch();
  const samples = batch.valueCount;
  const compression = lz4 ? createCompression() : null;
  const time = (run: () => void): number => {
    for (let i = 0; i < 30; i++) run();
    const rounds: number[] = [];
    for (let i = 0; i < 60; i++) {
      const start = performance.now();
      run();
      rounds.push(performance.now() - start);
    }
    rounds.sort((a, b) => a - b);
    return (rounds[rounds.length >> 1] * 1e6) / samples;
  };
  const encodeNs = time(() => {
    out.reset();
    encodeBatch(batch, shapes, out, compression);
  });
  const decodeNs = time(() => decodeBatch(out.view8(), shapes, into));
  const perSample = (out.length / samples).toFixed(3);
  console.log(
    `${what.padEnd(34)} encode ${encodeNs.toFixed(2)} ns  decode ${decodeNs.toFixed(2)} ns  ${perSample} B per sample`,
  );
}

const random = new Random(1);
const walk = (v: number) => Math.min(100, Math.max(0, v + random.below(3) - 1));
const integers = [{ width: 10, types: new Uint8Array(10).fill(INTEGER) }];
const floats = [{ width: 10, types: new Uint8Array(10).fill(FLOAT) }];
const single = [{ width: 1, types: new Uint8Array(1).fill(FLOAT) }];
const counter = (v: number) => v + random.below(1e6);
const decimal = (v: number) => Math.round(v * 100 + random.below(1000)) / 100;
const widened = () => Math.fround(random.unit() * 30);
const any = () => random.unit();

for (const lz4 of [false, true]) {
  console.log(lz4 ? 'with LZ4 when it pays' : 'plain');
  measure('cpu, integers 0 … 100', cpuBatch(400, 10, walk), integers, lz4);
  measure('one integer per row', cpuBatch(400, 1, walk), single, lz4);
  measure('counters', cpuBatch(400, 10, counter), floats, lz4);
  measure('two decimals', cpuBatch(400, 10, decimal), floats, lz4);
  measure('widened floats', cpuBatch(400, 10, widened), floats, lz4);
  measure('any doubles', cpuBatch(400, 10, any), floats, lz4);
}
