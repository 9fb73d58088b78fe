/**
 * Request bodies, from a raw Node request to bytes, within bounds: what comes over the wire, what it unpacks to, and
 * nothing read of what could not be taken. Compressed bodies are collected first; those that are small, packed and unpacked,
 * are unpacked in place, others on zlib's threads, a few at once. Both stop at the limit, and what is unpacked is told of as it
 * grows, so decompression bombs cost no more than bodies that come as they are.
 *
 * Buffers that arrive are pooled: `releaseBody` gives one back when nobody reads it any more. That is optional.
 */
import type { IncomingMessage } from 'node:http';
import zlib from 'node:zlib';
import { VarveError } from '../errors/errors.ts';
import { unpackSnappy } from './snappy-block.ts';

export interface BodyLimits {
  /** Bytes on the wire. */
  maxBodyBytes: number;
  /** Bytes once unpacked. */
  maxDecodedBytes: number;
  /** How long it may take until the next few KiB are there, ms; absent: for ever. */
  stallTimeoutMs?: number;
  /** Told how many bytes have arrived and been unpacked, while they do. What it throws refuses the body. */
  onArrival?: (bytes: number) => void;
}

const DEFAULT_BODY_LIMITS: Readonly<BodyLimits> = {
  maxBodyBytes: 64 << 20,
  maxDecodedBytes: 256 << 20,
};

export type BodyEncoding = 'identity' | 'gzip' | 'deflate' | 'zstd' | 'snappy';

/** What line protocol may come in. */
export const LINE_ENCODINGS: readonly BodyEncoding[] = ['identity', 'gzip', 'deflate', 'zstd'];

/** How much of a body has to arrive in each `stallTimeoutMs`. */
const MIN_PROGRESS_BYTES = 4 << 10;

/** Above this many compressed bytes, unpacking goes to another thread. */
const ASYNC_BYTES = 64 << 10;
/** So does what unpacks to more than this: some milliseconds of work. */
const MOST_IN_PLACE_BYTES = 2 << 20;
/** As many as zlib has threads; more would take memory and no less time. */
const UNPACKED_AT_ONCE = 4;

/**
 * Reads a request's whole body and unpacks it as its Content-Encoding says.
 *
 * After a rejection the rest of the body has not been read: answer with `Connection: close`.
 *
 * @param encodings those accepted; others are answered with 415.
 * @returns the bytes, which the caller owns. Unless empty, they lie in a buffer with a newline kept free after them, see
 * `endWithNewline`.
 * @throws VarveError body_too_large (413), bad_request (400: damaged or cut off), unsupported_media_type (415),
 * canceled (the client left), too_slow (408).
 */
export async function readBody(
  request: IncomingMessage,
  limits: Readonly<BodyLimits> = DEFAULT_BODY_LIMITS,
  encodings: readonly BodyEncoding[] = LINE_ENCODINGS,
): Promise<Uint8Array> {
  const encoding = bodyEncoding(request.headers['content-encoding'], encodings);
  const raw = await readPackedBody(request, limits);
  if (encoding === 'identity') {
    if (raw.length > limits.maxDecodedBytes) throw tooLarge(raw.length, limits.maxDecodedBytes);
    return raw;
  }
  const unpacked = await unpackBody(raw, encoding, limits);
  releaseBody(raw);
  return unpacked;
}

/** As `readBody`, but leaves the bytes as they came over the wire. */
export async function readPackedBody(request: IncomingMessage, limits: Readonly<BodyLimits>): Promise<Uint8Array> {
  const declared = Number(request.headers['content-length'] ?? -1);
  if (declared > limits.maxBodyBytes) throw tooLarge(declared, limits.maxBodyBytes);
  return await collect(request, declared, limits);
}

/** The one encoding that a Content-Encoding header names. @throws VarveError unsupported_media_type. */
export function bodyEncoding(header: string | undefined, encodings: readonly BodyEncoding[]): BodyEncoding {
  const names = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const real = names.filter((name) => name !== '' && name !== 'identity');
  const name = real.length === 0 ? 'identity' : real[0] === 'x-gzip' ? 'gzip' : real[0];
  const known = encodings.find((candidate) => candidate === name);
  if (real.length > 1 || known === undefined) {
    const what = real.length === 0 ? 'a body without Content-Encoding' : `Content-Encoding "${header}"`;
    throw new VarveError('unsupported_media_type', `cannot read ${what}: use ${encodings.join(', ')}`);
  }
  return known;
}

type Packed = Exclude<BodyEncoding, 'identity' | 'snappy'>;

const asynchronous = { gzip: zlib.createGunzip, deflate: zlib.createInflate, zstd: zlib.createZstdDecompress };
const synchronous = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync, zstd: zlib.zstdDecompressSync };

/** Unpacks bytes of an encoding within the limits. @throws VarveError body_too_large, bad_request; what `onArrival` throws. */
async function unpackBody(
  raw: Uint8Array,
  encoding: Exclude<BodyEncoding, 'identity'>,
  limits: Readonly<BodyLimits>,
): Promise<Uint8Array> {
  if (encoding === 'snappy') return unpackSnappy(raw, limits.maxDecodedBytes, allocate);
  try {
    const small = raw.length <= ASYNC_BYTES ? unpackInPlace(raw, encoding) : null;
    if (small === null) return await inTurn(raw, encoding, limits);
    if (small.length > limits.maxDecodedBytes) throw bomb(limits.maxDecodedBytes);
    return small;
  } catch (error) {
    if (error instanceof VarveError) throw error;
    throw new VarveError('bad_request', `cannot unpack ${encoding} body: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Null for what is too large for that. */
function unpackInPlace(raw: Uint8Array, encoding: Packed): Uint8Array | null {
  try {
    const chunkSize = Math.max(4096, raw.length * 4);
    const unpacked = synchronous[encoding](raw, { maxOutputLength: MOST_IN_PLACE_BYTES, chunkSize });
    return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw error;
  }
}

let unpacking = 0;
const waiting: (() => void)[] = [];

/** Unpacks on zlib's threads, when it is its turn. */
async function inTurn(raw: Uint8Array, encoding: Packed, limits: Readonly<BodyLimits>): Promise<Uint8Array> {
  while (unpacking >= UNPACKED_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  unpacking++;
  try {
    return await unpackElsewhere(raw, encoding, limits);
  } finally {
    unpacking--;
    waiting.shift()?.();
  }
}

async function unpackElsewhere(
  raw: Uint8Array,
  encoding: Packed,
  { maxDecodedBytes, onArrival }: Readonly<BodyLimits>,
): Promise<Uint8Array> {
  const unpacker = asynchronous[encoding]({ chunkSize: 1 << 20 });
  unpacker.end(raw);
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by an error ends the unpacker.
  for await (const part of unpacker as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > maxDecodedBytes) throw bomb(maxDecodedBytes);
    onArrival?.(raw.length + length);
    parts.push(part);
  }
  return gathered(parts, length);
}

function bomb(maxBytes: number): VarveError {
  return new VarveError('body_too_large', `cannot read body: it unpacks to more than ${maxBytes} bytes`);
}

/** Parts as one body. */
function gathered(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = allocate(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function tooSlow(stallTimeoutMs: number): VarveError {
  const text = `cannot read body: less than ${MIN_PROGRESS_BYTES} bytes arrived in ${stallTimeoutMs / 1000} s`;
  return new VarveError('too_slow', text);
}

function tooLarge(bytes: number, most: number): VarveError {
  return new VarveError('body_too_large', `cannot read body: ${bytes} bytes are more than ${most}`);
}

/**
 * The bytes with a newline at their end. Takes the byte that `readBody` left free if there is one; copies otherwise.
 */
export function endWithNewline(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || bytes[bytes.length - 1] === 10) return bytes;
  if (ownBuffers.has(bytes.buffer) && bytes.byteOffset + bytes.length < bytes.buffer.byteLength) {
    const longer = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length + 1);
    longer[bytes.length] = 10;
    return longer;
  }
  const copy = new Uint8Array(bytes.length + 1);
  copy.set(bytes);
  copy[bytes.length] = 10;
  return copy;
}

/** Free bytes after a body: its newline, and room for word-wise reads of its last line. */
const SLACK_BYTES = 16;
const MIN_POOLED_BYTES = 16 << 10;
const MAX_POOLED_BYTES = 8 << 20;
const MAX_POOLED_BUFFERS = 16;

const pool: ArrayBuffer[] = [];
/** Buffers made here and not yet given back. */
const ownBuffers = new WeakSet<ArrayBufferLike>();

function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  const need = bytes + SLACK_BYTES;
  const fit = pool.findIndex(
    (buffer) => buffer.byteLength >= need && buffer.byteLength <= 4 * Math.max(need, MIN_POOLED_BYTES),
  );
  const buffer =
    fit >= 0
      ? pool.splice(fit, 1)[0]
      : new ArrayBuffer(need < MIN_POOLED_BYTES ? need : Math.ceil(need / 65536) * 65536);
  ownBuffers.add(buffer);
  return new Uint8Array(buffer, 0, bytes);
}

/** Gives a body's buffer back for another body. The bytes must not be used afterwards. */
export function releaseBody(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || !ownBuffers.delete(buffer)) return;
  const { byteLength } = buffer;
  if (pool.length < MAX_POOLED_BUFFERS && byteLength >= MIN_POOLED_BYTES && byteLength <= MAX_POOLED_BYTES) {
    pool.push(buffer);
  }
}

/** All bytes of the request: into one buffer where the length is declared, gathered at the end where it is not. */
function collect(request: IncomingMessage, declared: number, limits: Readonly<BodyLimits>): Promise<Uint8Array> {
  const { maxBodyBytes: maxBytes, stallTimeoutMs, onArrival } = limits;
  return new Promise((resolve, reject) => {
    let lengthBefore = 0;
    // A body that trickles in holds memory that others need.
    const look = (): void => {
      if (length - lengthBefore < MIN_PROGRESS_BYTES) stop(tooSlow(stallTimeoutMs ?? 0));
      lengthBefore = length;
    };
    const timer = stallTimeoutMs === undefined ? undefined : setInterval(look, stallTimeoutMs);
    const known = declared >= 0 ? allocate(declared) : null;
    const chunks: Uint8Array[] = [];
    let length = 0;
    const stop = (error: VarveError): void => {
      clearInterval(timer);
      request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      request.on('error', ignore);
      request.pause();
      if (known !== null) releaseBody(known);
      reject(error);
    };
    const onData = (chunk: Uint8Array): void => {
      const after = length + chunk.length;
      if (after > maxBytes) stop(tooLarge(after, maxBytes));
      else if (!isAdmitted(after)) return;
      else if (known === null) chunks.push(chunk);
      else known.set(chunk, length);
      length = after;
    };
    const isAdmitted = (bytes: number): boolean => {
      try {
        onArrival?.(bytes);
        return true;
      } catch (error) {
        stop(error as VarveError);
        return false;
      }
    };
    const onEnd = (): void => {
      clearInterval(timer);
      // From here on the buffer is the caller's, whatever becomes of the connection.
      request.off('error', onError).off('close', onClose).on('error', ignore);
      if (known !== null) {
        resolve(length === known.length ? known : known.subarray(0, length));
        return;
      }
      resolve(gathered(chunks, length));
    };
    const onClose = (): void => stop(new VarveError('canceled', 'cannot read body: the client closed the connection'));
    const onError = (error: Error): void =>
      stop(new VarveError('canceled', `cannot read body: ${error.message}`, { cause: error }));
    if (request.destroyed && !request.readableEnded) onClose();
    else request.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

function ignore(): void {}
