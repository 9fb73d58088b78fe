/**
 * Answers packed as the client accepts: zstd, gzip or deflate, by its preferences and in this order where it has none.
 *
 * An answer of known length is packed in one go, a small one at once and a large one on a thread of zlib's; one that is
 * produced as it is sent is packed as it goes. What is packed already, or too small to gain, stays as it is.
 */
import { pipeline, Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

export type AnswerEncoding = 'zstd' | 'gzip' | 'deflate';

const ENCODINGS: readonly AnswerEncoding[] = ['zstd', 'gzip', 'deflate'];

/** Below this many bytes the headers cost what packing gains. */
const SMALLEST_BYTES = 1024;

/** Above this many bytes packing goes to another thread. */
const ASYNC_BYTES = 64 << 10;

/** What is worth packing. Protobuf answers come packed by their own protocols. */
const PACKABLE = /^(?:application\/(?:json|csv|javascript|openmetrics-text)|text\/)/;

/** JSON of numbers packs to nearly the same size at every level; the low ones are several times as fast. */
const LEVEL = 3;

const packNow = {
  zstd: (bytes: Uint8Array) => zlib.zstdCompressSync(bytes),
  gzip: (bytes: Uint8Array) => zlib.gzipSync(bytes, { level: LEVEL }),
  deflate: (bytes: Uint8Array) => zlib.deflateSync(bytes, { level: LEVEL }),
};

const zstd = promisify<Uint8Array, Buffer>(zlib.zstdCompress);
const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);
const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflate);

const packLater = {
  zstd,
  gzip: (bytes: Uint8Array) => gzip(bytes, { level: LEVEL }),
  deflate: (bytes: Uint8Array) => deflate(bytes, { level: LEVEL }),
};

const packer = {
  zstd: () => zlib.createZstdCompress(),
  gzip: () => zlib.createGzip({ level: LEVEL }),
  deflate: () => zlib.createDeflate({ level: LEVEL }),
};

/** The encoding to use for an Accept-Encoding header; null for none. */
export function chooseEncoding(header: string | null): AnswerEncoding | null {
  if (header === null) return null;
  const qualities = new Map<string, number>();
  for (const part of header.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map((text) => text.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    qualities.set(name, quality === undefined ? 1 : Number(quality.slice(2)) || 0);
  }
  const rest = qualities.get('*') ?? 0;
  let best: AnswerEncoding | null = null;
  // An answer as it is counts as accepted unless the header says otherwise, but never as preferred by its silence.
  let bestQuality = qualities.get('identity') ?? 0;
  for (const encoding of ENCODINGS) {
    const quality = qualities.get(encoding) ?? rest;
    if (quality > 0 && (quality > bestQuality || (best === null && quality === bestQuality))) {
      best = encoding;
      bestQuality = quality;
    }
  }
  return best;
}

/** How a body of this many bytes is to be packed for a client; null: not at all. */
export function bodyEncodingFor(bytes: number, acceptEncoding: string | undefined): AnswerEncoding | null {
  return acceptEncoding === undefined || bytes < SMALLEST_BYTES ? null : chooseEncoding(acceptEncoding);
}

/** Packs a whole body. */
export function packBytes(bytes: Uint8Array, encoding: AnswerEncoding): Buffer | Promise<Buffer> {
  return (bytes.length <= ASYNC_BYTES ? packNow : packLater)[encoding](bytes);
}

/** The answer as the client accepts it. */
export async function packAnswer(response: Response, acceptEncoding: string | null): Promise<Response> {
  const { headers, body, status } = response;
  if (body === null || headers.has('content-encoding') || !PACKABLE.test(headers.get('content-type') ?? '')) {
    return response;
  }
  const packedHeaders = new Headers(headers);
  packedHeaders.append('vary', 'Accept-Encoding');
  const encoding = chooseEncoding(acceptEncoding);
  const length = headers.get('content-length');
  if (encoding === null || (length !== null && Number(length) < SMALLEST_BYTES)) {
    return new Response(body, { status, headers: packedHeaders });
  }
  packedHeaders.set('content-encoding', encoding);
  if (length === null) {
    const packed = packer[encoding]();
    // What goes wrong on either side ends both: a client that has gone stops the answer from being made, and an answer that
    // cannot be made whole is cut off. Without somebody to tell, an error of a stream would end the process.
    pipeline(Readable.fromWeb(body as NodeReadableStream), packed, () => {});
    return new Response(Readable.toWeb(packed) as ReadableStream<Uint8Array>, { status, headers: packedHeaders });
  }
  const packed = await packBytes(new Uint8Array(await response.arrayBuffer()), encoding);
  packedHeaders.set('content-length', String(packed.length));
  return new Response(new Uint8Array(packed), { status, headers: packedHeaders });
}
