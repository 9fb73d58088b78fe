import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { IndexLog } from './index-log.ts';
import { hashBytes, SeriesIndex } from './series-index.ts';

const encoder = new TextEncoder();

function keyOf(generation: number, i: number): Uint8Array {
  return encoder.encode(`cpu,dc=dc${i % 10},pod=pod-${generation}-${i},region=r${i % 3}`);
}

function refOf(index: SeriesIndex, key: Uint8Array): number {
  return index.find(key, 0, key.length, hashBytes(key, 0, key.length));
}

test('ten generations of 100,000 series take the room of one', () => {
  const index = new SeriesIndex();
  const log = new IndexLog(index);
  const fs = new MemoryFileSystem(1);
  fs.makeDirectory('db');
  const count = 100_000;
  const memory: number[] = [];
  const disk: number[] = [];
  for (let generation = 0; generation < 10; generation++) {
    for (let i = 0; i < count; i++) {
      const key = keyOf(generation, i);
      const hash = hashBytes(key, 0, key.length);
      if (index.defineCanonical(key, 0, key.length, hash) < 0) expect.fail('not canonical');
    }
    expect(index.seriesCount).toBe(count);
    log.saveDelta(fs, 'db');
    for (let i = 0; i < count; i += 997) {
      const ref = refOf(index, keyOf(generation, i));
      expect(index.tags(ref).values).toEqual([`dc${i % 10}`, `pod-${generation}-${i}`, `r${i % 3}`]);
      if (generation > 0) expect(refOf(index, keyOf(generation - 1, i))).toBe(-1);
    }
    expect(index.select('cpu', [{ key: 'pod', op: '=', value: `pod-${generation}-77` }])).toHaveLength(1);
    expect(index.select('cpu', [{ key: 'dc', op: '=', value: 'dc3' }])).toHaveLength(count / 10);
    expect(index.refLimit).toBe(count);
    memory.push(index.memoryBytes);
    disk.push(fs.size('db/index.log'));
    index.remove(index.select(null, []));
    expect(index.tagValueNames('pod')).toEqual([]);
    log.saveDelta(fs, 'db');
    index.releaseRemoved();
  }
  expect(Math.max(...memory)).toBeLessThan(memory[0] * 2);
  expect(Math.max(...disk)).toBeLessThan(disk[0] * 4);
  expect(index.seriesCount).toBe(0);
  expect(index.memoryBytes).toBeLessThan(memory[0]);
}, 120_000);

test('one series in ten stays through all generations', () => {
  const index = new SeriesIndex();
  const stays = new Map<string, number>();
  for (let generation = 0; generation < 10; generation++) {
    const goes: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const key = keyOf(generation, i);
      const ref = index.defineCanonical(key, 0, key.length, hashBytes(key, 0, key.length));
      if (i % 10 === 0) stays.set(Buffer.from(key).toString(), ref);
      else goes.push(ref);
    }
    index.remove(Int32Array.from(goes));
    index.releaseRemoved();
    for (const [key, ref] of stays) {
      if (refOf(index, encoder.encode(key)) !== ref) expect.fail(`${key} is not found`);
      if (Buffer.from(index.seriesKey(ref)).toString() !== key) expect.fail(`${key} is another key`);
    }
  }
  expect(index.seriesCount).toBe(stays.size);
});

test('removed series are readable until they are released', () => {
  const index = new SeriesIndex();
  const key = keyOf(0, 1);
  const ref = index.defineCanonical(key, 0, key.length, hashBytes(key, 0, key.length));
  index.remove(Int32Array.of(ref));
  expect(refOf(index, key)).toBe(-1);
  expect(Buffer.from(index.seriesKey(ref))).toEqual(Buffer.from(key));
  expect(index.tags(ref).values).toEqual(['dc1', 'pod-0-1', 'r1']);
  const again = index.defineCanonical(key, 0, key.length, hashBytes(key, 0, key.length));
  expect(again).not.toBe(ref);
  expect(index.releaseRemoved()).toBe(1);
  expect(index.tags(again).values).toEqual(['dc1', 'pod-0-1', 'r1']);
  expect(() => index.seriesKey(ref)).toThrow('stands for no series');
});

test('a worker reads keys, also while the index grows and compacts', async () => {
  const index = new SeriesIndex();
  for (let i = 0; i < 5000; i++) {
    const key = keyOf(1, i);
    index.defineCanonical(key, 0, key.length, hashBytes(key, 0, key.length));
  }
  const handle = index.snapshotForWorker();
  index.remove(Int32Array.from({ length: 4980 }, (_, i) => i + 18));
  index.releaseRemoved();
  for (let i = 0; i < 5000; i++) {
    const key = keyOf(2, i);
    index.defineCanonical(key, 0, key.length, hashBytes(key, 0, key.length));
  }
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { viewSeriesKey } = await import(workerData.module);
    const { handle } = workerData;
    const keys = [0, 17, 4999].map((ref) => new TextDecoder().decode(viewSeriesKey(handle, ref).slice()));
    parentPort.postMessage([handle.refLimit, ...keys]);`;
  const worker = new Worker(source, {
    eval: true,
    execArgv: ['--input-type=module'],
    workerData: { handle, module: new URL('./worker-view.ts', import.meta.url).href },
  });
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  const text = (i: number) => Buffer.from(keyOf(1, i)).toString();
  expect(answer).toEqual([5000, text(0), text(17), text(4999)]);
});
