/** The kernel beside its twin in plain JavaScript: the same bytes, rows, outcomes and errors, whatever comes. */
import snappy from 'snappy';
import { expect, test, vi } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { newRandom, type Random } from './random.ts';
import { show } from './remote-cases.ts';
import {
  concat,
  type EncodedSample,
  type EncodedSeries,
  encodeRequest,
  integerField,
  labelField,
  message,
  sampleField,
} from './remote-encoder.ts';
import { newSeriesChain, unpackBody } from './remote-kernel.ts';
import { decodeRemoteWrite } from './remote-write.ts';
import { unpackSnappy } from './snappy-block.ts';

const MIB = 1 << 20;
const isBuilt = newSeriesChain() !== null;
if (!isBuilt && process.env.VARVE_REQUIRE_PEERS === '1') throw new Error('run npm run build:kernel');

/** What a call gives, or the message of what it throws. */
function attempt<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    return (error as Error).message;
  }
}

function pack(bytes: Uint8Array): Uint8Array {
  return snappy.compressSync(Buffer.from(bytes));
}

test.skipIf(!isBuilt)('unpacks what the twin unpacks, and refuses what it refuses', () => {
  const random = newRandom('remote-kernel unpack');
  for (let round = 0; round < 4000; round++) {
    const block = Uint8Array.from(round % 4 === 0 ? randomBlock(random) : pack(randomText(random)));
    for (let n = random.below(4); n > 0 && block.length > 0; n--) {
      block[random.below(block.length)] = random.below(256);
    }
    const cut = random.below(5) === 0 ? block.subarray(0, random.below(block.length + 1)) : block;
    const limit = random.below(10) === 0 ? random.below(200) : MIB;
    const got = attempt(() => Buffer.from(unpackBody(cut, limit)).toString('latin1'));
    const want = attempt(() => Buffer.from(unpackSnappy(cut, limit)).toString('latin1'));
    // Not by `expect`, which would print megabytes.
    if (got !== want) throw new Error(`block ${Buffer.from(cut).toString('hex')} differs`);
  }
});

function randomText(random: Random): Uint8Array {
  const words = Array.from({ length: 1 + random.below(20) }, () => 'x'.repeat(random.below(90)) + random.below(1000));
  return Buffer.from(Array.from({ length: random.below(200) }, () => random.pick(words)).join(','));
}

/** Elements of every kind, most of them valid. */
function randomBlock(random: Random): number[] {
  const elements: number[] = [];
  let length = 0;
  for (let n = 1 + random.below(12); n > 0; n--) {
    const count = 1 + random.below(64);
    const offset = 1 + random.below(Math.max(1, length) + (random.below(20) === 0 ? 5 : 0));
    const kind = length === 0 ? 0 : random.below(4);
    if (kind === 0) {
      const wide = random.below(4);
      const literal = Array.from({ length: count }, () => random.below(256));
      if (wide === 0 && count <= 60) elements.push((count - 1) << 2, ...literal);
      else
        elements.push((59 + Math.max(1, wide)) << 2, count - 1, ...[0, 0].slice(0, Math.max(0, wide - 1)), ...literal);
      length += count;
    } else if (kind === 1) {
      const short = 4 + (count & 7);
      elements.push(((short - 4) << 2) | 1 | ((offset >> 8) << 5), offset & 255);
      length += short;
    } else {
      elements.push(((count - 1) << 2) | kind, offset & 255, offset >> 8, ...(kind === 3 ? [0, 0] : []));
      length += count;
    }
  }
  const declared = random.below(20) === 0 ? random.below(2000) : length;
  return [(declared & 127) | 128, declared >> 7, ...elements];
}

const NAN = [0x7ff0000000000002n, 0x7ff8000000000001n, 0xfff4000000000123n, 1n << 63n];

function randomSample(random: Random, nowMs: number): EncodedSample {
  const value =
    random.below(8) === 0 ? random.pick(NAN) : random.below(3) === 0 ? random.unit() * 1e9 : random.below(50);
  switch (random.below(40)) {
    case 0:
      return { value, ms: -1 - random.below(1e6) };
    case 1:
      return {
        value,
        ms: random.pick([0, 1, 127, 128, 2 ** 35 - 1, 9223372036854, 9223372036855, 2 ** 49 - 1, 2 ** 50]),
      };
    case 2:
      return { value, ms: nowMs, startMs: nowMs - 1000 };
    default:
      return { value, ms: nowMs + (random.below(4) === 0 ? random.below(1000) : 0) };
  }
}

/** One of 60 series, some of which are refused. */
function labelsOf(id: number): [string, string][] {
  const labels: [string, string][] = [
    ['__name__', id % 20 === 7 ? '' : `metric_${'m'.repeat(id % 9)}`],
    ['host', `host_${id}`],
    ['z', 'x'.repeat((id * 7) % 33)],
  ];
  if (id % 20 === 9) labels.reverse();
  return id === 4 ? [['__name__', 'm']] : id === 5 ? [['a', 'b']] : labels;
}

function randomSeries(random: Random, id: number, nowMs: number): Uint8Array {
  const labels = labelsOf(id);
  const count = random.below(12) === 0 ? random.below(5) : 1;
  const samples = Array.from({ length: count }, () => randomSample(random, nowMs));
  const series: EncodedSeries = { labels, samples };
  const rare = random.below(40);
  if (rare === 0) series.exemplars = [{ labels: [['trace', 'a']], value: 1, ms: nowMs }];
  if (rare === 1) series.histograms = 1;
  if (rare > 4) return encodeRequest([series]);
  const fields = [...labels.map(([name, value]) => labelField(name, value)), ...samples.map(sampleField)];
  if (rare === 2) fields.push(labelField('zz', 'late'));
  if (rare === 3) fields.unshift(integerField(20, 5));
  if (rare === 4) return concat([integerField(21, 5), message(1, ...fields)]);
  return message(1, ...fields);
}

/** Rows, outcome and what the index then knows, of one request by one decoder. */
function decodeOnce(bytes: Uint8Array, index: SeriesIndex): unknown {
  const batch = new Batch();
  const outcome = attempt(() => decodeRemoteWrite(bytes, index, batch));
  return { outcome, rows: show(batch, index), series: index.seriesCount, shapes: [...index.lastShape] };
}

/** Another writer gives a series rows of another shape. */
function writeOtherField(index: SeriesIndex, ref: number): void {
  const shape = index.transition(index.rootShape(index.measurementOf(ref)), Buffer.from('other'), 0, 5, FLOAT);
  index.noteShape(ref, shape.id);
}

test.skipIf(!isBuilt)('recognises series as the twin decodes them', () => {
  const random = newRandom('remote-kernel decode');
  for (let history = 0; history < 30; history++) {
    const recognising = new SeriesIndex();
    const plain = new SeriesIndex();
    let order = Array.from({ length: 60 }, (_, id) => id);
    for (let round = 0; round < 25; round++) {
      if (random.below(4) === 0) order = order.toSorted(() => random.unit() - 0.5);
      const ids = random.below(3) === 0 ? order.filter(() => random.below(8) > 0) : order;
      const request = concat(ids.map((id) => randomSeries(random, id, 1767225600000 + round * 10_000)));
      if (random.below(6) === 0) request[random.below(request.length)] = random.below(256);
      const got = decodeOnce(unpackBody(pack(request), MIB), recognising);
      expect(got).toEqual(decodeOnce(request, plain));
      const ref = random.below(recognising.refLimit);
      if (random.below(8) === 0 && recognising.isLive(ref)) {
        for (const index of [recognising, plain]) writeOtherField(index, ref);
      }
      if (random.below(12) === 0) {
        for (const index of [recognising, plain]) {
          index.remove(Int32Array.of(ref));
          if (round % 2 === 0) index.releaseRemoved();
        }
      }
    }
  }
});

test.skipIf(!isBuilt)('takes more samples, and longer series, than its columns hold', () => {
  const ms = (i: number) => 1767225600000 + i * 1000;
  const samples = (count: number) => Array.from({ length: count }, (_, i) => ({ value: i, ms: ms(i) }));
  const series = [3000, 6000, 9000, 1, 8192].map(
    (count, id): EncodedSeries => ({ labels: labelsOf(10 + id), samples: samples(count) }),
  );
  const request = encodeRequest(series);
  const [recognising, plain] = [new SeriesIndex(), new SeriesIndex()];
  for (let round = 0; round < 2; round++) {
    expect(decodeOnce(unpackBody(pack(request), MIB), recognising)).toEqual(decodeOnce(request, plain));
  }
});

/** How often a request makes the decoder look a series up. */
function lookUps(request: Uint8Array, index: SeriesIndex): number {
  const find = vi.spyOn(index, 'find');
  const batch = new Batch();
  decodeRemoteWrite(unpackBody(pack(request), 4 * MIB), index, batch);
  const { length } = find.mock.calls;
  find.mockRestore();
  return length;
}

test.skipIf(!isBuilt)('looks no series up that comes where it came before', () => {
  const index = new SeriesIndex();
  const ids = Array.from({ length: 40 }, (_, i) => 10 + i).filter((id) => ![7, 9].includes(id % 20));
  const at = (ms: number) => encodeRequest(ids.map((id) => ({ labels: labelsOf(id), samples: [{ value: 1, ms }] })));
  expect(lookUps(at(1000), index)).toBeGreaterThan(ids.length - 1);
  // What comes after the last one is not known before it has come.
  expect(lookUps(at(2000), index)).toBe(1);
  expect(lookUps(at(3000), index)).toBe(0);
  index.remove(Int32Array.of(3));
  expect(lookUps(at(4000), index)).toBeGreaterThan(ids.length - 1);
  expect(lookUps(at(5000), index)).toBe(1);
});

test.skipIf(!isBuilt)('remembers as many series as it has room for, and others when those stay away', () => {
  const padding = 'p'.repeat(3000);
  const count = 1000;
  const request = (from: number) =>
    encodeRequest(
      Array.from({ length: count }, (_, i) => ({
        labels: [
          ['__name__', 'm'],
          ['id', `${from + i}`],
          ['padding', padding],
        ],
        samples: [{ value: i, ms: 1767225600000 }],
      })),
    );
  const index = new SeriesIndex();
  // 24 MiB hold some 8,000 of them.
  for (let set = 0; set < 9; set++) lookUps(request(set * count), index);
  expect(lookUps(request(0), index)).toBeLessThan(10);
  const last = request(8 * count);
  expect(lookUps(last, index)).toBeGreaterThan(count / 2);
  let rounds = 0;
  while (lookUps(last, index) > 10 && rounds < 100) rounds++;
  expect(rounds).toBeLessThan(100);
  expect(lookUps(request(0), index)).toBe(count);
});
