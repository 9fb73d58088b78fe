/** Asks remote read as Prometheus' clients do: the counterpart of what the server has. */
import { compressSync, uncompressSync } from 'snappy';
import { crc32c } from '../bytes/crc32c.ts';
import { MessageReader, MessageWriter } from '../query/remote-read/protobuf.ts';
import { decodeXorChunk } from '../query/remote-read/xor-chunk.ts';

export interface ReadQuestion {
  startMs: number;
  endMs: number;
  /** Matcher type (0 `=`, 1 `!=`, 2 `=~`, 3 `!~`), name and value. */
  matchers: [type: number, name: string, value: string][];
  func?: string;
}

export interface ReadSeries {
  /** `name=value` in the order sent. */
  labels: string[];
  timesMs: number[];
  /** The values' bits. */
  bits: bigint[];
  /** The chunks as sent; none when samples were. */
  chunks: Uint8Array[];
}

export const SAMPLES = 0;
export const STREAMED = 1;

/** A compressed `ReadRequest`. */
export function encodeReadRequest(
  questions: readonly ReadQuestion[],
  acceptedTypes: readonly number[],
): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter();
  for (const { startMs, endMs, matchers, func } of questions) {
    const query = writer.begin(1);
    writer.int64Field(1, startMs);
    writer.int64Field(2, endMs);
    for (const [type, name, value] of matchers) {
      const matcher = writer.begin(3);
      if (type !== 0) writer.int64Field(1, type);
      writer.textField(2, name);
      writer.textField(3, value);
      writer.end(matcher);
    }
    if (func !== undefined) {
      const hints = writer.begin(4);
      writer.textField(2, func);
      writer.end(hints);
    }
    writer.end(query);
  }
  for (const type of acceptedTypes) writer.int64Field(2, type);
  return Uint8Array.from(compressSync(Buffer.from(writer.take())));
}

export function postRead(url: string, body: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<Response> {
  const headers = {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-read-version': '0.1.0',
  };
  return fetch(`${url}/api/v1/read`, { method: 'POST', body, headers, signal });
}

/** The series by query, of a whole answer. */
export async function decodeSamples(response: Response): Promise<ReadSeries[][]> {
  const bytes = uncompressSync(Buffer.from(await response.arrayBuffer())) as Buffer;
  const results: ReadSeries[][] = [];
  eachField(new MessageReader(bytes), {
    1: (result) => {
      const list: ReadSeries[] = [];
      eachField(result.message(), { 1: (series) => void list.push(decodeSeries(series.message())) });
      results.push(list);
    },
  });
  return results;
}

function decodeSeries(reader: MessageReader): ReadSeries {
  const series: ReadSeries = { labels: [], timesMs: [], bits: [], chunks: [] };
  eachField(reader, {
    1: (label) => void series.labels.push(decodeLabel(label.message())),
    2: (field) => {
      let time = 0;
      let bits = 0n;
      eachField(field.message(), {
        1: (value) => {
          bits = value.fixed64().getBigUint64(0, true);
        },
        2: (value) => {
          time = value.int64();
        },
      });
      series.timesMs.push(time);
      series.bits.push(bits);
    },
  });
  return series;
}

/** The series by query, of a stream; every frame's checksum is checked, and a series over several frames is joined. */
export async function decodeStream(response: Response): Promise<{ results: ReadSeries[][]; frames: number }> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const results: ReadSeries[][] = [];
  let frames = 0;
  for (let at = 0; at < bytes.length; frames++) {
    let size = 0;
    for (let scale = 1; ; scale *= 128) {
      size += (bytes[at] & 127) * scale;
      if (bytes[at++] < 128) break;
    }
    const checksum = new DataView(bytes.buffer, at, 4).getUint32(0, false);
    const message = bytes.subarray(at + 4, at + 4 + size);
    at += 4 + size;
    if (crc32c(message) !== checksum) throw new Error(`frame ${frames} has a wrong checksum`);
    addFrame(results, message);
  }
  return { results, frames };
}

function addFrame(results: ReadSeries[][], message: Uint8Array): void {
  const parts: ReadSeries[] = [];
  let query = 0;
  eachField(new MessageReader(message), {
    1: (series) => void parts.push(decodeChunkedSeries(series.message())),
    2: (index) => {
      query = index.int64();
    },
  });
  while (results.length <= query) results.push([]);
  for (const part of parts) {
    const before = results[query].at(-1);
    if (before !== undefined && before.labels.join() === part.labels.join()) {
      before.timesMs.push(...part.timesMs);
      before.bits.push(...part.bits);
      before.chunks.push(...part.chunks);
    } else results[query].push(part);
  }
}

function decodeChunkedSeries(reader: MessageReader): ReadSeries {
  const series: ReadSeries = { labels: [], timesMs: [], bits: [], chunks: [] };
  eachField(reader, {
    1: (label) => void series.labels.push(decodeLabel(label.message())),
    2: (field) => {
      let type = 0;
      eachField(field.message(), {
        3: (value) => {
          type = value.varint();
        },
        4: (data) => {
          const chunk = data.bytesField().slice();
          const { timesMs, values } = decodeXorChunk(chunk);
          series.chunks.push(chunk);
          series.timesMs.push(...timesMs);
          series.bits.push(...new BigUint64Array(values.buffer));
        },
      });
      if (type !== 1) throw new Error(`chunk of encoding ${type}`);
    },
  });
  return series;
}

function decodeLabel(reader: MessageReader): string {
  let name = '';
  let value = '';
  eachField(reader, {
    1: (field) => {
      name = field.text();
    },
    2: (field) => {
      value = field.text();
    },
  });
  return `${name}=${value}`;
}

function eachField(reader: MessageReader, visit: Record<number, (reader: MessageReader) => void>): void {
  while (!reader.done) {
    const tag = reader.varint();
    const handle = visit[tag >>> 3];
    if (handle === undefined) reader.skip(tag);
    else handle(reader);
  }
}
