/** Builds Prometheus remote write 1.0 requests, plainly: the counterpart of the parser that the server has. */
import { compressSync } from 'snappy';
import { ByteWriter } from '../bytes/writer.ts';

export interface RemoteSeries {
  labels: [name: string, value: string][];
  samples: { timeMs: number; value: number }[];
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
