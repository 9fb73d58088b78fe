import { randomBytes } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import zlib from 'node:zlib';
import snappy from 'snappy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VarveError } from '../errors/errors.ts';
import {
  type BodyEncoding,
  type BodyLimits,
  bodyEncoding,
  endWithNewline,
  LINE_ENCODINGS,
  readBody,
  releaseBody,
} from './body.ts';
import { unpackSnappy } from './snappy-block.ts';

const LIMITS: BodyLimits = { maxBodyBytes: 1 << 20, maxDecodedBytes: 4 << 20 };

let handler: (request: IncomingMessage) => Promise<unknown>;
const server = createServer((request, response) => {
  handler(request).then(
    (answer) => response.end(JSON.stringify(answer)),
    (error: Error) => {
      response.writeHead(error instanceof VarveError ? error.status : 500, { connection: 'close' });
      response.end(error.message);
    },
  );
});
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

/** Posts chunks and resolves to status and text of the answer. */
function post(
  chunks: Uint8Array[],
  headers: Record<string, string | number>,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}

/** Answers with the length and a sum of what was read. */
function echo(encodings?: readonly BodyEncoding[]): void {
  handler = async (request) => {
    const bytes = await readBody(request, LIMITS, encodings);
    const answer = { length: bytes.length, text: Buffer.from(bytes).toString('latin1') };
    releaseBody(bytes);
    return answer;
  };
}

const text = Buffer.from('cpu v=1 1\n'.repeat(20000));

describe('readBody', () => {
  test('reads plain bodies, with and without a declared length, repeatedly from the pool', async () => {
    echo();
    for (let i = 0; i < 3; i++) {
      const declared = await post([text], { 'content-length': text.length });
      expect(JSON.parse(declared.text)).toEqual({ length: text.length, text: text.toString() });
      const chunked = await post([text.subarray(0, 5), text.subarray(5, 100000), text.subarray(100000)], {});
      expect(JSON.parse(chunked.text)).toEqual({ length: text.length, text: text.toString() });
    }
    expect(JSON.parse((await post([], {})).text)).toEqual({ length: 0, text: '' });
  });

  test('unpacks each encoding, small and large', async () => {
    const pack = {
      gzip: zlib.gzipSync,
      deflate: zlib.deflateSync,
      zstd: zlib.zstdCompressSync,
      snappy: (bytes: Uint8Array) => snappy.compressSync(bytes),
    };
    const noise = Buffer.alloc(300000);
    for (let i = 0; i < noise.length; i++) noise[i] = (i * i * 31 + (i >> 3)) & 255;
    for (const [name, packer] of Object.entries(pack)) {
      echo([...LINE_ENCODINGS, 'snappy']);
      for (const original of [text, noise, Buffer.alloc(0)]) {
        const answer = await post([packer(original)], { 'content-encoding': name });
        expect(answer.status).toBe(200);
        expect(JSON.parse(answer.text).text === original.toString('latin1'), name).toBe(true);
      }
    }
  });

  test('reads gzip members one after another, as a concatenated file has them', async () => {
    echo();
    const body = Buffer.concat([zlib.gzipSync('a v=1\n'), zlib.gzipSync('b v=2\n')]);
    const answer = await post([body], { 'content-encoding': 'gzip' });
    expect(JSON.parse(answer.text).text).toBe('a v=1\nb v=2\n');
  });

  test('refuses more than the limit, declared or found out while reading', async () => {
    echo();
    const big = Buffer.alloc(LIMITS.maxBodyBytes + 1);
    const declared = await post([], { 'content-length': big.length, connection: 'close' }).catch(() => null);
    if (declared !== null) expect(declared.status).toBe(413);
    handler = (request) => readBody(request, { maxBodyBytes: 1000, maxDecodedBytes: 10000 });
    const chunked = await post([Buffer.alloc(800), Buffer.alloc(800)], {});
    expect(chunked).toEqual({ status: 413, text: expect.stringContaining('bytes are more than 1000') });
  });

  test('stops a decompression bomb at the limit, in every encoding', async () => {
    const bomb = Buffer.alloc(LIMITS.maxDecodedBytes + 1);
    echo([...LINE_ENCODINGS, 'snappy']);
    for (const [name, packed] of Object.entries({
      gzip: zlib.gzipSync(bomb),
      deflate: zlib.deflateSync(bomb),
      zstd: zlib.zstdCompressSync(bomb),
      snappy: snappy.compressSync(bomb),
    })) {
      const answer = await post([packed], { 'content-encoding': name });
      expect(answer.status, name).toBe(413);
      expect(answer.text).toContain('more than 4194304');
    }
    // A length that the block cannot hold is not believed.
    expect(() => unpackSnappy(Uint8Array.of(0xff, 0xff, 0x7f, 0), 1 << 24)).toThrow('4 bytes cannot hold 2097151');
    expect(() => unpackSnappy(new Uint8Array(0), 100)).toThrow('does not begin with a length');
    expect(() => unpackSnappy(Uint8Array.of(4, 0xff, 1), 100)).toThrow('cannot unpack snappy body');
  });

  test('what is unpacked is told of while it grows, and only a few bodies grow at once', async () => {
    const size = LIMITS.maxDecodedBytes;
    const packed = zlib.gzipSync(Buffer.alloc(size));
    const growing = new Map<IncomingMessage, number>();
    let most = 0;
    handler = async (request) => {
      const onArrival = (bytes: number) => {
        if (bytes <= packed.length) return;
        expect(bytes).toBeGreaterThan(growing.get(request) ?? 0);
        growing.set(request, bytes);
        most = Math.max(most, growing.size);
      };
      const body = await readBody(request, { ...LIMITS, onArrival });
      expect(growing.get(request)).toBe(packed.length + size);
      growing.delete(request);
      return body.length;
    };
    const answers = await Promise.all(Array.from({ length: 20 }, () => post([packed], { 'content-encoding': 'gzip' })));
    expect(answers).toEqual(Array(20).fill({ status: 200, text: String(size) }));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(10);
  });

  test('who is told that there is no room for more stops the unpacking', async () => {
    let told = 0;
    handler = (request) =>
      readBody(request, {
        ...LIMITS,
        onArrival: (bytes) => {
          told = bytes;
          if (bytes > 2 << 20) throw new VarveError('overloaded', 'no room');
        },
      });
    for (const encoding of ['gzip', 'deflate', 'zstd'] as const) {
      const pack = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, zstd: zlib.zstdCompressSync }[encoding];
      const answer = await post([pack(Buffer.alloc(LIMITS.maxDecodedBytes))], { 'content-encoding': encoding });
      expect(answer).toEqual({ status: 503, text: 'no room' });
      expect(told).toBeLessThan(LIMITS.maxDecodedBytes);
    }
  });

  test('damaged and cut-off bodies are the client’s fault', async () => {
    echo();
    const large = zlib.gzipSync(randomBytes(300_000));
    const half = large.subarray(0, large.length >> 1);
    expect(half.length).toBeGreaterThan(64 << 10);
    for (const body of [Buffer.from('no gzip at all'), zlib.gzipSync(text).subarray(0, 60), half]) {
      const answer = await post([body], { 'content-encoding': 'gzip' });
      expect(answer.status).toBe(400);
      expect(answer.text).toMatch(/^cannot unpack gzip body: /);
    }
  });

  test('an unknown encoding is 415', async () => {
    echo();
    for (const name of ['br', 'snappy', 'gzip, gzip', 'constructor']) {
      const answer = await post([text], { 'content-encoding': name });
      expect(answer.status, name).toBe(415);
    }
    expect(bodyEncoding(' GZip ', LINE_ENCODINGS)).toBe('gzip');
    expect(bodyEncoding('identity', LINE_ENCODINGS)).toBe('identity');
    expect(bodyEncoding('identity, gzip', LINE_ENCODINGS)).toBe('gzip');
    expect(() => bodyEncoding(undefined, ['snappy'])).toThrow('without Content-Encoding');
  });

  test('a client that leaves in the middle rejects as canceled', async () => {
    const outcome = new Promise<unknown>((resolve) => {
      handler = async (request) => {
        try {
          resolve(await readBody(request, LIMITS));
        } catch (error) {
          resolve(error);
        }
      };
    });
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc');
      setTimeout(() => socket.destroy(), 20);
    });
    const error = await outcome;
    expect(error).toBeInstanceOf(VarveError);
    expect((error as VarveError).code).toBe('canceled');
  });

  test('endWithNewline appends in place where there is room', async () => {
    handler = async (request) => {
      const bytes = await readBody(request, LIMITS);
      const ended = endWithNewline(bytes);
      return { same: ended.buffer === bytes.buffer, text: Buffer.from(ended).toString() };
    };
    expect(JSON.parse((await post([Buffer.from('a v=1')], {})).text)).toEqual({ same: true, text: 'a v=1\n' });
    expect(endWithNewline(Uint8Array.of(97))).toEqual(Uint8Array.of(97, 10));
    expect(endWithNewline(Uint8Array.of(10))).toEqual(Uint8Array.of(10));
    expect(endWithNewline(new Uint8Array(0)).length).toBe(0);
  });
});

test('a connection that breaks when the body is whole does not give the buffer to another body', async () => {
  const bodies: Uint8Array[] = [];
  handler = async (request) => {
    const body = await readBody(request, LIMITS);
    request.emit('error', new Error('the connection broke'));
    bodies.push(body);
    return null;
  };
  for (const fill of [1, 2]) await post([new Uint8Array(100_000).fill(fill)], { 'content-length': 100_000 });
  expect(bodies[0].buffer).not.toBe(bodies[1].buffer);
  expect(bodies.map((body) => body.every((byte) => byte === body[0]) && body[0])).toEqual([1, 2]);
});
