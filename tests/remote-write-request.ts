/** Builds Prometheus remote write 1.0 requests, plainly: the counterpart of the parser that the server has. */
import { compressSync } from 'snappy';
import { ByteWriter } from '../bytes/writer.ts';
import { encodeRequest } from '../ingest/remote-encoder.ts';
import type { Labels } from '../query/promql/labels.ts';

export interface RemoteSeries {
  labels: [name: string, value: string][];
  samples: { timeMs: number; value: number }[];
}

/** Series of a test, with stale markers. */
export interface WrittenSeries {
  labels: Labels;
  samples: readonly { timeMs: number; value: number | 'stale' }[];
}

const STALE_BITS = 0x7ff0000000000002n;
const SAMPLES_OF_REQUEST = 4000;

/** Remote-writes series to a server (its URL up to /api), by time, as a Prometheus takes them. */
export async function writeSeries(url: string, series: readonly WrittenSeries[]): Promise<void> {
  const rows = series
    .flatMap(({ labels, samples }) => {
      const pairs = labels.names.map((name, i): [string, string] => [name, labels.values[i]]);
      return samples.map(({ timeMs, value }) => ({ pairs, ms: timeMs, value: value === 'stale' ? STALE_BITS : value }));
    })
    .sort((a, b) => a.ms - b.ms);
  for (let i = 0; i < rows.length; i += SAMPLES_OF_REQUEST) {
    const part = rows.slice(i, i + SAMPLES_OF_REQUEST);
    const request = encodeRequest(part.map(({ pairs, ms, value }) => ({ labels: pairs, samples: [{ value, ms }] })));
    const response = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' },
      body: Uint8Array.from(compressSync(Buffer.from(request))),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`cannot write: ${response.status} ${text}`);
  }
}

/** A snappy-compressed WriteRequest. */
export function encodeRemoteWrite(series: readonly RemoteSeries[]): Uint8Array<ArrayBuffer> {
  const request = new ByteWriter();
  for (const one of series) field(request, 1, encodeSeries(one));
  return Uint8Array.from(compressSync(Buffer.from(request.take())));
}

function encodeSeries(series: RemoteSeries): Uint8Array {
  const writer = new ByteWriter();
  for (const [name, value] of series.labels) {
    const label = new ByteWriter();
    label.u8((1 << 3) | 2);
    label.text(name);
    label.u8((2 << 3) | 2);
    label.text(value);
    field(writer, 1, label.take());
  }
  for (const { timeMs, value } of series.samples) {
    const sample = new ByteWriter();
    sample.u8((1 << 3) | 1);
    sample.f64(value);
    sample.u8(2 << 3);
    signedVarint(sample, BigInt(timeMs));
    field(writer, 2, sample.take());
  }
  return writer.take();
}

function field(writer: ByteWriter, number: number, bytes: Uint8Array): void {
  writer.u8((number << 3) | 2);
  writer.blob(bytes);
}

/** int64 on the wire: two's complement in ten bytes when negative. */
function signedVarint(writer: ByteWriter, value: bigint): void {
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    writer.u8(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  writer.u8(Number(rest));
}
