/** The cpu workload as Prometheus would send it: remote write 1.0, one series per field, all tags as labels. */
import { compressSync } from 'snappy';
import { ByteWriter } from '../bytes/writer.ts';
import { concat, labelField } from '../ingest/remote-encoder.ts';
import { CPU_FIELDS, CPU_START_SEC, CPU_STEP_SEC, type CpuWorkload, cpuSeriesKeys, cpuWalk } from './cpu-workload.ts';

export const REMOTE_HEADERS = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
};

/** Numbers of fields and their wire types in a WriteRequest. */
const SERIES_FIELD = 0x0a;
const SAMPLE_FIELD = 0x12;
const VALUE_FIELD = 0x09;
const TIME_FIELD = 0x10;

/**
 * Bodies of `samplesPerBody` samples, in time order. A round of all series fills whole bodies, so a series is always in
 * the same one of a round.
 */
export function* remoteBodies(workload: CpuWorkload, samplesPerBody: number): Generator<{ body: Buffer }> {
  const labels = cpuSeriesKeys(workload).flatMap((key) => {
    const pairs = key
      .split(',')
      .slice(1)
      .map((pair) => pair.split('=') as [string, string])
      .sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return CPU_FIELDS.map((field) => {
      const all: [string, string][] = [['__name__', `cpu_${field}`], ...pairs];
      return concat(all.map(([name, value]) => labelField(name, value)));
    });
  });
  const walk = cpuWalk(workload);
  if (labels.length % samplesPerBody !== 0) throw new Error(`${labels.length} series do not fill ${samplesPerBody}`);
  const request = new ByteWriter(1 << 20);
  const sample = new ByteWriter(32);
  for (let sec = 0; sec < workload.seconds; sec += CPU_STEP_SEC) {
    const ms = (CPU_START_SEC + sec) * 1000;
    for (let from = 0; from < labels.length; from += samplesPerBody) {
      request.reset();
      for (let i = from; i < from + samplesPerBody; i++) {
        sample.reset();
        sample.u8(VALUE_FIELD);
        sample.f64(Math.trunc(walk.values[i]));
        sample.u8(TIME_FIELD);
        sample.varint(ms);
        request.u8(SERIES_FIELD);
        request.varint(labels[i].length + 2 + sample.length);
        request.raw(labels[i]);
        request.u8(SAMPLE_FIELD);
        request.blob(sample.view8());
      }
      yield { body: compressSync(Buffer.from(request.view8())) };
    }
    walk.step();
  }
}
