/**
 * Samples per second and core of remote-write decoding through the real series index: of 1.0 with unpacking snappy, by the
 * kernel, and of both versions after it, in JavaScript.
 *
 *     node ingest/remote-write.bench.ts
 *
 * Requests of 5,000 series with one sample and eleven labels each, as Prometheus scraping the cpu workload would send
 * them; `shuffled` sends the series of each request in another order every time, so that none is foreseen.
 */
import snappy from 'snappy';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { cpuMs, newRandom } from './random.ts';
import { type EncodedSeries, encodeRequest, encodeRequest2 } from './remote-encoder.ts';
import { unpackBody } from './remote-kernel.ts';
import { decodeRemoteWrite } from './remote-write.ts';
import { decodeRemoteWrite2 } from './remote-write-2.ts';
import { unpackSnappy } from './snappy-block.ts';

const HOSTS = 500;
const ROUNDS = 60;
const FIELDS = ['user', 'system', 'idle', 'nice', 'iowait', 'irq', 'softirq', 'steal', 'guest', 'guest_nice'];
const random = newRandom('remote-write.bench', 1);

function cpuSeries(): EncodedSeries[] {
  const all: EncodedSeries[] = [];
  for (let host = 0; host < HOSTS; host++) {
    const region = random.pick(['us-west-1', 'us-east-1', 'eu-central-1', 'ap-southeast-2']);
    const labels: [string, string][] = [
      ['arch', random.pick(['x64', 'x86'])],
      ['datacenter', `${region}${random.pick(['a', 'b', 'c'])}`],
      ['hostname', `host_${host}`],
      ['os', random.pick(['Ubuntu15.10', 'Ubuntu16.04LTS'])],
      ['rack', String(random.below(100))],
      ['region', region],
      ['service', String(random.below(20))],
      ['service_environment', random.pick(['staging', 'production'])],
      ['service_version', String(random.below(2))],
      ['team', random.pick(['NYC', 'LON', 'CHI', 'SF'])],
    ];
    for (const field of FIELDS) all.push({ labels: [['__name__', `cpu_usage_${field}`], ...labels], samples: [] });
  }
  return all;
}

function measure(what: string, requests: Uint8Array[], decode: typeof decodeRemoteWrite): void {
  const index = new SeriesIndex();
  const batch = new Batch();
  let total = 0;
  let samples = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    samples = 0;
    const start = cpuMs();
    for (const request of requests) {
      batch.reset();
      samples += decode(request, index, batch).samples;
    }
    const ms = cpuMs() - start;
    if (round === 0) console.log(`${what.padEnd(22)} first, ${index.seriesCount} new series: ${ms.toFixed(0)} ms`);
    else total += ms;
  }
  const ms = total / ROUNDS;
  const bytes = requests.reduce((sum, request) => sum + request.length, 0);
  console.log(
    `${what.padEnd(22)} ${(samples / ms / 1e3).toFixed(2)} M samples/s  ${(bytes / ms / 1e3).toFixed(0)} MB/s  ${(bytes / samples).toFixed(0)} B/sample`,
  );
}

const series = cpuSeries();
const at = (order: EncodedSeries[], round: number): EncodedSeries[] =>
  order.map(({ labels }) => ({ labels, samples: [{ value: random.below(101), ms: 1767225600000 + round * 10000 }] }));
const ordered = Array.from({ length: 8 }, (_, round) => at(series, round));
const shuffled = ordered.map((one) => one.toSorted(() => random.unit() - 0.5));

measure(
  '1.0',
  ordered.map((one) => encodeRequest(one)),
  decodeRemoteWrite,
);
measure(
  '1.0, shuffled',
  shuffled.map((one) => encodeRequest(one)),
  decodeRemoteWrite,
);
measure('2.0', ordered.map(encodeRequest2), decodeRemoteWrite2);
measure('2.0, shuffled', shuffled.map(encodeRequest2), decodeRemoteWrite2);

const packed = ordered.map((one) => snappy.compressSync(encodeRequest(one)));
const decodePacked: typeof decodeRemoteWrite = (block, index, batch) =>
  decodeRemoteWrite(unpackBody(block, 1 << 28), index, batch);
measure('1.0, packed', packed, decodePacked);
measure(
  '1.0, packed, shuffled',
  shuffled.map((one) => snappy.compressSync(encodeRequest(one))),
  decodePacked,
);
const start = cpuMs();
for (let round = 0; round < ROUNDS; round++) for (const block of packed) unpackSnappy(block, 1 << 28);
const ms = (cpuMs() - start) / ROUNDS;
console.log(`unpacking snappy       ${((packed.length * series.length) / ms / 1e3).toFixed(2)} M samples/s`);
